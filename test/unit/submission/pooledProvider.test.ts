import { expect } from "chai";
import { network } from "hardhat";

import { BusError, providerExchange } from "../../../src/index.js";
import { asRevert } from "../../../src/errors/revert.js";
import { PooledProvider } from "../../../src/submission/pooledProvider.js";
import type { RpcNode } from "../../../src/submission/rpcPool.js";
import { seededKey } from "../../fixtures/gateway.js";
import { emptyFederation } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

/** The code of what a promise rejects with. */
async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (thrown) {
    return thrown instanceof BusError ? thrown.code : String(thrown);
  }
}

describe("PooledProvider", function () {
  const silent = (): Promise<string> => Promise.reject(new Error("connect ECONNREFUSED"));

  const setUp = async () => {
    const { federation } = await networkHelpers.loadFixture(emptyFederation);
    const living: RpcNode = { name: "lives", exchange: providerExchange(federation.provider) };
    return { federation, chain: federation.addressBook, living };
  };

  it("goes on with another node when the one in use dies", async function () {
    const { federation, chain, living } = await setUp();
    let isDead = false;
    const dying: RpcNode = { name: "dies", exchange: (text) => (isDead ? silent() : living.exchange(text)) };
    const provider = new PooledProvider([dying, living], chain);
    const { MigrationLedger } = chain.contracts;
    const code = await federation.provider.getCode(MigrationLedger);
    expect(await provider.getCode(MigrationLedger)).to.equal(code);
    isDead = true;
    expect(await provider.getCode(MigrationLedger)).to.equal(code);
    expect(await provider.getBlockNumber()).to.equal(await federation.provider.getBlockNumber());
    provider.destroy();
  });

  it("NO_NODE: says so when none answers", async function () {
    const { chain } = await setUp();
    const provider = new PooledProvider([{ name: "dead", exchange: silent }], chain);
    expect(await codeOf(provider.send("eth_blockNumber", []))).to.equal("NO_NODE");
    provider.destroy();
  });

  it("WRONG_GENESIS, UNKNOWN_CHAIN: listens to no node of another chain", async function () {
    const { chain, living } = await setUp();
    const other = new PooledProvider([living], { ...chain, genesisHash: `0x${"12".repeat(32)}` });
    expect(await codeOf(other.getBlockNumber())).to.equal("WRONG_GENESIS");
    const elsewhere = new PooledProvider([living], { ...chain, chainId: "7" });
    expect(await codeOf(elsewhere.getBlockNumber())).to.equal("UNKNOWN_CHAIN");
    other.destroy();
    elsewhere.destroy();
  });

  it("hands a contract's refusal on with its name and arguments", async function () {
    const { federation, chain, living } = await setUp();
    const provider = new PooledProvider([living], chain);
    const from = seededKey("nobody").address;
    const data = federation.registry.interface.encodeFunctionData("suspendSelf", [1]);
    try {
      await provider.call({ to: chain.contracts.CloudRegistry, from, data });
      expect.fail("was not refused");
    } catch (thrown) {
      expect(asRevert(thrown)).to.include({ errorName: "CloudRegistry_NotAuthorized" });
    }
    provider.destroy();
  });
});
