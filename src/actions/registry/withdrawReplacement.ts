import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes the announced replacement back. Restricted: governance.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function withdrawReplacement(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.registry, "withdrawReplacement", [cloud], options);
}
