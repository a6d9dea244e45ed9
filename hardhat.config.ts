import { createRequire } from "node:module";

import hardhatToolboxMochaEthers from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";

/** One compiler for both build profiles: `production` does not inherit the settings of `default`. */
const compiler = {
  version: "0.8.30",
  path: createRequire(import.meta.url).resolve("solc/soljson.js"),
  settings: {
    evmVersion: "cancun",
    viaIR: true,
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { "*": { "*": ["storageLayout"] } },
  },
};

/** The simulator looks like the target chain: cancun, free gas, 30 M gas in a block. */
const simulated = {
  type: "edr-simulated",
  chainType: "l1",
  hardfork: "cancun",
  chainId: 1337,
  initialBaseFeePerGas: 0,
  gasPrice: 0,
  blockGasLimit: 30_000_000,
} as const;

/** Solidity tests take the same cases every time, in seconds; with TEST_PROFILE=ci other ones, for minutes. */
const isThorough = process.env.TEST_PROFILE === "ci";

export default defineConfig({
  plugins: [hardhatToolboxMochaEthers],
  solidity: {
    profiles: { default: compiler, production: compiler },
    npmFilesToBuild: ["@openzeppelin/contracts/access/manager/AccessManager.sol"],
  },
  paths: { tests: { mocha: "./test", solidity: "./test/solidity" } },
  typechain: { outDir: "./src/typechain" },
  coverage: { skipFiles: ["contracts/mocks/**"] },
  test: {
    mocha: { timeout: 120_000 },
    solidity: isThorough
      ? { fuzz: { runs: 5_000 }, invariant: { runs: 64, depth: 256, failOnRevert: true } }
      : { fuzz: { runs: 256, seed: "0xb10c" }, invariant: { runs: 8, depth: 64, failOnRevert: true } },
  },
  networks: {
    default: simulated,
    node: simulated,
    besu: {
      type: "http",
      chainType: "l1",
      url: configVariable("BESU_RPC_URL"),
      accounts: [configVariable("DEPLOYER_PRIVATE_KEY")],
    },
  },
});
