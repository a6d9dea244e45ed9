import { type FunctionFragment, Interface } from "ethers";

import { acknowledge } from "../actions/charging/acknowledge.js";
import { postNotes } from "../actions/charging/postNotes.js";
import { settle } from "../actions/charging/settle.js";
import { settleCredit } from "../actions/charging/settleCredit.js";
import { settleJointly } from "../actions/charging/settleJointly.js";
import { withdrawSignature } from "../actions/charging/withdrawSignature.js";
import { activateValidator } from "../actions/governance/activateValidator.js";
import { cancelProposal } from "../actions/governance/cancelProposal.js";
import { executeProposal } from "../actions/governance/executeProposal.js";
import { inviteValidator } from "../actions/governance/inviteValidator.js";
import { propose } from "../actions/governance/propose.js";
import { pruneValidator } from "../actions/governance/pruneValidator.js";
import { queueProposal } from "../actions/governance/queueProposal.js";
import { removeValidator } from "../actions/governance/removeValidator.js";
import { replaceValidator } from "../actions/governance/replaceValidator.js";
import { retireValidator } from "../actions/governance/retireValidator.js";
import { seatInvited } from "../actions/governance/seatInvited.js";
import { setValidatorParameters } from "../actions/governance/setValidatorParameters.js";
import { vote } from "../actions/governance/vote.js";
import { withdrawInvitation } from "../actions/governance/withdrawInvitation.js";
import { abort } from "../actions/ledger/abort.js";
import { abortMutually } from "../actions/ledger/abortMutually.js";
import { adopt } from "../actions/ledger/adopt.js";
import { agree } from "../actions/ledger/agree.js";
import { amend } from "../actions/ledger/amend.js";
import { closeForNew } from "../actions/ledger/closeForNew.js";
import { complete } from "../actions/ledger/complete.js";
import { contestLoss } from "../actions/ledger/contestLoss.js";
import { declareLost } from "../actions/ledger/declareLost.js";
import { evacuate } from "../actions/ledger/evacuate.js";
import { expire } from "../actions/ledger/expire.js";
import { giveNotice } from "../actions/ledger/giveNotice.js";
import { leave } from "../actions/ledger/leave.js";
import { pauseNew } from "../actions/ledger/pauseNew.js";
import { record } from "../actions/ledger/record.js";
import { register } from "../actions/ledger/register.js";
import { release } from "../actions/ledger/release.js";
import { releaseFromMove } from "../actions/ledger/releaseFromMove.js";
import { restore } from "../actions/ledger/restore.js";
import { resumeNew } from "../actions/ledger/resumeNew.js";
import { revoke } from "../actions/ledger/revoke.js";
import { setParameters } from "../actions/ledger/setParameters.js";
import { setSuccessor } from "../actions/ledger/setSuccessor.js";
import { start } from "../actions/ledger/start.js";
import { stop } from "../actions/ledger/stop.js";
import { stopFromMove } from "../actions/ledger/stopFromMove.js";
import { succeedVm } from "../actions/ledger/succeedVm.js";
import { terminate } from "../actions/ledger/terminate.js";
import { withdrawLoss } from "../actions/ledger/withdrawLoss.js";
import { attestFeatures } from "../actions/exchange/attestFeatures.js";
import { offer } from "../actions/exchange/offer.js";
import { retireFeature } from "../actions/exchange/retireFeature.js";
import { setFeature } from "../actions/exchange/setFeature.js";
import { withdrawOffer } from "../actions/exchange/withdrawOffer.js";
import { claim } from "../actions/oracle/claim.js";
import { finalise } from "../actions/oracle/finalise.js";
import { object as objectTo } from "../actions/oracle/object.js";
import { observe } from "../actions/oracle/observe.js";
import { openWindows } from "../actions/oracle/openWindows.js";
import { reportAgreed } from "../actions/oracle/reportAgreed.js";
import { setPeriods } from "../actions/oracle/setPeriods.js";
import { postMove } from "../actions/reputation/postMove.js";
import { postResults } from "../actions/reputation/postResults.js";
import { postUnfinished } from "../actions/reputation/postUnfinished.js";
import { setReputationRules } from "../actions/reputation/setReputationRules.js";
import { admit } from "../actions/registry/admit.js";
import { announceReplacement } from "../actions/registry/announceReplacement.js";
import { cancelRecoveryChange } from "../actions/registry/cancelRecoveryChange.js";
import { cancelReplacement } from "../actions/registry/cancelReplacement.js";
import { cancelRotation } from "../actions/registry/cancelRotation.js";
import { completeRecoveryChange } from "../actions/registry/completeRecoveryChange.js";
import { completeRotation } from "../actions/registry/completeRotation.js";
import { confirmSuspension } from "../actions/registry/confirmSuspension.js";
import { endLapsedSuspension } from "../actions/registry/endLapsedSuspension.js";
import { executeReplacement } from "../actions/registry/executeReplacement.js";
import { expel } from "../actions/registry/expel.js";
import { liftOwnSuspension } from "../actions/registry/liftOwnSuspension.js";
import { liftSuspension } from "../actions/registry/liftSuspension.js";
import { markLeft } from "../actions/registry/markLeft.js";
import { proposeRecoveryChange } from "../actions/registry/proposeRecoveryChange.js";
import { proposeRotation } from "../actions/registry/proposeRotation.js";
import { readmit } from "../actions/registry/readmit.js";
import { recoverAccount } from "../actions/registry/recoverAccount.js";
import { revokeAgent } from "../actions/registry/revokeAgent.js";
import { revokeAllAgents } from "../actions/registry/revokeAllAgents.js";
import { setAgent } from "../actions/registry/setAgent.js";
import { setEndpoint } from "../actions/registry/setEndpoint.js";
import { suspend } from "../actions/registry/suspend.js";
import { suspendSelf } from "../actions/registry/suspendSelf.js";
import { withdrawReplacement } from "../actions/registry/withdrawReplacement.js";
import { AgentScope } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import type { SendOptions, Sent } from "../chain/send.js";
import { BusError } from "../errors/busError.js";
import type { ContractName } from "../event-index/abi.js";
import { IChargingLedger__factory } from "../typechain/factories/contracts/charging/IChargingLedger__factory.js";
import { ICapacityExchange__factory } from "../typechain/factories/contracts/exchange/ICapacityExchange__factory.js";
import { IValidatorSet__factory } from "../typechain/factories/contracts/governance/IValidatorSet__factory.js";
import { IMigrationLedger__factory } from "../typechain/factories/contracts/ledger/IMigrationLedger__factory.js";
import { ISlaOracle__factory } from "../typechain/factories/contracts/oracle/ISlaOracle__factory.js";
import { ICloudRegistry__factory } from "../typechain/factories/contracts/registry/ICloudRegistry__factory.js";
import { IReputationLedger__factory } from "../typechain/factories/contracts/reputation/IReputationLedger__factory.js";
import { ADDRESS, BYTES, HASH, type Schema, argumentSchema, list, named, object, uint } from "./schema.js";

