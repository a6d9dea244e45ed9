import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Refuses new business for good; exits go on. Restricted.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function closeForNew(federation: Federation, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "closeForNew", [], options);
}
