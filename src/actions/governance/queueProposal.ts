import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { type ProposalDraft, hashedArguments } from "../../governance/proposal.js";

/**
 * Queues a proposal that was decided and must wait for the slow delay. Anyone may send.
 * @param draft The proposal's calls and description: {@link readProposal} finds them.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function queueProposal(federation: Federation, draft: ProposalDraft, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.governor, "queue", [...hashedArguments(draft)], options);
}
