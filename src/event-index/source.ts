import type { RpcProvider } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import type { RawLog } from "./abi.js";

/** A block's header, as far as the index needs it. */
export interface Header {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
  /** In milliseconds. */
  readonly timeMs: number;
  readonly logsBloom: string;
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null;

const hexNumber = (value: unknown): number => Number.parseInt(String(value), 16);

/** A quantity as JSON-RPC wants it. */
export const quantity = (value: number): string => `0x${value.toString(16)}`;

/** Header of a block by its number, or of the newest one; undefined if the node has none. */
export async function readHeader(provider: RpcProvider, block: number | "latest"): Promise<Header | undefined> {
  const tag = block === "latest" ? block : quantity(block);
  const found: unknown = await provider.send("eth_getBlockByNumber", [tag, false]);
  if (!isObject(found)) return undefined;
  return {
    number: hexNumber(found.number),
    hash: String(found.hash).toLowerCase(),
    parentHash: String(found.parentHash).toLowerCase(),
    timeMs: hexNumber(found.timestamp) * 1000,
    logsBloom: typeof found.logsBloom === "string" ? found.logsBloom : "",
  };
}

/** Logs of some contracts in blocks `from` to `to`, both included, in their order. */
export async function readLogs(
  provider: RpcProvider,
  addresses: readonly string[],
  from: number,
  to: number,
): Promise<readonly RawLog[]> {
  const filter = { address: addresses, fromBlock: quantity(from), toBlock: quantity(to) };
  return asLogs(await provider.send("eth_getLogs", [filter]));
}

/** The same for one block from the receipts of its transactions: slow, and does not depend on the node's index of logs. */
export async function readReceiptLogs(
  provider: RpcProvider,
  addresses: readonly string[],
  block: number,
): Promise<readonly RawLog[]> {
  const found: unknown = await provider.send("eth_getBlockByNumber", [quantity(block), false]);
  const hashes = isObject(found) ? found.transactions : undefined;
  if (!Array.isArray(hashes)) throw new BusError("INDEX_GAP", `the node has no block ${block}`);
  const wanted = new Set(addresses.map((address) => address.toLowerCase()));
  const receipts = await Promise.all(hashes.map((hash: unknown) => provider.send("eth_getTransactionReceipt", [hash])));
  return receipts
    .flatMap((receipt) => asLogs(isObject(receipt) ? receipt.logs : undefined))
    .filter(({ address }) => wanted.has(address.toLowerCase()));
}

function asLogs(answer: unknown): readonly RawLog[] {
  if (!Array.isArray(answer)) throw new BusError("INDEX_GAP", "the node's answer is no list of logs");
  // The boundary to the node: what is read of a log later is checked where it is read.
  return answer as readonly RawLog[];
}
