import { activateValidator } from "../../actions/governance/activateValidator.js";
import { cancelProposal } from "../../actions/governance/cancelProposal.js";
import { executeProposal } from "../../actions/governance/executeProposal.js";
import { pruneValidator } from "../../actions/governance/pruneValidator.js";
import { queueProposal } from "../../actions/governance/queueProposal.js";
import { replaceValidator } from "../../actions/governance/replaceValidator.js";
import { retireValidator } from "../../actions/governance/retireValidator.js";
import { seatInvited } from "../../actions/governance/seatInvited.js";
import { vote } from "../../actions/governance/vote.js";
import { leave } from "../../actions/ledger/leave.js";
import type { ProposalView } from "../../actions/questions/proposals.js";
import { cancelRotation } from "../../actions/registry/cancelRotation.js";
import { completeRotation } from "../../actions/registry/completeRotation.js";
import { proposeRotation } from "../../actions/registry/proposeRotation.js";
import { recoverAccount } from "../../actions/registry/recoverAccount.js";
import { suspend } from "../../actions/registry/suspend.js";
import { suspendSelf } from "../../actions/registry/suspendSelf.js";
import { KeyRole, VoteType } from "../../chain/enums.js";
import { type Federation, asSender } from "../../chain/federation.js";
import type { Sent } from "../../chain/send.js";
import { signDocument } from "../../documents/hash.js";
import { type SignedActivation, signActivation } from "../../governance/activation.js";
import { describeProposal, proposalLines } from "../../governance/describeProposal.js";
import {
  type Context,
  type Facts,
  accountKey,
  argument,
  asAccount,
  cloudArgument,
  keyFrom,
  mistake,
  nodeKeyFrom,
  sendAfterShowing,
  sentFacts,
} from "./context.js";
import { findProposal, standingLines } from "./reading.js";

/* PROPOSALS */

async function linesOf(federation: Federation, what: string, proposal: ProposalView): Promise<string[]> {
  const described = await describeProposal(federation, proposal.calls);
  return [what, ...standingLines(proposal), ...proposalLines(described).map((line) => `  ${line}`)];
}

/** Does something to a proposal with any key that can send. */
function onProposal(what: string, act: (federation: Federation, proposal: ProposalView) => Promise<Sent>) {
  return async (context: Context): Promise<Facts> => {
    const proposal = await findProposal(context.federation, argument(context, 0, "ID"));
    const federation = asSender(context.federation, await accountKey(context));
    const sent = await sendAfterShowing(context, await linesOf(federation, what, proposal), () =>
      act(federation, proposal),
    );
    return { proposal: proposal.id.toString(), ...sentFacts(sent) };
  };
}

const VOTES: Readonly<Record<string, keyof typeof VoteType>> = { for: "For", against: "Against", abstain: "Abstain" };

async function castVote(context: Context): Promise<Facts> {
  const proposal = await findProposal(context.federation, argument(context, 0, "ID"));
  const word = context.args[1] ?? "for";
  const name = VOTES[word] ?? mistake(`${word} is none of ${Object.keys(VOTES).join(", ")}`);
  const { federation, cloud } = await asAccount(context);
  const lines = await linesOf(federation, `Cloud ${cloud} votes: ${word}`, proposal);
  const sent = await sendAfterShowing(context, lines, () => vote(federation, proposal.id, VoteType[name]));
  return { proposal: proposal.id.toString(), cloud, vote: word, ...sentFacts(sent) };
}

/* THE CLOUD ITSELF */

/** Sends as a cloud's account, after saying what. */
function asCloud(say: (cloud: number) => string, act: (federation: Federation, cloud: number) => Promise<Sent>) {
  return async (context: Context): Promise<Facts> => {
    const { federation, cloud } = await asAccount(context);
    const sent = await sendAfterShowing(context, [say(cloud)], () => act(federation, cloud));
    return { cloud, ...sentFacts(sent) };
  };
}

async function suspendAsGuardian(context: Context): Promise<Facts> {
  const cloud = cloudArgument(context, 0);
  const federation = asSender(context.federation, keyFrom(context.outside, "GUARDIAN_PRIVATE_KEY"));
  const lines = [`The guardian suspends cloud ${cloud} for 7 d. It keeps its vote, its validator and every exit.`];
  const sent = await sendAfterShowing(context, lines, () => suspend(federation, cloud));
  return { cloud, ...sentFacts(sent) };
}

/** How long a key's acceptance in these commands is good for: it is brought at once. */
const ACCEPTANCE_MS = 600_000n;

async function acceptanceOf(federation: Federation, key: ReturnType<typeof keyFrom>, cloud: number) {
  const block = await federation.provider.getBlock("latest");
  const validUntil = BigInt(block?.timestamp ?? 0) * 1_000n + ACCEPTANCE_MS;
  const document = { cloud, key: key.address, role: KeyRole.Account, validUntil };
  return { validUntil, signature: await signDocument(key, federation.registryDomain, "KeyAcceptance", document) };
}

