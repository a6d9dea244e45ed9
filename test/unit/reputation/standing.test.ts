import { expect } from "chai";
import { network } from "hardhat";

import { type Evidence, STANDING_ONE, limitEvidence, standingFrom, totalEvidence } from "../../../src/index.js";
import {
  FIFTH,
  FOURTH,
  HOME,
  HOST,
  OTHER,
  UNKNOWN,
  completed,
  register,
  type World,
} from "../../fixtures/federation.js";
import {
  BAD,
  GOOD,
  HOURS,
  RULES,
  expectEvidence,
  measured,
  opened,
  plainEvidence,
  postResult,
  remembering,
  thisMonth,
  toMonth,
} from "../../fixtures/reputation.js";

const { networkHelpers } = await network.create();

const HOUR_MS = 3_600_000n;

/** Posts windows of a VM of a home at HOST, so long that they weigh so many resource-hours: a VM weighs 4. */
async function post(world: World, home: number, hours: number, values = GOOD) {
  const stay = await measured(world, [values], HOST, { home, windowMs: BigInt(hours / 4) * HOUR_MS });
  await postResult(world, stay, 0, opened(values));
  return stay;
}

/** A move between HOST's own VM and another cloud: 10 hours kept for both. */
async function move(world: World, home: number, destination: number) {
  const vm = await register(world, home);
  await completed(world, [vm], { destination });
  await world.reputation.postMove(vm, 2);
}

async function countedOf(world: World, cloud = HOST): Promise<Evidence> {
  return plainEvidence(await world.reputation.countedOf(cloud, await thisMonth(world)));
}

const hours = (kept: bigint, broken = 0n, unfinished = 0n): Evidence => ({
  kept: kept * HOURS,
  broken: broken * HOURS,
  unfinished: unfinished * HOURS,
});

