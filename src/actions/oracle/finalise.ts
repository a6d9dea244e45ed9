import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { Observation, Witnesses } from "../../documents/types.js";

/** An observation that was accepted, and whose it is: as the question `observationsOf` gives them. */
export interface Observed {
  readonly witness: string;
  readonly observation: Observation;
}

/**
 * Ends an objection after the time for observations, or as soon as all witnesses were heard. Anyone may.
 * @param witnesses The witnesses of the agreement. Where nobody was heard, they are not looked at.
 * @param observed All that were accepted, in any order.
 * @returns The mined transaction with its events: `WindowWitnessed`, or `WindowDisputed`.
 * @throws RevertError with the contract's error by name.
 */
export function finalise(
  federation: Federation,
  vm: string,
  sequence: number,
  window: number,
  witnesses: Witnesses,
  observed: readonly Observed[],
  options?: SendOptions,
): Promise<Sent> {
  const ascending = [...observed].sort((a, b) => (BigInt(a.witness) < BigInt(b.witness) ? -1 : 1));
  const observers = ascending.map(({ witness }) => witness);
  const observations = ascending.map(({ observation }) => observation);
  const args = [vm, sequence, window, witnesses, observers, observations];
  return send(federation, federation.oracle, "finalise", args, options);
}
