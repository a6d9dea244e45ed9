import type { Summary } from "./statistics.js";

/** How long one way of recording takes, from handing over to the receipt, in milliseconds. */
export interface LatencyResult {
  readonly name: string;
  readonly summary: Summary;
  /** RPC calls for each record. */
  readonly callsPerRecord: number | undefined;
  /** Records that failed, and are no samples: ethers' gas limit is its estimate, which another record may outdate. */
  readonly failed?: number;
  readonly samplesMs: readonly number[];
}

/** One whole migration of so many bytes over a link, composed or run for real, in milliseconds. */
export interface MigrationResult {
  readonly label: string;
  readonly bytes: number;
  readonly mbitPerSecond: number;
  /** `run`: done as a whole. `composed`: the transfer's time follows from its size and the rate that was measured. */
  readonly kind: "run" | "composed";
  /** Of the transfer alone. */
  readonly withoutMs: number;
  readonly withMs: number;
  /** What the ledger adds: with minus without. */
  readonly addedMs: number;
}

/** A transfer that was done. */
export interface TransferResult {
  readonly wantedMbitPerSecond: number | undefined;
  readonly bytes: number;
  readonly ms: number;
  readonly achievedMbitPerSecond: number;
  /** SHA-256 of what was sent and of what came. */
  readonly sentDigest: string;
  readonly receivedDigest: string;
}

/** Records at one offered rate. */
export interface LoadResult {
  readonly lines: number;
  readonly offeredPerSecond: number;
  readonly recordsPerSecond: number;
  readonly vmsPerSecond: number;
  readonly gasPerVm: number;
  readonly latency: Summary;
}

/** Records as quickly as possible: handed to the pipeline, and signed beforehand and thrown at the node. */
export interface BatchResult {
  readonly records: number;
  readonly senders: number;
  readonly pipelinePerSecond: number;
  readonly floodPerSecond: number;
  readonly ratio: number;
  readonly callsPerRecord: number;
}

/** One size of a federation. */
export interface ScaleResult {
  readonly vms: number;
  readonly clouds: number;
  readonly gas: { readonly record: number; readonly agree: number; readonly complete: number };
  readonly latency: Summary;
}

/** A bound, and what was measured. */
export interface BoundResult {
  readonly what: string;
  readonly bound: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** Everything that `npm run timing` measures. */
export interface TimingResults {
  readonly environment: {
    readonly measuredAt: string;
    readonly chain: string;
    readonly blockMs: number;
    readonly machine: string;
    readonly node: string;
    /** Average number of processes that wanted a core, over the last minute, before and after. */
    readonly loadBefore: number;
    readonly loadAfter: number;
    readonly isQuick: boolean;
  };
  readonly latency: readonly LatencyResult[];
  readonly moves: readonly LatencyResult[];
  readonly migrations: readonly MigrationResult[];
  readonly transfers: readonly TransferResult[];
  readonly load: readonly LoadResult[];
  readonly batch: BatchResult;
  readonly scale: readonly ScaleResult[];
  readonly bounds: readonly BoundResult[];
}