/**
 * Who may ask a gateway for an action. A contract judges the sender, and here the gateway's key sends for somebody else:
 * what the sender decides, only its own cloud may ask for.
 *
 * `bring`: what anyone may bring to the chain, by its signatures or because it is due. Any cloud: its account, or an agent
 * with RELAY.
 * `own`: what the chain grants to the sender. The gateway's own cloud only: its account, or an agent that has all `scopes`
 * itself; 0 stands for the account alone.
 */
export type Authority = { readonly kind: "bring" } | { readonly kind: "own"; readonly scopes: number };

/** Something that a gateway sends to the chain when it is asked to. */
export interface Action {
  /** Name of the library's function. */
  readonly name: string;
  readonly contract: ContractName;
  /** The contract's function that it calls. */
  readonly calls: string;
  readonly authority: Authority;
  /** What it takes, by the names of the contract's arguments; where the library puts some together, by its own. */
  readonly params: Schema;
  /** Sends it, and waits until it is mined. `params` are decoded ones. */
  readonly run: (
    federation: Federation,
    params: Readonly<{ [name: string]: unknown }>,
    options: SendOptions,
  ) => Promise<Sent>;
}

/** An action of the library: federation, its arguments, options. */
// The arguments differ from action to action; a test calls each and compares what is sent.
type LibraryAction = (federation: Federation, ...args: never[]) => Promise<Sent>;

