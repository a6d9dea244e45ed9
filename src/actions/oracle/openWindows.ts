import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicAgreement } from "../../documents/hash.js";
import type { Agreement, PublicAgreement } from "../../documents/types.js";

/**
 * Makes the grid of a stay known, so that its windows can be reported. Anyone may, once.
 * @param sequence Number of the stay: one on another cloud than home, under an agreement.
 * @param agreement Its agreement.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function openWindows(
  federation: Federation,
  vm: string,
  sequence: number,
  agreement: Agreement | PublicAgreement,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.oracle, "openWindows", [vm, sequence, publicAgreement(agreement)], options);
}
