/**
 * Redoes the paper's evaluation (figures 4 and 5) and says more than it did: load, scale, bounds.
 *
 *     npm run timing                       on a simulator with blocks of one second; takes about half an hour
 *     npm run timing -- --quick            a short check of everything; writes nothing unless --json names a file
 *     npm run timing -- --rpc URL --ws URL on an existing chain with free gas; contracts are deployed on it
 *     npm run timing -- --only latency     a part: latency, migration, transfer, load, batch, scale
 *     npm run timing -- --render           draws the figures again from what was measured
 *     --block-ms MS                        time between two blocks of the simulator (1000)
 *     --most-vms N                         the biggest federation of the part about scale (100000)
 *     --json FILE                          where the figures are written (bench/results/timing.json)
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";

import { evaluationPage } from "./generated/evaluation.js";
import { drawFigures } from "./timing/figures.js";
import { LEARNING_MS, measureRecords, pipeline, plainEthers, rest, runMove } from "./timing/latency.js";
import { measureBatch, measureLoad, measureScale } from "./timing/load.js";
import type {
  BoundResult,
  LatencyResult,
  MigrationResult,
  ScaleResult,
  TimingResults,
  TransferResult,
} from "./timing/results.js";
import { type ChainAddress, Site, startSimulator } from "./timing/site.js";
import { mean, summarize, tenth } from "./timing/statistics.js";
import { transfer } from "./timing/transfer.js";

const RESULTS = "bench/results/timing.json";
const MEGABYTE = 1_000_000;
const GIGABYTE = 1_000_000_000;
/** The paper's link from Azure to AWS, VMware's least for a long-distance migration, a common data centre link. */
const LINKS = [124.8, 250, 1_000] as const;
const MIGRATED = [
  ["78 MB", 78 * MEGABYTE],
  ["1 GB", GIGABYTE],
  ["8 GB", 8 * GIGABYTE],
  ["30 GB", 30 * GIGABYTE],
] as const;
const SENDERS = 8;

/** How much of everything is measured. */
interface Plan {
  readonly samples: number;
  readonly etherSamples: number;
  readonly etherLanes: number;
  readonly moves: number;
  readonly runs: number;
  readonly transferSeconds: number;
  readonly loadSeconds: number;
  /** Offered rates for each group size. */
  readonly rates: readonly (readonly [lines: number, perSecond: readonly number[]])[];
  readonly batch: number;
  readonly vms: readonly number[];
  readonly clouds: readonly number[];
  readonly scaleSamples: number;
}

const FULL: Plan = {
  samples: 100,
  etherSamples: 100,
  etherLanes: 4,
  moves: 20,
  runs: 3,
  transferSeconds: 5,
  loadSeconds: 4,
  rates: [
    [1, [10, 50, 100, 200]],
    [4, [10, 50, 100]],
    [16, [5, 15, 40]],
  ],
  batch: 1_000,
  vms: [10, 1_000, 10_000, 100_000],
  clouds: [4, 16, 64],
  scaleSamples: 20,
};

const QUICK: Plan = {
  samples: 4,
  etherSamples: 2,
  etherLanes: 1,
  moves: 2,
  runs: 1,
  transferSeconds: 0.3,
  loadSeconds: 2,
  rates: [
    [1, [10]],
    [4, [5]],
  ],
  batch: 100,
  vms: [10, 100],
  clouds: [4, 8],
  scaleSamples: 3,
};

const PARTS = ["latency", "migration", "transfer", "load", "batch", "scale"] as const;
type Part = (typeof PARTS)[number];

