import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";

/** What is booked as credit for a window of a stay, in 1e-9 units of the stay's currency. */
export function creditOf({ charging }: Federation, vm: string, sequence: number, window: number): Promise<bigint> {
  return ask(charging.creditOf(vm, sequence, window));
}
