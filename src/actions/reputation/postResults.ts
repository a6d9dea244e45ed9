import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicAgreement } from "../../documents/hash.js";
import type { Agreement, PublicAgreement, SaltedMetrics } from "../../documents/types.js";
import type { OpenedSla } from "../../signing/disclosure.js";

/** The final result of a window, opened. */
export interface OpenedResult {
  readonly window: number;
  /** Metrics and salt of an agreed result; of a claimed or witnessed one its metrics, with the salt zero. */
  readonly opening: SaltedMetrics;
}

/** Gas for 64 results. */
const DEFAULT_GAS = 8_000_000n;

/**
 * Posts final results of windows of one stay, all or none: each is kept for the host if nothing promised was missed, else
 * broken. Anyone may, once. From then on the SLA and the windows' metrics can be read in the transaction; the price stays
 * closed.
 * @param sequence Number of the stay.
 * @param agreement Its agreement.
 * @param sla The agreement's SLA, opened: `openSla`.
 * @param results 1 to 64 results.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function postResults(
  federation: Federation,
  { vm, sequence }: { readonly vm: string; readonly sequence: number },
  agreement: Agreement | PublicAgreement,
  { sla, priceHash }: OpenedSla,
  results: readonly OpenedResult[],
  options?: SendOptions,
): Promise<Sent> {
  const windows = results.map(({ window }) => window);
  const openings = results.map(({ opening }) => opening);
  const args = [vm, sequence, publicAgreement(agreement), sla, priceHash, windows, openings];
  return send(federation, federation.reputation, "postResults", args, { gasLimit: DEFAULT_GAS, ...options });
}
