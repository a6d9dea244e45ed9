/** Writes the ABIs that the package publishes to `abi/`, and empties `dist/`, so that nothing old is published. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { AccessManager__factory } from "../src/typechain/factories/@openzeppelin/contracts/access/manager/AccessManager__factory.js";
import { CapacityExchange__factory } from "../src/typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { FederationGovernor__factory } from "../src/typechain/factories/contracts/governance/FederationGovernor__factory.js";
import { ValidatorSet__factory } from "../src/typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { MigrationLedger__factory } from "../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { CloudRegistry__factory } from "../src/typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { asJson } from "./generated/file.js";

const ABIS = {
  AccessManager: AccessManager__factory.abi,
  CloudRegistry: CloudRegistry__factory.abi,
  CapacityExchange: CapacityExchange__factory.abi,
  MigrationLedger: MigrationLedger__factory.abi,
  ValidatorSet: ValidatorSet__factory.abi,
  FederationGovernor: FederationGovernor__factory.abi,
};

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(join(root, "dist"), { recursive: true, force: true });
mkdirSync(join(root, "abi"), { recursive: true });
for (const [name, abi] of Object.entries(ABIS)) writeFileSync(join(root, "abi", `${name}.json`), asJson(abi));
