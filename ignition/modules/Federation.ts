import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { RESTRICTED, ROLES, type RestrictedContract, type RoleName, selectorsOf } from "../roles.js";
import AccessManager from "./AccessManager.js";
import CapacityExchange from "./CapacityExchange.js";
import ChargingLedger from "./ChargingLedger.js";
import CloudRegistry from "./CloudRegistry.js";
import MigrationLedger from "./MigrationLedger.js";
import ReputationLedger from "./ReputationLedger.js";
import SlaOracle from "./SlaOracle.js";

/**
 * A whole federation. Parameters: `governance`, `guardian` and `attester`, the accounts that hold these roles until a
 * governor does. The deployer keeps no power: administration goes to `governance`, which must be another account, since
 * the deployer renounces it at the end.
 */
export default buildModule("Federation", (m) => {
  const deployer = m.getAccount(0);
  const governance = m.getParameter<string>("governance");
  const guardian = m.getParameter<string>("guardian");
  const attester = m.getParameter<string>("attester");
  const { authority } = m.useModule(AccessManager);
  const { registry } = m.useModule(CloudRegistry);
  const { exchange } = m.useModule(CapacityExchange);
  const { ledger, exits, changes } = m.useModule(MigrationLedger);
  const { oracle } = m.useModule(SlaOracle);
  const { charging } = m.useModule(ChargingLedger);
  const { reputation } = m.useModule(ReputationLedger);
  const targets = {
    CloudRegistry: registry,
    CapacityExchange: exchange,
    MigrationLedger: ledger,
    SlaOracle: oracle,
    ReputationLedger: reputation,
  };

  const steps = [];
  for (const contract of Object.keys(RESTRICTED) as RestrictedContract[]) {
    for (const role of Object.keys(RESTRICTED[contract]) as RoleName[]) {
      steps.push(
        m.call(authority, "setTargetFunctionRole", [targets[contract], selectorsOf(contract, role), ROLES[role]], {
          id: `restrict_${contract}_${role}`,
        }),
      );
    }
  }
  const grant = (role: RoleName, account: typeof governance | typeof ledger) =>
    m.call(authority, "grantRole", [ROLES[role], account, 0], { id: `grant_${role}` });
  steps.push(grant("GOVERNANCE", governance), grant("GUARDIAN", guardian), grant("ATTESTER", attester));
  steps.push(grant("LEDGER", ledger));
  const admin = m.call(authority, "grantRole", [ROLES.ADMIN, governance, 0], { id: "grant_ADMIN", after: steps });
  m.call(authority, "renounceRole", [ROLES.ADMIN, deployer], { id: "renounce_ADMIN", after: [admin] });

  return { authority, registry, exchange, ledger, exits, changes, oracle, charging, reputation };
});
