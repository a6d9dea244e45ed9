import { readFileSync, readdirSync } from "node:fs";

import { expect } from "chai";

import { IMigrationLedger__factory } from "../../../src/typechain/factories/contracts/ledger/IMigrationLedger__factory.js";

/** Tests in which an error of the ledger is tripped by name and arguments. */
const FOLDERS = ["test/unit/ledger", "test/attacks"];

const text = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".test.ts") && file !== "errors.test.ts")
    .map((file) => readFileSync(`${folder}/${file}`, "utf8")),
).join("\n");

describe("Errors of the MigrationLedger", function () {
  for (const item of IMigrationLedger__factory.abi) {
    if (item.type !== "error") continue;
    it(`${item.name} is tripped by a test`, function () {
      expect(text).to.contain(`"${item.name}"`);
    });
  }
});
