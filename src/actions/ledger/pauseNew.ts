import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Refuses new business for 72 hours at most, once in 30 days. Restricted to the guardian.
 * @param duration In seconds.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function pauseNew(federation: Federation, duration: bigint, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "pauseNew", [duration], options);
}
