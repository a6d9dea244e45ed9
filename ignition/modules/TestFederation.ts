import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { federate } from "../federate.js";

/**
 * A whole federation for tests and demonstrations, in which one account governs and no vote is needed. Parameters:
 * `governance`, that account, which must not be the deployer; `guardian` and `attester`. The governor is deployed but
 * holds no role: that is how the chain shows that this is no real federation. Give `FederationGovernor` its `isTest`, too.
 */
export default buildModule("TestFederation", (m) => federate(m, m.getParameter("governance")));
