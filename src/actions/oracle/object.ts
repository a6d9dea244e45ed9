import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicAgreement } from "../../documents/hash.js";
import type { Agreement, PublicAgreement } from "../../documents/types.js";

/**
 * The side that did not claim (account or agent with REPORT) objects, in time. Its event is the request to the witnesses.
 * @param agreement The stay's agreement, which says who the witnesses are.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function object(
  federation: Federation,
  vm: string,
  sequence: number,
  window: number,
  agreement: Agreement | PublicAgreement,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.oracle, "object", [vm, sequence, window, publicAgreement(agreement)], options);
}
