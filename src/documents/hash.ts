import { type Signer, TypedDataEncoder, type TypedDataDomain } from "ethers";

import { type StructName, typesOf } from "./schema.js";
import type {
  AgreedReport,
  Agreement,
  Amendment,
  DocumentName,
  Documents,
  Evacuation,
  MigrationRecord,
  Move,
  PublicAgreement,
  SaltedMetrics,
  Terms,
  Witnesses,
} from "./types.js";

/** EIP-712 domain of one contract on one chain. */
export interface Domain extends TypedDataDomain {
  readonly name: "BlockchainBus";
  readonly version: "1";
  readonly chainId: bigint;
  readonly verifyingContract: string;
}

/** Domain of a contract: of which one for which document, `EIP712_SCHEMA` says. */
export function domainOf(chainId: bigint, verifyingContract: string): Domain {
  return { name: "BlockchainBus", version: "1", chainId, verifyingContract };
}

/** EIP-712 struct hash. */
export function structHash(name: StructName, value: object): string {
  return TypedDataEncoder.hashStruct(name, typesOf(name), value);
}

/** Id of an agreement: its struct hash. */
export function agreementId(agreement: Agreement): string {
  return structHash("Agreement", agreement);
}

/** Id of a document: its struct hash. It is what a handover refers to and what `revoke` takes. */
export function documentId<N extends DocumentName>(name: N, document: Documents[N]): string {
  return structHash(name, document);
}

/** What is signed: the EIP-712 digest. */
export function documentDigest<N extends DocumentName>(domain: Domain, name: N, document: Documents[N]): string {
  return TypedDataEncoder.hash(domain, typesOf(name), document);
}

/** A signer's signature under a document, without any check: see `signing/` for a desk that checks and journals. */
export function signDocument<N extends DocumentName>(
  signer: Signer,
  domain: Domain,
  name: N,
  document: Documents[N],
): Promise<string> {
  return signer.signTypedData(domain, typesOf(name), document);
}

/** Struct hash of the terms, which is all the chain sees of them. */
export function termsHash(terms: Terms): string {
  return structHash("Terms", terms);
}

/** Struct hash of the witnesses. */
export function witnessesHash(witnesses: Witnesses): string {
  return structHash("Witnesses", witnesses);
}

/** Struct hash of salted metrics, which is all the chain sees of an agreed result. */
export function saltedMetricsHash(metrics: SaltedMetrics): string {
  return structHash("SaltedMetrics", metrics);
}

/** An agreed report as the chain takes it: without the metrics. */
export function publicReport(report: AgreedReport): AgreedReport<string> {
  return { ...report, metrics: saltedMetricsHash(report.metrics) };
}

/** The agreement as the chain takes it: without price, SLA and witnesses. One that is in this form already stays so. */
export function publicAgreement(agreement: Agreement | PublicAgreement): PublicAgreement {
  const { witnesses, terms } = agreement;
  return {
    ...agreement,
    witnesses: typeof witnesses === "string" ? witnesses : witnessesHash(witnesses),
    terms: typeof terms === "string" ? terms : termsHash(terms),
  };
}

/** A document about an agreement as the chain takes it. */
export function publicMove(move: Move): Move<PublicAgreement> {
  return { ...move, agreement: publicAgreement(move.agreement) };
}

/** A document about an agreement as the chain takes it. */
export function publicRecord(
  record: MigrationRecord | MigrationRecord<PublicAgreement>,
): MigrationRecord<PublicAgreement> {
  return { ...record, agreement: publicAgreement(record.agreement) };
}

/** A document about an agreement as the chain takes it. */
export function publicAmendment(amendment: Amendment | Amendment<PublicAgreement>): Amendment<PublicAgreement> {
  return { agreement: publicAgreement(amendment.agreement) };
}

/** A document about an agreement as the chain takes it. */
export function publicEvacuation(evacuation: Evacuation | Evacuation<PublicAgreement>): Evacuation<PublicAgreement> {
  return { agreement: publicAgreement(evacuation.agreement) };
}

/** The same for a move that may be in its public form already, as it is read from the chain. */
export function asPublicMove(move: Move | Move<PublicAgreement>): Move<PublicAgreement> {
  return { ...move, agreement: publicAgreement(move.agreement) };
}

/** The same for an agreed report that may be in its public form already. */
export function asPublicReport(report: AgreedReport | AgreedReport<string>): AgreedReport<string> {
  return isFullReport(report) ? publicReport(report) : report;
}

function isFullReport(report: AgreedReport | AgreedReport<string>): report is AgreedReport {
  return typeof report.metrics !== "string";
}
