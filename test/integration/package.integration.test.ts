import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect } from "chai";
import { JsonRpcProvider, id } from "ethers";
import { network } from "hardhat";

import { PASSWORD, hardhatKey as keyOf, memberKey, quickKeystore } from "../fixtures/commandLine.js";
import { OFFER, deployFederation } from "../fixtures/library.js";
import { asSender, offer } from "../../src/index.js";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = join(ROOT, "examples");

/** The package is about npm: its own settings, not those that npm gives to the scripts it runs. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_")),
);
const npm = (cwd: string, ...args: string[]) => run("npm", args, { cwd, env: ENVIRONMENT });

describe("the package", function () {
  let folder: string;
  let tarball: string;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "package-"));
    const { stdout } = await npm(ROOT, "pack", "--json", "--pack-destination", folder);
    const packed = JSON.parse(stdout.slice(stdout.indexOf("\n[") + 1)) as { readonly filename: string }[];
    tarball = join(folder, packed[0]?.filename ?? "");
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({ name: "integrator", private: true, type: "module" }),
    );
    await npm(folder, "install", "--prefer-offline", "--no-audit", "--no-fund", tarball);
  });

  after(async function () {
    await rm(folder, { recursive: true });
  });

  it("needs ethers and commander, and nothing of Hardhat", async function () {
    const installed = await readdir(join(folder, "node_modules"), { recursive: false });
    expect(installed).to.include.members(["blockchainbus", "commander", "ethers"]);
    expect(installed.filter((name) => /hardhat|nomicfoundation|solc|mocha/.test(name))).to.deep.equal([]);
    const inside = join(folder, "node_modules", "blockchainbus", "package.json");
    const { dependencies } = JSON.parse(await readFile(inside, "utf8")) as { readonly dependencies: object };
    expect(Object.keys(dependencies)).to.deep.equal(["commander", "ethers"]);
    // What only a gateway needs is not installed for who imports the library.
    expect(installed.filter((name) => /fastify|prom-client|spruceid|^ajv$/.test(name))).to.deep.equal([]);
  });

  it("brings code, types, ABIs, the address book's format and the EIP-712 schema", async function () {
    const inside = join(folder, "node_modules", "blockchainbus");
    const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(inside, path), "utf8"));

    expect(await readFile(join(inside, "dist", "index.d.ts"), "utf8")).to.include("./actions/ledger/agree.js");
    expect(await json("schema/eip712.json")).to.have.nested.property("types.Agreement");
    expect(await json("schema/signed-document.schema.json")).to.have.nested.property("$defs.Agreement");
    expect(await json("schema/profile.schema.json")).to.have.nested.property("properties.keystore");
    expect(await json("schema/scenario.schema.json")).to.have.property("$schema");
    expect(await json("schema/openapi.json")).to.have.property("openapi", "3.1.0");
    expect(await json("schema/address-book.schema.json")).to.have.nested.property("properties.genesisHash");
    for (const contract of ["AccessManager", "CloudRegistry", "CapacityExchange", "MigrationLedger"]) {
      expect(await json(`abi/${contract}.json`)).to.be.an("array");
    }
    expect(await readdir(inside)).to.not.include.members(["contracts", "test"]);
  });

  it("has the command line, which ends with 10 where a checkout is needed", async function () {
    const env = { ...ENVIRONMENT, BLOCKCHAINBUS_PASSWORD: PASSWORD };
    const server = await network.createServer({ network: "node", override: { allowBlocksWithSameTimestamp: true } });
    const { address, port } = await server.listen();
    const url = `http://${address}:${port}`;
    const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
    const bus = (...args: string[]) => run("npx", ["--no-install", "blockchainbus", ...args], { cwd: folder, env });
    try {
      const keys = Array.from({ length: 12 }, (_, index) => keyOf(index).connect(provider));
      const { addressBook } = await deployFederation(provider, keys);
      await writeFile(join(folder, "federation.json"), JSON.stringify(addressBook));
      await writeFile(join(folder, "key.json"), await quickKeystore(memberKey(1), PASSWORD), { mode: 0o600 });
      const profile = { rpc: url, addresses: "federation.json", keystore: "key.json", salt: id("salt") };
      await writeFile(join(folder, "blockchainbus.json"), JSON.stringify(profile));

      const clouds = JSON.parse((await bus("cloud", "list", "--json")).stdout) as object;
      await bus("vm", "register", "web-3", "--vcpu", "2", "--yes");
      const { stdout } = await bus("where", "web-3");
      const refused: unknown = await bus("oracle", "--once").catch((thrown: unknown) => thrown);

      expect(clouds).to.have.nested.property("clouds[0].label", "cloud-1");
      expect(stdout).to.match(/^cloud-1 at /);
      expect(refused).to.include({
        code: 10,
        stdout: "",
        stderr: "blockchainbus: scripts/oracle.ts is not here: this command needs a checkout, with npm ci\n",
      });
    } finally {
      provider.destroy();
      await server.close();
    }
  });

  it("runs an integrator's script against a node", async function () {
    const server = await network.createServer({ network: "node", override: { allowBlocksWithSameTimestamp: true } });
    const { address, port } = await server.listen();
    const url = `http://${address}:${port}`;
    const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
    try {
      const keys = Array.from({ length: 12 }, (_, index) => keyOf(index).connect(provider));
      const { federation, addressBook, members } = await deployFederation(provider, keys);
      const [home, host] = members;
      await offer(asSender(federation, host.account), host.cloud, 1, OFFER);
      await writeFile(join(folder, "federation.json"), JSON.stringify(addressBook));
      await copyFile(join(EXAMPLES, "integrator.mjs"), join(folder, "integrator.mjs"));

      const accounts = [4, 6].map((index) => keyOf(index).privateKey);
      expect(await home.account.getAddress()).to.equal(keyOf(4).address);
      const { stdout } = await run("node", ["integrator.mjs", url, "federation.json", ...accounts], { cwd: folder });

      expect(JSON.parse(stdout)).to.deep.equal({ hostAt: 2, refusal: "MigrationLedger_WrongState" });
    } finally {
      provider.destroy();
      await server.close();
    }
  });
});
