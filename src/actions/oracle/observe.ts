import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { Observation, Witnesses } from "../../documents/types.js";

/**
 * Brings one witness's observation of a window under objection, in time. Anyone may bring it.
 * @param witnesses The witnesses of the agreement.
 * @param signature Of one of them.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function observe(
  federation: Federation,
  observation: Observation,
  witnesses: Witnesses,
  signature: string,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.oracle, "observe", [observation, witnesses, signature], options);
}
