import { isAddress } from "ethers";

import { propose } from "../../actions/governance/propose.js";
import { AccessRole, CloudStatus, nameOf } from "../../chain/enums.js";
import type { Federation } from "../../chain/federation.js";
import { eventOf } from "../../chain/send.js";
import {
  admissionCall,
  cancellationCall,
  expulsionCall,
  governanceParametersCall,
  invitationCall,
  ledgerParametersCall,
  liftCall,
  readmissionCall,
  removalCall,
  replacementCall,
  roleCall,
  suspensionCall,
  validatorParametersCall,
  withdrawalCall,
} from "../../governance/calls.js";
import { type ProposalDescription, describeProposal, proposalLines } from "../../governance/describeProposal.js";
import { type ProposalCall, proposalIdOf, protectedDraft } from "../../governance/proposal.js";
import { type Acceptance, type CandidateFile, parseAcceptance, parseCandidate } from "./candidate.js";
import {
  type Context,
  type Facts,
  argument,
  asAccount,
  cloudArgument,
  mistake,
  readJson,
  sendAfterShowing,
  sentFacts,
} from "./context.js";
import { findProposal } from "./reading.js";

/** What a command proposes, with the words for it unless `--description` gives others. */
interface Matter {
  readonly calls: readonly ProposalCall[];
  readonly description: string;
}

type MatterOf = (context: Context) => Promise<Matter>;

async function labelOf({ registry }: Federation, cloud: number): Promise<string> {
  if (cloud > Number(await registry.cloudCount())) mistake(`CLOUD: there is no cloud ${cloud}`);
  return (await registry.cloudOf(cloud)).label;
}

/** A matter about one cloud, by the name of what happens to it. */
function aboutCloud(verb: string, callFor: (federation: Federation, cloud: number) => Promise<ProposalCall>): MatterOf {
  return async (context) => {
    const cloud = cloudArgument(context, 0);
    const label = await labelOf(context.federation, cloud);
    return { calls: [await callFor(context.federation, cloud)], description: `${verb} ${label} (cloud ${cloud})` };
  };
}

/** A matter about one node. */
function aboutNode(verb: string, callFor: (federation: Federation, node: string) => Promise<ProposalCall>): MatterOf {
  return async (context) => {
    const node = argument(context, 0, "NODE");
    if (!isAddress(node)) mistake(`NODE: ${String(node)} is no address`);
    return { calls: [await callFor(context.federation, node)], description: `${verb} ${node}` };
  };
}

const admission: MatterOf = async (context) => {
  const { cloud, candidate, account, recovery }: CandidateFile = parseCandidate(readJson(argument(context, 0, "FILE")));
  return {
    calls: [await admissionCall(context.federation, cloud, candidate, account, recovery)],
    description: `Admit ${candidate.label} as cloud ${cloud}`,
  };
};

const readmission: MatterOf = async (context) => {
  const cloud = cloudArgument(context, 0);
  const acceptance: Acceptance = parseAcceptance(readJson(argument(context, 1, "FILE")), "/");
  const label = await labelOf(context.federation, cloud);
  return {
    calls: [await readmissionCall(context.federation, cloud, acceptance)],
    description: `Readmit ${label} (cloud ${cloud})`,
  };
};

const replacement: MatterOf = async (context) => {
  const cloud = cloudArgument(context, 0);
  const { candidate, account, recovery } = parseCandidate(readJson(argument(context, 1, "FILE")));
  const keys = { account: candidate.account, recovery: candidate.recovery };
  const label = await labelOf(context.federation, cloud);
  return {
    calls: [await replacementCall(context.federation, cloud, keys, account, recovery)],
    description: `Replace the keys of ${label} (cloud ${cloud})`,
  };
};

const role: MatterOf = async (context) => {
  const what = argument(context, 0, "grant or revoke");
  const name = argument(context, 1, "ROLE");
  const account = argument(context, 2, "ADDRESS");
  if (what !== "grant" && what !== "revoke") mistake(`${what} is neither grant nor revoke`);
  const known = Object.entries(AccessRole).find(([one]) => one === name);
  if (!known) mistake(`ROLE: ${name} is none of ${Object.keys(AccessRole).join(", ")}`);
  if (!isAddress(account)) mistake(`ADDRESS: ${String(account)} is no address`);
  return {
    calls: [await roleCall(context.federation, what, BigInt(known[1]), account)],
    description: `${what === "grant" ? "Give" : "Take"} ${name} ${what === "grant" ? "to" : "from"} ${account}`,
  };
};

const cancellation: MatterOf = async (context) => {
  const found = await findProposal(context.federation, argument(context, 0, "ID"));
  return { calls: [await cancellationCall(context.federation, found)], description: `Cancel proposal ${found.id}` };
};

