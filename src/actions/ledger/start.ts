import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Move, PublicAgreement } from "../../documents/types.js";

/**
 * The source starts an agreed move, until `startBy`. Its account or an agent with HOST sends.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function start(
  federation: Federation,
  document: Move | Move<PublicAgreement>,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "start", [asPublicMove(document)], options);
}
