import { chmod, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { Wallet, encodeBytes32String, id } from "ethers";
import { network } from "hardhat";

import { AgentScope, KeyRole, asSender, balanceOf, chargeOf, creditOf, setAgent } from "../../../src/index.js";
import { type Operator, PASSWORD, operatorOf, quickKeystore } from "../../fixtures/commandLine.js";
import { acceptanceOf, chainTime, newVm, offeringFederation } from "../../fixtures/library.js";
import { done, hostedBy, refused } from "../../fixtures/operators.js";

const { networkHelpers } = await network.create();

/** 3.6 CHF for an hour of a CPU: 0.002 CHF a second for two. */
const TERMS = { price: { currency: "CHF", rates: { vcpuMilli: "3600000000" } }, windowMs: "60000" };

/** What two CPUs cost in a second, in 1e-9 CHF. */
const SECOND = 2_000_000n;

describe("blockchainbus: charges", function () {
  let root: string;

  beforeEach(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  afterEach(async function () {
    await rm(root, { recursive: true });
  });

  async function operators() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const [home, host, third] = await Promise.all([1, 2, 3].map((cloud) => operatorOf(root, found, cloud)));
    return { found, home: home!, host: host!, third: third! };
  }

  /** A VM of cloud 1 that cloud 2 hosts for a price; two windows are over. */
  async function hosted(price: object = {}) {
    const world = await operators();
    const { found, home, host } = world;
    const terms = { ...TERMS, price: { ...TERMS.price, ...price } };
    const { vm, paper } = await hostedBy(found, found.members[0], home, host, "cloud-2", terms);
    const startedAt = (await found.federation.ledger.stayOf(vm, 2)).startedAt;
    await networkHelpers.time.increase(130);
    await networkHelpers.mine();
    return { ...world, vm, paper, startedAt };
  }

  const at = (time: bigint) => new Date(Number(time)).toISOString();

  describe("charge settle", function () {
    it("charges up to a time, once, and shows what is booked", async function () {
      const { found, home, host, vm, paper, startedAt } = await hosted();
      const { federation } = found;
      const to = at(startedAt + 100_000n);
      const before = await done(home, "charge", "show", vm, "--json");

      const first = await done(host, "charge", "settle", vm, "--paper", paper, "--to", to, "--json");
      const again = await done(home, "charge", "settle", vm, "--paper", paper, "--to", to);
      const shown = await done(home, "charge", "show", vm);

      expect(before.facts()).to.deep.include({ vm, sequence: 2, currency: null, posted: "0", settledThrough: null });
      expect(first.facts()).to.include({ vm, sequence: 2, amount: String(100n * SECOND), currency: "CHF" });
      expect(first.stderr).to.include("The price of its agreement is on the chain from then on");
      expect(again.stdout).to.match(/^Nothing was left to book\.\nDone in block/);
      expect(shown.stdout).to.include("  price     7.2 CHF per hour\n  charged   0.2 CHF\n");
      expect(await balanceOf(federation, 2, 1, "CHF")).to.equal(100n * SECOND);
      expect(await chargeOf(federation, vm, 2)).to.include({ settledThrough: startedAt + 100_000n });
      const balances = await done(home, "charge", "balances");
      expect(balances.stdout).to.match(/\ncloud-1 +cloud-2 +0\.2 +CHF\n/);
      expect((await done(home, "charge", "balances", "3", "--json")).facts()).to.deep.equal({ debts: [] });
    });

    it("is signed by both with --joint, where the price asks for it", async function () {
      const { found, home, host, vm, paper, startedAt } = await hosted({ settlement: 1 });
      const path = home.path("joint.json");
      const to = at(startedAt + 60_000n);

      await refused(host, ["charge", "settle", vm, "--paper", paper, "--to", to], 6, /ChargingLedger_JointOnly\(/);
      const out = await done(
        home,
        "charge",
        "settle",
        vm,
        "--joint",
        "--to",
        to,
        "--sign-only",
        "--out",
        path,
        "--json",
      );
      await refused(host, ["charge", "settle", "--joint", "--with-signature", path], 2, /--paper is missing/);
      const run = await done(host, "charge", "settle", "--joint", "--with-signature", path, "--paper", paper, "--json");

      expect(out.facts()).to.deep.include({ name: "JointSettlement", signed: [1], missing: [2] });
      expect(run.stderr).to.match(/^JointSettlement\n {2}vm +0x[0-9a-f]{64}\n {2}sequence +2\n {2}to +20/);
      expect(run.facts()).to.include({ amount: String(60n * SECOND), currency: "CHF" });
      expect(await balanceOf(found.federation, 2, 1, "CHF")).to.equal(60n * SECOND);
    });

    it("is refused in one line", async function () {
      const { found, home, third, vm, paper } = await hosted();
      const { paper: other } = await hostedBy(found, found.members[0], home, await operatorOf(root, found, 2), "2");
      const atHome = await newVm(found, found.members[0]);

      await refused(home, ["charge", "settle"], 2, /VM is missing/);
      await refused(home, ["charge", "settle", vm], 2, /--paper is missing: .* agreement 0x/);
      await refused(home, ["charge", "settle", vm, "--paper", other], 5, /not the document with agreement/);
      await refused(home, ["charge", "settle", atHome, "--paper", paper], 2, /runs under no agreement/);
      await refused(home, ["charge", "settle", vm, "--sign-only"], 2, /go with --joint/);
      await refused(
        home,
        ["charge", "settle", vm, "--paper", paper, "--to", "2090-01-01"],
        6,
        /ChargingLedger_InFuture\(/,
      );
      await refused(third, ["charge", "settle", vm, "--paper", paper], 6, /ChargingLedger_NotAParty\(/);
      await refused(
        home,
        ["charge", "settle", vm, "--joint", "--to", "2026-01-01", "--paper", paper],
        5,
        /has not signed/,
      );
    });
  });

  describe("charge credit", function () {
    it("credits an agreed result out of its report's file", async function () {
      const { found, home, host, vm, paper } = await hosted();
      const report = home.path("window-0.json");
      await done(host, "report", "open", vm, "--paper", paper);
      const argv = ["report", "agreed", vm, "--window", "0", "--availability-ppm", "900000"];
      await done(home, ...argv, "--sign-only", "--out", report);
      await done(host, "report", "agreed", "--with-signature", report);
      const credit = ["charge", "credit", vm, "--window", "0", "--paper", paper];

      await refused(home, credit, 2, /--result is missing/);
      await refused(home, [...credit, "--result", paper], 5, /no report of window 0 of stay 2 of 0x/);
      const run = await done(home, ...credit, "--result", report, "--json");

      // 30 % of the window, as the default tiers say.
      const amount = (60n * SECOND * 3n) / 10n;
      expect(run.facts()).to.include({ vm, window: 0, credit: String(amount), currency: "CHF" });
      expect(await creditOf(found.federation, vm, 2, 0)).to.equal(amount);
      expect((await done(home, "charge", "show", vm, "--window", "0")).stdout).to.include("  credit    0.036\n");
    });

    it("waits for a claim to be final, and then needs no file", async function () {
      const { found, home, host, vm, paper } = await hosted();
      await done(host, "report", "open", vm, "--paper", paper);
      await done(home, "report", "claim", vm, "--window", "1", "--availability-ppm", "995000");
      const credit = ["charge", "credit", vm, "--window", "1", "--paper", paper];

      await refused(home, credit, 6, /SlaOracle_NotFinal\(/);
      await networkHelpers.time.increase(8 * 86_400);
      await networkHelpers.mine();
      await done(host, ...credit);

      expect(await creditOf(found.federation, vm, 2, 1)).to.equal((60n * SECOND) / 10n);
      await refused(home, ["charge", "credit", vm, "--paper", paper], 2, /--window is missing/);
    });
  });

  describe("charge note", function () {
    it("is signed by both accounts, and posted with others at once", async function () {
      const { found, home, host } = await operators();
      const [first, second] = [home.path("first.json"), home.path("second.json")];
      const argv = ["charge", "note", "--currency", "EUR", "--sign-only", "--out"];

      const out = await done(home, ...argv, first, "--debtor", "cloud-2", "--amount", "12.5", "--reason", "CORRECTION");
      await done(home, ...argv, second, "--creditor", "2", "--amount", "2");
      const run = await done(host, "charge", "note", "--with-signature", first, "--with-signature", second, "--json");

      expect(out.stderr).to.match(/creditor +cloud-1 \(1\)\n {2}debtor +cloud-2 \(2\)/);
      expect(out.stderr).to.match(/amount +12.5 EUR \(12500000000\)/);
      expect(out.stderr).to.match(/reason +CORRECTION \(2\)/);
      expect(run.stderr).to.include("Post:\n  cloud-2 owes cloud-1 12.5 EUR more\n  cloud-1 owes cloud-2 2 EUR more\n");
      const { documents } = run.facts() as { documents: string[] };
      for (const document of documents) expect(await found.federation.charging.isPosted(document)).to.equal(true);
      expect(await balanceOf(found.federation, 1, 2, "EUR")).to.equal(10_500_000_000n);
      await refused(host, ["charge", "note", "--with-signature", first], 6, /ChargingLedger_NoteAlreadyPosted\(/);
    });

    it("replaces what a stay was charged", async function () {
      const { found, home, host, vm, paper, startedAt } = await hosted();
      const path = host.path("note.json");
      const to = at(startedAt + 100_000n);
      await done(host, "charge", "settle", vm, "--paper", paper, "--to", to);
      const argv = ["charge", "note", "--debtor", "1", "--amount", "0.05", "--currency", "CHF", "--vm", vm];

      await done(host, ...argv, "--through", to, "--sign-only", "--out", path);
      await done(home, "charge", "note", "--with-signature", path);

      expect(await balanceOf(found.federation, 2, 1, "CHF")).to.equal(50_000_000n);
      expect(await chargeOf(found.federation, vm, 2)).to.include({ posted: 0n, replacedThrough: startedAt + 100_000n });
    });

    it("is refused in one line, and never signed by an agent", async function () {
      const { found, home, host } = await operators();
      const note = ["charge", "note", "--debtor", "2", "--currency", "EUR"];
      const [{ account, cloud }] = found.members;
      const agent = new Wallet(id("agent"));
      const keystore = await home.write("agent.json", await quickKeystore(agent, PASSWORD));
      await chmod(keystore, 0o600);
      const until = (await chainTime(found.federation)) + 86_400_000n;
      const acceptance = await acceptanceOf(found, agent, cloud, KeyRole.Agent);
      await setAgent(
        asSender(found.federation, account),
        cloud,
        agent.address,
        AgentScope.REPORT,
        until,
        [],
        acceptance,
      );

      await refused(home, ["charge", "note", "--currency", "EUR"], 2, /--creditor or --debtor is missing/);
      await refused(home, note, 2, /--amount is missing/);
      await refused(home, [...note, "--amount", "-1"], 2, /argument missing|--amount: -1 is no amount/);
      await refused(home, [...note, "--amount", "1.0000000001"], 2, /is no amount with 9 decimals/);
      await refused(home, [...note, "--amount", "0"], 5, /\/amount: .* is not more than zero/);
      await refused(home, [...note, "--amount", "1", "--stay", "1"], 2, /--stay and --through go with --vm/);
      await refused(home, [...note, "--amount", "1", "--reason", "NETTING"], 2, /Allowed choices are UNSPECIFIED/);
      await refused(home, [...note, "--amount", "1"], 5, /cloud-2 \(debtor\) has not signed/);
      await refused(home, [...note, "--amount", "1", "--sign-only", "--keystore", keystore], 3, /is an agent/);
      await refused(
        host,
        ["charge", "note", "--creditor", "3", "--debtor", "1", "--amount", "1", "--currency", "EUR", "--sign-only"],
        2,
        /nothing to sign here/,
      );
    });

    it("can be taken back before it is posted", async function () {
      const { home, host } = await operators();
      const path = home.path("note.json");
      await done(
        home,
        "charge",
        "note",
        "--debtor",
        "2",
        "--amount",
        "1",
        "--currency",
        "EUR",
        "--sign-only",
        "--out",
        path,
      );

      await done(home, "revoke", path);

      await refused(host, ["charge", "note", "--with-signature", path], 6, /ChargingLedger_Withdrawn\(/);
    });
  });

  describe("charge netting", function () {
    /** `debtor` owes `creditor` more from now on. */
    async function owe(creditor: Operator, debtor: Operator, debtorLabel: string, amount: string) {
      const path = creditor.path("owed.json");
      const argv = ["charge", "note", "--debtor", debtorLabel, "--amount", amount, "--currency", "EUR"];
      await done(creditor, ...argv, "--sign-only", "--out", path);
      await done(debtor, "charge", "note", "--with-signature", path);
    }

    /** 1 owes 2, 2 owes 3, 3 owes 1. */
    async function circle() {
      const world = await operators();
      const { home, host, third } = world;
      await owe(host, home, "cloud-1", "10");
      await owe(third, host, "cloud-2", "7");
      await owe(home, third, "cloud-3", "4");
      return world;
    }

    it("lowers all debts of a circle, signed by three who send each other folders", async function () {
      const { found, home, host, third } = await circle();
      const { federation } = found;
      const [one, two] = [home.path("round"), host.path("round")];

      const out = await done(home, "charge", "netting", "--sign-only", "--out", one, "--json");
      await refused(host, ["charge", "netting", "--with-signature", one], 5, /has not signed/);
      const next = await done(host, "charge", "netting", "--with-signature", one, "--sign-only", "--out", two);
      const run = await done(third, "charge", "netting", "--with-signature", two, "--json");

      expect((out.facts() as { documents: object[] }).documents).to.have.lengthOf(3);
      expect(await readdir(one)).to.deep.equal(["01.json", "02.json", "03.json"]);
      expect((await stat(one)).mode & 0o777).to.equal(0o700);
      expect(out.stderr).to.include("cloud-1 owes cloud-2 4 EUR less\n");
      expect(next.stdout).to.include(`written to ${two}; still to sign: cloud-3 (`);
      expect(run.facts()).to.have.property("documents").with.lengthOf(3);
      const left = await Promise.all([
        balanceOf(federation, 2, 1, "EUR"),
        balanceOf(federation, 3, 2, "EUR"),
        balanceOf(federation, 1, 3, "EUR"),
      ]);
      expect(left).to.deep.equal([6_000_000_000n, 3_000_000_000n, 0n]);
      const none = await home.run("charge", "netting", "--sign-only", "--out", home.path("more"));
      expect([none.exitCode, none.stdout]).to.deep.equal([9, "No debts go round in a circle.\n"]);
    });

    it("may be proposed by a cloud outside the circle, which signs nothing", async function () {
      const { found, home } = await circle();
      const outside = await operatorOf(root, found, 4);
      const round = outside.path("round");

      const run = await done(outside, "charge", "netting", "--sign-only", "--out", round, "--json");
      await done(home, "charge", "netting", "--with-signature", round, "--sign-only", "--out", home.path("round"));

      expect(run.facts()).to.deep.nested.include({ "documents[0].signed": [] });
      expect(run.stderr).to.equal("");
      const again = ["charge", "netting", "--with-signature", round, "--sign-only", "--out", round];
      await refused(outside, again, 2, /cloud 4 has nothing to sign here/);
    });

    it("is not signed in part, in another order, or after the books have changed", async function () {
      const { home, host, third } = await circle();
      const round = home.path("round");
      const sign = ["charge", "netting", "--with-signature", round, "--sign-only", "--out", host.path("round")];
      await refused(home, ["charge", "netting", "--sign-only"], 2, /several documents go into a folder: --out/);
      await done(home, "charge", "netting", "--sign-only", "--out", round, "--currency", "EUR");

      await refused(host, ["charge", "note", "--with-signature", round], 2, /by charge netting/);
      await rename(join(round, "01.json"), join(round, "09.json"));
      await refused(host, sign, 5, /not all notes of one round, in its order/);
      await rename(join(round, "09.json"), join(round, "01.json"));
      await done(home, "charge", "paid", "3", "--amount", "4", "--currency", "EUR", "--reference", "2026-1");
      await refused(host, sign, 2, /the books have changed: cloud-3 owes cloud-1 0 EUR, less than falls/);
      await refused(third, ["charge", "netting", "--currency", "XYZ"], 2, /XYZ/);
    });
  });

  describe("charge paid", function () {
    it("lowers what is owed, once for each reference", async function () {
      const { found, host, vm, paper, startedAt } = await hosted();
      await done(host, "charge", "settle", vm, "--paper", paper, "--to", at(startedAt + 100_000n));
      const argv = ["charge", "paid", "cloud-1", "--currency", "CHF", "--reference", "2026-0042", "--amount"];

      const run = await done(host, ...argv, "0.15", "--json");

      expect(run.stderr).to.match(/^cloud-1 has paid 0\.15 CHF to cloud-2\.\n/);
      expect(run.facts()).to.include({ creditor: 2, debtor: 1, reference: encodeBytes32String("2026-0042") });
      expect(await balanceOf(found.federation, 2, 1, "CHF")).to.equal(50_000_000n);
      await refused(host, [...argv, "0.01"], 6, /ChargingLedger_AlreadyAcknowledged\(/);
      const long = "a reference that is longer than 31 bytes";
      await refused(host, ["charge", "paid", "1", "--amount", "1", "--currency", "CHF"], 2, /--reference is missing/);
      await refused(
        host,
        ["charge", "paid", "1", "--amount", "1", "--currency", "CHF", "--reference", long],
        2,
        /neither 32 bytes in hex nor 1 to 31 bytes of text/,
      );
      await refused(host, ["charge", "paid", "1", "--amount", "1", "--currency", "ZZZ"], 2, /ZZZ/);
    });
  });
});
