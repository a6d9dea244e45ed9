import { toQuantity } from "ethers";

import { BusError } from "../errors/busError.js";
import { blockAt } from "./blockAt.js";
import { type RpcProvider, readHead } from "./federation.js";

/** A log as JSON-RPC gives it. */
export interface RawLog {
  readonly topics: readonly string[];
  readonly data: string;
}

/** Which logs. */
export interface LogFilter {
  readonly address: string | readonly string[];
  readonly topics?: readonly (string | readonly string[] | null)[];
}

/** Reads what is in blocks `from` to `to`, both included, in its order. */
export type ReadPiece<T> = (from: number, to: number) => Promise<readonly T[]>;

/** How many blocks are asked for at once to begin with: what Besu allows unless told otherwise (`--rpc-max-logs-range`). */
const SPAN = 5_000;

/**
 * Reads a stretch of blocks piece by piece: a node refuses to look through a long chain at once. A piece that the node
 * refuses is asked for again in halves, and so are all after it.
 * @param from First block.
 * @param to Last block.
 * @param span How many blocks are asked for at once to begin with.
 * @throws What the reading throws, if the node did not answer or refuses a single block.
 */
export async function readInPieces<T>(read: ReadPiece<T>, from: number, to: number, span = SPAN): Promise<T[]> {
  const all: T[] = [];
  let size = span;
  for (let begin = from; begin <= to;) {
    const end = Math.min(begin + size - 1, to);
    try {
      for (const one of await read(begin, end)) all.push(one);
      begin = end + 1;
    } catch (thrown) {
      if (begin === end || !isRefusal(thrown)) throw thrown;
      size = Math.ceil((end - begin + 1) / 2);
    }
  }
  return all;
}

/**
 * The first piece of the chain with anything in it, looked for from a time on to both sides: what happened about then is
 * found soon, and whatever there is, is found.
 * @param timeMs When it is expected, in milliseconds since the epoch.
 * @returns What the piece holds; nothing if the chain holds nothing.
 * @throws BusError `STALE_HEAD` if the node has no head.
 */
export async function readAround<T>(provider: RpcProvider, read: ReadPiece<T>, timeMs: bigint): Promise<readonly T[]> {
  const { number: last } = await readHead(provider);
  const middle = last < SPAN ? last : await blockAt(provider, timeMs);
  for (let before = middle, after = middle + 1; before >= 0 || after <= last; before -= SPAN, after += SPAN) {
    const earlier = await readInPieces(read, Math.max(0, before - SPAN + 1), before);
    if (earlier.length > 0) return earlier;
    const later = await readInPieces(read, after, Math.min(after + SPAN - 1, last));
    if (later.length > 0) return later;
  }
  return [];
}

/**
 * Reads what happened between two times, piece by piece.
 * @param fromMs In milliseconds since the epoch.
 * @param toMs In milliseconds since the epoch.
 * @returns All of that time, and perhaps of blocks next to it.
 * @throws BusError `STALE_HEAD` if the node has no head.
 */
export async function readBetween<T>(
  provider: RpcProvider,
  read: ReadPiece<T>,
  fromMs: bigint,
  toMs: bigint,
): Promise<T[]> {
  const { number: last } = await readHead(provider);
  if (last < SPAN) return readInPieces(read, 0, last);
  return readInPieces(read, await blockAt(provider, fromMs), await blockAt(provider, toMs));
}

/** Reads the whole chain, or what is from a block on, piece by piece. */
export async function readAll<T>(provider: RpcProvider, read: ReadPiece<T>, from = 0): Promise<T[]> {
  const { number: last } = await readHead(provider);
  return readInPieces(read, from, last);
}

/**
 * Logs of a stretch of blocks, asked for piece by piece.
 * @param send Sends one JSON-RPC request.
 * @param from First block.
 * @param to Last block.
 */
export function readLogs(
  send: (method: string, params: unknown[]) => Promise<unknown>,
  filter: LogFilter,
  from: number,
  to: number,
): Promise<readonly RawLog[]> {
  return readInPieces(
    async (begin, end) => {
      const piece = { ...filter, fromBlock: toQuantity(begin), toBlock: toQuantity(end) };
      return (await send("eth_getLogs", [piece])) as readonly RawLog[];
    },
    from,
    to,
  );
}

/** Whether a node answered that it will not: libraries wrap the JSON-RPC error, which has a number for its code. */
function isRefusal(thrown: unknown): boolean {
  if (typeof thrown !== "object" || thrown === null || thrown instanceof BusError) return false;
  // What is thrown where nobody answered may have a code too: those are positive.
  if ("code" in thrown && typeof thrown.code === "number" && thrown.code < 0) return true;
  return ["error", "info", "cause"].some((name) => isRefusal((thrown as Readonly<Record<string, unknown>>)[name]));
}
