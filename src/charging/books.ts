import { AbiCoder, type EventLog, type Log, id as hashOf, keccak256 } from "ethers";

import type { Federation } from "../chain/federation.js";
import { readInPieces } from "../chain/logs.js";
import { parseLog } from "../chain/send.js";
import { unpackResources } from "../documents/build.js";
import type { Resources } from "../documents/types.js";
import { currencyOfBytes } from "./currencies.js";
import type { Debt } from "./netting.js";

/** What every line of the books has. */
interface LineBase {
  /** By which a note can refer to it: see {@link chargeLineId}, {@link creditLineId}; a note's id; a payment's reference. */
  readonly id: string;
  readonly creditor: number;
  readonly debtor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  /** What the debtor owes more from then on, in 1e-9 currency units; negative where it owes less. */
  readonly amount: bigint;
  /** Time of the block, in milliseconds. */
  readonly bookedAt: bigint;
  readonly transaction: string;
}

/** Up to when a stay was charged and replaced, in milliseconds. */
export interface ChargedUntil {
  readonly settledThrough: bigint;
  readonly replacedThrough: bigint;
}

/** The charge of a stay changed. */
export interface ChargeLine extends LineBase {
  readonly kind: "charge";
  readonly vm: string;
  readonly sequence: number;
  /** In 1e-12 currency units per hour. */
  readonly rate: bigint;
  readonly startedAt: bigint;
  readonly before: ChargedUntil;
  readonly after: ChargedUntil;
}

/** The credit of a window changed. */
export interface CreditLine extends LineBase {
  readonly kind: "credit";
  readonly vm: string;
  readonly sequence: number;
  readonly window: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly creditBps: number;
  /** Bit i: metric i was missed. */
  readonly missed: number;
}

/** A note was posted. */
export interface NoteLine extends LineBase {
  readonly kind: "note";
  readonly refersTo: string;
  /** VM of the stay whose charge it replaces; the zero hash for none. */
  readonly vm: string;
  readonly sequence: number;
  readonly through: bigint;
  /** A value of `NoteReason`, or what the parties agreed on. */
  readonly reason: number;
}

/** A payment was acknowledged. */
export interface PaymentLine extends LineBase {
  readonly kind: "payment";
}

/** One line of the books. */
export type BookLine = ChargeLine | CreditLine | NoteLine | PaymentLine;

/** A stay as the migration ledger's events tell it. */
export interface BookedStay {
  readonly vm: string;
  readonly sequence: number;
  readonly home: number;
  readonly host: number;
  readonly site: number;
  readonly startedAt: bigint;
  /** In milliseconds; undefined while it runs. */
  readonly endedAt: bigint | undefined;
  readonly resources: Resources;
}

/** All that was ever booked, from events alone. */
export interface Books {
  /** In the order in which they were booked. */
  readonly lines: readonly BookLine[];
  /** Stays by {@link stayKey}. */
  readonly stays: ReadonlyMap<string, BookedStay>;
  /** What each cloud owes another now: the contract's balances. */
  readonly debts: readonly Debt[];
}

/** How the events are read. */
export interface ReadOptions {
  /** First block with an event of this federation: the deployment's. */
  readonly fromBlock?: number;
  readonly toBlock?: number;
  /** How many blocks are asked for at once to begin with; fewer where the node refuses. */
  readonly blocksPerRequest?: number;
}

/** Key of a stay in {@link Books}. */
export function stayKey(vm: string, sequence: number): string {
  return `${vm.toLowerCase()}/${sequence}`;
}

function lineId(kind: string, vm: string, sequence: number, number: bigint): string {
  const types = ["bytes32", "bytes32", "uint32", "uint64"];
  return keccak256(AbiCoder.defaultAbiCoder().encode(types, [hashOf(kind), vm, sequence, number]));
}

/** Id of the line that charged a stay up to a time: what a note that corrects it refers to. */
export function chargeLineId(vm: string, sequence: number, settledThrough: bigint): string {
  return lineId("charge", vm, sequence, settledThrough);
}

