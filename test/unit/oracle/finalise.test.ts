import { expect } from "chai";
import { type Wallet, ZeroAddress, id } from "ethers";
import { network } from "hardhat";

import { type Metrics, type Witnesses, buildMetrics, medianOf, witnessesHash } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import { federation, nowSeconds, pass } from "../../fixtures/federation.js";
import {
  type Heard,
  NO_METRICS,
  OBSERVE_WITHIN,
  type OpenStay,
  SEEN,
  WITNESSES,
  afterObservation,
  asAnswer,
  claim,
  endedWindow,
  finalise,
  hostedStay,
  object,
  objectedWindow,
  observe,
  reportAgreed,
  reportOf,
  resultOf,
  witnesses,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

const [FIRST, SECOND, THIRD] = WITNESSES as [Wallet, Wallet, Wallet];
const NONE = { members: [], required: 0 };

/** What the first witnesses saw, one after the other. */
function heardOf(...seen: readonly Metrics[]): Heard[] {
  return seen.map((metrics, i) => ({ witness: WITNESSES[i]!, changes: { metrics } }));
}

/** Brings what was heard. */
async function hear(world: Parameters<typeof observe>[0], stay: OpenStay, heard: readonly Heard[]): Promise<void> {
  for (const { witness, changes } of heard) await observe(world, stay, witness, changes);
}

describe("SlaOracle", function () {
  describe("finalise", function () {
    it("takes the median, metric by metric, as soon as all witnesses were heard", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const seen = [
        buildMetrics({ availabilityPpm: 999_000, throughputKbps: 100, networkLatencyUs: 3_000, lossPpm: 7 }),
        buildMetrics({ availabilityPpm: 1_000, throughputKbps: 900, networkLatencyUs: 1_000, lossPpm: 5 }),
        buildMetrics({ availabilityPpm: 998_000, throughputKbps: 500, networkLatencyUs: 2_000, lossPpm: 6 }),
      ];
      const heard = heardOf(...seen);
      await hear(world, stay, heard);

      const median = buildMetrics({
        availabilityPpm: 998_000,
        throughputKbps: 500,
        networkLatencyUs: 2_000,
        lossPpm: 6,
      });
      await expect(finalise(world, stay, heard))
        .to.emit(world.oracle, "WindowWitnessed")
        .withArgs(stay.vm, stay.sequence, 0, Object.values(median));

      const { state, isFinal, claimant, metrics } = await resultOf(world, stay);
      expect([state, isFinal, claimant]).to.deep.equal(["Witnessed", true, 0n]);
      expect(metrics).to.deep.equal(asAnswer(median));
    });

    it("takes of two middle values the one better for the host", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world, { witnesses: witnesses(4) });
      const heard = heardOf(
        buildMetrics({ availabilityPpm: 10, throughputKbps: 10, networkLatencyUs: 10, lossPpm: 10 }),
        buildMetrics({ availabilityPpm: 20, throughputKbps: 20, networkLatencyUs: 20, lossPpm: 20 }),
        buildMetrics({ availabilityPpm: 30, throughputKbps: 30, networkLatencyUs: 30, lossPpm: 30 }),
        buildMetrics({ availabilityPpm: 40, throughputKbps: 40, networkLatencyUs: 40, lossPpm: 40 }),
      );
      await hear(world, stay, heard);

      await finalise(world, stay, heard);

      const better = { availabilityPpm: 30, throughputKbps: 30, networkLatencyUs: 20, lossPpm: 20 };
      expect((await resultOf(world, stay)).metrics).to.deep.equal(asAnswer(buildMetrics(better)));
    });

    it("counts a metric only if enough witnesses measured it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world, { witnesses: witnesses(5, 3) });
      const heard = heardOf(
        buildMetrics({ availabilityPpm: 5, lossPpm: 1 }),
        buildMetrics({ availabilityPpm: 6, lossPpm: 2, throughputKbps: 9 }),
        buildMetrics({ availabilityPpm: 7 }),
        buildMetrics({}),
      );
      await hear(world, stay, heard);
      await afterObservation(world, stay, 1);

      await finalise(world, stay, heard);

      expect((await resultOf(world, stay)).metrics).to.deep.equal(asAnswer(buildMetrics({ availabilityPpm: 6 })));
    });

    for (const [members, required, heardCount] of [
      [3, 2, 1],
      [3, 2, 2],
      [7, 7, 6],
      [7, 1, 1],
      [1, 1, 1],
      [2, 2, 1],
    ] as const) {
      const state = heardCount >= required ? "Witnessed" : "Disputed";
      it(`is ${state} when ${heardCount} of ${members} were heard and ${required} required`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await objectedWindow(world, { witnesses: witnesses(members, required) });
        const heard = heardOf(...Array.from({ length: heardCount }, () => SEEN));
        await hear(world, stay, heard);
        if (heardCount < members) await afterObservation(world, stay, 1);

        const sent = finalise(world, stay, heard);

        await expect(sent).to.emit(world.oracle, `Window${state}`);
        const result = await resultOf(world, stay);
        expect([result.state, result.isFinal]).to.deep.equal([state, true]);
        expect(result.metrics).to.deep.equal(state === "Witnessed" ? asAnswer(SEEN) : NO_METRICS);
      });
    }

    it("is Disputed when nobody measured anything", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const heard = heardOf(buildMetrics({}), buildMetrics({}), buildMetrics({}));
      await hear(world, stay, heard);

      await expect(finalise(world, stay, heard))
        .to.emit(world.oracle, "WindowDisputed")
        .withArgs(stay.vm, stay.sequence, 0);

      expect(await resultOf(world, stay)).to.deep.equal({
        state: "Disputed",
        isFinal: true,
        claimant: 0n,
        since: 0n,
        observations: 0n,
        metrics: NO_METRICS,
        commitment: `0x${"00".repeat(32)}`,
      });
    });

    for (const seconds of [-1, 0, 1]) {
      it(`${seconds > 0 ? "is possible" : "reverts"} ${seconds} s after the time for observations`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await objectedWindow(world);
        const until = (await nowSeconds(world)) + OBSERVE_WITHIN;
        const heard = heardOf(SEEN, SEEN);
        await hear(world, stay, heard);

        await afterObservation(world, stay, seconds);
        const sent = finalise(world, stay, heard);

        if (seconds > 0) {
          await sent;
          expect((await resultOf(world, stay)).state).to.equal("Witnessed");
        } else {
          const early = [stay.vm, stay.sequence, 0, until, until + seconds];
          await expectRefusal(world, sent, "SlaOracle_StillObserving", ...early);
        }
      });
    }

    const UNHEARD: readonly (readonly [string, Witnesses])[] = [
      ["the agreement names no witnesses", NONE],
      ["the agreement names too many", witnesses(8)],
      ["more are required than named", witnesses(3, 4)],
      ["no witness answers", witnesses(3)],
    ];
    for (const [what, named] of UNHEARD) {
      it(`ends Disputed at its time when ${what}: whatever witnesses are shown`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await objectedWindow(world, { witnesses: named });
        const until = (await nowSeconds(world)) + OBSERVE_WITHIN;
        const early = [stay.vm, stay.sequence, 0, until, until];

        await afterObservation(world, stay, 0);
        await expectRefusal(world, finalise(world, stay), "SlaOracle_StillObserving", ...early);
        await afterObservation(world, stay, 1);
        await finalise(world, stay, [], { named: NONE });

        expect((await resultOf(world, stay)).state).to.equal("Disputed");
      });
    }

    it("reverts unless all that were accepted are brought", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const heard = heardOf(SEEN, SEEN);
      await hear(world, stay, heard);
      await pass(world, OBSERVE_WITHIN + 1);
      const named = stay.agreement.witnesses;
      const more = heardOf(SEEN, SEEN, SEEN);

      for (const given of [[], heard.slice(1), more]) {
        const counts = [2, given.length, given.length];
        await expectRefusal(world, finalise(world, stay, given), "SlaOracle_ObservationCount", ...counts);
      }
      const observers = heard.map(({ witness }) => witness.address);
      await expectRefusal(
        world,
        world.oracle.finalise(stay.vm, stay.sequence, 0, named, observers, []),
        "SlaOracle_ObservationCount",
        2,
        2,
        0,
      );
      await finalise(world, stay, heard);
    });

    it("reverts when something is brought where nobody was heard", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      await pass(world, OBSERVE_WITHIN + 1);

      await expectRefusal(world, finalise(world, stay, heardOf(SEEN)), "SlaOracle_ObservationCount", 0, 1, 1);
    });

    it("reverts for observers out of order, twice, or the zero address", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const heard = heardOf(SEEN, SEEN, SEEN);
      await hear(world, stay, heard);
      const [a, b, c] = heard as [Heard, Heard, Heard];
      const bring = (...given: Heard[]) => finalise(world, stay, given);
      const error = "SlaOracle_ObserversNotAscending";

      await expectRefusal(world, bring(b, a, c), error, SECOND.address, FIRST.address);
      await expectRefusal(world, bring(a, c, c), error, THIRD.address, THIRD.address);
      const zero = [ZeroAddress, SECOND.address, THIRD.address];
      const observations = heard.map(() => ({ ...a.changes, vm: stay.vm, sequence: 2, window: 0 }));
      const full = observations.map((item) => ({ ...item, metrics: SEEN, samplesRoot: id("samples") }));
      await expectRefusal(
        world,
        world.oracle.finalise(stay.vm, stay.sequence, 0, stay.agreement.witnesses, zero, full),
        error,
        ZeroAddress,
        ZeroAddress,
      );
    });

    it("reverts for another observation than the accepted one, or of who was not heard", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const heard = heardOf(SEEN, SEEN);
      await hear(world, stay, heard);
      await pass(world, OBSERVE_WITHIN + 1);
      const [a, b] = heard as [Heard, Heard];
      const unheard = (witness: Wallet) => [stay.vm, stay.sequence, 0, witness.address];

      for (const changes of [
        { metrics: { ...SEEN, availabilityPpm: 998_001 } },
        { metrics: { ...SEEN, measured: 1 } },
        { samplesRoot: id("other") },
        { window: 1 },
        { sequence: 1 },
        { vm: id("other") },
      ]) {
        const forged = { witness: a.witness, changes: { ...a.changes, ...changes } };
        await expectRefusal(world, finalise(world, stay, [forged, b]), "SlaOracle_NotObserved", ...unheard(FIRST));
      }
      const absent = { ...b, witness: THIRD };
      await expectRefusal(world, finalise(world, stay, [a, absent]), "SlaOracle_NotObserved", ...unheard(THIRD));
    });

    it("reverts for other witnesses than the agreement's", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const heard = heardOf(SEEN, SEEN);
      await hear(world, stay, heard);
      const hashes = (named: Witnesses) => [witnessesHash(named), witnessesHash(stay.agreement.witnesses)];

      for (const named of [witnesses(2), witnesses(3, 1), NONE]) {
        const sent = finalise(world, stay, heard, { named });
        await expectRefusal(world, sent, "SlaOracle_OtherWitnesses", ...hashes(named));
      }
    });

    it("reverts where nobody objected, and after it is final", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const refused = (state: number) =>
        expectRefusal(world, finalise(world, stay), "SlaOracle_WrongState", stay.vm, stay.sequence, 0, state);

      await refused(0);
      await claim(world, stay);
      await refused(2);
      await object(world, stay);
      await pass(world, OBSERVE_WITHIN + 1);
      await finalise(world, stay);
      await refused(5);
    });

    it("reverts when the stay's windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      await expectRefusal(world, finalise(world, stay), "SlaOracle_NotOpen", stay.vm, stay.sequence);
    });

    it("leaves an objection on which both agree in the end to them", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const heard = heardOf(SEEN, SEEN, SEEN);
      await hear(world, stay, heard);
      await pass(world, OBSERVE_WITHIN + 1);

      await reportAgreed(world, reportOf(stay));

      await expectRefusal(world, finalise(world, stay, heard), "SlaOracle_WrongState", stay.vm, stay.sequence, 0, 1);
    });

    it("comes to what medianOf says, of seven witnesses who saw different things", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world, { witnesses: witnesses(7, 3) });
      const seen = Array.from({ length: 7 }, (_, i) => {
        const lanes = {
          availabilityPpm: (i * 370_003) % 1_000_001,
          throughputKbps: (i * 7_919) % 101,
          networkLatencyUs: (i * 104_729) % 997,
          lossPpm: (i * 31) % 17,
        };
        const kept = Object.entries(lanes).filter((_lane, lane) => (i + lane) % 3 !== 0);
        return buildMetrics(Object.fromEntries(kept));
      });
      const heard = heardOf(...seen);
      await hear(world, stay, heard);

      await finalise(world, stay, heard);

      const median = medianOf(seen, 3);
      expect(median.measured).not.to.equal(0);
      expect((await resultOf(world, stay)).metrics).to.deep.equal(asAnswer(median));
    });
  });
});
