import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes a validator out, whoever it belongs to, unless it is the last one. Restricted: governance; elsewhere propose it.
 * @param validator The node's address.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function removeValidator(federation: Federation, validator: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.validators, "removeValidator", [validator], options);
}
