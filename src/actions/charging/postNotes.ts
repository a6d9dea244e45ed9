import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { Note } from "../../documents/types.js";

/**
 * Posts 1 to 16 notes, all or none. Anyone may bring them; those of a netting only with their whole round.
 * @param signatures For each note of the creditor's, then the debtor's account.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function postNotes(
  federation: Federation,
  notes: readonly Note[],
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.charging, "postNotes", [[...notes], [...signatures]], options);
}
