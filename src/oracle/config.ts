import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { Ajv2020 } from "ajv/dist/2020.js";
import { Wallet } from "ethers";

import { BusError } from "../errors/busError.js";
import { ORACLE_CONFIG_SCHEMA } from "./configSchema.js";
import { type Tolerances, DEFAULT_TOLERANCES } from "./measure/compare.js";
import { METRIC_NAMES, type MetricName, WITNESSED_METRICS } from "../sla/metrics.js";
import { type Aggregate, type LaneRules, DEFAULT_RULES } from "./measure/measure.js";
import { firstProblem } from "./schemaErrors.js";
import { type PrometheusQuery, prometheusSource } from "./sources/prometheus.js";
import { sampleFileSource } from "./sources/sampleFile.js";
import type { SampleSource } from "./sources/source.js";
import { type TraceColumns, DEFAULT_TRACE_COLUMNS, traceFileSource } from "./sources/traceFile.js";

/** Where a private key is. */
export interface KeyPlace {
  readonly env?: string;
  readonly file?: string;
}

type ByMetric<T> = { readonly [lane in MetricName]?: T };

interface RawQuery {
  readonly query: string;
  readonly scale?: string;
}

type RawColumns = "present" | { readonly sum: readonly string[]; readonly scale?: string };

type RawSource =
  | {
      readonly type: "prometheus";
      readonly url: string;
      readonly stepMs: number;
      readonly timeoutMs?: number;
      readonly bearerTokenEnv?: string;
      readonly queries: ByMetric<RawQuery>;
    }
  | {
      readonly type: "trace";
      readonly path: string;
      readonly stepMs: number;
      readonly startsAt?: "stay" | "trace";
      readonly columns?: ByMetric<RawColumns>;
    }
  | { readonly type: "samples"; readonly path: string; readonly stepMs: number };

interface RawRule {
  readonly percentile?: number;
  readonly mean?: true;
  readonly mostMissingPpm?: number;
  readonly tolerance?: { readonly absolute?: number; readonly relativePpm?: number };
}

/** The file as it is written. */
interface RawConfig {
  readonly part: "party" | "witness";
  readonly cloud?: number;
  readonly rpc: string;
  readonly addressBook: string;
  readonly fromBlock?: number;
  readonly state: string;
  readonly signer: KeyPlace;
  readonly sender?: KeyPlace;
  readonly papers?: string;
  readonly source: RawSource;
  readonly labels?: { readonly [vm: string]: { readonly [label: string]: string } };
  readonly metrics?: ByMetric<RawRule>;
  readonly trusted?: readonly MetricName[];
  readonly peers?: readonly Peer[];
  readonly listen?: Listen;
  readonly monitor?: Place;
  readonly timing?: Partial<Timing>;
}

/** Where a server listens. Port 0: any that is free. */
export interface Place {
  readonly host?: string;
  readonly port: number;
}

/** Where the peer protocol is served. */
export interface Listen extends Place {
  /** PEM files; without them it is plain HTTP, for a reverse proxy on the same machine. */
  readonly tls?: { readonly key: string; readonly certificate: string };
}

/** Where another cloud's oracle is. */
export interface Peer {
  readonly cloud: number;
  readonly url: string;
  /** SHA-256 of its public key. */
  readonly spkiHash?: string;
}

/** Periods, in milliseconds. */
export interface Timing {
  /** Between two passes. */
  readonly everyMs: number;
  /** After a window, before it is measured: late samples arrive, and a record may move a stay's end back by so much. */
  readonly graceMs: number;
  /** After that, how long missing samples are waited for. */
  readonly patienceMs: number;
  /** After a window, when home brings what host should have brought. */
  readonly bringAfterMs: number;
  /** After a window, when silence ends in a claim. */
  readonly claimAfterMs: number;
  /** Before the second try of what failed; then twice as long each time. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  readonly peerTimeoutMs: number;
  /** How far the node's newest block may be from the clock, either way. */
  readonly headAgeMs: number;
  /** How long to wait for a transaction before doing something else. */
  readonly receiptMs: number;
  /** How long raw samples are kept after their window. */
  readonly keepSamplesMs: number;
}

