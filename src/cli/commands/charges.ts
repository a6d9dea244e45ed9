import { encodeBytes32String, isHexString, toUtf8Bytes } from "ethers";
import type { Command } from "commander";

import { acknowledge } from "../../actions/charging/acknowledge.js";
import { settle } from "../../actions/charging/settle.js";
import { settleCredit } from "../../actions/charging/settleCredit.js";
import { settleJointly } from "../../actions/charging/settleJointly.js";
import { chargeOf } from "../../actions/questions/chargeOf.js";
import { creditOf } from "../../actions/questions/creditOf.js";
import type { Sent } from "../../chain/send.js";
import { readBooks } from "../../charging/books.js";
import { currencyOfBytes, currencyToBytes } from "../../charging/currencies.js";
import type { Agreement, JointSettlement } from "../../documents/types.js";
import { formatTime, labelOf } from "../../exports/format.js";
import { signAndBring, theDocument } from "../bringing.js";
import { type Runner, type SigningOptions, act, withSigning } from "../command.js";
import { type Answer, table } from "../output.js";
import {
  type PaperOptions,
  type StayOptions,
  fullAgreementOf,
  openedResult,
  sayStay,
  stayNamed,
  withStay,
  withTermsPaper,
} from "../papers.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import { formatRate, formatShortAmount } from "../units.js";
import { mistake, parseCount, parseMoney, parseTime } from "../values.js";
import { addNotes } from "./notes.js";

/** What stays cost: charges, credits, payments, and what follows of them. */

/* READING */

interface ShowOptions extends StayOptions {
  readonly window?: string;
}

const sayTime = (time: bigint): string => (time === 0n ? "never" : formatTime(time));

async function showCharge(session: Session, args: readonly string[], options: ShowOptions): Promise<Answer> {
  const federation = await session.federation();
  const stay = await stayNamed(session, args, options);
  const window = options.window === undefined ? undefined : parseCount("--window", options.window);
  const [{ rate, currency, settledThrough, replacedThrough, posted }, credit] = await Promise.all([
    chargeOf(federation, stay.vm, stay.sequence),
    window === undefined ? undefined : creditOf(federation, stay.vm, stay.sequence, window),
  ]);
  const facts = {
    ...stay,
    currency: currency ?? null,
    rate,
    posted,
    settledThrough: settledThrough === 0n ? null : formatTime(settledThrough),
    replacedThrough: replacedThrough === 0n ? null : formatTime(replacedThrough),
    ...(window !== undefined && { window, credit }),
  };
  const unit = currency ?? "";
  const lines = [
    sayStay(stay),
    `  price     ${currency === undefined ? "not known before it is settled" : `${formatRate(rate)} ${unit} per hour`}`,
    `  charged   ${`${formatShortAmount(posted)} ${unit}`.trimEnd()}`,
    `  settled   ${sayTime(settledThrough)}`,
    `  replaced  ${sayTime(replacedThrough)}`,
    ...(credit === undefined ? [] : [`  credit    ${`${formatShortAmount(credit)} ${unit}`.trimEnd()}`]),
  ];
  return { facts, lines };
}

/** The options of what is read from all events. */
interface EventOptions {
  readonly fromBlock: string;
}

async function listBalances(session: Session, [text]: readonly string[], options: EventOptions): Promise<Answer> {
  const fromBlock = parseCount("--from-block", options.fromBlock);
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const wanted = text === undefined ? undefined : await session.cloudNamed("CLOUD", text);
  const { debts } = await readBooks(federation, { fromBlock });
  const found = debts
    .filter(({ creditor, debtor }) => wanted === undefined || creditor === wanted || debtor === wanted)
    .map((debt) => ({
      ...debt,
      creditorLabel: labelOf(labels, debt.creditor),
      debtorLabel: labelOf(labels, debt.debtor),
    }));
  const rows = found.map((debt) => [
    debt.debtorLabel,
    debt.creditorLabel,
    formatShortAmount(debt.amount),
    debt.currency,
  ]);
  return { facts: { debts: found }, lines: table(["debtor", "owes to", "amount", "currency"], rows) };
}

/* CHARGES */

