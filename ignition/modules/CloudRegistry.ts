import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import AccessManager from "./AccessManager.js";

/** The clouds. Parameter `founders`: the first members, as `ICloudRegistry.Candidate`. */
export default buildModule("CloudRegistry", (m) => {
  const { authority } = m.useModule(AccessManager);
  return { registry: m.contract("CloudRegistry", [authority, m.getParameter("founders", [])]) };
});
