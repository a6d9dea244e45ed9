import { ZeroHash, id as hashOf } from "ethers";

import { claim } from "../actions/oracle/claim.js";
import { finalise } from "../actions/oracle/finalise.js";
import { object } from "../actions/oracle/object.js";
import { observe } from "../actions/oracle/observe.js";
import { openWindows } from "../actions/oracle/openWindows.js";
import { reportAgreed } from "../actions/oracle/reportAgreed.js";
import { agreementOf } from "../actions/questions/agreementOf.js";
import { vmOf } from "../actions/questions/vmOf.js";
import { type WindowGrid, gridOf, observationsOf, windowOf } from "../actions/questions/windows.js";
import type { Sent } from "../chain/send.js";
import { signDocument } from "../documents/hash.js";
import type { AgreedReport, Agreement, Metrics, SaltedMetrics } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { toThousandths } from "../oracle/measure/decimal.js";
import { DEFAULT_RULES, measure } from "../oracle/measure/measure.js";
import { samplesRoot } from "../oracle/measure/merkle.js";
import type { Sample, Series } from "../oracle/measure/samples.js";
import { METRIC_NAMES, type MetricName, WITNESSED_METRICS, buildMetrics } from "../sla/metrics.js";
import { onlyMetrics } from "../oracle/measure/metricNames.js";
import { type MetricValues, type SamplesSpec, type Step, durationMs } from "./format.js";
import { signFor } from "./papers.js";
import { as, relay } from "./senders.js";
import { type World, cloudOf, labelOf, nextSalt, vmNamed, windowKey } from "./world.js";

/** Steps about what was measured. */
export type PromiseStep = Extract<Step, { readonly do: "report" | "claim" | "object" | "observe" | "finalise" }>;

/** How many windows one call reports at most. */
const MOST_REPORTS = 64;

/** A stay of a VM that a step is about. */
export interface StayInQuestion {
  readonly vm: string;
  readonly sequence: number;
}

/** The stay a step is about: the one that runs, or ran last, unless the step gives its number. */
export async function stayOf(
  world: World,
  step: { readonly vm: string; readonly stay?: number },
): Promise<StayInQuestion> {
  const { vm } = vmNamed(world, step.vm);
  return { vm, sequence: step.stay ?? (await vmOf(world.federation, vm)).sequence };
}

/** The whole agreement of a stay, as its parties keep it. */
export async function agreementFor(world: World, { vm, sequence }: StayInQuestion): Promise<Agreement> {
  const { agreement } = await agreementOf(world.federation, vm, sequence);
  const found = world.agreements.get(agreement);
  if (!found) throw new BusError("BAD_SCENARIO", `stay ${sequence} of this VM is under no agreement of this scenario`);
  return found;
}

/** Does one step about what was measured. The windows of a stay are opened with the first one. */
export async function doPromise(
  world: World,
  step: PromiseStep,
  keep: (sending: Promise<Sent>) => Promise<void>,
): Promise<void> {
  const stay = await stayOf(world, step);
  const { vm, sequence } = stay;
  const grid = await openGrid(world, stay, keep);
  switch (step.do) {
    case "report": {
      const [first, last] = step.windows;
      for (let from = first; from <= last; from += MOST_REPORTS) {
        const to = Math.min(last, from + MOST_REPORTS - 1);
        await keep(reportWindows(world, step, stay, grid, from, to));
      }
      return;
    }
    case "claim": {
      const by = cloudOf(world, step.by);
      const { metrics } = await measured(world, step, stay, step.window);
      return keep(claim(as(world, by, step.as), vm, sequence, step.window, by.cloud, metrics));
    }
    case "object": {
      const by = step.by ?? (await otherSide(world, stay, grid, step.window));
      const agreement = await agreementFor(world, stay);
      return keep(object(as(world, cloudOf(world, by), step.as), vm, sequence, step.window, agreement));
    }
    case "observe": {
      const { metrics, root } = await measured(world, step, stay, step.window);
      const seen = onlyMetrics(metrics, WITNESSED_METRICS);
      const observation = { vm, sequence, window: step.window, metrics: seen, samplesRoot: root };
      const { witnesses } = await agreementFor(world, stay);
      const key = world.keys.key(`witness/${step.witness}`);
      const signature = await signDocument(key, world.federation.oracleDomain, "Observation", observation);
      return keep(observe(relay(world), observation, witnesses, signature));
    }
    case "finalise": {
      const [{ witnesses }, observed] = await Promise.all([
        agreementFor(world, stay),
        observationsOf(world.federation, vm, sequence, step.window),
      ]);
      return keep(finalise(relay(world), vm, sequence, step.window, witnesses, observed));
    }
  }
}