/** Id of the lines that credited a window: what a note that corrects them refers to. */
export function creditLineId(vm: string, sequence: number, window: number): string {
  return lineId("credit", vm, sequence, BigInt(window));
}

/**
 * Reads the books from the events of the charging and the migration ledger. Nothing else is asked: whoever has the events
 * comes to the same.
 */
export async function readBooks(federation: Federation, options: ReadOptions = {}): Promise<Books> {
  const logs = await readLogs(federation, options);
  const times = await blockTimes(federation, logs);
  const reader = new BookReader(federation);
  for (const log of logs) reader.read(log, times.get(log.blockNumber) ?? 0n);
  return { lines: reader.lines, stays: reader.stays, debts: debtsOf(reader.lines) };
}

/** What each cloud owes another by the lines given. */
export function debtsOf(lines: readonly BookLine[]): Debt[] {
  const sums = new Map<string, Debt>();
  for (const { creditor, debtor, currency, amount } of lines) {
    const isLower = creditor < debtor;
    const [lower, higher] = isLower ? [creditor, debtor] : [debtor, creditor];
    const key = `${lower}/${higher}/${currency}`;
    const before = sums.get(key)?.amount ?? 0n;
    sums.set(key, { creditor: lower, debtor: higher, currency, amount: before + (isLower ? amount : -amount) });
  }
  return [...sums.values()]
    .filter(({ amount }) => amount !== 0n)
    .map((debt) =>
      debt.amount > 0n ? debt : { ...debt, creditor: debt.debtor, debtor: debt.creditor, amount: -debt.amount },
    );
}

async function readLogs(federation: Federation, options: ReadOptions): Promise<Log[]> {
  const { provider, addressBook } = federation;
  const { fromBlock = 0, blocksPerRequest } = options;
  const last = options.toBlock ?? (await provider.getBlockNumber());
  const { ChargingLedger, MigrationLedger } = addressBook.contracts;
  const address = [ChargingLedger, MigrationLedger];
  const found = await readInPieces(
    (first, end) => provider.getLogs({ address, fromBlock: first, toBlock: end }),
    fromBlock,
    last,
    blocksPerRequest,
  );
  return found.sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index);
}

/** Times of the blocks in which something was booked. */
async function blockTimes(federation: Federation, logs: readonly Log[]): Promise<Map<number, bigint>> {
  const books = federation.addressBook.contracts.ChargingLedger.toLowerCase();
  const numbers = [
    ...new Set(logs.filter(({ address }) => address.toLowerCase() === books).map((log) => log.blockNumber)),
  ];
  const times = new Map<number, bigint>();
  for (const number of numbers) {
    const block = await federation.provider.getBlock(number);
    times.set(number, BigInt(block?.timestamp ?? 0) * 1_000n);
  }
  return times;
}

const NEVER: ChargedUntil = { settledThrough: 0n, replacedThrough: 0n };

/** Takes events in their order. */
class BookReader {
  readonly lines: BookLine[] = [];
  readonly stays = new Map<string, BookedStay>();
  readonly #homes = new Map<string, number>();
  readonly #lastStay = new Map<string, number>();
  readonly #charged = new Map<string, ChargedUntil>();

  constructor(private readonly federation: Federation) {}

