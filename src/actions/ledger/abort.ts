import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Move, PublicAgreement } from "../../documents/types.js";

/**
 * A party gives up an open move; the VMs are as before.
 * @param document The move.
 * @param by Home (account or MOVE_OUT), source or destination (account or HOST).
 * @param reason Why.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function abort(
  federation: Federation,
  document: Move | Move<PublicAgreement>,
  by: number,
  reason: number,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "abort", [asPublicMove(document), by, reason], options);
}
