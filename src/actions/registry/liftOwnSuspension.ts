import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The recovery address lifts its cloud's own suspension.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function liftOwnSuspension(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.registry, "liftOwnSuspension", [cloud], options);
}
