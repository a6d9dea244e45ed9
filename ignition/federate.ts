import type { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import AccessManager from "./modules/AccessManager.js";
import CapacityExchange from "./modules/CapacityExchange.js";
import CloudRegistry from "./modules/CloudRegistry.js";
import FederationGovernor from "./modules/FederationGovernor.js";
import MigrationLedger from "./modules/MigrationLedger.js";
import ValidatorSet from "./modules/ValidatorSet.js";
import { RESTRICTED, ROLES, type RestrictedContract, type RoleName, selectorsOf } from "./roles.js";

type Builder = Parameters<Parameters<typeof buildModule>[1]>[0];
type Parameter = ReturnType<Builder["getParameter"]>;
type Holder = NonNullable<Parameters<Builder["call"]>[2]>[number];

/**
 * Deploys every contract, says who may call what, and takes the deployer's power away in the last step.
 * @param governance Who governs; the governor unless said otherwise.
 */
export function federate(m: Builder, governance?: Parameter) {
  const deployer = m.getAccount(0);
  const guardian = m.getParameter("guardian");
  const attester = m.getParameter("attester");
  const { authority } = m.useModule(AccessManager);
  const { registry } = m.useModule(CloudRegistry);
  const { validators } = m.useModule(ValidatorSet);
  const { governor } = m.useModule(FederationGovernor);
  const { exchange } = m.useModule(CapacityExchange);
  const { ledger, exits, changes } = m.useModule(MigrationLedger);
  const targets = {
    CloudRegistry: registry,
    CapacityExchange: exchange,
    MigrationLedger: ledger,
    ValidatorSet: validators,
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
  const grant = (role: RoleName, holder: Holder) =>
    m.call(authority, "grantRole", [ROLES[role], holder, 0], { id: `grant_${role}` });
  const holder = governance ?? governor;
  steps.push(grant("GOVERNANCE", holder), grant("GUARDIAN", guardian), grant("ATTESTER", attester));
  steps.push(grant("LEDGER", ledger));
  const admin = m.call(authority, "grantRole", [ROLES.ADMIN, holder, 0], { id: "grant_ADMIN", after: steps });
  m.call(authority, "renounceRole", [ROLES.ADMIN, deployer], { id: "renounce_ADMIN", after: [admin] });

  return { authority, registry, validators, governor, exchange, ledger, exits, changes };
}
