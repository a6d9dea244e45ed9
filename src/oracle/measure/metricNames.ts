import type { Metrics } from "../../documents/types.js";
import { METRIC_NAMES, type MetricName, buildMetrics, isMeasured } from "../../sla/metrics.js";

/** Metrics that are shares, in millionths. */
export const PPM_METRICS: readonly MetricName[] = ["availabilityPpm", "cpuReadyPpm", "lossPpm"];

/** Number of a metric: its bit in `measured`. */
export function metricNumber(name: MetricName): number {
  return METRIC_NAMES.indexOf(name);
}

/** Names of the metrics that count. */
export function measuredNames(metrics: Metrics): MetricName[] {
  return METRIC_NAMES.filter((name) => isMeasured(metrics, name));
}

/** The same metrics, of which only the given ones count. */
export function onlyMetrics(metrics: Metrics, names: readonly MetricName[]): Metrics {
  const kept = measuredNames(metrics).filter((name) => names.includes(name));
  return buildMetrics(Object.fromEntries(kept.map((name) => [name, metrics[name]])));
}
