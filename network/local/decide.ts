import type { Signer } from "ethers";

import { executeProposal } from "../../src/actions/governance/executeProposal.js";
import { propose } from "../../src/actions/governance/propose.js";
import { queueProposal } from "../../src/actions/governance/queueProposal.js";
import { vote } from "../../src/actions/governance/vote.js";
import { ask } from "../../src/chain/ask.js";
import { type Federation, asSender } from "../../src/chain/federation.js";
import type { Sent } from "../../src/chain/send.js";
import { type ProposalCall, proposalIdOf, protectedDraft } from "../../src/governance/proposal.js";
import type { ChainClock } from "./chain.js";

/** OpenZeppelin's `support` of a vote in favour. */
const FOR = 1;

/**
 * Carries a proposal through by the accounts given, which must be enough: propose, vote, queue unless it is prompt, wait,
 * execute. Every step waits for the chain's own time.
 * @returns The execution, with its events.
 * @throws RevertError if the governor, or what the proposal calls, refuses.
 */
export async function decide(
  federation: Federation,
  clock: ChainClock,
  voters: readonly [Signer, ...Signer[]],
  calls: readonly ProposalCall[],
  description: string,
): Promise<Sent> {
  const [first] = voters;
  const proposer = asSender(federation, first);
  const draft = protectedDraft({ calls, description }, await first.getAddress());
  const id = proposalIdOf(draft);
  const stand = () => ask(federation.governor.proposalOf(id));

  await propose(proposer, draft);
  const { snapshot, votesNeeded, isPrompt } = await stand();
  await clock.waitUntil(snapshot + 1n);
  for (const voter of voters.slice(0, Number(votesNeeded))) await vote(asSender(federation, voter), id, FOR);
  await clock.waitUntil((await stand()).decidedAt + 1n);
  if (!isPrompt) {
    await queueProposal(proposer, draft);
    await clock.waitUntil((await stand()).executableAt);
  }
  return executeProposal(proposer, draft);
}
