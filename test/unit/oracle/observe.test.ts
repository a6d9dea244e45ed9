import { expect } from "chai";
import type { Wallet } from "ethers";
import { ZeroAddress, id } from "ethers";
import { network } from "hardhat";

import { type Witnesses, buildMetrics, documentId, signDocument, witnessesHash } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import { HOME, HOST, cloudOf, federation, nowSeconds } from "../../fixtures/federation.js";
import {
  METRICS,
  OBSERVE_WITHIN,
  SEEN,
  WITNESSES,
  afterObservation,
  claim,
  claimedWindow,
  endedWindow,
  hostedStay,
  object,
  objectedWindow,
  observationOf,
  observe,
  reportAgreed,
  reportOf,
  resultOf,
  witnesses,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

const [FIRST, SECOND, THIRD, STRANGER] = WITNESSES as [Wallet, Wallet, Wallet, Wallet];
/** Availability, throughput, network latency, loss. */
const ALLOWED = 0b1110001;

describe("SlaOracle", function () {
  describe("observe", function () {
    it("accepts each witness once, whoever brings it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);

      await expect(observe(world, stay, SECOND))
        .to.emit(world.oracle, "WindowObserved")
        .withArgs(stay.vm, stay.sequence, 0, SECOND.address, Object.values(SEEN), id("samples"));
      await observe(world, stay, FIRST);

      const { state, observations, claimant } = await resultOf(world, stay);
      expect([state, observations, claimant]).to.deep.equal(["Objected", 2n, BigInt(HOST)]);
      for (const [witness, expected] of [
        [FIRST, documentId("Observation", observationOf(stay))],
        [SECOND, documentId("Observation", observationOf(stay))],
        [THIRD, `0x${"00".repeat(32)}`],
      ] as const) {
        expect(await world.oracle.observationOf(stay.vm, stay.sequence, 0, witness.address)).to.equal(expected);
      }
    });

    it("takes one witness, and seven", async function () {
      const world = await networkHelpers.loadFixture(federation);
      for (const count of [1, 7]) {
        const stay = await objectedWindow(world, { witnesses: witnesses(count) });
        for (const witness of WITNESSES.slice(0, count)) await observe(world, stay, witness);
        expect((await resultOf(world, stay)).observations).to.equal(BigInt(count));
      }
    });

    it("takes an observation of any single metric that a witness sees, and of none", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world, { witnesses: witnesses(5) });
      const seen = [
        buildMetrics({ availabilityPpm: 0 }),
        buildMetrics({ throughputKbps: 2 ** 32 - 1 }),
        buildMetrics({ networkLatencyUs: 1 }),
        buildMetrics({ lossPpm: 1_000_000 }),
        buildMetrics({}),
      ];

      for (const [i, metrics] of seen.entries()) await observe(world, stay, WITNESSES[i]!, { metrics });

      expect((await resultOf(world, stay)).observations).to.equal(5n);
    });

    for (const seconds of [-1, 0, 1]) {
      it(`${seconds > 0 ? "reverts" : "is possible"} ${seconds} s after the time for observations`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await objectedWindow(world);
        const objectedAt = await nowSeconds(world);

        await afterObservation(world, stay, seconds);
        const sent = observe(world, stay, FIRST);

        if (seconds <= 0) {
          await sent;
          expect((await resultOf(world, stay)).observations).to.equal(1n);
        } else {
          const until = objectedAt + OBSERVE_WITHIN;
          const late = [stay.vm, stay.sequence, 0, until, until + seconds];
          await expectRefusal(world, sent, "SlaOracle_ObservationTooLate", ...late);
        }
      });
    }

    it("reverts for the second observation of a witness", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      await observe(world, stay, FIRST);

      const again = [stay.vm, stay.sequence, 0, FIRST.address];
      await expectRefusal(world, observe(world, stay, FIRST), "SlaOracle_AlreadyObserved", ...again);
      const other = { metrics: buildMetrics({ lossPpm: 1 }) };
      await expectRefusal(world, observe(world, stay, FIRST, other), "SlaOracle_AlreadyObserved", ...again);
      expect((await resultOf(world, stay)).observations).to.equal(1n);
    });

    it("reverts when no witness signed: a party, a stranger, or nobody", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const keys = [cloudOf(world, HOME).key, cloudOf(world, HOST).key, STRANGER];

      for (const key of keys) {
        const { address } = key;
        await expectRefusal(world, observe(world, stay, key), "SlaOracle_NotAWitness", address);
      }
      for (const signature of ["0x", `0x${"00".repeat(65)}`, `0x${"ff".repeat(64)}`]) {
        await expectRefusal(
          world,
          world.oracle.observe(observationOf(stay), stay.agreement.witnesses, signature),
          "SlaOracle_NotAWitness",
          ZeroAddress,
        );
      }
    });

    it("does not take a signature for another oracle, or under other words (INV-ONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const observation = observationOf(stay);
      const elsewhere = await signDocument(FIRST, world.domain, "Observation", observation);
      const signature = await signDocument(FIRST, world.oracleDomain, "Observation", observation);
      const bring = (changes: Partial<typeof observation>, under = signature) =>
        world.oracle.observe({ ...observation, ...changes }, stay.agreement.witnesses, under);
      const refused = (sent: Promise<unknown>) =>
        expect(sent).to.be.revertedWithCustomError(world.oracle, "SlaOracle_NotAWitness");

      await refused(bring({}, elsewhere));
      await refused(bring({ samplesRoot: id("other") }));
      await refused(bring({ metrics: { ...SEEN, lossPpm: 31 } }));
      await bring({});
    });

    it("reverts for metrics that only the parties can measure", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);

      for (const bit of [1, 2, 3]) {
        const measured = SEEN.measured | (1 << bit);
        const metrics = { ...METRICS, measured };
        await expectRefusal(
          world,
          observe(world, stay, FIRST, { metrics }),
          "SlaOracle_NotForWitnesses",
          measured,
          ALLOWED,
        );
      }
    });

    it("reverts for metrics out of range", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const bring = (metrics: Partial<typeof SEEN>) =>
        observe(world, stay, FIRST, { metrics: { ...SEEN, ...metrics } });

      const [name, ppm] = ["availabilityPpm", 1_000_001];
      await expectRefusal(world, bring({ availabilityPpm: ppm }), "SlaRules_PpmTooBig", name, ppm);
      await expectRefusal(world, bring({ lossPpm: ppm }), "SlaRules_PpmTooBig", "lossPpm", ppm);
      await expectRefusal(world, bring({ cpuReadyPpm: ppm }), "SlaRules_PpmTooBig", "cpuReadyPpm", ppm);
      await expectRefusal(world, bring({ measured: 255 }), "SlaRules_UnknownMetrics", 255);
    });

    it("reverts for other witnesses than the agreement's", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const agreed = stay.agreement.witnesses;

      for (const other of [witnesses(4), witnesses(3, 1), { members: [STRANGER.address], required: 1 }]) {
        await expectRefusal(
          world,
          observe(world, stay, STRANGER, {}, other),
          "SlaOracle_OtherWitnesses",
          witnessesHash(other),
          witnessesHash(agreed),
        );
      }
    });

    const addresses = WITNESSES.map(({ address }) => address) as [string, string, string, string];
    const [first, second, third] = addresses;
    const MALFORMED: readonly (readonly [string, Witnesses, string, readonly unknown[]])[] = [
      ["eight members", witnesses(8), "SlaOracle_TooManyWitnesses", [8, 7]],
      ["no members", { members: [], required: 0 }, "SlaOracle_RequiredOutOfRange", [0, 0]],
      ["none required", { members: [first, second], required: 0 }, "SlaOracle_RequiredOutOfRange", [0, 2]],
      ["more required than named", { members: [first, second], required: 3 }, "SlaOracle_RequiredOutOfRange", [3, 2]],
      ["the zero address", { members: [ZeroAddress, first], required: 1 }, "SlaOracle_ZeroWitness", [0]],
      ["a zero address behind", { members: [first, ZeroAddress], required: 1 }, "SlaOracle_ZeroWitness", [1]],
      [
        "members out of order",
        { members: [first, third, second], required: 1 },
        "SlaOracle_WitnessesNotAscending",
        [third, second],
      ],
      [
        "a member twice",
        { members: [first, second, second], required: 1 },
        "SlaOracle_WitnessesNotAscending",
        [second, second],
      ],
    ];
    for (const [what, malformed, error, args] of MALFORMED) {
      it(`reverts when the agreement names ${what}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await objectedWindow(world, { witnesses: malformed });

        await expectRefusal(world, observe(world, stay, FIRST), error, ...args);
      });
    }

    it("reverts where nobody objected, or the window is final", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const refused = (state: number) =>
        expectRefusal(world, observe(world, stay, FIRST), "SlaOracle_WrongState", stay.vm, stay.sequence, 0, state);

      await refused(0);
      await claim(world, stay);
      await refused(2);
      await object(world, stay);
      await observe(world, stay, SECOND);
      await reportAgreed(world, reportOf(stay));
      await refused(1);
    });

    it("reverts for another window, stay or VM than the one under objection", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const other = await claimedWindow(world);

      const wrong = (...args: readonly unknown[]) => ["SlaOracle_WrongState", ...args] as const;
      await expectRefusal(world, observe(world, stay, FIRST, { window: 1 }), ...wrong(stay.vm, stay.sequence, 1, 0));
      await expectRefusal(
        world,
        observe(world, stay, FIRST, { vm: other.vm }),
        ...wrong(other.vm, other.sequence, 0, 2),
      );
      await expectRefusal(world, observe(world, stay, FIRST, { sequence: 1 }), "SlaOracle_NotOpen", stay.vm, 1);
    });

    it("reverts when the stay's windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      await expectRefusal(world, observe(world, stay, FIRST), "SlaOracle_NotOpen", stay.vm, stay.sequence);
    });
  });
});