interface SettleOptions extends StayOptions, PaperOptions, SigningOptions {
  readonly to?: string;
  readonly joint?: boolean;
  readonly validUntil?: string;
}

const OPENED = "  The price of its agreement is on the chain from then on, for the whole federation to read.";

/** What a settlement booked; nothing where all was booked before. */
function settledFacts({ events }: Sent): { readonly amount: bigint; readonly currency: string | null } {
  const event = events.find(({ name }) => name === "StaySettled");
  if (!event) return { amount: 0n, currency: null };
  return { amount: BigInt(String(event.args.amount)), currency: currencyOfBytes(String(event.args.currency)) };
}

function bookedLine({ amount, currency }: { readonly amount: bigint; readonly currency: string | null }): string {
  return amount === 0n ? "Nothing was left to book." : `Booked ${formatShortAmount(amount)} ${currency ?? ""}.`;
}

async function settleStay(session: Session, args: readonly string[], options: SettleOptions): Promise<Answer> {
  if (options.joint) return settleTogether(session, args, options);
  if (options.signOnly || options.withSignature || options.out !== undefined || options.validUntil !== undefined) {
    mistake("--sign-only, --out, --with-signature and --valid-until go with --joint");
  }
  const [federation, head] = await Promise.all([session.federation(), session.head()]);
  const stay = await stayNamed(session, args, options);
  const agreement = await fullAgreementOf(federation, stay, options);
  const to = options.to === undefined ? head.timeMs : parseTime("--to", options.to);
  const cloud = await session.cloud();
  const lines = [`Charge ${sayStay(stay)} up to ${formatTime(to)}.`, OPENED];
  const sent = await session.send(lines, (sender) =>
    settle(sender, { ...stay, agreement, terms: agreement.terms }, cloud, to),
  );
  const booked = settledFacts(sent);
  return { facts: { ...stay, ...booked, ...sentFacts(sent) }, lines: [bookedLine(booked), sentLine(sent)] };
}

async function draftJoint(session: Session, args: readonly string[], options: SettleOptions): Promise<JointSettlement> {
  const head = await session.head();
  const stay = await stayNamed(session, args, options);
  return {
    ...stay,
    to: options.to === undefined ? head.timeMs : parseTime("--to", options.to),
    validUntil: parseTime("--valid-until", options.validUntil ?? "+1d", head.timeMs),
  };
}

async function settleTogether(session: Session, args: readonly string[], options: SettleOptions): Promise<Answer> {
  if (options.withSignature && args.length > 0) mistake(`${args.join(" ")}: --with-signature says which VM`);
  const federation = await session.federation();
  const file = await theDocument(session, "JointSettlement", options, () => draftJoint(session, args, options));
  const { vm, sequence, to } = file.document;
  const agreement = options.signOnly ? undefined : await fullAgreementOf(federation, { vm, sequence }, options);
  return signAndBring(session, [file], options, {
    what: `Charge ${sayStay({ vm, sequence })} up to ${formatTime(to)}.\n${OPENED}`,
    send: (sender, [signed]) =>
      signed && agreement
        ? settleJointly(sender, signed[0].document, { agreement, terms: agreement.terms }, signed[1])
        : mistake("no document"),
    facts: settledFacts,
  });
}

/* CREDITS */

interface CreditOptions extends StayOptions, PaperOptions {
  readonly window?: string;
  readonly result?: string;
}

async function creditWindow(session: Session, args: readonly string[], options: CreditOptions): Promise<Answer> {
  const window = parseCount("--window", options.window ?? mistake("--window is missing"));
  const federation = await session.federation();
  const stay = await stayNamed(session, args, options);
  const agreement: Agreement = await fullAgreementOf(federation, stay, options);
  const result = await openedResult(federation, stay, window, options.result === undefined ? [] : [options.result]);
  const cloud = await session.cloud();
  const lines = [
    `Credit window ${window} of ${sayStay(stay)}.`,
    "  Price, SLA and result are on the chain from then on, for the whole federation to read.",
  ];
  const sent = await session.send(lines, (sender) =>
    settleCredit(sender, { ...stay, window, agreement, terms: agreement.terms, result }, cloud),
  );
  const { currency } = agreement.terms.price;
  const credit = await creditOf(federation, stay.vm, stay.sequence, window);
  return {
    facts: { ...stay, window, credit, currency, ...sentFacts(sent) },
    lines: [`Credit of the window: ${formatShortAmount(credit)} ${currency}.`, sentLine(sent)],
  };
}

