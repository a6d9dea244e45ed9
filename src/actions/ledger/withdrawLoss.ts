import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The home takes its declaration back.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function withdrawLoss(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "withdrawLoss", [vm], options);
}
