import { type BaseContract, type Result, type TransactionDescription, getAddress } from "ethers";

import { readProposal } from "../actions/questions/proposals.js";
import { type ContractName, CONTRACT_NAMES } from "../chain/addressBook.js";
import { AccessRole, nameOf } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import { RevertError, asRevert } from "../errors/revert.js";
import { formatLength } from "../scenario/explain.js";
import { type ProposalCall, plainDescription, proposalIdOf } from "./proposal.js";

/** What one call of a proposal would do. */
export interface CallDescription {
  readonly call: ProposalCall;
  /** Contract and function, `CloudRegistry.admit`; undefined if the address book does not know them. */
  readonly name: string | undefined;
  /** In words. */
  readonly text: string;
  /** What should make one think twice. */
  readonly warnings: readonly string[];
  /** The refusal that the call would meet as things stand; undefined if there is none. Earlier calls may change that. */
  readonly refusal: string | undefined;
}

/** What a proposal would do. */
export interface ProposalDescription {
  readonly calls: readonly CallDescription[];
  /** Whether it needs no delay. */
  readonly isPrompt: boolean;
  /** Seconds from queueing to execution; zero if it is prompt. */
  readonly delay: bigint;
}

interface Words {
  readonly text: string;
  readonly warnings?: readonly string[];
}

type Speaker = (federation: Federation, args: Result) => Words | Promise<Words>;

/**
 * Says in words what a proposal's calls would do, before anything is sent: decoded by the interfaces of the federation's
 * contracts, and tried on the chain as it stands.
 */
export async function describeProposal(
  federation: Federation,
  calls: readonly ProposalCall[],
): Promise<ProposalDescription> {
  const targets = calls.map(({ target }) => target);
  const datas = calls.map(({ data }) => data);
  const [isPrompt, parameters, described] = await Promise.all([
    federation.governor.isPrompt(targets, datas),
    federation.governor.parameters(),
    Promise.all(calls.map((call) => describeCall(federation, call))),
  ]);
  return { calls: described, isPrompt, delay: isPrompt ? 0n : parameters.slowDelay };
}

/** The description as lines to read. */
export function proposalLines({ calls, isPrompt, delay }: ProposalDescription): string[] {
  const lines = calls.flatMap(({ text, warnings, refusal }, i) => [
    `${i + 1}. ${text}`,
    ...warnings.map((warning) => `   ! ${warning}`),
    ...(refusal === undefined ? [] : [`   ! as things stand it would be refused: ${refusal}`]),
  ]);
  const when = isPrompt ? "as soon as it is decided" : `${formatLength(Number(delay) * 1000)} after it was queued`;
  return [...lines, `Can be executed ${when}.`];
}

async function describeCall(federation: Federation, call: ProposalCall): Promise<CallDescription> {
  const [known, refusal] = await Promise.all([wordsFor(federation, call), refusalOf(federation, call)]);
  return { call, name: known.name, text: known.text, warnings: known.warnings ?? [], refusal };
}

async function wordsFor(federation: Federation, call: ProposalCall): Promise<Words & { readonly name?: string }> {
  const contract = contractAt(federation, call.target);
  const parsed = contract && parse(contract.typed, call.data);
  if (!contract || !parsed) {
    const where = contract?.name ?? `the contract ${getAddress(call.target)}, which the address book does not know`;
    return {
      text: `calls ${where} with ${call.data}`,
      warnings: ["nobody here can say what this does"],
    };
  }
  const name = `${contract.name}.${parsed.name}`;
  const speaker = SPEAKERS[name];
  return { name, ...(speaker ? await speaker(federation, parsed.args) : generic(name, parsed)) };
}

function contractAt(
  federation: Federation,
  address: string,
): { readonly name: ContractName; readonly typed: BaseContract } | undefined {
  const { authority, registry, exchange, ledger, validators, governor } = federation;
  const typed: { readonly [name in ContractName]: BaseContract } = {
    AccessManager: authority,
    CloudRegistry: registry,
    CapacityExchange: exchange,
    MigrationLedger: ledger,
    ValidatorSet: validators,
    FederationGovernor: governor,
  };
  const { contracts } = federation.addressBook;
  const name = CONTRACT_NAMES.find((one) => contracts[one].toLowerCase() === address.toLowerCase());
  return name && { name, typed: typed[name] };
}

function parse(contract: BaseContract, data: string): TransactionDescription | null {
  try {
    return contract.interface.parseTransaction({ data });
  } catch {
    // A known selector before bytes that are not its arguments.
    return null;
  }
}

