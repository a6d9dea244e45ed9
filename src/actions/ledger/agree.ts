import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Move, PublicAgreement } from "../../documents/types.js";

/**
 * Agrees a move. Anyone may bring it.
 * @param document The move.
 * @param signatures Of home, then destination.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function agree(
  federation: Federation,
  document: Move | Move<PublicAgreement>,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "agree", [asPublicMove(document), [...signatures]], options);
}
