import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicAgreement } from "../../documents/hash.js";
import type { Agreement, PublicAgreement, SaltedMetrics } from "../../documents/types.js";
import type { OpenedSla } from "../../signing/disclosure.js";

/** Which window of which stay. */
export interface WindowKey {
  readonly vm: string;
  readonly sequence: number;
  readonly window: number;
}

/**
 * Posts the final result of a window: kept for the host if nothing promised was missed, else broken. Anyone may, once.
 * From then on the SLA and the window's metrics can be read in the transaction; the price stays closed.
 * @param agreement The stay's agreement.
 * @param sla Its SLA, opened: `openSla`.
 * @param opening The metrics and salt of an agreed result; of a claimed or witnessed one the metrics, with the salt zero.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function postResult(
  federation: Federation,
  { vm, sequence, window }: WindowKey,
  agreement: Agreement | PublicAgreement,
  { sla, priceHash }: OpenedSla,
  opening: SaltedMetrics,
  options?: SendOptions,
): Promise<Sent> {
  const args = [vm, sequence, window, asPublicAgreement(agreement), sla, priceHash, opening];
  return send(federation, federation.reputation, "postResult", args, options);
}
