import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import {
  Submitter,
  VmState,
  asSender,
  register,
  resultOf,
  setFeature,
  sitesOf,
  stays,
  vmIdOf,
  vmOf,
  withSubmitter,
} from "../../../src/index.js";
import { localIdOf } from "../../../src/cli/vmNames.js";
import {
  type Operator,
  PASSWORD,
  hardhatKey,
  leavesOf,
  memberKey,
  operatorOf,
  quickKeystore,
} from "../../fixtures/commandLine.js";
import { SMALL, newVm, offeringFederation } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

const WINDOW_SECONDS = 300;

describe("blockchainbus: commands", function () {
  let root: string;

  beforeEach(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  afterEach(async function () {
    await rm(root, { recursive: true });
  });

  async function done(operator: Operator, ...argv: string[]) {
    const run = await operator.run(...argv, "--yes");
    expect(run.exitCode, run.stderr).to.equal(0);
    return run;
  }

  async function operators() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const [home, host] = await Promise.all([operatorOf(root, found, 1), operatorOf(root, found, 2)]);
    return { found, home, host };
  }

  /** A VM of cloud 1 that moved to cloud 2 by a move; two windows of its stay are over. */
  async function hosted() {
    const world = await operators();
    const { found, home, host } = world;
    const vm = await newVm(found, found.members[0]);
    const [move, handover] = [home.path("move.json"), host.path("handover.json")];
    const terms = await home.write("terms.json", { witnesses: { members: [memberKey(4).address], required: 1 } });
    await done(home, "agree", vm, "--to", "2", "--site", "1", "--terms", terms, "--sign-only", "--out", move);
    await done(host, "agree", "--with-signature", move);
    await done(home, "start", vm);
    await done(host, "complete", vm, "--sign-only", "--out", handover);
    await done(home, "complete", "--with-signature", handover);
    await networkHelpers.time.increase(2 * WINDOW_SECONDS + 10);
    return { ...world, vm };
  }

  describe("outbox", function () {
    it("shows what was sent, and sees through what an earlier command could not", async function () {
      const { found, home } = await operators();
      expect((await done(home, "outbox")).stdout).to.equal("nothing was sent yet\n");
      await done(home, "vm", "register", "web-1", "--vcpu", "1");
      const submitter = new Submitter({
        chain: found.addressBook,
        nodes: [{ name: "dead", exchange: () => Promise.reject(new Error("connect ECONNREFUSED")) }],
        outbox: home.path("blockchainbus-outbox.sqlite"),
      });
      const sender = asSender(withSubmitter(found.federation, submitter), memberKey(1));
      const localId = id("left behind");
      const left = register(sender, 1, localId, SMALL, { timeoutMs: 1 }).catch((thrown: unknown) => thrown);
      expect(await left).to.have.property("code", "TIMEOUT");
      await submitter.close();

      const open = (await done(home, "outbox", "--json")).facts() as { open: object[]; settled: object[] };
      expect(open.open).to.have.length(1);
      expect(open.open[0]).to.include({ action: "register", state: "queued", transaction: null });
      expect(open.settled[0]).to.include({ action: "register", state: "final", reason: null });

      const over = (await done(home, "outbox", "--wait", "--json")).facts() as { open: object[]; settled: object[] };
      expect(over.open).to.deep.equal([]);
      expect(over.settled).to.have.length(2);
      const vm = await vmIdOf(found.federation, 1, localId);
      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Home);
    });

    it("tells why something failed", async function () {
      const { home } = await operators();
      await done(home, "vm", "register", "web-1", "--vcpu", "1");
      expect((await home.run("vm", "register", "web-1", "--vcpu", "1", "--yes")).exitCode).to.equal(6);
      expect((await done(home, "outbox")).stdout).to.match(/register +failed +MigrationLedger_AlreadyRegistered\(/);
    });
  });

  describe("vm", function () {
    it("registers under an own name, shows, lists, stops and restores", async function () {
      const { found, home } = await operators();

      const registered = await done(home, "vm", "register", "web-3", "--vcpu", "1.5", "--memory", "4", "--json");
      const { vm, localId } = registered.facts() as { vm: string; localId: string };
      const { salt } = JSON.parse(await readFile(home.profile, "utf8")) as { salt: string };

      expect(localId).to.equal(localIdOf(salt, "web-3"));
      expect((await done(home, "vm", "id", "web-3")).stdout).to.equal(`${vm}\n`);
      expect((await vmOf(found.federation, vm)).resources).to.include({ vcpuMilli: 1_500, memoryMiB: 4_096 });
      expect((await done(home, "vm", "show", "web-3")).stdout).to.include("resources  1.5 vCPU, 4 GiB memory");
      expect((await done(home, "vm", "list", "--home", "cloud-1", "--json")).facts()).to.have.nested.property(
        "vms[0].vm",
        vm,
      );
      expect((await done(home, "vm", "list", "--host", "cloud-2", "--json")).facts()).to.deep.equal({ vms: [] });
      expect((await home.run("vm", "restore", "web-3", "--yes")).exitCode).to.equal(6);
    });

    it("ends the stay of a VM abroad, and out of a move that was agreed", async function () {
      const { found, home, host, vm } = await hosted();
      const state = async () => (await vmOf(found.federation, vm)).state;

      await done(home, "agree", vm, "--to", "1", "--site", "1");
      await done(home, "vm", "stop", vm);
      expect(await state()).to.equal(VmState.Stopped);
      await done(home, "vm", "restore", vm);
      expect(await state()).to.equal(VmState.Home);
      const late = await host.run("vm", "notice", vm, "--until", "+8d", "--yes");
      expect(late.stderr.trim().split("\n").at(-1)).to.match(/^blockchainbus: MigrationLedger_WrongState\(/);
    });
  });

  describe("vm notice", function () {
    it("is given in time, shown as a date, and then the host releases", async function () {
      const { found, host, vm } = await hosted();
      const early = await host.run("vm", "notice", vm, "--until", "+6d", "--yes");
      const given = await done(host, "vm", "notice", vm, "--until", "+8d", "--json");

      const [, stay] = await stays(found.federation, vm);
      const until = new Date(Number(stay?.noticeUntil) * 1_000).toISOString().replace(".000Z", "Z");
      expect(early.exitCode).to.equal(6);
      expect(early.stderr.trim().split("\n").at(-1)).to.match(/^blockchainbus: MigrationLedger_NoticeTooShort\(/);
      expect(given.facts()).to.deep.include({ vms: [vm], until });
      expect(given.stderr).to.include(`Give notice until ${until} for:\n  ${vm}\n`);

      await networkHelpers.time.increase(8 * 86_400 + 1);
      await done(host, "vm", "release", vm);
      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Stopped);
    });
  });

  describe("offer", function () {
    it("is set with prices, listed and withdrawn", async function () {
      const { found, home } = await operators();
      const prices = await home.write("prices.json", { currency: "CHF", rates: { vcpuMilli: "7" } });

      await done(
        home,
        ...["offer", "set", "2", "--vcpu", "10", "--memory", "20", "--biggest", "vcpu=2,memory=4", "--until", "+30d"],
        ...["--prices", prices],
      );
      const [, site] = (await sitesOf(found.federation)).filter(({ cloud }) => cloud === 1);
      expect(site).to.deep.include({ site: 2, currency: "CHF" });
      expect(site?.biggest.vcpuMilli).to.equal(2_000);
      expect(site?.rates.vcpuMilli).to.equal(7n);
      expect((await done(home, "offer", "list", "1")).stdout).to.match(
        /cloud-1 +2 +10 vCPU, 20 GiB memory +nothing +20/,
      );

      await done(home, "offer", "withdraw", "2", "--json");
      const { offers } = (await done(home, "offer", "list", "--json")).facts() as { offers: object[] };
      expect(offers).to.have.lengthOf(4);
    });
  });

  describe("offer attest", function () {
    it("is the attester's", async function () {
      const { found, home } = await operators();
      const { exchange } = found.federation;
      await setFeature(asSender(found.federation, found.governance), 130, "TEE");
      const keystore = await home.write("attester.json", await quickKeystore(hardhatKey(3), PASSWORD));
      await chmod(keystore, 0o600);
      const argv = ["offer", "attest", "cloud-2", "1", "--features", "130", "--yes"];

      const own = await home.run(...argv);
      await done(home, ...argv, "--keystore", keystore);
      const without = await home.run("offer", "attest", "cloud-2", "1", "--yes");

      expect(own.exitCode).to.equal(6);
      expect(await exchange.featuresOf(2, 1)).to.equal(1n << 130n);
      expect(without.stderr).to.equal("blockchainbus: --features is missing\n");
      expect(without.exitCode).to.equal(2);
    });
  });

  describe("report", function () {
    it("is agreed by files: one transaction for several windows", async function () {
      const { found, home, host, vm } = await hosted();
      await done(host, "report", "open", vm);
      const files: string[] = [];
      for (const window of ["0", "1"]) {
        const file = home.path(`window-${window}.json`);
        const metrics = ["--window", window, "--availability-ppm", "999950", "--loss-ppm", "3"];
        await done(home, "report", "agreed", vm, ...metrics, "--sign-only", "--out", file);
        files.push("--with-signature", file);
      }

      const run = await done(host, "report", "agreed", ...files, "--json");

      expect(run.facts()).to.have.property("documents").with.lengthOf(2);
      expect(run.stderr).to.match(/availabilityPpm +99.995 % \(999950\)/);
      expect(run.stderr).to.match(/measured +availabilityPpm, lossPpm \(65\)/);
      for (const window of [0, 1]) {
        expect(await resultOf(found.federation, vm, 2, window)).to.include({ state: "Agreed", isFinal: true });
      }
    });

    it("is claimed by one side, and objected to by the other", async function () {
      const { home, host, vm } = await hosted();
      await done(host, "report", "open", vm);
      await done(host, "report", "claim", vm, "--window", "0", "--availability-ppm", "999999");

      const shown = await done(home, "report", "show", vm, "--window", "0");
      await done(home, "report", "object", vm, "--window", "0", "--json");

      expect(shown.stdout).to.include("Claimed, claimed by cloud-2\n  availabilityPpm  999999\n");
      expect((await done(home, "report", "show", vm, "--window", "0", "--json")).facts()).to.include({
        state: "Objected",
        isFinal: false,
      });
    });

    it("needs the paper of an agreement that was no move", async function () {
      const { found, home, host } = await operators();
      const vm = await newVm(found, found.members[0]);
      const paper = home.path("record.json");
      await done(home, "record", vm, "--to", "2", "--site", "1", "--sign-only", "--out", paper);
      await done(host, "record", "--with-signature", paper);

      const without = await home.run("report", "open", vm, "--yes");
      await done(home, "report", "open", vm, "--paper", paper);

      expect(without.exitCode).to.equal(2);
      expect(without.stderr).to.match(/--paper is missing: the file of the document with agreement 0x[0-9a-f]{64}\n$/);
      expect((await home.run("report", "show", vm, "--window", "0", "--json")).facts()).to.include({ state: "None" });
    });
  });

  describe("statement", function () {
    it("is of the own cloud unless another is named, in any format", async function () {
      const { home } = await operators();
      const period = ["--from", "2020-01-01", "--to", "2100-01-01"];

      const text = await done(home, "statement", ...period);
      const json = await done(home, "statement", ...period, "--cloud", "cloud-2", "--json");
      const csv = await done(home, "statement", ...period, "--format", "csv");

      expect(text.stdout).to.match(/^Statement of cloud-1, booked from 2020-01-01T00:00:00Z/);
      expect(json.facts()).to.include({ cloud: 2, label: "cloud-2" });
      expect(csv.stdout).to.match(/^bookedAt,line,with/);
    });
  });

  describe("governance", function () {
    it("shows the federation, and acts with the profile's key", async function () {
      const { home } = await operators();

      const shown = await done(home, "governance", "show", "--json");
      const suspended = await home.at({ isTty: true, answers: ["y"] }, "governance", "suspend-self");

      expect(shown.facts()).to.have.nested.property("clouds[0].label", "cloud-1");
      expect(suspended.exitCode, suspended.stderr).to.equal(0);
      expect(suspended.stderr).to.match(/^Cloud 1 suspends itself/);
      expect(suspended.questions[0]).to.include("Send it?");
      expect((await home.run("cloud", "list")).stdout).to.include("cloud-1  Suspended");
    });
  });

  describe("--json", function () {
    it("parses for every command, whether it is done or refused", async function () {
      const { home, vm } = await hosted();
      const nothing = home.path("nothing.json");
      const samples: readonly (readonly string[])[] = [
        ["cloud", "list"],
        ["cloud", "show", "1"],
        ["cloud", "keys"],
        ["cloud", "accept"],
        ["cloud", "agent", "list"],
        ["cloud", "agent", "set", "--scopes", "HOST"],
        ["cloud", "agent", "revoke", memberKey(1).address],
        ["cloud", "agent", "revoke-all"],
        ["cloud", "endpoint", "https://cloud-1.example", "--spki", id("spki")],
        ["cloud", "recovery", "propose"],
        ["cloud", "recovery", "complete"],
        ["cloud", "recovery", "cancel"],
        ["cloud", "replacement", "execute"],
        ["cloud", "replacement", "cancel"],
        ["cloud", "suspension", "lift"],
        ["cloud", "suspension", "end"],
        ["where", vm],
        ["history", vm],
        ["match", "--vcpu", "1"],
        ["vm", "list"],
        ["vm", "show", vm],
        ["vm", "id", "web-9"],
        ["vm", "register", "web-9", "--vcpu", "1"],
        ["vm", "notice", vm, "--until", "+7d"],
        ...["release", "restore", "terminate", "contest-loss", "withdraw-loss", "expire"].map((name) => [
          "vm",
          name,
          vm,
        ]),
        ["vm", "declare-lost", vm],
        ["vm", "amend", vm, "--sign-only"],
        ["vm", "evacuate", vm, "--to", "3"],
        ["vm", "succeed", vm],
        ["vm", "adopt", vm],
        ["revoke", nothing],
        ["offer", "list"],
        ["offer", "set", "7", "--vcpu", "1"],
        ["offer", "withdraw", "7"],
        ["offer", "attest", "1", "1", "--features", "128"],
        ["agree", "web-9", "--to", "2", "--site", "1", "--sign-only"],
        ["start", vm],
        ["complete", vm],
        ["record", vm, "--to", "9"],
        ["abort", vm],
        ["report", "show", vm, "--window", "0"],
        ["report", "open", vm],
        ["report", "agreed", "--with-signature", nothing],
        ["report", "claim", vm, "--window", "0", "--availability-ppm", "1"],
        ["report", "object", vm, "--window", "0"],
        ["report", "observe", vm, "--window", "0", "--availability-ppm", "1"],
        ["report", "finalise", vm, "--window", "0"],
        ["reputation", "list"],
        ["reputation", "post"],
        ["reputation", "results", vm, "--window", "0"],
        ["vm", "stop", vm],
        ["charge", "show", vm],
        ["charge", "balances"],
        ["charge", "settle", vm],
        ["charge", "credit", vm, "--window", "0"],
        ["charge", "note", "--debtor", "2", "--amount", "1", "--currency", "EUR", "--sign-only"],
        ["charge", "netting", "--with-signature", nothing],
        ["charge", "paid", "2", "--amount", "1", "--currency", "EUR", "--reference", "1"],
        ["statement", "--from", "2020-01-01", "--to", "2100-01-01"],
        ["governance", "show"],
        ["outbox"],
        ["completion", "bash"],
      ];
      const handed = ["oracle", "network", "genesis"];
      for (const sample of samples) {
        const { exitCode, stdout, stderr } = await home.run(...sample, "--json", "--yes");
        const where = `${sample.join(" ")}: ${stderr}`;
        const printed = exitCode === 0 ? stdout : (stderr.trim().split("\n").at(-1) ?? "");
        expect(() => JSON.parse(printed) as unknown, where).to.not.throw();
        if (exitCode !== 0) expect(stdout, where).to.equal("");
        if (exitCode !== 0) expect(JSON.parse(printed), where).to.have.nested.property("error.exitCode", exitCode);
        expect(exitCode, where).to.not.equal(1);
      }
      const told = leavesOf().filter(
        (path) => !samples.some((sample) => `${sample.join(" ")} `.startsWith(`${path} `)),
      );
      expect(told).to.deep.equal(handed);
    });
  });
});