/** The arguments of a library's action by name, in their order. */
interface Arguments {
  readonly [name: string]: Schema;
}

/** Where an action differs from the contract's function. */
interface Difference {
  /** The contract's function, if it has another name. */
  readonly calls?: string;
  /** The action's arguments, if it takes others. */
  readonly takes?: Arguments;
}

/** Where each contract's functions are declared, with the names of their arguments. */
const DECLARED: { readonly [name in ContractName]?: Interface } = {
  CapacityExchange: new Interface(ICapacityExchange__factory.abi),
  ChargingLedger: new Interface(IChargingLedger__factory.abi),
  CloudRegistry: new Interface(ICloudRegistry__factory.abi),
  MigrationLedger: new Interface(IMigrationLedger__factory.abi),
  ReputationLedger: new Interface(IReputationLedger__factory.abi),
  SlaOracle: new Interface(ISlaOracle__factory.abi),
  ValidatorSet: new Interface(IValidatorSet__factory.abi),
};

function fragmentOf(contract: ContractName, name: string): FunctionFragment {
  const fragment = DECLARED[contract]?.getFunction(name);
  if (!fragment?.inputs.every((input) => input.name !== ""))
    throw new BusError("UNKNOWN_CONTRACT", `${contract} has no function ${name}`);
  return fragment;
}

/** Structs that cannot be told from another one by their fields. */
const TITLES: { readonly [action: string]: { readonly [param: string]: string } } = {
  amend: { document: "Amendment" },
  evacuate: { document: "Evacuation" },
};

/** The arguments of a contract's function. */
function argumentsOf(contract: ContractName, name: string): Arguments {
  const params = fragmentOf(contract, name).inputs.map((input): [string, Schema] => {
    const title = TITLES[name]?.[input.name];
    return [input.name, title === undefined ? argumentSchema(input) : named(title)];
  });
  return Object.fromEntries(params);
}

function action(
  contract: ContractName,
  run: LibraryAction,
  authority: Authority,
  { calls = run.name, takes = argumentsOf(contract, calls) }: Difference = {},
): Action {
  const names = Object.keys(takes);
  const call = run as (federation: Federation, ...args: unknown[]) => Promise<Sent>;
  return {
    name: run.name,
    contract,
    calls,
    authority,
    params: object(takes),
    run: (federation, given, options) => call(federation, ...names.map((name) => given[name]), options),
  };
}

/* WHAT THE LIBRARY PUTS TOGETHER */

const CLOUD = uint(32, "Number of a cloud");
const VM: Schema = { ...HASH, description: "Id of the VM" };
const SEQUENCE = uint(32, "Number of the stay");
const WINDOW = uint(32, "Number of the window, from 0");
const SIGNATURES = list(BYTES, 128);
/** Longest words of a proposal. */
const MOST_WORDS = 8_192;

/** Named schemas of what the library's actions take together. */
export const ACTION_SCHEMAS: { readonly [name: string]: Schema } = {
  OpenedPrice: object(
    { price: named("Price"), slaHash: HASH },
    [],
    "A price shown to someone who need not see the SLA, with the struct hash of the SLA",
  ),
  OpenedSla: object(
    { sla: named("Sla"), priceHash: HASH },
    [],
    "An SLA shown to someone who need not see the price, with the struct hash of the price",
  ),
  Payment: object({
    creditor: uint(32, "Who was paid"),
    debtor: CLOUD,
    currency: { type: "string", pattern: "^[A-Z]{3}$", description: "ISO 4217 code" },
    amount: uint(96, "In 1e-9 currency units"),
    reference: { ...HASH, description: "The creditor's reference, used once" },
  }),
  StayToSettle: object({
    vm: VM,
    sequence: SEQUENCE,
    agreement: named("Agreement"),
    terms: { anyOf: [named("Terms"), named("OpenedPrice")] },
  }),
  WindowToCredit: object({
    vm: VM,
    sequence: SEQUENCE,
    window: WINDOW,
    agreement: named("Agreement"),
    terms: named("Terms"),
    result: named("SaltedMetrics"),
  }),
  Observed: object({ witness: ADDRESS, observation: named("Observation") }),
  OpenedResult: object({ window: WINDOW, opening: named("SaltedMetrics") }),
  SignedActivation: object({ activation: named("ValidatorActivation"), signature: BYTES }),
  ProposalCall: object({ target: ADDRESS, data: BYTES }, [], "Called without value; `data` is selector and arguments"),
  ProposalDraft: object({
    calls: list(named("ProposalCall"), 64),
    description: { type: "string", maxLength: MOST_WORDS },
  }),
};

