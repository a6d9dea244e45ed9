import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Lifts a suspension, whoever made it. Restricted: governance.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function liftSuspension(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.registry, "liftSuspension", [cloud], options);
}
