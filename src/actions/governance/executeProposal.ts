import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { type ProposalDraft, hashedArguments } from "../../governance/proposal.js";

/**
 * Executes a proposal: as soon as it is decided if it is prompt, otherwise when its delay is over. Anyone may send.
 * @param draft The proposal's calls and description: {@link readProposal} finds them.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function executeProposal(federation: Federation, draft: ProposalDraft, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.governor, "execute", [...hashedArguments(draft)], options);
}
