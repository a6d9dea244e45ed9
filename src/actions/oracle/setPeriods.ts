import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { OraclePeriodsStruct } from "../../typechain/contracts/oracle/SlaOracle.js";

/**
 * Sets the oracle's periods for stays opened from now on, in seconds. Restricted.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setPeriods(federation: Federation, periods: OraclePeriodsStruct, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.oracle, "setPeriods", [periods], options);
}
