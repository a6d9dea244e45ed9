import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { DEFAULT_GOVERNOR_PARAMETERS } from "../parameters.js";
import AccessManager from "./AccessManager.js";
import CloudRegistry from "./CloudRegistry.js";
import ValidatorSet from "./ValidatorSet.js";

/**
 * The votes. Parameters: `parameters`, as `IFederationGovernor.Parameters`; `isTest`, which lets them be shorter than a
 * real federation's and is seen on the chain for ever.
 */
export default buildModule("FederationGovernor", (m) => {
  const { authority } = m.useModule(AccessManager);
  const { registry } = m.useModule(CloudRegistry);
  const { validators } = m.useModule(ValidatorSet);
  const parameters = m.getParameter("parameters", { ...DEFAULT_GOVERNOR_PARAMETERS });
  const isTest = m.getParameter("isTest", false);
  return { governor: m.contract("FederationGovernor", [authority, registry, validators, parameters, isTest]) };
});
