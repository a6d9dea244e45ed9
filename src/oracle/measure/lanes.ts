import type { Metrics } from "../../documents/types.js";

/** Names of the seven metrics, in the order of their bits in `measured`. */
export const LANES = [
  "availabilityPpm",
  "cpuReadyPpm",
  "diskLatencyUs",
  "diskIops",
  "throughputKbps",
  "networkLatencyUs",
  "lossPpm",
] as const satisfies readonly (keyof Metrics)[];

/** Name of a metric. */
export type Lane = (typeof LANES)[number];

/** Metrics that somebody other than the two parties can measure. */
export const WITNESSED_LANES: readonly Lane[] = ["availabilityPpm", "throughputKbps", "networkLatencyUs", "lossPpm"];

/** Metrics that are shares, in millionths. */
export const PPM_LANES: readonly Lane[] = ["availabilityPpm", "cpuReadyPpm", "lossPpm"];

/** Number of a metric: its bit in `measured`. */
export function laneNumber(lane: Lane): number {
  return LANES.indexOf(lane);
}

/** Metrics whose bit is set in `measured`. */
export function lanesOf(measured: number): Lane[] {
  return LANES.filter((_, index) => (measured & (1 << index)) !== 0);
}

/** `measured` for a set of metrics. */
export function measuredBits(lanes: readonly Lane[]): number {
  return lanes.reduce((bits, lane) => bits | (1 << laneNumber(lane)), 0);
}

/** Metrics that hold only the given lanes of others; what is not measured is zero. */
export function onlyLanes(metrics: Metrics, lanes: readonly Lane[]): Metrics {
  const kept = lanesOf(metrics.measured).filter((lane) => lanes.includes(lane));
  const value = (lane: Lane) => (kept.includes(lane) ? metrics[lane] : 0);
  return {
    availabilityPpm: value("availabilityPpm"),
    cpuReadyPpm: value("cpuReadyPpm"),
    diskLatencyUs: value("diskLatencyUs"),
    diskIops: value("diskIops"),
    throughputKbps: value("throughputKbps"),
    networkLatencyUs: value("networkLatencyUs"),
    lossPpm: value("lossPpm"),
    measured: measuredBits(kept),
  };
}
