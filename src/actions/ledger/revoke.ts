import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Withdraws a cloud's signature under a document that is not accepted yet.
 * @param by The cloud: its account or an agent with MOVE_OUT or HOST sends.
 * @param document Id (EIP-712 struct hash) of the document.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function revoke(federation: Federation, by: number, document: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "revoke", [by, document], options);
}
