import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes over a VM that its predecessor ended by `succeedVm`. Anyone may call.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function adopt(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "adopt", [vm], options);
}
