import type { AddressBook } from "../chain/addressBook.js";
import { BusError } from "../errors/busError.js";
import type { Clock } from "./clock.js";
import type { Exchange } from "./exchange.js";

/** One call of JSON-RPC. */
export interface RpcCall {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What a node says is wrong with a call. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** A node's answer to one call. */
export type RpcAnswer =
  { readonly result: unknown; readonly error?: undefined } | { readonly error: RpcError; readonly result?: undefined };

/** A node. */
export interface RpcNode {
  readonly exchange: Exchange;
  /** How it is named in messages. */
  readonly name: string;
}

/** The chain that every node of a pool must serve. */
export type TrustedChain = Pick<AddressBook, "chainId" | "genesisHash">;

interface NodeState extends RpcNode {
  isVerified: boolean;
  /** Not asked first before this moment. */
  restsUntil: number;
  rest: number;
}

/** Calls in one post: Besu takes up to 1,024. */
export const MAX_BATCH = 100;

const FIRST_REST_MS = 250;
const LONGEST_REST_MS = 10_000;

/**
 * Several nodes of one chain, asked one at a time. A node that does not answer, or answers what nobody asked, is put
 * last for a while; before its first answer counts it must be the chain that is meant.
 */
export class RpcPool {
  readonly #nodes: readonly NodeState[];
  readonly #chain: TrustedChain;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #lastId = 0;
  #current = 0;
  /** How many calls were made so far, and in how many posts. */
  readonly counts = { calls: 0, posts: 0, failures: 0 };

  constructor(nodes: readonly RpcNode[], chain: TrustedChain, clock: Clock, timeoutMs: number) {
    if (nodes.length === 0) throw new BusError("NO_NODE", "no RPC node is named");
    this.#nodes = nodes.map((node) => ({ ...node, isVerified: false, restsUntil: 0, rest: FIRST_REST_MS }));
    this.#chain = chain;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Number of nodes. */
  get size(): number {
    return this.#nodes.length;
  }

  /** Position of the node that is asked first. */
  get current(): number {
    return this.#current;
  }

  /**
   * The answer to one call.
   * @throws BusError `NO_NODE` if no node answers, `UNKNOWN_CHAIN`, `WRONG_GENESIS` if one that does is another chain.
   */
  async call(method: string, params: readonly unknown[]): Promise<RpcAnswer> {
    const [answer] = await this.batch([{ method, params }]);
    if (!answer) throw new BusError("NO_NODE", `no answer to ${method}`);
    return answer;
  }

  /**
   * The answers to up to {@link MAX_BATCH} calls, in their order, all from the same node.
   * @throws BusError `NO_NODE`, `UNKNOWN_CHAIN`, `WRONG_GENESIS` as {@link call}.
   */
  async batch(calls: readonly RpcCall[]): Promise<readonly RpcAnswer[]> {
    const failures: unknown[] = [];
    for (const index of this.#order()) {
      try {
        const answers = await this.#ask(index, calls);
        this.#current = index;
        return answers;
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    const [first] = failures;
    // All of them answer, but none is the chain that is meant.
    if (first instanceof BusError && failures.every((failure) => failure instanceof BusError)) throw first;
    throw new BusError(
      "NO_NODE",
      `none of ${this.#nodes.length} RPC nodes answers: ${failures.map(textOf).join("; ")}`,
      {
        cause: first,
      },
    );
  }

  /** The answers of one certain node. Rejects if it does not answer. */
  async batchFrom(index: number, calls: readonly RpcCall[]): Promise<readonly RpcAnswer[]> {
    return this.#ask(index, calls);
  }

  /** An answer turned out to be wrong: the node that gave it is asked last for a while. */
  distrust(): void {
    const node = this.#nodes[this.#current];
    if (node) this.#rest(node);
  }

  /** Positions of the nodes, the one in use first, those that rest last. */
  #order(): number[] {
    const now = this.#clock.now();
    const all = this.#nodes.map((_node, offset) => (this.#current + offset) % this.#nodes.length);
    const resting = (index: number) => (this.#nodes[index]?.restsUntil ?? 0) > now;
    return [...all.filter((index) => !resting(index)), ...all.filter(resting)];
  }

  async #ask(index: number, calls: readonly RpcCall[]): Promise<readonly RpcAnswer[]> {
    const node = this.#nodes[index];
    if (!node) throw new BusError("NO_NODE", `there is no node ${index}`);
    try {
      if (!node.isVerified) {
        await this.#verify(node);
        node.isVerified = true;
      }
      const answers = await this.#post(node, calls);
      node.rest = FIRST_REST_MS;
      node.restsUntil = 0;
      return answers;
    } catch (thrown) {
      this.counts.failures += 1;
      this.#rest(node);
      throw thrown;
    }
  }

  #rest(node: NodeState): void {
    // Who comes back after more than one failure may be another node behind the same name.
    if (node.rest > FIRST_REST_MS) node.isVerified = false;
    node.restsUntil = this.#clock.now() + node.rest;
    node.rest = Math.min(node.rest * 2, LONGEST_REST_MS);
  }

  async #verify(node: NodeState): Promise<void> {
    const [chain, genesis] = await this.#post(node, [
      { method: "eth_chainId", params: [] },
      { method: "eth_getBlockByNumber", params: ["0x0", false] },
    ]);
    const id = chain?.error ? undefined : chain?.result;
    const hash = genesis?.error ? undefined : fieldOf(genesis?.result, "hash");
    if (typeof id !== "string" || typeof hash !== "string")
      throw new Error(`${node.name} does not say which chain it is`);
    if (BigInt(id) !== BigInt(this.#chain.chainId)) {
      throw new BusError("UNKNOWN_CHAIN", `the chain id of ${node.name} is ${BigInt(id)}, not ${this.#chain.chainId}`);
    }
    if (hash.toLowerCase() !== this.#chain.genesisHash.toLowerCase()) {
      throw new BusError(
        "WRONG_GENESIS",
        `the genesis hash of ${node.name} is ${hash}, not ${this.#chain.genesisHash}`,
      );
    }
  }

