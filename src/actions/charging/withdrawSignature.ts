import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * A cloud withdraws its signature under a note or a joint settlement that was not brought yet.
 * @param cloud The cloud whose account, or agent with REPORT, sends.
 * @param document The document's id: see `documentId`.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function withdrawSignature(
  federation: Federation,
  cloud: number,
  document: string,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.charging, "withdrawSignature", [cloud, document], options);
}
