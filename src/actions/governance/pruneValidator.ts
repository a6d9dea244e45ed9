import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes out the validator of a cloud that left or was expelled, unless it is the last one. Anyone may send.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function pruneValidator(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.validators, "pruneValidator", [cloud], options);
}
