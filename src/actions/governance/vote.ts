import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Votes on a proposal, in place of what the cloud voted before. A member's account sends.
 * @param proposalId The proposal.
 * @param support A value of `VoteType`.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function vote(
  federation: Federation,
  proposalId: bigint,
  support: number,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.governor, "castVote", [proposalId, support], options);
}
