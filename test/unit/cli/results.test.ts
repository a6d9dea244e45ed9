import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { observationsOf, resultOf, standingOf } from "../../../src/index.js";
import { memberKey, operatorOf } from "../../fixtures/commandLine.js";
import { newVm, offeringFederation } from "../../fixtures/library.js";
import { done, hostedBy, refused } from "../../fixtures/operators.js";

const { networkHelpers } = await network.create();

const DAY = 86_400;

describe("blockchainbus: results and reputation", function () {
  let root: string;

  beforeEach(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  afterEach(async function () {
    await rm(root, { recursive: true });
  });

  async function operators() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const [home, host, witness] = await Promise.all([1, 2, 4].map((cloud) => operatorOf(root, found, cloud)));
    return { found, home: home!, host: host!, witness: witness! };
  }

  /** A VM of cloud 1 that cloud 2 hosts, with cloud 4's account as the witness; two windows are over. */
  async function hosted() {
    const world = await operators();
    const { found, home, host } = world;
    const terms = { windowMs: "60000", witnesses: { members: [memberKey(4).address], required: 1 } };
    const stay = await hostedBy(found, found.members[0], home, host, "cloud-2", terms);
    await done(host, "report", "open", stay.vm, "--paper", stay.paper);
    await networkHelpers.time.increase(130);
    await networkHelpers.mine();
    return { ...world, ...stay };
  }

  /** Window 0 is claimed by the host, and the home objects. */
  async function objected() {
    const world = await hosted();
    const { home, host, vm, paper } = world;
    await done(host, "report", "claim", vm, "--window", "0", "--availability-ppm", "1000000");
    await done(home, "report", "object", vm, "--window", "0", "--paper", paper);
    return { ...world, window: [vm, "--window", "0"] };
  }

  describe("report observe and report finalise", function () {
    it("end an objection by what the witness measured", async function () {
      const { found, home, witness, vm, paper, window } = await objected();
      const root32 = id("samples");
      const measured = ["--availability-ppm", "950000", "--samples-root", root32, "--paper", paper];

      const seen = await done(witness, "report", "observe", ...window, ...measured, "--json");
      const ended = await done(home, "report", "finalise", ...window, "--paper", paper, "--json");

      expect(seen.stderr).to.match(/^Observation\n {2}vm +0x/);
      expect(seen.stderr).to.match(/availabilityPpm +95 % \(950000\)/);
      const [observed] = await observationsOf(found.federation, vm, 2, 0);
      expect([observed?.witness, observed?.observation.samplesRoot]).to.deep.equal([memberKey(4).address, root32]);
      expect(ended.facts()).to.deep.include({ vm, sequence: 2, window: 0, state: "Witnessed" });
      const result = await resultOf(found.federation, vm, 2, 0);
      expect(result).to.include({ state: "Witnessed", isFinal: true });
      expect(result.metrics?.availabilityPpm).to.equal(950_000);
    });

    it("leave a dispute where nobody was heard in time, for which no paper is needed", async function () {
      const { found, host, vm, window } = await objected();

      await refused(host, ["report", "finalise", ...window], 6, /SlaOracle_StillObserving\(/);
      await networkHelpers.time.increase(8 * DAY);
      await networkHelpers.mine();
      const ended = await done(host, "report", "finalise", ...window);

      expect(ended.stderr).to.include("0 witnesses were heard");
      expect(ended.stdout).to.match(/^Disputed\nDone in block/);
      expect((await resultOf(found.federation, vm, 2, 0)).state).to.equal("Disputed");
    });

    it("are refused in one line", async function () {
      const { home, host, witness, paper, window } = await objected();
      const observe = ["report", "observe", ...window, "--paper", paper];
      const root32 = ["--samples-root", id("samples")];

      await refused(witness, observe, 2, /--samples-root is missing/);
      await refused(witness, [...observe, ...root32], 2, /none of --availability-ppm/);
      await refused(witness, [...observe, ...root32, "--cpu-ready-ppm", "1"], 5, /\/metrics\/measured/);
      await refused(witness, ["report", "observe", ...window, ...root32], 2, /--paper is missing/);
      await refused(host, [...observe, ...root32, "--availability-ppm", "1"], 6, /SlaOracle_NotAWitness\(/);
      await done(witness, ...observe, ...root32, "--availability-ppm", "1000000");
      await refused(home, ["report", "finalise", ...window], 2, /--paper is missing/);
    });
  });

  describe("reputation", function () {
    it("counts moves that ended, which anybody posts once", async function () {
      const { found, home, host, witness } = await operators();
      const vms = [await newVm(found, found.members[0]), await newVm(found, found.members[0])];
      const path = home.path("move.json");
      const agreed = async (vm: string) => {
        await done(home, "agree", vm, "--to", "2", "--site", "1", "--sign-only", "--out", path);
        await done(host, "agree", "--with-signature", path);
        await done(home, "start", vm);
      };
      await agreed(vms[0]!);
      await done(host, "complete", vms[0]!, "--sign-only", "--out", path);
      await done(home, "complete", "--with-signature", path);
      await agreed(vms[1]!);
      await done(host, "abort", vms[1]!, "--reason", "TransferFailed");

      const posted = await done(witness, "reputation", "post", "--json");
      const again = await done(witness, "reputation", "post");

      expect(posted.stderr).to.match(
        /move \d+ completed: stay 2 of 0x.*\n {2}move \d+ unfinished: from cloud-1 to cloud-2\n/,
      );
      expect(posted.facts()).to.have.nested.property("posted[0].kind", "completed");
      expect(posted.facts()).to.have.nested.property("posted[1].kind", "unfinished");
      expect(again.stdout).to.equal("Every move that ended is posted.\n");
      const { reputation } = found.federation;
      expect(await reputation.queryFilter(reputation.filters.MovePosted())).to.have.lengthOf(1);
      expect(await reputation.queryFilter(reputation.filters.UnfinishedPosted())).to.have.lengthOf(1);
      const listed = await done(witness, "reputation", "list", "--json");
      expect(listed.facts()).to.have.property("standings").with.lengthOf(4);
      const { score } = await standingOf(found.federation, 2);
      expect(listed.facts()).to.have.nested.property("standings[1].scorePercent", Number(score / 10n ** 14n) / 100);
    });

    it("counts final results, agreed and claimed ones together", async function () {
      const { found, home, host, vm, paper } = await hosted();
      const report = home.path("window-0.json");
      const argv = ["report", "agreed", vm, "--window", "0", "--availability-ppm", "999999"];
      await done(home, ...argv, "--sign-only", "--out", report);
      await done(host, "report", "agreed", "--with-signature", report);
      await done(host, "report", "claim", vm, "--window", "1", "--availability-ppm", "900000");
      await networkHelpers.time.increase(8 * DAY);
      await networkHelpers.mine();
      const results = ["reputation", "results", vm, "--window", "0", "--window", "1", "--paper", paper];

      await refused(home, ["reputation", "results", vm, "--paper", paper], 2, /--window is missing/);
      await refused(home, results, 2, /--result is missing/);
      await refused(home, [...results, "--result", paper], 5, /no report of window 0/);
      const run = await done(home, ...results, "--result", report, "--json");

      expect(run.facts()).to.deep.include({ vm, sequence: 2, windows: [0, 1] });
      const { reputation } = found.federation;
      const added = await reputation.queryFilter(reputation.filters.EvidenceAdded(2));
      const [one] = added.map(({ args }) => args.added);
      expect(one?.kept).to.equal(one?.broken);
      expect(one?.kept).to.not.equal(0n);
      await refused(host, [...results, "--result", report], 6, /ReputationLedger_ResultKnown\(/);
    });
  });
});