/** Tried as the governor would call it. */
async function refusalOf(federation: Federation, { target, data }: ProposalCall): Promise<string | undefined> {
  const from = federation.addressBook.contracts.FederationGovernor;
  try {
    await federation.provider.send("eth_call", [{ from, to: target, data }, "latest"]);
    return undefined;
  } catch (thrown) {
    const reason = asRevert(thrown);
    if (reason instanceof RevertError) return reason.message;
    throw thrown;
  }
}

/* WORDS */

async function cloudNamed({ registry }: Federation, cloud: bigint): Promise<string> {
  if (cloud === 0n || cloud > (await registry.cloudCount())) return `cloud ${cloud}, which does not exist`;
  return `${(await registry.cloudOf(cloud)).label} (cloud ${cloud})`;
}

async function validatorNamed(federation: Federation, validator: string): Promise<string> {
  const [isSeated, cloud] = await federation.validators.seatOf(validator);
  if (!isSeated) return `${validator}, which is no validator`;
  return cloud === 0n
    ? `${validator} of an independent operator`
    : `${validator} of ${await cloudNamed(federation, cloud)}`;
}

const roleNamed = (role: bigint): string => nameOf(AccessRole, role);

function addressNamed({ addressBook }: Federation, address: string): string {
  const name = CONTRACT_NAMES.find((one) => addressBook.contracts[one].toLowerCase() === address.toLowerCase());
  return name ? `the ${name}` : address;
}

const seconds = (value: bigint): string => (value === 0n ? "0 s" : formatLength(Number(value) * 1000));

/** Parameters by name, with what they are now where that differs. */
function parameterWords(whose: string, now: Result, next: Result): Words {
  const before = now.toObject() as { readonly [name: string]: bigint };
  const after = next.toObject() as { readonly [name: string]: bigint };
  const changes = Object.entries(after)
    .filter(([name, value]) => before[name] !== value)
    .map(([name, value]) => `${name} from ${seconds(before[name] ?? 0n)} to ${seconds(value)}`);
  return { text: `sets ${whose}: ${changes.length === 0 ? "nothing changes" : changes.join(", ")}` };
}

function generic(name: string, { fragment, args }: TransactionDescription): Words {
  const values = fragment.inputs.map((input, i) => `${input.name}: ${show(args[i])}`);
  return { text: `calls ${name}(${values.join(", ")})` };
}

