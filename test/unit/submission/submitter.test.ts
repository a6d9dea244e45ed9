import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { id as hashOf } from "ethers";
import { network } from "hardhat";

import {
  BusError,
  Outbox,
  RevertError,
  Submitter,
  type SubmitterOptions,
  asSender,
  eventOf,
  gasLimitFor,
  providerExchange,
  register,
  withSubmitter,
} from "../../../src/index.js";
import { SMALL } from "../../fixtures/library.js";
import { MODEL_CHAIN, ModelChain, ModelKey, NodeError } from "../../fixtures/modelChain.js";
import { proxyTo } from "../../fixtures/faultyProxy.js";
import { keyFederation } from "../../fixtures/submission.js";
import { VirtualTime } from "../../fixtures/virtualTime.js";

const { networkHelpers } = await network.create();

const TO = "0x00000000000000000000000000000000000000aa";
const DONE = { to: TO, data: "0x01", gasLimit: 21_000n, name: "act" };

/** A submitter on a model chain whose time is virtual. */
function setUp(options: Partial<SubmitterOptions> = {}, nodes = 1) {
  const time = new VirtualTime();
  const chain = new ModelChain(time, nodes);
  const key = new ModelKey(hashOf("sender"));
  const submitter = new Submitter({
    chain: MODEL_CHAIN,
    nodes: Array.from({ length: nodes }, (_node, index) => ({
      name: `node ${index}`,
      exchange: proxyTo(chain, index, time, () => undefined),
    })),
    outbox: ":memory:",
    clock: time,
    ...options,
  });
  /** What a promise comes to while time passes. */
  const soon = async <T>(promise: Promise<T>, limitMs = 120_000): Promise<T> => {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    promise.then(over, over);
    await time.runUntil(() => isOver, limitMs);
    return promise;
  };
  const codeOf = (promise: Promise<unknown>, limitMs?: number) =>
    soon(promise, limitMs).then(
      () => "none",
      (thrown: unknown) => (thrown instanceof BusError ? thrown.code : String(thrown)),
    );
  return { time, chain, key, submitter, soon, codeOf };
}

