import type { Answers } from "../scenario/answers.js";
import type { Amounts, SamplesSpec, Scenario, Step, TermsSpec } from "../scenario/format.js";
import { type World, labelOf } from "../scenario/world.js";
import { readTable } from "./table.js";

/** One line of a trace. */
export interface Sample {
  /** In milliseconds since the epoch. */
  readonly time: number;
  readonly cores: number;
  readonly cpuPercent: number;
  readonly memoryMiB: number;
}

/** When the VM bursts and when it returns, in per cent of its CPU. */
export interface BurstOptions {
  readonly burstAt: number;
  readonly returnBelow: number;
}

/** A time that the VM spends elsewhere, in milliseconds since the epoch. */
export interface Burst {
  readonly from: number;
  readonly to: number;
}

/** A scenario that follows from a load. */
export interface TraceScenario {
  readonly scenario: Scenario;
  readonly samples: number;
  readonly spanMs: number;
  readonly bursts: readonly Burst[];
  readonly options: BurstOptions;
}

const COLUMNS = ["CPU cores", "CPU usage [%]", "Memory capacity provisioned [KB]"] as const;

/** The load's own 99th percentile, and a third of it: loads differ by orders of magnitude. */
function defaultOptions(samples: readonly Sample[]): BurstOptions {
  const sorted = samples.map((sample) => sample.cpuPercent).sort((a, b) => a - b);
  const burstAt = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  return { burstAt, returnBelow: burstAt / 3 };
}

/** Shortest stay: handing a VM over takes a few blocks. */
const LEAST_STAY_MS = 60_000;

/**
 * Reads a VM's load in the format of the GWA-T-12 Bitbrains trace.
 * @throws BusError `BAD_TRACE` with line and column.
 */
export function parseTrace(text: string): Sample[] {
  return readTable(text, COLUMNS).map(({ time, cells: [cores = 0, cpuPercent = 0, memoryKb = 0] }) => ({
    time,
    cores,
    cpuPercent,
    memoryMiB: Math.ceil(memoryKb / 1024),
  }));
}

/** The times in which a load is above the threshold, with hysteresis; one that lasts to the end ends there. */
export function burstsOf(samples: readonly Sample[], options: BurstOptions): Burst[] {
  const bursts: Burst[] = [];
  let from: number | undefined;
  for (const { time, cpuPercent } of samples) {
    if (from === undefined && cpuPercent >= options.burstAt) from = time;
    else if (from !== undefined && cpuPercent < options.returnBelow && time - from >= LEAST_STAY_MS) {
      bursts.push({ from, to: time });
      from = undefined;
    }
  }
  const end = samples.at(-1)?.time;
  if (from !== undefined && end !== undefined && end - from >= LEAST_STAY_MS) bursts.push({ from, to: end });
  return bursts;
}

const DAY_MS = 86_400_000;

/** ISO 8601 duration in seconds. */
function duration(ms: number): string {
  return `PT${Math.floor(ms / 1000)}S`;
}

const GIB = 1024;

/** From agreement to completion of a move. */
const COPY_MS = 30_000;

/** Length of a window of a stay abroad. */
const WINDOW_MS = 3_600_000;

/** How often a Bitbrains trace has a sample. */
const SAMPLE_MS = 300_000;

const PPM_PER_PERCENT = 10_000;

/**
 * A trace has no CPU ready time. What stands in for it is the demand itself, as a share of the CPU that was provisioned: the
 * harder the VM presses, the longer it waits. A line that is missing is a sample that is missing.
 */
function pressureOf(samples: readonly Sample[], from: number, to: number): SamplesSpec {
  const count = Math.ceil((to - from) / SAMPLE_MS);
  const values = Array.from({ length: count }, (_, index) => {
    const begin = from + index * SAMPLE_MS;
    const found = samples.find(({ time }) => time >= begin && time < begin + SAMPLE_MS);
    return found ? Math.min(1_000_000, Math.round(found.cpuPercent * PPM_PER_PERCENT)) : null;
  });
  return { every: duration(SAMPLE_MS), values: { cpuReadyPpm: values } };
}

/** What is promised: at most twice the pressure at which the VM bursts. */
function pressureTerms({ burstAt }: BurstOptions): TermsSpec {
  return {
    rates: { vcpuMilli: 40_000_000 },
    promises: { cpuReadyPpm: Math.min(1_000_000, Math.round(2 * burstAt * PPM_PER_PERCENT)) },
    otherMetricsBps: 1_000,
  };
}

/** An offer a hundred times the VM's size, at a price per vCPU and hour in millionths of a euro. */
function offerFor(vm: Amounts, factor: number, millionthsPerVcpu: number) {
  const capacity = Object.fromEntries(Object.entries(vm).map(([lane, amount]) => [lane, amount * factor]));
  return { capacity, biggest: vm, currency: "EUR", rates: { vcpuMilli: millionthsPerVcpu * 1_000 } };
}

