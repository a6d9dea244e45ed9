import { BusError } from "../../errors/busError.js";
import { WITNESSED_METRICS } from "../../sla/metrics.js";
import { type Measurement, measure } from "../measure/measure.js";
import { samplesRoot } from "../measure/merkle.js";
import { measuredNames, onlyMetrics } from "../measure/metricNames.js";
import { type Bench, type Plan, headMs, nameOfWindow, record } from "./bench.js";

/**
 * Measures a window: reads the source, makes metrics of the samples, keeps both.
 * @returns How many windows got on: one.
 * @throws BusError what the source throws, what is wrong with the samples, and `NO_SAMPLES` while missing ones may come.
 */
export async function measureWindow(bench: Bench, plan: Plan): Promise<number> {
  try {
    await measureOnce(bench, plan);
    return 1;
  } catch (thrown) {
    if (thrown instanceof BusError) bench.telemetry.measurements.inc({ outcome: "failed" });
    throw thrown;
  }
}

async function measureOnce(bench: Bench, { window, stay }: Plan): Promise<void> {
  const { config, store, telemetry, checkpoint } = bench;
  const { source, labels, rules } = config;
  const { vm, sequence, fromMs, toMs } = window;
  const series = await source.read({
    vm,
    sequence,
    startedAtMs: stay.startedAtMs,
    window: { fromMs, toMs },
    labels: labels[vm] ?? {},
  });
  await checkpoint("after reading the source");
  const found = measure(series, { fromMs, toMs }, source.stepMs, rules);
  const gaps = gapsOf(found);
  if (gaps !== undefined && isPatient(bench, toMs)) throw new BusError("NO_SAMPLES", gaps);

  const metrics = config.part === "witness" ? onlyMetrics(found.metrics, WITNESSED_METRICS) : found.metrics;
  const names = measuredNames(metrics);
  const samples = found.samples.filter(({ lane }) => names.includes(lane));
  store.atomically(() => {
    store.setSamples(window, toMs, samples);
    record(bench, window, { metrics, samplesRoot: samples.length > 0 ? samplesRoot(samples) : undefined });
    if (gaps !== undefined) store.patchWindow(window, { problem: `NO_SAMPLES: ${gaps}` });
  });
  const outcome = metrics.measured === 0 ? "empty" : gaps === undefined ? "complete" : "gaps";
  telemetry.measurements.inc({ outcome });
  bench.log("measured", { ...nameOfWindow(window), outcome, ...metrics });
  await checkpoint("after a measurement was written down");
}

function gapsOf({ gaps }: Measurement): string | undefined {
  if (gaps.length === 0) return undefined;
  return `samples are missing: ${gaps.map(({ lane, expected, present }) => `${lane} ${present} of ${expected}`).join(", ")}`;
}

/** Whether samples that are missing are still waited for. */
function isPatient(bench: Bench, toMs: number): boolean {
  const { graceMs, patienceMs } = bench.config.timing;
  return headMs(bench) < toMs + graceMs + patienceMs;
}
