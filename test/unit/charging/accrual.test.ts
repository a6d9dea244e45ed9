import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";

import { MAX_AMOUNT, accruedCharge, buildRates, buildResources, chargeBetween, rateOf } from "../../../src/index.js";
import { AccrualProbe__factory } from "../../../src/typechain/factories/contracts/mocks/AccrualProbe__factory.js";
import { rates, resources, uint } from "../../fixtures/arbitraries.js";

const { ethers, networkHelpers } = await network.create();

const BATCH = 400;
const RATE_BITS = 98;
const TIME_BITS = 48;
const REFUSED = 2n ** 256n - 1n;

async function probed() {
  const [deployer] = await ethers.getSigners();
  return { probe: await new AccrualProbe__factory(deployer!).deploy() };
}

/** The powers of two of a width and their neighbours. */
const edges = (bits: number) =>
  Array.from({ length: bits }, (_, bit) => 1n << BigInt(bit))
    .concat(1n << BigInt(bits))
    .flatMap((power) => [power - 1n, power, power + 1n])
    .filter((value) => value < 1n << BigInt(bits));

/** Any value of a width: half of them near a power of two. */
const wide = (bits: number) =>
  fc.oneof(
    uint(bits),
    fc.constantFrom(...edges(bits)),
    fc.integer({ min: 0, max: bits }).chain((width) => uint(width)),
  );

const refused = (rate: bigint, elapsed: bigint): bigint => {
  try {
    return accruedCharge(rate, elapsed);
  } catch {
    return REFUSED;
  }
};

describe("Accrual", function () {
  describe("accrued", function () {
    it("is what the library computes, in 12,000 random cases (INV-PURE)", async function () {
      const { probe } = await networkHelpers.loadFixture(probed);
      const cases = fc.sample(fc.tuple(wide(RATE_BITS), wide(TIME_BITS)), { numRuns: 12_000, seed: 0xb10c });

      let overflows = 0;
      for (let first = 0; first < cases.length; first += BATCH) {
        const batch = cases.slice(first, first + BATCH);
        const found = await probe.accruedOf(
          batch.map(([rate]) => rate),
          batch.map(([, elapsed]) => elapsed),
        );
        expect([...found]).to.deep.equal(batch.map(([rate, elapsed]) => refused(rate, elapsed)));
        overflows += found.filter((charge) => charge === REFUSED).length;
      }

      expect(overflows, "overflows").to.be.within(100, cases.length / 2);
    });

    it("is what the library computes, at every boundary of every width (INV-PURE)", async function () {
      const { probe } = await networkHelpers.loadFixture(probed);
      const pairs = edges(RATE_BITS).flatMap((rate) => edges(TIME_BITS).map((elapsed) => [rate, elapsed] as const));
      const sample = pairs.filter((_, index) => index % 5 === 0);

      for (let first = 0; first < sample.length; first += BATCH) {
        const batch = sample.slice(first, first + BATCH);
        const found = await probe.accruedOf(
          batch.map(([rate]) => rate),
          batch.map(([, elapsed]) => elapsed),
        );
        expect([...found]).to.deep.equal(batch.map(([rate, elapsed]) => refused(rate, elapsed)));
      }
    });

    it("takes 96 bits, and refuses one more", async function () {
      const { probe } = await networkHelpers.loadFixture(probed);
      const hour = 3_600_000n;
      const most = (MAX_AMOUNT * 1_000n) / 2n ** 10n;

      for (const [rate, elapsed] of [
        [MAX_AMOUNT / 64n, 64n * hour * 1_000n],
        [most, 2n ** 10n * hour],
      ] as const) {
        expect(await probe.accrued(rate, elapsed)).to.equal(accruedCharge(rate, elapsed));
        expect(accruedCharge(rate, elapsed)).to.be.within(MAX_AMOUNT - 1_000n, MAX_AMOUNT);
      }
      const [rate, elapsed] = [2n ** 96n / 64n, 64n * hour * 1_000n];
      await expect(probe.accrued(rate, elapsed))
        .to.be.revertedWithCustomError(probe, "Accrual_Overflow")
        .withArgs(rate, elapsed);
      expect(() => accruedCharge(rate, elapsed))
        .to.throw()
        .with.property("code", "CHARGE_OVERFLOW");
    });

    it("charges as a person would reckon", function () {
      // 4 vCPU at 0.02 and 16 GiB at 0.005 of a unit an hour, for 90 minutes: 0.16 * 1.5.
      const rate = rateOf(
        buildResources({ vcpuMilli: 4_000, memoryMiB: 16_384 }),
        buildRates({ vcpuMilli: 20_000_000n, memoryMiB: 4_882_812n }),
      );

      expect(accruedCharge(rate, 5_400_000n)).to.equal(239_999_987n);
      expect(accruedCharge(rate, 0n)).to.equal(0n);
      expect(accruedCharge(rate, -1n)).to.equal(0n);
    });
  });

  describe("rateOf", function () {
    it("is what the library computes, below 2**98", async function () {
      const { probe } = await networkHelpers.loadFixture(probed);
      const cases = fc.sample(fc.tuple(resources, rates), { numRuns: 1_000, seed: 0xb10c });

      for (let first = 0; first < cases.length; first += 100) {
        const batch = cases.slice(first, first + 100);
        const found = await probe.ratesOf(
          batch.map(([amounts]) => amounts),
          batch.map(([, prices]) => prices),
        );
        expect([...found]).to.deep.equal(batch.map(([amounts, prices]) => rateOf(amounts, prices)));
      }
      const lane = 2 ** 31 - 1;
      const all = buildResources(Object.fromEntries(Object.keys(buildResources({})).map((name) => [name, lane])));
      const dear = buildRates(Object.fromEntries(Object.keys(buildRates({})).map((name) => [name, 2n ** 64n - 1n])));
      expect(await probe.ratesOf([all], [dear])).to.deep.equal([rateOf(all, dear)]);
      expect(rateOf(all, dear) < 2n ** 98n).to.equal(true);
    });
  });

  describe("chargeBetween", function () {
    it("adds up to the whole, however a stay is cut (INV-SETTLE)", function () {
      fc.assert(
        fc.property(uint(60), uint(40), fc.array(uint(20), { maxLength: 50 }), (rate, startedAt, steps) => {
          let at = startedAt;
          let sum = 0n;
          for (const step of steps) {
            sum += chargeBetween(rate, startedAt, at, at + step);
            at += step;
          }
          expect(sum).to.equal(accruedCharge(rate, at - startedAt));
        }),
      );
    });
  });
});

describe("Currency", function () {
  it("is three capital letters, and nothing else", async function () {
    const { probe } = await networkHelpers.loadFixture(probed);

    expect(await probe.currencyOf("EUR")).to.equal("0x455552");
    expect(await probe.currencyOf("AZA")).to.equal("0x415a41");
    for (const text of ["", "EU", "EURO", "eur", "EU1", "E@R", "E[R", "E R", "ÄUR"]) {
      await expect(probe.currencyOf(text))
        .to.be.revertedWithCustomError(probe, "Currency_NotThreeLetters")
        .withArgs(text);
    }
  });
});
