import { Ajv2020 } from "ajv/dist/2020.js";

import type { AgreedReport } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { METRIC_NAMES } from "../../sla/metrics.js";
import { firstProblem } from "../schemaErrors.js";

/** The most windows in one request: as many as one transaction takes. */
export const MAX_WINDOWS = 64;

/** Paths, below the address of an oracle. */
export const PATHS = { measured: "/v1/measured", agreedReports: "/v1/agreed-reports" } as const;

/** Which federation a request is about: keys may be the same on several. */
interface About {
  readonly chainId: string;
  /** Address of the oracle contract. */
  readonly oracle: string;
}

/** Which metrics did you measure in these windows? Host asks home. */
export interface MeasuredRequest extends About {
  readonly windows: readonly { readonly vm: string; readonly sequence: number; readonly window: number }[];
}

/** A report with the signature of who proposes it. */
export interface Proposal {
  readonly report: AgreedReport;
  readonly signature: string;
}

/** Will you sign these? Host asks home. */
export interface AgreedReportsRequest extends About {
  readonly reports: readonly Proposal[];
}

/** Why there is no answer about a window. */
export const REFUSALS = [
  "UNKNOWN_STAY",
  "NOT_HOME",
  "NOT_YET",
  "FINAL",
  "MALFORMED",
  "BAD_SIGNATURE",
  "OTHER_REPORT",
  "DIFFERS",
  "UNMEASURED",
] as const;

/** Why there is no answer about a window. */
export type Refusal = (typeof REFUSALS)[number];

/** Refusals after which asking again is of no use. */
export const DEFINITE: readonly Refusal[] = ["OTHER_REPORT", "DIFFERS", "UNMEASURED", "MALFORMED", "NOT_HOME"];

/** No, with the metrics that it is about. */
export interface Refused {
  readonly refusal: Refusal;
  readonly metrics?: readonly string[];
}

/** Answers in the order of what was asked. */
export interface MeasuredAnswer {
  readonly answers: readonly ({ readonly measured: number } | Refused)[];
}

/** Answers in the order of what was asked. */
export interface AgreedReportsAnswer {
  readonly answers: readonly ({ readonly signature: string } | Refused)[];
}

const uint32 = { type: "integer", minimum: 0, maximum: 4_294_967_295 } as const;
const bytes32 = { type: "string", pattern: "^0x[0-9a-fA-F]{64}$" } as const;
const signature = { type: "string", pattern: "^0x([0-9a-fA-F]{2}){1,4096}$" } as const;

function closed(properties: { readonly [name: string]: object }, required = Object.keys(properties)): object {
  return { type: "object", additionalProperties: false, required, properties };
}

const about = {
  chainId: { type: "string", pattern: "^[1-9][0-9]{0,77}$" },
  oracle: { type: "string", pattern: "^0x[0-9a-fA-F]{40}$" },
};
const windowFields = { vm: bytes32, sequence: uint32, window: uint32 };
const metrics = closed(Object.fromEntries([...METRIC_NAMES, "measured"].map((name) => [name, uint32])));
const report = closed({ ...windowFields, metrics: closed({ values: metrics, salt: bytes32 }) });
const refused = closed({ refusal: { enum: REFUSALS }, metrics: { type: "array", items: { enum: METRIC_NAMES } } }, [
  "refusal",
]);
const many = (items: object) => ({ type: "array", minItems: 1, maxItems: MAX_WINDOWS, items });

const ajv = new Ajv2020({ strict: true, strictTypes: false, verbose: true });
const isMeasuredRequest = ajv.compile<MeasuredRequest>(closed({ ...about, windows: many(closed(windowFields)) }));
const isReportsRequest = ajv.compile<AgreedReportsRequest>(
  closed({ ...about, reports: many(closed({ report, signature })) }),
);
const isMeasuredAnswer = ajv.compile<MeasuredAnswer>(
  closed({ answers: many({ anyOf: [closed({ measured: uint32 }), refused] }) }),
);
const isReportsAnswer = ajv.compile<AgreedReportsAnswer>(
  closed({ answers: many({ anyOf: [closed({ signature }), refused] }) }),
);

function parsed(text: string, code: "BAD_REQUEST" | "PEER_NONSENSE"): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BusError(code, "not JSON", { cause });
  }
}

/** @throws BusError `BAD_REQUEST` with path and value. */
export function parseMeasuredRequest(text: string): MeasuredRequest {
  const json = parsed(text, "BAD_REQUEST");
  if (isMeasuredRequest(json)) return json;
  throw new BusError("BAD_REQUEST", firstProblem(isMeasuredRequest.errors));
}

/** @throws BusError `BAD_REQUEST` with path and value. */
export function parseReportsRequest(text: string): AgreedReportsRequest {
  const json = parsed(text, "BAD_REQUEST");
  if (isReportsRequest(json)) return json;
  throw new BusError("BAD_REQUEST", firstProblem(isReportsRequest.errors));
}

/** @throws BusError `PEER_NONSENSE` if it is no answer to so many questions. */
export function parseMeasuredAnswer(text: string, count: number): MeasuredAnswer {
  const json = parsed(text, "PEER_NONSENSE");
  if (isMeasuredAnswer(json) && json.answers.length === count) return json;
  throw new BusError("PEER_NONSENSE", `not ${count} answers: ${firstProblem(isMeasuredAnswer.errors)}`);
}

/** @throws BusError `PEER_NONSENSE` if it is no answer to so many questions. */
export function parseReportsAnswer(text: string, count: number): AgreedReportsAnswer {
  const json = parsed(text, "PEER_NONSENSE");
  if (isReportsAnswer(json) && json.answers.length === count) return json;
  throw new BusError("PEER_NONSENSE", `not ${count} answers: ${firstProblem(isReportsAnswer.errors)}`);
}
