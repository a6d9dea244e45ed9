import type { Metrics } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { METRIC_NAMES, type MetricName, buildMetrics } from "../../sla/metrics.js";
import { metricNumber } from "./metricNames.js";
import { type Interval, type Sample, type Series, samplesIn } from "./samples.js";

/** How one number is made of a window's samples: their mean, or a percentile in hundredths of a per cent (9500: 95 %). */
export type Aggregate = "mean" | { readonly percentileBp: number };

/** How a metric is made of its samples. */
export interface LaneRule {
  readonly aggregate: Aggregate;
  /** The most samples that may be missing of those expected, in millionths. With more the metric is not measured. */
  readonly mostMissingPpm: number;
}

/** Rules for all metrics. */
export type LaneRules = { readonly [lane in MetricName]: LaneRule };

/**
 * What is used unless the configuration says otherwise. What is promised "at least" is judged by the 5th percentile, what
 * is promised "at most" by the 95th: one sample in twenty may be an outlier. Availability has no choice; loss is a share of all
 * packets, so its mean.
 */
export const DEFAULT_RULES: LaneRules = {
  availabilityPpm: { aggregate: "mean", mostMissingPpm: 50_000 },
  cpuReadyPpm: { aggregate: { percentileBp: 9_500 }, mostMissingPpm: 50_000 },
  diskLatencyUs: { aggregate: { percentileBp: 9_500 }, mostMissingPpm: 50_000 },
  diskIops: { aggregate: { percentileBp: 500 }, mostMissingPpm: 50_000 },
  throughputKbps: { aggregate: { percentileBp: 500 }, mostMissingPpm: 50_000 },
  networkLatencyUs: { aggregate: { percentileBp: 9_500 }, mostMissingPpm: 50_000 },
  lossPpm: { aggregate: "mean", mostMissingPpm: 50_000 },
};

/** A sample with its metric, as it becomes a leaf. */
export interface LaneSample extends Sample {
  readonly lane: MetricName;
}

/** A metric that was asked for and has too few samples. */
export interface Gap {
  readonly lane: MetricName;
  readonly expected: number;
  readonly present: number;
}

/** What was measured in a window. */
export interface Measurement {
  readonly metrics: Metrics;
  /** Every sample of a measured metric, by metric and time. */
  readonly samples: readonly LaneSample[];
  /** Metrics left out because too many of their samples are missing. */
  readonly gaps: readonly Gap[];
}

/**
 * How many samples an interval should have at one in `stepMs`: one for each step that begins in it.
 * @param interval Not empty.
 */
export function expectedSamples({ fromMs, toMs }: Interval, stepMs: number): number {
  return Math.ceil((toMs - fromMs) / stepMs);
}

/**
 * A percentile by the nearest-rank method: of N values in ascending order the one of rank ⌈p · N⌉, so always a value that
 * was measured (Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996, definition 1).
 * @param percentileBp p in hundredths of a per cent, 1 to 10,000.
 * @throws BusError `NO_SAMPLES` of nothing.
 */
export function nearestRank(values: readonly bigint[], percentileBp: number): bigint {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const rank = Math.ceil((percentileBp * sorted.length) / 10_000);
  const found = sorted[rank - 1];
  if (found === undefined) throw new BusError("NO_SAMPLES", `there is no percentile of ${sorted.length} values`);
  return found;
}

function mean(values: readonly bigint[], count: number): bigint {
  return values.reduce((sum, value) => sum + value, 0n) / BigInt(count);
}

/** In thousandths. */
function aggregate(lane: MetricName, rule: Aggregate, values: readonly bigint[], expected: number): bigint {
  // A sample that is missing is time in which the VM was not seen to answer.
  if (lane === "availabilityPpm") return mean(values, Math.max(expected, values.length));
  return rule === "mean" ? mean(values, values.length) : nearestRank(values, rule.percentileBp);
}

/**
 * The metrics of a window, in whole numbers, rounded down once at the end.
 * @param series What a source gave; samples outside the window are left aside.
 * @param stepMs How often the source samples.
 * @throws BusError `SAMPLES_OUT_OF_ORDER`, `SAMPLES_DUPLICATE`, `SAMPLE_OUT_OF_RANGE`.
 */
export function measure(series: Series, window: Interval, stepMs: number, rules: LaneRules): Measurement {
  const expected = expectedSamples(window, stepMs);
  const values = new Map<MetricName, number>();
  const samples: LaneSample[] = [];
  const gaps: Gap[] = [];
  for (const lane of METRIC_NAMES) {
    const given = series.get(lane);
    if (!given) continue;
    const present = samplesIn(lane, given, window);
    const missing = Math.max(0, expected - present.length);
    const { aggregate: rule, mostMissingPpm } = rules[lane];
    const isComplete = BigInt(missing) * 1_000_000n <= BigInt(mostMissingPpm) * BigInt(expected);
    if (!isComplete || present.length === 0) {
      gaps.push({ lane, expected, present: present.length });
      continue;
    }
    const inThousandths = aggregate(
      lane,
      rule,
      present.map(({ value }) => value),
      expected,
    );
    // Cast is safe: no sample is above the metric's 32 bits.
    values.set(lane, Number(inThousandths / 1_000n));
    samples.push(...present.map((sample) => ({ lane, ...sample })));
  }
  return {
    metrics: buildMetrics(Object.fromEntries(values)),
    samples: samples.sort((a, b) => metricNumber(a.lane) - metricNumber(b.lane) || a.timeMs - b.timeMs),
    gaps,
  };
}
