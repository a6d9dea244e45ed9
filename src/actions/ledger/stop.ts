import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The home ends the stay of a VM that is abroad. Its account or an agent with MOVE_OUT sends.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function stop(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "stop", [vm], options);
}
