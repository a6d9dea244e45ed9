import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { Wallet, ZeroAddress, dataSlice, getCreateAddress, id, keccak256, toQuantity } from "ethers";
import hre, { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import FederationModule from "../../ignition/modules/Federation.js";
import { ROLES } from "../../ignition/roles.js";
import { type GenesisBundle, deployerKeyOf, makeGenesis } from "../../network/genesis/federation.js";
import { validatorOf } from "../../network/founding/founders.js";
import { moduleParameters } from "../../network/genesis/parameters.js";
import { type GenesisAccount, stateRoot } from "../../network/genesis/stateRoot.js";
import type { GenesisFile } from "../../network/genesis/genesis.js";
import { verifyGenesis } from "../../network/genesis/verify.js";
import { publicKeyOf, writeNetwork } from "../../network/nodes/folders.js";
import { type NodeRpc, RpcError } from "../../src/allowlists/nodeRpc.js";
import {
  CloudStatus,
  asSender,
  buildResources,
  connectFederation,
  eventOf,
  hostAt,
  register,
} from "../../src/index.js";
import { FOUNDED_AT, chainFrom, founderKey, foundersOf } from "../fixtures/network.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOUNDERS = foundersOf(4);
const FOUNDED_S = Date.parse(FOUNDED_AT) / 1_000;

/** EIP-4788's contract, which the simulator puts into its block 0 and Besu does not for QBFT. */
const BEACON_ROOTS = "0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02";

const AN_HOUR_LATER = new Date((FOUNDED_S + 3_600) * 1_000);

/** A founder's account, as a sender without a balance: gas is free. */
async function accountOf({ ethers }: NetworkConnection, cloud: number) {
  return ethers.getImpersonatedSigner(founderKey(`cloud-${cloud}/account`).address);
}

/** Every file under a folder, by its path. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const entries = found
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length), await readFile(path, "utf8")] as const;
    });
  return Object.fromEntries(await Promise.all(entries));
}

describe("genesis", function () {
  let bundle: GenesisBundle;
  const temporary: string[] = [];

  before(async function () {
    bundle = await makeGenesis(FOUNDERS);
  });

  after(async function () {
    await Promise.all(temporary.map((folder) => rm(folder, { recursive: true })));
  });

  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), "genesis-"));
    temporary.push(made);
    return made;
  };

  /** A chain that begins with the genesis file, an hour after the founding unless said otherwise. */
  const started = async (at = AN_HOUR_LATER) => {
    const connection = await chainFrom(bundle.genesis, at);
    const federation = connectFederation(connection.ethers.provider, bundle.addressBook);
    return { connection, federation, ...federation };
  };

  describe("makeGenesis", function () {
    it("gives the same bytes for the same founding document", async function () {
      const [first, second] = [await folder(), await folder()];
      await writeNetwork(first, FOUNDERS, bundle, true);
      await writeNetwork(second, FOUNDERS, await makeGenesis(FOUNDERS), true);

      const files = await filesIn(first);
      expect(Object.keys(files)).to.include.members(["/genesis.json", "/address-book.json", "/nodes/cloud-1/start.sh"]);
      expect(await filesIn(second)).to.deep.equal(files);
    });

    it("gives another chain for another salt", async function () {
      const other = await makeGenesis(foundersOf(4, { salt: keccak256("0x01") }));

      expect(other.fingerprint.chainId).not.to.equal(bundle.fingerprint.chainId);
      expect(other.fingerprint.genesisHash).not.to.equal(bundle.fingerprint.genesisHash);
    });

    it("takes the chain id from the founding document, in six bytes", function () {
      expect(bundle.genesis.config.chainId).to.equal(Number(dataSlice(bundle.fingerprint.foundingHash, 0, 6)));
    });

    it("refuses a founding time that lies ahead", async function () {
      const now = Date.parse("2025-12-31T23:59:59Z");
      const thrown: unknown = await makeGenesis(FOUNDERS, now).catch((reason: unknown) => reason);
      expect(thrown).to.include({ name: "NetworkError", code: "BAD_FOUNDERS" });
      expect((await makeGenesis(FOUNDERS, now + 1_000)).genesisText).to.equal(bundle.genesisText);
    });

    it("says which contract refuses a founding, and why", async function () {
      const hasty = foundersOf(4, { governance: { slowDelay: 60 } });
      const thrown: unknown = await makeGenesis(hasty).catch((reason: unknown) => reason);
      expect(thrown).to.include({ code: "DEPLOYMENT" });
      expect(String(thrown)).to.include("FederationGovernor_ParameterOutOfRange");
    });
  });

  describe("the state of block 0", function () {
    it("is the state after an Ignition deployment, slot by slot", async function () {
      const connection = await network.create({
        network: "default",
        override: {
          chainId: bundle.genesis.config.chainId,
          initialDate: new Date(FOUNDED_S * 1_000),
          accounts: [{ privateKey: deployerKeyOf(FOUNDERS), balance: 10n ** 18n }],
        },
      });
      const { provider } = connection;
      const read = (method: string, ...params: unknown[]) => provider.request({ method, params });
      const deployed = await connection.ignition.deploy(FederationModule, { parameters: moduleParameters(FOUNDERS) });
      const ended = await connection.networkHelpers.time.latest();

      expect(await deployed.registry.getAddress()).to.equal(bundle.addressBook.contracts.CloudRegistry);
      let times = 0;
      for (const [address, { code, nonce, storage }] of Object.entries(bundle.genesis.alloc)) {
        expect(await read("eth_getCode", address, "latest"), address).to.equal(code ?? "0x");
        expect(await read("eth_getTransactionCount", address, "latest"), address).to.equal(nonce);
        for (const [slot, value] of Object.entries(storage ?? {})) {
          const found = String(await read("eth_getStorageAt", address, slot, "latest"));
          if (found === value) continue;
          // An ordinary deployment's clock goes on while it lasts; a time is stored in the lowest six bytes.
          expect(dataSlice(found, 0, 26), `${address} ${slot}`).to.equal(dataSlice(value, 0, 26));
          const [then, now] = [value, found].map((word) => Number(dataSlice(word, 26)));
          const unit = then === FOUNDED_S ? 1 : 1_000;
          expect(then).to.equal(FOUNDED_S * unit);
          expect(now).to.be.within(FOUNDED_S * unit, ended * unit);
          times += 1;
        }
      }
      expect(times, "slots that hold a time").to.be.greaterThan(0);
      await connection.close();
    });

    it("is all there is: a chain that is given these accounts has this root", async function () {
      const connection = await chainFrom(bundle.genesis, AN_HOUR_LATER);
      await connection.networkHelpers.mine();
      const { provider } = connection;
      const read = async (method: string, ...params: unknown[]) => String(await provider.request({ method, params }));
      const accounts = (await provider.request({ method: "eth_accounts" })) as readonly string[];
      const own: Record<string, GenesisAccount> = {};
      for (const address of accounts) {
        own[address] = { nonce: "0x0", balance: await read("eth_getBalance", address, "latest") };
      }
      own[BEACON_ROOTS] = { nonce: "0x0", balance: "0x0", code: await read("eth_getCode", BEACON_ROOTS, "latest") };
      const head: unknown = await provider.request({ method: "eth_getBlockByNumber", params: ["latest", false] });

      expect(head).to.include({ stateRoot: await stateRoot({ ...bundle.genesis.alloc, ...own }) });
      expect(await stateRoot(bundle.genesis.alloc)).to.equal(bundle.fingerprint.stateRoot);
      await connection.close();
    });

    it("holds no time after the founding", async function () {
      const { connection, registry } = await started();

      expect(await registry.lastMembershipChangeAt()).to.equal(FOUNDED_S);
      expect(await registry.memberCountAt(FOUNDED_S)).to.equal(4);
      for (const cloud of [1, 2, 3, 4]) {
        const account = founderKey(`cloud-${cloud}/account`).address;
        expect(await registry.accountAt(cloud, FOUNDED_S * 1_000)).to.equal(account);
        expect(await registry.accountAt(cloud, FOUNDED_S * 1_000 - 1)).to.equal(ZeroAddress);
      }
      await connection.close();
    });

    it("names the founders' nodes as validators, whoever asks (INV-VALID)", async function () {
      const { connection, validators } = await started();
      const nodes = FOUNDERS.clouds.map(({ node }) => validatorOf(node.publicKey));
      const sorted = nodes.sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));

      expect(await validators.getValidators({ from: ZeroAddress })).to.deep.equal(sorted);
      expect(bundle.genesis.config.qbft.validatorcontractaddress).to.equal(await validators.getAddress());
      expect(await validators.validatorsAfter(0)).to.deep.equal(sorted);
      await connection.close();
    });

    it("leaves nobody the deployer's power", async function () {
      const { connection, authority } = await started();
      const { alloc } = bundle.genesis;
      const deployer = new Wallet(deployerKeyOf(FOUNDERS), connection.ethers.provider);
      const { FederationGovernor, MigrationLedger } = bundle.addressBook.contracts;
      const holders: { readonly [role: string]: string } = {
        ADMIN: FederationGovernor,
        GOVERNANCE: FederationGovernor,
        LEDGER: MigrationLedger,
        GUARDIAN: FOUNDERS.guardian,
        ATTESTER: FOUNDERS.attester,
      };
      const founders = FOUNDERS.clouds.flatMap(({ account, recovery }) => [account, recovery]);
      const asked = [...Object.keys(alloc), ...founders, FOUNDERS.guardian, FOUNDERS.attester, deployer.address];

      for (const [role, id] of Object.entries(ROLES)) {
        for (const account of asked) {
          const [isMember] = await authority.hasRole(id, account);
          expect(isMember, `${role} of ${account}`).to.equal(holders[role] === account);
        }
      }
      const nonce = Number(alloc[deployer.address]?.nonce);
      expect(await deployer.getNonce()).to.equal(nonce);
      const created = Object.keys(alloc).filter((address) => address !== deployer.address);
      const reachable = Array.from({ length: 100 }, (_, i) =>
        getCreateAddress({ from: deployer.address, nonce: nonce + i }),
      );
      expect(
        reachable.filter((address) => created.includes(address)),
        "addresses it can create at",
      ).to.deep.equal([]);
      await connection.close();
    });

    it("fits into what a validator call and a block may use", async function () {
      // Coverage compiles its counters into the code, which then is bigger than what is released.
      if (hre.globalOptions.coverage) this.skip();
      const { connection, validators } = await started();
      expect(await validators.getValidators.estimateGas({ from: ZeroAddress })).to.be.lessThan(100_000n);
      for (const [address, { code = "0x" }] of Object.entries(bundle.genesis.alloc)) {
        expect(code.length / 2 - 1, address).to.be.at.most(24_576);
      }
      await connection.close();
    });
  });

  describe("verifyGenesis", function () {
    const validators = FOUNDERS.clouds.map(({ node }) => validatorOf(node.publicKey));

    /** A node whose block 0 is that of a genesis file; what it says can be changed. */
    const nodeWith = (genesis: GenesisFile, changes: Readonly<Record<string, unknown>> = {}): NodeRpc => ({
      url: "",
      send<T>(method: string, ...params: readonly unknown[]): Promise<T> {
        if (method in changes) {
          const answer = changes[method];
          return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as T);
        }
        const account = genesis.alloc[String(params[0])];
        const answers: Readonly<Record<string, unknown>> = {
          eth_chainId: toQuantity(genesis.config.chainId),
          eth_getBlockByNumber: {
            timestamp: genesis.timestamp,
            gasLimit: genesis.gasLimit,
            extraData: genesis.extraData,
            stateRoot: bundle.fingerprint.stateRoot,
            hash: bundle.fingerprint.genesisHash,
          },
          eth_getCode: account?.code ?? "0x",
          eth_getTransactionCount: account?.nonce ?? "0x0",
          eth_getStorageAt: account?.storage?.[String(params[1])] ?? "0x0",
          qbft_getValidatorsByBlockNumber: [...validators].reverse(),
        };
        return Promise.resolve(answers[method] as T);
      },
    });
    const differing = async (genesis: GenesisFile, changes: Readonly<Record<string, unknown>> = {}) =>
      (await verifyGenesis(nodeWith(genesis, changes), bundle.genesis, validators)).map(({ what }) => what);

    it("finds nothing that differs on the chain of the file", async function () {
      expect(await differing(bundle.genesis)).to.deep.equal([]);
    });

    it("names the slot, the code and the nonce that differ", async function () {
      const registry = bundle.addressBook.contracts.CloudRegistry;
      const account = bundle.genesis.alloc[registry]!;
      const slot = Object.keys(account.storage ?? {})[3]!;
      const other = {
        ...account,
        code: "0x00",
        nonce: "0x2",
        storage: { ...account.storage, [slot]: `0x${"01".repeat(32)}` },
      };
      const genesis = { ...bundle.genesis, alloc: { ...bundle.genesis.alloc, [registry]: other } };
      expect(await differing(genesis)).to.deep.equal([
        `code at ${registry}`,
        `nonce of ${registry}`,
        `slot ${slot} of ${registry}`,
      ]);
    });

    it("names another header, another chain, other validators, and a node without QBFT", async function () {
      const { genesis } = bundle;
      expect(await differing({ ...genesis, timestamp: "0x1", gasLimit: "0x2" })).to.deep.equal([
        "timestamp of block 0",
        "gas limit of block 0",
      ]);
      expect(await differing(genesis, { eth_chainId: "0x1" })).to.deep.equal(["chain id"]);
      expect(await differing(genesis, { eth_getBlockByNumber: {} })).to.have.length(5);
      expect(await differing(genesis, { qbft_getValidatorsByBlockNumber: validators.slice(1) })).to.deep.equal([
        "validators after block 0",
      ]);
      const noQbft = new RpcError(-32601, "Method not found");
      expect(await differing(genesis, { qbft_getValidatorsByBlockNumber: noQbft })).to.deep.equal([
        "validators after block 0",
      ]);
    });
  });

  describe("npm run network:genesis", function () {
    const run = (...args: string[]) =>
      new Promise<{ readonly code: number; readonly out: string; readonly errors: string }>((resolve) => {
        const command = ["--import", "tsx", "scripts/network.ts", ...args];
        const child = execFile(process.execPath, command, { cwd: ROOT }, (_error, out, errors) => {
          resolve({ code: child.exitCode ?? 1, out, errors });
        });
      });

    it("takes public keys only, or makes the keys that are missing, once", async function () {
      const base = await folder();
      const [document, out] = [join(base, "founders.json"), join(base, "network")];
      const withoutKeys = FOUNDERS.clouds.map((cloud) => {
        const { host, p2pPort } = cloud.node;
        return { ...cloud, node: { host, p2pPort } };
      });
      await writeFile(document, JSON.stringify({ ...FOUNDERS, clouds: withoutKeys }));
      const refused = await run("genesis", "--founders", document, "--out", out);
      expect(refused.code).to.equal(1);
      expect(refused.errors.trim()).to.equal(
        "/clouds/0/node: publicKey is missing (with --generate-keys it is made here)",
      );

      const made = await run("genesis", "--founders", document, "--out", out, "--generate-keys");
      expect(made.code, made.errors).to.equal(0);
      const files = await filesIn(out);
      const again = await run("genesis", "--founders", document, "--out", out, "--generate-keys");
      expect(again.code, again.errors).to.equal(0);
      expect(await filesIn(out)).to.deep.equal(files);

      const other = await run("genesis", "--founders", join(out, "founders.json"), "--out", join(base, "another"));
      expect(other.code, other.errors).to.equal(0);
      const rebuilt = await filesIn(join(base, "another"));
      expect(rebuilt["/genesis.json"]).to.equal(files["/genesis.json"]);
      expect(Object.keys(rebuilt).filter((path) => path.endsWith("/key"))).to.deep.equal([]);
    });

    it("writes over no other federation", async function () {
      const out = await folder();
      await writeNetwork(out, FOUNDERS, bundle, true);
      const thrown: unknown = await writeNetwork(out, foundersOf(3), bundle, true).catch((reason: unknown) => reason);
      expect(thrown).to.include({ code: "FOLDER_TAKEN" });
    });

    it("leaves what operator, daemon and Besu have changed in a node's folder", async function () {
      const out = await folder();
      await writeNetwork(out, FOUNDERS, bundle, true);
      const path = join(out, "nodes", "cloud-1", "allow-lists.toml");
      await writeFile(path, "nodes-allowlist=[]\naccounts-allowlist=[]\n");
      await writeNetwork(out, FOUNDERS, bundle, true);
      expect(await readFile(path, "utf8")).to.equal("nodes-allowlist=[]\naccounts-allowlist=[]\n");
    });

    it("refuses a folder with another node key than the document names", async function () {
      const out = await folder();
      await writeNetwork(out, FOUNDERS, bundle, true);
      await writeFile(join(out, "nodes", "cloud-2", "key"), founderKey("cloud-3/node").privateKey);
      const thrown: unknown = await writeNetwork(out, FOUNDERS, bundle, true).catch((reason: unknown) => reason);
      expect(thrown).to.include({ code: "BAD_FOUNDERS" });
      expect(String(thrown)).to.include("/clouds/1/node/publicKey: is not that of");
    });

    it("makes a node's key once, and shows its public part", async function () {
      const path = join(await folder(), "key");
      const first = await run("key", "--out", path);
      const key = new Wallet((await readFile(path, "utf8")).trim());
      expect(first.out).to.equal(`publicKey ${publicKeyOf(key.privateKey)}\nvalidator ${key.address}\n`);
      expect((await run("key", "--out", path)).out).to.equal(first.out);
    });
  });

  describe("a federation that begins with it", function () {
    const description = "cloud-4 is down";

    /** A proposal by the first founder, with the votes of the first three. */
    const decided = async (world: Awaited<ReturnType<typeof started>>, data: string) => {
      const { connection, registry, governor } = world;
      const [first, second, third] = await Promise.all([1, 2, 3].map((cloud) => accountOf(connection, cloud)));
      const targets = [await registry.getAddress()];
      const asProposed: [string[], number[], string[], string] = [targets, [0], [data], description];
      const asStored: [string[], number[], string[], string] = [targets, [0], [data], id(description)];
      await governor.connect(first).propose(...asProposed);
      const proposal = await governor.hashProposal(...asStored);
      for (const voter of [first, second, third]) await governor.connect(voter).castVote(proposal, 1);
      return { proposal, asStored, first };
    };

    it("has one vote for each founder, from its first block on (INV-VOTE)", async function () {
      const world = await started(new Date(FOUNDED_S * 1_000));
      const { connection, registry, governor } = world;
      const { proposal } = await decided(world, registry.interface.encodeFunctionData("confirmSuspension", [4]));
      const { members, votesNeeded, votesFor, snapshot } = await governor.proposalOf(proposal);

      expect([members, votesNeeded, votesFor]).to.deep.equal([4n, 3n, 3n]);
      expect(Number(snapshot)).to.be.within(FOUNDED_S, FOUNDED_S + 60);
      await connection.close();
    });

    it("passes a prompt proposal in the second after the deciding vote", async function () {
      const world = await started();
      const { connection, registry, governor } = world;
      const { asStored, proposal, first } = await decided(
        world,
        registry.interface.encodeFunctionData("confirmSuspension", [4]),
      );
      const { decidedAt } = await governor.proposalOf(proposal);
      await connection.networkHelpers.time.setNextBlockTimestamp(decidedAt + 1n);
      await governor.connect(first).execute(...asStored);

      expect((await registry.cloudOf(4)).status).to.equal(CloudStatus.Suspended);
      await connection.close();
    });

    it("passes a slow proposal as soon as its delay is over, and not before", async function () {
      const world = await started();
      const { connection, registry, governor } = world;
      const { asStored, proposal, first } = await decided(world, registry.interface.encodeFunctionData("expel", [4]));
      await governor.connect(first).queue(...asStored);
      const { executableAt } = await governor.proposalOf(proposal);
      const { time } = connection.networkHelpers;

      expect(executableAt).to.equal(BigInt(await time.latest()) + 48n * 3_600n);
      await time.setNextBlockTimestamp(executableAt - 1n);
      await expect(governor.connect(first).execute(...asStored))
        .to.be.revertedWithCustomError(governor, "FederationGovernor_NotReady")
        .withArgs(proposal, executableAt, executableAt - 1n);
      await time.setNextBlockTimestamp(executableAt);
      await governor.connect(first).execute(...asStored);

      expect((await registry.cloudOf(4)).status).to.equal(CloudStatus.Expelled);
      await connection.close();
    });

    it("takes business at once: a founder registers a VM", async function () {
      const { connection, federation } = await started();
      const sender = asSender(federation, await accountOf(connection, 1));
      const sent = await register(sender, 1, id("vm-1"), buildResources({ vcpuMilli: 1_000, memoryMiB: 1_024 }));
      const { vm } = eventOf(sent, "VmRegistered").args;

      const host = await hostAt(federation, String(vm), BigInt(await connection.networkHelpers.time.latest()) * 1_000n);
      expect(host).to.equal(1);
      await connection.close();
    });
  });
});