/** Periods unless the configuration says otherwise. */
export const DEFAULT_TIMING: Timing = {
  everyMs: 5_000,
  graceMs: 900_000,
  patienceMs: 600_000,
  bringAfterMs: 7_200_000,
  claimAfterMs: 86_400_000,
  retryMs: 1_000,
  maxRetryMs: 300_000,
  peerTimeoutMs: 10_000,
  headAgeMs: 15_000,
  receiptMs: 15_000,
  keepSamplesMs: 10_368_000_000,
};

/** The configuration, checked, defaults filled in, paths absolute. */
export interface OracleConfig {
  readonly part: "party" | "witness";
  /** Number of the cloud; 0 for a witness. */
  readonly cloud: number;
  readonly rpc: string;
  readonly addressBook: string;
  readonly fromBlock: number;
  readonly state: string;
  readonly signer: KeyPlace;
  readonly sender: KeyPlace | undefined;
  readonly papers: string | undefined;
  readonly source: SampleSource;
  /** By VM id in lower case. */
  readonly labels: { readonly [vm: string]: { readonly [label: string]: string } };
  readonly rules: LaneRules;
  readonly tolerances: Tolerances;
  readonly trusted: readonly MetricName[];
  readonly peers: readonly Peer[];
  readonly listen: Listen | undefined;
  readonly monitor: Place | undefined;
  readonly timing: Timing;
}

const validate = new Ajv2020({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  discriminator: true,
  verbose: true,
}).compile<RawConfig>(ORACLE_CONFIG_SCHEMA);

function refuse(path: string, problem: string): never {
  throw new BusError("BAD_ORACLE_CONFIG", `${path}: ${problem}`);
}

/**
 * Reads a configuration.
 * @param text JSON.
 * @param folder Where its relative paths begin.
 * @throws BusError `BAD_ORACLE_CONFIG` with path and value.
 */
export function parseOracleConfig(text: string, folder: string): OracleConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ");
    throw new BusError("BAD_ORACLE_CONFIG", `not JSON: ${reason}`, { cause });
  }
  if (!validate(json)) throw new BusError("BAD_ORACLE_CONFIG", firstProblem(validate.errors));
  const at = (path: string) => resolve(folder, path);
  requirePart(json);
  const timing = { ...DEFAULT_TIMING, ...json.timing };
  if (timing.bringAfterMs > timing.claimAfterMs) {
    const { bringAfterMs, claimAfterMs } = timing;
    refuse(
      "/timing/bringAfterMs",
      `${bringAfterMs} is above claimAfterMs, ${claimAfterMs}: what was agreed comes first`,
    );
  }
  return {
    part: json.part,
    cloud: json.cloud ?? 0,
    rpc: json.rpc,
    addressBook: at(json.addressBook),
    fromBlock: json.fromBlock ?? 0,
    state: at(json.state),
    signer: placeOf(json.signer, at),
    sender: json.sender && placeOf(json.sender, at),
    papers: json.papers === undefined ? undefined : at(json.papers),
    source: sourceOf(json.source, at),
    labels: Object.fromEntries(Object.entries(json.labels ?? {}).map(([vm, labels]) => [vm.toLowerCase(), labels])),
    rules: rulesOf(json),
    tolerances: tolerancesOf(json),
    trusted: json.trusted ?? [],
    peers: json.peers ?? [],
    listen: json.listen && {
      ...json.listen,
      ...(json.listen.tls && { tls: { key: at(json.listen.tls.key), certificate: at(json.listen.tls.certificate) } }),
    },
    monitor: json.monitor,
    timing,
  };
}

/** What the form cannot say: which keys go with which part. */
function requirePart({ part, cloud, listen, trusted, peers, source }: RawConfig): void {
  if (part === "party") {
    if (cloud === undefined) refuse("/cloud", "missing: a party speaks for a cloud");
    return;
  }
  const forParties = { cloud, listen, trusted, peers };
  for (const [name, value] of Object.entries(forParties)) {
    if (value !== undefined) refuse(`/${name}`, "only a party has one: a witness speaks for itself");
  }
  const [path, given] =
    source.type === "prometheus"
      ? ["/source/queries", source.queries]
      : source.type === "trace"
        ? ["/source/columns", source.columns ?? {}]
        : ["", {}];
  for (const lane of METRIC_NAMES) {
    if (lane in given && !WITNESSED_METRICS.includes(lane)) {
      refuse(`${path}/${lane}`, `only the parties can measure it; a witness sees ${WITNESSED_METRICS.join(", ")}`);
    }
  }
}

