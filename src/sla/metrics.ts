import type { Metrics } from "../documents/types.js";

/** Names of the seven metrics, in the order of their bits in `measured`. */
export const METRIC_NAMES = [
  "availabilityPpm",
  "cpuReadyPpm",
  "diskLatencyUs",
  "diskIops",
  "throughputKbps",
  "networkLatencyUs",
  "lossPpm",
] as const satisfies readonly (keyof Metrics)[];

/** Name of a metric. */
export type MetricName = (typeof METRIC_NAMES)[number];

/** Metrics of which more is better; of the others less is. */
export const AT_LEAST: readonly MetricName[] = ["availabilityPpm", "diskIops", "throughputKbps"];

/** What a witness can see from outside of the VM. The rest needs the parties. */
export const WITNESSED_METRICS: readonly MetricName[] = [
  "availabilityPpm",
  "throughputKbps",
  "networkLatencyUs",
  "lossPpm",
];

/** The bit of `measured` for a metric. */
export function metricBit(name: MetricName): number {
  return 1 << METRIC_NAMES.indexOf(name);
}

/** Whether a metric counts. */
export function isMeasured(metrics: Metrics, name: MetricName): boolean {
  return (metrics.measured & metricBit(name)) !== 0;
}

/** Metrics of which the given ones count, and the others are zero. */
export function buildMetrics(values: { readonly [name in MetricName]?: number | undefined }): Metrics {
  const given = METRIC_NAMES.filter((name) => values[name] !== undefined);
  return {
    availabilityPpm: values.availabilityPpm ?? 0,
    cpuReadyPpm: values.cpuReadyPpm ?? 0,
    diskLatencyUs: values.diskLatencyUs ?? 0,
    diskIops: values.diskIops ?? 0,
    throughputKbps: values.throughputKbps ?? 0,
    networkLatencyUs: values.networkLatencyUs ?? 0,
    lossPpm: values.lossPpm ?? 0,
    measured: given.reduce((bits, name) => bits | metricBit(name), 0),
  };
}
