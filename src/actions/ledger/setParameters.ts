import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ParametersStruct } from "../../typechain/contracts/ledger/MigrationLedger.js";

/**
 * Sets the governed limits. Restricted.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setParameters(
  federation: Federation,
  parameters: ParametersStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "setParameters", [parameters], options);
}
