import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Lets a node of an independent operator in, for thirty days. Restricted: governance; elsewhere propose it.
 * @param validator The node's address.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function inviteValidator(federation: Federation, validator: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.validators, "inviteValidator", [validator], options);
}
