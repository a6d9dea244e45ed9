import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Ends a pause early. Restricted.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function resumeNew(federation: Federation, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "resumeNew", [], options);
}
