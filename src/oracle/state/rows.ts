import type { SQLOutputValue } from "node:sqlite";

import type { ResultStateName } from "../../chain/enums.js";
import type { AgreedReport, Metrics, Observation } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";

/** Which window is spoken of. */
export interface WindowKey {
  readonly vm: string;
  readonly sequence: number;
  readonly number: number;
}

/** A stay that concerns this oracle. Times are milliseconds. */
export interface StayRow {
  readonly vm: string;
  readonly sequence: number;
  readonly home: number;
  readonly host: number;
  readonly startedAtMs: number;
  /** 0 while it runs. */
  readonly endedAtMs: number;
  readonly agreementId: string;
  /** 0 while the agreement is not known. */
  readonly windowMs: number;
  readonly claimWithinMs: number;
  readonly objectWithinMs: number;
  readonly observeWithinMs: number;
  /** Whether the oracle contract knows its grid. */
  readonly isOpen: boolean;
  /** The first window that has no row yet. */
  readonly nextWindow: number;
  /** Whether it has ended and all its windows have rows. */
  readonly isLaid: boolean;
  /** What keeps it from being measured. */
  readonly problem: string | undefined;
}

/** How the work on a window ended. */
export type Outcome = "agreed" | "claimed" | "witnessed" | "disputed" | "lost" | "unasked" | "void";

/** A window with all that is known of it here. */
export interface WindowRow extends WindowKey {
  readonly fromMs: number;
  readonly toMs: number;
  /** What was measured here: `measured` is 0 where nothing could be. */
  readonly metrics: Metrics | undefined;
  readonly samplesRoot: string | undefined;
  /** Bits of the metrics that the other side measured, as it says. */
  readonly theirMeasured: number | undefined;
  /** What is proposed or countersigned: there is only ever one. */
  readonly report: AgreedReport | undefined;
  readonly ownSignature: string | undefined;
  readonly theirSignature: string | undefined;
  /** Whether the other side refused it for good. */
  readonly isRefused: boolean;
  readonly observation: Observation | undefined;
  readonly observationSignature: string | undefined;
  /** The chain's answer when it was last asked. */
  readonly state: ResultStateName;
  readonly isFinal: boolean;
  readonly claimant: number;
  /** In seconds. */
  readonly since: number;
  readonly observations: number;
  /** What was claimed. */
  readonly claimed: Metrics | undefined;
  /** Whether something has happened on the chain since. */
  readonly isStale: boolean;
  /** Not before this time of the chain. */
  readonly wakeAtMs: number;
  /** Not before this time of the clock. */
  readonly retryAtMs: number;
  readonly attempts: number;
  readonly problem: string | undefined;
  readonly outcome: Outcome | undefined;
}

/** A window of which nothing is known yet but its begin and end, in milliseconds. */
export function newWindow({ vm, sequence, number }: WindowKey, fromMs: number, toMs: number): WindowRow {
  return {
    vm,
    sequence,
    number,
    fromMs,
    toMs,
    metrics: undefined,
    samplesRoot: undefined,
    theirMeasured: undefined,
    report: undefined,
    ownSignature: undefined,
    theirSignature: undefined,
    isRefused: false,
    observation: undefined,
    observationSignature: undefined,
    state: "None",
    isFinal: false,
    claimant: 0,
    since: 0,
    observations: 0,
    claimed: undefined,
    // It may have been reported while this oracle was away.
    isStale: true,
    wakeAtMs: 0,
    retryAtMs: 0,
    attempts: 0,
    problem: undefined,
    outcome: undefined,
  };
}

/** A transaction that was signed here. */
export interface TransactionRow {
  readonly id: number;
  readonly action: string;
  readonly windows: readonly WindowKey[];
  readonly nonce: number;
  readonly raw: string;
  readonly hash: string;
}

type Value = string | number | null;

interface Column {
  readonly column: string;
  readonly toSql: (value: unknown) => Value;
  readonly fromSql: (value: SQLOutputValue) => unknown;
}

