import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Move, PublicAgreement } from "../../documents/types.js";
import { type RevertError, decodeRevert } from "../../errors/revert.js";

/**
 * The first refusal that `agree` would give for a document, its signatures left aside.
 * @returns The very error; undefined if there is none.
 */
export async function canAgree(
  federation: Federation,
  document: Move | Move<PublicAgreement>,
): Promise<RevertError | undefined> {
  const refusal = await ask(federation.ledger.canAgree(asPublicMove(document)));
  return refusal === "0x" ? undefined : decodeRevert(refusal);
}