function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`);
}

/* THE PARTS */

/** Ethers' samples are spread over several keys, each with a provider of its own: alone they would take most of an hour. */
async function measureLatency(site: Site, plan: Plan, blockMs: number): Promise<LatencyResult[]> {
  const ethersLanes = Array.from({ length: plan.etherLanes }, (_lane, index) => ({
    subject: plainEthers(site, site.setting.keys.key(`ethers ${index}`)),
    count: Math.ceil(plan.etherSamples / plan.etherLanes),
  }));
  if (site.address.isSimulator) await giveBalance(site, plan.etherLanes);
  const subjects = [
    {
      subject: pipeline(site, "library, heads by WebSocket", site.openSubmitter("ws", false), site.relay(1)),
      count: plan.samples,
    },
    {
      subject: pipeline(site, "library, heads by asking", site.openSubmitter("asking"), site.relay(2)),
      count: plan.samples,
    },
    { subject: await rest(site), count: plan.samples },
  ];
  const all = await measureRecords(site, [...subjects, ...ethersLanes], blockMs);
  const ethersResults = all.slice(subjects.length);
  const samplesMs = ethersResults.flatMap((each) => each.samplesMs);
  const callsPerRecord = Math.round(mean(ethersResults.map((each) => each.callsPerRecord ?? 0)) * 100) / 100;
  const failed = ethersResults.reduce((sum, each) => sum + (each.failed ?? 0), 0);
  const [first] = ethersResults;
  return [
    ...all.slice(0, subjects.length),
    { name: first?.name ?? "", summary: summarize(samplesMs), callsPerRecord, failed, samplesMs },
  ];
}

/** Ethers offers a tip of a gigawei; the simulator wants to see the money for it. */
async function giveBalance(site: Site, lanes: number): Promise<void> {
  for (let lane = 0; lane < lanes; ++lane) {
    const { address } = site.setting.keys.key(`ethers ${lane}`);
    await site.federation.provider.send("hardhat_setBalance", [address, "0x56bc75e2d63100000"]);
  }
}

async function measureMoves(
  site: Site,
  plan: Plan,
  blockMs: number,
): Promise<{ moves: LatencyResult[]; runs: MigrationResult[] }> {
  await site.beginSetup();
  const vms = await site.takeVms(2 * plan.moves + 2 * plan.runs);
  await site.beginMeasuring(LEARNING_MS);
  const take = (count: number) => vms.splice(0, count);
  const atRandom = [];
  for (const vm of take(plan.moves)) atRandom.push(await runMove(site, vm, false, blockMs));
  const timed = [];
  for (const vm of take(plan.moves)) timed.push(await runMove(site, vm, true, blockMs));
  const result = (name: string, samplesMs: number[]): LatencyResult => ({
    name,
    summary: summarize(samplesMs),
    callsPerRecord: undefined,
    samplesMs: samplesMs.map(tenth),
  });
  const moves = [
    result(
      "agree and start",
      [...atRandom, ...timed].map(({ agreeMs, startMs }) => agreeMs + startMs),
    ),
    result(
      "complete, begun at a random moment",
      atRandom.map(({ completeMs }) => completeMs),
    ),
    result(
      "complete, begun just before a block is due",
      timed.map(({ completeMs }) => completeMs),
    ),
  ];
  const runs: MigrationResult[] = [];
  for (const link of [LINKS[0], LINKS[2]]) {
    for (const vm of take(plan.runs)) {
      let transferMs = 0;
      const { totalMs } = await runMove(site, vm, true, blockMs, async () => {
        transferMs = (await transfer(78 * MEGABYTE, link)).ms;
      });
      runs.push(migration("78 MB", 78 * MEGABYTE, link, "run", transferMs, totalMs));
    }
  }
  return { moves, runs };
}

function migration(
  label: string,
  bytes: number,
  mbitPerSecond: number,
  kind: MigrationResult["kind"],
  withoutMs: number,
  withMs: number,
): MigrationResult {
  return {
    label,
    bytes,
    mbitPerSecond,
    kind,
    withoutMs: tenth(withoutMs),
    withMs: tenth(withMs),
    addedMs: tenth(withMs - withoutMs),
  };
}

/** Transfers of every size, from the rate that was achieved and the steps that were measured. */
function composeMigrations(moves: readonly LatencyResult[], transfers: readonly TransferResult[]): MigrationResult[] {
  // Whoever waits until just before a block is due pauses the VM for less, but the whole takes as long.
  const [prepare, switchOver] = moves;
  return [LINKS[0], LINKS[2]].flatMap((link) => {
    const achieved =
      transfers.find(({ wantedMbitPerSecond }) => wantedMbitPerSecond === link)?.achievedMbitPerSecond ?? link;
    return MIGRATED.map(([label, bytes]) => {
      const copyMs = (bytes * 8) / achieved / 1_000;
      const before = mean((prepare?.samplesMs ?? []).map((ms) => Math.max(ms, copyMs)));
      return migration(label, bytes, link, "composed", copyMs, before + mean(switchOver?.samplesMs ?? []));
    });
  });
}

async function measureTransfers(plan: Plan): Promise<TransferResult[]> {
  const results: TransferResult[] = [];
  for (const link of [...LINKS, undefined]) {
    progress(`transfer at ${link ?? "any"} Mbit/s`);
    results.push(await transfer(Math.round(((link ?? 4_000) * MEGABYTE * plan.transferSeconds) / 8), link));
  }
  return results;
}

async function measureScales(chain: () => Promise<ChainAddress>, plan: Plan): Promise<ScaleResult[]> {
  const results: ScaleResult[] = [];
  for (const clouds of plan.clouds) {
    const address = await chain();
    const site = await Site.open(address, clouds);
    for (const vms of clouds === plan.clouds[0] ? plan.vms : plan.vms.slice(0, 1)) {
      progress(`scale: ${vms} VMs, ${clouds} clouds`);
      results.push(await measureScale(site, vms, clouds, plan.scaleSamples));
    }
    await site.close();
    await address.close();
  }
  return results;
}

/* THE WHOLE */

function boundsOf(results: Omit<TimingResults, "bounds">): BoundResult[] {
  const [library, ethers] = [results.latency.at(0), results.latency.at(-1)];
  if (!library || !ethers) return [];
  const ratio = library.summary.mean / ethers.summary.mean;
  const calls = library.callsPerRecord ?? NaN;
  const bound = (what: string, text: string, measured: string, isMet: boolean) => ({
    what,
    bound: text,
    measured,
    isMet,
  });
  const { mean: average, p95 } = library.summary;
  return [
    bound("mean time of a record", "≤ 0.65 s", `${(average / 1_000).toFixed(3)} s`, average <= 650),
    bound("95th percentile of it", "≤ 1.10 s", `${(p95 / 1_000).toFixed(3)} s`, p95 <= 1_100),
    bound("of ethers' mean in the same run", "≤ 0.20", ratio.toFixed(3), ratio <= 0.2),
    bound("RPC calls for each record", "≤ 3", calls.toFixed(2), calls <= 3),
    bound("batched, of a flood signed beforehand", "≥ 0.8", results.batch.ratio.toFixed(3), results.batch.ratio >= 0.8),
  ];
}

async function measure(options: Options, earlier: TimingResults | undefined): Promise<TimingResults> {
  const { plan, parts } = options;
  const does = (part: Part) => parts.includes(part);
  const loadBefore = tenth(loadavg()[0] ?? 0);
  const address = await options.chain();
  progress(`deploying on ${address.http}`);
  const site = await Site.open(address, 4);

  let latency = earlier?.latency ?? [];
  let moves = earlier?.moves ?? [];
  let runs = (earlier?.migrations ?? []).filter(({ kind }) => kind === "run");
  let transfers = earlier?.transfers ?? [];
  let load = earlier?.load ?? [];
  let batch = earlier?.batch ?? {
    records: 0,
    senders: 0,
    pipelinePerSecond: 0,
    floodPerSecond: 0,
    ratio: 0,
    callsPerRecord: 0,
  };
  let scale = earlier?.scale ?? [];

  if (does("latency")) {
    progress("single records");
    latency = await measureLatency(site, plan, options.blockMs);
  }
  if (does("batch")) {
    progress("batched submission and a flood");
    batch = await measureBatch(site, plan.batch, SENDERS);
  }
  if (does("migration")) {
    progress("moves and whole migrations");
    ({ moves, runs } = await measureMoves(site, plan, options.blockMs));
  }
  if (does("transfer")) transfers = await measureTransfers(plan);
  if (does("load")) {
    const measured = [];
    for (const [lines, rates] of plan.rates) {
      for (const rate of rates) {
        progress(`load: ${rate} records of ${lines} VMs a second`);
        measured.push(await measureLoad(site, lines, rate, plan.loadSeconds, SENDERS));
      }
    }
    load = measured;
  }
  await site.close();
  await address.close();

  const results = () => ({
    environment: {
      measuredAt: new Date().toISOString().slice(0, 16),
      chain: options.isSimulator ? "Hardhat's simulator (EDR) in a process of its own" : "an existing chain",
      blockMs: options.blockMs,
      machine: `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB`,
      node: process.version,
      loadBefore,
      loadAfter: tenth(loadavg()[0] ?? 0),
      isQuick: plan.samples === QUICK.samples,
    },
    latency,
    moves,
    migrations: [...runs, ...composeMigrations(moves, transfers)],
    transfers,
    load,
    batch,
    scale,
  });
  const whole = () => ({ ...results(), bounds: boundsOf(results()) });
  if (does("scale")) {
    // The part that takes longest, and needs most of the machine: if it fails, it alone is to be repeated.
    write(options, whole());
    scale = await measureScales(options.chain, plan);
  }
  return whole();
}

interface Options {
  readonly plan: Plan;
  readonly parts: readonly Part[];
  readonly isSimulator: boolean;
  readonly blockMs: number;
  readonly json: string | undefined;
  readonly isRendering: boolean;
  readonly chain: () => Promise<ChainAddress>;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      rpc: { type: "string" },
      ws: { type: "string" },
      only: { type: "string", multiple: true },
      render: { type: "boolean", default: false },
      "block-ms": { type: "string", default: "1000" },
      "most-vms": { type: "string", default: "100000" },
      json: { type: "string" },
    },
  });
  const parts = (values.only ?? PARTS).map((name) => {
    const part = PARTS.find((each) => each === name);
    if (!part) throw new Error(`--only: ${name} is none of ${PARTS.join(", ")}`);
    return part;
  });
  const blockMs = Number(values["block-ms"]);
  if (!(blockMs >= 100)) throw new Error(`--block-ms: ${values["block-ms"]} is no time between blocks`);
  const { rpc, ws } = values;
  const plan = values.quick ? QUICK : FULL;
  const remote = { http: rpc ?? "", ws, isSimulator: false, close: () => Promise.resolve() };
  return {
    plan: { ...plan, vms: plan.vms.filter((count) => count <= Number(values["most-vms"])) },
    parts,
    isSimulator: rpc === undefined,
    blockMs,
    json: values.json ?? (values.quick ? undefined : RESULTS),
    isRendering: values.render,
    chain: () => (rpc === undefined ? startSimulator(blockMs) : Promise.resolve(remote)),
  };
}

function write({ json }: Options, results: TimingResults): void {
  if (json === undefined) return;
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
}

function read(path: string): TimingResults | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as TimingResults) : undefined;
}

function print({ latency, moves, load, batch, scale, bounds }: TimingResults): void {
  const seconds = (ms: number) => (ms / 1_000).toFixed(3).padStart(8);
  console.log("single records, s                                  mean     p50     p95     max   calls");
  for (const { name, summary, callsPerRecord } of [...latency, ...moves]) {
    const { mean: average, p50, p95, max } = summary;
    console.log(
      `${name.padEnd(46)}${[average, p50, p95, max].map(seconds).join("")}${String(callsPerRecord ?? "").padStart(8)}`,
    );
  }
  console.log("\nlines  offered/s  records/s    VMs/s  gas/VM   median s    p95 s");
  for (const { lines, offeredPerSecond, recordsPerSecond, vmsPerSecond, gasPerVm, latency: times } of load) {
    const cells = [lines, offeredPerSecond, recordsPerSecond, vmsPerSecond, gasPerVm].map((cell) =>
      String(cell).padStart(9),
    );
    console.log(`${cells.join("")}${seconds(times.p50)} ${seconds(times.p95)}`);
  }
  console.log(
    `\nbatch: ${batch.pipelinePerSecond}/s, flood ${batch.floodPerSecond}/s, ${batch.callsPerRecord} calls a record\n`,
  );
  for (const { vms, clouds, gas, latency: times } of scale) {
    console.log(
      `${vms} VMs, ${clouds} clouds: record ${gas.record}, agree ${gas.agree}, complete ${gas.complete} gas,${seconds(times.p50)} s`,
    );
  }
  for (const { what, bound, measured, isMet } of bounds) {
    console.log(`${isMet ? "met   " : "MISSED"}  ${what}: ${measured} (${bound})`);
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  const path = options.json ?? RESULTS;
  const earlier = options.parts.length < PARTS.length || options.isRendering ? read(path) : undefined;
  if (options.isRendering && !earlier) throw new Error(`${path} is not there: nothing was measured yet`);
  const results = options.isRendering && earlier ? earlier : await measure(options, earlier);
  print(results);
  if (options.json === undefined && !options.isRendering) return;
  if (!options.isRendering) write(options, results);
  if (path !== RESULTS) return;
  await drawFigures(results);
  const page = evaluationPage();
  writeFileSync(page.path, page.content);
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  // What is left open, the simulator above all, ends with this process, and would keep it alive otherwise.
  process.exit(1);
});
