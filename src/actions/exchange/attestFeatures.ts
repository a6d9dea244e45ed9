import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Replaces the attested features of a site. An attestation needs no offer, and outlives one.
 * @param cloud The cloud, in any status.
 * @param site Its site.
 * @param bits All features that are attested from now on, each at 128 or above, with a meaning and not retired.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function attestFeatures(
  federation: Federation,
  cloud: number,
  site: number,
  bits: bigint,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.exchange, "attestFeatures", [cloud, site, bits], options);
}