  read(log: Log | EventLog, bookedAt: bigint): void {
    const [event] = parseLog(this.federation, log);
    if (!event) return;
    const args = event.args as unknown as EventArgs;
    const base = { bookedAt, transaction: log.transactionHash };
    switch (event.name) {
      case "VmRegistered":
      case "VmAdopted":
        this.#homes.set(args.vm, Number(args.home));
        break;
      case "StayBegan":
        this.#beginStay(args);
        break;
      case "VmStopped":
      case "VmTerminated":
      case "VmSucceeded":
        this.#endStay(args.vm, args.endedAt);
        break;
      case "StaySettled":
        this.lines.push(this.#charge(args, base));
        break;
      case "CreditSettled":
        this.lines.push(creditLine(args, base));
        break;
      case "NotePosted":
        this.lines.push(this.#note(args, base));
        break;
      case "PaymentAcknowledged":
        this.lines.push({ kind: "payment", id: args.payment, ...partiesOf(args), ...base, amount: -args.amount });
        break;
    }
  }

  #beginStay(args: EventArgs): void {
    const { vm, startedAt, previousEndedAt } = args;
    const sequence = Number(args.sequence);
    this.#endStay(vm, previousEndedAt);
    this.#lastStay.set(vm, sequence);
    this.stays.set(stayKey(vm, sequence), {
      vm,
      sequence,
      home: this.#homes.get(vm) ?? 0,
      host: Number(args.host),
      site: Number(args.site),
      startedAt,
      endedAt: undefined,
      resources: unpackResources(args.resources),
    });
  }

  /** The first event of an end counts: what follows tells it again. */
  #endStay(vm: string, endedAt: bigint): void {
    const key = stayKey(vm, this.#lastStay.get(vm) ?? 0);
    const stay = this.stays.get(key);
    if (stay && stay.endedAt === undefined) this.stays.set(key, { ...stay, endedAt });
  }

  #charge(args: EventArgs, base: Pick<LineBase, "bookedAt" | "transaction">): ChargeLine {
    const { vm, rate, startedAt, settledThrough, replacedThrough } = args;
    const sequence = Number(args.sequence);
    const key = stayKey(vm, sequence);
    const before = this.#charged.get(key) ?? NEVER;
    const after = { settledThrough, replacedThrough };
    this.#charged.set(key, after);
    const id = chargeLineId(vm, sequence, settledThrough);
    const { amount } = args;
    return { kind: "charge", id, ...partiesOf(args), ...base, amount, vm, sequence, rate, startedAt, before, after };
  }

  #note(args: EventArgs, base: Pick<LineBase, "bookedAt" | "transaction">): NoteLine {
    const { vm, through, refersTo, amount, note } = args;
    const sequence = Number(args.sequence);
    const reason = Number(args.reason);
    const key = stayKey(vm, sequence);
    const charged = this.#charged.get(key) ?? NEVER;
    // Of a stay that was settled, `StaySettled` follows and tells what this changes.
    if (sequence !== 0 && charged.settledThrough === 0n && through > charged.replacedThrough) {
      this.#charged.set(key, { ...charged, replacedThrough: through });
    }
    return { kind: "note", id: note, ...partiesOf(args), ...base, amount, refersTo, vm, sequence, through, reason };
  }
}

/** Arguments of the events that are read, by their names in the contracts. */
interface EventArgs {
  readonly vm: string;
  readonly home: bigint;
  readonly host: bigint;
  readonly site: bigint;
  readonly sequence: bigint;
  readonly startedAt: bigint;
  readonly previousEndedAt: bigint;
  readonly endedAt: bigint;
  readonly resources: bigint;
  readonly creditor: bigint;
  readonly debtor: bigint;
  readonly currency: string;
  readonly amount: bigint;
  readonly rate: bigint;
  readonly settledThrough: bigint;
  readonly replacedThrough: bigint;
  readonly window: bigint;
  readonly from: bigint;
  readonly to: bigint;
  readonly creditBps: bigint;
  readonly missed: bigint;
  readonly note: string;
  readonly refersTo: string;
  readonly through: bigint;
  readonly reason: bigint;
  readonly payment: string;
}

function partiesOf({ creditor, debtor, currency }: EventArgs): Pick<LineBase, "creditor" | "debtor" | "currency"> {
  return { creditor: Number(creditor), debtor: Number(debtor), currency: currencyOfBytes(currency) };
}

function creditLine(args: EventArgs, base: Pick<LineBase, "bookedAt" | "transaction">): CreditLine {
  const { vm, amount, from, to } = args;
  const [sequence, window] = [Number(args.sequence), Number(args.window)];
  return {
    kind: "credit",
    id: creditLineId(vm, sequence, window),
    ...partiesOf(args),
    ...base,
    amount,
    vm,
    sequence,
    window,
    from,
    to,
    creditBps: Number(args.creditBps),
    missed: Number(args.missed),
  };
}
