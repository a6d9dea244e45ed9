import { TypedDataEncoder, concat, id, keccak256 } from "ethers";

import { structHash } from "../documents/hash.js";
import { publicAgreementId } from "../documents/publicHash.js";
import { typesOf } from "../documents/schema.js";
import type { Price, PublicAgreement, Sla, Terms } from "../documents/types.js";

/** A price shown to someone who need not see the SLA. */
export interface OpenedPrice {
  readonly price: Price;
  /** Struct hash of the SLA, which its salt hides. */
  readonly slaHash: string;
}

/** An SLA shown to someone who need not see the price. */
export interface OpenedSla {
  readonly sla: Sla;
  /** Struct hash of the price, which its salt hides. */
  readonly priceHash: string;
}

/** Opens the price of terms, not the SLA. */
export function openPrice(terms: Terms): OpenedPrice {
  return { price: terms.price, slaHash: structHash("Sla", terms.sla) };
}

/** Opens the SLA of terms, not the price. */
export function openSla(terms: Terms): OpenedSla {
  return { sla: terms.sla, priceHash: structHash("Price", terms.price) };
}

function termsHashOf(priceHash: string, slaHash: string): string {
  return keccak256(concat([id(TypedDataEncoder.from(typesOf("Terms")).encodeType("Terms")), priceHash, slaHash]));
}

function holds(agreement: PublicAgreement, id: string, termsHash: () => string): boolean {
  try {
    return publicAgreementId(agreement) === id && termsHash() === agreement.terms;
  } catch {
    // What cannot be hashed was not signed.
    return false;
  }
}

/**
 * Whether an opened price is the one under which an agreement was made.
 * @param agreement The agreement's public form, as the party shows it or the chain's event tells it.
 * @param agreementId The id that the chain has: of `agreementOf`, or of the event.
 */
export function verifyPrice(opened: OpenedPrice, agreement: PublicAgreement, agreementId: string): boolean {
  return holds(agreement, agreementId, () => termsHashOf(structHash("Price", opened.price), opened.slaHash));
}

/** Whether an opened SLA is the one under which an agreement was made. Parameters as for {@link verifyPrice}. */
export function verifySla(opened: OpenedSla, agreement: PublicAgreement, agreementId: string): boolean {
  return holds(agreement, agreementId, () => termsHashOf(opened.priceHash, structHash("Sla", opened.sla)));
}