const DRAFT: Arguments = { draft: named("ProposalDraft") };
const SIGNED: Arguments = { signed: named("SignedActivation") };

const BRING: Authority = { kind: "bring" };
const ACCOUNT: Authority = { kind: "own", scopes: 0 };
const own = (scopes: number): Authority => ({ kind: "own", scopes });

const { OFFER, MOVE_OUT, HOST, REPORT } = AgentScope;

/** Every action of the library that sends. A further one is one more line. */
export const ACTIONS: readonly Action[] = [
  action("CapacityExchange", attestFeatures, ACCOUNT),
  action("CapacityExchange", offer, own(OFFER)),
  action("CapacityExchange", retireFeature, ACCOUNT),
  action("CapacityExchange", setFeature, ACCOUNT),
  action("CapacityExchange", withdrawOffer, own(OFFER)),

  action("MigrationLedger", abort, own(MOVE_OUT | HOST)),
  action("MigrationLedger", abortMutually, BRING),
  action("MigrationLedger", adopt, BRING),
  action("MigrationLedger", agree, BRING),
  action("MigrationLedger", amend, BRING),
  action("MigrationLedger", closeForNew, ACCOUNT),
  action("MigrationLedger", complete, BRING),
  action("MigrationLedger", contestLoss, own(HOST)),
  action("MigrationLedger", declareLost, own(MOVE_OUT)),
  action("MigrationLedger", evacuate, BRING),
  action("MigrationLedger", expire, BRING),
  action("MigrationLedger", giveNotice, own(HOST)),
  action("MigrationLedger", leave, ACCOUNT),
  action("MigrationLedger", pauseNew, ACCOUNT),
  action("MigrationLedger", record, BRING),
  action("MigrationLedger", register, own(MOVE_OUT)),
  action("MigrationLedger", release, own(HOST)),
  action("MigrationLedger", releaseFromMove, own(HOST)),
  action("MigrationLedger", restore, own(MOVE_OUT)),
  action("MigrationLedger", resumeNew, ACCOUNT),
  action("MigrationLedger", revoke, own(MOVE_OUT | HOST)),
  action("MigrationLedger", setParameters, ACCOUNT),
  action("MigrationLedger", setSuccessor, ACCOUNT),
  action("MigrationLedger", start, own(HOST)),
  action("MigrationLedger", stop, own(MOVE_OUT)),
  action("MigrationLedger", stopFromMove, own(MOVE_OUT)),
  action("MigrationLedger", succeedVm, BRING),
  action("MigrationLedger", terminate, ACCOUNT),
  action("MigrationLedger", withdrawLoss, own(MOVE_OUT)),

  action("CloudRegistry", admit, ACCOUNT),
  action("CloudRegistry", announceReplacement, ACCOUNT),
  action("CloudRegistry", cancelRecoveryChange, ACCOUNT),
  action("CloudRegistry", cancelReplacement, ACCOUNT),
  action("CloudRegistry", cancelRotation, ACCOUNT),
  action("CloudRegistry", completeRecoveryChange, BRING),
  action("CloudRegistry", completeRotation, BRING),
  action("CloudRegistry", confirmSuspension, ACCOUNT),
  action("CloudRegistry", endLapsedSuspension, BRING),
  action("CloudRegistry", executeReplacement, BRING),
  action("CloudRegistry", expel, ACCOUNT),
  action("CloudRegistry", liftOwnSuspension, ACCOUNT),
  action("CloudRegistry", liftSuspension, ACCOUNT),
  action("CloudRegistry", markLeft, ACCOUNT),
  action("CloudRegistry", proposeRecoveryChange, ACCOUNT),
  action("CloudRegistry", proposeRotation, ACCOUNT),
  action("CloudRegistry", readmit, ACCOUNT),
  action("CloudRegistry", recoverAccount, ACCOUNT),
  action("CloudRegistry", revokeAgent, ACCOUNT),
  action("CloudRegistry", revokeAllAgents, ACCOUNT),
  action("CloudRegistry", setAgent, ACCOUNT),
  action("CloudRegistry", setEndpoint, ACCOUNT),
  action("CloudRegistry", suspend, ACCOUNT),
  action("CloudRegistry", suspendSelf, ACCOUNT),
  action("CloudRegistry", withdrawReplacement, ACCOUNT),

  action("SlaOracle", claim, own(REPORT)),
  action("SlaOracle", finalise, BRING, {
    takes: {
      vm: VM,
      sequence: SEQUENCE,
      window: WINDOW,
      witnesses: named("Witnesses"),
      observed: list(named("Observed"), 7),
    },
  }),
  action("SlaOracle", objectTo, own(REPORT)),
  action("SlaOracle", observe, BRING),
  action("SlaOracle", openWindows, BRING),
  action("SlaOracle", reportAgreed, BRING),
  action("SlaOracle", setPeriods, ACCOUNT),

  action("ChargingLedger", acknowledge, ACCOUNT, { takes: { payment: named("Payment") } }),
  action("ChargingLedger", postNotes, BRING),
  action("ChargingLedger", settle, own(REPORT), {
    takes: { stay: named("StayToSettle"), by: CLOUD, to: uint(64, "Milliseconds since the epoch, not in the future") },
  }),
  action("ChargingLedger", settleCredit, own(REPORT), { takes: { window: named("WindowToCredit"), by: CLOUD } }),
  action("ChargingLedger", settleJointly, BRING, {
    takes: {
      document: named("JointSettlement"),
      stay: object({ agreement: named("Agreement"), terms: { anyOf: [named("Terms"), named("OpenedPrice")] } }),
      signatures: SIGNATURES,
    },
  }),
  action("ChargingLedger", withdrawSignature, own(REPORT)),

  action("ReputationLedger", postMove, BRING),
  action("ReputationLedger", postResults, BRING, {
    takes: {
      stay: object({ vm: VM, sequence: SEQUENCE }),
      agreement: named("Agreement"),
      sla: named("OpenedSla"),
      results: list(named("OpenedResult"), 64),
    },
  }),
  action("ReputationLedger", postUnfinished, BRING),
  action("ReputationLedger", setReputationRules, ACCOUNT),

  action("FederationGovernor", cancelProposal, ACCOUNT, { calls: "cancel", takes: DRAFT }),
  action("FederationGovernor", executeProposal, BRING, { calls: "execute", takes: DRAFT }),
  action("FederationGovernor", propose, ACCOUNT, { takes: DRAFT }),
  action("FederationGovernor", queueProposal, BRING, { calls: "queue", takes: DRAFT }),
  action("FederationGovernor", vote, ACCOUNT, {
    calls: "castVote",
    takes: { proposalId: uint(256), support: uint(8, "A value of VoteType") },
  }),

  action("ValidatorSet", activateValidator, ACCOUNT, { takes: { cloud: CLOUD, ...SIGNED } }),
  action("ValidatorSet", inviteValidator, ACCOUNT),
  action("ValidatorSet", pruneValidator, BRING),
  action("ValidatorSet", removeValidator, ACCOUNT),
  action("ValidatorSet", replaceValidator, ACCOUNT, { takes: { cloud: CLOUD, ...SIGNED } }),
  action("ValidatorSet", retireValidator, ACCOUNT),
  action("ValidatorSet", seatInvited, BRING, { takes: SIGNED }),
  action("ValidatorSet", setValidatorParameters, ACCOUNT, { calls: "setParameters" }),
  action("ValidatorSet", withdrawInvitation, ACCOUNT),
];
