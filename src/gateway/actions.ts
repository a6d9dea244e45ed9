import { type FunctionFragment, Interface } from "ethers";

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
import { ICapacityExchange__factory } from "../typechain/factories/contracts/exchange/ICapacityExchange__factory.js";
import { IMigrationLedger__factory } from "../typechain/factories/contracts/ledger/IMigrationLedger__factory.js";
import { ICloudRegistry__factory } from "../typechain/factories/contracts/registry/ICloudRegistry__factory.js";
import { type Schema, argumentSchema, named, object } from "./schema.js";

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
  /** Name of the library's function and of the contract's. */
  readonly name: string;
  readonly contract: ContractName;
  readonly authority: Authority;
  /** What it takes, by the contract's names. */
  readonly params: Schema;
  /** Sends it, and waits until it is mined. `params` are decoded ones. */
  readonly run: (
    federation: Federation,
    params: Readonly<{ [name: string]: unknown }>,
    options: SendOptions,
  ) => Promise<Sent>;
}

/** An action of the library: the arguments of the contract's function, in their order, between federation and options. */
// The arguments differ from action to action; they are made from the contract's ABI, and a test calls each.
type LibraryAction = (federation: Federation, ...args: never[]) => Promise<Sent>;

/** Where each contract's functions are declared, with the names of their arguments. */
const DECLARED: { readonly [name in ContractName]?: Interface } = {
  CapacityExchange: new Interface(ICapacityExchange__factory.abi),
  CloudRegistry: new Interface(ICloudRegistry__factory.abi),
  MigrationLedger: new Interface(IMigrationLedger__factory.abi),
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

function action(contract: ContractName, run: LibraryAction, authority: Authority): Action {
  const { name } = run;
  const { inputs } = fragmentOf(contract, name);
  const params = inputs.map((input): [string, Schema] => {
    const title = TITLES[name]?.[input.name];
    return [input.name, title === undefined ? argumentSchema(input) : named(title)];
  });
  const call = run as (federation: Federation, ...args: unknown[]) => Promise<Sent>;
  return {
    name,
    contract,
    authority,
    params: object(Object.fromEntries(params)),
    run: (federation, given, options) => call(federation, ...inputs.map((input) => given[input.name]), options),
  };
}

const BRING: Authority = { kind: "bring" };
const ACCOUNT: Authority = { kind: "own", scopes: 0 };
const own = (scopes: number): Authority => ({ kind: "own", scopes });

const { OFFER, MOVE_OUT, HOST } = AgentScope;

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
];
