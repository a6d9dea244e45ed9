import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Suspends a member until governance lifts it: makes a suspension of the guardian, lapsed or not, or of the cloud
 * itself last. It does not count as the guardian's any more. Restricted: governance.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function confirmSuspension(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.registry, "confirmSuspension", [cloud], options);
}
