import { writeFileSync } from "node:fs";

import * as vega from "vega";
import { type TopLevelSpec, compile } from "vega-lite";

import type { TimingResults } from "./results.js";

const FOLDER = "docs/figures";
const PAPER_MS = 2_360;
const CONFIG = {
  font: "Helvetica, Arial, sans-serif",
  background: "white",
  axis: { labelFontSize: 11, titleFontSize: 12, grid: true, gridColor: "#e5e5e5" },
  legend: { labelFontSize: 11, titleFontSize: 12 },
} as const;

/** Draws the figures of the evaluation into `docs/figures`, as vector graphics. */
export async function drawFigures(results: TimingResults): Promise<void> {
  const figures: { readonly [name: string]: TopLevelSpec } = {
    "figure-4-latency": latencyFigure(results),
    "figure-4-migration": migrationFigure(results),
    "figure-5-transfer": transferFigure(results),
    "load-latency": loadFigure(results),
    "scale-latency": scaleFigure(results),
  };
  for (const [name, spec] of Object.entries(figures)) {
    const view = new vega.View(vega.parse(compile(spec).spec), { renderer: "none" });
    writeFileSync(`${FOLDER}/${name}.svg`, `${await view.toSVG()}\n`);
    view.finalize();
  }
}

/** How long a single record takes: the share of records that were final after so many seconds. */
function latencyFigure({ latency, environment }: TimingResults): TopLevelSpec {
  const values = latency.flatMap(({ name, samplesMs }) =>
    [...samplesMs]
      .sort((a, b) => a - b)
      .map((ms, index, all) => ({ way: name, seconds: ms / 1_000, share: (index + 1) / all.length })),
  );
  const marks = [
    { seconds: environment.blockMs / 2_000, text: "half a block" },
    { seconds: PAPER_MS / 1_000, text: "the paper's mean" },
  ];
  return {
    config: CONFIG,
    width: 520,
    height: 260,
    layer: [
      {
        data: { values },
        mark: { type: "line", interpolate: "step-after", strokeWidth: 1.8 },
        encoding: {
          x: { field: "seconds", type: "quantitative", title: "time from handing over to the receipt (s)" },
          y: { field: "share", type: "quantitative", title: "share of records", axis: { format: "%" } },
          color: {
            field: "way",
            type: "nominal",
            title: null,
            legend: { orient: "bottom", columns: 2, labelLimit: 300 },
          },
        },
      },
      {
        data: { values: marks },
        mark: { type: "rule", strokeDash: [4, 4], color: "#666666" },
        encoding: { x: { field: "seconds", type: "quantitative" } },
      },
      {
        data: { values: marks },
        mark: { type: "text", align: "left", dx: 4, dy: -118, color: "#444444" },
        encoding: { x: { field: "seconds", type: "quantitative" }, text: { field: "text" } },
      },
    ],
  };
}

/** What the ledger adds to a whole migration, by size and link. */
function migrationFigure({ migrations }: TimingResults): TopLevelSpec {
  const values = migrations
    .filter(({ kind }) => kind === "composed")
    .flatMap(({ label, mbitPerSecond, withoutMs, withMs }) => [
      { size: label, link: `${mbitPerSecond} Mbit/s`, what: "without the ledger", seconds: withoutMs / 1_000 },
      { size: label, link: `${mbitPerSecond} Mbit/s`, what: "with the ledger", seconds: withMs / 1_000 },
    ]);
  return {
    config: CONFIG,
    data: { values },
    mark: { type: "point", filled: true, size: 60 },
    width: 240,
    height: 150,
    encoding: {
      column: { field: "link", type: "nominal", title: null },
      x: { field: "seconds", type: "quantitative", scale: { type: "log" }, title: "whole migration (s, logarithmic)" },
      y: { field: "size", type: "nominal", sort: null, title: "size" },
      color: { field: "what", type: "nominal", title: null, legend: { orient: "bottom" } },
      shape: { field: "what", type: "nominal", title: null },
    },
  };
}

/** Transfer speed: wanted and achieved. */
function transferFigure({ transfers }: TimingResults): TopLevelSpec {
  const values = transfers.map(({ wantedMbitPerSecond, achievedMbitPerSecond }) => ({
    link: wantedMbitPerSecond === undefined ? "not shaped" : `${wantedMbitPerSecond} Mbit/s`,
    wanted: wantedMbitPerSecond,
    achieved: achievedMbitPerSecond,
  }));
  return {
    config: CONFIG,
    data: { values },
    width: 420,
    height: 220,
    layer: [
      {
        mark: { type: "bar", width: { band: 0.6 }, color: "#4c78a8" },
        encoding: {
          x: { field: "link", type: "nominal", sort: null, title: "wanted", axis: { labelAngle: 0 } },
          y: { field: "achieved", type: "quantitative", title: "achieved (Mbit/s)" },
        },
      },
      {
        mark: { type: "tick", color: "black", thickness: 2, width: { band: 0.8 } },
        encoding: { x: { field: "link", type: "nominal", sort: null }, y: { field: "wanted", type: "quantitative" } },
      },
    ],
  };
}

/** Latency against the offered rate, for each group size. */
function loadFigure({ load }: TimingResults): TopLevelSpec {
  const values = load.flatMap(({ lines, offeredPerSecond, latency }) => [
    {
      group: `${lines} VM${lines === 1 ? "" : "s"} a record`,
      rate: offeredPerSecond,
      what: "p95",
      seconds: latency.p95 / 1_000,
    },
    {
      group: `${lines} VM${lines === 1 ? "" : "s"} a record`,
      rate: offeredPerSecond,
      what: "median",
      seconds: latency.p50 / 1_000,
    },
  ]);
  return {
    config: CONFIG,
    data: { values },
    mark: { type: "line", point: true },
    width: 460,
    height: 240,
    encoding: {
      x: { field: "rate", type: "quantitative", title: "offered rate (records/s)" },
      y: { field: "seconds", type: "quantitative", title: "latency (s)" },
      color: { field: "group", type: "nominal", title: null, sort: null },
      strokeDash: { field: "what", type: "nominal", title: null },
    },
  };
}

/** Median latency by the number of VMs and of clouds. */
function scaleFigure({ scale }: TimingResults): TopLevelSpec {
  const values = scale.map(({ vms, clouds, latency }) => ({
    vms,
    clouds: `${clouds} clouds`,
    seconds: latency.p50 / 1_000,
  }));
  return {
    config: CONFIG,
    data: { values },
    mark: { type: "point", filled: true, size: 70 },
    width: 420,
    height: 200,
    encoding: {
      x: { field: "vms", type: "quantitative", scale: { type: "log" }, title: "VMs (logarithmic)" },
      y: { field: "seconds", type: "quantitative", title: "median latency (s)", scale: { zero: true } },
      color: { field: "clouds", type: "nominal", title: null, sort: null },
      shape: { field: "clouds", type: "nominal", title: null, sort: null },
    },
  };
}
