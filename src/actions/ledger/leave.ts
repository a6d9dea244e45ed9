import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * A cloud leaves the federation. Its account sends. It must host no foreign VM, have no own VM abroad and no open
 * move, here and on the predecessor.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function leave(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "leave", [cloud], options);
}
