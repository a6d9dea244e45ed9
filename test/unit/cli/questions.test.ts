import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { localIdOf } from "../../../src/cli/vmNames.js";
import { type Federation, asSender, register, setEndpoint } from "../../../src/index.js";
import { operatorOf } from "../../fixtures/commandLine.js";
import { type TestFederation, SMALL, newVm, offeringFederation, recordAbroad } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

/** A VM of cloud 1 that cloud 2 hosts. */
async function abroad(found: TestFederation): Promise<string> {
  const [home, host] = found.members;
  const vm = await newVm(found, home);
  await recordAbroad(found, home, host, [vm]);
  return vm;
}

describe("blockchainbus: questions", function () {
  let root: string;

  before(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  after(async function () {
    await rm(root, { recursive: true });
  });

  async function standing() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    return { found, operator: await operatorOf(root, found, 1) };
  }

  describe("cloud list", function () {
    it("prints a table, and facts with --json", async function () {
      const { found, operator } = await standing();

      const table = await operator.run("cloud", "list");
      const json = await operator.run("cloud", "list", "--json");

      const account = await found.members[0].account.getAddress();
      expect(table.exitCode, table.stderr).to.equal(0);
      expect(table.stdout.split("\n")[1]).to.equal(`    1  cloud-1  Active  ${account}  https://cloud-1.example`);
      expect(json.facts()).to.have.nested.property("clouds[3].label", "cloud-4");
      expect(json.stderr).to.equal("");
    });

    it("has colour on a terminal only, and not with NO_COLOR", async function () {
      const { operator } = await standing();

      const terminal = await operator.at({ isTty: true, env: {} }, "cloud", "list");
      const plain = await operator.at({ isTty: true, env: { NO_COLOR: "1" } }, "cloud", "list");

      expect(terminal.stdout).to.include("\u001b[32mActive\u001b[39m");
      expect(plain.stdout).to.not.include("\u001b");
      expect((await operator.run("cloud", "list")).stdout).to.equal(plain.stdout);
    });
  });

  describe("what others wrote", function () {
    it("moves no cursor", async function () {
      const { found, operator } = await standing();
      const endpoint = "https://a.example/\u001b[2J\u202e\u009b1A";
      const [{ account, cloud }] = found.members;
      await setEndpoint(asSender(found.federation, account), cloud, endpoint, id("spki"));

      const { stdout } = await operator.run("cloud", "list");
      const json = await operator.run("cloud", "show", "1", "--json");

      expect(stdout.split("\n")[1]).to.match(/https:\/\/a\.example\/\?\[2J\?\?1A$/);
      expect(json.facts()).to.include({ endpoint });
    });
  });

  describe("cloud show", function () {
    it("tells of one cloud, by label or number", async function () {
      const { operator } = await standing();

      const byLabel = await operator.run("cloud", "show", "cloud-2", "--json");
      const byNumber = await operator.run("cloud", "show", "2");

      expect(byLabel.facts()).to.deep.include({ cloud: 2, status: "Active" });
      expect(byLabel.facts()).to.have.nested.property("reputation.scorePercent", 50);
      expect(byNumber.stdout).to.include("site 1\n  offered   200 vCPU, 400 GiB memory, 4000 GiB storage");
    });
  });

  describe("where", function () {
    it("tells the host now and at a time", async function () {
      const { found, operator } = await standing();
      const vm = await abroad(found);

      expect((await operator.run("where", vm, "--json")).facts()).to.deep.include({ host: 2, label: "cloud-2" });
      const before = await operator.run("where", vm, "--at", "2020-01-01", "--json");
      expect(before.facts()).to.deep.include({ at: "2020-01-01T00:00:00Z", host: 0, label: null });
      expect((await operator.run("where", vm)).stdout).to.match(/^cloud-2 at \d{4}-/);
    });

    it("knows a VM by its home's own name", async function () {
      const { found, operator } = await standing();
      const federation: Federation = asSender(found.federation, found.members[0].account);
      await register(federation, 1, localIdOf(id("salt of 1"), "web-3"), SMALL);

      const { exitCode, stdout, stderr } = await operator.run("where", "web-3");

      expect(exitCode, stderr).to.equal(0);
      expect(stdout).to.match(/^cloud-1 at /);
    });
  });

  describe("history", function () {
    it("tells each stay with who signed", async function () {
      const { found, operator } = await standing();
      const vm = await abroad(found);

      const json = (await operator.run("history", vm, "--json")).facts();
      const { stdout } = await operator.run("history", vm);

      expect(json).to.have.nested.property("stays[1].document", "Record");
      expect(json).to.have.nested.property("stays[1].signers[1].cloud", 2);
      expect(stdout.split("\n")[2]).to.match(/cloud-2 .* now +Record 0x[0-9a-f]{8} +cloud-1, cloud-2$/);
    });
  });

  describe("match", function () {
    it("ranks who would take it, and says why others do not", async function () {
      const { operator } = await standing();

      const argv = ["match", "--vcpu", "2", "--memory", "4", "--storage", "40", "--except", "cloud-1"];
      const { exitCode, stdout } = await operator.run(...argv);
      const json = (await operator.run(...argv, "--reputation-weight", "0.5", "--json")).facts();

      expect(exitCode).to.equal(0);
      expect(stdout).to.match(
        /^cloud +site +score +room left +per hour +trust\ncloud-2 +1 +0\.\d{3} +99\.0 % +0\.04 EUR +-/,
      );
      expect(json).to.have.property("candidates").with.lengthOf(3);
      expect(json).to.have.nested.property("candidates[0].trust", 0.5);
    });

    it("exits with 9 where nobody would", async function () {
      const { operator } = await standing();

      const { exitCode, stdout } = await operator.run("match", "--vcpu", "17");

      expect(exitCode).to.equal(9);
      expect(stdout).to.include("No site would take it.");
      expect(stdout).to.include("CapacityExchange_VmTooBig(cloud: 2, site: 1, index: 0, lane: 0, asked: 17000");
    });

    it("takes VMs as they are registered, without asking their host", async function () {
      const { found, operator } = await standing();
      const vm = await abroad(found);

      const { candidates } = (await operator.run("match", "--vm", vm, "--json")).facts() as {
        candidates: { cloud: number }[];
      };

      expect(candidates.map(({ cloud }) => cloud)).to.deep.equal([1, 3, 4]);
    });
  });
});