describe("Submitter", function () {
  describe("submit", function () {
    it("needs three calls for each record, once it knows the nonce and hears of heads", async function () {
      const { submitter, key, soon } = setUp();
      const first = await soon(submitter.submit(key, DONE));
      await soon(submitter.settled(first.id));
      const before = submitter.rpc;
      const second = await soon(submitter.submit(key, { ...DONE, data: "0x02" }));
      await soon(submitter.settled(second.id));
      // Without a subscription there are the questions for the head, in the block's own time, in addition.
      expect(submitter.rpc.calls - before.calls).to.be.at.most(3 + 45);
      await submitter.close();
    });

    it("answers a known id with what became of it, and refuses it for another call", async function () {
      const { submitter, chain, key, soon, codeOf } = setUp();
      const [one, two] = await soon(
        Promise.all([submitter.submit(key, DONE, { id: "a" }), submitter.submit(key, DONE, { id: "a" })]),
      );
      expect(one.nonce).to.equal(two.nonce);
      await soon(submitter.settled("a"));
      expect((await soon(submitter.submit(key, DONE, { id: "a" }))).state).to.equal("final");
      expect(chain.effects.get("0x01")).to.equal(1);
      expect(await codeOf(submitter.submit(key, { ...DONE, data: "0x02" }, { id: "a" }))).to.equal(
        "SUBMISSION_CONFLICT",
      );
      await submitter.close();
    });

    it("keeps no more on their way than the window allows", async function () {
      const { submitter, time, key, soon } = setUp({ window: 3 });
      await soon(
        Promise.all(
          [1, 2, 3, 4, 5].map((each) => submitter.submit(key, { ...DONE, data: `0x0${each}` }, { id: `${each}` })),
        ),
      );
      expect(submitter.counts()).to.include({ sent: 3, queued: 2 });
      await soon(Promise.all([1, 2, 3, 4, 5].map((each) => submitter.settled(`${each}`))));
      expect(submitter.list("final").map(({ nonce }) => nonce)).to.deep.equal([4, 3, 2, 1, 0]);
      expect(submitter.nextHeadAt).to.be.within(time.now(), time.now() + 1_100);
      expect(() => setUp({ window: 129 }))
        .to.throw(BusError)
        .with.property("code", "OUTBOX");
      await submitter.close();
    });

    it("waits in the outbox while no node answers", async function () {
      let isDown = true;
      const time = new VirtualTime();
      const chain = new ModelChain(time, 1);
      const way = proxyTo(chain, 0, time, () => undefined);
      const exchange = (text: string) => (isDown ? Promise.reject(new Error("ECONNREFUSED")) : way(text));
      const troubles: unknown[] = [];
      const { submitter, key } = setUp({
        clock: time,
        nodes: [{ name: "node", exchange }],
        onTrouble: (trouble) => troubles.push(trouble),
      });
      let taken: string | undefined;
      void submitter.submit(key, DONE, { id: "a" }).then(({ state }) => (taken = state));
      await time.runUntil(() => taken !== undefined, 10_000);
      expect(taken).to.equal("queued");
      expect(troubles[0]).to.be.instanceOf(BusError).with.property("code", "NO_NODE");
      isDown = false;
      await time.runUntil(() => submitter.find("a")?.state === "final", 30_000);
      await submitter.close();
    });

    it("reports failed what every node refuses for good, and goes on with its nonce", async function () {
      const { chain, key, submitter, soon } = setUp({}, 2);
      const answer = chain.answer.bind(chain);
      let isRefusing = true;
      chain.answer = (node, method, params) => {
        if (isRefusing && method === "eth_sendRawTransaction") {
          throw new NodeError(-32_007, "Sender account not authorized to send transactions");
        }
        return answer(node, method, params);
      };
      await soon(submitter.submit(key, DONE, { id: "a" }));
      const { state, failure, nonce } = await soon(submitter.settled("a"));
      expect({ state, nonce, code: failure?.code }).to.deep.equal({
        state: "failed",
        nonce: undefined,
        code: "NOT_ACCEPTED",
      });
      isRefusing = false;
      await soon(submitter.submit(key, { ...DONE, data: "0x02" }, { id: "b" }));
      expect((await soon(submitter.settled("b"))).nonce).to.equal(0);
      await submitter.close();
    });

    it("fails nothing that only one node refuses", async function () {
      const { chain, key, submitter, soon } = setUp({}, 2);
      const answer = chain.answer.bind(chain);
      chain.answer = (node, method, params) => {
        if (node === 0 && method === "eth_sendRawTransaction")
          throw new NodeError(-32_007, "Sender account not authorized to send transactions");
        return answer(node, method, params);
      };
      await soon(submitter.submit(key, DONE, { id: "a" }));
      expect((await soon(submitter.settled("a"))).state).to.equal("final");
      expect(chain.effects.get("0x01")).to.equal(1);
      await submitter.close();
    });

    it("fills a nonce that another program left open", async function () {
      const outbox = new Outbox(":memory:", MODEL_CHAIN);
      const { chain, key, submitter, soon } = setUp({ outbox });
      await chain.useNonce(key);
      await soon(submitter.submit(key, DONE, { id: "a" }));
      expect(submitter.find("a")?.nonce).to.equal(1);
      // What the other program sent is gone, and ours waits for it.
      chain.losePool(0);
      expect((await soon(submitter.settled("a", 100_000))).state).to.equal("final");
      expect(chain.effects.get("0x01")).to.equal(1);
      expect(outbox.nonceAfter(key.address)).to.equal(2);
      await submitter.close();
    });
  });

  describe("on a chain that was begun anew", function () {
    let folder: string;
    beforeEach(async function () {
      folder = await mkdtemp(join(tmpdir(), "outbox-"));
    });
    afterEach(async function () {
      await rm(folder, { recursive: true });
    });

    it("OUTBOX: says so, instead of waiting for nonces of the old one", async function () {
      const outbox = join(folder, "outbox.sqlite");
      const old = setUp({ outbox });
      const { id } = await old.soon(old.submitter.submit(old.key, DONE));
      await old.soon(old.submitter.settled(id));
      await old.submitter.close();

      const fresh = setUp({ outbox });
      const answer = fresh.chain.answer.bind(fresh.chain);
      const otherHash = `0x${"77".repeat(32)}`;
      fresh.chain.answer = (node, method, params) => {
        const told = answer(node, method, params);
        const isOther = method === "eth_getBlockByNumber" && params[0] !== "0x0" && told !== null;
        return isOther ? { ...(told as object), hash: otherHash } : told;
      };
      // It has not come as far yet.
      await fresh.soon(fresh.submitter.resume(fresh.key));
      const end = fresh.time.now() + 10_000;
      await fresh.time.runUntil(() => fresh.time.now() >= end, 11_000);
      const refused = await fresh
        .soon(fresh.submitter.submit(fresh.key, { ...DONE, data: "0x02" }))
        .catch((thrown: unknown) => thrown);
      expect(refused).to.be.instanceOf(BusError).with.property("code", "OUTBOX");
      expect(String(refused)).to.contain(otherHash);
      expect(fresh.submitter.counts()).to.include({ queued: 0, sent: 0, final: 1 });
      await fresh.submitter.close();
    });
  });

  describe("resume", function () {
    it("goes on with what waited for its key", async function () {
      let isDown = true;
      const time = new VirtualTime();
      const chain = new ModelChain(time, 1);
      const proxy = proxyTo(chain, 0, time, () => undefined);
      const exchange = (text: string) => (isDown ? Promise.reject(new Error("down")) : proxy(text));
      const { submitter, key } = setUp({ clock: time, nodes: [{ name: "node", exchange }] });
      const run = async <T>(promise: Promise<T>): Promise<T> => {
        let isOver = false;
        void promise.finally(() => (isOver = true)).catch(() => undefined);
        await time.runUntil(() => isOver, 120_000);
        return promise;
      };
      await run(submitter.submit(key, DONE, { id: "a" }));
      expect(submitter.find("a")?.state).to.equal("queued");
      isDown = false;
      await run(submitter.resume(key));
      expect((await run(submitter.settled("a"))).state).to.equal("final");
      expect(chain.effects.get("0x01")).to.equal(1);
      await submitter.close();
    });
  });

  describe("settled", function () {
    it("gives up waiting, and leaves the call where it is", async function () {
      const { chain, submitter, key, soon, codeOf } = setUp();
      chain.poolSize = 0;
      await soon(submitter.submit(key, DONE, { id: "a" }));
      expect(await codeOf(submitter.settled("a", 5_000))).to.equal("TIMEOUT");
      expect(submitter.find("a")?.state).to.equal("sent");
      chain.poolSize = 10;
      expect((await soon(submitter.settled("a"))).state).to.equal("final");
      expect(await codeOf(submitter.settled("nothing"))).to.equal("OUTBOX");
      await submitter.close();
    });

    it("ends with the submitter", async function () {
      const { submitter, key, soon, codeOf } = setUp();
      await soon(submitter.submit(key, DONE, { id: "a" }));
      const waiting = submitter.settled("a");
      waiting.catch(() => undefined);
      await soon(submitter.close());
      expect(await codeOf(waiting)).to.equal("OUTBOX");
      expect(await codeOf(submitter.submit(key, DONE))).to.equal("OUTBOX");
    });
  });
});

