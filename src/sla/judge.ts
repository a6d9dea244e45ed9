import type { Metrics, Sla } from "../documents/types.js";
import { AT_LEAST, METRIC_NAMES, type MetricName, isMeasured, metricBit } from "./metrics.js";

/** What a result means under an SLA. */
export interface Judgement {
  /** Share of the window's charge that is given back, in hundredths of a percent. */
  readonly creditBps: bigint;
  /** The promised and measured metrics that were missed, in their order. */
  readonly missed: readonly MetricName[];
}

/** What {@link pauseExcess} needs of a stay; times in milliseconds. */
export interface PausedStay {
  readonly home: number;
  readonly host: number;
  readonly startedAt: bigint;
  readonly previousEndedAt: bigint;
  /** Whether a move or a record began it. */
  readonly isMigration: boolean;
}

const MILLION = 1_000_000n;

/**
 * Judges the metrics of a window by the rules of `contracts/oracle/SlaRules.sol`, computed independently of them: what is
 * both promised and measured is missed where it is on the bad side of its threshold; the credit is the share of the lowest
 * tier above the availability, plus `otherMetricsBps` if any other metric was missed, at most `capBps`.
 * @param sla A well-formed SLA.
 * @param metrics What was measured, with the excess of the pause in it for window 0: see {@link withPause}.
 */
export function judge(sla: Sla, metrics: Metrics): Judgement {
  const judged = METRIC_NAMES.filter((name) => isMeasured(sla.thresholds, name) && isMeasured(metrics, name));
  const missed = judged.filter((name) =>
    AT_LEAST.includes(name) ? metrics[name] < sla.thresholds[name] : metrics[name] > sla.thresholds[name],
  );

  const isAvailabilityJudged = judged.includes("availabilityPpm");
  const tier = isAvailabilityJudged
    ? sla.availabilityTiers.findLast(({ belowPpm }) => belowPpm > metrics.availabilityPpm)
    : undefined;
  const others = missed.some((name) => name !== "availabilityPpm") ? BigInt(sla.otherMetricsBps) : 0n;
  const sum = BigInt(tier?.creditBps ?? 0) + others;
  const cap = BigInt(sla.capBps);
  return { creditBps: sum > cap ? cap : sum, missed };
}

/**
 * By how much the pause before a stay exceeds its budget, in milliseconds. None at a return home, and none where neither a
 * move nor a record began the stay.
 */
export function pauseExcess(sla: Sla, stay: PausedStay): bigint {
  if (!stay.isMigration || stay.home === stay.host) return 0n;
  const excess = stay.startedAt - stay.previousEndedAt - BigInt(sla.pauseBudgetMs);
  return excess > 0n ? excess : 0n;
}

/**
 * The metrics of window 0 with the excess of the pause as unavailability, rounded down to whole millionths and not below
 * zero. Where the availability was not measured, or there is no result (metrics all zero), it counts as 1,000,000.
 * @param excessMs From {@link pauseExcess}; with 0 the metrics stay as they are.
 * @param lengthMs Length of window 0, cut at the stay's end.
 */
export function withPause(metrics: Metrics, excessMs: bigint, lengthMs: bigint): Metrics {
  if (excessMs === 0n) return metrics;
  const measured = metrics.measured | metricBit("availabilityPpm");
  const before = isMeasured(metrics, "availabilityPpm") ? BigInt(metrics.availabilityPpm) : MILLION;
  if (excessMs >= lengthMs) return { ...metrics, measured, availabilityPpm: 0 };

  // Exact: availability is (before * length - excess * million) / length; BigInt division cuts towards zero.
  const exact = before * lengthMs - excessMs * MILLION;
  return { ...metrics, measured, availabilityPpm: exact > 0n ? Number(exact / lengthMs) : 0 };
}