/** Present parameters with the changes that were typed, each within its name. */
function changed<P extends object>(now: P, changes: readonly string[]): { [name in keyof P]: bigint } {
  const next = { ...now } as { [name: string]: bigint };
  if (changes.length === 0) mistake("NAME=SECONDS is missing");
  for (const change of changes) {
    const [, name = "", value = ""] = /^([A-Za-z]+)=([0-9]+)$/.exec(change) ?? mistake(`${change} is no NAME=SECONDS`);
    if (!(name in next)) mistake(`${name} is none of ${Object.keys(next).join(", ")}`);
    next[name] = BigInt(value);
  }
  return next as { [name in keyof P]: bigint };
}

interface Named {
  toObject(): Record<string, unknown>;
}

/** Named values of a struct that ethers decoded. */
function named<P extends object>(struct: P): P {
  return (struct as unknown as Named).toObject() as P;
}

const parameters: MatterOf = async (context) => {
  const { federation, args } = context;
  const whose = argument(context, 0, "ledger, validators or governance");
  const changes = args.slice(1);
  const description = `Set parameters of ${whose}: ${changes.join(", ")}`;
  switch (whose) {
    case "ledger": {
      const next = changed(named(await federation.ledger.parameters()), changes);
      return { calls: [await ledgerParametersCall(federation, next)], description };
    }
    case "validators": {
      const next = changed(named(await federation.validators.parameters()), changes);
      return { calls: [await validatorParametersCall(federation, next)], description };
    }
    case "governance": {
      const next = changed(named(await federation.governor.parameters()), changes);
      return { calls: [await governanceParametersCall(federation, next)], description };
    }
    default:
      return mistake(`${whose} is none of ledger, validators, governance`);
  }
};

/** Any calls, from a file: `[{"target": "0x…", "data": "0x…"}]`. */
const anything: MatterOf = (context) => {
  const path = argument(context, 0, "FILE");
  const json = readJson(path);
  if (!Array.isArray(json) || json.length === 0) return mistake(`${path} is no list of calls`);
  const calls = (json as unknown[]).map((entry, i): ProposalCall => {
    const { target, data } = (entry ?? {}) as { target?: unknown; data?: unknown };
    if (typeof target !== "string" || !isAddress(target)) mistake(`${path}: /${i}/target is no address`);
    if (typeof data !== "string" || !/^0x([0-9a-fA-F]{2})*$/.test(data)) mistake(`${path}: /${i}/data is no hex`);
    return { target, data };
  });
  return Promise.resolve({ calls, description: `Calls of ${path}` });
};

/** Commands that propose something, by name. */
export const MATTERS: Readonly<Record<string, MatterOf>> = {
  propose: anything,
  "propose-admission": admission,
  "propose-readmission": readmission,
  "propose-expulsion": aboutCloud("Expel", expulsionCall),
  "propose-replacement": replacement,
  "propose-invitation": aboutNode("Invite the node", invitationCall),
  "propose-withdrawal": aboutNode("Withdraw the invitation of the node", withdrawalCall),
  "propose-removal": aboutNode("Remove the validator", removalCall),
  "propose-parameters": parameters,
  "propose-role": role,
  "propose-cancel": cancellation,
  confirm: aboutCloud("Suspend", suspensionCall),
  lift: aboutCloud("Lift the suspension of", liftCall),
};

/** A description as facts. */
export function describedFacts({ calls, isPrompt, delay }: ProposalDescription): Facts {
  return {
    isPrompt,
    delaySeconds: Number(delay),
    calls: calls.map(({ call, name, text, warnings, refusal }) => ({ ...call, name, text, warnings, refusal })),
  };
}

/** Proposes a matter: shows it in words, asks, sends. */
export async function proposeMatter(context: Context, matterOf: MatterOf): Promise<Facts> {
  const { calls, description } = await matterOf(context);
  const { federation, cloud } = await asAccount(context);
  const sender = await federation.signer?.getAddress();
  // The block makes the words new: what was proposed once cannot be proposed again in the same words.
  const words = context.options.description ?? `${description} [block ${await federation.provider.getBlockNumber()}]`;
  const draft = protectedDraft({ calls, description: words }, sender ?? "");
  const described = await describeProposal(federation, calls);
  const status = await federation.registry.statusOf(cloud);
  const lines = [
    `Proposal of cloud ${cloud} (${nameOf(CloudStatus, status)}): ${words}`,
    ...proposalLines(described).map((line) => `  ${line}`),
  ];
  const sent = await sendAfterShowing(context, lines, () => propose(federation, draft));
  const id = eventOf(sent, "ProposalCreated").args.proposalId as bigint;
  context.outside.print(`Proposal ${id}. Members vote with: vote ${id}`);
  return {
    proposal: proposalIdOf(draft).toString(),
    description: draft.description,
    ...describedFacts(described),
    ...sentFacts(sent),
  };
}
