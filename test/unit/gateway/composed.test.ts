import { expect } from "chai";
import { JsonRpcProvider, Wallet, getAddress } from "ethers";

import { type AddressBook, CONTRACT_NAMES } from "../../../src/chain/addressBook.js";
import { type SaltedMetrics, saltedMetricsHash } from "../../../src/index.js";
import { connectFederation } from "../../../src/chain/federation.js";
import { CONTRACT_INTERFACES } from "../../../src/event-index/abi.js";
import { ACTIONS } from "../../../src/gateway/actions.js";
import { API_SCHEMAS } from "../../../src/gateway/operations.js";
import { decode } from "../../../src/gateway/schema.js";
import { COMPOSED_BODIES } from "../../fixtures/composedActions.js";
import { toJson } from "../../fixtures/gateway.js";
import { bodyChecker } from "../../fixtures/openApi.js";

const BOOK: AddressBook = {
  chainId: "1337",
  genesisHash: `0x${"00".repeat(32)}`,
  contracts: Object.fromEntries(
    CONTRACT_NAMES.map((name, index) => [name, getAddress(`0x${String(index + 1).padStart(40, "0")}`)]),
  ) as AddressBook["contracts"],
};

/** What an action would send, by a node that goes no further. */
async function sentBy(name: string, body: object): Promise<{ to: string; data: string }> {
  const action = ACTIONS.find((one) => one.name === name);
  if (!action) throw new Error(`no action ${name}`);
  const calls: { to: string; data: string }[] = [];
  const provider = new JsonRpcProvider("http://127.0.0.1:1", 1337, { staticNetwork: true });
  provider.send = (_method: string, params: unknown[]) => {
    calls.push(params[0] as { to: string; data: string });
    return Promise.reject(new Error("no further"));
  };
  const signer = new Wallet(`0x${"42".repeat(32)}`);
  const federation = connectFederation(provider, BOOK, signer);
  const params = decode(action.params, JSON.parse(toJson(body)), API_SCHEMAS) as { readonly [name: string]: unknown };
  await action.run(federation, params, {}).catch(() => undefined);
  provider.destroy();
  expect(calls, name).to.have.length(1);
  return calls[0]!;
}

describe("actions of which the library puts arguments together", function () {
  for (const [name, { body, sent }] of Object.entries(COMPOSED_BODIES)) {
    it(`${name}: the body is valid, and what is sent is the contract's call`, async function () {
      expect(bodyChecker(`/v1/actions/${name}`)(JSON.parse(toJson(body)))).to.equal(undefined);
      const action = ACTIONS.find((one) => one.name === name)!;
      const { to, data } = await sentBy(name, body);
      expect(to).to.equal(BOOK.contracts[action.contract]);
      expect(data).to.equal(CONTRACT_INTERFACES[action.contract].encodeFunctionData(action.calls, sent));
    });
  }

  it("reportAgreed: whole or by the hashes of the metrics, the same is sent", async function () {
    const { opening } = (COMPOSED_BODIES.postResults!.body as { results: { opening: SaltedMetrics }[] }).results[0]!;
    const report = { vm: `0x${"12".repeat(32)}`, sequence: 1, window: 2, metrics: opening };
    const hashed = { ...report, metrics: saltedMetricsHash(opening) };
    const whole = await sentBy("reportAgreed", { reports: [report], signatures: [] });
    expect(await sentBy("reportAgreed", { reports: [hashed], signatures: [] })).to.deep.equal(whole);
  });
});
