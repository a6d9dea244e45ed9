import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";

import { monthName, monthOf } from "../../../src/index.js";
import { ReputationProbe__factory } from "../../../src/typechain/factories/contracts/mocks/ReputationProbe__factory.js";

const { ethers, networkHelpers } = await network.create();

const DAY_MS = 86_400_000n;
/** A stay's times have 48 bits. */
const LATEST = 2n ** 48n - 1n;

async function probed() {
  const [deployer] = await ethers.getSigners();
  return new ReputationProbe__factory(deployer!).deploy();
}

async function expectMonths(times: readonly bigint[]) {
  const probe = await networkHelpers.loadFixture(probed);
  const found = await probe.monthsOf([...times]);
  expect(found.map(Number)).to.deep.equal(times.map(monthOf));
}

describe("CalendarMonth", function () {
  describe("monthOf", function () {
    it("changes with the millisecond in which JavaScript's Date has another month, around every kind of year", async function () {
      const times: bigint[] = [];
      for (const first of [1970, 2023, 2099, 2399]) {
        for (let month = 1; month < 10 * 12; ++month) {
          const begin = BigInt(Date.UTC(first, month, 1));
          times.push(begin - 1n, begin);
        }
      }

      await expectMonths(times);
    });

    it("is that of Date on every day of a leap year, a common one, and years that end a century", async function () {
      const times = [1972, 2023, 2100, 2400].flatMap((year) =>
        Array.from({ length: 366 }, (_, day) => BigInt(Date.UTC(year, 0, 1)) + BigInt(day) * DAY_MS),
      );

      await expectMonths(times);
    });

    it("is that of Date for any time of 48 bits", async function () {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.bigInt({ min: 0n, max: LATEST }), { minLength: 400, maxLength: 400 }),
          expectMonths,
        ),
        { numRuns: 5, seed: 4 },
      );
      await expectMonths([0n, LATEST]);
    });

    it("counts from January 1970", function () {
      expect(monthOf(0n)).to.equal(0);
      expect(monthOf(BigInt(Date.UTC(2026, 10, 26)))).to.equal(682);
      expect([0, 11, 12, 682].map(monthName)).to.deep.equal(["1970-01", "1970-12", "1971-01", "2026-11"]);
    });
  });
});
