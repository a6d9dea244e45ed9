import { globSync } from "node:fs";
import { createRequire } from "node:module";

import hardhatToolboxMochaEthers from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";
import type { ConfigHooks, SolidityHooks } from "hardhat/types/hooks";
import type { HardhatPlugin } from "hardhat/types/plugins";

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

/**
 * Solidity tests go the compiler's shorter way, in a third of the time: the contracts that they deploy come from the artifacts
 * of the release settings (`vm.getCode`), and gas is not theirs to measure.
 */
const testCompiler = { ...compiler, settings: { ...compiler.settings, viaIR: false } };

/** Files that are compiled together, and apart from all others: halves of about the same time, two of which run at once. */
const JOBS = [
  ["contracts/{charging,governance,mocks,oracle,reputation}/**/*.sol", compiler],
  ["test/solidity/unit/**/*.sol", testCompiler],
  ["test/solidity/{*,invariant/**/*}.sol", testCompiler],
] as const;
const jobs = JOBS.map(([pattern, by]) => {
  const found = globSync(pattern, { cwd: import.meta.dirname });
  return { by, files: found.map((file) => file.replaceAll("\\", "/")) };
});
const profile = {
  compilers: [compiler],
  overrides: Object.fromEntries(jobs.flatMap(({ by, files }) => files.map((file) => [file, by]))),
};

/** Hardhat compiles together what has the very same compiler object, and makes one for each override. */
const shareOverrides: Partial<ConfigHooks> = {
  async resolveUserConfig(user, resolveVariable, next) {
    const config = await next(user, resolveVariable);
    for (const { overrides } of Object.values(config.solidity.profiles)) {
      for (const { files } of jobs) {
        const shared = overrides[files[0] ?? ""];
        if (shared) for (const file of files) overrides[file] = shared;
      }
    }
    return config;
  },
};
const twoJobsAtOnce: Partial<SolidityHooks> = {
  build: (context, files, options, next) => next(context, files, { ...options, concurrency: 2 }),
};
const compilingInJobs: HardhatPlugin = {
  id: "compiling-in-jobs",
  hookHandlers: {
    config: () => Promise.resolve({ default: () => Promise.resolve(shareOverrides) }),
    solidity: () => Promise.resolve({ default: () => Promise.resolve(twoJobsAtOnce) }),
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
  plugins: [hardhatToolboxMochaEthers, compilingInJobs],
  solidity: {
    profiles: { default: profile, production: profile },
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
