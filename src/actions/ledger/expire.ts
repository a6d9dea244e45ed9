import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Move, PublicAgreement } from "../../documents/types.js";

/**
 * Ends a move whose deadline has passed: `startBy` if not started, `completeBy` if started. Anyone may.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function expire(
  federation: Federation,
  document: Move | Move<PublicAgreement>,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "expire", [asPublicMove(document)], options);
}
