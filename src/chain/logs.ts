import { toQuantity } from "ethers";

/** A log as JSON-RPC gives it. */
export interface RawLog {
  readonly topics: readonly string[];
  readonly data: string;
}

/** Which logs. */
export interface LogFilter {
  readonly address: string;
  readonly topics: readonly (string | null)[];
}

/** How many blocks are asked for at once: what every version of Besu allows (`--rpc-max-logs-range`). */
const SPAN = 1_000;

/**
 * Logs of a stretch of blocks, asked for piece by piece: a node refuses to look through a long chain at once.
 * @param send Sends one JSON-RPC request.
 * @param from First block.
 * @param to Last block.
 */
export async function readLogs(
  send: (method: string, params: unknown[]) => Promise<unknown>,
  filter: LogFilter,
  from: number,
  to: number,
): Promise<readonly RawLog[]> {
  const all: RawLog[] = [];
  for (let begin = from; begin <= to; begin += SPAN) {
    const end = Math.min(begin + SPAN - 1, to);
    const piece = { ...filter, fromBlock: toQuantity(begin), toBlock: toQuantity(end) };
    all.push(...((await send("eth_getLogs", [piece])) as readonly RawLog[]));
  }
  return all;
}