/**
 * A federation in which the traced VM bursts to the best-ranked other cloud when its CPU demand passes the threshold,
 * and returns home after.
 */
export function scenarioOfTrace(text: string, wanted: Partial<BurstOptions> = {}): TraceScenario {
  const samples = parseTrace(text);
  const options = { ...defaultOptions(samples), ...wanted };
  const bursts = burstsOf(samples, options);
  const first = samples[0]?.time ?? 0;
  const spanMs = (samples.at(-1)?.time ?? first) - first;
  const cores = Math.max(1, ...samples.map((sample) => sample.cores));
  const memoryMiB = Math.max(GIB, ...samples.map((sample) => sample.memoryMiB));
  const size: Amounts = { vcpuMilli: cores * 1000, memoryMiB, storageGiB: 50, diskIops: 3_000, networkMbps: 1_000 };

  const timeline: Step[] = bursts.flatMap(({ from, to }, burst) => [
    {
      do: "move",
      at: duration(from - first),
      vms: ["traced"],
      copy: duration(COPY_MS),
      pause: "PT10S",
      to: "@best",
      terms: "pressure",
      window: duration(WINDOW_MS),
      note: "demand is high: to the best-ranked cloud",
    },
    { do: "move", at: duration(to - first), vms: ["traced"], to: "@home", note: "demand is low: home again" },
    {
      do: "report",
      vm: "traced",
      // Registered at home, then out and home again: the stays abroad have even numbers.
      stay: 2 * burst + 2,
      windows: [0, Math.ceil((to - from - COPY_MS) / WINDOW_MS) - 1],
      samples: pressureOf(samples, from + COPY_MS, to),
      note: "home and host agree on how hard the VM pressed on its CPU",
    },
  ]);
  const scenario: Scenario = {
    name: "Cloud bursting by a real load",
    seed: "trace",
    begin: new Date(Math.floor(first / 1000) * 1000).toISOString().replace(".000Z", "Z"),
    features: { kvm: 0 },
    instanceTypes: { traced: size },
    terms: { pressure: pressureTerms(options) },
    clouds: [
      { label: "home-cloud" },
      { label: "large-cloud", offers: [{ ...offerFor(size, 100, 45_000), features: ["kvm"], validFor: "P365D" }] },
      { label: "cheap-cloud", offers: [{ ...offerFor(size, 4, 30_000), features: ["kvm"], validFor: "P365D" }] },
      { label: "small-cloud", offers: [{ ...offerFor(size, 1, 28_000), features: ["kvm"], validFor: "P365D" }] },
    ],
    vms: [{ name: "traced", home: "home-cloud", type: "traced", features: ["kvm"] }],
    timeline: [
      ...timeline,
      { do: "settleAll", at: duration(spanMs + LEAST_STAY_MS), note: "the trace ends: charges, and credits" },
      { do: "remember", at: duration(spanMs + DAY_MS) },
    ],
    expectations: { states: [{ vm: "traced", state: "Home" }] },
    questions: {
      history: "traced",
      hostsAt: bursts
        .slice(0, 3)
        .flatMap(({ from, to }) => [from, to])
        .map((time) => duration(time - first + 30_000)),
    },
  };
  return { scenario, samples: samples.length, spanMs, bursts, options };
}

/** Where the traced VM was while it was not at home, and for how long, from its stays. */
export function burstsByCloud(world: World, answers: Answers): string[] {
  const vm = answers.vms.find(({ actor }) => actor.name === "traced");
  const home = vm?.view?.home;
  const away = new Map<number, { count: number; ms: number }>();
  for (const { host, startedAt, endedAt } of vm?.stays ?? []) {
    if (host === home || endedAt === 0n) continue;
    const sum = away.get(host) ?? { count: 0, ms: 0 };
    away.set(host, { count: sum.count + 1, ms: sum.ms + Number(endedAt - startedAt) });
  }
  return [...away].map(
    ([host, { count, ms }]) => `  ${labelOf(world, host)}: ${count} times, ${(ms / 3_600_000).toFixed(1)} h`,
  );
}

/** What the load asks for, in words. */
export function traceReport(trace: TraceScenario): string[] {
  const { samples, spanMs, bursts, options } = trace;
  const hours = (ms: number) => (ms / 3_600_000).toFixed(1);
  const total = bursts.reduce((sum, { from, to }) => sum + to - from, 0);
  return [
    `${samples} samples over ${(spanMs / 86_400_000).toFixed(1)} days; ` +
      `CPU demand reaches ${options.burstAt.toFixed(2)} % ${bursts.length} times, ${hours(total)} h in all until it falls below ` +
      `${options.returnBelow.toFixed(2)} %`,
  ];
}
