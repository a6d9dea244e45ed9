import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICapacityExchange } from "../../typechain/contracts/exchange/CapacityExchange.js";

/**
 * Makes an offer for a site, or replaces the one there.
 * @param cloud The cloud.
 * @param site Its site.
 * @param offered The offer. Its features are declared ones, each with a meaning and not retired.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function offer(
  federation: Federation,
  cloud: number,
  site: number,
  offered: ICapacityExchange.OfferStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.exchange, "offer", [cloud, site, offered], options);
}
