import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AgentScope, buildMetrics, publicReport, saltedMetricsHash } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  HOME,
  HOST,
  OTHER,
  as,
  bindAgent,
  federation,
  nextBlockAt,
  nowMs,
  pass,
} from "../../fixtures/federation.js";
import {
  CLAIM_WITHIN,
  NO_METRICS,
  WINDOW,
  claim,
  endedWindow,
  hostedStay,
  object,
  openStay,
  passWindow,
  reportAgreed,
  reportOf,
  resultOf,
  signReport,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

const LOW_248 = (1n << 248n) - 1n;

describe("SlaOracle", function () {
  describe("reportAgreed", function () {
    it("is final at once, and shows nothing but a hash", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const report = reportOf(stay);
      const hash = saltedMetricsHash(report.metrics);

      await expect(reportAgreed(world, report))
        .to.emit(world.oracle, "WindowAgreed")
        .withArgs(stay.vm, stay.sequence, 0, hash);

      const result = await resultOf(world, stay);
      expect(result).to.deep.equal({
        state: "Agreed",
        isFinal: true,
        claimant: 0n,
        since: 0n,
        observations: 0n,
        metrics: NO_METRICS,
        commitment: `0x${(BigInt(hash) & LOW_248).toString(16).padStart(64, "0")}`,
      });
    });

    it("takes 64 windows of several stays at once, in any order", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const first = await openStay(world);
      const second = await openStay(world, { destination: OTHER });
      await passWindow(world, second, 63);
      const reports = Array.from({ length: 32 }, (_, i) => [reportOf(first, 63 - i), reportOf(first, i)]).flat();
      const mixed = [...reports.slice(0, 62), reportOf(second, 0), reportOf(first, 32)];
      const signatures = await Promise.all(
        mixed.map((report) => signReport(world, report, report.vm === first.vm ? [HOME, HOST] : [HOME, OTHER])),
      );

      await world.oracle.reportAgreed(mixed.map(publicReport), signatures.flat());

      for (const window of [0, 1, 30, 32, 33, 63]) {
        expect((await resultOf(world, first, window)).state, `window ${window}`).to.equal("Agreed");
      }
      expect((await resultOf(world, first, 31)).state).to.equal("None");
      expect((await resultOf(world, second, 0)).state).to.equal("Agreed");
    });

    it("is signed by agents with REPORT, or by a contract's account", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world, { destination: CONTRACT });
      const agent = world.spare[0]!;
      await bindAgent(world, HOME, agent, { scopes: AgentScope.REPORT });
      const report = reportOf(stay);

      await world.oracle.reportAgreed(
        [publicReport(report)],
        await signReport(world, report, [HOME, CONTRACT], { [HOME]: agent }),
      );

      expect((await resultOf(world, stay)).state).to.equal("Agreed");
    });

    it("takes the place of a claim or an objection that is not final", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await passWindow(world, stay, 1);
      await claim(world, stay, HOST, buildMetrics({ availabilityPpm: 1_000_000 }), 0);
      await claim(world, stay, HOME, buildMetrics({ availabilityPpm: 0 }), 1);
      await object(world, stay, HOST, 1);

      await reportAgreed(world, reportOf(stay, 0), reportOf(stay, 1));

      for (const window of [0, 1]) {
        const { state, isFinal, claimant, metrics } = await resultOf(world, stay, window);
        expect([state, isFinal, claimant, metrics]).to.deep.equal(["Agreed", true, 0n, NO_METRICS]);
      }
    });

    for (const [what, seconds, isIn] of [
      ["a second before the window's end", -1, false],
      ["at the window's end", 0, true],
      ["a second after the window's end", 1, true],
    ] as const) {
      it(`${isIn ? "is possible" : "reverts"} ${what}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await openStay(world);
        const end = stay.startedAt + WINDOW;

        const report = reportOf(stay);
        const signatures = await signReport(world, report);
        await nextBlockAt(world, end + seconds);
        const sent = world.oracle.reportAgreed([publicReport(report)], signatures);

        if (isIn) {
          await sent;
          expect((await resultOf(world, stay)).state).to.equal("Agreed");
        } else {
          const [to, time] = [BigInt(end) * 1_000n, BigInt(end + seconds) * 1_000n];
          await expectRefusal(world, sent, "SlaOracle_WindowNotOver", stay.vm, stay.sequence, 0, to, time);
        }
      });
    }

    for (const seconds of [-1, 0, 1]) {
      it(`${seconds > 0 ? "reverts" : "is possible"} ${seconds} s after the time for reports`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await openStay(world);
        const until = stay.startedAt + WINDOW + CLAIM_WITHIN;

        const report = reportOf(stay);
        const signatures = await signReport(world, report);
        await nextBlockAt(world, until + seconds);
        const sent = world.oracle.reportAgreed([publicReport(report)], signatures);

        if (seconds <= 0) {
          await sent;
          expect((await resultOf(world, stay)).state).to.equal("Agreed");
        } else {
          const [last, time] = [BigInt(until) * 1_000n, BigInt(until + seconds) * 1_000n];
          await expectRefusal(world, sent, "SlaOracle_ReportTooLate", stay.vm, stay.sequence, 0, last, time);
          expect((await resultOf(world, stay)).state).to.equal("None");
        }
      });
    }

    it("is possible for the last window from the stay's end on", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await pass(world, 100);
      const early = reportOf(stay);
      const signatures = await signReport(world, early);
      await as(world, HOME).stop(stay.vm);

      await world.oracle.reportAgreed([publicReport(early)], signatures);

      expect((await resultOf(world, stay)).state).to.equal("Agreed");
    });

    it("reverts for a window that the stay did not reach, while the grid's time for it is not over", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await pass(world, 100);
      await as(world, HOME).stop(stay.vm);
      const missing = [stay.vm, stay.sequence, 1, await nowMs(world)];
      const report = reportOf(stay, 1);
      const signatures = await signReport(world, report);

      await nextBlockAt(world, stay.startedAt + 2 * WINDOW - 1);
      const sent = world.oracle.reportAgreed([publicReport(report)], signatures);

      await expectRefusal(world, sent, "SlaOracle_NoSuchWindow", ...missing);
    });

    it("of a window that the stay did not reach is worth nothing: windowOf refuses it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await pass(world, 100);
      await as(world, HOME).stop(stay.vm);
      const missing = [stay.vm, stay.sequence, 1, await nowMs(world)];
      const report = reportOf(stay, 1);
      const signatures = await signReport(world, report);

      await nextBlockAt(world, stay.startedAt + 2 * WINDOW);
      await world.oracle.reportAgreed([publicReport(report)], signatures);

      const asked = world.oracle.windowOf(stay.vm, stay.sequence, 1);
      await expectRefusal(world, asked, "SlaOracle_NoSuchWindow", ...missing);
    });

    it("reverts for none and for more than 64 reports", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const many = Array.from({ length: 65 }, () => publicReport(reportOf(stay)));

      await expectRefusal(world, world.oracle.reportAgreed([], []), "SlaOracle_ReportCount", 0, 64);
      await expectRefusal(world, world.oracle.reportAgreed(many, []), "SlaOracle_ReportCount", 65, 64);
    });

    it("reverts with another number of signatures than two for each", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const report = reportOf(stay);
      const both = await signReport(world, report);

      for (const given of [[], both.slice(1), [...both, ...both.slice(1)]]) {
        await expectRefusal(
          world,
          world.oracle.reportAgreed([publicReport(report)], given),
          "SlaOracle_SignatureCount",
          2,
          given.length,
        );
      }
    });

    it("reverts when the stay's windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      await expectRefusal(world, reportAgreed(world, reportOf(stay)), "SlaOracle_NotOpen", stay.vm, stay.sequence);
    });

    it("reverts for a window twice in one call, and nothing of the call stays", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await passWindow(world, stay, 1);

      await expectRefusal(
        world,
        reportAgreed(world, reportOf(stay, 0), reportOf(stay, 1), reportOf(stay, 0)),
        "SlaOracle_AlreadyFinal",
        stay.vm,
        stay.sequence,
        0,
        1,
      );

      expect((await resultOf(world, stay, 1)).state).to.equal("None");
    });

    it("reverts when a signature is another cloud's, in the wrong order, or of other metrics", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const report = reportOf(stay);
      const [ofHome, ofHost] = (await signReport(world, report)) as [string, string];
      const [ofOther] = (await signReport(world, report, [OTHER])) as [string];
      const bring = (...signatures: string[]) => world.oracle.reportAgreed([publicReport(report)], signatures);
      const key = (cloud: number) => world.clouds[cloud - 1]!.account;

      await expectRefusal(world, bring(ofHost, ofHome), "CloudRegistry_BadSignature", HOME, key(HOST));
      await expectRefusal(world, bring(ofHome, ofOther), "CloudRegistry_BadSignature", HOST, key(OTHER));
      await expectRefusal(world, bring(ofOther, ofHost), "CloudRegistry_BadSignature", HOME, key(OTHER));
      const other = publicReport(reportOf(stay, 0, { salt: id("other") }));
      await expect(world.oracle.reportAgreed([other], [ofHome, ofHost])).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_BadSignature",
      );
    });

    it("reverts for an agent without REPORT", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const agent = world.spare[0]!;
      const scopes = 63 - AgentScope.REPORT;
      await bindAgent(world, HOST, agent, { scopes });
      const report = reportOf(stay);

      await expectRefusal(
        world,
        world.oracle.reportAgreed(
          [publicReport(report)],
          await signReport(world, report, [HOME, HOST], { [HOST]: agent }),
        ),
        "CloudRegistry_ScopeMissing",
        HOST,
        agent.address,
        AgentScope.REPORT,
        scopes,
      );
    });

    it("does not take a signature for another oracle, stay or window (INV-ONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      await passWindow(world, stay, 1);
      const second = await openStay(world);
      await passWindow(world, second, 0);
      const elsewhere = { ...world, oracleDomain: world.domain };
      const signatures = await signReport(world, reportOf(stay));
      const refused = (sent: Promise<unknown>) =>
        expect(sent).to.be.revertedWithCustomError(world.registry, "CloudRegistry_BadSignature");
      const hidden = publicReport(reportOf(stay));

      await refused(world.oracle.reportAgreed([hidden], await signReport(elsewhere, reportOf(stay))));
      await refused(world.oracle.reportAgreed([{ ...hidden, window: 1 }], signatures));
      await refused(world.oracle.reportAgreed([{ ...hidden, vm: second.vm }], signatures));
      await world.oracle.reportAgreed([hidden], signatures);
    });
  });
});
