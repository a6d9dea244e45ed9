import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";

import { DocumentKind } from "../../../src/chain/enums.js";
import type { Metrics, Sla } from "../../../src/documents/types.js";
import { judge, pauseExcess, withPause } from "../../../src/sla/judge.js";
import { METRIC_NAMES, metricBit } from "../../../src/sla/metrics.js";
import { SlaRulesProbe__factory } from "../../../src/typechain/factories/contracts/mocks/SlaRulesProbe__factory.js";
import { bytes32 } from "../../fixtures/arbitraries.js";

const { ethers, networkHelpers } = await network.create();

async function probed() {
  const [deployer] = await ethers.getSigners();
  if (!deployer) throw new Error("no signer");
  return new SlaRulesProbe__factory(deployer).deploy();
}

const ppm = fc.oneof(fc.integer({ min: 999_990, max: 1_000_000 }), fc.integer({ min: 0, max: 1_000_000 }));
/** Few values, so that equal ones occur, or any. */
const amount = fc.oneof(fc.integer({ min: 99, max: 101 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const metrics: fc.Arbitrary<Metrics> = fc.record({
  availabilityPpm: ppm,
  cpuReadyPpm: ppm,
  diskLatencyUs: amount,
  diskIops: amount,
  throughputKbps: amount,
  networkLatencyUs: amount,
  lossPpm: ppm,
  measured: fc.integer({ min: 0, max: 127 }),
});
const bps = fc.integer({ min: 0, max: 10_000 });
const tiers = fc.tuple(fc.uniqueArray(ppm, { maxLength: 3 }), fc.tuple(bps, bps, bps)).map(([bounds, credits]) => {
  const rising = credits.toSorted((a, b) => a - b);
  return bounds.toSorted((a, b) => b - a).map((belowPpm, i) => ({ belowPpm, creditBps: rising[i] ?? 0 }));
});
const sla: fc.Arbitrary<Sla> = fc.record({
  thresholds: metrics,
  availabilityTiers: tiers,
  otherMetricsBps: bps,
  capBps: bps,
  pauseBudgetMs: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  salt: bytes32,
});
const time = fc.bigInt({ min: 0n, max: 2n ** 47n });

const runs = { numRuns: 200 };

describe("SlaRules", function () {
  describe("judge", function () {
    it("is the same in Solidity and in TypeScript", async function () {
      const probe = await networkHelpers.loadFixture(probed);

      await fc.assert(
        fc.asyncProperty(sla, metrics, async (agreed, measured) => {
          await probe.requireWellFormed(agreed);
          const [creditBps, missed] = await probe.judge(agreed, measured);
          const here = judge(agreed, measured);
          expect(here.creditBps).to.equal(creditBps);
          expect(here.missed.reduce((bits, name) => bits | metricBit(name), 0)).to.equal(Number(missed));
        }),
        runs,
      );
    });
  });

  describe("pauseExcess", function () {
    it("is the same in Solidity and in TypeScript", async function () {
      const probe = await networkHelpers.loadFixture(probed);
      const pause = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), time);
      const kind = fc.constantFrom(...Object.values(DocumentKind));

      await fc.assert(
        fc.asyncProperty(
          sla,
          time,
          pause,
          kind,
          fc.boolean(),
          async (agreed, previousEndedAt, length, kind, isHome) => {
            const stay = { home: 1, host: isHome ? 1 : 2, previousEndedAt, startedAt: previousEndedAt + length };
            const there = await probe.pauseExcess(agreed.pauseBudgetMs, {
              ...stay,
              endedAt: 0,
              kind,
              agreement: `0x${"00".repeat(32)}`,
            });
            const isMigration = kind === DocumentKind.Move || kind === DocumentKind.Record;
            expect(pauseExcess(agreed, { ...stay, isMigration })).to.equal(there);
          },
        ),
        runs,
      );
    });
  });

  describe("withPause", function () {
    it("is the same in Solidity and in TypeScript", async function () {
      const probe = await networkHelpers.loadFixture(probed);
      const length = fc.oneof(fc.constantFrom(0n, 1n, 3_600_000n, 86_400_000n), time);

      await fc.assert(
        fc.asyncProperty(
          metrics,
          length,
          fc.double({ min: 0, max: 1.1, noNaN: true }),
          async (before, length, share) => {
            const excess = BigInt(Math.floor(Number(length) * share));
            const there = await probe.withPause(before, excess, length);
            const here = withPause(before, excess, length);
            for (const name of METRIC_NAMES) expect(here[name], name).to.equal(Number(there[name]));
            expect(here.measured).to.equal(Number(there.measured));
          },
        ),
        runs,
      );
    });
  });
});
