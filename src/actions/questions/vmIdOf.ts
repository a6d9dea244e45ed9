import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";

/** The id a home's VM has or would have. */
export function vmIdOf(federation: Federation, home: number, localId: string): Promise<string> {
  return ask(federation.ledger.vmIdOf(home, localId));
}
