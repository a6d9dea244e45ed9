import { expect } from "chai";

import { BusError, type Exchange } from "../../../src/index.js";
import { RpcPool } from "../../../src/submission/rpcPool.js";
import { VirtualTime } from "../../fixtures/virtualTime.js";

const CHAIN = { chainId: "7", genesisHash: `0x${"11".repeat(32)}` };

interface Request {
  readonly id: number;
  readonly method: string;
}

/** A node that answers everything with its name, in the way that is given. */
function node(name: string, shape: (answers: { id: number; result: unknown }[]) => unknown = (answers) => answers) {
  const asked: string[] = [];
  const exchange: Exchange = (text) => {
    const parsed = JSON.parse(text) as Request | Request[];
    const answers = (Array.isArray(parsed) ? parsed : [parsed]).map(({ id, method }) => {
      asked.push(method);
      const result =
        method === "eth_chainId" ? "0x7" : method === "eth_getBlockByNumber" ? { hash: CHAIN.genesisHash } : name;
      return { jsonrpc: "2.0", id, result };
    });
    const isVerification = asked.at(-1) === "eth_getBlockByNumber";
    const shaped = isVerification ? answers : shape(answers);
    return Promise.resolve(
      typeof shaped === "string" ? shaped : JSON.stringify(Array.isArray(parsed) ? shaped : (shaped as unknown[])[0]),
    );
  };
  return { name, exchange, asked };
}

const silent = { name: "silent", exchange: () => new Promise<never>(() => undefined) };

/** What a promise comes to in virtual time: its value, or the code and message of its error. */
async function outcome<T>(time: VirtualTime, promise: Promise<T>): Promise<T | string> {
  let result: { readonly value: T | string } | undefined;
  promise.then(
    (value) => (result = { value }),
    (thrown: unknown) =>
      (result = { value: thrown instanceof BusError ? `${thrown.code}: ${thrown.message}` : String(thrown) }),
  );
  await time.runUntil(() => result !== undefined, 60_000);
  return result?.value ?? "";
}

describe("RpcPool", function () {
  const calls = [
    { method: "a", params: [] },
    { method: "b", params: [] },
  ];

  it("puts the answers in the order of the calls", async function () {
    const time = new VirtualTime();
    const pool = new RpcPool([node("one", (answers) => [...answers].reverse())], CHAIN, time, 100);
    expect(await outcome(time, pool.batch(calls))).to.deep.equal([{ result: "one" }, { result: "one" }]);
  });

  const mistakes: readonly (readonly [name: string, shape: Parameters<typeof node>[1]])[] = [
    ["ids that nobody gave", (answers) => answers.map((each) => ({ ...each, id: each.id + 1 }))],
    ["one id twice", (answers) => [answers[0], answers[0]]],
    ["an answer too few", (answers) => answers.slice(1)],
    ["an answer too many", (answers) => [...answers, { id: 99, result: "" }]],
    ["what is cut off", () => '[{"jsonrpc":"2.0","id":'],
    ["a page of HTML", () => "<html></html>"],
    ["what is no answer", (answers) => answers.map(({ id }) => ({ id }))],
  ];
  for (const [name, shape] of mistakes) {
    it(`asks the next node when one answers ${name}`, async function () {
      const time = new VirtualTime();
      const pool = new RpcPool([node("bad", shape), node("good")], CHAIN, time, 100);
      expect(await outcome(time, pool.batch(calls))).to.deep.equal([{ result: "good" }, { result: "good" }]);
      expect(pool.counts.failures).to.equal(1);
    });
  }

  it("asks the next node when one is silent, and that one first from then on", async function () {
    const time = new VirtualTime();
    const good = node("good");
    const pool = new RpcPool([silent, good], CHAIN, time, 100);
    const begin = time.now();
    await outcome(time, pool.call("a", []));
    expect(time.now() - begin).to.equal(100);
    await outcome(time, pool.call("b", []));
    expect(time.now() - begin).to.equal(100);
    expect(good.asked).to.deep.equal(["eth_chainId", "eth_getBlockByNumber", "a", "b"]);
  });

  it("says that no node answers, and why", async function () {
    const time = new VirtualTime();
    const pool = new RpcPool(
      [silent, { name: "dead", exchange: () => Promise.reject(new Error("refused")) }],
      CHAIN,
      time,
      100,
    );
    expect(await outcome(time, pool.call("a", []))).to.equal(
      "NO_NODE: none of 2 RPC nodes answers: silent does not answer within 100 ms; refused",
    );
    expect(() => new RpcPool([], CHAIN, time, 100))
      .to.throw(BusError)
      .with.property("code", "NO_NODE");
  });

  it("uses no node of another chain", async function () {
    const time = new VirtualTime();
    const other = new RpcPool([node("one")], { ...CHAIN, chainId: "8" }, time, 100);
    expect(await outcome(time, other.call("a", []))).to.match(/^UNKNOWN_CHAIN: the chain id of one is 7, not 8/);
    const reset = new RpcPool([node("one")], { ...CHAIN, genesisHash: `0x${"22".repeat(32)}` }, time, 100);
    expect(await outcome(time, reset.call("a", []))).to.match(/^WRONG_GENESIS: the genesis hash of one is 0x11/);
  });
});
