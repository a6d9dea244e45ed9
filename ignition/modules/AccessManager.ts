import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** Who may call which restricted function. The deployer is its first administrator, until `Federation` hands that on. */
export default buildModule("AccessManager", (m) => ({
  authority: m.contract("AccessManager", [m.getAccount(0)]),
}));
