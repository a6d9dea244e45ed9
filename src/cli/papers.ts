import { ZeroHash } from "ethers";
import type { Command } from "commander";

import { agreementOf } from "../actions/questions/agreementOf.js";
import { vmOf } from "../actions/questions/vmOf.js";
import { resultOf } from "../actions/questions/windows.js";
import { ask } from "../chain/ask.js";
import type { Federation } from "../chain/federation.js";
import { readAround } from "../chain/logs.js";
import { moveOfEvent } from "../documents/agreedMove.js";
import { agreementId, publicAgreement } from "../documents/hash.js";
import type { Agreement, PublicAgreement, SaltedMetrics } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { buildMetrics } from "../sla/metrics.js";
import type { Session } from "./session.js";
import { readPaper } from "./signedFile.js";
import { mistake, parseCount } from "./values.js";

/** Stays, and the papers under which they run: on the chain are their hashes only. */

/** A stay by its VM and number. */
export interface Stay {
  readonly vm: string;
  readonly sequence: number;
}

/** The option for a stay that is not the present one. */
export interface StayOptions {
  readonly stay?: string;
}

/** The option for the paper of an agreement. */
export interface PaperOptions {
  readonly paper?: string;
}

/** The stay that is meant: the VM's present one unless another is named. */
export async function stayNamed(
  session: Session,
  [text = mistake("VM is missing")]: readonly string[],
  { stay }: StayOptions,
): Promise<Stay> {
  const vm = await session.vmNamed(text);
  if (stay !== undefined) return { vm, sequence: parseCount("--stay", stay, 1) };
  return { vm, sequence: (await vmOf(await session.federation(), vm)).sequence };
}

/** A stay to read. */
export function sayStay({ vm, sequence }: Stay): string {
  return `stay ${sequence} of ${vm}`;
}

async function idOfAgreement(federation: Federation, stay: Stay): Promise<{ number: number; id: string }> {
  const { number, agreement: id } = await agreementOf(federation, stay.vm, stay.sequence);
  if (number === 0) mistake(`--stay: ${sayStay(stay)} runs under no agreement`);
  return { number, id };
}

/** @throws BusError `BAD_SIGNED_FILE` if the paper is of another agreement. */
async function agreementWithId(path: string | undefined, id: string): Promise<Agreement> {
  const named = path ?? mistake(`--paper is missing: the file of the document with agreement ${id}`);
  const { document } = await readPaper(named);
  if (!("agreement" in document) || agreementId(document.agreement) !== id) {
    throw new BusError("BAD_SIGNED_FILE", `${named}: not the document with agreement ${id}`);
  }
  return document.agreement;
}

/**
 * The agreement under which a stay runs, as its parties hold it: with terms and witnesses.
 * @throws BusError `BAD_ARGUMENT` without a paper, or where there is no agreement; `BAD_SIGNED_FILE` for another paper.
 */
export async function fullAgreementOf(federation: Federation, stay: Stay, { paper }: PaperOptions): Promise<Agreement> {
  return agreementWithId(paper, (await idOfAgreement(federation, stay)).id);
}

/** The agreement under which a stay runs, without terms: a move's is on the chain, any other is in its paper. */
export async function publicAgreementOf(
  federation: Federation,
  stay: Stay,
  { paper }: PaperOptions,
): Promise<PublicAgreement> {
  const { number, id } = await idOfAgreement(federation, stay);
  const { ledger, provider } = federation;
  const { startedAt } = await ask(ledger.stayOf(stay.vm, stay.sequence));
  const filter = ledger.filters.MoveAgreed(number);
  const [event] = await ask(readAround(provider, (from, to) => ledger.queryFilter(filter, from, to), startedAt));
  return event ? moveOfEvent(event.args).agreement : publicAgreement(await agreementWithId(paper, id));
}

/* RESULTS */

/** An agreed result is a hash on the chain: who signed it has it in a file. */
async function agreedResult(paths: readonly string[], stay: Stay, window: number): Promise<SaltedMetrics> {
  if (paths.length === 0) mistake("--result is missing: the file of the report that both signed");
  for (const { document } of await Promise.all(paths.map((path) => readPaper(path)))) {
    const isIt =
      "metrics" in document &&
      "salt" in document.metrics &&
      document.vm.toLowerCase() === stay.vm &&
      document.sequence === stay.sequence &&
      document.window === window;
    if (isIt) return document.metrics;
  }
  throw new BusError("BAD_SIGNED_FILE", `${paths.join(", ")}: no report of window ${window} of ${sayStay(stay)}`);
}

/**
 * The result of a window as a contract takes it: opened where it was agreed, as the chain knows it otherwise.
 * @param paths Files of reports, of which one is needed for an agreed result.
 * @throws BusError `BAD_ARGUMENT` without any, `BAD_SIGNED_FILE` if they are of other windows.
 */
export async function openedResult(
  federation: Federation,
  stay: Stay,
  window: number,
  paths: readonly string[],
): Promise<SaltedMetrics> {
  const { state, metrics } = await resultOf(federation, stay.vm, stay.sequence, window);
  if (state === "Agreed") return agreedResult(paths, stay, window);
  return { values: metrics ?? buildMetrics({}), salt: ZeroHash };
}

/* OPTIONS */

/** The option for a stay. */
export function withStay(command: Command): Command {
  return command.option("--stay <number>", "number of the stay; the present one by default");
}

/** The option for a paper where the chain may know enough without it. */
export function withPaper(command: Command): Command {
  return command.option("--paper <file>", "file of the document that began the stay, if that was no move");
}

/** The option for a paper where terms or witnesses are needed. */
export function withTermsPaper(command: Command): Command {
  return command.option("--paper <file>", "file of the document that began the stay, with its terms");
}
