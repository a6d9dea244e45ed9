import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicAgreement, structHash } from "../../documents/hash.js";
import type { Agreement, Price, PublicAgreement, Terms } from "../../documents/types.js";
import type { OpenedPrice } from "../../signing/disclosure.js";

/** A stay with what its charge is computed from. */
export interface StayToSettle {
  readonly vm: string;
  /** Number of the stay. */
  readonly sequence: number;
  /** Its agreement, in its full or its public form. */
  readonly agreement: Agreement | PublicAgreement;
  /** Its terms, or its price with the hash of its SLA: only the price is shown to the chain. */
  readonly terms: Terms | OpenedPrice;
}

/** What the contract takes of a stay's documents: agreement, price, hash of the SLA. */
export function openingOf({
  agreement,
  terms,
}: Pick<StayToSettle, "agreement" | "terms">): readonly [PublicAgreement, Price, string] {
  const sla = "slaHash" in terms ? terms.slaHash : structHash("Sla", terms.sla);
  return [publicAgreement(agreement), terms.price, sla];
}

/**
 * Charges a stay up to a time, or to its end where that is earlier. Any order, any number of times, comes to the same.
 * The price is on the chain from then on.
 * @param by The cloud that sends: home or host.
 * @param to Up to when, in milliseconds, not in the future.
 * @returns The mined transaction with its events; without `StaySettled` if nothing was to be posted.
 * @throws RevertError with the contract's error by name.
 */
export function settle(
  federation: Federation,
  stay: StayToSettle,
  by: number,
  to: bigint,
  options?: SendOptions,
): Promise<Sent> {
  const args = [stay.vm, stay.sequence, to, by, ...openingOf(stay)];
  return send(federation, federation.charging, "settle", args, options);
}
