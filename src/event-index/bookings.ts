import type { DatabaseSync } from "node:sqlite";

import { nameOf } from "../chain/enums.js";
import { chargeLineId, creditLineId } from "../charging/books.js";
import { currencyOfBytes } from "../charging/currencies.js";
import { type Account, emptyAccount } from "../charging/statement.js";
import { BusError } from "../errors/busError.js";
import { type EventPlans, eventJson } from "./abi.js";
import type { BlockTimes } from "./blockTimes.js";
import type { EventIndex } from "./eventIndex.js";
import { eventId, eventPosition } from "./project.js";
import { type Conditions, type Page, type Paging, type Row, list } from "./queries.js";
import { BookingKind } from "./tables.js";

/** Names of the kinds of lines. */
export type BookingKindName = keyof typeof BookingKind;

/** A line of the books as its event tells. */
export interface IndexedBooking {
  /** Its event's id. */
  readonly event: string;
  /** By which a note can refer to it: what `chargeLineId` and `creditLineId` give, a note's id, a payment's reference. */
  readonly line: string;
  readonly kind: string;
  readonly creditor: number;
  readonly debtor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  /** What the debtor owes more from then on, in 1e-9 currency units; negative where it owes less. */
  readonly amount: bigint;
  /** Time of the block, in milliseconds. */
  readonly bookedAt: bigint;
  readonly transaction: string;
  /** What else the event tells, by name; integers wider than 32 bits as decimal strings. */
  readonly details: { readonly [name: string]: unknown };
}

/** Since when and until when lines were booked, in milliseconds. */
export interface Period {
  /** At or after it. */
  readonly from?: bigint | undefined;
  /** Before it. */
  readonly to?: bigint | undefined;
}

/** What was booked for and against a cloud in a period: the accounts of the library's `statementOf`. */
export interface IndexedStatement {
  readonly cloud: number;
  readonly from: bigint;
  /** The time of the last block, and a second, if no end was asked for. */
  readonly to: bigint;
  readonly accounts: readonly Account[];
}

/** Amounts are summed up by their parts. */
const LIMBS = [0, 1, 2, 3] as const;
const LIMB_BITS = 32n;
const AMOUNT_BITS = 128;

/** An amount from its parts, or a sum from the sums of its parts: two's complement adds up part by part. */
function amountOf(row: Row): bigint {
  const limb = (number: number): bigint => BigInt(row[`limb${number}`] as bigint | number);
  const sum = LIMBS.reduce((all, number) => all + (limb(number) << (LIMB_BITS * BigInt(number))), 0n);
  return BigInt.asIntN(AMOUNT_BITS, sum);
}

const sumOf = (sign: string): string => LIMBS.map((limb) => `sum(${sign} * limb${limb}) AS limb${limb}`).join(", ");

/**
 * What one cloud owes another by the lines that are indexed, in 1e-9 currency units.
 * @param currency As the contracts store it.
 */
export function balanceIn(database: DatabaseSync, creditor: number, debtor: number, currency: string): bigint {
  const select = database.prepare(
    `SELECT ${sumOf("sign")} FROM bookings WHERE creditor = ? AND debtor = ? AND currency = ?`,
  );
  select.setReadBigInts(true);
  const sum = (one: number, other: number): bigint => {
    const row = select.get(one, other, currency);
    return row && row.limb0 !== null ? amountOf(row) : 0n;
  };
  return sum(creditor, debtor) - sum(debtor, creditor);
}

/* LINES */

interface Line {
  readonly vm: string;
  readonly sequence: number;
  readonly settledThrough: string;
  readonly window: number;
  readonly note: string;
  readonly payment: string;
}

/** By which a note refers to a line of each kind. */
const LINE_IDS: { readonly [kind in BookingKindName]: (line: Line) => string } = {
  charge: ({ vm, sequence, settledThrough }) => chargeLineId(vm, sequence, BigInt(settledThrough)),
  credit: ({ vm, sequence, window }) => creditLineId(vm, sequence, window),
  note: ({ note }) => note,
  netting: ({ note }) => note,
  payment: ({ payment }) => payment,
};

/** What a line has of its own, whatever its event. */
const COMMON = ["creditor", "debtor", "currency", "amount"];

type Untimed = Omit<IndexedBooking, "bookedAt"> & { readonly block: number };

function bookingReader(plans: EventPlans): (row: Row) => Untimed {
  return (row) => {
    const plan = plans.all[Number(row.plan)];
    if (!plan) throw new BusError("INDEX_GAP", `event ${Number(row.plan)} is not known`);
    const values = plan.decode(String(row.topics).split(" "), String(row.data));
    const details = Object.fromEntries(
      plan.fragment.inputs
        .filter(({ name }) => !COMMON.includes(name))
        .map((input) => [input.name, eventJson(input, values[input.name] ?? "")] as const),
    );
    const kind = nameOf(BookingKind, Number(row.kind)) as BookingKindName;
    const { block, index } = eventPosition(Number(row.event));
    return {
      event: `${block}-${index}`,
      // What the line's event has is by its contract's ABI.
      line: LINE_IDS[kind](details as unknown as Line),
      kind,
      creditor: Number(row.creditor),
      debtor: Number(row.debtor),
      currency: currencyOfBytes(String(row.currency)),
      amount: BigInt(Number(row.sign)) * amountOf(row),
      transaction: String(row.tx),
      details,
      block,
    };
  };
}