describe("ReputationLedger", function () {
  describe("scoreOf, confidenceOf", function () {
    it("are one half and nothing for a newcomer, and for whom nobody knows", async function () {
      const { reputation } = await networkHelpers.loadFixture(remembering);
      for (const cloud of [HOME, UNKNOWN]) {
        expect(await reputation.scoreOf(cloud)).to.equal(STANDING_ONE / 2n);
        expect(await reputation.confidenceOf(cloud)).to.equal(0n);
      }
    });

    it("follow the formula: (1 + kept) / (2 + kept + lost), n / (n + n0)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      await post(world, HOME, 40);
      await post(world, HOME, 8, BAD);

      expect(await countedOf(world)).to.deep.equal(hours(40n, 8n));
      expect(await world.reputation.scoreOf(HOST)).to.equal((41n * STANDING_ONE) / 50n);
      expect(await world.reputation.confidenceOf(HOST)).to.equal((48n * STANDING_ONE) / 148n);
    });

    it("decay by half in six months and forget after 24 (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      await post(world, HOME, 40);
      await post(world, HOME, 8, BAD);
      const begin = await thisMonth(world);
      const months = new Map([[begin, hours(40n, 8n)]]);

      for (let age = 0; age <= 26; ++age) {
        const now = age === 0 ? begin : await toMonth(world, 1);
        const exact = standingFrom(months, now, 100n);
        const [score, confidence] = await Promise.all([
          world.reputation.scoreOf(HOST),
          world.reputation.confidenceOf(HOST),
        ]);
        expect(score - exact.score, `score, ${age} months`).to.be.oneOf([-1n, 0n, 1n]);
        expect(confidence - exact.confidence, `confidence, ${age} months`).to.be.oneOf([-1n, 0n, 1n]);
        expect(score > 0n && score < STANDING_ONE, "INV-REP").to.equal(true);
        if (age === 6) expect(score).to.equal((21n * STANDING_ONE) / 26n);
        if (age === 12) expect(score).to.equal((11n * STANDING_ONE) / 14n);
        if (age === 23) expect(confidence > 0n).to.equal(true);
        if (age >= 24) expect([score, confidence]).to.deep.equal([STANDING_ONE / 2n, 0n]);
      }
    });

    it("count a fact in the month in which it happened, however late it is posted", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const begin = await thisMonth(world);
      const stay = await measured(world, [GOOD], HOST, { windowMs: 10n * HOUR_MS });
      const vm = await register(world);
      await completed(world, [vm]);
      await toMonth(world, 12);

      await postResult(world, stay, 0, opened(GOOD));
      await world.reputation.postMove(vm, 2);

      await expectEvidence(world, [HOST, HOME, begin], { kept: 50n });
      expect(await world.reputation.confidenceOf(HOST)).to.equal((125n * STANDING_ONE) / 1_125n);
      await toMonth(world, 20);
      expect(await world.reputation.confidenceOf(HOST)).to.equal(0n);
    });
  });

  describe("countedOf", function () {
    it("takes from one counterparty alone what a newcomer may have", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      for (const [amount, counted] of [
        [48, 48n],
        [4, 50n],
        [40, 50n],
      ] as const) {
        await post(world, HOME, amount);
        expect(await countedOf(world)).to.deep.equal(hours(counted));
      }
    });

    it("takes the largest counterparty for as much as all others together and a newcomer's mass more", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      await post(world, HOME, 160);
      await post(world, HOME, 40, BAD);
      const month = await thisMonth(world);
      expect(await countedOf(world)).to.deep.equal(hours(40n, 10n));

      await post(world, OTHER, 20, BAD);
      // 200 of HOME, at most 20 + 50: the proportions stay.
      expect(await countedOf(world)).to.deep.equal(hours(56n, 14n + 20n));

      await post(world, FOURTH, 132);
      // Now 152 of others and 50: all of HOME's 200 count.
      expect(await countedOf(world)).to.deep.equal(hours(160n + 132n, 40n + 20n));
      expect(await world.reputation.monthOf(HOST, month)).to.deep.equal([292n * HOURS, 60n * HOURS, 0n, BigInt(HOME)]);
    });

    it("takes a counterparty up to the cap, its parts in proportion", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      await post(world, FOURTH, 200);
      await post(world, HOME, 160);
      await post(world, HOME, 160, BAD);
      await post(world, HOME, 80, BAD);

      const month = await thisMonth(world);
      await expectEvidence(world, [HOST, HOME, month], { kept: 160n, broken: 240n });
      expect(await countedOf(world)).to.deep.equal(hours(200n + 80n, 120n));
      const { largest } = await world.reputation.monthOf(HOST, month);
      expect(largest, "of two at the cap, the lower number").to.equal(BigInt(HOME));
    });

    it("names the lowest number of several largest, whichever came first (INV-REP)", async function () {
      for (const order of [
        [HOME, OTHER, FOURTH],
        [FOURTH, OTHER, HOME],
        [OTHER, HOME, FOURTH],
      ]) {
        const world = await networkHelpers.loadFixture(remembering);
        for (const home of order) await post(world, home, 40);
        const { largest } = await world.reputation.monthOf(HOST, await thisMonth(world));
        expect(largest, order.join()).to.equal(BigInt(HOME));
      }
    });

    it("keeps months apart", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      await post(world, HOME, 40);
      const first = await thisMonth(world);
      await toMonth(world, 1);
      await post(world, OTHER, 8, BAD);

      expect(plainEvidence(await world.reputation.countedOf(HOST, first))).to.deep.equal(hours(40n));
      expect(await countedOf(world)).to.deep.equal(hours(0n, 8n));
    });

    it("never lets one counterparty be more than half of a month beyond the newcomer's mass (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      for (const [home, amount] of [
        [HOME, 200],
        [OTHER, 20],
        [FOURTH, 24],
        [FIFTH, 4],
        [HOME, 200],
      ] as const) {
        await post(world, home, amount);
        const counted = totalEvidence(await countedOf(world));
        const month = await thisMonth(world);
        const cap = BigInt(RULES.capHours) * HOURS;
        const parts = await Promise.all(
          [HOME, OTHER, FOURTH, FIFTH].map(async (other) =>
            limitEvidence(plainEvidence(await world.reputation.evidenceOf(HOST, month, other)), cap),
          ),
        );
        for (const part of parts) {
          const others = parts.reduce((sum, each) => sum + (each === part ? 0n : totalEvidence(each)), 0n);
          const most = others + BigInt(RULES.newcomerHours) * HOURS;
          expect(counted - others <= most).to.equal(true);
        }
      }
    });
  });

  describe("a federation of two", function () {
    it("learns up to the newcomer's mass a month, of good and of bad", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      for (let i = 0; i < 3; ++i) await move(world, HOME, HOST);
      await post(world, HOME, 120);
      await post(world, HOME, 50 * 4, BAD);

      // 30 + 120 kept, 200 broken: 200 of 350 by the cap, then 50 of 200.
      const all = limitEvidence(hours(150n, 200n), 200n * HOURS);
      const counted = limitEvidence(all, 50n * HOURS);
      expect(await countedOf(world)).to.deep.equal(counted);
      expect(await countedOf(world, HOME)).to.deep.equal(hours(30n));
      expect(await world.reputation.scoreOf(HOME)).to.equal((31n * STANDING_ONE) / 32n);
      const score = await world.reputation.scoreOf(HOST);
      expect(score < STANDING_ONE / 2n && score > STANDING_ONE / 3n, `${score}`).to.equal(true);
    });
  });
});
