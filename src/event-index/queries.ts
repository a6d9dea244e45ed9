import type { DatabaseSync } from "node:sqlite";

import { DocumentKind, MoveState, VmState, nameOf } from "../chain/enums.js";
import { unpackResources } from "../documents/build.js";
import type { Resources } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { type EventPlans, eventJson } from "./abi.js";
import type { EventIndex } from "./eventIndex.js";
import { eventId, eventPosition } from "./project.js";

/** A page of answers, and where the next one begins. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; undefined on the last page. */
  readonly next: string | undefined;
}

/** What a list is asked for: how many, and from where. */
export interface Paging {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** A VM as its events tell. Times are milliseconds. */
export interface IndexedVm {
  readonly vm: string;
  readonly home: number;
  readonly host: number;
  readonly site: number;
  readonly state: string;
  readonly sequence: number;
  /** Number of the last agreed move; 0 for none. */
  readonly move: number;
  readonly resources: Resources;
  /** When its host was declared lost, in seconds; 0 if it is not. */
  readonly lostAt: bigint;
}

/** A stay as its events tell. Times are milliseconds; `endedAt` is 0 while it runs. */
export interface IndexedStay {
  readonly vm: string;
  readonly sequence: number;
  readonly host: number;
  readonly site: number;
  readonly agreement: number;
  readonly agreementId: string | undefined;
  readonly kind: string;
  readonly startedAt: bigint;
  readonly endedAt: bigint;
  readonly noticeUntil: bigint;
  readonly stateDigest: string;
  readonly resources: Resources;
}

/** An agreement as its events tell. Parties, deadlines and lines are told of moves only. */
export interface IndexedAgreement {
  readonly number: number;
  readonly agreement: string;
  readonly document: string;
  readonly kind: string;
  /** A name of `MoveState`; `None` for what is no move. */
  readonly state: string;
  readonly home: number;
  readonly source: number;
  readonly destination: number;
  readonly site: number;
  readonly startBy: bigint;
  readonly completeBy: bigint;
  readonly vms: readonly string[];
}

/** An event of one of the contracts. */
export interface IndexedEvent {
  /** `block-log`: what a stream is resumed by. */
  readonly id: string;
  readonly block: number;
  readonly logIndex: number;
  readonly transaction: string;
  readonly contract: string;
  readonly name: string;
  /** Integers wider than 32 bits as decimal strings. */
  readonly args: { readonly [name: string]: unknown };
}

/** A row of a table. */
export interface Row {
  readonly [column: string]: unknown;
}
type Key = readonly (string | number)[];

/** A condition of a query: what is left undefined does not count. */
export type Conditions = readonly (readonly [sql: string, value: string | number | undefined])[];

function encodeCursor(key: Key): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** @throws BusError `BAD_REQUEST` for what is no cursor of this list. */
function decodeCursor(cursor: string, types: readonly ("string" | "number")[]): Key {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(key) && key.length === types.length && key.every(isOf(types))) return key as Key;
  } catch {
    // Told below, together with what is JSON but no cursor.
  }
  throw new BusError("BAD_REQUEST", "/cursor: not a cursor of this list");
}

const isOf = (types: readonly string[]) => (part: unknown, index: number) =>
  typeof part === types[index] && (typeof part !== "number" || Number.isSafeInteger(part));

/** A list that can be paged. */
export interface List<T> {
  readonly select: string;
  readonly conditions: Conditions;
  /** Columns by which the list is ordered, which together are unique. */
  readonly order: readonly (readonly [column: string, type: "string" | "number"])[];
  readonly read: (row: Row) => T;
}

