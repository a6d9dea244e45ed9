import { METRIC_NAMES } from "../sla/metrics.js";

const duration = (description: string) => ({ description, type: "integer", minimum: 0 }) as const;
const decimal = { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?$" } as const;
const port = { type: "integer", minimum: 0, maximum: 65_535 } as const;
const hash = { type: "string", pattern: "^0x[0-9a-fA-F]{64}$" } as const;
const url = { type: "string", pattern: "^https?://" } as const;
const stepMs = { description: "How often the source samples.", type: "integer", minimum: 1 } as const;

/** An object that has some of the metrics as its keys. */
const byMetric = (value: object) =>
  ({
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(METRIC_NAMES.map((lane) => [lane, value])),
  }) as const;

const key = {
  description: "Where a private key is: never in this file.",
  type: "object",
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: {
    env: { description: "Name of an environment variable.", type: "string", minLength: 1 },
    file: { description: "A file that only its owner may read.", type: "string", minLength: 1 },
  },
} as const;

const prometheus = {
  type: "object",
  additionalProperties: false,
  required: ["type", "url", "stepMs", "queries"],
  properties: {
    type: { const: "prometheus" },
    url,
    stepMs,
    timeoutMs: duration("How long to wait for an answer: 10,000 if left out."),
    bearerTokenEnv: { description: "Environment variable with a bearer token.", type: "string", minLength: 1 },
    queries: {
      ...byMetric({
        type: "object",
        additionalProperties: false,
        required: ["query"],
        properties: { query: { type: "string", minLength: 1 }, scale: decimal },
      }),
      minProperties: 1,
    },
  },
} as const;

const trace = {
  type: "object",
  additionalProperties: false,
  required: ["type", "path", "stepMs"],
  properties: {
    type: { const: "trace" },
    path: { type: "string", minLength: 1 },
    stepMs,
    startsAt: { enum: ["stay", "trace"] },
    columns: byMetric({
      oneOf: [
        { const: "present" },
        {
          type: "object",
          additionalProperties: false,
          required: ["sum"],
          properties: {
            sum: { type: "array", minItems: 1, items: { type: "string", minLength: 1 } },
            scale: decimal,
          },
        },
      ],
    }),
  },
} as const;

const samples = {
  type: "object",
  additionalProperties: false,
  required: ["type", "path", "stepMs"],
  properties: { type: { const: "samples" }, path: { type: "string", minLength: 1 }, stepMs },
} as const;

const metricRule = {
  type: "object",
  additionalProperties: false,
  properties: {
    percentile: { description: "In per cent, at most two decimals.", type: "number", minimum: 0.01, maximum: 100 },
    mean: { description: "The mean instead of a percentile.", const: true },
    mostMissingPpm: { type: "integer", minimum: 0, maximum: 1_000_000 },
    tolerance: {
      type: "object",
      additionalProperties: false,
      properties: {
        absolute: { type: "integer", minimum: 0, maximum: 4_294_967_295 },
        relativePpm: { type: "integer", minimum: 0, maximum: 1_000_000 },
      },
    },
  },
} as const;

/** JSON Schema (2020-12) of the oracle's configuration. Paths are relative to the file that names them. */
export const ORACLE_CONFIG_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Configuration of the SLA oracle",
  type: "object",
  additionalProperties: false,
  required: ["part", "rpc", "addressBook", "state", "signer", "source"],
  properties: {
    $schema: { type: "string" },
    part: {
      description: "party: home and host of its stays; witness: of stays that name it.",
      enum: ["party", "witness"],
    },
    cloud: { description: "party: number of the cloud.", type: "integer", minimum: 1, maximum: 4_294_967_295 },
    rpc: { description: "JSON-RPC of a node.", ...url },
    addressBook: { type: "string", minLength: 1 },
    fromBlock: { description: "First block that is searched for stays: 0 if left out.", type: "integer", minimum: 0 },
    state: { description: "The database.", type: "string", minLength: 1 },
    signer: key,
    sender: { ...key, description: "Who sends transactions: the signer if left out." },
    papers: { description: "Folder of agreements and witness lists.", type: "string", minLength: 1 },
    source: {
      type: "object",
      required: ["type"],
      discriminator: { propertyName: "type" },
      oneOf: [prometheus, trace, samples],
    },
    labels: {
      description: "By VM id: what the operator's monitoring calls the VM.",
      type: "object",
      propertyNames: hash,
      additionalProperties: { type: "object", additionalProperties: { type: "string" } },
    },
    metrics: byMetric(metricRule),
    trusted: {
      description: "Metrics that are agreed to without a measurement of one's own.",
      type: "array",
      uniqueItems: true,
      items: { enum: [...METRIC_NAMES] },
    },
    peers: {
      description: "Where other clouds' oracles are, if not at their endpoint in the registry.",
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["cloud", "url"],
        properties: { cloud: { type: "integer", minimum: 1 }, url, spkiHash: hash },
      },
    },
    listen: {
      description: "party: where the other cloud's oracle reaches this one.",
      type: "object",
      additionalProperties: false,
      required: ["port"],
      properties: {
        host: { type: "string", minLength: 1 },
        port,
        tls: {
          type: "object",
          additionalProperties: false,
          required: ["key", "certificate"],
          properties: {
            key: { description: "PEM file.", type: "string", minLength: 1 },
            certificate: { description: "PEM file.", type: "string", minLength: 1 },
          },
        },
      },
    },
    monitor: {
      description: "Health and the daemon's own metrics.",
      type: "object",
      additionalProperties: false,
      required: ["port"],
      properties: { host: { type: "string", minLength: 1 }, port },
    },
    timing: {
      type: "object",
      additionalProperties: false,
      properties: {
        everyMs: duration("Between two passes: 5,000 if left out."),
        graceMs: duration("After a window, before it is measured: 900,000 if left out, the ledger's tolerance."),
        patienceMs: duration("After that, how long missing samples are waited for: 600,000 if left out."),
        bringAfterMs: duration(
          "After a window, when home brings what host should have brought: 7,200,000 if left out.",
        ),
        claimAfterMs: duration("After a window, when silence ends in a claim: 86,400,000 if left out."),
        retryMs: duration("Before the second try of what failed: 1,000 if left out; then twice as long each time."),
        maxRetryMs: duration("The longest time between two tries: 300,000 if left out."),
        peerTimeoutMs: duration("How long to wait for the other oracle: 10,000 if left out."),
        headAgeMs: duration("How far the node's newest block may be from the clock: 15,000 if left out."),
        receiptMs: duration("How long to wait for a transaction before doing something else: 15,000 if left out."),
        keepSamplesMs: duration("How long raw samples are kept: 10,368,000,000 (120 days) if left out."),
      },
    },
  },
} as const;
