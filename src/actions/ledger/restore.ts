import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The home takes a stopped VM up again, at home.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function restore(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "restore", [vm], options);
}
