import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { Wallet, id } from "ethers";
import { network } from "hardhat";

import {
  AgentScope,
  CloudStatus,
  KeyRole,
  announceReplacement,
  asSender,
  suspend,
  suspendSelf,
} from "../../../src/index.js";
import { type Operator, PASSWORD, hardhatKey, operatorOf, quickKeystore } from "../../fixtures/commandLine.js";
import { acceptanceOf, chainTime, offeringFederation, spareKey } from "../../fixtures/library.js";
import { done, refused } from "../../fixtures/operators.js";

const { networkHelpers } = await network.create();

const DAY = 86_400;

describe("blockchainbus: keys of a cloud", function () {
  let root: string;

  beforeEach(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  afterEach(async function () {
    await rm(root, { recursive: true });
  });

  async function keystoreOf(operator: Operator, name: string, wallet: Wallet): Promise<readonly string[]> {
    const path = await operator.write(`${name}.json`, await quickKeystore(wallet, PASSWORD));
    await chmod(path, 0o600);
    return ["--keystore", path];
  }

  /** Cloud 1, and a machine with a key that nobody knows yet. */
  async function standing() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const [operator, other] = await Promise.all([operatorOf(root, found, 1), operatorOf(root, found, 2)]);
    const key = new Wallet(id("a key of somebody else"));
    const acceptance = operator.path("acceptance.json");
    const as = ["--as", "cloud-1", ...(await keystoreOf(other, "somebody", key))];
    const accept = (...argv: string[]) => done(other, "cloud", "accept", ...as, ...argv, "--out", acceptance, "--json");
    const recovery = await keystoreOf(operator, "recovery", hardhatKey(5));
    return { found, registry: found.federation.registry, operator, other, key, acceptance, accept, as, recovery };
  }

  describe("cloud agent", function () {
    it("is set with what its own key accepted on another machine, listed, and revoked", async function () {
      const { found, registry, operator, key, acceptance, accept, as, other } = await standing();
      const until = new Date(Number((await chainTime(found.federation)) + 30n * 86_400_000n)).toISOString();

      const accepted = await accept();
      const argv = ["--scopes", "HOST,MOVE_OUT", "--partners", "cloud-3,cloud-2", "--until", until];
      const run = await done(operator, "cloud", "agent", "set", "--with-signature", acceptance, ...argv, "--json");

      expect(accepted.facts()).to.deep.include({ name: "KeyAcceptance", file: acceptance, signed: [1], missing: [] });
      expect(accepted.stderr).to.match(
        /^KeyAcceptance\n {2}cloud +cloud-1 \(1\)\n {2}key +0x.{40}\n {2}role +Agent \(3\)/,
      );
      expect(run.facts()).to.deep.include({ agent: key.address, scopes: ["MOVE_OUT", "HOST"], partners: [2, 3] });
      expect(run.stderr).to.match(/ {2}scopes {4}MOVE_OUT, HOST\n {2}partners {2}cloud-2, cloud-3\n/);
      const stored = await registry.agentOf(key.address);
      expect([stored.cloud, stored.scopes]).to.deep.equal([1n, BigInt(AgentScope.MOVE_OUT | AgentScope.HOST)]);
      expect([...stored.partners]).to.deep.equal([2n, 3n]);
      const listed = await done(operator, "cloud", "agent", "list", "cloud-1");
      expect(listed.stdout).to.match(new RegExp(`\n${key.address} +yes +MOVE_OUT,HOST +cloud-2,cloud-3 +20`));

      // The agent takes its powers back itself.
      await done(other, "cloud", "agent", "revoke", key.address, ...as);
      const after = await done(operator, "cloud", "agent", "list", "--json");
      expect(after.facts()).to.deep.include({ cloud: 1 });
      expect(after.facts()).to.have.nested.property("agents[0].isValid", false);
      expect(after.facts()).to.deep.nested.include({ "agents[0].scopes": [] });
    });

    it("loses its powers with all others", async function () {
      const { found, registry, operator, key, acceptance, accept, recovery } = await standing();
      await accept();
      await done(operator, "cloud", "agent", "set", "--with-signature", acceptance, "--scopes", "REPORT");
      const now = async () => (await registry.agentAt(key.address, await chainTime(found.federation))).isValid;
      expect(await now()).to.equal(true);

      await done(operator, "cloud", "agent", "revoke-all", ...recovery);

      expect(await now()).to.equal(false);
    });

    it("is refused in one line", async function () {
      const { operator, other, key, acceptance, accept, as } = await standing();
      const set = ["cloud", "agent", "set", "--with-signature", acceptance];
      await refused(other, ["cloud", "accept", ...as.slice(2)], 3, /is neither a cloud's account nor its agent/);
      await accept("--role", "Recovery");
      await refused(operator, [...set, "--scopes", "HOST"], 5, /does not accept to serve cloud-1 as its Agent/);
      await rm(other.path("journal.jsonl"));
      await accept();

      await refused(operator, set, 2, /--scopes is missing/);
      await refused(operator, [...set, "--scopes", "HOST,ALL"], 2, /--scopes: ALL is none of RELAY, OFFER/);
      await refused(operator, ["cloud", "agent", "set", "--scopes", "HOST"], 2, /--with-signature is missing/);
      await refused(operator, [...set, "--scopes", "HOST", "--partners", "nobody"], 2, /--partners: there is no cloud/);
      await refused(operator, [...set, "--scopes", "HOST", "--until", "+400d"], 6, /CloudRegistry_BadExpiry\(/);
      await refused(other, [...set, "--scopes", "HOST"], 5, /does not accept to serve cloud-2 as its Agent/);
      await refused(operator, ["cloud", "agent", "revoke", "0x12"], 2, /AGENT: 0x12 is no address/);
      await refused(operator, ["cloud", "agent", "revoke", key.address], 6, /CloudRegistry_NotAnAgent\(/);
      await done(operator, ...set, "--scopes", "HOST");
      await refused(operator, [...set, "--scopes", "HOST"], 6, /CloudRegistry_AcceptanceUsed\(/);
    });
  });

  describe("cloud endpoint", function () {
    it("says where the cloud is reached", async function () {
      const { registry, operator } = await standing();
      const spki = id("spki");

      await done(operator, "cloud", "endpoint", "https://new.example", "--spki", spki);

      const { endpoint, spkiHash } = await registry.cloudOf(1);
      expect([endpoint, spkiHash]).to.deep.equal(["https://new.example", spki]);
      await refused(operator, ["cloud", "endpoint", "https://new.example"], 2, /--spki is missing/);
      await refused(operator, ["cloud", "endpoint", "x".repeat(300), "--spki", spki], 6, /CloudRegistry_/);
    });
  });

  describe("cloud recovery", function () {
    it("changes after two days, which who is in office can stop", async function () {
      const { registry, operator, other, key, acceptance, accept, recovery } = await standing();
      const propose = ["cloud", "recovery", "propose", "--with-signature", acceptance];
      await accept("--role", "Recovery", "--valid-until", "+7d");

      await done(operator, ...propose);
      const waiting = await done(operator, "cloud", "keys", "--json");
      expect(waiting.facts()).to.have.nested.property("recoveryChange.recovery", key.address);
      await refused(other, ["cloud", "recovery", "complete", "cloud-1"], 6, /CloudRegistry_NotReady\(/);
      await done(operator, "cloud", "recovery", "cancel", ...recovery);
      await refused(operator, ["cloud", "recovery", "cancel"], 6, /CloudRegistry_NothingPending\(/);

      await accept("--role", "Recovery", "--valid-until", "+8d");
      await done(operator, ...propose);
      const shown = await done(operator, "cloud", "keys", "cloud-1");
      expect(shown.stdout).to.match(new RegExp(`\nrecovery {4}to recovery ${key.address}, from 20`));
      await networkHelpers.time.increase(2 * DAY + 1);
      await networkHelpers.mine();
      await done(other, "cloud", "recovery", "complete", "cloud-1", "--json");
      expect(await registry.recoveryOf(1)).to.equal(key.address);
    });
  });

  describe("cloud replacement", function () {
    /** The members announced other keys for cloud 1. */
    async function announced() {
      const world = await standing();
      const { found } = world;
      const [account, recovery] = [spareKey(found, 0), spareKey(found, 1)];
      await announceReplacement(
        asSender(found.federation, found.governance),
        1,
        await account.getAddress(),
        await recovery.getAddress(),
        await acceptanceOf(found, account, 1, KeyRole.Account),
        await acceptanceOf(found, recovery, 1, KeyRole.Recovery),
      );
      return { ...world, account: await account.getAddress() };
    }

    it("takes effect after a week", async function () {
      const { registry, other, account } = await announced();

      await refused(other, ["cloud", "replacement", "execute", "1"], 6, /CloudRegistry_NotReady\(/);
      await networkHelpers.time.increase(7 * DAY + 1);
      await networkHelpers.mine();
      await done(other, "cloud", "replacement", "execute", "1");

      expect(await registry.accountOf(1)).to.equal(account);
    });

    it("is stopped by the cloud itself", async function () {
      const { registry, operator, other } = await announced();

      await refused(other, ["cloud", "replacement", "cancel", "1"], 6, /CloudRegistry_NotAuthorized\(/);
      await done(operator, "cloud", "replacement", "cancel");

      expect((await registry.pendingReplacement(1)).readyAt).to.equal(0n);
    });
  });

  describe("cloud suspension", function () {
    it("of its own is lifted by the recovery address", async function () {
      const { found, registry, operator, recovery } = await standing();
      await suspendSelf(asSender(found.federation, found.members[0].account), 1);

      await refused(operator, ["cloud", "suspension", "lift"], 6, /CloudRegistry_NotAuthorized\(/);
      await done(operator, "cloud", "suspension", "lift", ...recovery);

      expect(await registry.statusOf(1)).to.equal(BigInt(CloudStatus.Active));
    });

    it("by a guardian ends with its time, for anybody to say", async function () {
      const { found, registry, operator, other } = await standing();
      await suspend(asSender(found.federation, found.guardian), 1);

      await refused(other, ["cloud", "suspension", "end", "cloud-1"], 6, /CloudRegistry_NotLapsed\(/);
      await networkHelpers.time.increase(8 * DAY);
      await networkHelpers.mine();
      await done(operator, "cloud", "suspension", "end");

      const { status, suspension } = await registry.cloudOf(1);
      expect([status, suspension]).to.deep.equal([BigInt(CloudStatus.Active), 0n]);
    });
  });
});
