import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Posts a completed move: kept for source and destination. Anyone may, once for all VMs of the move.
 * @param vm One of its VMs.
 * @param sequence Number of the stay that began with it.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function postMove(federation: Federation, vm: string, sequence: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.reputation, "postMove", [vm, sequence], options);
}
