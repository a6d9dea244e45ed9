import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes an offer back. What is already promised stays promised.
 * @param cloud The cloud.
 * @param site Its site.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function withdrawOffer(
  federation: Federation,
  cloud: number,
  site: number,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.exchange, "withdrawOffer", [cloud, site], options);
}
