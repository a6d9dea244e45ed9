import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { Resources } from "../../documents/types.js";

/**
 * Registers a VM at its home; its first stay begins now.
 * @param home The cloud that owns it: Active, its account or an agent with MOVE_OUT sends.
 * @param localId The home's own id of the VM, salted and hashed so that nobody can guess it.
 * @param resources What it has at home.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function register(
  federation: Federation,
  home: number,
  localId: string,
  resources: Resources,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "register", [home, localId, resources], options);
}
