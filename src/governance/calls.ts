import type { Federation } from "../chain/federation.js";
import type { IFederationGovernor } from "../typechain/contracts/governance/FederationGovernor.js";
import type { IValidatorSet } from "../typechain/contracts/governance/ValidatorSet.js";
import type { ParametersStruct } from "../typechain/contracts/ledger/MigrationLedger.js";
import type { ICloudRegistry } from "../typechain/contracts/registry/CloudRegistry.js";
import { type ProposalCall, type ProposalDraft, callOf, hashedArguments } from "./proposal.js";

/**
 * Admits a cloud. The acceptances are signed for its id: the next one, unless somebody is admitted before.
 * @param cloud The id.
 */
export function admissionCall(
  federation: Federation,
  cloud: number,
  candidate: ICloudRegistry.CandidateStruct,
  accountAcceptance: ICloudRegistry.AcceptanceStruct,
  recoveryAcceptance: ICloudRegistry.AcceptanceStruct,
): Promise<ProposalCall> {
  return callOf(federation.registry, "admit", [cloud, candidate, accountAcceptance, recoveryAcceptance]);
}

/** Makes a cloud a member again that left or was expelled. */
export function readmissionCall(
  federation: Federation,
  cloud: number,
  accountAcceptance: ICloudRegistry.AcceptanceStruct,
): Promise<ProposalCall> {
  return callOf(federation.registry, "readmit", [cloud, accountAcceptance]);
}

/**
 * Expels a cloud. Its validator is pruned afterwards, by anyone, in a transaction of its own: as part of the proposal the
 * cloud could make all of it fail by retiring the validator first.
 */
export function expulsionCall(federation: Federation, cloud: number): Promise<ProposalCall> {
  return callOf(federation.registry, "expel", [cloud]);
}

/** Suspends a cloud until a vote lifts that, or makes its present suspension last. Needs no delay. */
export function suspensionCall(federation: Federation, cloud: number): Promise<ProposalCall> {
  return callOf(federation.registry, "confirmSuspension", [cloud]);
}

/** Lifts a suspension, whoever made it. Needs no delay. */
export function liftCall(federation: Federation, cloud: number): Promise<ProposalCall> {
  return callOf(federation.registry, "liftSuspension", [cloud]);
}

/** Announces other keys for a cloud that lost its own; they take effect seven days after the execution. */
export function replacementCall(
  federation: Federation,
  cloud: number,
  keys: { readonly account: string; readonly recovery: string },
  accountAcceptance: ICloudRegistry.AcceptanceStruct,
  recoveryAcceptance: ICloudRegistry.AcceptanceStruct,
): Promise<ProposalCall> {
  const { account, recovery } = keys;
  return callOf(federation.registry, "announceReplacement", [
    cloud,
    account,
    recovery,
    accountAcceptance,
    recoveryAcceptance,
  ]);
}

/** Takes a validator out. Needs no delay. */
export function removalCall(federation: Federation, validator: string): Promise<ProposalCall> {
  return callOf(federation.validators, "removeValidator", [validator]);
}

/** Lets a node of an independent operator in. Needs no delay. */
export function invitationCall(federation: Federation, validator: string): Promise<ProposalCall> {
  return callOf(federation.validators, "inviteValidator", [validator]);
}

/** Takes an invitation back. Needs no delay. */
export function withdrawalCall(federation: Federation, validator: string): Promise<ProposalCall> {
  return callOf(federation.validators, "withdrawInvitation", [validator]);
}

/** Ends another proposal, whatever it waits for. Needs no delay. */
export function cancellationCall(federation: Federation, draft: ProposalDraft): Promise<ProposalCall> {
  return callOf(federation.governor, "cancelByVote", hashedArguments(draft));
}

/** Sets parameters of the ledger, in seconds. */
export function ledgerParametersCall(federation: Federation, next: ParametersStruct): Promise<ProposalCall> {
  return callOf(federation.ledger, "setParameters", [next]);
}

/** Sets parameters of the validator set, in seconds. */
export function validatorParametersCall(
  federation: Federation,
  next: IValidatorSet.ParametersStruct,
): Promise<ProposalCall> {
  return callOf(federation.validators, "setParameters", [next]);
}

/** Sets governance's own parameters, in seconds. */
export function governanceParametersCall(
  federation: Federation,
  next: IFederationGovernor.ParametersStruct,
): Promise<ProposalCall> {
  return callOf(federation.governor, "setParameters", [next]);
}

/** Gives a role of the AccessManager to an address, or takes it. */
export function roleCall(
  federation: Federation,
  what: "grant" | "revoke",
  role: bigint,
  account: string,
): Promise<ProposalCall> {
  return what === "grant"
    ? callOf(federation.authority, "grantRole", [role, account, 0])
    : callOf(federation.authority, "revokeRole", [role, account]);
}
