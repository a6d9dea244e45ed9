import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import AccessManager from "./AccessManager.js";
import CloudRegistry from "./CloudRegistry.js";

/** The offers. */
export default buildModule("CapacityExchange", (m) => {
  const { authority } = m.useModule(AccessManager);
  const { registry } = m.useModule(CloudRegistry);
  return { exchange: m.contract("CapacityExchange", [authority, registry]) };
});
