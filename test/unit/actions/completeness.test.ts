import { readFileSync } from "node:fs";

import { expect } from "chai";
import { Interface, type InterfaceAbi } from "ethers";

import * as library from "../../../src/index.js";
import { ICapacityExchange__factory } from "../../../src/typechain/factories/contracts/exchange/ICapacityExchange__factory.js";
import { IMigrationLedger__factory } from "../../../src/typechain/factories/contracts/ledger/IMigrationLedger__factory.js";
import { IValidatorSet__factory } from "../../../src/typechain/factories/contracts/governance/IValidatorSet__factory.js";
import { ICloudRegistry__factory } from "../../../src/typechain/factories/contracts/registry/ICloudRegistry__factory.js";

const INTERFACES: { readonly [name: string]: InterfaceAbi } = {
  ICapacityExchange: ICapacityExchange__factory.abi,
  IMigrationLedger: IMigrationLedger__factory.abi,
  ICloudRegistry: ICloudRegistry__factory.abi,
  IValidatorSet: IValidatorSet__factory.abi,
};

describe("the library", function () {
  for (const [name, abi] of Object.entries(INTERFACES)) {
    it(`has an action for every function of ${name} that changes state`, function () {
      const functions: string[] = [];
      new Interface(abi).forEachFunction((fragment) => {
        if (!fragment.constant) functions.push(fragment.name);
      });

      expect(functions).to.not.have.length(0);
      expect(library).to.include.keys(functions);
    });
  }

  for (const [name, path] of [
    ["VmState", "ledger/IMigrationLedger.sol"],
    ["MoveState", "ledger/IMigrationLedger.sol"],
    ["DocumentKind", "ledger/IMigrationLedger.sol"],
    ["AbortReason", "ledger/IMigrationLedger.sol"],
    ["Duty", "ledger/IMigrationLedger.sol"],
    ["CloudStatus", "registry/ICloudRegistry.sol"],
    ["KeyRole", "registry/ICloudRegistry.sol"],
  ] as const) {
    it(`mirrors ${name} as the contracts have it`, function () {
      const source = readFileSync(`contracts/${path}`, "utf8");
      const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(source)?.[1] ?? "";
      const values = body.split(",").map((value) => value.trim());
      expect(Object.keys(library[name])).to.deep.equal(values);
      expect(Object.values(library[name])).to.deep.equal([...values.keys()]);
    });
  }

  it("mirrors AgentScope as the contracts have it", function () {
    const source = readFileSync("contracts/registry/AgentScope.sol", "utf8");
    for (const [name, value] of Object.entries(library.AgentScope)) {
      expect(source).to.include(`uint8 internal constant ${name} = ${value};`);
    }
  });

  it("names values of enumerations", function () {
    expect(library.nameOf(library.VmState, 2n)).to.equal("Abroad");
    expect(library.nameOf(library.VmState, 99)).to.equal("99");
  });
});
