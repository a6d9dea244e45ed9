import { readFileSync } from "node:fs";
import { expect } from "chai";

describe("Code size", function () {
  for (const name of ["MigrationLedger", "MigrationLedgerExits", "MigrationLedgerChanges"]) {
    it(`${name} fits into 24,576 bytes`, function () {
      const artifact = JSON.parse(readFileSync(`artifacts/contracts/ledger/${name}.sol/${name}.json`, "utf8")) as {
        deployedBytecode: string;
      };
      expect(artifact.deployedBytecode.length / 2 - 1).to.be.within(1, 24_575);
    });
  }
});
