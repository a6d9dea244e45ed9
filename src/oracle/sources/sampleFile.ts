import { readFile } from "node:fs/promises";

import { Ajv2020 } from "ajv/dist/2020.js";

import { BusError } from "../../errors/busError.js";
import { toThousandths } from "../measure/decimal.js";
import { METRIC_NAMES, type MetricName } from "../../sla/metrics.js";
import type { Sample } from "../measure/samples.js";
import { firstProblem } from "../schemaErrors.js";
import { SAMPLE_FILE_SCHEMA } from "./sampleFileSchema.js";
import type { SampleSource } from "./source.js";

/** Raw samples of VMs, as a collector writes them. */
export interface SampleFile {
  /** One sample is expected in so many milliseconds. */
  readonly stepMs: number;
  readonly series: readonly {
    readonly vm: string;
    readonly metric: MetricName;
    readonly scale?: string;
    readonly samples: readonly (readonly [timeMs: number, value: number | string])[];
  }[];
}

const validate = new Ajv2020({
  strict: true,
  strictTypes: false,
  strictTuples: false,
  verbose: true,
}).compile<SampleFile>(SAMPLE_FILE_SCHEMA);

/**
 * Checks a sample file: its form; the order of its samples is judged where they are measured.
 * @throws BusError `BAD_SAMPLE_FILE` with path and value.
 */
export function parseSampleFile(text: string): SampleFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new BusError("BAD_SAMPLE_FILE", "not JSON", { cause });
  }
  if (!validate(json)) throw new BusError("BAD_SAMPLE_FILE", firstProblem(validate.errors));
  const seen = new Set<string>();
  json.series.forEach(({ vm, metric }, index) => {
    const key = `${vm.toLowerCase()} ${metric}`;
    if (seen.has(key)) throw new BusError("BAD_SAMPLE_FILE", `/series/${index}: a second series of ${key}`);
    seen.add(key);
  });
  return json;
}

/** Samples out of a JSON file, read anew for every window: a collector may still be writing to it. */
export function sampleFileSource(options: { readonly path: string; readonly stepMs: number }): SampleSource {
  return {
    stepMs: options.stepMs,
    lanes: METRIC_NAMES,
    async read({ vm }) {
      const { path, stepMs } = options;
      const file = await load(path);
      if (file.stepMs !== stepMs) {
        throw new BusError("BAD_SAMPLE_FILE", `${path}: /stepMs: ${file.stepMs} is not ${stepMs}, as configured`);
      }
      const own = file.series
        .map((series, index) => ({ ...series, index }))
        .filter((series) => series.vm.toLowerCase() === vm.toLowerCase());
      return new Map(
        own.map(({ metric, samples, scale, index }) => [
          metric,
          samples.map(([timeMs, given], position): Sample => {
            const value = toThousandths(String(given), scale);
            if (value !== undefined) return { timeMs, value };
            throw new BusError("BAD_SAMPLE_FILE", `${path}: /series/${index}/samples/${position}/1: ${given}`);
          }),
        ]),
      );
    },
  };
}

async function load(path: string): Promise<SampleFile> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BusError("SOURCE_UNREACHABLE", `${path} cannot be read`, { cause });
  });
  try {
    return parseSampleFile(text);
  } catch (thrown) {
    if (thrown instanceof BusError) throw new BusError(thrown.code, `${path}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}