/** The account names its follower; anyone completes that 48 hours later; account or recovery cancels it. */
async function rotate(context: Context): Promise<Facts> {
  const step = context.args[0] ?? "begin";
  switch (step) {
    case "begin": {
      const next = keyFrom(context.outside, "NEW_PRIVATE_KEY");
      const { federation, cloud } = await asAccount(context);
      const acceptance = await acceptanceOf(federation, next, cloud);
      const lines = [
        `Cloud ${cloud} rotates to the account ${next.address}, in 48 h; account or recovery can cancel it.`,
      ];
      const sent = await sendAfterShowing(context, lines, () =>
        proposeRotation(federation, cloud, next.address, acceptance),
      );
      return { cloud, account: next.address, ...sentFacts(sent) };
    }
    case "complete":
    case "cancel": {
      const cloud = cloudArgument(context, 1);
      const federation = asSender(context.federation, await accountKey(context));
      const act = step === "complete" ? completeRotation : cancelRotation;
      const lines = [`The rotation of cloud ${cloud} is to ${step}.`];
      return { cloud, ...sentFacts(await sendAfterShowing(context, lines, () => act(federation, cloud))) };
    }
    default:
      return mistake(`${step} is none of begin, complete, cancel`);
  }
}

async function recover(context: Context): Promise<Facts> {
  const cloud = cloudArgument(context, 0);
  const next = keyFrom(context.outside, "NEW_PRIVATE_KEY");
  const federation = asSender(context.federation, keyFrom(context.outside, "RECOVERY_PRIVATE_KEY"));
  const acceptance = await acceptanceOf(federation, next, cloud);
  const lines = [
    `The recovery address of cloud ${cloud} makes ${next.address} its account, at once. All its agents are void then.`,
  ];
  const sent = await sendAfterShowing(context, lines, () =>
    recoverAccount(federation, cloud, next.address, acceptance),
  );
  return { cloud, account: next.address, ...sentFacts(sent) };
}

async function leaveFederation(context: Context): Promise<Facts> {
  const { federation, cloud } = await asAccount(context);
  const { validators } = federation;
  const [validator, count] = await Promise.all([validators.validatorOf(cloud), validators.validatorCount()]);
  const hasValidator = BigInt(validator) !== 0n;
  const isPruned = hasValidator && count > 1n;
  const lines = [
    `Cloud ${cloud} leaves the federation: no vote any more; what it owes can still be settled and paid.`,
    ...(isPruned ? [`Then its validator ${validator} is taken out.`] : []),
    ...(hasValidator && !isPruned ? [`Its validator ${validator} is the last one and stays.`] : []),
  ];
  const sent = await sendAfterShowing(context, lines, () => leave(federation, cloud));
  const pruned = isPruned ? await pruneValidator(federation, cloud) : undefined;
  return { cloud, ...sentFacts(sent), pruned: pruned?.hash ?? null };
}

/* VALIDATORS */

function withNode(
  say: (cloud: number, node: string, previous: string) => string,
  act: (federation: Federation, cloud: number, signed: SignedActivation) => Promise<Sent>,
) {
  return async (context: Context): Promise<Facts> => {
    const node = nodeKeyFrom(context);
    const { federation, cloud } = await asAccount(context);
    const previous = await federation.validators.validatorOf(cloud);
    const lines = [say(cloud, node.address, previous)];
    // Signed after the question: the block must be young when it is sent.
    const sent = await sendAfterShowing(context, lines, async () =>
      act(federation, cloud, await signActivation(federation, node, cloud)),
    );
    return { cloud, validator: node.address, ...sentFacts(sent) };
  };
}

async function prune(context: Context): Promise<Facts> {
  const cloud = cloudArgument(context, 0);
  const federation = asSender(context.federation, await accountKey(context));
  const lines = [`The validator of cloud ${cloud}, which is no member any more, is taken out.`];
  return { cloud, ...sentFacts(await sendAfterShowing(context, lines, () => pruneValidator(federation, cloud))) };
}

async function seat(context: Context): Promise<Facts> {
  const node = nodeKeyFrom(context);
  const federation = asSender(context.federation, await accountKey(context));
  const lines = [`The invited node ${node.address} becomes a validator.`];
  const sent = await sendAfterShowing(context, lines, async () =>
    seatInvited(federation, await signActivation(federation, node, 0)),
  );
  return { validator: node.address, ...sentFacts(sent) };
}

/** Commands that act at once, by name. */
export const ACTS: Readonly<Record<string, (context: Context) => Promise<Facts>>> = {
  vote: castVote,
  queue: onProposal("Queue:", queueProposal),
  execute: onProposal("Execute:", executeProposal),
  cancel: onProposal("Take back:", cancelProposal),
  suspend: suspendAsGuardian,
  "suspend-self": asCloud(
    (cloud) => `Cloud ${cloud} suspends itself, until its recovery address or a vote lifts that.`,
    suspendSelf,
  ),
  rotate,
  recover,
  leave: leaveFederation,
  activate: withNode(
    (cloud, node) => `Cloud ${cloud} seats its validator ${node}. From then on it must run: it counts in the quorum.`,
    activateValidator,
  ),
  replace: withNode(
    (cloud, node, previous) => `Cloud ${cloud} puts ${node} in the place of its validator ${previous}.`,
    replaceValidator,
  ),
  retire: asCloud(
    (cloud) => `Cloud ${cloud} takes its validator out. It may come back after the return wait.`,
    retireValidator,
  ),
  prune,
  seat,
};