/* PAYMENTS */

interface PaidOptions {
  readonly amount?: string;
  readonly currency?: string;
  readonly reference?: string;
}

const MOST_REFERENCE_BYTES = 31;

/** A reference as the books keep it: hex as it is, words as their UTF-8 with zeros behind. */
function parseReference(text: string): string {
  if (isHexString(text, 32)) return text.toLowerCase();
  const { length } = toUtf8Bytes(text);
  if (length > MOST_REFERENCE_BYTES || length === 0) {
    mistake(`--reference: ${text} is neither 32 bytes in hex nor 1 to ${MOST_REFERENCE_BYTES} bytes of text`);
  }
  return encodeBytes32String(text);
}

async function acknowledgePayment(
  session: Session,
  [text = ""]: readonly string[],
  options: PaidOptions,
): Promise<Answer> {
  const debtor = await session.cloudNamed("DEBTOR", text);
  const amount = parseMoney("--amount", options.amount ?? mistake("--amount is missing"));
  const currency = options.currency ?? mistake("--currency is missing");
  currencyToBytes(currency);
  const reference = parseReference(options.reference ?? mistake("--reference is missing"));
  const [creditor, labels] = await Promise.all([session.cloud(), session.labels()]);
  const lines = [
    `${labelOf(labels, debtor)} has paid ${formatShortAmount(amount)} ${currency} to ${labelOf(labels, creditor)}.`,
    `  reference ${reference}`,
  ];
  const sent = await session.send(lines, (sender) =>
    acknowledge(sender, { creditor, debtor, currency, amount, reference }),
  );
  return { facts: { creditor, debtor, currency, amount, reference, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/* COMMANDS */

const VM = ["<vm>", "id, or own name"] as const;

/** Adds `charge`. */
export function addCharges(program: Command, run: Runner): void {
  const charge = program.command("charge").helpCommand(false).description("what stays cost, and who owes whom");
  act(
    withStay(
      charge
        .command("show")
        .description("what is booked of a stay")
        .argument(...VM),
    ).option("--window <number>", "with the credit of this window"),
    run,
    "charge show web-3 --window 0",
    showCharge,
  );
  act(
    charge
      .command("balances")
      .description("who owes whom now, by all that was booked")
      .argument("[cloud]", "only what this one owes or is owed: number or label")
      .option("--from-block <number>", "block of the deployment, where the chain is long", "0"),
    run,
    "charge balances aurora",
    listBalances,
  );
  act(
    withSigning(
      withTermsPaper(
        withStay(
          charge
            .command("settle")
            .description("charges a stay: home or host alone, or both together")
            .argument("[vm]", "id, or own name; not with --with-signature"),
        ),
      )
        .option("--to <time>", "up to when: ISO 8601, without an offset UTC; now by default")
        .option("--joint", "home and host sign, as a price may ask for")
        .option("--valid-until <time>", "with --joint, last moment to bring it: ISO 8601, or as +1h (+1d)"),
    ),
    run,
    "charge settle web-3 --paper move.json",
    settleStay,
  );
  act(
    withTermsPaper(
      withStay(
        charge
          .command("credit")
          .description("credits a window by its final result")
          .argument(...VM)
          .option("--window <number>", "number of the window, from 0"),
      ),
    ).option("--result <file>", "file of the report that both signed, if the result is an agreed one"),
    run,
    "charge credit web-3 --window 0 --paper move.json --result window-0.json",
    creditWindow,
  );
  addNotes(charge, run);
  act(
    charge
      .command("paid")
      .description("the own cloud's account says that it was paid: less is owed")
      .argument("<debtor>", "who paid: number or label")
      .option("--amount <amount>", "how much, in currency units, with nine decimals at most")
      .option("--currency <code>", "ISO 4217 code")
      .option("--reference <reference>", "the own reference, used once: text that all may read, or 32 bytes in hex"),
    run,
    "charge paid borealis --amount 120.50 --currency EUR --reference 2026-0042",
    acknowledgePayment,
  );
}