function text(column: string): Column {
  return {
    column,
    toSql: (value) => (typeof value === "string" ? value : null),
    fromSql: (value) => value ?? undefined,
  };
}

function integer(column: string): Column {
  return {
    column,
    toSql: (value) => (value === undefined ? null : Number(value)),
    fromSql: (value) => (value === null ? undefined : Number(value)),
  };
}

function flag(column: string): Column {
  return { column, toSql: (value) => (value === true ? 1 : 0), fromSql: (value) => value === 1 };
}

function json(column: string): Column {
  return {
    column,
    toSql: (value) => (value === undefined ? null : JSON.stringify(value)),
    fromSql: (value) => (typeof value === "string" ? (JSON.parse(value) as unknown) : undefined),
  };
}

type Columns<Row> = { readonly [field in keyof Row]-?: Column };

/** How a stay is stored. */
export const STAY_COLUMNS: Columns<StayRow> = {
  vm: text("vm"),
  sequence: integer("sequence"),
  home: integer("home"),
  host: integer("host"),
  startedAtMs: integer("started_at_ms"),
  endedAtMs: integer("ended_at_ms"),
  agreementId: text("agreement_id"),
  windowMs: integer("window_ms"),
  claimWithinMs: integer("claim_within_ms"),
  objectWithinMs: integer("object_within_ms"),
  observeWithinMs: integer("observe_within_ms"),
  isOpen: flag("is_open"),
  nextWindow: integer("next_window"),
  isLaid: flag("is_laid"),
  problem: text("problem"),
};

/** How a window is stored. */
export const WINDOW_COLUMNS: Columns<WindowRow> = {
  vm: text("vm"),
  sequence: integer("sequence"),
  number: integer("number"),
  fromMs: integer("from_ms"),
  toMs: integer("to_ms"),
  metrics: json("metrics"),
  samplesRoot: text("samples_root"),
  theirMeasured: integer("their_measured"),
  report: json("report"),
  ownSignature: text("own_signature"),
  theirSignature: text("their_signature"),
  isRefused: flag("is_refused"),
  observation: json("observation"),
  observationSignature: text("observation_signature"),
  state: text("state"),
  isFinal: flag("is_final"),
  claimant: integer("claimant"),
  since: integer("since"),
  observations: integer("observations"),
  claimed: json("claimed"),
  isStale: flag("is_stale"),
  wakeAtMs: integer("wake_at_ms"),
  retryAtMs: integer("retry_at_ms"),
  attempts: integer("attempts"),
  problem: text("problem"),
  outcome: text("outcome"),
};

/** How a transaction is stored. */
export const TRANSACTION_COLUMNS: Columns<TransactionRow> = {
  id: integer("id"),
  action: text("action"),
  windows: json("windows"),
  nonce: integer("nonce"),
  raw: text("raw"),
  hash: text("hash"),
};

/** A row of the database as the program has it. Only this program writes the database, so its types are trusted. */
export function fromRow<Row>(columns: Columns<Row>, row: { readonly [column: string]: SQLOutputValue }): Row {
  const entries = Object.entries<Column>(columns).map(([field, { column, fromSql }]) => {
    const value = row[column];
    if (value === undefined) throw new BusError("STORE", `there is no column ${column}`);
    return [field, fromSql(value)];
  });
  return Object.fromEntries(entries) as Row;
}

/** Column names and values of some fields. A field that is given as undefined is emptied. */
export function toColumns<Row>(
  columns: Columns<Row>,
  fields: Partial<Row>,
): { readonly names: readonly string[]; readonly values: readonly Value[] } {
  const entries = Object.entries(fields).map(([field, value]) => {
    const { column, toSql } = columns[field as keyof Row];
    return [column, toSql(value)] as const;
  });
  return { names: entries.map(([name]) => name), values: entries.map(([, value]) => value) };
}
