import { expect } from "chai";

import { HeadTracker, type Socket } from "../../../src/submission/heads.js";
import { RpcPool } from "../../../src/submission/rpcPool.js";
import { MODEL_CHAIN, ModelChain } from "../../fixtures/modelChain.js";
import { proxyTo } from "../../fixtures/faultyProxy.js";
import { VirtualTime } from "../../fixtures/virtualTime.js";

/** A socket that the test speaks through. */
class TestSocket implements Socket {
  readonly sent: string[] = [];
  isClosed = false;
  readonly #listeners = new Map<string, ((event: { readonly data: unknown }) => void)[]>();

  constructor(readonly url: string) {}

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  addEventListener(type: string, listener: (event: { readonly data: unknown }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  tell(type: "open" | "close" | "message", data?: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ data: JSON.stringify(data) });
  }

  head(number: number, gasUsed = 0): void {
    const result = { number: `0x${number.toString(16)}`, gasUsed: `0x${gasUsed.toString(16)}`, timestamp: "0x1" };
    this.tell("message", { method: "eth_subscription", params: { subscription: "0x1", result } });
  }
}

function setUp(hasSocket: boolean) {
  const time = new VirtualTime();
  const chain = new ModelChain(time, 1);
  const pool = new RpcPool(
    [{ name: "node", exchange: proxyTo(chain, 0, time, () => undefined) }],
    MODEL_CHAIN,
    time,
    1_000,
  );
  const sockets: TestSocket[] = [];
  const heads = new HeadTracker(pool, {
    sockets: [hasSocket ? "ws://node" : undefined],
    pollMs: 25,
    clock: time,
    connect: (url) => {
      const socket = new TestSocket(url);
      sockets.push(socket);
      return socket;
    },
  });
  const seen: number[] = [];
  heads.onHead(({ number }) => seen.push(number));
  const pass = (ms: number) => {
    const end = time.now() + ms;
    time.at(end, () => undefined);
    return time.runUntil(() => time.now() >= end, ms + 1);
  };
  return { time, chain, pool, heads, sockets, seen, pass };
}

describe("HeadTracker", function () {
  it("subscribes once, and connects again when the connection is lost", async function () {
    const { heads, sockets, seen, pass } = setUp(true);
    const [first] = sockets;
    first?.tell("open");
    first?.tell("message", { id: 1, result: "0x1" });
    first?.head(5);
    first?.head(6, 21_000);
    expect(first?.sent).to.have.length(1);
    expect(heads.isSubscribed).to.equal(true);
    expect(heads.latest).to.include({ number: 6, gasUsed: 21_000n });

    first?.tell("close");
    expect(heads.isSubscribed).to.equal(false);
    await pass(300);
    const second = sockets[1];
    second?.tell("open");
    second?.tell("message", { id: 1, result: "0x2" });
    second?.head(6);
    second?.head(7);
    expect(seen).to.deep.equal([5, 6, 7]);
    heads.close();
  });

  it("drops a connection that says what nobody asked for", function () {
    const { heads, sockets } = setUp(true);
    sockets[0]?.tell("open");
    sockets[0]?.tell("message", { id: 1, error: { code: -32_601, message: "no subscriptions here" } });
    expect(sockets[0]?.isClosed).to.equal(true);
    expect(heads.isSubscribed).to.equal(false);
    heads.close();
  });

  it("asks while the subscription is down, and when it is silent though the chain goes on", async function () {
    const { heads, sockets, seen, pass } = setUp(true);
    heads.want(true);
    await pass(2_500);
    expect(seen).to.deep.equal([0, 1, 2]);
    sockets[0]?.tell("open");
    sockets[0]?.tell("message", { id: 1, result: "0x1" });
    await pass(8_000);
    expect(sockets[0]?.isClosed).to.equal(true);
    expect(seen.at(-1)).to.be.at.least(5);
    heads.close();
  });

  it("asks in step with the blocks, and not at all while nobody waits", async function () {
    const { heads, pool, seen, pass } = setUp(false);
    await pass(3_000);
    expect(pool.counts.calls).to.equal(0);
    heads.want(true);
    await pass(5_000);
    const before = pool.counts.calls;
    const known = seen.length;
    await pass(20_000);
    expect(seen.length - known).to.equal(20);
    expect(pool.counts.calls - before).to.be.at.most(60);
    heads.want(false);
    await pass(1_100);
    const quiet = pool.counts.calls;
    await pass(5_000);
    expect(pool.counts.calls).to.equal(quiet);
    heads.close();
  });

  it("sees a head within 50 ms of its block", async function () {
    const { time, chain, heads, pass } = setUp(false);
    const late: number[] = [];
    heads.onHead(({ number, seenAt }) => late.push(seenAt - (chain.blocks[number]?.timeMs ?? 0)));
    heads.want(true);
    await pass(30_000);
    expect(late.length).to.be.at.least(29);
    expect(Math.max(...late.slice(2))).to.be.at.most(50);
    expect(heads.nextAt).to.be.within(time.now(), time.now() + 1_100);
    heads.close();
  });

  it("does not wait for a beat that the chain has not", async function () {
    const time = new VirtualTime();
    const begin = time.now();
    // As a chain that makes a block for each transaction, and none without.
    const minedAt = [0, 10_000, 12_000, 25_000, 25_100, 40_000, 41_300].map((ms) => begin + ms);
    const exchange = (text: string): Promise<string> => {
      const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: unknown[] };
      const number = params[0] === "0x0" ? 0 : minedAt.filter((at) => at <= time.now()).length - 1;
      const timestamp = `0x${Math.floor((minedAt[number] ?? 0) / 1_000).toString(16)}`;
      const header = { number: `0x${number.toString(16)}`, gasUsed: "0x1", timestamp, hash: MODEL_CHAIN.genesisHash };
      const result = method === "eth_chainId" ? `0x${Number(MODEL_CHAIN.chainId).toString(16)}` : header;
      return Promise.resolve(JSON.stringify({ jsonrpc: "2.0", id, result }));
    };
    const single = async (text: string): Promise<string> => {
      if (!text.startsWith("[")) return exchange(text);
      const answers = (JSON.parse(text) as unknown[]).map((each) => exchange(JSON.stringify(each)));
      return `[${(await Promise.all(answers)).join(",")}]`;
    };
    const pool = new RpcPool([{ name: "node", exchange: single }], MODEL_CHAIN, time, 1_000);
    const heads = new HeadTracker(pool, { sockets: [undefined], pollMs: 25, clock: time });
    const late: number[] = [];
    heads.onHead(({ number, seenAt }) => late.push(seenAt - (minedAt[number] ?? 0)));
    const pass = (until: number) => {
      const end = begin + until;
      time.at(end, () => undefined);
      return time.runUntil(() => time.now() >= end, until + 1);
    };
    for (const [from, to] of [
      [0, 200],
      [9_900, 12_200],
      [24_900, 25_500],
      [39_900, 41_500],
    ] as const) {
      await pass(from);
      heads.want(true);
      await pass(to);
      heads.want(false);
    }
    expect(late).to.have.length(minedAt.length);
    expect(Math.max(...late.slice(1))).to.be.at.most(50);
    heads.close();
  });
});
