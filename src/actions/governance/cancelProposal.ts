import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { type ProposalDraft, hashedArguments } from "../../governance/proposal.js";

/**
 * Takes a proposal back that is not decided yet. The account of the cloud that made it sends.
 * @param draft The proposal's calls and description: {@link readProposal} finds them.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function cancelProposal(federation: Federation, draft: ProposalDraft, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.governor, "cancel", [...hashedArguments(draft)], options);
}
