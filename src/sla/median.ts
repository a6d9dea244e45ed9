import type { Metrics } from "../documents/types.js";
import { AT_LEAST, WITNESSED_METRICS, buildMetrics, isMeasured } from "./metrics.js";

/**
 * What the witnesses of a window measured together: metric by metric the median of those who measured it, by the rules of
 * `contracts/oracle/WitnessMedian.sol`. Of two middle values the one better for the host counts.
 * @param observed Metrics of each observation that was accepted.
 * @param required How many must have measured a metric for it to count; at least one.
 * @returns Metrics without any measured one where the window is disputed.
 */
export function medianOf(observed: readonly Metrics[], required: number): Metrics {
  const counted = WITNESSED_METRICS.flatMap((name) => {
    const values = observed.filter((metrics) => isMeasured(metrics, name)).map((metrics) => metrics[name]);
    if (values.length < required) return [];
    // The middle, or what is better of the two in the middle, is the last one of the worse half.
    const fromWorst = values.toSorted((a, b) => (AT_LEAST.includes(name) ? a - b : b - a));
    return [[name, fromWorst[Math.floor(values.length / 2)] ?? 0] as const];
  });
  return buildMetrics(Object.fromEntries(counted));
}
