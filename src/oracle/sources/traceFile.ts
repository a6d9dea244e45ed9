import { readFile } from "node:fs/promises";

import { BusError } from "../../errors/busError.js";
import { readTable } from "../../trace/table.js";
import { toThousandths } from "../measure/decimal.js";
import { METRIC_NAMES, type MetricName } from "../../sla/metrics.js";
import { type Sample, maxValueOf } from "../measure/samples.js";
import type { SampleSource } from "./source.js";

/** What of a trace becomes a metric: the sum of columns, or `present`: a line is a sample that says "it answered". */
export type TraceColumns =
  | "present"
  | {
      readonly sum: readonly string[];
      /** What one of the columns' units is in the metric's. */
      readonly scale: string;
    };

/** A trace file. */
export interface TraceFileOptions {
  readonly path: string;
  readonly stepMs: number;
  readonly columns: { readonly [lane in MetricName]?: TraceColumns | undefined };
  /** Whether the trace's first line is of the stay's begin, or its times are true. */
  readonly startsAt: "stay" | "trace";
}

/** What of a trace in the Bitbrains format becomes metrics unless told otherwise; it counts bytes in thousands. */
export const DEFAULT_TRACE_COLUMNS: TraceFileOptions["columns"] = {
  availabilityPpm: "present",
  throughputKbps: {
    sum: ["Network received throughput [KB/s]", "Network transmitted throughput [KB/s]"],
    scale: "8",
  },
};

/** Samples out of a trace file in the Bitbrains format, read anew for every window: traces may still be written. */
export function traceFileSource(options: TraceFileOptions): SampleSource {
  const lanes = METRIC_NAMES.filter((lane) => options.columns[lane] !== undefined);
  const names = [
    ...new Set(
      lanes.flatMap((lane) => {
        const columns = options.columns[lane];
        return columns === undefined || columns === "present" ? [] : columns.sum;
      }),
    ),
  ];
  return {
    stepMs: options.stepMs,
    lanes,
    async read({ startedAtMs, window }) {
      const rows = readTable(await readText(options.path), names);
      const shiftMs = options.startsAt === "stay" ? startedAtMs - (rows[0]?.time ?? 0) : 0;
      const inWindow = rows
        .map((row) => ({ timeMs: row.time + shiftMs, texts: row.texts }))
        .filter(({ timeMs }) => timeMs >= window.fromMs && timeMs < window.toMs);
      const sampleOf = (lane: MetricName, texts: readonly string[], timeMs: number): Sample => {
        const columns = options.columns[lane];
        if (columns === undefined || columns === "present") return { timeMs, value: maxValueOf("availabilityPpm") };
        const parts = columns.sum.map((name) => {
          const text = texts[names.indexOf(name)] ?? "";
          const part = toThousandths(text, columns.scale);
          if (part === undefined) throw new BusError("BAD_TRACE", `${options.path}: ${text} is no ${name}`);
          return part;
        });
        return { timeMs, value: parts.reduce((sum, part) => sum + part, 0n) };
      };
      return new Map(lanes.map((lane) => [lane, inWindow.map(({ timeMs, texts }) => sampleOf(lane, texts, timeMs))]));
    },
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new BusError("SOURCE_UNREACHABLE", `${path} cannot be read`, { cause });
  }
}
