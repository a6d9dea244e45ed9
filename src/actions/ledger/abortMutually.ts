import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Move, MutualAbort, PublicAgreement } from "../../documents/types.js";

/**
 * Source and destination give up an open move together: it counts for nobody. Anyone may bring it.
 * @param document The move.
 * @param consent What they signed.
 * @param signatures Of source, then destination.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function abortMutually(
  federation: Federation,
  document: Move | Move<PublicAgreement>,
  consent: MutualAbort,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(
    federation,
    federation.ledger,
    "abortMutually",
    [asPublicMove(document), consent, [...signatures]],
    options,
  );
}
