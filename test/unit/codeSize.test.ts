import { expect } from "chai";
import hre from "hardhat";

const CONTRACTS = [
  "CapacityExchange",
  "ChargingLedger",
  "CloudRegistry",
  "MigrationLedger",
  "MigrationLedgerChanges",
  "MigrationLedgerExits",
  "SlaOracle",
  "ReputationLedger",
];

// Coverage compiles its counters into the code, which then is bigger than what is released.
const suite = hre.globalOptions.coverage ? describe.skip : describe;

suite("Code size", function () {
  for (const name of CONTRACTS) {
    it(`${name} fits into 24,576 bytes`, async function () {
      const { deployedBytecode } = await hre.artifacts.readArtifact(name);

      expect(deployedBytecode.length / 2 - 1).to.be.within(1, 24_575);
    });
  }
});
