import type { Metrics } from "../../documents/types.js";
import type { MetricName } from "../../sla/metrics.js";
import { measuredNames } from "./metricNames.js";

/** How far two measurements of one metric may be apart and still tell the same: the larger of the two. */
export interface Tolerance {
  /** In the metric's unit. */
  readonly absolute: number;
  /** In millionths of the larger of the two values. */
  readonly relativePpm: number;
}

/** Tolerances for all metrics. */
export type Tolerances = { readonly [lane in MetricName]: Tolerance };

/** What is used unless the configuration says otherwise: two monitors never see quite the same. */
export const DEFAULT_TOLERANCES: Tolerances = {
  availabilityPpm: { absolute: 5_000, relativePpm: 0 },
  cpuReadyPpm: { absolute: 5_000, relativePpm: 100_000 },
  diskLatencyUs: { absolute: 500, relativePpm: 200_000 },
  diskIops: { absolute: 50, relativePpm: 100_000 },
  throughputKbps: { absolute: 1_000, relativePpm: 100_000 },
  networkLatencyUs: { absolute: 500, relativePpm: 200_000 },
  lossPpm: { absolute: 1_000, relativePpm: 200_000 },
};

/** Two measurements of the same window. */
export interface Comparison {
  /** Metrics on which they are too far apart. */
  readonly differing: readonly MetricName[];
  /** Metrics that the other side measured and this side did not. */
  readonly unmeasured: readonly MetricName[];
}

/** Whether two values are within a tolerance, its bounds included. */
export function isWithin(a: number, b: number, { absolute, relativePpm }: Tolerance): boolean {
  const distance = BigInt(Math.abs(a - b));
  return distance <= BigInt(absolute) || distance * 1_000_000n <= BigInt(Math.max(a, b)) * BigInt(relativePpm);
}

/**
 * Compares what the other side says with what was measured here.
 * @param own Undefined if nothing was measured here.
 */
export function compare(own: Metrics | undefined, theirs: Metrics, tolerances: Tolerances): Comparison {
  const ownLanes = own ? measuredNames(own) : [];
  const lanes = measuredNames(theirs);
  return {
    differing: lanes.filter(
      (lane) => own && ownLanes.includes(lane) && !isWithin(own[lane], theirs[lane], tolerances[lane]),
    ),
    unmeasured: lanes.filter((lane) => !ownLanes.includes(lane)),
  };
}
