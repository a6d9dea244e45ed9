import type { Result } from "ethers";

import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { readAll, readAround } from "../../chain/logs.js";
import { BusError } from "../../errors/busError.js";
import { RevertError } from "../../errors/revert.js";
import type { ProposalDraft } from "../../governance/proposal.js";

/** A proposal with its calls, and how it stands. Times are seconds since the epoch; zero for not known yet. */
export interface ProposalView extends ProposalDraft {
  readonly id: bigint;
  /** Number of the cloud that made it. */
  readonly proposer: number;
  /** A value of `ProposalState`. */
  readonly state: number;
  readonly isPrompt: boolean;
  readonly snapshot: bigint;
  readonly deadline: bigint;
  readonly decidedAt: bigint;
  readonly executableAt: bigint;
  readonly expiresAt: bigint;
  readonly votesFor: number;
  readonly votesNeeded: number;
  readonly members: number;
}

interface Created {
  readonly id: bigint;
  readonly draft: ProposalDraft;
}

async function createdIn({ governor, provider }: Federation, from: number, to: number): Promise<Created[]> {
  const logs = await provider.getLogs({
    address: await governor.getAddress(),
    topics: [governor.interface.getEvent("ProposalCreated").topicHash],
    fromBlock: from,
    toBlock: to,
  });
  return logs.flatMap((log) => {
    const args = governor.interface.parseLog(log)?.args;
    return args ? [fromEvent(args)] : [];
  });
}

function fromEvent(args: Result): Created {
  const targets = [...(args.targets as Iterable<string>)];
  const datas = [...(args.calldatas as Iterable<string>)];
  const calls = targets.map((target, i) => ({ target, data: datas[i] ?? "0x" }));
  return { id: args.proposalId as bigint, draft: { calls, description: String(args.description) } };
}

async function viewOf({ governor }: Federation, { id, draft }: Created): Promise<ProposalView> {
  const found = await ask(governor.proposalOf(id));
  return {
    ...draft,
    id,
    proposer: Number(found.proposer),
    state: Number(found.state),
    isPrompt: found.isPrompt,
    snapshot: found.snapshot,
    deadline: found.deadline,
    decidedAt: found.decidedAt,
    executableAt: found.executableAt,
    expiresAt: found.expiresAt,
    votesFor: Number(found.votesFor),
    votesNeeded: Number(found.votesNeeded),
    members: Number(found.members),
  };
}

/** Every proposal that was ever made, oldest first. */
export async function proposalsOf(federation: Federation): Promise<ProposalView[]> {
  const all = await readAll(federation.provider, (from, to) => createdIn(federation, from, to));
  return Promise.all(all.map((one) => viewOf(federation, one)));
}

/**
 * A proposal by its id.
 * @throws BusError `UNKNOWN_PROPOSAL` if nobody made it.
 */
export async function readProposal(federation: Federation, id: bigint): Promise<ProposalView> {
  const { provider, governor } = federation;
  const { snapshot } = await ask(governor.proposalOf(id)).catch((thrown: unknown) => {
    if (!(thrown instanceof RevertError)) throw thrown;
    throw new BusError("UNKNOWN_PROPOSAL", `there is no proposal ${id}`, { cause: thrown });
  });
  // It can be voted on from the next second on: the snapshot is the time of the block that it was made in.
  const read = async (from: number, to: number) =>
    (await createdIn(federation, from, to)).filter((one) => one.id === id);
  const [found] = await readAround(provider, read, snapshot * 1_000n);
  if (!found) throw new BusError("UNKNOWN_PROPOSAL", `no event of proposal ${id} is to be found`);
  return viewOf(federation, found);
}
