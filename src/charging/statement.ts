import { NoteReason } from "../chain/enums.js";
import { BusError } from "../errors/busError.js";
import { chargeBetween } from "./accrual.js";
import { type BookLine, type BookedStay, type Books, type ChargeLine, type ChargedUntil, stayKey } from "./books.js";
import { cutByMonth } from "./month.js";

/** Which lines a statement has. */
export interface StatementOptions {
  readonly cloud: number;
  /** Booked at or after it, in milliseconds. */
  readonly from: bigint;
  /** Booked before it. */
  readonly to: bigint;
}

/** What one cloud and another owe each other in one currency, from the side of the statement's cloud. */
export interface Account {
  /** The other cloud. */
  readonly with: number;
  readonly currency: string;
  /** What the other owed the cloud before the period; negative where the cloud owed it. In 1e-9 currency units. */
  readonly opening: bigint;
  /** Sums of the lines of each kind, seen from the cloud: positive is in its favour. They add up to what changed. */
  readonly charges: bigint;
  readonly credits: bigint;
  readonly notes: bigint;
  readonly nettings: bigint;
  readonly payments: bigint;
  /** What the other owes at the end of the period. */
  readonly closing: bigint;
}

/** What a stay was used and charged in one calendar month, by the lines of a statement. */
export interface StayMonth {
  readonly stay: BookedStay;
  /** Begin of the month, UTC, in milliseconds. */
  readonly month: bigint;
  /** First and last moment that the lines charge, take back or replace in this month. */
  readonly from: bigint;
  readonly to: bigint;
  /** Begin of the month in which it was booked. */
  readonly bookedIn: bigint;
  readonly currency: string;
  /** Milliseconds charged, and those taken back because a stay's end was moved or a note replaced them. */
  readonly chargedMs: bigint;
  readonly takenBackMs: bigint;
  /** What was charged, and what was taken back (not positive), in 1e-9 currency units: host's to home's debt. */
  readonly charged: bigint;
  readonly takenBack: bigint;
  /** In 1e-12 currency units per hour. */
  readonly rate: bigint;
}

/** What was booked for and against a cloud in a period. */
export interface Statement extends StatementOptions {
  readonly accounts: readonly Account[];
  /** The lines in which the cloud is creditor or debtor, in their order. */
  readonly lines: readonly BookLine[];
  /** The charge lines once more, by stay, month of use and month of booking. Their amounts add up to those of the lines. */
  readonly usage: readonly StayMonth[];
  /** The stays that the lines are about, by `stayKey`. */
  readonly stays: ReadonlyMap<string, BookedStay>;
}

/**
 * A cloud's statement over a period: what was owed before, every line booked in it, what was owed at its end. The closing
 * balances of a period that reaches to now are the contract's.
 * @throws BusError `BAD_PERIOD` if the period does not begin before it ends.
 */
export function statementOf(books: Books, options: StatementOptions): Statement {
  const { cloud, from, to } = options;
  if (from >= to) throw new BusError("BAD_PERIOD", `a period from ${from} to ${to} does not begin before it ends`);
  const own = books.lines.filter((line) => line.creditor === cloud || line.debtor === cloud);
  const before = own.filter(({ bookedAt }) => bookedAt < from);
  const lines = own.filter(({ bookedAt }) => bookedAt >= from && bookedAt < to);
  const stays = new Map<string, BookedStay>();
  for (const line of lines) {
    const stay = "sequence" in line ? books.stays.get(stayKey(line.vm, line.sequence)) : undefined;
    if (stay) stays.set(stayKey(stay.vm, stay.sequence), stay);
  }
  return { ...options, accounts: accountsOf(cloud, before, lines), lines, usage: usageOf(lines, books.stays), stays };
}

/** What a line changes for a cloud: positive where it is owed more, or owes less. */
export function amountFor(cloud: number, line: Pick<BookLine, "creditor" | "amount">): bigint {
  return line.creditor === cloud ? line.amount : -line.amount;
}

type SumName = "charges" | "credits" | "notes" | "nettings" | "payments";

function sumNameOf(line: BookLine): SumName {
  switch (line.kind) {
    case "charge":
      return "charges";
    case "credit":
      return "credits";
    case "note":
      return line.reason === NoteReason.NETTING ? "nettings" : "notes";
    case "payment":
      return "payments";
  }
}

