import type { Federation, Head } from "../../chain/federation.js";
import type { BusEvent } from "../../chain/send.js";
import { gridOf, resultOf } from "../../actions/questions/windows.js";
import type { Metrics, PublicAgreement } from "../../documents/types.js";
import { METRIC_NAMES } from "../../sla/metrics.js";
import { MAX_BLOCKS, type StayFacts, agreementOfEvent, eventsIn, stayFactsOf } from "../chain.js";
import { writeAgreement } from "../papers.js";
import { type StayRow, type WindowKey, type WindowRow, newWindow } from "../state/rows.js";
import type { Store } from "../state/store.js";
import type { Checkpoint } from "./checkpoint.js";

/** What the synchronisation needs. */
export interface SyncOptions {
  readonly federation: Federation;
  readonly store: Store;
  readonly fromBlock: number;
  /** Whether a stay concerns this oracle; undefined if the papers do not tell yet. */
  readonly concerns: (
    stay: Pick<StayFacts, "home" | "host">,
    agreement: PublicAgreement | undefined,
  ) => boolean | undefined;
  /** A stay's agreement in its public form, if it is known. */
  readonly agreementOf: (stay: Pick<StayRow, "agreementId">) => PublicAgreement | undefined;
  readonly checkpoint: Checkpoint;
}

/**
 * Takes in all events up to a head: stays that concern this oracle, how they end, agreements, and what happened to windows.
 * What was read and how far go into the database together.
 */
export async function sync(options: SyncOptions, head: Head): Promise<void> {
  const { federation, store, fromBlock, checkpoint } = options;
  for (let from = (store.cursor() ?? fromBlock - 1) + 1; from <= head.number; from += MAX_BLOCKS) {
    const to = Math.min(head.number, from + MAX_BLOCKS - 1);
    const events = await eventsIn(federation, from, to);
    const agreements = await agreementsIn(federation, events);
    const stays = await staysIn(options, events);
    await checkpoint("before the events are written down");
    store.atomically(() => {
      for (const { id, agreement } of agreements) store.addAgreement(id, writeAgreement(agreement));
      for (const { vm, sequence, facts } of stays) takeIn(options, vm, sequence, facts);
      for (const event of events) touch(store, event);
      store.setCursor(to);
    });
  }
}

async function agreementsIn(federation: Federation, events: readonly BusEvent[]) {
  const found = await Promise.all(events.map((event) => agreementOfEvent(federation, event)));
  return found.filter((one) => one !== undefined);
}

interface FoundStay {
  readonly vm: string;
  readonly sequence: number;
  readonly facts: StayFacts;
}

/** Stays that began, and those known of a VM to which something happened: they may have ended. */
async function staysIn({ federation, store }: SyncOptions, events: readonly BusEvent[]): Promise<FoundStay[]> {
  const wanted = new Map<string, { readonly vm: string; readonly sequence: number }>();
  for (const { contract, name, args } of events) {
    if (contract !== "MigrationLedger") continue;
    const vm: unknown = name === "MoveAgreed" || name === "DocumentAccepted" ? undefined : args.toObject().vm;
    if (typeof vm !== "string") continue;
    const known = store.stays(vm).filter(({ endedAtMs, isLaid }) => endedAtMs === 0 || !isLaid);
    const begun = name === "StayBegan" && args.agreement !== 0n ? [{ vm, sequence: Number(args.sequence) }] : [];
    for (const stay of [...known, ...begun]) wanted.set(`${stay.vm}/${stay.sequence}`, stay);
    // The stay before may have got its end, or another one.
    const before = store.stay(vm, Number(name === "StayBegan" ? args.sequence : 0) - 1);
    if (before) wanted.set(`${vm}/${before.sequence}`, before);
  }
  return Promise.all(
    [...wanted.values()].map(async ({ vm, sequence }) => ({
      vm,
      sequence,
      facts: await stayFactsOf(federation, vm, sequence),
    })),
  );
}

function takeIn(options: SyncOptions, vm: string, sequence: number, facts: StayFacts): void {
  const { store } = options;
  const known = store.stay(vm, sequence);
  if (known) {
    if (known.endedAtMs !== facts.endedAtMs) endStay(store, known, facts.endedAtMs);
    return;
  }
  const { agreementId, home, host, startedAtMs, endedAtMs } = facts;
  if (agreementId === undefined || home === host) return;
  const agreement = options.agreementOf({ agreementId });
  const isOurs = options.concerns(facts, agreement);
  if (isOurs === false) return;
  store.addStay({
    vm,
    sequence,
    home,
    host,
    startedAtMs,
    endedAtMs,
    agreementId,
    windowMs: isOurs && agreement ? Number(agreement.windowMs) : 0,
    claimWithinMs: 0,
    objectWithinMs: 0,
    observeWithinMs: 0,
    isOpen: false,
    nextWindow: 0,
    isLaid: false,
    problem: undefined,
  });
}

/** A stay got its end, or an earlier one: windows after it are none, and the last one is shorter. */
function endStay(store: Store, stay: StayRow, endedAtMs: number): void {
  store.patchStay(stay, { endedAtMs });
  for (const window of store.windowsOf(stay, endedAtMs)) {
    if (window.outcome !== undefined) continue;
    if (window.fromMs >= endedAtMs) {
      store.patchWindow(window, { outcome: "void" });
    } else {
      // What was signed stays signed; what was only measured is measured again.
      const isSigned = window.ownSignature !== undefined || window.observationSignature !== undefined;
      const again = isSigned
        ? {}
        : { metrics: undefined, samplesRoot: undefined, report: undefined, observation: undefined };
      store.patchWindow(window, { toMs: endedAtMs, isStale: true, ...again });
    }
  }
}

