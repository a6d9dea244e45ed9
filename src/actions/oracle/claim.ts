import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { Metrics } from "../../documents/types.js";

/**
 * Home or host (account or agent with REPORT) claims a window's result: final if the other side does not object in time.
 * @param by Who claims: home or host.
 * @param metrics What it measured. The whole federation can read it.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function claim(
  federation: Federation,
  vm: string,
  sequence: number,
  window: number,
  by: number,
  metrics: Metrics,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.oracle, "claim", [vm, sequence, window, by, metrics], options);
}
