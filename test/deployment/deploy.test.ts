import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect } from "chai";
import { Wallet, id } from "ethers";
import { network } from "hardhat";

import { type Deployment, deployFederation } from "../../network/deployment/deploy.js";
import { verifyDeployment } from "../../network/deployment/verify.js";
import { openOn } from "../../network/local/chain.js";
import { DEFAULT_PARAMETERS } from "../../ignition/parameters.js";
import { parseAddressBook } from "../../src/index.js";
import { founderKey, foundersOf } from "../fixtures/network.js";

const FOUNDERS = foundersOf(4);
const DEPLOYMENTS = fileURLToPath(new URL("../../ignition/deployments", import.meta.url));

/** The first account of the simulator: Ignition wants a balance, though gas is free. */
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/**
 * A node that answers for another one, and is gone when so many transactions were sent.
 * @param passesLast Whether the next transaction still reaches the chain, though its answer does not come back.
 */
async function breakingAfter(
  target: string,
  sends: number,
  passesLast: boolean,
): Promise<{ readonly url: string; close(): void }> {
  let sent = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const isLast = body.includes("eth_sendRawTransaction") && ++sent > sends;
      if (isLast && !passesLast) {
        request.socket.destroy();
        return;
      }
      const headers = { "content-type": "application/json" };
      fetch(target, { method: "POST", headers, body }).then(
        async (answer) => {
          const text = await answer.text();
          if (isLast) request.socket.destroy();
          else response.end(text);
        },
        () => request.socket.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

describe("deployment on an existing chain", function () {
  let url: string;
  let stop: () => Promise<void>;
  let deployment: Deployment;
  const journals: string[] = [];

  const deploy = async (changes = {}): Promise<Deployment> => {
    const made = await deployFederation(FOUNDERS, { url, deployerKey: id("deployer of the test"), ...changes });
    journals.push(made.deploymentId);
    return made;
  };
  const differencesFrom = async (founders = FOUNDERS) =>
    verifyDeployment(await openOn(url, deployment.addressBook), founders);

  before(async function () {
    const server = await network.createServer({ network: "node", override: { chainId: 20_260_101 } }, "127.0.0.1");
    const { address, port } = await server.listen();
    url = `http://${address}:${port}`;
    stop = () => server.close();
    deployment = await deploy();
  });

  after(async function () {
    await stop();
    for (const journal of journals) await rm(join(DEPLOYMENTS, journal), { recursive: true, force: true });
  });

  describe("deployFederation", function () {
    it("gives an address book that the library takes", async function () {
      expect(parseAddressBook(JSON.parse(JSON.stringify(deployment.addressBook)))).to.deep.equal(
        deployment.addressBook,
      );
      const federation = await openOn(url, deployment.addressBook);
      expect(await federation.registry.cloudOfLabel("cloud-3")).to.equal(3);
    });

    it("finds what it deployed before, and sends nothing again", async function () {
      const federation = await openOn(url, deployment.addressBook);
      const height = await federation.provider.getBlockNumber();
      expect(await deploy()).to.deep.equal(deployment);
      expect(await federation.provider.getBlockNumber()).to.equal(height);
    });

    for (const passesLast of [false, true])
      it(`goes on where it was interrupted, when the last transaction was ${passesLast ? "" : "not "}sent`, async function () {
        const deploymentId = `interrupted-test-${String(passesLast)}`;
        journals.push(deploymentId);
        const breaking = await breakingAfter(url, 6, passesLast);
        const thrown: unknown = await deployFederation(FOUNDERS, {
          url: breaking.url,
          deployerKey: KEY,
          deploymentId,
        }).catch((reason: unknown) => reason);
        breaking.close();
        expect(thrown, String(thrown)).to.be.instanceOf(Error);

        const { provider } = await openOn(url, deployment.addressBook);
        const before = await provider.getTransactionCount(new Wallet(KEY).address);
        const { addressBook } = await deployFederation(FOUNDERS, { url, deployerKey: KEY, deploymentId });
        expect(before).to.be.at.least(6);
        expect(await verifyDeployment(await openOn(url, addressBook), FOUNDERS)).to.deep.equal([]);
      });

    it("says what is wrong when a contract refuses", async function () {
      const hasty = foundersOf(4, { governance: { slowDelay: 60 } });
      const deploymentId = "refused-test";
      journals.push(deploymentId);
      const thrown: unknown = await deployFederation(hasty, { url, deployerKey: KEY, deploymentId }).catch(
        (reason: unknown) => reason,
      );
      expect(thrown).to.include({ name: "NetworkError", code: "DEPLOYMENT" });
      expect(String(thrown).split("\n")).to.have.length(1);
    });
  });

  describe("verifyDeployment", function () {
    it("finds nothing that differs after a deployment", async function () {
      expect(await differencesFrom()).to.deep.equal([]);
    });

    it("names every parameter, founder and role that is not what the document says", async function () {
      const [first, ...others] = FOUNDERS.clouds;
      const differences = await differencesFrom({
        ...FOUNDERS,
        limits: { lossWait: 600 },
        governance: { slowDelay: 86_400 },
        validators: { returnWait: 600 },
        isTest: true,
        guardian: founderKey("another guardian").address,
        clouds: [
          { ...first!, label: "renamed", node: { ...first!.node, publicKey: others[0]!.node.publicKey } },
          ...others,
        ],
      });
      expect(differences.map(({ what }) => what)).to.have.members([
        "MigrationLedger: lossWait",
        "FederationGovernor: slowDelay",
        "ValidatorSet: returnWait",
        "FederationGovernor: a federation for tests",
        "holders of GUARDIAN",
        "cloud 1: label",
        "validators",
      ]);
      expect(differences.find(({ what }) => what === "MigrationLedger: lossWait")).to.deep.equal({
        what: "MigrationLedger: lossWait",
        inFile: "600",
        onChain: String(DEFAULT_PARAMETERS.lossWait),
      });
    });

    it("names a contract whose code is not of this build, and one that is tied to another", async function () {
      const { addressBook } = deployment;
      const { contracts } = addressBook;
      const swapped = { ...addressBook, contracts: { ...contracts, CapacityExchange: contracts.AccessManager } };
      expect((await verifyDeployment(await openOn(url, swapped), FOUNDERS)).map(({ what }) => what)).to.deep.equal([
        `code of CapacityExchange at ${contracts.AccessManager}`,
      ]);

      const other = await deployFederation(FOUNDERS, {
        url,
        deployerKey: Wallet.createRandom().privateKey,
        deploymentId: "other-test",
      });
      journals.push("other-test");
      const mixed = {
        ...addressBook,
        contracts: { ...contracts, ValidatorSet: other.addressBook.contracts.ValidatorSet },
      };
      const differences = await verifyDeployment(await openOn(url, mixed), FOUNDERS);
      expect(differences.map(({ what }) => what)).to.include.members([
        "authority of ValidatorSet",
        "registry of ValidatorSet",
        "validators of FederationGovernor",
      ]);
    });
  });

  describe("npm run deploy:verify", function () {
    let folder: string;

    before(async function () {
      folder = await mkdtemp(join(tmpdir(), "deploy-"));
    });

    after(async function () {
      await rm(folder, { recursive: true });
    });

    it("says so in one line, and ends with 0", async function () {
      await writeFile(join(folder, "founders.json"), JSON.stringify(FOUNDERS));
      await writeFile(join(folder, "address-book.json"), JSON.stringify(deployment.addressBook));
      const files = ["--founders", join(folder, "founders.json"), "--addresses", join(folder, "address-book.json")];
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--import", "tsx", "scripts/deploy.ts", "verify", "--rpc", url, ...files],
        { cwd: fileURLToPath(new URL("../..", import.meta.url)) },
      );
      expect(stdout.trim()).to.equal(
        "code, roles, parameters, founders and validators are those of the founding document",
      );
    });
  });
});
