import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { DEFAULT_REPUTATION_RULES } from "../parameters.js";
import AccessManager from "./AccessManager.js";
import SlaOracle from "./SlaOracle.js";

const NONE = "0x0000000000000000000000000000000000000000";

/**
 * What was kept and broken. Parameters: `predecessor`, the reputation ledger of the migration ledger before; `rules`, the
 * governed rules at the start.
 */
export default buildModule("ReputationLedger", (m) => {
  const { authority } = m.useModule(AccessManager);
  const { oracle } = m.useModule(SlaOracle);
  const rules = m.getParameter("rules", { ...DEFAULT_REPUTATION_RULES });
  const reputation = m.contract("ReputationLedger", [authority, oracle, m.getParameter("predecessor", NONE), rules]);
  return { reputation };
});
