import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Gives a feature bit its meaning. A bit is named once; a mistake is retired and another bit named.
 * @param bit The bit: 0 to 127 are declared by clouds, 128 to 255 attested.
 * @param name The meaning, 1 to 64 visible ASCII characters; not that of another bit in use.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setFeature(federation: Federation, bit: number, name: string, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.exchange, "setFeature", [bit, name], options);
}