async function openGrid(
  world: World,
  stay: StayInQuestion,
  keep: (sending: Promise<Sent>) => Promise<void>,
): Promise<WindowGrid> {
  const { vm, sequence } = stay;
  const open = await gridOf(world.federation, vm, sequence);
  if (open) return open;
  await keep(openWindows(relay(world), vm, sequence, await agreementFor(world, stay)));
  const opened = await gridOf(world.federation, vm, sequence);
  if (!opened) throw new BusError("BAD_SCENARIO", `the windows of stay ${sequence} are not open`);
  return opened;
}

async function otherSide(world: World, stay: StayInQuestion, grid: WindowGrid, window: number): Promise<string> {
  const { claimant } = await world.federation.oracle.resultOf(stay.vm, stay.sequence, window);
  return labelOf(world, Number(claimant) === grid.home ? grid.host : grid.home);
}

type ReportStep = Extract<Step, { readonly do: "report" }>;

/** Home and host sign each window; one call brings them all. What they agreed on they keep, to open it when money follows. */
async function reportWindows(
  world: World,
  step: ReportStep,
  stay: StayInQuestion,
  grid: WindowGrid,
  from: number,
  to: number,
): Promise<Sent> {
  const reports: AgreedReport[] = [];
  const signatures: string[] = [];
  for (let window = from; window <= to; window += 1) {
    const { metrics: values } = await measured(world, step, stay, window, step.windows[0]);
    const metrics: SaltedMetrics = { values, salt: nextSalt(world) };
    const report: AgreedReport = { ...stay, window, metrics };
    reports.push(report);
    signatures.push(...(await signFor(world, "AgreedReport", report, [grid.home, grid.host], step)));
  }
  const sent = await reportAgreed(relay(world), reports, signatures);
  for (const { window, metrics } of reports) world.openings.set(windowKey(stay.vm, stay.sequence, window), metrics);
  return sent;
}

/* FROM SAMPLES TO METRICS */

/** What a step says was measured in a window: its own figures, or what follows from its samples as the oracle computes it. */
async function measured(
  world: World,
  step: { readonly metrics?: MetricValues; readonly samples?: SamplesSpec },
  { vm, sequence }: StayInQuestion,
  window: number,
  firstWindow = window,
): Promise<{ readonly metrics: Metrics; readonly root: string }> {
  const { metrics, samples } = step;
  if (!samples) return { metrics: buildMetrics(metrics ?? {}), root: hashOf(`${vm}/${sequence}/${window}`) };
  const [first, asked] = await Promise.all([
    windowOf(world.federation, vm, sequence, firstWindow),
    windowOf(world.federation, vm, sequence, window),
  ]);
  const stepMs = durationMs(samples.every);
  const series: Series = new Map(
    METRIC_NAMES.flatMap((name) => {
      const values = samples.values[name];
      return values ? [[name, seriesOf(name, values, Number(first.from), stepMs)] as const] : [];
    }),
  );
  const interval = { fromMs: Number(asked.from), toMs: Number(asked.to) };
  const found = measure(series, interval, stepMs, DEFAULT_RULES);
  return { metrics: found.metrics, root: found.samples.length === 0 ? ZeroHash : samplesRoot(found.samples) };
}

function seriesOf(name: MetricName, values: readonly (number | null)[], fromMs: number, stepMs: number): Sample[] {
  return values.flatMap((value, index) => {
    if (value === null) return [];
    const thousandths = toThousandths(String(value));
    if (thousandths === undefined) throw new BusError("BAD_SCENARIO", `${value} is no sample of ${name}`);
    return [{ timeMs: fromMs + index * stepMs, value: thousandths }];
  });
}
