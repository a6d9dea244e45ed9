import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The host, if Active, shows that it is still there.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function contestLoss(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "contestLoss", [vm], options);
}