function placeOf({ env, file }: KeyPlace, at: (path: string) => string): KeyPlace {
  return file === undefined ? { ...(env !== undefined && { env }) } : { file: at(file) };
}

function sourceOf(source: RawSource, at: (path: string) => string): SampleSource {
  switch (source.type) {
    case "prometheus": {
      const { url, stepMs, timeoutMs = 10_000, bearerTokenEnv, queries } = source;
      const bearerToken = bearerTokenEnv === undefined ? undefined : process.env[bearerTokenEnv];
      if (bearerTokenEnv !== undefined && bearerToken === undefined) {
        refuse("/source/bearerTokenEnv", `${bearerTokenEnv} is not set`);
      }
      const scaled = Object.entries(queries).map(([lane, { query, scale = "1" }]) => [lane, { query, scale }]);
      const all = Object.fromEntries(scaled) as ByMetric<PrometheusQuery>;
      return prometheusSource({ url, stepMs, timeoutMs, queries: all, bearerToken });
    }
    case "trace": {
      const { path, stepMs, startsAt = "trace", columns } = source;
      const scaled = Object.entries(columns ?? {}).map(([lane, given]) => [
        lane,
        given === "present" ? given : { sum: given.sum, scale: given.scale ?? "1" },
      ]);
      const chosen = columns && (Object.fromEntries(scaled) as ByMetric<TraceColumns>);
      return traceFileSource({ path: at(path), stepMs, startsAt, columns: chosen ?? DEFAULT_TRACE_COLUMNS });
    }
    case "samples":
      return sampleFileSource({ path: at(source.path), stepMs: source.stepMs });
  }
}

function rulesOf({ metrics = {} }: RawConfig): LaneRules {
  const rules = METRIC_NAMES.map((lane) => {
    const given = metrics[lane] ?? {};
    const standard = DEFAULT_RULES[lane];
    const aggregate = aggregateOf(lane, given) ?? standard.aggregate;
    return [lane, { aggregate, mostMissingPpm: given.mostMissingPpm ?? standard.mostMissingPpm }];
  });
  return Object.fromEntries(rules) as LaneRules;
}

function aggregateOf(lane: MetricName, { percentile, mean }: RawRule): Aggregate | undefined {
  const path = `/metrics/${lane}`;
  if (percentile === undefined) return mean ? "mean" : undefined;
  if (mean) refuse(path, "both a percentile and the mean");
  if (lane === "availabilityPpm") refuse(`${path}/percentile`, "availability is a share of the expected samples");
  const percentileBp = Math.round(percentile * 100);
  if (Math.abs(percentileBp - percentile * 100) > 1e-6)
    refuse(`${path}/percentile`, `${percentile} has over two decimals`);
  return { percentileBp };
}

function tolerancesOf({ metrics = {} }: RawConfig): Tolerances {
  const tolerances = METRIC_NAMES.map((lane) => [lane, { ...DEFAULT_TOLERANCES[lane], ...metrics[lane]?.tolerance }]);
  return Object.fromEntries(tolerances) as Tolerances;
}

/**
 * Reads a configuration file.
 * @throws BusError `BAD_ORACLE_CONFIG` with file, path and value.
 */
export async function loadOracleConfig(path: string): Promise<OracleConfig> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BusError("BAD_ORACLE_CONFIG", `${path} cannot be read`, { cause });
  });
  try {
    return parseOracleConfig(text, dirname(resolve(path)));
  } catch (thrown) {
    if (thrown instanceof BusError) throw new BusError(thrown.code, `${path}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}

/** Bits of a file's mode that let group or others in. */
const OTHERS = 0o077;

/**
 * The key at a place. What it is never shows in an error.
 * @throws BusError `BAD_ORACLE_CONFIG` if it is not there, is no key, or others may read it.
 */
export async function loadKey({ env, file }: KeyPlace): Promise<Wallet> {
  const name = env ?? file ?? "";
  const text = file === undefined ? process.env[name] : await readKeyFile(file);
  if (text === undefined) refuse(name, "not set: there should be a private key");
  try {
    return new Wallet(text.trim());
  } catch {
    return refuse(name, "not a private key");
  }
}

async function readKeyFile(file: string): Promise<string> {
  const found = await stat(file).catch(() => refuse(file, "cannot be read"));
  const mode = found.mode & 0o777;
  if ((mode & OTHERS) !== 0) refuse(file, `others may read it (mode ${mode.toString(8)}): chmod 600`);
  return readFile(file, "utf8");
}