function accountsOf(cloud: number, before: readonly BookLine[], lines: readonly BookLine[]): Account[] {
  const accounts = new Map<string, Account>();
  const change = (line: BookLine, names: readonly (keyof Account)[]) => {
    const other = line.creditor === cloud ? line.debtor : line.creditor;
    const key = `${other}/${line.currency}`;
    const account = accounts.get(key) ?? emptyAccount(other, line.currency);
    const sums = names.map((name) => [name, (account[name] as bigint) + amountFor(cloud, line)] as const);
    accounts.set(key, { ...account, ...Object.fromEntries(sums) });
  };
  for (const line of before) change(line, ["opening", "closing"]);
  for (const line of lines) change(line, [sumNameOf(line), "closing"]);
  return [...accounts.values()].sort((a, b) => a.with - b.with || (a.currency < b.currency ? -1 : 1));
}

/** An account with another cloud in which nothing is booked. */
export function emptyAccount(other: number, currency: string): Account {
  return {
    with: other,
    currency,
    opening: 0n,
    charges: 0n,
    credits: 0n,
    notes: 0n,
    nettings: 0n,
    payments: 0n,
    closing: 0n,
  };
}

/* USAGE */

function usageOf(lines: readonly BookLine[], stays: ReadonlyMap<string, BookedStay>): StayMonth[] {
  const months = new Map<string, StayMonth>();
  for (const line of lines) {
    if (line.kind !== "charge") continue;
    const stay = stays.get(stayKey(line.vm, line.sequence));
    if (!stay) throw new BusError("NO_STAY", `no event tells of stay ${line.sequence} of ${line.vm}`);
    for (const slice of slicesOf(line, stay)) {
      const key = `${stayKey(stay.vm, stay.sequence)}/${slice.month}/${slice.bookedIn}`;
      const known = months.get(key);
      months.set(key, known ? merged(known, slice) : slice);
    }
  }
  return [...months.values()];
}

function merged(one: StayMonth, other: StayMonth): StayMonth {
  return {
    ...one,
    from: one.from < other.from ? one.from : other.from,
    to: one.to > other.to ? one.to : other.to,
    chargedMs: one.chargedMs + other.chargedMs,
    takenBackMs: one.takenBackMs + other.takenBackMs,
    charged: one.charged + other.charged,
    takenBack: one.takenBack + other.takenBack,
  };
}

interface Piece {
  readonly from: bigint;
  readonly to: bigint;
  readonly isCharged: boolean;
}

/** What a line charges and takes back, month by month. Charges are differences of what accrued: they add up exactly. */
function slicesOf(line: ChargeLine, stay: BookedStay): StayMonth[] {
  const bookedIn = cutByMonth(line.bookedAt, line.bookedAt + 1n)[0]?.month ?? 0n;
  return piecesOf(line).flatMap((piece) =>
    cutByMonth(piece.from, piece.to).map(({ month, from, to }) => {
      const amount = chargeBetween(line.rate, line.startedAt, from, to);
      const { rate, currency } = line;
      const base = { stay, month, from, to, bookedIn, currency, rate };
      return piece.isCharged
        ? { ...base, chargedMs: to - from, takenBackMs: 0n, charged: amount, takenBack: 0n }
        : { ...base, chargedMs: 0n, takenBackMs: to - from, charged: 0n, takenBack: -amount };
    }),
  );
}

/** Booked is what lies between replaced and settled: what of it is new, and what is gone. */
function piecesOf({ startedAt, before, after }: ChargeLine): Piece[] {
  const [old, now] = [bookedOf(startedAt, before), bookedOf(startedAt, after)];
  return [
    ...without(now, old).map((piece) => ({ ...piece, isCharged: true })),
    ...without(old, now).map((piece) => ({ ...piece, isCharged: false })),
  ];
}

interface Interval {
  readonly from: bigint;
  readonly to: bigint;
}

function bookedOf(startedAt: bigint, { settledThrough, replacedThrough }: ChargedUntil): Interval {
  const from = replacedThrough > startedAt ? replacedThrough : startedAt;
  return { from, to: settledThrough > from ? settledThrough : from };
}

/** The parts of an interval that are not in another. */
function without(one: Interval, other: Interval): Interval[] {
  if (other.from === other.to) return one.from < one.to ? [one] : [];
  const earlier = { from: one.from, to: one.to < other.from ? one.to : other.from };
  const later = { from: one.from > other.to ? one.from : other.to, to: one.to };
  return [earlier, later].filter(({ from, to }) => from < to);
}
