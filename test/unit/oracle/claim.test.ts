import { expect } from "chai";
import { network } from "hardhat";

import { AgentScope, type Metrics, buildMetrics } from "../../../src/index.js";
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
  nowSeconds,
  pass,
} from "../../fixtures/federation.js";
import {
  CLAIM_WITHIN,
  METRICS,
  OBJECT_WITHIN,
  WINDOW,
  afterObjection,
  asAnswer,
  claim,
  claimedWindow,
  endedWindow,
  hostedStay,
  openStay,
  oracleAs,
  passWindow,
  reportAgreed,
  reportOf,
  resultOf,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

const COMMITMENT = `0x${"00".repeat(32)}`;

describe("SlaOracle", function () {
  describe("claim", function () {
    for (const [side, by] of [
      ["home", HOME],
      ["the host", HOST],
    ] as const) {
      it(`keeps what ${side} claims, and who and when`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await endedWindow(world);

        await expect(claim(world, stay, by))
          .to.emit(world.oracle, "WindowClaimed")
          .withArgs(stay.vm, stay.sequence, 0, by, Object.values(METRICS));

        expect(await resultOf(world, stay)).to.deep.equal({
          state: "Claimed",
          isFinal: false,
          claimant: BigInt(by),
          since: BigInt(await nowSeconds(world)),
          observations: 0n,
          metrics: asAnswer(METRICS),
          commitment: COMMITMENT,
        });
      });
    }

    it("keeps every metric over its whole range", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await passWindow(world, stay, 1);
      const most: Metrics = {
        availabilityPpm: 1_000_000,
        cpuReadyPpm: 1_000_000,
        diskLatencyUs: 2 ** 32 - 1,
        diskIops: 2 ** 32 - 1,
        throughputKbps: 2 ** 32 - 1,
        networkLatencyUs: 2 ** 32 - 1,
        lossPpm: 1_000_000,
        measured: 127,
      };
      const least = buildMetrics({ lossPpm: 0 });

      await claim(world, stay, HOST, most, 0);
      await claim(world, stay, HOST, least, 1);

      expect((await resultOf(world, stay, 0)).metrics).to.deep.equal(asAnswer(most));
      expect((await resultOf(world, stay, 1)).metrics).to.deep.equal(asAnswer(least));
    });

    for (const seconds of [-1, 0, 1]) {
      it(`is ${seconds > 0 ? "" : "not "}final ${seconds} s after the time to object`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await claimedWindow(world);

        await afterObjection(world, stay, seconds);
        await networkHelpers.mine();

        const { state, isFinal } = await resultOf(world, stay);
        expect([state, isFinal]).to.deep.equal(["Claimed", seconds > 0]);
      });
    }

    it("is sent by an agent with REPORT, or through a contract's account", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world, { destination: CONTRACT });
      await passWindow(world, stay, 1);
      const agent = world.spare[0]!;
      await bindAgent(world, HOME, agent, { scopes: AgentScope.REPORT });

      await world.oracle.connect(agent).claim(stay.vm, stay.sequence, 0, HOME, METRICS);
      await claim(world, stay, CONTRACT, METRICS, 1);

      expect((await resultOf(world, stay, 0)).claimant).to.equal(BigInt(HOME));
      expect((await resultOf(world, stay, 1)).claimant).to.equal(BigInt(CONTRACT));
    });

    it("reverts when the sender does not speak for the cloud", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const agent = world.spare[0]!;
      const scopes = 63 - AgentScope.REPORT;
      await bindAgent(world, HOST, agent, { scopes });
      const by = (sender: typeof agent) => world.oracle.connect(sender).claim(stay.vm, stay.sequence, 0, HOST, METRICS);
      const home = world.clouds[HOME - 1]!.key;

      await expectRefusal(world, by(home), "CloudRegistry_NotAuthorized", HOST, home.address);
      await expectRefusal(world, by(world.stranger), "CloudRegistry_NotAuthorized", HOST, world.stranger.address);
      const missing = [HOST, agent.address, AgentScope.REPORT, scopes];
      await expectRefusal(world, by(agent), "CloudRegistry_ScopeMissing", ...missing);
    });

    it("reverts when the cloud is no party of the stay", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);

      for (const cloud of [OTHER, 0]) {
        await expectRefusal(
          world,
          oracleAs(world, OTHER).claim(stay.vm, stay.sequence, 0, cloud, METRICS),
          "SlaOracle_NotAParty",
          stay.vm,
          stay.sequence,
          cloud,
        );
      }
    });

    it("reverts when the stay's windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);
      await passWindow(world, stay, 0);

      await expectRefusal(world, claim(world, stay), "SlaOracle_NotOpen", stay.vm, stay.sequence);
    });

    it("reverts for more than a million millionths", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);

      for (const name of ["availabilityPpm", "cpuReadyPpm", "lossPpm"] as const) {
        const metrics = { ...METRICS, [name]: 1_000_001 };
        await expectRefusal(world, claim(world, stay, HOST, metrics), "SlaRules_PpmTooBig", name, 1_000_001);
      }
    });

    it("reverts for metrics that there are not, and for none at all", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);

      for (const measured of [128, 2 ** 31 + 1]) {
        const metrics = { ...METRICS, measured };
        await expectRefusal(world, claim(world, stay, HOST, metrics), "SlaRules_UnknownMetrics", measured);
      }
      const nothing = [stay.vm, stay.sequence, 0];
      const none = { ...METRICS, measured: 0 };
      await expectRefusal(world, claim(world, stay, HOST, none), "SlaOracle_NothingMeasured", ...nothing);
    });

    it("reverts for a window that was reported, by either side or both", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await claimedWindow(world);
      await passWindow(world, stay, 1);
      await reportAgreed(world, reportOf(stay, 1));

      for (const by of [HOME, HOST]) {
        const claimed = [stay.vm, stay.sequence, 0, 2];
        await expectRefusal(world, claim(world, stay, by), "SlaOracle_AlreadyReported", ...claimed);
        const agreed = [stay.vm, stay.sequence, 1, 1];
        await expectRefusal(world, claim(world, stay, by, METRICS, 1), "SlaOracle_AlreadyReported", ...agreed);
      }
    });

    for (const seconds of [-1, 0, 1]) {
      it(`${seconds < 0 ? "reverts" : "is possible"} ${seconds} s after the window's end`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await openStay(world);
        const end = stay.startedAt + 3 * WINDOW;

        await nextBlockAt(world, end + seconds);
        const sent = claim(world, stay, HOST, METRICS, 2);

        if (seconds >= 0) {
          await sent;
          expect((await resultOf(world, stay, 2)).state).to.equal("Claimed");
        } else {
          const [to, time] = [BigInt(end) * 1_000n, BigInt(end + seconds) * 1_000n];
          await expectRefusal(world, sent, "SlaOracle_WindowNotOver", stay.vm, stay.sequence, 2, to, time);
        }
      });

      it(`${seconds > 0 ? "reverts" : "is possible"} ${seconds} s after the time for reports`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await openStay(world);
        const until = stay.startedAt + WINDOW + CLAIM_WITHIN;

        await nextBlockAt(world, until + seconds);
        const sent = claim(world, stay);

        if (seconds <= 0) {
          await sent;
          expect((await resultOf(world, stay)).state).to.equal("Claimed");
        } else {
          const [last, time] = [BigInt(until) * 1_000n, BigInt(until + seconds) * 1_000n];
          await expectRefusal(world, sent, "SlaOracle_ReportTooLate", stay.vm, stay.sequence, 0, last, time);
        }
      });
    }

    it("cuts the last window at the stay's end: from then on, and no later for it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await pass(world, WINDOW + 100);
      await as(world, HOME).stop(stay.vm);
      const endedAt = await nowMs(world);

      await claim(world, stay, HOST, METRICS, 1);

      const until = endedAt + BigInt(CLAIM_WITHIN) * 1_000n;
      await nextBlockAt(world, until / 1_000n + 1n);
      const late = [stay.vm, stay.sequence, 0, BigInt(stay.startedAt + WINDOW + CLAIM_WITHIN) * 1_000n, until + 1_000n];
      await expectRefusal(world, claim(world, stay), "SlaOracle_ReportTooLate", ...late);
    });

    it("reverts for a window that begins at the stay's end or after", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      // The stay ends exactly with window 1.
      await nextBlockAt(world, stay.startedAt + 2 * WINDOW);
      await as(world, HOME).stop(stay.vm);
      const endedAt = await nowMs(world);
      await passWindow(world, stay, 5);

      for (const window of [2, 3, 2 ** 32 - 1]) {
        const missing = [stay.vm, stay.sequence, window, endedAt];
        await expectRefusal(world, claim(world, stay, HOST, METRICS, window), "SlaOracle_NoSuchWindow", ...missing);
      }
      await claim(world, stay, HOST, METRICS, 1);
    });

    it("reverts for a window of a running stay that lies beyond all times", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world, { windowMs: 2n ** 48n - 1n });

      await expectRefusal(
        world,
        claim(world, stay, HOST, METRICS, 1),
        "SlaOracle_NoSuchWindow",
        stay.vm,
        stay.sequence,
        1,
        0,
      );
    });

    it("stays when it became final: nobody can report the window again", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await claimedWindow(world);
      await pass(world, OBJECT_WITHIN + 1);

      const claimed = [stay.vm, stay.sequence, 0, 2];
      await expectRefusal(world, claim(world, stay, HOME), "SlaOracle_AlreadyReported", ...claimed);
      await expectRefusal(world, reportAgreed(world, reportOf(stay)), "SlaOracle_AlreadyFinal", ...claimed);
    });
  });
});
