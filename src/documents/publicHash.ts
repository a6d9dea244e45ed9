import { TypedDataEncoder, concat, id, keccak256, toBeHex } from "ethers";

import { type Domain, structHash } from "./hash.js";
import { EIP712_TYPES, typesOf } from "./schema.js";
import type { Amendment, Evacuation, MigrationRecord, Move, PublicAgreement } from "./types.js";

/** What stands on chain of the documents about an agreement, by their EIP-712 primary type. */
export interface PublicDocuments {
  readonly Agreement: PublicAgreement;
  readonly Move: Move<PublicAgreement>;
  readonly Record: MigrationRecord<PublicAgreement>;
  readonly Amendment: Amendment<PublicAgreement>;
  readonly Evacuation: Evacuation<PublicAgreement>;
}

type PublicName = keyof PublicDocuments;

const word = (value: bigint | number): string => toBeHex(value, 32);

function hashStruct(name: PublicName, words: readonly string[]): string {
  const typeHash = id(TypedDataEncoder.from(typesOf(name)).encodeType(name));
  return keccak256(concat([typeHash, ...words]));
}

function hashAll(name: "Line" | "Receipt", values: readonly object[]): string {
  return keccak256(concat(values.map((value) => structHash(name, value))));
}

/** Id of an agreement of which only the public form is known, as for a document read from the chain. */
export function publicAgreementId(agreement: PublicAgreement): string {
  return hashStruct(
    "Agreement",
    EIP712_TYPES.Agreement.map(({ name }) => {
      if (name === "lines") return hashAll("Line", agreement.lines);
      const value = agreement[name as Exclude<keyof PublicAgreement, "lines">];
      return typeof value === "string" ? value : word(value);
    }),
  );
}

const HASHERS: { readonly [N in PublicName]: (document: PublicDocuments[N]) => string } = {
  Agreement: publicAgreementId,
  Move: ({ agreement, startBy, completeBy }) =>
    hashStruct("Move", [publicAgreementId(agreement), word(startBy), word(completeBy)]),
  Record: ({ agreement, receipts }) =>
    hashStruct("Record", [publicAgreementId(agreement), hashAll("Receipt", receipts)]),
  Amendment: ({ agreement }) => hashStruct("Amendment", [publicAgreementId(agreement)]),
  Evacuation: ({ agreement }) => hashStruct("Evacuation", [publicAgreementId(agreement)]),
};

/** Id of a document of which only the public form is known: the same as `documentId` of the full one. */
export function publicDocumentId<N extends PublicName>(name: N, document: PublicDocuments[N]): string {
  return HASHERS[name](document);
}

/** What is signed for a document, from its id. */
export function digestOfId(domain: Domain, documentId: string): string {
  return keccak256(concat(["0x1901", TypedDataEncoder.hashDomain(domain), documentId]));
}
