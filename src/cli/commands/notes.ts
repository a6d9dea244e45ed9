import { ZeroHash } from "ethers";
import type { Command } from "commander";

import { postNotes } from "../../actions/charging/postNotes.js";
import { balanceOf } from "../../actions/questions/balanceOf.js";
import { ask } from "../../chain/ask.js";
import { KeyRole, NoteReason } from "../../chain/enums.js";
import type { Federation } from "../../chain/federation.js";
import { readBooks } from "../../charging/books.js";
import { currencyToBytes } from "../../charging/currencies.js";
import { MAX_NOTES, netDebts, nettingNotes, roundOf } from "../../charging/netting.js";
import { freshSalt } from "../../documents/build.js";
import type { Note } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { type Labels, labelOf } from "../../exports/format.js";
import { signAndBring } from "../bringing.js";
import { type Runner, type SigningOptions, act, choice, withSigning } from "../command.js";
import { EXIT_CODES } from "../exitCodes.js";
import type { Answer } from "../output.js";
import { stayNamed, withStay } from "../papers.js";
import type { Session } from "../session.js";
import { type CheckedFile, readSignedFiles, unsignedFile } from "../signedFile.js";
import { formatShortAmount } from "../units.js";
import { mistake, parseBytes32, parseCount, parseMoney, parseTime } from "../values.js";

/** Lines of the books that clouds sign: notes between two, and nettings between all who are in a circle. */

/** Whether the own cloud is to sign one of them now. */
async function isOwnMissing(session: Session, files: readonly CheckedFile<"Note">[]): Promise<boolean> {
  const cloud = await session.cloud();
  return files.some(
    ({ signers, signatures }) => signers.some((signer) => signer.cloud === cloud) && !signatures.has(cloud),
  );
}

/** @throws BusError `NO_SIGNER` for an agent's key: nobody would take its signature. */
async function requireNoAgent(session: Session): Promise<void> {
  const [{ registry }, { address }] = await Promise.all([session.federation(), session.key()]);
  const { role } = await ask(registry.bindingOf(address));
  if (Number(role) === KeyRole.Agent) {
    throw new BusError("NO_SIGNER", `${address} is an agent: notes are signed by the cloud's account`);
  }
}

function post(sender: Federation, signed: readonly (readonly [CheckedFile<"Note">, string[]])[]) {
  return postNotes(
    sender,
    signed.map(([{ document }]) => document),
    signed.flatMap(([, signatures]) => signatures),
  );
}

/* NOTES */

const OTHER_REASONS = Object.keys(NoteReason).filter((name) => name !== "NETTING");

interface NoteOptions extends SigningOptions {
  readonly creditor?: string;
  readonly debtor?: string;
  readonly amount?: string;
  readonly currency?: string;
  readonly vm?: string;
  readonly stay?: string;
  readonly through?: string;
  readonly reason?: keyof typeof NoteReason;
  readonly refersTo?: string;
  readonly validUntil: string;
}

/** The stay whose charge a note replaces, and up to when. */
async function replacedBy(
  session: Session,
  { vm, stay, through }: NoteOptions,
): Promise<Pick<Note, "vm" | "sequence" | "through">> {
  if (vm === undefined) {
    if (stay !== undefined || through !== undefined) mistake("--stay and --through go with --vm");
    return { vm: ZeroHash, sequence: 0, through: 0n };
  }
  const head = await session.head();
  const named = await stayNamed(session, [vm], stay === undefined ? {} : { stay });
  return { ...named, through: through === undefined ? head.timeMs : parseTime("--through", through) };
}

async function draftNote(session: Session, options: NoteOptions): Promise<Note> {
  const [head, own] = await Promise.all([session.head(), session.cloud()]);
  const party = async (name: string, text: string | undefined) =>
    text === undefined ? own : session.cloudNamed(name, text);
  const { creditor, debtor, currency = mistake("--currency is missing"), refersTo } = options;
  if (creditor === undefined && debtor === undefined) mistake("--creditor or --debtor is missing");
  const reason = options.reason ?? (options.vm === undefined ? "UNSPECIFIED" : "REPLACEMENT");
  return {
    refersTo: refersTo === undefined ? ZeroHash : parseBytes32("--refers-to", refersTo),
    creditor: await party("--creditor", creditor),
    debtor: await party("--debtor", debtor),
    currency,
    amount: parseMoney("--amount", options.amount ?? mistake("--amount is missing")),
    ...(await replacedBy(session, options)),
    reason: NoteReason[reason],
    validUntil: parseTime("--valid-until", options.validUntil, head.timeMs),
    salt: freshSalt(),
  };
}

function sayNote({ creditor, debtor, amount, currency, sequence }: Note, labels: Labels): string {
  const instead = sequence === 0 ? "" : ", instead of what a stay was charged";
  return `  ${labelOf(labels, debtor)} owes ${labelOf(labels, creditor)} ${formatShortAmount(amount)} ${currency} more${instead}`;
}

async function note(session: Session, _args: readonly string[], options: NoteOptions): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const files = options.withSignature
    ? await readSignedFiles(federation, "Note", options.withSignature)
    : [await unsignedFile(federation, "Note", await draftNote(session, options))];
  if (files.some(({ document }) => document.reason === NoteReason.NETTING)) {
    mistake("--with-signature: notes of a netting are signed and brought together, by charge netting");
  }
  if (await isOwnMissing(session, files)) await requireNoAgent(session);
  const notes = files.map(({ document }) => document);
  return signAndBring(session, files, options, {
    what: ["Post:", ...notes.map((one) => sayNote(one, labels))].join("\n"),
    send: post,
  });
}

