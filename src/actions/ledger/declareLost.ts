import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The home declares that the host of its VM is gone.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function declareLost(federation: Federation, vm: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "declareLost", [vm], options);
}
