import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { federate } from "../federate.js";

/**
 * A whole federation, governed by its clouds' votes. Parameters: `guardian` and `attester`, the accounts that hold these
 * roles. Nobody else holds any: the deployer renounces its role at the end.
 */
export default buildModule("Federation", (m) => federate(m));
