import { readFileSync } from "node:fs";

import type { LatencyResult, MigrationResult, TimingResults } from "../timing/results.js";
import type { GeneratedFile } from "./file.js";

const MEASURED = "bench/results/timing.json";
const PATH = "docs/evaluation.md";

/** The evaluation as a page, from what was measured last. Measures nothing. */
export function evaluationPage(): GeneratedFile {
  const results = JSON.parse(readFileSync(MEASURED, "utf8")) as TimingResults;
  const sections = [
    introduction(results),
    bounds(results),
    latency(results),
    migrations(results),
    transfers(results),
    load(results),
    scale(results),
    limits(),
  ];
  return { path: PATH, content: `${sections.filter((section) => section !== "").join("\n\n")}\n` };
}

function introduction({ environment }: TimingResults): string {
  const { measuredAt, chain, blockMs, machine, node, loadBefore, loadAfter, isQuick } = environment;
  const cores = Number.parseInt(machine, 10);
  const isNoisy = Math.max(loadBefore, loadAfter) > cores;
  return `<!-- Made from ${MEASURED} by \`npm run generate\`: not to be edited. -->

# Evaluation

The paper's evaluation, done again: figure 4 (duration of a migration record) and figure 5 (transfer speed), and what it
did not ask: load, scale, what ethers' defaults cost. \`npm run timing\` measures all of it; the figures below are from its
last run here.

| measured | |
| --- | --- |
| when | ${measuredAt}Z${isQuick ? " (a quick check, not an evaluation)" : ""} |
| on | ${chain}, a block every ${seconds(blockMs, 1)} s; node and client on one machine |
| machine | ${machine}; Node.js ${node} |
| load | ${loadBefore} before, ${loadAfter} after (processes that wanted a core, averaged over a minute)${isNoisy ? "; **the machine had other work to do: times are worse than they need be, and scatter**" : ""} |

A simulator executes like the chain, and makes its block at once; a QBFT network adds agreement: a new head is seen some 0.06
to 0.24 s after it is due. With \`--rpc\` and \`--ws\` the same program measures a real network.`;
}

