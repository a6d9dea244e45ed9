import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";

/**
 * Under which agreement a stay runs or ran.
 * @returns Agreement number and id; 0 and the zero hash for none.
 * @throws RevertError `MigrationLedger_UnknownStay`.
 */
export async function agreementOf(
  federation: Federation,
  vm: string,
  sequence: number,
): Promise<{ readonly number: number; readonly agreement: string }> {
  const found = await ask(federation.ledger.agreementOf(vm, sequence));
  return { number: Number(found.number), agreement: found.agreement };
}
