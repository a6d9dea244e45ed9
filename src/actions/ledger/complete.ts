import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Handover, Move, PublicAgreement } from "../../documents/types.js";

/**
 * Completes a started move, until `completeBy`: the switch. Anyone may bring it.
 * @param document The move.
 * @param handover What was handed over.
 * @param signatures Of destination, then source.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function complete(
  federation: Federation,
  document: Move | Move<PublicAgreement>,
  handover: Handover,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "complete", [asPublicMove(document), handover, [...signatures]], options);
}