function bounds({ bounds: all }: TimingResults): string {
  const rows = all.map(
    ({ what, bound, measured, isMet }) => `| ${what} | ${bound} | ${measured} | ${isMet ? "met" : "**missed**"} |`,
  );
  return ["## Bounds", "", "| what | bound | measured | |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function latencyRows(results: readonly LatencyResult[]): string[] {
  return results.map(({ name, summary, callsPerRecord, failed = 0 }) => {
    const { count, mean, p50, p95, max } = summary;
    const times = [mean, p50, p95, max].map((ms) => seconds(ms)).join(" | ");
    const failures =
      failed === 0 ? "" : ` (and ${failed} that failed: its gas limit is an estimate, which other records outdate)`;
    return `| ${name} | ${count}${failures} | ${times} | ${callsPerRecord ?? "-"} |`;
  });
}

function latency({ latency: results, environment }: TimingResults): string {
  return `## Figure 4: duration of a single record

From handing a signed record over to the receipt of the block that holds it, at random phases of the block. Beside it ethers v6
as it comes, in the same run, and two figures that were not measured here: half a block, which is the mean that no client can
undercut when it begins at random moments, and the 2.36 s that the paper gives (Fabric by Composer and REST; its number of samples is not
told).

| way | samples | mean, s | median, s | 95th, s | longest, s | RPC calls |
| --- | --- | --- | --- | --- | --- | --- |
${latencyRows(results).join("\n")}
| half a block | - | ${seconds(environment.blockMs / 2)} | ${seconds(environment.blockMs / 2)} | ${seconds(environment.blockMs * 0.95)} | ${seconds(environment.blockMs)} | - |
| the paper, as published | - | 2.360 | - | - | - | - |

![Share of records that were final, by time](figures/figure-4-latency.svg)`;
}

function migrationRow({ label, mbitPerSecond, kind, withoutMs, withMs, addedMs }: MigrationResult): string {
  const how = kind === "run" ? "run as a whole" : "composed";
  return `| ${label} | ${mbitPerSecond} | ${seconds(withoutMs, 2)} | ${seconds(withMs, 2)} | ${seconds(addedMs, 2)} | ${how} |`;
}

/** One row for runs of the same size and link: their means. */
function averaged(runs: readonly MigrationResult[]): MigrationResult[] {
  const groups = new Map<string, MigrationResult[]>();
  for (const run of runs) {
    const key = `${run.label} ${run.mbitPerSecond}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const average = (of: (run: MigrationResult) => number) =>
      group.reduce((sum, run) => sum + of(run), 0) / group.length;
    return [
      {
        ...first,
        withoutMs: average(({ withoutMs }) => withoutMs),
        withMs: average(({ withMs }) => withMs),
        addedMs: average(({ addedMs }) => addedMs),
      },
    ];
  });
}

function migrations({ migrations: all, moves }: TimingResults): string {
  if (moves.length === 0) return "";
  const runs = all.filter(({ kind }) => kind === "run");
  const rows = [...averaged(runs), ...all.filter(({ kind }) => kind === "composed")].map(migrationRow);
  return `### The whole migration

Agreeing and starting go on while the data is copied; what is left on the critical path is what they take beyond the
copying, and the way from the end of the copying to the receipt of \`complete\`. The VM stands still for less than that: it
is paused just before a block is due, and runs until then. "Run as a whole" are real transfers with the ledger in the
loop; "composed" puts the measured steps and the measured speed of the shaped link together, since 30 GB at 124.8 Mbit/s take
half an hour.

| step | samples | mean, s | median, s | 95th, s | longest, s | RPC calls |
| --- | --- | --- | --- | --- | --- | --- |
${latencyRows(moves).join("\n")}

| size | link, Mbit/s | without the ledger, s | with it, s | added, s | |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

![Whole migrations with and without the ledger](figures/figure-4-migration.svg)`;
}

/** The time that the paper allows for a whole migration. */
const BUDGET_S = 5;
const SIZES = [
  ["78 MB", 78],
  ["1 GB", 1_000],
  ["8 GB", 8_000],
  ["30 GB", 30_000],
] as const;

function transfers({ transfers: all, moves }: TimingResults): string {
  if (all.length === 0) return "";
  const rows = all.map(({ wantedMbitPerSecond, bytes, ms, achievedMbitPerSecond, sentDigest, receivedDigest }) => {
    const digests = sentDigest === receivedDigest ? `equal, \`${sentDigest.slice(0, 8)}..\`` : "**differ**";
    return `| ${wantedMbitPerSecond ?? "not shaped"} | ${(bytes / 1e6).toFixed(1)} | ${seconds(ms, 2)} | ${achievedMbitPerSecond} | ${digests} |`;
  });
  const complete = moves[2]?.summary.p95 ?? 0;
  const required = SIZES.map(([label, megabytes]) => {
    const alone = (megabytes * 8) / BUDGET_S;
    const withLedger = (megabytes * 8) / (BUDGET_S - complete / 1_000);
    return `| ${label} | ${alone.toFixed(1)} | ${withLedger.toFixed(1)} |`;
  });
  return `## Figure 5: transfer speed, required and achieved

Achieved: random bytes over loopback between two processes, shaped by a token bucket, SHA-256 taken on both sides.

| wanted, Mbit/s | MB | s | achieved, Mbit/s | digests |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

![Transfer speed wanted and achieved](figures/figure-5-transfer.svg)

Required, to be done within ${BUDGET_S} s, the time that the paper allows: alone, and with the 95th percentile of \`complete\` (${seconds(complete)} s) taken off it.
That only 78 MB fit into 5 s at the paper's 124.8 Mbit/s is arithmetic, and no matter of the ledger.

| size | alone, Mbit/s | with the ledger, Mbit/s |
| --- | --- | --- |
${required.join("\n")}`;
}

function load({ load: all, batch }: TimingResults): string {
  if (all.length === 0) return "";
  const rows = all.map(({ lines, offeredPerSecond, recordsPerSecond, vmsPerSecond, gasPerVm, latency: times }) =>
    [lines, offeredPerSecond, recordsPerSecond, vmsPerSecond, gasPerVm, seconds(times.p50), seconds(times.p95)].join(
      " | ",
    ),
  );
  return `## Load

Records offered at a rate for some seconds by ${batch.senders || "several"} senders; latency counts from when a record was due. A block holds 30 million gas:
that is where it saturates. Sixteen VMs in a record cost less gas each than one.

| VMs a record | offered, records/s | done, records/s | VMs/s | gas a VM | median, s | 95th, s |
| --- | --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row} |`).join("\n")}

![Latency against the offered rate](figures/load-latency.svg)

Batched: ${batch.records} records by ${batch.senders} senders went through the pipeline at ${batch.pipelinePerSecond} a second, signing, outbox and receipts included; a flood
of as many, signed beforehand and posted a hundred at a time, at ${batch.floodPerSecond}. That is ${batch.ratio} of it, with ${batch.callsPerRecord} RPC calls a record.`;
}

function scale({ scale: all }: TimingResults): string {
  if (all.length === 0) return "";
  const rows = all.map(({ vms, clouds, gas, latency: times }) =>
    [
      vms,
      clouds,
      gas.record,
      gas.agree,
      gas.complete,
      seconds(times.mean),
      seconds(times.p50),
      seconds(times.p95),
    ].join(" | "),
  );
  return `## Scale

| VMs | clouds | gas of record | of agree | of complete | mean, s | median, s | 95th, s |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row} |`).join("\n")}

![Median latency by VMs and clouds](figures/scale-latency.svg)`;
}

function limits(): string {
  return `## What this does not show

* A simulator is no network: no agreement between validators, no gossip, no distance. Times on a real QBFT network are
  longer by what agreement takes; gas is the same.
* Node, client and both ends of a transfer share one machine.
* The paper's figure and this one are not the same thing: its record is one statement without a check, by an ordering
  service of one organisation that waits two seconds for a batch; this one checks signatures, states and capacity, and is final.`;
}

function seconds(ms: number, digits = 3): string {
  return (ms / 1_000).toFixed(digits);
}
