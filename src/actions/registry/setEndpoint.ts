import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Says where a cloud is reached. The account only: whoever answers there is believed to be the cloud.
 * @param cloud The cloud.
 * @param endpoint URI, at most 256 bytes.
 * @param spkiHash SHA-256 of the endpoint's public key.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setEndpoint(
  federation: Federation,
  cloud: number,
  endpoint: string,
  spkiHash: string,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.registry, "setEndpoint", [cloud, endpoint, spkiHash], options);
}
