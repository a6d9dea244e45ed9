import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Expels a member. Its keys still work: it can bring its VMs home, claim and settle. Restricted: governance.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function expel(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.registry, "expel", [cloud], options);
}