/** A page of a list. */
export function list<T>(database: DatabaseSync, { select, conditions, order, read }: List<T>, paging: Paging): Page<T> {
  const where: string[] = [];
  const values: (string | number)[] = [];
  for (const [sql, value] of conditions) {
    if (value === undefined) continue;
    where.push(sql);
    values.push(value);
  }
  const columns = order.map(([column]) => column);
  if (paging.cursor !== undefined) {
    where.push(`(${columns.join(", ")}) > (${columns.map(() => "?").join(", ")})`);
    values.push(
      ...decodeCursor(
        paging.cursor,
        order.map(([, type]) => type),
      ),
    );
  }
  const filter = where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`;
  const sql = `${select}${filter} ORDER BY ${columns.join(", ")} LIMIT ?`;
  const rows: readonly Row[] = database.prepare(sql).all(...values, paging.limit + 1);
  const last = rows.length > paging.limit ? rows[paging.limit - 1] : undefined;
  const key = (row: Row): Key =>
    order.map(([column, type]) => {
      const value = row[column.split(".").at(-1) ?? column];
      return type === "number" ? Number(value) : String(value);
    });
  return { items: rows.slice(0, paging.limit).map(read), next: last && encodeCursor(key(last)) };
}

const resourcesOf = (packed: unknown): Resources => unpackResources(typeof packed === "string" ? BigInt(packed) : 0n);

function readVm(row: Row): IndexedVm {
  return {
    vm: String(row.vm),
    home: Number(row.home),
    host: Number(row.host),
    site: Number(row.site),
    state: nameOf(VmState, Number(row.state)),
    sequence: Number(row.sequence ?? 0),
    move: Number(row.move),
    resources: resourcesOf(row.resources),
    lostAt: BigInt(Number(row.lost_at)),
  };
}

/** A VM, with the amounts of its last stay. */
const SELECT_VM =
  "SELECT v.*, s.resources AS resources FROM vms v LEFT JOIN stays s ON s.vm = v.id AND s.sequence = v.sequence";

/** VMs in the order of their ids. */
export function listVms(
  { database }: EventIndex,
  filter: {
    readonly host?: number | undefined;
    readonly home?: number | undefined;
    readonly state?: keyof typeof VmState | undefined;
  },
  paging: Paging,
): Page<IndexedVm> {
  const { host, home, state } = filter;
  const conditions: Conditions = [
    ["v.host = ?", host],
    ["v.home = ?", home],
    ["v.state = ?", state && VmState[state]],
  ];
  return list(database, { select: SELECT_VM, conditions, order: [["v.vm", "string"]], read: readVm }, paging);
}

/** A VM; undefined if no event tells of it. */
export function findVm({ database }: EventIndex, vm: string): IndexedVm | undefined {
  const row = database.prepare(`${SELECT_VM} WHERE v.vm = ?`).get(vm.toLowerCase());
  return row && readVm(row);
}

function readStay(row: Row): IndexedStay {
  return {
    vm: String(row.id),
    sequence: Number(row.sequence),
    host: Number(row.host),
    site: Number(row.site),
    agreement: Number(row.agreement),
    agreementId: typeof row.agreement_id === "string" ? row.agreement_id : undefined,
    kind: nameOf(DocumentKind, Number(row.kind ?? 0)),
    startedAt: BigInt(Number(row.started_at)),
    endedAt: BigInt(Number(row.ended_at)),
    noticeUntil: BigInt(Number(row.notice_until)),
    stateDigest: String(row.state_digest),
    resources: resourcesOf(row.resources),
  };
}

/**
 * Stays in the order of their beginning.
 * @param filter `from` and `to`, in milliseconds: stays that ran at some moment from `from` on and before `to`.
 */
export function listStays(
  { database }: EventIndex,
  filter: {
    readonly host?: number | undefined;
    readonly vm?: string | undefined;
    readonly from?: bigint | undefined;
    readonly to?: bigint | undefined;
  },
  paging: Paging,
): Page<IndexedStay> {
  const conditions: Conditions = [
    ["s.host = ?", filter.host],
    ["v.vm = ?", filter.vm?.toLowerCase()],
    ["s.started_at < ?", asTime(filter.to)],
    ["(s.ended_at = 0 OR s.ended_at > ?)", asTime(filter.from)],
  ];
  const select = `SELECT s.*, v.vm AS id, a.agreement AS agreement_id, a.kind AS kind
                    FROM stays s JOIN vms v ON v.id = s.vm LEFT JOIN agreements a ON a.number = s.agreement`;
  const order = [
    ["s.started_at", "number"],
    ["s.vm", "number"],
    ["s.sequence", "number"],
  ] as const;
  return list(database, { select, conditions, order, read: readStay }, paging);
}

/** A time as SQLite compares it: no time of the chain has more than 48 bits. */
function asTime(time: bigint | undefined): number | undefined {
  return time === undefined
    ? undefined
    : Number(time > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : time);
}

function agreementReader(database: DatabaseSync): (row: Row) => IndexedAgreement {
  const lines = database.prepare("SELECT v.vm FROM lines l JOIN vms v ON v.id = l.vm WHERE l.number = ? ORDER BY v.vm");
  const stays = database.prepare(
    "SELECT v.vm FROM stays s JOIN vms v ON v.id = s.vm WHERE s.agreement = ? ORDER BY v.vm",
  );
  return (row) => {
    const number = Number(row.number);
    const rows = row.kind === DocumentKind.Move ? lines.all(number) : stays.all(number);
    return {
      number,
      agreement: String(row.agreement),
      document: String(row.document),
      kind: nameOf(DocumentKind, Number(row.kind)),
      state: nameOf(MoveState, Number(row.state)),
      home: Number(row.home),
      source: Number(row.source),
      destination: Number(row.destination),
      site: Number(row.site),
      startBy: BigInt(Number(row.start_by)),
      completeBy: BigInt(Number(row.complete_by)),
      vms: rows.map(({ vm }) => String(vm)),
    };
  };
}

/** Agreements, the one that changed last at the end. */
export function listAgreements(
  { database }: EventIndex,
  filter: {
    readonly state?: keyof typeof MoveState | undefined;
    readonly kind?: keyof typeof DocumentKind | undefined;
    readonly cloud?: number | undefined;
  },
  paging: Paging,
): Page<IndexedAgreement> {
  const { state, kind, cloud } = filter;
  const conditions: Conditions = [
    ["state = ?", state && MoveState[state]],
    ["kind = ?", kind && DocumentKind[kind]],
    ["? IN (home, source, destination)", cloud],
  ];
  const order = [
    ["event", "number"],
    ["number", "number"],
  ] as const;
  return list(
    database,
    { select: "SELECT * FROM agreements", conditions, order, read: agreementReader(database) },
    paging,
  );
}

/** An agreement by its number or id; undefined if no event tells of it. */
export function findAgreement({ database }: EventIndex, key: number | string): IndexedAgreement | undefined {
  const column = typeof key === "number" ? "number" : "agreement";
  const value = typeof key === "number" ? key : key.toLowerCase();
  const row = database.prepare(`SELECT * FROM agreements WHERE ${column} = ?`).get(value);
  return row && agreementReader(database)(row);
}

function eventReader(plans: EventPlans): (row: Row) => IndexedEvent {
  return (row) => {
    const { block, index } = eventPosition(Number(row.id));
    const plan = plans.all[Number(row.event)];
    if (!plan) throw new BusError("INDEX_GAP", `event ${Number(row.event)} is not known`);
    const values = plan.decode(String(row.topics).split(" "), String(row.data));
    const args = plan.fragment.inputs.map((input) => [input.name, eventJson(input, values[input.name] ?? "")] as const);
    return {
      id: `${block}-${index}`,
      block,
      logIndex: index,
      transaction: String(row.tx),
      contract: plan.contract,
      name: plan.name,
      args: Object.fromEntries(args),
    };
  };
}

/** The id of an event as its readers give it back; undefined for what is none. */
export function parseEventId(text: string): number | undefined {
  const match = /^(\d{1,9})-(\d{1,7})$/.exec(text);
  return match ? eventId(Number(match[1]), Number(match[2])) : undefined;
}

/**
 * Events in their order.
 * @param filter `after`: only those behind this event's id; `contract`, `name`: only of these.
 */
export function listEvents(
  { database, plans }: EventIndex,
  filter: {
    readonly after?: string | undefined;
    readonly contract?: string | undefined;
    readonly name?: string | undefined;
  },
  paging: Paging,
): Page<IndexedEvent> {
  const wanted = plans.all.flatMap((plan, number) =>
    (filter.contract === undefined || filter.contract === plan.contract) &&
    (filter.name === undefined || filter.name === plan.name)
      ? [number]
      : [],
  );
  const [only] = wanted;
  const after = filter.after === undefined ? undefined : parseEventId(filter.after);
  if (filter.after !== undefined && after === undefined) {
    throw new BusError("BAD_REQUEST", `/after: ${JSON.stringify(filter.after)} is no event's id`);
  }
  const isFiltered = wanted.length < plans.all.length;
  const conditions: Conditions = [
    ["id > ?", after],
    // One event is found by its index; several, in the order of the ids, are not.
    ["event = ?", isFiltered && wanted.length === 1 ? only : undefined],
    [`+event IN (${wanted.join(", ")}) AND 1 = ?`, isFiltered && wanted.length !== 1 ? 1 : undefined],
  ];
  const select = "SELECT * FROM events";
  return list(database, { select, conditions, order: [["id", "number"]], read: eventReader(plans) }, paging);
}
