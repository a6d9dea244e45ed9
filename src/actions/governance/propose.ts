import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { type ProposalDraft, proposalArguments } from "../../governance/proposal.js";

/**
 * Proposes calls. An Active cloud's account sends. The event `ProposalCreated` has the id.
 * @param draft The calls with a description. {@link protectedDraft} keeps others from proposing it first.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function propose(federation: Federation, draft: ProposalDraft, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.governor, "propose", [...proposalArguments(draft)], options);
}
