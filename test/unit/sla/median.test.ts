import { expect } from "chai";
import fc from "fast-check";

import type { Metrics } from "../../../src/documents/types.js";
import { medianOf } from "../../../src/sla/median.js";
import {
  AT_LEAST,
  METRIC_NAMES,
  WITNESSED_METRICS,
  buildMetrics,
  isMeasured,
  metricBit,
} from "../../../src/sla/metrics.js";

/** Few values, so that equal ones are frequent, or any. */
const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const anything: fc.Arbitrary<Metrics> = fc
  .record({
    availabilityPpm: fc.option(value, { nil: undefined }),
    throughputKbps: fc.option(value, { nil: undefined }),
    networkLatencyUs: fc.option(value, { nil: undefined }),
    lossPpm: fc.option(value, { nil: undefined }),
  })
  .map((values) => buildMetrics(values));
const full = (each: fc.Arbitrary<number>) =>
  fc
    .record({ availabilityPpm: each, throughputKbps: each, networkLatencyUs: each, lossPpm: each })
    .map((values) => buildMetrics(values));

describe("medianOf", function () {
  it("is a value with at most half worse and fewer than half better, of every metric that enough measured", function () {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 7 }), fc.integer({ min: 1, max: 7 }), (observed, required) => {
        const median = medianOf(observed, required);
        for (const name of METRIC_NAMES) {
          const values = observed.filter((one) => isMeasured(one, name)).map((one) => one[name]);
          const counts = WITNESSED_METRICS.includes(name) && values.length >= required;
          expect(isMeasured(median, name)).to.equal(counts);
          if (!counts) {
            expect(median[name]).to.equal(0);
            continue;
          }
          const middle = median[name];
          const below = values.filter((other) => other < middle).length;
          const above = values.filter((other) => other > middle).length;
          const [worse, better] = AT_LEAST.includes(name) ? [below, above] : [above, below];
          expect(values).to.include(middle);
          expect(2 * worse).to.be.at.most(values.length);
          expect(2 * better).to.be.below(values.length);
        }
      }),
    );
  });

  for (let m = 1; m <= 7; ++m) {
    const liars = Math.ceil(m / 2) - 1;
    it(`stays in the honest range with ${liars} liars among ${m}`, function () {
      const honest = full(fc.integer({ min: 400_000, max: 600_000 }));
      const lie = full(fc.oneof(fc.constantFrom(0, 2 ** 32 - 1), fc.integer({ min: 0, max: 1_000_000 })));
      fc.assert(
        fc.property(
          fc.array(honest, { minLength: m - liars, maxLength: m - liars }),
          fc.array(lie, { minLength: liars, maxLength: liars }),
          fc.nat(),
          (truths, lies, shift) => {
            const all = [...truths, ...lies];
            const observed = all.map((_, i) => all[(i + shift) % m]!);
            const median = medianOf(observed, 1);
            for (const name of WITNESSED_METRICS) {
              const seen = truths.map((one) => one[name]);
              expect(median[name]).to.be.within(Math.min(...seen), Math.max(...seen));
            }
          },
        ),
      );
    });
  }

  it("has nothing where nobody was heard, or nobody measured anything", function () {
    expect(medianOf([], 1)).to.deep.equal(buildMetrics({}));
    expect(medianOf([buildMetrics({}), buildMetrics({})], 1)).to.deep.equal(buildMetrics({}));
  });
});

describe("buildMetrics", function () {
  it("counts what is given, zero or not", function () {
    expect(buildMetrics({ availabilityPpm: 0, lossPpm: 7 })).to.deep.equal({
      availabilityPpm: 0,
      cpuReadyPpm: 0,
      diskLatencyUs: 0,
      diskIops: 0,
      throughputKbps: 0,
      networkLatencyUs: 0,
      lossPpm: 7,
      measured: metricBit("availabilityPpm") | metricBit("lossPpm"),
    });
    expect(buildMetrics({ diskIops: undefined }).measured).to.equal(0);
  });
});