  async #post(node: NodeState, calls: readonly RpcCall[]): Promise<readonly RpcAnswer[]> {
    const requests = calls.map(({ method, params }) => ({ jsonrpc: "2.0", id: ++this.#lastId, method, params }));
    const [only] = requests;
    const text = JSON.stringify(requests.length === 1 ? only : requests);
    this.counts.calls += calls.length;
    this.counts.posts += 1;
    const reply = await this.#inTime(node, node.exchange(text));
    return readAnswers(
      node.name,
      requests.map(({ id }) => id),
      JSON.parse(reply),
    );
  }

  #inTime(node: NodeState, reply: Promise<string>): Promise<string> {
    const late = this.#clock.sleep(this.#timeoutMs, true).then(() => {
      throw new Error(`${node.name} does not answer within ${this.#timeoutMs} ms`);
    });
    // Whichever loses the race may still reject, with nobody there to hear it.
    late.catch(() => undefined);
    reply.catch(() => undefined);
    return Promise.race([reply, late]);
  }
}

/** Puts the answers in the order of the calls. Every id must be there exactly once, and nothing else. */
function readAnswers(name: string, ids: readonly number[], reply: unknown): readonly RpcAnswer[] {
  const list: unknown[] = Array.isArray(reply) ? reply : [reply];
  const byId = new Map<unknown, RpcAnswer>();
  for (const each of list) {
    const answer = readAnswer(each);
    if (!answer) throw new Error(`${name} answers what is not JSON-RPC`);
    byId.set(fieldOf(each, "id"), answer);
  }
  if (list.length !== ids.length || byId.size !== ids.length) {
    throw new Error(`${name} gives ${list.length} answers to ${ids.length} calls`);
  }
  return ids.map((id) => {
    const answer = byId.get(id);
    if (!answer) throw new Error(`${name} answers calls that were not made`);
    return answer;
  });
}

function readAnswer(value: unknown): RpcAnswer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ("error" in value && value.error !== null && value.error !== undefined) {
    const code = fieldOf(value.error, "code");
    const message = fieldOf(value.error, "message");
    return {
      error: {
        code: typeof code === "number" ? code : 0,
        message: typeof message === "string" ? message : JSON.stringify(value.error),
        data: fieldOf(value.error, "data"),
      },
    };
  }
  return "result" in value ? { result: value.result } : undefined;
}

/** A field of what came from outside; undefined if it has none. */
export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { readonly [field: string]: unknown })[name];
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
