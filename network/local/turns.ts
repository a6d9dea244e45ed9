import { getAddress } from "ethers";

/** Sorted as Besu sorts validators: by address. */
function sorted(validators: readonly string[]): string[] {
  return validators.map(getAddress).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
}

/**
 * Whose turn it is to propose a block in a round: the validators take turns in the order of their addresses, from the one
 * after the proposer of the block before (Besu's `BftProposerSelector`, which changes the proposer with every block).
 * @param previous Proposer of the block before; it need not be a validator any more.
 */
export function proposerOf(validators: readonly string[], previous: string, round: number): string {
  const order = sorted(validators);
  const after = order.findIndex((address) => BigInt(address) > BigInt(previous));
  const first = after < 0 ? 0 : after;
  return order[(first + round) % order.length] ?? "";
}

/** The validators that missed their turn at a block: one for each round before the one in which it was agreed on. */
export function missedTurns(validators: readonly string[], previous: string, round: number): string[] {
  return Array.from({ length: round }, (_, missed) => proposerOf(validators, previous, missed));
}

/** How many validators must agree: ceil(2n/3). */
export function quorumOf(validators: number): number {
  return Math.ceil((2 * validators) / 3);
}
