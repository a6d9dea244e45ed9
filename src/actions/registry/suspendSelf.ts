import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The account suspends its own cloud, until its recovery address or governance lifts it.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function suspendSelf(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.registry, "suspendSelf", [cloud], options);
}
