/**
 * The signed documents, field by field as a person signs them. Times are milliseconds since the epoch; 32-byte values are
 * hex strings; a cloud is its number. The fields are explained at the Solidity structs in `contracts/documents/`.
 */

/** Eight amounts by name, each below 2^31. */
export interface Resources {
  readonly vcpuMilli: number;
  readonly memoryMiB: number;
  readonly storageGiB: number;
  readonly diskIops: number;
  readonly networkMbps: number;
  readonly gpus: number;
  readonly spare1: number;
  readonly spare2: number;
}

/** Names of the lanes, in their order. */
export const RESOURCE_NAMES = [
  "vcpuMilli",
  "memoryMiB",
  "storageGiB",
  "diskIops",
  "networkMbps",
  "gpus",
  "spare1",
  "spare2",
] as const satisfies readonly (keyof Resources)[];

/** Prices in 1e-12 currency units per unit and hour, one for each resource. */
export type Rates = { readonly [name in keyof Resources]: bigint };

/** One VM of an agreement. */
export interface Line {
  readonly vm: string;
  readonly nonce: number;
  readonly features: bigint;
  readonly resources: Resources;
}

/** What a stay costs. `settlement`: 0 either party settles, 1 both sign. */
export interface Price {
  readonly currency: string;
  readonly rates: Rates;
  readonly settlement: number;
  readonly salt: string;
}

/** Measured lanes, or their thresholds. Bit i of `measured`: lane i counts. */
export interface Metrics {
  readonly availabilityPpm: number;
  readonly cpuReadyPpm: number;
  readonly diskLatencyUs: number;
  readonly diskIops: number;
  readonly throughputKbps: number;
  readonly networkLatencyUs: number;
  readonly lossPpm: number;
  readonly measured: number;
}

/** Below this availability the credit is that share of the window's charge. */
export interface Tier {
  readonly belowPpm: number;
  readonly creditBps: number;
}

/** What the host promises, and what it gives back when it does not keep it. */
export interface Sla {
  readonly thresholds: Metrics;
  readonly availabilityTiers: Tier[];
  readonly otherMetricsBps: number;
  readonly capBps: number;
  readonly pauseBudgetMs: number;
  readonly salt: string;
}

/** Price and SLA. On chain only their hash. */
export interface Terms {
  readonly price: Price;
  readonly sla: Sla;
}

/** Who may report on a stay: at most seven addresses, ascending. */
export interface Witnesses {
  readonly members: string[];
  readonly required: number;
}

/** The fields of an agreement that are the same off chain and on chain. */
interface AgreementBase {
  readonly home: number;
  readonly source: number;
  readonly destination: number;
  readonly site: number;
  readonly lines: Line[];
  readonly windowMs: bigint;
  readonly noticeMs: bigint;
  readonly keepMs: bigint;
  readonly digestKind: number;
  readonly charter: string;
  readonly agreeBy: bigint;
  readonly salt: string;
}

/** Who moves which VMs from where to where, on what terms. What the parties hold and sign. */
export interface Agreement extends AgreementBase {
  readonly witnesses: Witnesses;
  readonly terms: Terms;
}

/** The same as the chain sees it: witnesses and terms by their struct hashes. */
export interface PublicAgreement extends AgreementBase {
  readonly witnesses: string;
  readonly terms: string;
}

/** What the source handed over of one VM. */
export interface Release {
  readonly vm: string;
  readonly stateDigest: string;
  readonly releasedAt: bigint;
}

/** What happened to one VM of a record. */
export interface Receipt extends Release {
  readonly runningAt: bigint;
}

/** A two-phase migration. Signed by home and destination. */
export interface Move<A = Agreement> {
  readonly agreement: A;
  readonly startBy: bigint;
  readonly completeBy: bigint;
}

/** Completes a move. Signed by the destination, then by the source. */
export interface Handover {
  readonly move: string;
  readonly releases: Release[];
  readonly validUntil: bigint;
}

/** Gives a move up. Signed by source and destination. */
export interface MutualAbort {
  readonly move: string;
  readonly reason: number;
  readonly validUntil: bigint;
}

/** A migration that already happened. Signed by home, source and destination. */
export interface MigrationRecord<A = Agreement> {
  readonly agreement: A;
  readonly receipts: Receipt[];
}

/** New resources or terms for running VMs. Signed by home and host. */
export interface Amendment<A = Agreement> {
  readonly agreement: A;
}

/** Takes VMs up elsewhere that were declared lost. Signed by home and destination. */
export interface Evacuation<A = Agreement> {
  readonly agreement: A;
}

/** Hands a VM to the ledger's successor. Signed by home and host. */
export interface Succession {
  readonly vm: string;
  readonly nonce: number;
  readonly successor: string;
  readonly validUntil: bigint;
}

/** Metrics with a salt that hides them: of an agreed result the chain sees only the hash of this. */
export interface SaltedMetrics {
  readonly values: Metrics;
  readonly salt: string;
}

/** A result of one window on which home and host agree. Signed by home and host. */
export interface AgreedReport<M = SaltedMetrics> {
  readonly vm: string;
  readonly sequence: number;
  readonly window: number;
  readonly metrics: M;
}

/** What one witness measured in one window. Signed by the witness. */
export interface Observation {
  readonly vm: string;
  readonly sequence: number;
  readonly window: number;
  readonly metrics: Metrics;
  readonly samplesRoot: string;
}

/** A line of the books on which two clouds agree; `amount` in 1e-9 currency units. Signed by creditor's and debtor's account. */
export interface Note {
  readonly refersTo: string;
  readonly creditor: number;
  readonly debtor: number;
  readonly currency: string;
  readonly amount: bigint;
  readonly vm: string;
  readonly sequence: number;
  readonly through: bigint;
  readonly reason: number;
  readonly validUntil: bigint;
  readonly salt: string;
}

/** Home and host settle a stay together. Signed by home and host. */
export interface JointSettlement {
  readonly vm: string;
  readonly sequence: number;
  readonly to: bigint;
  readonly validUntil: bigint;
}

/** A key agrees to serve a cloud. `role`: 1 account, 2 recovery, 3 agent. Signed by the key. */
export interface KeyAcceptance {
  readonly cloud: number;
  readonly key: string;
  readonly role: number;
  readonly validUntil: bigint;
}

/**
 * A node's key agrees to be a validator. `cloud` 0: an independent operator's; `replaces`: zero address if it takes
 * nobody's place; the block is at most 256 blocks old. Signed by the node key.
 */
export interface ValidatorActivation {
  readonly cloud: number;
  readonly validator: string;
  readonly replaces: string;
  readonly blockNumber: bigint;
  readonly blockHash: string;
}

/** Every document that is signed, by its EIP-712 primary type. */
export interface Documents {
  readonly Move: Move;
  readonly Handover: Handover;
  readonly MutualAbort: MutualAbort;
  readonly Record: MigrationRecord;
  readonly Amendment: Amendment;
  readonly Evacuation: Evacuation;
  readonly Succession: Succession;
  readonly KeyAcceptance: KeyAcceptance;
  readonly ValidatorActivation: ValidatorActivation;
}

/** EIP-712 primary types that are signed. */
export type DocumentName = keyof Documents;
