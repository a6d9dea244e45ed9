import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { DEFAULT_PERIODS } from "../parameters.js";
import AccessManager from "./AccessManager.js";
import MigrationLedger from "./MigrationLedger.js";

/** What was measured. Parameter `periods`: the governed periods for the first stays, in seconds. */
export default buildModule("SlaOracle", (m) => {
  const { authority } = m.useModule(AccessManager);
  const { ledger } = m.useModule(MigrationLedger);
  const periods = m.getParameter("periods", { ...DEFAULT_PERIODS });
  return { oracle: m.contract("SlaOracle", [authority, ledger, periods]) };
});
