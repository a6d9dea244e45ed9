import { NoteReason } from "../chain/enums.js";
import { currencyOfBytes } from "../charging/currencies.js";
import type { BusEvent } from "../chain/send.js";
import { METRIC_NAMES, type MetricName } from "../sla/metrics.js";
import { eventsNamed, text } from "./books.js";
import { type World, nameOf } from "./world.js";

/** What one cloud owes another at the end of a run, and the lines it is made of; amounts in 1e-9 currency units. */
export interface PairAccount {
  readonly creditor: number;
  readonly debtor: number;
  readonly currency: string;
  /** Charges of stays less those the other way, and so on: negative where the creditor gave more than it got. */
  readonly charges: bigint;
  readonly credits: bigint;
  readonly notes: bigint;
  readonly payments: bigint;
  /** What was owed before debts that go round were cancelled. */
  readonly beforeNetting: bigint;
  readonly balance: bigint;
}

/** A window in which a promise was not kept, or about which nothing could be found out. */
export interface Breach {
  readonly vm: string;
  readonly sequence: number;
  readonly window: number;
  /** The host, whose fault it is; undefined where it is disputed. */
  readonly host: number | undefined;
  readonly home: number | undefined;
  readonly missed: readonly MetricName[];
  readonly creditBps: number;
  readonly credit: bigint;
  readonly currency: string;
}

type Kind = "charges" | "credits" | "notes" | "payments" | "netting";

interface Line {
  readonly creditor: number;
  readonly debtor: number;
  readonly currency: string;
  readonly kind: Kind;
  readonly amount: bigint;
}

function lineOf(event: BusEvent, kind: Kind): Line {
  const amount = BigInt(text(event, "amount"));
  return {
    creditor: Number(text(event, "creditor")),
    debtor: Number(text(event, "debtor")),
    currency: currencyOfBytes(text(event, "currency")),
    kind,
    amount: kind === "payments" ? -amount : amount,
  };
}

function linesOf(world: World): Line[] {
  return [
    ...eventsNamed(world, "StaySettled").map((event) => lineOf(event, "charges")),
    ...eventsNamed(world, "CreditSettled").map((event) => lineOf(event, "credits")),
    ...eventsNamed(world, "NotePosted").map((event) =>
      lineOf(event, Number(text(event, "reason")) === NoteReason.NETTING ? "netting" : "notes"),
    ),
    ...eventsNamed(world, "PaymentAcknowledged").map((event) => lineOf(event, "payments")),
  ];
}

/** Each pair that ever had to do with each other, from the side of the one to whom something is owed, from events alone. */
export function accountsOf(world: World): PairAccount[] {
  const pairs = new Map<string, { a: number; b: number; currency: string; sums: Map<Kind, bigint> }>();
  for (const { creditor, debtor, currency, kind, amount } of linesOf(world)) {
    const [a, b] = creditor < debtor ? [creditor, debtor] : [debtor, creditor];
    const key = `${a}/${b}/${currency}`;
    const pair = pairs.get(key) ?? { a, b, currency, sums: new Map<Kind, bigint>() };
    pairs.set(key, pair);
    pair.sums.set(kind, (pair.sums.get(kind) ?? 0n) + (creditor === a ? amount : -amount));
  }
  return [...pairs.values()].map(({ a, b, currency, sums }) => {
    const of = (kind: Kind) => sums.get(kind) ?? 0n;
    const beforeNetting = of("charges") + of("credits") + of("notes") + of("payments");
    const balance = beforeNetting + of("netting");
    const isOwedToA = beforeNetting > 0n || (beforeNetting === 0n && balance >= 0n);
    const side = isOwedToA ? 1n : -1n;
    return {
      creditor: isOwedToA ? a : b,
      debtor: isOwedToA ? b : a,
      currency,
      charges: side * of("charges"),
      credits: side * of("credits"),
      notes: side * of("notes"),
      payments: side * of("payments"),
      beforeNetting: side * beforeNetting,
      balance: side * balance,
    };
  });
}

/** Windows for which a credit was booked, and windows that ended disputed. */
export function breachesOf(world: World): Breach[] {
  const credited = new Map<string, Breach>();
  for (const event of eventsNamed(world, "CreditSettled")) {
    const missed = Number(text(event, "missed"));
    const breach: Breach = {
      ...windowOf(world, event),
      host: Number(text(event, "debtor")),
      home: Number(text(event, "creditor")),
      missed: METRIC_NAMES.filter((_, bit) => ((missed >> bit) & 1) === 1),
      creditBps: Number(text(event, "creditBps")),
      credit: BigInt(text(event, "credit")),
      currency: currencyOfBytes(text(event, "currency")),
    };
    credited.set(`${breach.vm}/${breach.sequence}/${breach.window}`, breach);
  }
  const disputed = eventsNamed(world, "WindowDisputed").map((event): Breach => ({
    ...windowOf(world, event),
    host: undefined,
    home: undefined,
    missed: [],
    creditBps: 0,
    credit: 0n,
    currency: "",
  }));
  return [...credited.values(), ...disputed];
}

function windowOf(world: World, event: BusEvent) {
  return {
    vm: nameOf(world, text(event, "vm")),
    sequence: Number(text(event, "sequence")),
    window: Number(text(event, "window")),
  };
}
