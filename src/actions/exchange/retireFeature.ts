import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes a feature bit out of use. Offers and attestations that have it keep it; new ones may not use it.
 * @param bit The bit.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function retireFeature(federation: Federation, bit: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.exchange, "retireFeature", [bit], options);
}