describe("send through a submitter", function () {
  it("takes every action of a federation that has one", async function () {
    const { federation, addressBook, accounts } = await networkHelpers.loadFixture(keyFederation);
    const exchange = providerExchange(federation.provider);
    const submitter = new Submitter({
      chain: addressBook,
      nodes: [{ name: "simulator", exchange }],
      outbox: ":memory:",
    });
    const sender = asSender(withSubmitter(federation, submitter), accounts[0]);

    const sent = await register(sender, 1, hashOf("vm"), SMALL, { id: "first" });
    expect(eventOf(sent, "VmRegistered").args.home).to.equal(1n);
    expect(submitter.find("first")).to.include({
      state: "final",
      name: "register",
      nonce: 0,
      gasLimit: gasLimitFor("register", []),
    });

    const again = await register(sender, 1, hashOf("vm"), SMALL, { id: "second" }).catch((thrown: unknown) => thrown);
    expect(again).to.be.instanceOf(RevertError).with.property("errorName", "MigrationLedger_AlreadyRegistered");
    expect(submitter.find("second")).to.include({ state: "failed", nonce: undefined });

    const late = await register(sender, 1, hashOf("vm"), SMALL, { isChecked: false }).catch(
      (thrown: unknown) => thrown,
    );
    expect(late).to.be.instanceOf(RevertError).with.property("errorName", "MigrationLedger_AlreadyRegistered");
    expect(submitter.list("failed", 1)[0]?.receipt?.status).to.equal("0x0");
    await submitter.close();
  });

  it("takes a bigger gas limit when the measured one is not enough", async function () {
    const { federation, addressBook, accounts } = await networkHelpers.loadFixture(keyFederation);
    const exchange = providerExchange(federation.provider);
    const submitter = new Submitter({
      chain: addressBook,
      nodes: [{ name: "simulator", exchange }],
      outbox: ":memory:",
    });
    const data = federation.ledger.interface.encodeFunctionData("register", [1, hashOf("vm"), SMALL] as never);
    const call = {
      to: await federation.ledger.getAddress(),
      data,
      gasLimit: 60_000n,
      spareGasLimit: 1_000_000n,
      name: "register",
    };
    const { id } = await submitter.submit(accounts[0], call);
    expect(await submitter.settled(id)).to.include({ state: "final", gasLimit: 1_000_000n });
    await submitter.close();
  });
});