/* NETTING */

interface NettingOptions extends SigningOptions {
  readonly currency?: string;
  readonly validUntil: string;
  readonly fromBlock: string;
}

/** Notes under which all debts fall that go round in a circle. */
async function draftNetting(session: Session, options: NettingOptions): Promise<Note[]> {
  const { currency } = options;
  if (currency !== undefined) currencyToBytes(currency);
  const fromBlock = parseCount("--from-block", options.fromBlock);
  const [federation, head] = await Promise.all([session.federation(), session.head()]);
  const validUntil = parseTime("--valid-until", options.validUntil, head.timeMs);
  const { debts } = await readBooks(federation, { fromBlock });
  const wanted = debts.filter((debt) => currency === undefined || debt.currency === currency);
  return nettingNotes(netDebts(wanted, MAX_NOTES).clearings, validUntil);
}

/**
 * A signature under a part of a round says nothing about the rest: all of it is looked at.
 * @throws BusError `BAD_SIGNED_FILE` if notes are missing, not of this round, or in another order.
 */
function requireRound(notes: readonly Note[]): void {
  const round = roundOf(notes);
  const isWhole = notes.every(({ reason, refersTo }) => reason === NoteReason.NETTING && refersTo === round);
  if (!isWhole) {
    throw new BusError("BAD_SIGNED_FILE", "--with-signature: the files are not all notes of one round, in its order");
  }
}

/** @throws BusError `BAD_ARGUMENT` if a note would not lower a debt but turn it round: the books have changed since. */
async function requireDebts(federation: Federation, notes: readonly Note[], labels: Labels): Promise<void> {
  const owed = await Promise.all(
    notes.map(({ creditor, debtor, currency }) => balanceOf(federation, debtor, creditor, currency)),
  );
  notes.forEach(({ creditor, debtor, currency, amount }, index) => {
    const left = owed[index] ?? 0n;
    if (left >= amount) return;
    const who = `${labelOf(labels, creditor)} owes ${labelOf(labels, debtor)}`;
    mistake(`the books have changed: ${who} ${formatShortAmount(left)} ${currency}, less than falls by this netting`);
  });
}

async function netting(session: Session, _args: readonly string[], options: NettingOptions): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const files = options.withSignature
    ? await readSignedFiles(federation, "Note", options.withSignature)
    : await Promise.all(
        (await draftNetting(session, options)).map((document) => unsignedFile(federation, "Note", document)),
      );
  const notes = files.map(({ document }) => document);
  const [first] = notes;
  if (!first) {
    const facts = { documents: [] };
    return { facts, lines: ["No debts go round in a circle."], exitCode: EXIT_CODES.NONE_FOUND };
  }
  requireRound(notes);
  // What all have signed already is the contract's to judge.
  if (await isOwnMissing(session, files)) {
    await requireDebts(federation, notes, labels);
    await requireNoAgent(session);
  }
  const falls = notes.map(
    ({ creditor, debtor, amount, currency }) =>
      `  ${labelOf(labels, creditor)} owes ${labelOf(labels, debtor)} ${formatShortAmount(amount)} ${currency} less`,
  );
  return signAndBring(session, files, options, {
    about: [`Netting ${first.refersTo}, all or nothing:`, ...falls],
    what: `Post all ${notes.length} notes.`,
    send: post,
    facts: () => ({ round: first.refersTo }),
    isForOthers: options.withSignature === undefined,
  });
}

/** Adds `note` and `netting` to `charge`. */
export function addNotes(charge: Command, run: Runner): void {
  act(
    withSigning(
      withStay(
        charge
          .command("note")
          .description("a line of the books on which two clouds agree: the accounts of both sign")
          .option("--creditor <cloud>", "to whom more is owed: number or label; the own cloud if --debtor is given")
          .option("--debtor <cloud>", "who owes it; the own cloud if --creditor is given")
          .option("--amount <amount>", "how much, in currency units, with nine decimals at most")
          .option("--currency <code>", "ISO 4217 code")
          .option("--vm <vm>", "replaces what a stay of this VM was charged"),
      )
        .option("--through <time>", "with --vm, up to when: ISO 8601, without an offset UTC; now by default")
        .addOption(choice("--reason <reason>", "what it is for; REPLACEMENT with --vm", OTHER_REASONS))
        .option("--refers-to <id>", "32 bytes in hex: the line that it corrects")
        .option("--valid-until <time>", "last moment to bring it: ISO 8601, or as +2h", "+7d"),
    ),
    run,
    "charge note --debtor borealis --amount 12.50 --currency EUR --sign-only --out note.json",
    note,
  );
  act(
    withSigning(
      charge
        .command("netting")
        .description("lowers debts that go round in a circle: who owes or is owed one of them signs")
        .option("--currency <code>", "only debts in this currency; ISO 4217 code")
        .option("--valid-until <time>", "last moment to bring it: ISO 8601, or as +2h", "+1d")
        .option("--from-block <number>", "block of the deployment, where the chain is long", "0"),
    ),
    run,
    "charge netting --sign-only --out round",
    netting,
  );
}
