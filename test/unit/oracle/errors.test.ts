import { readFileSync, readdirSync } from "node:fs";

import { expect } from "chai";

import { ISlaOracle__factory } from "../../../src/typechain/factories/contracts/oracle/ISlaOracle__factory.js";

/** Tests in which an error of the oracle is tripped by name and arguments. */
const FOLDER = "test/unit/oracle";

const text = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".test.ts") && file !== "errors.test.ts")
  .map((file) => readFileSync(`${FOLDER}/${file}`, "utf8"))
  .join("\n");

describe("Errors of the SlaOracle", function () {
  for (const item of ISlaOracle__factory.abi) {
    if (item.type !== "error") continue;
    it(`${item.name} is tripped by a test`, function () {
      expect(text).to.contain(`"${item.name}"`);
    });
  }
});
