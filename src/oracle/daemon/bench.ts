import type { Federation, Head } from "../../chain/federation.js";
import type { PublicAgreement, Witnesses } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import type { SigningDesk } from "../../signing/desk.js";
import type { OracleConfig } from "../config.js";
import { type Papers, readAgreement } from "../papers.js";
import type { PeerClient } from "../peer/client.js";
import type { StayRow, WindowKey, WindowRow } from "../state/rows.js";
import type { Store, WindowPatch } from "../state/store.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Outbox } from "./outbox.js";
import type { Telemetry } from "./telemetry.js";

/** What the oracle works with. */
export interface Bench {
  readonly config: OracleConfig;
  readonly federation: Federation;
  readonly store: Store;
  readonly desk: SigningDesk;
  readonly outbox: Outbox;
  readonly peers: PeerClient;
  readonly telemetry: Telemetry;
  readonly checkpoint: Checkpoint;
  /** Address that signs. */
  readonly signer: string;
  /** Whether it neither signs nor sends. */
  readonly isDryRun: boolean;
  readonly now: () => number;
  readonly log: (event: string, facts: { readonly [name: string]: unknown }) => void;
  /** As they were read at the begin of the pass. */
  papers: Papers;
  /** The newest block that was seen. */
  head: Head;
}

/** A window with its stay. */
export interface Plan {
  readonly window: WindowRow;
  readonly stay: StayRow;
}

/** What is still worth trying in this pass. */
export interface Gate {
  canSend: boolean;
  canMeasure: boolean;
}

/** The chain's time, in milliseconds. */
export function headMs({ head }: Pick<Bench, "head">): number {
  return Number(head.timeMs);
}

/** A window's name in the log. */
export function nameOfWindow({ vm, sequence, number }: WindowKey): { readonly [name: string]: unknown } {
  return { vm, sequence, window: number };
}

/** The same key without the rest of a row. */
export function keyOf({ vm, sequence, number }: WindowKey): WindowKey {
  return { vm, sequence, number };
}

/** An error in one line, its code first. */
export function lineOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const line = message.split("\n")[0] ?? "";
  return thrown instanceof BusError ? `${thrown.code}: ${line}` : line;
}

/** Twice as long each time, up to a limit. */
export function backOff(attempts: number, firstMs: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(attempts - 1, 40));
}

/** Leaves a window for later, each time for longer. */
export function postpone({ config, store, now, log }: Bench, window: WindowKey, problem: string): void {
  const { retryMs, maxRetryMs } = config.timing;
  const attempts = (store.window(window)?.attempts ?? 0) + 1;
  store.patchWindow(window, { attempts, retryAtMs: now() + backOff(attempts, retryMs, maxRetryMs), problem });
  log("postponed", { ...nameOfWindow(window), attempts, problem });
}

/** Writes down a step that succeeded: the next failure is the first again. */
export function record({ store }: Pick<Bench, "store">, window: WindowKey, fields: WindowPatch): void {
  store.patchWindow(window, { ...fields, attempts: 0, retryAtMs: 0, problem: undefined });
}

/**
 * Says what would have been done, and leaves it.
 * @returns How many windows got on.
 */
export function wouldDo({ store, log }: Bench, action: string, windows: readonly WindowRow[]): number {
  for (const window of windows) {
    log("would do", { action, ...nameOfWindow(window) });
    store.patchWindow(window, { retryAtMs: Number.MAX_SAFE_INTEGER });
  }
  return windows.length;
}

/** A stay's agreement in its public form, from what was seen on the chain or from the papers. */
export function agreementOf(
  { store, papers }: Pick<Bench, "store" | "papers">,
  { agreementId }: Pick<StayRow, "agreementId">,
): PublicAgreement | undefined {
  const seen = store.agreement(agreementId);
  return seen === undefined ? papers.agreements.get(agreementId) : readAgreement(seen);
}

/** @throws BusError `UNKNOWN_AGREEMENT`. */
export function requireAgreement(bench: Bench, stay: StayRow): PublicAgreement {
  const found = agreementOf(bench, stay);
  if (found) return found;
  throw new BusError("UNKNOWN_AGREEMENT", `${stay.agreementId} is neither on the chain nor a paper`);
}

/** The list of a stay's witnesses, if it is a paper. */
export function witnessesOf(bench: Bench, stay: StayRow): Witnesses | undefined {
  const agreement = agreementOf(bench, stay);
  return agreement && bench.papers.witnesses.get(agreement.witnesses);
}

/** @throws BusError `UNKNOWN_WITNESSES`. */
export function requireWitnesses(bench: Bench, stay: StayRow): Witnesses {
  const found = witnessesOf(bench, stay);
  if (found) return found;
  throw new BusError("UNKNOWN_WITNESSES", `the witnesses of agreement ${stay.agreementId} are not a paper`);
}

/** Lists of at most so many. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  const found: T[][] = [];
  for (let from = 0; from < items.length; from += size) found.push(items.slice(from, from + size));
  return found;
}
