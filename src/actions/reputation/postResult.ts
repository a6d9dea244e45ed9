import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicAgreement, structHash } from "../../documents/hash.js";
import type { Agreement, Price, PublicAgreement, SaltedMetrics, Sla } from "../../documents/types.js";

/** Which window of which stay. */
export interface WindowKey {
  readonly vm: string;
  readonly sequence: number;
  readonly window: number;
}

/** The SLA, opened, and of the price no more than its hash if one likes. */
export interface SlaTerms {
  readonly sla: Sla;
  /** The price, or its struct hash. The chain sees the hash only. */
  readonly price: Price | string;
}

/**
 * Posts the final result of a window: kept for the host if nothing promised was missed, else broken. Anyone may, once.
 * From then on the SLA and the window's metrics can be read in the transaction.
 * @param agreement The stay's agreement.
 * @param terms Its SLA, and its price or the price's hash.
 * @param opening The metrics and salt of an agreed result; of a claimed or witnessed one the metrics, with the salt zero.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function postResult(
  federation: Federation,
  { vm, sequence, window }: WindowKey,
  agreement: Agreement | PublicAgreement,
  { sla, price }: SlaTerms,
  opening: SaltedMetrics,
  options?: SendOptions,
): Promise<Sent> {
  const priceHash = typeof price === "string" ? price : structHash("Price", price);
  const args = [vm, sequence, window, asPublicAgreement(agreement), sla, priceHash, opening];
  return send(federation, federation.reputation, "postResult", args, options);
}
