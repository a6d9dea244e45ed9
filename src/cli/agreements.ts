import type { Command } from "commander";

import { vmOf } from "../actions/questions/vmOf.js";
import { ask } from "../chain/ask.js";
import {
  type AgreementDraft,
  buildAgreement,
  buildPrice,
  buildRates,
  buildSla,
  freshSalt,
} from "../documents/build.js";
import { documentFromJson } from "../documents/documentJson.js";
import type { Agreement, Price, Rates, Sla } from "../documents/types.js";
import { type SigningOptions, withSigning } from "./command.js";
import { readJson } from "./files.js";
import type { Session } from "./session.js";
import { mistake, parseCount, parseFeatures, parseTime } from "./values.js";

/** Agreements as they are drafted on the command line: VMs as they stand now, on terms out of a file. */

/** What every draft of an agreement may say. */
export interface DraftOptions extends SigningOptions {
  readonly features?: string;
  readonly terms?: string;
  readonly agreeBy?: string;
}

/** What a draft says that takes VMs to another site. */
export interface AgreementOptions extends DraftOptions {
  readonly to?: string;
  readonly site: string;
}

/* TERMS */

/** What a file of terms may say; everything else has the library's defaults. */
const TERMS_FIELDS = ["price", "sla", "witnesses", "windowMs", "noticeMs", "keepMs", "digestKind", "charter"] as const;

/** What a file of terms comes to: fields of an agreement. */
export type TermsFields = Partial<Pick<Agreement, Exclude<(typeof TERMS_FIELDS)[number], "price" | "sla">>> & {
  readonly terms?: Agreement["terms"];
};

/** What both sides keep of an earlier agreement, with fresh salts: a salt that was opened hides nothing any more. */
export function termsOf(agreement: Agreement): TermsFields & Pick<Required<TermsFields>, "terms"> {
  const { witnesses, windowMs, noticeMs, keepMs, digestKind, charter, terms } = agreement;
  const price = { ...terms.price, salt: freshSalt() };
  const sla = { ...terms.sla, salt: freshSalt() };
  return { witnesses, windowMs, noticeMs, keepMs, digestKind, charter, terms: { price, sla } };
}

/**
 * The terms in a file.
 * @param before Where what the file leaves out is taken from; otherwise it has the library's defaults.
 * @throws BusError `BAD_ARGUMENT` for a file that is no JSON, or says what is no field of terms.
 */
export async function readTerms(path: string, before?: Agreement): Promise<TermsFields> {
  const json = await readJson(path, "BAD_ARGUMENT");
  if (typeof json !== "object" || json === null || Array.isArray(json)) return mistake(`${path} holds no object`);
  const given = json as { readonly [field: string]: unknown };
  for (const field of Object.keys(given)) {
    if (!TERMS_FIELDS.some((known) => known === field)) {
      mistake(`${path}: ${field} is none of ${TERMS_FIELDS.join(", ")}`);
    }
  }
  const { price, sla, ...rest } = given;
  const { rates, ...priceRest } = (documentFromJson("Price", price ?? {}) ?? {}) as Partial<Price> & { rates?: Rates };
  const kept = before && termsOf(before);
  const keptPrice = kept?.terms.price;
  // Whatever is of a wrong type is refused by its path when the document is checked.
  return {
    ...kept,
    ...(documentFromJson("Agreement", rest) as TermsFields),
    terms: {
      price: buildPrice({
        ...keptPrice,
        ...priceRest,
        ...(rates && { rates: buildRates({ ...keptPrice?.rates, ...rates }) }),
      }),
      sla: buildSla({ ...kept?.terms.sla, ...(documentFromJson("Sla", sla ?? {}) as Partial<Sla>) }),
    },
  };
}

/* DRAFTS */

/** VMs of one agreement as they stand now, named by what was typed. */
export interface NamedVms {
  readonly home: number;
  readonly host: number;
  readonly vms: readonly (Awaited<ReturnType<typeof vmOf>> & { readonly vm: string })[];
}

/**
 * VMs that can be in one agreement.
 * @throws BusError `BAD_ARGUMENT` for none, or where home and host are not the same of all.
 */
export async function vmsTogether(session: Session, names: readonly string[]): Promise<NamedVms> {
  if (names.length === 0) mistake("VM is missing");
  const federation = await session.federation();
  const vms = await Promise.all(
    names.map(async (name) => {
      const vm = await session.vmNamed(name);
      return { vm, ...(await vmOf(federation, vm)) };
    }),
  );
  const [first] = vms;
  if (!first) return mistake("VM is missing");
  const isTogether = vms.every(({ home, host }) => home === first.home && host === first.host);
  if (!isTogether) mistake("VM: they have not the same home and host, as VMs of one agreement must");
  return { home: first.home, host: first.host, vms };
}

/** The last moment to bring an agreement, in milliseconds: as late as the ledger allows unless said otherwise. */
export async function agreeByOf(session: Session, agreeBy: string | undefined): Promise<bigint> {
  const [federation, head] = await Promise.all([session.federation(), session.head()]);
  if (agreeBy !== undefined) return parseTime("--agree-by", agreeBy, head.timeMs);
  const { agreeWithin } = await ask(federation.ledger.parameters());
  return head.timeMs + agreeWithin * 1_000n;
}

/** An agreement that takes VMs, as they stand now, to another site. */
export async function draftAgreement(
  session: Session,
  names: readonly string[],
  options: AgreementOptions,
): Promise<Agreement> {
  if (names.length === 0) mistake("VM is missing");
  const { to = mistake("--to is missing"), terms, features } = options;
  const destination = await session.cloudNamed("--to", to);
  const bits = features === undefined ? 0n : parseFeatures("--features", features);
  const { home, host, vms } = await vmsTogether(session, names);
  const draft: AgreementDraft = {
    home,
    source: host,
    destination,
    site: parseCount("--site", options.site, 0, 65_535),
    lines: vms.map(({ vm, nonce, resources }) => ({ vm, nonce, features: bits, resources })),
    agreeBy: await agreeByOf(session, options.agreeBy),
    ...(terms !== undefined && (await readTerms(terms))),
  };
  return buildAgreement(draft);
}

/** What is typed where the documents of `--with-signature` say it already. */
export function requireNoArguments(names: readonly string[]): void {
  if (names.length > 0) mistake(`${names.join(" ")}: --with-signature says which VMs`);
}

/* OPTIONS */

/** The options of every draft. */
export function withDraft(command: Command): Command {
  return withSigning(
    command
      .option("--features <bits>", "numbers of the features that the VMs need, as 3,130")
      .option("--terms <file>", `JSON with any of ${TERMS_FIELDS.join(", ")}`)
      .option("--agree-by <time>", "last moment to bring it: ISO 8601, or as +10min; as late as allowed by default"),
  );
}

/** The arguments and options of an agreement that takes VMs elsewhere. */
export function withAgreement(command: Command): Command {
  return withDraft(
    command
      .argument("[vm...]", "ids, or own names; not with --with-signature")
      .option("--to <cloud>", "destination: number or label")
      .option("--site <number>", "site of the destination", "0"),
  );
}