/** An event about a window: what is known of it is no longer the newest. */
function touch(store: Store, { contract, name, args }: BusEvent): void {
  if (contract !== "SlaOracle") return;
  const { vm, sequence, window } = args.toObject();
  if (typeof vm !== "string") return;
  const stay = { vm, sequence: Number(sequence) };
  if (name === "WindowsOpened") {
    // What its periods are is read where the windows are laid out.
    if (store.stay(stay.vm, stay.sequence)) store.patchStay(stay, { isOpen: true, claimWithinMs: 0 });
    return;
  }
  if (window === undefined) return;
  const key: WindowKey = { ...stay, number: Number(window) };
  if (name === "WindowObserved") {
    if (!store.stay(stay.vm, stay.sequence)) return;
    store.addObservation(key, String(args.witness), metricsOf(args.metrics), String(args.samplesRoot));
  }
  store.patchWindow(key, { isStale: true, retryAtMs: 0, attempts: 0 });
}

/** Metrics as ethers decoded them. What is not measured may hold anything, and the hash is of all of it. */
function metricsOf(value: unknown): Metrics {
  const given = value as { readonly [name in keyof Metrics]: bigint };
  const names = [...METRIC_NAMES, "measured"] as const;
  return Object.fromEntries(names.map((name) => [name, Number(given[name])])) as unknown as Metrics;
}

/* WINDOWS */

const WINDOWS_AT_ONCE = 256;

/**
 * Gives every window that has ended by a time a row; learns agreements and periods of stays.
 * @returns How many were laid out.
 */
export async function layWindows(options: SyncOptions, upToMs: number): Promise<number> {
  const { federation, store } = options;
  let laid = 0;
  for (const stay of store.stays()) {
    if (stay.isLaid && stay.claimWithinMs !== 0) continue;
    const known = withAgreement(options, stay);
    if (!known) continue;
    const complete = await withPeriods(federation, store, known);
    if (!complete.isLaid) laid += layStay(store, complete, upToMs);
  }
  return laid;
}

/** The stay with the length of its windows; undefined if it does not concern this oracle, or that is not known yet. */
function withAgreement(options: SyncOptions, stay: StayRow): StayRow | undefined {
  if (stay.windowMs !== 0) return stay;
  const agreement = options.agreementOf(stay);
  const isOurs = options.concerns(stay, agreement);
  if (isOurs === false) {
    options.store.dropStay(stay);
    return undefined;
  }
  if (isOurs === undefined || !agreement) {
    // Whose witnesses they are is not said anywhere: silence about other people's stays.
    const problem = agreement
      ? undefined
      : `UNKNOWN_AGREEMENT: ${stay.agreementId} is neither on the chain nor a paper`;
    if (problem !== stay.problem) options.store.patchStay(stay, { problem });
    return undefined;
  }
  const fields = { windowMs: Number(agreement.windowMs), problem: undefined };
  options.store.patchStay(stay, fields);
  return { ...stay, ...fields };
}

async function withPeriods(federation: Federation, store: Store, stay: StayRow): Promise<StayRow> {
  if (stay.claimWithinMs !== 0) return stay;
  const grid = await gridOf(federation, stay.vm, stay.sequence);
  const periods = grid ?? (await federation.oracle.periods());
  const fields = {
    isOpen: grid !== undefined,
    claimWithinMs: Number(periods.claimWithin) * 1_000,
    objectWithinMs: Number(periods.objectWithin) * 1_000,
    observeWithinMs: Number(periods.observeWithin) * 1_000,
  };
  store.patchStay(stay, fields);
  return { ...stay, ...fields };
}

function layStay(store: Store, stay: StayRow, upToMs: number): number {
  const rows: WindowRow[] = [];
  let number = stay.nextWindow;
  const isOver = () => stay.endedAtMs !== 0 && stay.startedAtMs + number * stay.windowMs >= stay.endedAtMs;
  while (rows.length < WINDOWS_AT_ONCE && !isOver()) {
    const fromMs = stay.startedAtMs + number * stay.windowMs;
    const fullMs = fromMs + stay.windowMs;
    const toMs = stay.endedAtMs === 0 ? fullMs : Math.min(fullMs, stay.endedAtMs);
    if (toMs > upToMs) break;
    rows.push(newWindow({ vm: stay.vm, sequence: stay.sequence, number }, fromMs, toMs));
    ++number;
  }
  const isLaid = isOver();
  if (rows.length === 0 && !isLaid) return 0;
  store.atomically(() => {
    for (const row of rows) store.addWindow(row);
    store.patchStay(stay, { nextWindow: number, isLaid });
  });
  return rows.length;
}

/** Asks the chain how a window stands, and writes it down. */
export async function refresh(federation: Federation, store: Store, key: WindowKey): Promise<void> {
  const found = await resultOf(federation, key.vm, key.sequence, key.number);
  store.patchWindow(key, {
    state: found.state,
    isFinal: found.isFinal,
    claimant: found.claimant,
    since: found.since,
    observations: found.observations,
    claimed: found.state === "Claimed" ? found.metrics : undefined,
    isStale: false,
    wakeAtMs: 0,
  });
}
