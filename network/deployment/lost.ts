import { trackTransaction, wipe } from "@nomicfoundation/ignition-core";
import { getAddress, toQuantity } from "ethers";

import type { RpcProvider } from "../../src/chain/federation.js";
import { NetworkError } from "../networkError.js";
import { buildArtifacts } from "../genesis/simulate.js";

/** A transaction that Ignition's journal prepared, and of which it does not know whether it was sent. */
interface Lost {
  readonly futureId: string;
  readonly nonce: number;
  readonly sender: string;
}

/** Hardhat's number of Ignition's error "transaction lost". */
const TRANSACTION_LOST = 10410;

/** What an error of Ignition says of a lost transaction; undefined if it says something else. */
export function lostTransaction(thrown: unknown): Lost | undefined {
  if (!(thrown instanceof Error) || !("number" in thrown) || thrown.number !== TRANSACTION_LOST) return undefined;
  const said: unknown = "messageArguments" in thrown ? thrown.messageArguments : undefined;
  if (typeof said !== "object" || said === null) return undefined;
  const { futureId, nonce, sender } = said as { readonly [name: string]: unknown };
  const isWhole = typeof futureId === "string" && typeof nonce === "number" && typeof sender === "string";
  return isWhole ? { futureId, nonce, sender } : undefined;
}

/**
 * Puts a journal right that broke off between preparing a transaction and noting its hash. The chain knows what became of
 * it: if the sender's nonce is not used, nothing was sent, and the step is taken out of the journal; otherwise the
 * transaction with that nonce is looked for and noted.
 * @param deploymentDir Folder of the journal.
 * @throws NetworkError `DEPLOYMENT` if the transaction waits still, or cannot be found.
 */
export async function recoverLost(provider: RpcProvider, deploymentDir: string, lost: Lost): Promise<void> {
  const { futureId, nonce, sender } = lost;
  const [mined, pending] = await Promise.all([
    provider.getTransactionCount(sender, "latest"),
    provider.getTransactionCount(sender, "pending"),
  ]);
  if (pending <= nonce) {
    await wipe(deploymentDir, buildArtifacts, futureId);
    return;
  }
  if (mined <= nonce) {
    throw new NetworkError("DEPLOYMENT", `transaction ${nonce} of ${sender}, for ${futureId}, waits still: try again`);
  }
  const hash = await findByNonce(provider, sender, nonce);
  await trackTransaction(deploymentDir, hash, eip1193(provider), 1);
}

function eip1193(provider: RpcProvider) {
  return {
    request: ({ method, params }: { readonly method: string; readonly params?: unknown[] | object }) =>
      provider.send(method, Array.isArray(params) ? params : []),
  };
}

interface Block {
  readonly transactions: readonly { readonly hash: string; readonly from: string; readonly nonce: string }[];
}

/** The transaction of a sender with a nonce: in the block after which the sender's count first exceeds the nonce. */
async function findByNonce(provider: RpcProvider, sender: string, nonce: number): Promise<string> {
  let [low, high] = [0, await provider.getBlockNumber()];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await provider.getTransactionCount(sender, middle)) > nonce) high = middle;
    else low = middle + 1;
  }
  const block = (await provider.send("eth_getBlockByNumber", [toQuantity(high), true])) as Block;
  const found = block.transactions.find(
    (sent) => getAddress(sent.from) === getAddress(sender) && Number(sent.nonce) === nonce,
  );
  if (!found) throw new NetworkError("DEPLOYMENT", `transaction ${nonce} of ${sender} is not in block ${high}`);
  return found.hash;
}
