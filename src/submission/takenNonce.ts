import { type RpcPool, fieldOf } from "./rpcPool.js";

/** The transaction that a nonce was used for. */
export interface NonceUse {
  readonly hash: string;
  readonly blockNumber: number;
}

/** Blocks that are read one after another where a node keeps no old state. */
const SCANNED_BLOCKS = 2_000;
const BLOCKS_AT_ONCE = 20;

/**
 * Finds the transaction of a sender with a nonce in the chain itself. That is the only proof that another transaction
 * with this nonce will never be mined: a node's silence about it proves nothing, a count may come from another node.
 * @returns Undefined if it is not found now.
 */
export async function findNonceUse(pool: RpcPool, sender: string, nonce: number): Promise<NonceUse | undefined> {
  const answer = await pool.call("eth_blockNumber", []);
  const head = answer.error ? NaN : Number(answer.result);
  if (!Number.isSafeInteger(head)) return undefined;
  const block = await searchBlock(pool, sender, nonce, head);
  if (block !== undefined) return readUse(pool, sender, nonce, [block]);
  for (let last = head; last >= 0 && last > head - SCANNED_BLOCKS; last -= BLOCKS_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(BLOCKS_AT_ONCE, last + 1) }, (_each, index) => last - index);
    const use = await readUse(pool, sender, nonce, numbers);
    if (use) return use;
  }
  return undefined;
}

/** The first block after which the count is above the nonce; undefined if the node does not know. */
async function searchBlock(pool: RpcPool, sender: string, nonce: number, head: number): Promise<number | undefined> {
  const isUsedAt = async (block: number): Promise<boolean | undefined> => {
    const count = await pool.call("eth_getTransactionCount", [sender, `0x${block.toString(16)}`]);
    if (count.error || typeof count.result !== "string") return undefined;
    return Number(count.result) > nonce;
  };
  if ((await isUsedAt(head)) !== true) return undefined;
  let used = head;
  let unused = head;
  // Most likely it happened just now: steps back that double, then halves.
  for (let step = 1; ; step *= 2) {
    unused = Math.max(used - step, -1);
    if (unused < 0) break;
    const isUsed = await isUsedAt(unused);
    if (isUsed === undefined) return undefined;
    if (!isUsed) break;
    used = unused;
  }
  while (used - unused > 1) {
    const middle = Math.floor((used + unused) / 2);
    const isUsed = await isUsedAt(middle);
    if (isUsed === undefined) return undefined;
    if (isUsed) used = middle;
    else unused = middle;
  }
  return used;
}

async function readUse(
  pool: RpcPool,
  sender: string,
  nonce: number,
  numbers: readonly number[],
): Promise<NonceUse | undefined> {
  const answers = await pool.batch(
    numbers.map((number) => ({ method: "eth_getBlockByNumber", params: [`0x${number.toString(16)}`, true] })),
  );
  for (const answer of answers) {
    const block: unknown = answer.error ? undefined : answer.result;
    const transactions = fieldOf(block, "transactions");
    for (const transaction of Array.isArray(transactions) ? (transactions as unknown[]) : []) {
      const from = fieldOf(transaction, "from");
      const hash = fieldOf(transaction, "hash");
      if (typeof from !== "string" || from.toLowerCase() !== sender.toLowerCase() || typeof hash !== "string") continue;
      if (Number(fieldOf(transaction, "nonce")) !== nonce) continue;
      return { hash: hash.toLowerCase(), blockNumber: Number(fieldOf(block, "number")) };
    }
  }
  return undefined;
}
