import { type BaseContract, type Signer, id } from "ethers";

import { ask } from "../../src/chain/ask.js";
import { type Federation, asSender } from "../../src/chain/federation.js";
import { type Sent, send } from "../../src/chain/send.js";
import type { ChainClock } from "./chain.js";

/** One call that a proposal makes. */
export interface ProposedCall {
  readonly contract: BaseContract;
  readonly name: string;
  readonly args: readonly unknown[];
}

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
  calls: readonly ProposedCall[],
  description: string,
): Promise<Sent> {
  const { governor } = federation;
  const [first] = voters;
  const targets = await Promise.all(calls.map(({ contract }) => contract.getAddress()));
  const values = calls.map(() => 0n);
  const datas = calls.map(({ contract, name, args }) => contract.interface.encodeFunctionData(name, args));
  const stored = [targets, values, datas, id(description)] as const;
  const sendAs = (signer: Signer, name: string, args: readonly unknown[]): Promise<Sent> =>
    send(asSender(federation, signer), governor, name, args);
  const proposal = await ask(governor.hashProposal([...targets], [...values], [...datas], id(description)));

  await sendAs(first, "propose", [targets, values, datas, description]);
  const { snapshot, votesNeeded, isPrompt } = await ask(governor.proposalOf(proposal));
  await clock.waitUntil(snapshot + 1n);
  for (const voter of voters.slice(0, Number(votesNeeded))) await sendAs(voter, "castVote", [proposal, 1]);
  const { decidedAt } = await ask(governor.proposalOf(proposal));
  await clock.waitUntil(decidedAt + 1n);
  if (!isPrompt) {
    await sendAs(first, "queue", stored);
    const { executableAt } = await ask(governor.proposalOf(proposal));
    await clock.waitUntil(executableAt);
  }
  return sendAs(first, "execute", stored);
}
