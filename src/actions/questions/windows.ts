import { ask } from "../../chain/ask.js";
import type { ResultStateName } from "../../chain/enums.js";
import { ResultState, nameOf } from "../../chain/enums.js";
import type { Federation } from "../../chain/federation.js";
import { readBetween } from "../../chain/logs.js";
import type { Metrics } from "../../documents/types.js";
import type { MetricsStructOutput } from "../../typechain/contracts/oracle/SlaOracle.js";
import type { Observed } from "../oracle/finalise.js";

/** The grid of a stay's windows. */
export interface WindowGrid {
  readonly home: number;
  readonly host: number;
  /** Begin of window 0, in milliseconds. */
  readonly startedAt: bigint;
  /** Length of a window, in milliseconds. */
  readonly windowMs: bigint;
  /** In seconds: how long a window may be reported, a claim objected to, an objection observed. */
  readonly claimWithin: number;
  readonly objectWithin: number;
  readonly observeWithin: number;
}

/** The result of a window as it stands now. */
export interface WindowResult {
  readonly state: ResultStateName;
  /** Whether it can no longer change. */
  readonly isFinal: boolean;
  /** Who claimed; 0 where nobody did. */
  readonly claimant: number;
  /** Since when it is claimed or objected to, in seconds; otherwise 0. */
  readonly since: number;
  /** How many witnesses were heard so far. */
  readonly observations: number;
  /** Undefined where they are not on the chain: agreed, disputed, or not reported. */
  readonly metrics: Metrics | undefined;
  /** Of an agreed result the lowest 248 bits of its hash; otherwise zero. */
  readonly commitment: string;
}

function plain(metrics: MetricsStructOutput): Metrics {
  return {
    availabilityPpm: Number(metrics.availabilityPpm),
    cpuReadyPpm: Number(metrics.cpuReadyPpm),
    diskLatencyUs: Number(metrics.diskLatencyUs),
    diskIops: Number(metrics.diskIops),
    throughputKbps: Number(metrics.throughputKbps),
    networkLatencyUs: Number(metrics.networkLatencyUs),
    lossPpm: Number(metrics.lossPpm),
    measured: Number(metrics.measured),
  };
}

/** The grid of a stay's windows; undefined if they are not open. */
export async function gridOf(federation: Federation, vm: string, sequence: number): Promise<WindowGrid | undefined> {
  const { home, host, startedAt, windowMs, periods } = await ask(federation.oracle.gridOf(vm, sequence));
  if (windowMs === 0n) return undefined;
  return {
    home: Number(home),
    host: Number(host),
    startedAt,
    windowMs,
    claimWithin: Number(periods.claimWithin),
    objectWithin: Number(periods.objectWithin),
    observeWithin: Number(periods.observeWithin),
  };
}

/**
 * Begin and end of a window in milliseconds, cut at the stay's end.
 * @throws RevertError `SlaOracle_NotOpen`, `SlaOracle_NoSuchWindow`.
 */
export async function windowOf(
  federation: Federation,
  vm: string,
  sequence: number,
  window: number,
): Promise<{ readonly from: bigint; readonly to: bigint }> {
  const [from, to] = await ask(federation.oracle.windowOf(vm, sequence, window));
  return { from, to };
}

/** The result of a window as it stands now. */
export async function resultOf(
  federation: Federation,
  vm: string,
  sequence: number,
  window: number,
): Promise<WindowResult> {
  const found = await ask(federation.oracle.resultOf(vm, sequence, window));
  const state = nameOf(ResultState, found.state) as ResultStateName;
  const isShown = state === "Claimed" || state === "Objected" || state === "Witnessed";
  return {
    state,
    isFinal: found.isFinal,
    claimant: Number(found.claimant),
    since: Number(found.since),
    observations: Number(found.observations),
    metrics: isShown ? plain(found.metrics) : undefined,
    commitment: found.commitment,
  };
}

/** The observations that were accepted of a window, from their events: what {@link finalise} takes. */
export async function observationsOf(
  federation: Federation,
  vm: string,
  sequence: number,
  window: number,
): Promise<Observed[]> {
  const { oracle, provider } = federation;
  const grid = await gridOf(federation, vm, sequence);
  if (!grid) return [];
  const { startedAt, windowMs, claimWithin, objectWithin, observeWithin } = grid;
  const from = startedAt + BigInt(window) * windowMs;
  const until = from + windowMs + BigInt(claimWithin + objectWithin + observeWithin) * 1_000n;
  const filter = oracle.filters.WindowObserved(vm, sequence, window);
  const found = await ask(readBetween(provider, (a, b) => oracle.queryFilter(filter, a, b), from, until));
  return found.map(({ args: { witness, metrics, samplesRoot } }) => ({
    witness,
    observation: { vm, sequence, window, metrics: plain(metrics), samplesRoot },
  }));
}
