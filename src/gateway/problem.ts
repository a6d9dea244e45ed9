import { BusError, type BusErrorCode } from "../errors/busError.js";
import { RevertError, type RevertValue } from "../errors/revert.js";
import { type Schema, fixedBytes, list, object } from "./schema.js";

/** Kinds of problems that are not a contract's refusal, with their status and title. */
const KINDS = {
  "bad-request": [400, "The request is not as the API wants it"],
  "not-signed-in": [401, "A token of an active cloud is needed"],
  forbidden: [403, "This caller may not ask this gateway for this"],
  "not-found": [404, "There is no such thing"],
  "in-progress": [409, "The first request with this idempotency key is not finished"],
  "not-yet": [412, "The gateway has not seen that block yet"],
  "too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "The body must be application/json"],
  "key-reused": [422, "The idempotency key was used for another request"],
  refused: [422, "The contract refused"],
  "too-many-requests": [429, "Too many requests"],
  internal: [500, "The gateway failed"],
  "node-failed": [502, "The chain's node failed"],
  unavailable: [503, "The gateway is not ready"],
  timeout: [504, "The transaction is not mined yet"],
} as const satisfies { readonly [kind: string]: readonly [status: number, title: string] };

/** Kind of a problem: the end of its `type`. */
export type ProblemKind = keyof typeof KINDS;

/** Where in a request something is wrong. */
export interface Fault {
  /** JSON pointer, beginning with `/body`, `/query`, `/path` or `/headers`. */
  readonly pointer: string;
  readonly detail: string;
}

/** RFC 9457 problem document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** A contract refused: its error. */
  readonly error?: string;
  /** The error's arguments by name, integers as decimal strings. */
  readonly args?: { readonly [name: string]: unknown };
  readonly faults?: readonly Fault[];
  /** Hash of the transaction that was sent. */
  readonly transaction?: string;
}

/** Type of a problem that is a contract's refusal: the error's name follows. */
const REFUSAL_TYPE = "urn:blockchainbus:error:";
const PROBLEM_TYPE = "urn:blockchainbus:problem:";

/** Schema of a problem document. */
export const PROBLEM_SCHEMA: Schema = object(
  {
    type: { type: "string", format: "uri-reference", description: `${PROBLEM_TYPE}… or ${REFUSAL_TYPE}NameOfTheError` },
    title: { type: "string" },
    status: { type: "integer", minimum: 400, maximum: 599 },
    detail: { type: "string" },
    error: { type: "string", description: "The contract's custom error" },
    args: { type: "object", description: "Its arguments by name, integers as decimal strings" },
    faults: list(object({ pointer: { type: "string" }, detail: { type: "string" } })),
    transaction: fixedBytes(32, "The transaction that was sent"),
  },
  ["detail", "error", "args", "faults", "transaction"],
  "RFC 9457 problem document",
);

/** Statuses of problem documents. */
export const PROBLEM_STATUSES: readonly number[] = [...new Set(Object.values(KINDS).map(([status]) => status))];

/** A request cannot be answered as it wants to be. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly problem: Problem,
    options?: ErrorOptions,
  ) {
    super(problem.detail ?? problem.title, options);
  }
}

/** A problem of a kind. */
export function problem(kind: ProblemKind, detail?: string, more: Partial<Problem> = {}): Problem {
  const [status, title] = KINDS[kind];
  return { type: `${PROBLEM_TYPE}${kind}`, title, status, ...(detail === undefined ? {} : { detail }), ...more };
}

/** A contract's arguments as JSON. */
export function revertArgs(args: Readonly<{ [name: string]: RevertValue }>): { readonly [name: string]: unknown } {
  const plain = (value: RevertValue): unknown => {
    if (typeof value === "bigint") return value.toString();
    return Array.isArray(value) ? (value as readonly RevertValue[]).map(plain) : value;
  };
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, plain(value)]));
}

/** Errors of the library that are the caller's, and the kind of problem they are. */
const CALLERS: { readonly [code in BusErrorCode]?: ProblemKind } = {
  BAD_REQUEST: "bad-request",
  BAD_WEIGHTS: "bad-request",
  BAD_CURRENCY: "bad-request",
  BAD_PERIOD: "bad-request",
  UNKNOWN_PROPOSAL: "not-found",
  NOT_SIGNED_IN: "not-signed-in",
  FORBIDDEN: "forbidden",
  TIMEOUT: "timeout",
  NO_NODE: "node-failed",
  NOT_ACCEPTED: "node-failed",
  STALE_HEAD: "unavailable",
  WRONG_GENESIS: "unavailable",
  UNKNOWN_CHAIN: "unavailable",
  INDEX_RESET: "unavailable",
  INDEX_GAP: "unavailable",
  INDEX_MISMATCH: "unavailable",
};

/** Errors by which a contract says that it does not know what was asked for. */
const UNKNOWN = /_Unknown[A-Z]/;

/**
 * The problem document of whatever was thrown.
 * @param isQuestion Whether something was asked, and not sent: an unknown thing is then not found.
 */
export function problemOf(thrown: unknown, isQuestion = false): Problem {
  if (thrown instanceof ProblemError) return thrown.problem;
  if (thrown instanceof RevertError) {
    const kind = isQuestion && UNKNOWN.test(thrown.errorName) ? "not-found" : "refused";
    return problem(kind, thrown.message, {
      type: `${REFUSAL_TYPE}${thrown.errorName}`,
      error: thrown.errorName,
      args: revertArgs(thrown.args),
    });
  }
  if (thrown instanceof BusError) {
    const kind = CALLERS[thrown.code];
    return kind === undefined ? problem("internal", undefined) : problem(kind, thrown.message);
  }
  return problem("internal");
}
