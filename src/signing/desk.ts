import type { Signer } from "ethers";

import type { AddressBook } from "../chain/addressBook.js";
import { ask } from "../chain/ask.js";
import { NoteReason } from "../chain/enums.js";
import { type Federation, readHead, requireChain } from "../chain/federation.js";
import { documentToJson } from "../documents/documentJson.js";
import { type Domain, documentId, signDocument } from "../documents/hash.js";
import { digestOfId } from "../documents/publicHash.js";
import { EIP712_SCHEMA } from "../documents/publishedSchema.js";
import type { Agreement, DocumentName, Documents, Note } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { DocumentError } from "../errors/documentError.js";
import { checkDocument } from "./checkDocument.js";
import type { Journal, JournalEntry } from "./journal.js";

/** What a desk needs. */
export interface SigningDeskOptions {
  /** The key: the cloud's account, or an agent of it. */
  readonly signer: Signer;
  /** The cloud for which it signs. */
  readonly cloud: number;
  /** The federations it knows. It signs for no other chain and no other contract. */
  readonly trusted: readonly AddressBook[];
  readonly journal: Journal;
  /** How far the chain's newest block may be from the clock, either way. */
  readonly maxHeadAgeMs?: number;
  /** The clock, in milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A document with a signature under it. */
export interface SignedDocument {
  readonly signature: string;
  /** Struct hash: the document's id, which `revoke` takes. */
  readonly id: string;
  /** What was signed. */
  readonly digest: string;
}

/** Signs documents for one cloud. */
export interface SigningDesk {
  /**
   * Signs a document, after it was checked and the chain was looked at, and not before the signature is in the journal.
   * @throws DocumentError for what is wrong with the document.
   * @throws BusError `UNKNOWN_CHAIN`, `WRONG_GENESIS`, `UNKNOWN_CONTRACT`, `STALE_HEAD`, `CONTRADICTION`, `JOURNAL`.
   */
  sign<N extends DocumentName>(federation: Federation, name: N, document: Documents[N]): Promise<SignedDocument>;
}

const DEFAULT_MAX_HEAD_AGE_MS = 3_000;

/**
 * A desk at which a cloud's documents are signed. It refuses malformed ones, chains it does not know, to sign without a
 * fresh head, and a second document about the same VM and nonce (or of the same move) while the first can still be
 * brought: revoke the first, or let it expire.
 */
export function createSigningDesk(options: SigningDeskOptions): SigningDesk {
  // One at a time: of two contradictory documents the second must find the first in the journal.
  let last: Promise<unknown> = Promise.resolve();
  return {
    sign(federation, name, document) {
      const signed = last.then(() => signOne(options, federation, name, document));
      last = signed.catch(() => undefined);
      return signed;
    },
  };
}

async function signOne<N extends DocumentName>(
  options: SigningDeskOptions,
  federation: Federation,
  name: N,
  document: Documents[N],
): Promise<SignedDocument> {
  checkDocument(name, document);
  const signer = await options.signer.getAddress();
  requirePart(options.cloud, signer, name, document);
  requireTrusted(options.trusted, federation.addressBook);
  await requireChain(federation.provider, federation.addressBook);
  const headMs = await readFreshHead(options, federation);

  const usableUntil = USABLE_UNTIL[name](document);
  if (usableUntil < headMs) {
    throw new DocumentError("EXPIRED", DEADLINE_PATH[name], usableUntil, `at or after the chain's time, ${headMs}`);
  }
  const domain = domainFor(federation, name);
  const id = documentId(name, document);
  const subjects = subjectsOf(federation, name, document);
  await requireNoContradiction(options, federation, headMs, { id, subjects, document });

  const digest = digestOfId(domain, id);
  const signature = await signDocument(options.signer, domain, name, document);
  await options.journal.append({
    at: clockOf(options)(),
    chainId: federation.addressBook.chainId,
    genesisHash: federation.addressBook.genesisHash,
    contract: domain.verifyingContract,
    cloud: options.cloud,
    signer,
    name,
    id,
    digest,
    signature,
    usableUntil: usableUntil.toString(),
    subjects,
    document: documentToJson(document),
  });
  return { signature, id, digest };
}

/** The EIP-712 domain of a document: that of the contract to which it is brought. */
export function domainFor(federation: Federation, name: DocumentName): Domain {
  switch (EIP712_SCHEMA.documents[name].verifyingContract) {
    case "CloudRegistry":
      return federation.registryDomain;
    case "SlaOracle":
      return federation.oracleDomain;
    case "ChargingLedger":
      return federation.chargingDomain;
    case "ValidatorSet":
      return federation.validatorDomain;
    default:
      return federation.ledgerDomain;
  }
}

function clockOf(options: SigningDeskOptions): () => number {
  return options.now ?? Date.now;
}

/* WHO AND WHERE */

/** The documents of an agreement name the cloud; an acceptance and an activation are by the key itself. */
function requirePart<N extends DocumentName>(cloud: number, signer: string, name: N, document: Documents[N]): void {
  const agreement = agreementOf(document);
  if (agreement) {
    const { home, source, destination } = agreement;
    const parties = [home, source, destination];
    if (!parties.includes(cloud)) {
      throw new DocumentError("NOT_A_PARTY", "/agreement", parties, `with cloud ${cloud}, for which this desk signs`);
    }
  }
  if ("creditor" in document && document.creditor !== cloud && document.debtor !== cloud) {
    const parties = [document.creditor, document.debtor];
    throw new DocumentError("NOT_A_PARTY", "/creditor", parties, `with cloud ${cloud}, for which this desk signs`);
  }
  if ("key" in document && document.key.toLowerCase() !== signer.toLowerCase()) {
    throw new DocumentError("NOT_THE_KEY", "/key", document.key, `${signer}, which signs here`);
  }
  if ("validator" in document && document.validator.toLowerCase() !== signer.toLowerCase()) {
    throw new DocumentError("NOT_THE_KEY", "/validator", document.validator, `${signer}, which signs here`);
  }
}

function agreementOf(document: Documents[DocumentName]): Agreement | undefined {
  return "agreement" in document ? document.agreement : undefined;
}

/** @throws BusError `UNKNOWN_CHAIN`, `WRONG_GENESIS`, `UNKNOWN_CONTRACT`. */
function requireTrusted(trusted: readonly AddressBook[], given: AddressBook): void {
  const sameId = trusted.filter((book) => book.chainId === given.chainId);
  if (sameId.length === 0) throw new BusError("UNKNOWN_CHAIN", `chain ${given.chainId} is not known here`);
  const sameChain = sameId.filter((book) => book.genesisHash === given.genesisHash);
  if (sameChain.length === 0) {
    throw new BusError("WRONG_GENESIS", `genesis ${given.genesisHash} of chain ${given.chainId} is not known here`);
  }
  const { CloudRegistry, MigrationLedger, SlaOracle, ChargingLedger, ValidatorSet } = given.contracts;
  const isKnown = sameChain.some(
    ({ contracts }) =>
      contracts.CloudRegistry.toLowerCase() === CloudRegistry.toLowerCase() &&
      contracts.ValidatorSet.toLowerCase() === ValidatorSet.toLowerCase() &&
      contracts.MigrationLedger.toLowerCase() === MigrationLedger.toLowerCase() &&
      contracts.SlaOracle.toLowerCase() === SlaOracle.toLowerCase() &&
      contracts.ChargingLedger.toLowerCase() === ChargingLedger.toLowerCase(),
  );
  if (!isKnown) {
    throw new BusError(
      "UNKNOWN_CONTRACT",
      `ledger ${MigrationLedger} with registry ${CloudRegistry}, oracle ${SlaOracle}, books ${ChargingLedger} and validators ${ValidatorSet} is not known here`,
    );
  }
}

/** The chain's time, in milliseconds. */
async function readFreshHead(options: SigningDeskOptions, federation: Federation): Promise<bigint> {
  const { timeMs: headMs } = await readHead(federation.provider);
  const ageMs = clockOf(options)() - Number(headMs);
  const most = options.maxHeadAgeMs ?? DEFAULT_MAX_HEAD_AGE_MS;
  if (Math.abs(ageMs) > most) {
    const found = ageMs > 0 ? `${ageMs} ms old` : `${-ageMs} ms ahead of the clock`;
    throw new BusError("STALE_HEAD", `the head is ${found}; at most ${most} ms are allowed`);
  }
  return headMs;
}

/* CONTRADICTIONS */

/** Until when a report can be brought the chain knows, not the report. */
const NO_DEADLINE = 2n ** 64n - 1n;

/** Last moment at which a document can be brought, in milliseconds. */
const USABLE_UNTIL: { readonly [N in DocumentName]: (document: Documents[N]) => bigint } = {
  Move: ({ agreement }) => agreement.agreeBy,
  Record: ({ agreement }) => agreement.agreeBy,
  Amendment: ({ agreement }) => agreement.agreeBy,
  Evacuation: ({ agreement }) => agreement.agreeBy,
  Handover: ({ validUntil }) => validUntil,
  MutualAbort: ({ validUntil }) => validUntil,
  Succession: ({ validUntil }) => validUntil,
  AgreedReport: () => NO_DEADLINE,
  Observation: () => NO_DEADLINE,
  Note: ({ validUntil }) => validUntil,
  JointSettlement: ({ validUntil }) => validUntil,
  KeyAcceptance: ({ validUntil }) => validUntil,
  // It ends with its block, not with a time.
  ValidatorActivation: () => NO_DEADLINE,
};

const DEADLINE_PATH: { readonly [N in DocumentName]: string } = {
  Move: "/agreement/agreeBy",
  Record: "/agreement/agreeBy",
  Amendment: "/agreement/agreeBy",
  Evacuation: "/agreement/agreeBy",
  Handover: "/validUntil",
  MutualAbort: "/validUntil",
  Succession: "/validUntil",
  AgreedReport: "",
  Observation: "",
  Note: "/validUntil",
  JointSettlement: "/validUntil",
  KeyAcceptance: "/validUntil",
  ValidatorActivation: "/blockNumber",
};

/**
 * What a document speaks about. A VM's nonce admits one document; a move one handover; a key one cloud and role; a window
 * one report of the parties and one observation of a witness; a stay one note that replaces its charge at a time; a pair of
 * clouds one netting at a time. To give a move up contradicts nothing: the ledger takes the abort or the handover, whichever is first.
 */
function subjectsOf<N extends DocumentName>(federation: Federation, name: N, document: Documents[N]): string[] {
  const { chainId, genesisHash } = federation.addressBook;
  const chain = `${chainId}/${genesisHash.toLowerCase()}`;
  const agreement = agreementOf(document);
  const about = agreement
    ? agreement.lines.map(({ vm, nonce }) => `vm/${vm}/${nonce}`)
    : "successor" in document
      ? [`vm/${document.vm}/${document.nonce}`]
      : "releases" in document
        ? [`handover/${document.move}`]
        : "role" in document
          ? [`key/${document.key}`]
          : "window" in document
            ? [`window/${document.vm}/${document.sequence}/${document.window}/${name}`]
            : "creditor" in document
              ? subjectsOfNote(document)
              : [];
  return about.map((subject) => `${chain}/${subject}`.toLowerCase());
}

/** Two notes for the same charge would make it be paid twice; two nettings would clear the same debt twice. */
function subjectsOfNote({ creditor, debtor, currency, vm, sequence, reason }: Note): string[] {
  const [lower, higher] = creditor < debtor ? [creditor, debtor] : [debtor, creditor];
  return [
    ...(sequence === 0 ? [] : [`charge/${vm}/${sequence}`]),
    ...(reason === NoteReason.NETTING ? [`netting/${lower}/${higher}/${currency}`] : []),
  ];
}

interface Draft {
  readonly id: string;
  readonly subjects: readonly string[];
  readonly document: Documents[DocumentName];
}

/** A key may accept the same cloud and role again, but no other; any two other documents about the same contradict. */
function contradicts(entry: JournalEntry, { id, document }: Draft): boolean {
  if (entry.id === id) return false;
  if (!("role" in document)) return true;
  const earlier = entry.document;
  const isSame =
    typeof earlier === "object" &&
    earlier !== null &&
    "cloud" in earlier &&
    "role" in earlier &&
    earlier.cloud === document.cloud &&
    earlier.role === document.role;
  return !isSame;
}

/** What the ledgers take can be revoked or withdrawn there. */
function isRevocable(name: DocumentName): boolean {
  return ["MigrationLedger", "ChargingLedger"].includes(EIP712_SCHEMA.documents[name].verifyingContract);
}

/** Whether a document can no longer be brought: the cloud took its signature back, or it was posted. */
async function isOver({ ledger, charging }: Federation, cloud: number, { name, id }: JournalEntry): Promise<boolean> {
  switch (EIP712_SCHEMA.documents[name].verifyingContract) {
    case "MigrationLedger":
      return ask(ledger.isRevoked(cloud, id));
    case "ChargingLedger":
      return (await ask(charging.isWithdrawn(cloud, id))) || (await ask(charging.isPosted(id)));
    default:
      return false;
  }
}

async function requireNoContradiction(
  { journal, cloud }: SigningDeskOptions,
  federation: Federation,
  headMs: bigint,
  draft: Draft,
): Promise<void> {
  const signed = new Map<string, JournalEntry>();
  for (const entry of draft.subjects.flatMap((subject) => journal.entriesAbout(subject))) {
    if (contradicts(entry, draft) && BigInt(entry.usableUntil) >= headMs) signed.set(entry.id, entry);
  }
  for (const entry of signed.values()) {
    if (await isOver(federation, cloud, entry)) continue;
    const remedy = isRevocable(entry.name) ? `until ${entry.usableUntil}: revoke it first` : "and cannot be revoked";
    throw new BusError(
      "CONTRADICTION",
      `${entry.name} ${entry.id} was signed about the same and can be brought ${remedy}`,
    );
  }
}
