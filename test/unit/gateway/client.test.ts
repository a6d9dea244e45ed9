import { expect } from "chai";
import { network } from "hardhat";

import { BusError, GatewayError, openGatewayClient, publicMove, vmOf } from "../../../src/index.js";
import type { Gateway } from "../../../src/gateway/gateway.js";
import { type GatewayFederation, gatewayFederation, gatewayOf } from "../../fixtures/gateway.js";
import { agreementFor, signaturesOf } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

const URI = "https://cloud-1.example";

/** Runs with the gateway of cloud 1 listening. */
async function withGateway(use: (found: GatewayFederation, base: string, gateway: Gateway) => Promise<void>) {
  const found = await networkHelpers.loadFixture(gatewayFederation);
  const gateway = await gatewayOf(found, 1);
  try {
    await use(found, await gateway.listen("127.0.0.1", 0), gateway);
  } finally {
    await gateway.close();
  }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (thrown) {
    return thrown;
  }
}

describe("openGatewayClient", function () {
  it("signs in once, and acts, asks and reads", async function () {
    await withGateway(async (found, base, gateway) => {
      const [one, two] = found.members;
      const client = openGatewayClient(base, found.agents[0], { uri: URI });
      const agreement = await agreementFor(found, { home: one, source: one, destination: two }, [found.vms.atHome]);
      const document = { agreement, startBy: agreement.agreeBy, completeBy: agreement.agreeBy + 60_000n };
      const signatures = await signaturesOf(found, "Move", document, one, two);

      const sent = await client.act("agree", { document: publicMove(document), signatures }, "a");
      expect(sent.events.map(({ name }) => name)).to.deep.equal(["MoveAgreed"]);
      expect(await client.act("agree", { document: publicMove(document), signatures }, "a")).to.deep.equal(sent);
      const { state } = (await client.ask("vmOf", { vm: found.vms.atHome })) as { readonly state: number };
      expect(state).to.equal((await vmOf(found.federation, found.vms.atHome)).state);
      await gateway.context.index.sync();
      expect(await client.read(`/v1/vms/${found.vms.atHome}?minBlock=${sent.blockNumber}`)).to.have.nested.property(
        "item.state",
        "Agreed",
      );
      const metrics = await gateway.context.metrics.read();
      expect(metrics).to.match(/blockchainbus_tokens_total\{cloud="1"\} 1/);
    });
  });

  it("GATEWAY: what the gateway refuses, with its problem document", async function () {
    await withGateway(async (found, base) => {
      const client = openGatewayClient(base, found.agents[0], { uri: URI });
      const thrown = await failureOf(client.act("stop", { vm: found.vms.started }));
      expect(thrown).to.be.instanceOf(GatewayError);
      const { code, problem } = thrown as GatewayError;
      expect([code, problem.error, problem.status]).to.deep.equal(["GATEWAY", "MigrationLedger_WrongState", 422]);
    });
  });

  it("FORBIDDEN: signs nothing for another place than the one it was told", async function () {
    await withGateway(async (found, base) => {
      let signed = 0;
      const key = found.agents[0];
      const watched = new Proxy(key, {
        get: (target, name) => {
          if (name === "signMessage") signed += 1;
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === "function" ? (member.bind(target) as unknown) : member;
        },
      });
      const thrown = await failureOf(openGatewayClient(base, watched).read("/v1/vms"));
      expect(thrown).to.be.instanceOf(BusError).and.have.property("code", "FORBIDDEN");
      expect(signed).to.equal(0);
    });
  });
});
