import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The home's account ends a VM for good: at home, or stopped and after the retention period.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function terminate(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "terminate", [vm], options);
}
