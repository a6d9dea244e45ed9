import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Names the ledger that may take over VMs. Restricted.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setSuccessor(federation: Federation, successor: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.ledger, "setSuccessor", [successor], options);
}
