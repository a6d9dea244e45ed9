import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { DEFAULT_VALIDATOR_PARAMETERS } from "../parameters.js";
import AccessManager from "./AccessManager.js";
import CloudRegistry from "./CloudRegistry.js";

/**
 * The validators. Parameters: `initial`, those of the first block as `IValidatorSet.InitialValidator` (cloud 0: an
 * independent operator's); `parameters`, as `IValidatorSet.Parameters`.
 */
export default buildModule("ValidatorSet", (m) => {
  const { authority } = m.useModule(AccessManager);
  const { registry } = m.useModule(CloudRegistry);
  const initial = m.getParameter("initial");
  const parameters = m.getParameter("parameters", { ...DEFAULT_VALIDATOR_PARAMETERS });
  return { validators: m.contract("ValidatorSet", [authority, registry, initial, parameters]) };
});
