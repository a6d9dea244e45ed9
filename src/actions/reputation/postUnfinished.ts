import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicAgreement } from "../../documents/hash.js";
import type { Agreement, PublicAgreement } from "../../documents/types.js";

/**
 * Posts a move that did not complete: unfinished for those for whom the migration ledger says so. Anyone may, once.
 * @param number Agreement number.
 * @param agreement The agreement, which names the parties. Who lost it finds it in the event `MoveAgreed`.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function postUnfinished(
  federation: Federation,
  number: number | bigint,
  agreement: Agreement | PublicAgreement,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.reputation, "postUnfinished", [number, publicAgreement(agreement)], options);
}
