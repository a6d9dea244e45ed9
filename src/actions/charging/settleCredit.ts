import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicAgreement } from "../../documents/hash.js";
import type { Agreement, PublicAgreement, SaltedMetrics, Terms } from "../../documents/types.js";

/** A window with what its credit is computed from. */
export interface WindowToCredit {
  readonly vm: string;
  /** Number of the stay. */
  readonly sequence: number;
  /** Number of the window, from 0. */
  readonly window: number;
  /** The stay's agreement, in its full or its public form. */
  readonly agreement: Agreement | PublicAgreement;
  /** Its terms: price and SLA are both shown to the chain. */
  readonly terms: Terms;
  /** Its result: opened where it was agreed, as it stands with a salt of zero otherwise. */
  readonly result: SaltedMetrics;
}

/**
 * Credits a window by its final result, or takes back what a note has replaced since.
 * @param by The cloud that sends: home or host.
 * @returns The mined transaction with its events; without `CreditSettled` if nothing was to be posted.
 * @throws RevertError with the contract's error by name.
 */
export function settleCredit(
  federation: Federation,
  { vm, sequence, window, agreement, terms, result }: WindowToCredit,
  by: number,
  options?: SendOptions,
): Promise<Sent> {
  const args = [vm, sequence, window, by, publicAgreement(agreement), terms.price, terms.sla, result];
  return send(federation, federation.charging, "settleCredit", args, options);
}
