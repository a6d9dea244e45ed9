import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { Succession } from "../../documents/types.js";

/**
 * Ends a VM here so that it continues on the successor. Anyone may bring it.
 * @param document The succession.
 * @param signatures Of home, then host.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function succeedVm(
  federation: Federation,
  document: Succession,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "succeedVm", [document, [...signatures]], options);
}
