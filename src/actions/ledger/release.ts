import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The host ends the stay of a VM that is abroad after its notice has run out.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function release(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "release", [vm], options);
}
