import type { RpcError } from "./rpcPool.js";

/**
 * What a node made of a signed transaction:
 * `known`, it has it already;
 * `stale`, its nonce is used, by this transaction or by another;
 * `refused`, it will never take it;
 * `unclear`, anything else: full pool, busy node, unknown words. The transaction may or may not be on its way.
 */
export type Verdict = "known" | "stale" | "refused" | "unclear";

const KNOWN = /already known|known transaction|already imported|already exists in/i;
const STALE = /nonce (is )?too low|nonce.*too low|invalid nonce/i;

/** Words of Besu, geth and Hardhat for what no waiting will mend. */
const REFUSED = [
  /not authorized to send/i,
  /intrinsic gas/i,
  /exceeds (the )?block gas limit|exceeds.*gas cap|gas limit .*exceeds/i,
  /upfront cost|insufficient funds|doesn't have enough funds/i,
  /wrong chain ?id|invalid chain ?id|chainid (is )?(not supported|required)/i,
  /invalid signature|invalid sender/i,
  /gas price below|fee cap exceeded/i,
  /plugin has marked the transaction as invalid/i,
];

/** Judges the error with which a node answered `eth_sendRawTransaction`. */
export function verdictOf({ message }: RpcError): Verdict {
  if (KNOWN.test(message)) return "known";
  if (STALE.test(message)) return "stale";
  return REFUSED.some((words) => words.test(message)) ? "refused" : "unclear";
}
