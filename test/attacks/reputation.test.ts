import { expect } from "chai";
import { network } from "hardhat";

import { AbortReason, STANDING_ONE, decayWeight, publicAgreement, publicMove } from "../../src/index.js";
import {
  FIFTH,
  FOURTH,
  HOME,
  HOST,
  OTHER,
  type World,
  as,
  completed,
  offer,
  register,
  started,
  vmOf,
} from "../fixtures/federation.js";
import {
  BAD,
  GOOD,
  HOURS,
  RULES,
  measured,
  opened,
  postResult,
  remembering,
  thisMonth,
  toMonth,
} from "../fixtures/reputation.js";

const { networkHelpers } = await network.create();

const HOUR_MS = 3_600_000n;
const PRECISION = 2n ** 512n;

/** Two clouds that are one. */
const X = HOST;
const Y = OTHER;
/** Those that they would like to impress. */
const HONEST = [HOME, FOURTH] as const;

const M = BigInt(RULES.newcomerHours);
const N0 = BigInt(RULES.confidenceHours);

/** A VM of one cloud at another with windows of so many resource-hours, results as told, all posted. */
async function lend(world: World, home: number, host: number, hours: number, results: readonly (typeof GOOD)[]) {
  // The offers of the tests are valid for a year.
  await offer(world, host);
  const stay = await measured(world, results, host, { home, windowMs: BigInt(hours / 4) * HOUR_MS });
  for (const [window, values] of results.entries()) await postResult(world, stay, window, opened(values));
  await as(world, home).stop(stay.vm);
}

/** Σ over months of λ^age · amount, in resource-hours times 2**512. */
function decayed(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount, index) => sum + amount * decayWeight(amounts.length - 1 - index), 0n);
}

describe("Who tries to look better or to make others look worse", function () {
  describe("two colluding clouds, over a simulated year", function () {
    it("alone: score ≤ (1 + mS) / (2 + mS), confidence ≤ mS / (mS + n0) for all they lend each other (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const mass: bigint[] = [];
      for (let month = 0; month < 12; ++month) {
        // Twice the cap, each way, and moves on top.
        await lend(world, Y, X, 200, [GOOD, GOOD]);
        await lend(world, X, Y, 200, [GOOD, GOOD]);
        const vm = await register(world, X);
        await completed(world, [vm], { destination: Y });
        await world.reputation.postMove(vm, 2);
        mass.push(M);

        const bound = decayed(mass);
        for (const cloud of [X, Y]) {
          const score = await world.reputation.scoreOf(cloud);
          const confidence = await world.reputation.confidenceOf(cloud);
          expect(score <= ((PRECISION + bound) * STANDING_ONE) / (2n * PRECISION + bound), `${month}`).to.equal(true);
          expect(confidence <= (bound * STANDING_ONE) / (bound + N0 * PRECISION), `${month}`).to.equal(true);
        }
        await toMonth(world, 1);
      }
      // S of a year is 6.9: they end below what a single month with two honest partners gives.
      const confidence = await world.reputation.confidenceOf(X);
      for (const home of HONEST) await lend(world, home, FIFTH, 200, [GOOD]);
      expect((await world.reputation.confidenceOf(FIFTH)) > confidence).to.equal(true);
    });

    it("against honest partners to whom promises are broken: score ≤ (1 + D + mS) / (2 + 2D + mS) (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const mass: bigint[] = [];
      const honest: bigint[] = [];
      let last = STANDING_ONE;
      for (let month = 0; month < 12; ++month) {
        await lend(world, HOME, X, 40, [BAD]);
        await lend(world, Y, X, 200, [GOOD, GOOD]);
        mass.push(M);
        honest.push(40n);

        const [D, mS] = [decayed(honest), decayed(mass)];
        last = await world.reputation.scoreOf(X);
        const bound = ((PRECISION + D + mS) * STANDING_ONE) / (2n * PRECISION + 2n * D + mS);
        expect(last <= bound, `${month}: ${last}, at most ${bound}`).to.equal(true);
        await toMonth(world, 1);
      }
      // It is what they reach: 40 + 50 of 130 count for them each month. Without the rule it would be 200 of 240.
      expect(last > (68n * STANDING_ONE) / 100n && last < (70n * STANDING_ONE) / 100n, `${last}`).to.equal(true);
    });

    it("where many others know it well: the cap is all that they add to a month (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      for (const home of [HOME, FOURTH, FIFTH]) await lend(world, home, X, 196, [BAD]);
      await lend(world, Y, X, 200, [GOOD, GOOD]);

      // 588 against, at most the cap of 200 for.
      expect(await world.reputation.scoreOf(X)).to.equal((201n * STANDING_ONE) / 790n);
      const counted = await world.reputation.countedOf(X, await thisMonth(world));
      expect(counted.kept).to.equal(200n * HOURS);
    });
  });

  describe("a home and a destination that agree on moves which a host never asked for", function () {
    it("cost the host at most half of its month and a newcomer's mass, and themselves as much (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      await lend(world, FOURTH, X, 40, [GOOD]);
      const before = await world.reputation.scoreOf(X);
      for (let i = 0; i < 12; ++i) {
        const vm = await register(world, HOME);
        await completed(world, [vm], { destination: X });
        const move = await started(world, [vm], { destination: Y });
        const { move: number } = await vmOf(world, vm);
        await networkHelpers.time.increaseTo(move.completeBy / 1_000n + 1n);
        await world.ledger.expire(publicMove(move));
        await world.reputation.postUnfinished(number, publicAgreement(move.agreement));
      }

      const score = await world.reputation.scoreOf(X);
      expect(score < before).to.equal(true);
      // 40 kept; of 120 unfinished towards Y 40 + 50 count.
      expect(score).to.equal((41n * STANDING_ONE) / 132n);
      // Y has nothing else: a newcomer's mass, all against it.
      expect(await world.reputation.scoreOf(Y)).to.equal(STANDING_ONE / 52n);
    });

    it("cost nothing where both give up together, or the home does before the start", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vm = await register(world, HOME);
      const move = await started(world, [vm], { destination: X });
      const { move: number } = await vmOf(world, vm);
      await as(world, HOME).abort(publicMove(move), HOME, AbortReason.Unspecified);
      await world.reputation.postUnfinished(number, publicAgreement(move.agreement));

      expect(await world.reputation.scoreOf(X)).to.equal(STANDING_ONE / 2n);
      expect((await world.reputation.scoreOf(HOME)) < STANDING_ONE / 2n).to.equal(true);
    });
  });
});
