import { toQuantity } from "ethers";

import { BusError } from "../errors/busError.js";
import { type RpcProvider, readHead } from "./federation.js";

/**
 * The last block that was made at or before a time, by halving: only headers are asked for, which every node keeps.
 * @param timeMs In milliseconds since the epoch.
 * @returns Its number; 0 if all blocks are later.
 * @throws BusError `STALE_HEAD` if the node has no head, or a block below it is missing.
 */
export async function blockAt(provider: RpcProvider, timeMs: bigint): Promise<number> {
  const head = await readHead(provider);
  if (head.timeMs <= timeMs) return head.number;
  let [low, high] = [0, head.number];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if ((await timeOf(provider, middle)) <= timeMs) low = middle;
    else high = middle;
  }
  return low;
}

async function timeOf(provider: RpcProvider, number: number): Promise<bigint> {
  const block: unknown = await provider.send("eth_getBlockByNumber", [toQuantity(number), false]);
  if (typeof block !== "object" || block === null || !("timestamp" in block)) {
    throw new BusError("STALE_HEAD", `the node has no block ${number}`);
  }
  return BigInt(String(block.timestamp)) * 1_000n;
}
