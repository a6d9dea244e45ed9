import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicEvacuation } from "../../documents/hash.js";
import type { Evacuation, PublicAgreement } from "../../documents/types.js";

/**
 * Takes VMs of a lost host up elsewhere, after the governed wait (none if the host is Suspended or Expelled) and at
 * most 24 hours after the declaration. Anyone may bring it.
 * @param document The evacuation.
 * @param signatures Of home, then destination.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function evacuate(
  federation: Federation,
  document: Evacuation | Evacuation<PublicAgreement>,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "evacuate", [publicEvacuation(document), [...signatures]], options);
}
