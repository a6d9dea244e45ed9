import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import SlaOracle from "./SlaOracle.js";

/** Who owes whom. */
export default buildModule("ChargingLedger", (m) => {
  const { oracle } = m.useModule(SlaOracle);
  return { charging: m.contract("ChargingLedger", [oracle]) };
});
