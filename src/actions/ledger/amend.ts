import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicAmendment } from "../../documents/hash.js";
import type { Amendment, PublicAgreement } from "../../documents/types.js";

/**
 * New resources or terms for VMs on the same host. Anyone may bring it.
 * @param document The amendment.
 * @param signatures Of home, then host.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function amend(
  federation: Federation,
  document: Amendment | Amendment<PublicAgreement>,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "amend", [publicAmendment(document), [...signatures]], options);
}
