import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";

import {
  EVIDENCE_MONTHS,
  type Evidence,
  STANDING_ONE,
  decayWeight,
  limitEvidence,
  standingFrom,
  totalEvidence,
} from "../../../src/index.js";
import { ReputationProbe__factory } from "../../../src/typechain/factories/contracts/mocks/ReputationProbe__factory.js";

const { ethers, networkHelpers } = await network.create();

/** Bits behind the point: of the contract's weights and of the reference's. */
const POINT = 96n;
const PRECISION = 512n;

/** A month of a cloud: fewer than 2**32 counterparties, each for at most 10**12. */
const MOST = 2n ** 72n - 1n;

async function probed() {
  const [deployer] = await ethers.getSigners();
  return new ReputationProbe__factory(deployer!).deploy();
}

/** Evidence from nothing to the most, small amounts as often as large ones. */
const amount = fc.oneof(
  fc.constantFrom(0n, 1n, 999_999n, 1_000_000n, MOST / 2n),
  fc.nat({ max: 71 }).chain((bits) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) })),
);
const months = fc.array(amount, { minLength: EVIDENCE_MONTHS + 2, maxLength: EVIDENCE_MONTHS + 2 });

function byMonth(kept: readonly bigint[], lost: readonly bigint[]): Map<number, Evidence> {
  return new Map(kept.map((good, age) => [-age, { kept: good, broken: lost[age]!, unfinished: 0n }]));
}

describe("BetaReputation", function () {
  describe("weightOf", function () {
    it("is floor(2**96 · 2**(-age/6)) for 24 months and 0 from then on", async function () {
      const probe = await networkHelpers.loadFixture(probed);
      for (let age = 0; age < EVIDENCE_MONTHS; ++age) {
        expect(await probe.weightOf(age), String(age)).to.equal(decayWeight(age) >> (PRECISION - POINT));
      }
      for (const age of [EVIDENCE_MONTHS, EVIDENCE_MONTHS + 1, 1_000]) expect(await probe.weightOf(age)).to.equal(0);
    });

    it("halves in six months: the reference's weights to the sixth are powers of two", function () {
      for (let age = 0; age < EVIDENCE_MONTHS; ++age) {
        const weight = decayWeight(age);
        const power = 1n << (6n * PRECISION - BigInt(age));
        expect(weight ** 6n <= power && (weight + 1n) ** 6n > power, String(age)).to.equal(true);
      }
    });
  });

  describe("score", function () {
    it("is within one unit of 1e-18 of the exact value, and strictly between 0 and 1 (INV-REP)", async function () {
      const probe = await networkHelpers.loadFixture(probed);
      await fc.assert(
        fc.asyncProperty(months, months, fc.bigInt({ min: 1n, max: 1_000_000n }), async (kept, lost, hours) => {
          const { score, confidence } = await probe.standing(kept, lost, hours);
          const exact = standingFrom(byMonth(kept, lost), 0, hours);

          for (const [found, wanted] of [
            [score, exact.score],
            [confidence, exact.confidence],
          ] as const) {
            expect(found - wanted >= -1n && found - wanted <= 1n, `${found}, not ${wanted}`).to.equal(true);
          }
          expect(score > 0n && score < STANDING_ONE, "INV-REP").to.equal(true);
          expect(confidence >= 0n && confidence < STANDING_ONE, "INV-REP").to.equal(true);
        }),
        { numRuns: 400, seed: 4 },
      );
    });

    for (const [name, kept, lost] of [
      ["everything kept", MOST, 0n],
      ["everything broken", 0n, MOST],
    ] as const) {
      it(`does not reach its ends with the most evidence there can be: ${name} (INV-REP)`, async function () {
        const probe = await networkHelpers.loadFixture(probed);
        const all = (value: bigint) => Array.from({ length: EVIDENCE_MONTHS }, () => value);

        const { score, confidence } = await probe.standing(all(kept), all(lost), 1);

        expect(score > 0n && score < STANDING_ONE, `${score}`).to.equal(true);
        expect(confidence < STANDING_ONE, `${confidence}`).to.equal(true);
      });
    }

    it("is one half without evidence, with no confidence at all", async function () {
      const probe = await networkHelpers.loadFixture(probed);

      expect(await probe.standing([], [], 1_000)).to.deep.equal([STANDING_ONE / 2n, 0n]);
    });

    it("is (1 + kept) / (2 + kept + lost) for resource-hours of this month, half of it for those of six months ago", async function () {
      const probe = await networkHelpers.loadFixture(probed);
      const hours = (count: number) => BigInt(count) * 1_000_000n;

      expect(await probe.standing([hours(7)], [hours(1)], 8)).to.deep.equal([
        (STANDING_ONE * 8n) / 10n,
        STANDING_ONE / 2n,
      ]);
      const old = [0n, 0n, 0n, 0n, 0n, 0n];
      expect(await probe.standing([...old, hours(14)], [...old, hours(2)], 8)).to.deep.equal([
        (STANDING_ONE * 8n) / 10n,
        STANDING_ONE / 2n,
      ]);
    });
  });
});

describe("Evidence", function () {
  describe("scaledTo", function () {
    it("keeps proportions, meets the limit exactly and rounds against the cloud", async function () {
      const probe = await networkHelpers.loadFixture(probed);
      const field = fc.oneof(
        fc.constantFrom(0n, 1n, 2n, 10n ** 12n),
        fc.nat({ max: 78 }).chain((bits) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) })),
      );
      const limits = fc.oneof(fc.constantFrom(0n, 1n, 10n ** 12n), fc.bigInt({ min: 0n, max: 2n ** 79n }));
      const one = fc.tuple(fc.record({ kept: field, broken: field, unfinished: field }), limits);
      await fc.assert(
        fc.asyncProperty(fc.array(one, { minLength: 100, maxLength: 100 }), async (cases) => {
          const scaled = await probe.scaledTo(
            cases.map(([evidence]) => evidence),
            cases.map(([, limit]) => limit),
          );

          for (const [index, [evidence, limit]] of cases.entries()) {
            const { kept, broken, unfinished } = scaled[index]!;
            const found = { kept, broken, unfinished };
            expect(found).to.deep.equal(limitEvidence(evidence, limit));
            const total = totalEvidence(evidence);
            expect(totalEvidence(found)).to.equal(total < limit ? total : limit);
            if (total <= limit) continue;
            const share = (before: bigint) => (before * limit) / total;
            expect(kept <= share(evidence.kept) && kept >= share(evidence.kept) - 1n, "kept").to.equal(true);
            expect(unfinished).to.equal(share(evidence.unfinished));
            const against = share(evidence.broken);
            expect(broken >= against && broken <= against + 2n, "broken").to.equal(true);
          }
        }),
        { numRuns: 20, seed: 4 },
      );
    });
  });
});