/** The first event that may be of a period, and the first one that is behind it. */
async function eventsOf(
  times: BlockTimes,
  { from, to }: Period,
): Promise<{ readonly first: number | undefined; readonly end: number | undefined }> {
  const idAt = async (time: bigint | undefined) =>
    time === undefined ? undefined : eventId(await times.firstAt(time), 0);
  const [first, end] = await Promise.all([idAt(from), idAt(to)]);
  return { first, end };
}

/** Lines of the books in the order in which they were booked. */
export async function listBookings(
  { database, plans }: EventIndex,
  times: BlockTimes,
  filter: Period & {
    /** Creditor or debtor. */
    readonly cloud?: number | undefined;
    readonly kind?: BookingKindName | undefined;
  },
  paging: Paging,
): Promise<Page<IndexedBooking>> {
  const { cloud, kind } = filter;
  const { first, end } = await eventsOf(times, filter);
  const conditions: Conditions = [
    ["b.event >= ?", first],
    ["b.event < ?", end],
    ["? IN (b.creditor, b.debtor)", cloud],
    ["b.kind = ?", kind && BookingKind[kind]],
  ];
  const select = "SELECT b.*, e.event AS plan, e.topics, e.data, e.tx FROM bookings b JOIN events e ON e.id = b.event";
  const order = [["b.event", "number"]] as const;
  const { items, next } = list(database, { select, conditions, order, read: bookingReader(plans) }, paging);
  const timed = items.map(async ({ block, ...line }) => ({ ...line, bookedAt: BigInt(await times.of(block)) }));
  return { items: await Promise.all(timed), next };
}

/* STATEMENTS */

/** In which sum of an account a line counts. */
const SUMS: {
  readonly [kind in BookingKindName]: Exclude<keyof Account, "with" | "currency" | "opening" | "closing">;
} = {
  charge: "charges",
  credit: "credits",
  note: "notes",
  netting: "nettings",
  payment: "payments",
};

const SECOND_MS = 1_000n;

/**
 * A cloud's statement over a period: what was owed before, what was booked in it by kind, what was owed at its end.
 * @throws BusError `BAD_PERIOD` if the period does not begin before it ends.
 */
export async function readStatement(
  index: EventIndex,
  times: BlockTimes,
  { cloud, from = 0n, to = BigInt(index.state.timeMs) + SECOND_MS }: Period & { readonly cloud: number },
): Promise<IndexedStatement> {
  if (from >= to) throw new BusError("BAD_PERIOD", `a period from ${from} to ${to} does not begin before it ends`);
  const { first = 0, end = 0 } = await eventsOf(times, { from, to });
  return { cloud, from, to, accounts: accountsOf(index.database, cloud, first, end) };
}

function accountsOf(database: DatabaseSync, cloud: number, first: number, end: number): Account[] {
  const accounts = new Map<string, Account>();
  for (const { other, currency, kind, isBefore, amount } of sumsOf(database, cloud, first, end)) {
    const key = `${other}/${currency}`;
    const account = accounts.get(key) ?? emptyAccount(other, currencyOfBytes(currency));
    const name = isBefore ? "opening" : SUMS[kind];
    accounts.set(key, { ...account, [name]: account[name] + amount, closing: account.closing + amount });
  }
  return [...accounts.values()].sort((a, b) => a.with - b.with || (a.currency < b.currency ? -1 : 1));
}

interface Sum {
  readonly other: number;
  readonly currency: string;
  readonly kind: BookingKindName;
  readonly isBefore: boolean;
  /** For the cloud: positive where it is owed more. */
  readonly amount: bigint;
}

function sumsOf(database: DatabaseSync, cloud: number, first: number, end: number): Sum[] {
  return (
    [
      ["creditor", "debtor", "sign"],
      ["debtor", "creditor", "-sign"],
    ] as const
  ).flatMap(([own, other, sign]) => {
    const select = database.prepare(
      `SELECT ${other} AS other, currency, kind, event < ? AS before, ${sumOf(sign)}
         FROM bookings WHERE ${own} = ? AND event < ? GROUP BY 1, 2, 3, 4`,
    );
    select.setReadBigInts(true);
    return select.all(first, cloud, end).map((row) => ({
      other: Number(row.other),
      currency: String(row.currency),
      kind: nameOf(BookingKind, Number(row.kind)) as BookingKindName,
      isBefore: Number(row.before) === 1,
      amount: amountOf(row),
    }));
  });
}
