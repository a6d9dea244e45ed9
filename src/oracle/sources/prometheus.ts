import { BusError, type OracleErrorCode } from "../../errors/busError.js";
import { type HttpFailureKind, HttpFailure, exchange } from "../http.js";
import { toThousandths } from "../measure/decimal.js";
import { METRIC_NAMES, type MetricName } from "../../sla/metrics.js";
import { type Interval, type Sample, type Series, maxValueOf } from "../measure/samples.js";
import type { SampleRequest, SampleSource } from "./source.js";

/** How a metric is asked for. */
export interface PrometheusQuery {
  /**
   * PromQL that gives one series. `{{vm}}`, `{{sequence}}`, `{{step}}` (as `15000ms`) and the operator's own labels of the VM
   * are filled in, escaped as inside double quotes.
   */
  readonly query: string;
  /** What one of the series' units is in the metric's: "1000000" for a share as millionths or seconds as microseconds. */
  readonly scale: string;
}

/** A Prometheus server and what to ask it. */
export interface PrometheusOptions {
  readonly url: string;
  readonly stepMs: number;
  readonly timeoutMs: number;
  readonly queries: { readonly [lane in MetricName]?: PrometheusQuery | undefined };
  /** Sent as `Authorization: Bearer`. */
  readonly bearerToken?: string | undefined;
}

/** Prometheus answers no more than 11,000 points of a series at once. */
const MAX_POINTS = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;

const FAILURES: { readonly [kind in HttpFailureKind]: OracleErrorCode } = {
  unreachable: "SOURCE_UNREACHABLE",
  timeout: "SOURCE_TIMEOUT",
  died: "SOURCE_DIED",
  "too long": "SOURCE_NONSENSE",
  "wrong key": "SOURCE_REFUSED",
};

/**
 * Samples out of the Prometheus HTTP API (`/api/v1/query_range`), at the window's begin and every step after it. A step
 * for which the query gives nothing, or `NaN`, has no sample.
 */
export function prometheusSource(options: PrometheusOptions): SampleSource {
  const lanes = METRIC_NAMES.filter((lane) => options.queries[lane] !== undefined);
  return {
    stepMs: options.stepMs,
    lanes,
    async read(request) {
      const series = new Map<MetricName, Sample[]>();
      // One after the other: the server is somebody's monitoring.
      for (const lane of lanes) series.set(lane, await readLane(options, lane, request));
      return series satisfies Series;
    },
  };
}

async function readLane(options: PrometheusOptions, lane: MetricName, request: SampleRequest): Promise<Sample[]> {
  const asked = options.queries[lane];
  if (!asked) return [];
  const query = fillIn(asked.query, lane, {
    ...request.labels,
    vm: request.vm,
    sequence: String(request.sequence),
    step: `${options.stepMs}ms`,
  });
  const samples: Sample[] = [];
  for (const part of partsOf(request.window, options.stepMs)) {
    const points = pointsOf(await ask(options, lane, query, part), lane, part, options.stepMs);
    for (const [timeMs, text] of points) {
      if (text === "NaN") continue;
      const value = toThousandths(text, asked.scale);
      if (value === undefined || value < 0n || value > maxValueOf(lane)) {
        throw nonsense(lane, `${text} × ${asked.scale} at ${timeMs} is no value of this metric`);
      }
      samples.push({ timeMs, value });
    }
  }
  return samples;
}

/** Stretches that a server answers in one go; each but the last a whole number of steps. */
function partsOf({ fromMs, toMs }: Interval, stepMs: number): Interval[] {
  const parts: Interval[] = [];
  for (let begin = fromMs; begin < toMs; begin += MAX_POINTS * stepMs) {
    parts.push({ fromMs: begin, toMs: Math.min(toMs, begin + MAX_POINTS * stepMs) });
  }
  return parts;
}

function fillIn(query: string, lane: MetricName, labels: { readonly [name: string]: string }): string {
  return query.replaceAll(/\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g, (_, name: string) => {
    const value = labels[name];
    if (value === undefined) throw new BusError("UNKNOWN_LABEL", `query of ${lane}: this VM has no label ${name}`);
    return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  });
}

function nonsense(lane: MetricName, found: string): BusError {
  return new BusError("SOURCE_NONSENSE", `Prometheus on ${lane}: ${found}`);
}

const seconds = (ms: number) => (ms / 1_000).toFixed(3);

async function ask(options: PrometheusOptions, lane: MetricName, query: string, part: Interval): Promise<unknown> {
  const { stepMs, timeoutMs, bearerToken } = options;
  const url = new URL(`${options.url.replace(/\/+$/, "")}/api/v1/query_range`);
  const last = part.fromMs + Math.floor((part.toMs - 1 - part.fromMs) / stepMs) * stepMs;
  const body = new URLSearchParams({
    query,
    start: seconds(part.fromMs),
    end: seconds(last),
    step: seconds(stepMs),
    timeout: `${timeoutMs}ms`,
  }).toString();
  const answer = await exchange({
    method: "POST",
    url,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      ...(bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` }),
    },
    body,
    timeoutMs,
    maxBytes: MAX_BYTES,
  }).catch((thrown: unknown) => {
    if (!(thrown instanceof HttpFailure)) throw thrown;
    throw new BusError(FAILURES[thrown.kind], `Prometheus on ${lane}: ${thrown.message}`, { cause: thrown });
  });
  const json = parse(answer.text);
  if (answer.status === 200) {
    if (json === undefined) throw nonsense(lane, "an answer that is not JSON");
    return json;
  }
  const reason = isObject(json) && typeof json.error === "string" ? json.error : "no reason given";
  const found = `Prometheus on ${lane}: status ${answer.status}, ${reason}`;
  // 4xx: this question is wrong, and will be. 5xx: the server is not well.
  const isWrong = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
  if (isWrong) throw new BusError("SOURCE_REFUSED", found);
  throw new BusError(answer.status === 503 ? "SOURCE_TIMEOUT" : "SOURCE_UNREACHABLE", found);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The points of the one series in an answer; each on the grid that was asked for, in order, none twice. */
function pointsOf(json: unknown, lane: MetricName, part: Interval, stepMs: number): (readonly [number, string])[] {
  const data = isObject(json) && json.status === "success" ? json.data : undefined;
  if (!isObject(data) || data.resultType !== "matrix" || !Array.isArray(data.result)) {
    throw nonsense(lane, "an answer that is no matrix");
  }
  const series: readonly unknown[] = data.result;
  if (series.length > 1) {
    const names = series.slice(0, 3).map((one) => JSON.stringify(isObject(one) ? one.metric : one));
    throw new BusError("SERIES_AMBIGUOUS", `query of ${lane}: ${series.length} series, ${names.join(", ")} ...`);
  }
  const [only] = series;
  if (only === undefined) return [];
  if (!isObject(only) || !Array.isArray(only.values)) throw nonsense(lane, "a series without values");
  let last = -Infinity;
  return only.values.map((point: unknown) => {
    const [time, value] = Array.isArray(point) ? (point as readonly unknown[]) : [];
    const timeMs = typeof time === "number" ? Math.round(time * 1_000) : NaN;
    const isOnGrid = timeMs >= part.fromMs && timeMs < part.toMs && (timeMs - part.fromMs) % stepMs === 0;
    if (!isOnGrid || timeMs <= last || typeof value !== "string") {
      throw nonsense(lane, `the point ${JSON.stringify(point)} was not asked for`);
    }
    last = timeMs;
    return [timeMs, value] as const;
  });
}