function show(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(show).join(", ")}]` : String(value);
}

const OUTSIDER_WARNING = "this gives power over the federation to an address that no vote stands behind";

const SPEAKERS: { readonly [name: string]: Speaker } = {
  "CloudRegistry.admit": async (federation, args) => {
    const candidate = args.candidate as Result;
    const cloud = args.cloud as bigint;
    const members = await federation.registry.memberCount();
    return {
      text:
        `admits "${String(candidate.label)}" as cloud ${cloud}: account ${String(candidate.account)}, recovery ` +
        `${String(candidate.recovery)}, reached at ${String(candidate.endpoint)}`,
      warnings: [`${members + 1n} members then need ${needed(members + 1n)} votes, and all votes in progress end`],
    };
  },
  "CloudRegistry.readmit": async (federation, args) => ({
    text: `makes ${await cloudNamed(federation, args.cloud as bigint)} a member again, under its old keys`,
    warnings: ["all votes in progress end"],
  }),
  "CloudRegistry.expel": async (federation, args) => {
    const members = await federation.registry.memberCount();
    return {
      text:
        `expels ${await cloudNamed(federation, args.cloud as bigint)}: no vote, no new business; it can bring its VMs ` +
        "home, claim and settle",
      warnings: [
        `${members - 1n} members then need ${needed(members - 1n)} votes, and all votes in progress end`,
        "its validator stays until somebody prunes it",
      ],
    };
  },
  "CloudRegistry.confirmSuspension": async (federation, args) => ({
    text:
      `suspends ${await cloudNamed(federation, args.cloud as bigint)} until a vote lifts that: no new business; it keeps ` +
      "its vote, its validator and every exit",
  }),
  "CloudRegistry.liftSuspension": async (federation, args) => ({
    text: `lifts the suspension of ${await cloudNamed(federation, args.cloud as bigint)}`,
  }),
  "CloudRegistry.announceReplacement": async (federation, args) => ({
    text:
      `announces other keys for ${await cloudNamed(federation, args.cloud as bigint)}: account ${String(args.account)}, ` +
      `recovery ${String(args.recovery)}; they take effect 7 d later unless the cloud's own keys stop that`,
  }),
  "CloudRegistry.withdrawReplacement": async (federation, args) => ({
    text: `takes back the announced keys of ${await cloudNamed(federation, args.cloud as bigint)}`,
  }),
  "CapacityExchange.setFeature": (_federation, args) => ({
    text: `gives feature bit ${String(args.bit)} the name "${String(args.name)}"`,
  }),
  "CapacityExchange.retireFeature": (_federation, args) => ({
    text: `takes feature bit ${String(args.bit)} out of use`,
  }),
  "MigrationLedger.closeForNew": () => ({
    text: "closes the ledger for new business, for good; every exit goes on",
  }),
  "MigrationLedger.setSuccessor": (federation, args) => ({
    text: `names ${addressNamed(federation, String(args[0]))} as the ledger to which home and host may take VMs`,
  }),
  "MigrationLedger.setParameters": async (federation, args) =>
    parameterWords("the ledger's limits", asResult(await federation.ledger.parameters()), args[0] as Result),
  "ValidatorSet.inviteValidator": (_federation, args) => ({
    text: `lets the node ${String(args.validator)} of an independent operator become a validator, within 30 d; it has no vote`,
  }),
  "ValidatorSet.withdrawInvitation": (_federation, args) => ({
    text: `takes back the invitation of the node ${String(args.validator)}`,
  }),
  "ValidatorSet.removeValidator": async (federation, args) => {
    const left = (await federation.validators.validatorCount()) - 1n;
    return {
      text: `takes out the validator ${await validatorNamed(federation, String(args.validator))}; ${left} remain`,
      warnings: left < 4n ? [`with ${left} validators the chain tolerates no faulty one`] : [],
    };
  },
  "ValidatorSet.setParameters": async (federation, args) =>
    parameterWords(
      "the validator set's parameters",
      asResult(await federation.validators.parameters()),
      args[0] as Result,
    ),
  "FederationGovernor.setParameters": async (federation, args) =>
    parameterWords("governance's parameters", asResult(await federation.governor.parameters()), args[0] as Result),
  "FederationGovernor.cancelByVote": cancelWords,
  "AccessManager.grantRole": (federation, args) => {
    const role = args.roleId as bigint;
    const account = String(args.account);
    const isGovernance = role === BigInt(AccessRole.ADMIN) || role === BigInt(AccessRole.GOVERNANCE);
    return {
      text: `gives the role ${roleNamed(role)} to ${addressNamed(federation, account)}`,
      warnings: isGovernance ? [OUTSIDER_WARNING] : [],
    };
  },
  "AccessManager.revokeRole": (federation, args) => {
    const role = args.roleId as bigint;
    return {
      text: `takes the role ${roleNamed(role)} from ${addressNamed(federation, String(args.account))}`,
      warnings: role === BigInt(AccessRole.LEDGER) ? ["nobody can leave the federation while no ledger has it"] : [],
    };
  },
  "AccessManager.labelRole": (_federation, args) => ({
    text: `labels role ${String(args.roleId)} "${String(args.label)}"`,
  }),
  "AccessManager.setTargetFunctionRole": (federation, args) => {
    const target = String(args.target);
    const contract = contractAt(federation, target)?.typed;
    const names = [...(args.selectors as Iterable<string>)].map(
      (selector) => contract?.interface.getFunction(selector)?.name ?? selector,
    );
    return {
      text: `restricts ${names.join(", ")} of ${addressNamed(federation, target)} to the role ${roleNamed(args.roleId as bigint)}`,
    };
  },
};

/** Two thirds of all members, rounded up. */
function needed(members: bigint): bigint {
  return (2n * members + 2n) / 3n;
}

function asResult(value: unknown): Result {
  return value as Result;
}

async function cancelWords(federation: Federation, args: Result): Promise<Words> {
  const [targets, values, calldatas, descriptionHash] = args.toArray() as [Result, Result, Result, string];
  const hashed = [targets.toArray(), values.toArray(), calldatas.toArray(), descriptionHash] as const;
  const id: bigint = await federation.governor.hashProposal(...(hashed as unknown as HashArguments));
  try {
    const found = await readProposal(federation, id);
    const inner = await describeProposal(federation, found.calls);
    return {
      text: `cancels proposal ${proposalIdOf(found)}, "${plainDescription(found.description)}": ${inner.calls
        .map(({ text }) => text)
        .join("; ")}`,
    };
  } catch (thrown) {
    if (!(thrown instanceof BusError) || thrown.code !== "UNKNOWN_PROPOSAL") throw thrown;
    return { text: `cancels proposal ${id}`, warnings: ["nobody made such a proposal"] };
  }
}

type HashArguments = [string[], bigint[], string[], string];
