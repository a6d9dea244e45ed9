import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes a cloud's validator out, while four remain. Its account sends.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function retireValidator(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.validators, "retireValidator", [cloud], options);
}
