import { BusError } from "../../errors/busError.js";
import type { MetricName } from "../../sla/metrics.js";
import { PPM_METRICS } from "./metricNames.js";

/** One raw measurement of one metric. */
export interface Sample {
  /** When, in milliseconds since the epoch. */
  readonly timeMs: number;
  /** Thousandths of the metric's unit. */
  readonly value: bigint;
}

/** Raw samples by metric, each series in the order of its times. */
export type Series = ReadonlyMap<MetricName, readonly Sample[]>;

/** A stretch of time, in milliseconds since the epoch: `fromMs` belongs to it, `toMs` does not. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

const MAX_PPM_VALUE = 1_000_000_000n;
const MAX_VALUE = (2n ** 32n - 1n) * 1_000n;

/** The largest value of a metric, in thousandths of its unit. */
export function maxValueOf(lane: MetricName): bigint {
  return PPM_METRICS.includes(lane) ? MAX_PPM_VALUE : MAX_VALUE;
}

/**
 * The samples of a series that lie in an interval, checked.
 * A sample that says the same as the one before it about the same moment is dropped.
 * @throws BusError `SAMPLES_OUT_OF_ORDER`, `SAMPLES_DUPLICATE` (two values for one moment), `SAMPLE_OUT_OF_RANGE`.
 */
export function samplesIn(lane: MetricName, samples: readonly Sample[], { fromMs, toMs }: Interval): Sample[] {
  const kept: Sample[] = [];
  let last: Sample | undefined;
  for (const sample of samples) {
    const { timeMs, value } = sample;
    const what = `${lane} at ${timeMs}`;
    if (!Number.isSafeInteger(timeMs) || timeMs < 0) {
      throw new BusError("SAMPLE_OUT_OF_RANGE", `${what}: not a time in whole milliseconds`);
    }
    const most = maxValueOf(lane);
    if (value < 0n || value > most) {
      throw new BusError("SAMPLE_OUT_OF_RANGE", `${what}: ${value} thousandths are not within 0 and ${most}`);
    }
    if (last && timeMs < last.timeMs) {
      throw new BusError("SAMPLES_OUT_OF_ORDER", `${what}: the sample before it is of ${last.timeMs}`);
    }
    const isRepeated = last?.timeMs === timeMs;
    if (isRepeated && last && last.value !== value) {
      throw new BusError("SAMPLES_DUPLICATE", `${what}: both ${last.value} and ${value} thousandths`);
    }
    if (!isRepeated && timeMs >= fromMs && timeMs < toMs) kept.push(sample);
    last = sample;
  }
  return kept;
}
