import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { DEFAULT_PARAMETERS } from "../parameters.js";
import AccessManager from "./AccessManager.js";
import CapacityExchange from "./CapacityExchange.js";
import CloudRegistry from "./CloudRegistry.js";

const NONE = "0x0000000000000000000000000000000000000000";

/**
 * The ledger in its three parts. Parameters: `predecessor`, the ledger from which VMs may be taken over; `limits`, the
 * governed time limits in seconds.
 */
export default buildModule("MigrationLedger", (m) => {
  const { authority } = m.useModule(AccessManager);
  const { registry } = m.useModule(CloudRegistry);
  const { exchange } = m.useModule(CapacityExchange);
  const shared = [authority, registry, exchange, m.getParameter("predecessor", NONE)];
  const exits = m.contract("MigrationLedgerExits", shared);
  const changes = m.contract("MigrationLedgerChanges", shared);
  const limits = m.getParameter("limits", { ...DEFAULT_PARAMETERS });
  return { ledger: m.contract("MigrationLedger", [...shared, exits, changes, limits]), exits, changes };
});
