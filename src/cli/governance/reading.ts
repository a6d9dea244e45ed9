import { type ProposalView, proposalsOf } from "../../actions/questions/proposals.js";
import { cloudsOf } from "../../actions/questions/clouds.js";
import { Ballot, CloudStatus, ProposalState, nameOf } from "../../chain/enums.js";
import { type Federation, readHead } from "../../chain/federation.js";
import { describeProposal, proposalLines } from "../../governance/describeProposal.js";
import { plainDescription } from "../../governance/proposal.js";
import type { Context, Facts } from "./context.js";
import { mistake } from "./context.js";

/** A proposal by its id, or by the first digits of it if no other begins like that. */
export async function findProposal(federation: Federation, text: string): Promise<ProposalView> {
  if (!/^[0-9]+$/.test(text)) mistake(`ID: ${text} is no proposal's id`);
  const found = (await proposalsOf(federation)).filter(({ id }) => id.toString().startsWith(text));
  const [only] = found;
  if (!only) return mistake(`there is no proposal ${text}`);
  return found.length === 1 ? only : mistake(`${found.length} proposals begin with ${text}`);
}

const when = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");

/** How a proposal stands, as lines to read. */
export function standingLines(proposal: ProposalView): string[] {
  const { id, state, description, votesFor, votesNeeded, members, deadline, executableAt, expiresAt } = proposal;
  const name = nameOf(ProposalState, state);
  const times =
    state === ProposalState.Active || state === ProposalState.Pending
      ? `vote until ${when(deadline)}`
      : state === ProposalState.Queued
        ? `execute from ${when(executableAt)} to ${when(expiresAt)}`
        : state === ProposalState.Succeeded
          ? `${proposal.isPrompt ? "execute" : "queue"} until ${when(expiresAt)}`
          : "over";
  return [
    `${name.padEnd(9)} ${plainDescription(description)}`,
    `          ${id}`,
    `          by cloud ${proposal.proposer}; ${votesFor} of ${votesNeeded} votes needed, of ${members}; ${times}`,
  ];
}

/** A proposal as facts. */
export function proposalFacts(proposal: ProposalView): Facts {
  const number = (value: bigint) => Number(value);
  return {
    id: proposal.id.toString(),
    description: plainDescription(proposal.description),
    proposer: proposal.proposer,
    state: nameOf(ProposalState, proposal.state),
    isPrompt: proposal.isPrompt,
    snapshot: number(proposal.snapshot),
    deadline: number(proposal.deadline),
    decidedAt: number(proposal.decidedAt),
    executableAt: number(proposal.executableAt),
    expiresAt: number(proposal.expiresAt),
    votesFor: proposal.votesFor,
    votesNeeded: proposal.votesNeeded,
    members: proposal.members,
    calls: proposal.calls,
  };
}

async function showOne({ federation, outside }: Context, text: string): Promise<Facts> {
  const proposal = await findProposal(federation, text);
  const [described, clouds] = await Promise.all([describeProposal(federation, proposal.calls), cloudsOf(federation)]);
  const ballots = await Promise.all(
    clouds.map(async ({ cloud, label }) => {
      const ballot = nameOf(Ballot, await federation.governor.ballotOf(proposal.id, cloud));
      return { cloud, label, ballot };
    }),
  );
  for (const line of standingLines(proposal)) outside.print(line);
  for (const line of proposalLines(described)) outside.print(`  ${line}`);
  const cast = ballots.filter(({ ballot }) => ballot !== "None");
  for (const { label, ballot } of cast) outside.print(`  ${label}: ${ballot}`);
  return { ...proposalFacts(proposal), words: described.calls.map((call) => call.text), ballots: cast };
}

/** The federation: members, validators, parameters, proposals; or one proposal. */
export async function show(context: Context): Promise<Facts> {
  const [text] = context.args;
  if (text !== undefined) return showOne(context, text);
  const { federation, outside } = context;
  const { governor, validators, registry } = federation;
  const [clouds, list, proposals, isTest, settings, head, needed] = await Promise.all([
    cloudsOf(federation),
    validators.getValidators(),
    proposalsOf(federation),
    governor.IS_TEST(),
    governor.parameters(),
    readHead(federation.provider),
    registry.memberCount().then((count) => (2n * count + 2n) / 3n),
  ]);
  const seats = await Promise.all(
    [...list].map(async (validator) => ({ validator, cloud: Number((await validators.seatOf(validator)).cloud) })),
  );
  const warnings = [
    ...(isTest ? ["this federation was founded for tests: its delays may be short"] : []),
    ...(list.length < 4 ? [`${list.length} validators tolerate no faulty one: four do`] : []),
  ];
  const print = (line: string): void => {
    outside.print(line);
  };
  print(`Block ${head.number}, ${when(head.timeMs / 1000n)}`);
  for (const warning of warnings) print(`! ${warning}`);
  print(`Members decide with ${needed} votes; what is not prompt waits ${settings.slowDelay} s.`);
  for (const { cloud, label, status } of clouds) {
    const own = seats.find((seat) => seat.cloud === cloud)?.validator ?? "no validator";
    print(`  ${String(cloud).padStart(3)} ${label.padEnd(20)} ${nameOf(CloudStatus, status).padEnd(9)} ${own}`);
  }
  for (const { validator } of seats.filter(({ cloud }) => cloud === 0))
    print(`      independent operator ${validator}`);
  print(proposals.length === 0 ? "No proposals." : "Proposals:");
  for (const proposal of proposals) for (const line of standingLines(proposal)) print(`  ${line}`);
  return {
    block: head.number,
    warnings,
    votesNeeded: Number(needed),
    slowDelay: Number(settings.slowDelay),
    clouds: clouds.map(({ cloud, label, status, account }) => ({
      cloud,
      label,
      status: nameOf(CloudStatus, status),
      account,
      validator: seats.find((seat) => seat.cloud === cloud)?.validator ?? null,
    })),
    validators: [...list],
    proposals: proposals.map(proposalFacts),
  };
}
