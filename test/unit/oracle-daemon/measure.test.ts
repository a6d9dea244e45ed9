import { expect } from "chai";
import fc from "fast-check";

import { BusError } from "../../../src/index.js";
import { toThousandths } from "../../../src/oracle/measure/decimal.js";
import { DEFAULT_RULES, expectedSamples, measure, nearestRank } from "../../../src/oracle/measure/measure.js";
import { type Sample, samplesIn } from "../../../src/oracle/measure/samples.js";
import { type MetricName, buildMetrics } from "../../../src/sla/metrics.js";

const WINDOW = { fromMs: 1_000_000, toMs: 1_300_000 };
const STEP_MS = 30_000;
/** Seeds are fixed: the same cases every time. */
const RUNS = { seed: 4, numRuns: 300 };

/** Samples at the grid of the window: values in the metric's unit, undefined where one is missing. */
function seriesOf(...values: readonly (number | undefined)[]): Sample[] {
  return values.flatMap((value, step) =>
    value === undefined ? [] : [{ timeMs: WINDOW.fromMs + step * STEP_MS, value: BigInt(Math.round(value * 1_000)) }],
  );
}

const UP = 1_000_000;
const ten = (value: number) => Array.from({ length: 10 }, () => value);

function measured(name: MetricName, samples: readonly Sample[], rules = DEFAULT_RULES) {
  return measure(new Map([[name, samples]]), WINDOW, STEP_MS, rules);
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return thrown instanceof BusError ? thrown.code : String(thrown);
  }
}

describe("toThousandths", function () {
  const CASES: readonly (readonly [string, string, bigint | undefined])[] = [
    ["1", "1", 1_000n],
    ["0.0015", "1000000", 1_500_000n],
    ["1.5e-3", "1000000", 1_500_000n],
    ["0.1", "0.1", 10n],
    ["0.0019", "1", 1n],
    ["0.0009999", "1", 0n],
    ["-0.0001", "1", -1n],
    ["123456789012345678901234567890", "1", 123456789012345678901234567890000n],
    [".5", "1", undefined],
    ["NaN", "1", undefined],
    ["+Inf", "1", undefined],
    ["1e401", "1", undefined],
    ["", "1", undefined],
    ["1", "x", undefined],
  ];
  for (const [value, scale, expected] of CASES) {
    it(`makes ${String(expected)} of ${JSON.stringify(value)} times ${scale}`, function () {
      expect(toThousandths(value, scale)).to.equal(expected);
    });
  }

  it("is exact where binary fractions are not", function () {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 }), fc.nat({ max: 999 }), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, "0")}`;
        expect(toThousandths(text)).to.equal(BigInt(whole) * 1_000n + BigInt(thousandths));
      }),
      RUNS,
    );
  });
});

describe("nearestRank", function () {
  it("gives the table of its definition", function () {
    // Of 15, 20, 35, 40, 50: the common example of the method.
    const values = [35n, 20n, 15n, 50n, 40n];
    const at = (percent: number) => nearestRank(values, percent * 100);

    expect([5, 30, 40, 50, 100].map(at)).to.deep.equal([15n, 20n, 20n, 35n, 50n]);
  });

  it("steps to the next value just after a multiple of 1/N", function () {
    const values = [1n, 2n, 3n, 4n];

    expect(nearestRank(values, 2_500)).to.equal(1n);
    expect(nearestRank(values, 2_501)).to.equal(2n);
    expect(nearestRank(values, 1)).to.equal(1n);
  });

  it("is a measured value with enough of the others at or below it, whatever the order", function () {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(0n, 1_000n), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 10_000 }),
        (values, percentileBp) => {
          const found = nearestRank(values, percentileBp);
          const atOrBelow = values.filter((value) => value <= found).length;
          const below = values.filter((value) => value < found).length;
          expect(values).to.include(found);
          expect(atOrBelow * 10_000).to.be.at.least(percentileBp * values.length);
          expect(below * 10_000).to.be.below(percentileBp * values.length);
          expect(nearestRank([...values].reverse(), percentileBp)).to.equal(found);
        },
      ),
      RUNS,
    );
  });

  it("refuses nothing at all", function () {
    expect(codeOf(() => nearestRank([], 5_000))).to.equal("NO_SAMPLES");
  });
});

describe("samplesIn", function () {
  const at = (timeMs: number, value = 1n): Sample => ({ timeMs, value });

  it("keeps what lies in the window: its begin belongs to it, its end does not", function () {
    const samples = [999_999, 1_000_000, 1_299_999, 1_300_000].map((time) => at(time));

    expect(samplesIn("diskIops", samples, WINDOW).map(({ timeMs }) => timeMs)).to.deep.equal([1_000_000, 1_299_999]);
  });

  it("drops a sample that is there twice", function () {
    expect(samplesIn("diskIops", [at(1_000_000), at(1_000_000)], WINDOW)).to.have.length(1);
  });

  const MISTAKES: readonly (readonly [string, readonly Sample[], string])[] = [
    ["two values for one moment", [at(1_000_000, 1n), at(1_000_000, 2n)], "SAMPLES_DUPLICATE"],
    [
      "two values for one moment, the first of them twice",
      [at(1_000_000, 1n), at(1_000_000, 1n), at(1_000_000, 2n)],
      "SAMPLES_DUPLICATE",
    ],
    ["a time before the last one", [at(1_000_001), at(1_000_000)], "SAMPLES_OUT_OF_ORDER"],
    ["the same outside of the window", [at(2), at(1)], "SAMPLES_OUT_OF_ORDER"],
    ["a negative value", [at(1_000_000, -1n)], "SAMPLE_OUT_OF_RANGE"],
    ["a value above 32 bits", [at(1_000_000, 2n ** 32n * 1_000n)], "SAMPLE_OUT_OF_RANGE"],
    ["a time that is not whole", [at(1_000_000.5)], "SAMPLE_OUT_OF_RANGE"],
  ];
  for (const [what, samples, code] of MISTAKES) {
    it(`refuses ${what}`, function () {
      expect(codeOf(() => samplesIn("diskIops", samples, WINDOW))).to.equal(code);
    });
  }

  it("refuses a share above one, and takes one", function () {
    const just = at(1_000_000, 1_000_000_000n);

    expect(samplesIn("lossPpm", [just], WINDOW)).to.have.length(1);
    expect(codeOf(() => samplesIn("lossPpm", [{ ...just, value: just.value + 1n }], WINDOW))).to.equal(
      "SAMPLE_OUT_OF_RANGE",
    );
  });
});

describe("measure", function () {
  it("expects a sample for each step that begins in the window", function () {
    expect(expectedSamples(WINDOW, STEP_MS)).to.equal(10);
    expect(expectedSamples({ fromMs: 0, toMs: 30_001 }, STEP_MS)).to.equal(2);
    expect(expectedSamples({ fromMs: 0, toMs: 1 }, STEP_MS)).to.equal(1);
  });

  it("takes availability as the share of the expected samples, rounded down", function () {
    const third = seriesOf(UP, UP, UP, UP, UP, UP, UP, 0, 0, 333_333.4);

    expect(measured("availabilityPpm", third).metrics).to.deep.equal(buildMetrics({ availabilityPpm: 733_333 }));
  });

  it("counts a missing sample as time without an answer, as long as few are missing", function () {
    const rules = { ...DEFAULT_RULES, availabilityPpm: { aggregate: "mean", mostMissingPpm: 100_000 } } as const;
    const nine = seriesOf(...ten(UP).slice(1));
    const eight = seriesOf(...ten(UP).slice(2));

    expect(measured("availabilityPpm", nine, rules).metrics.availabilityPpm).to.equal(900_000);
    expect(measured("availabilityPpm", eight, rules)).to.deep.include({
      metrics: buildMetrics({}),
      samples: [],
      gaps: [{ lane: "availabilityPpm", expected: 10, present: 8 }],
    });
  });

  it("never finds more than everything, even if there are more samples than expected", function () {
    const eleven = Array.from({ length: 11 }, (_, i) => ({
      timeMs: WINDOW.fromMs + i * 27_000,
      value: 1_000_000_000n,
    }));

    expect(measured("availabilityPpm", eleven).metrics.availabilityPpm).to.equal(1_000_000);
  });

  it("judges what is promised at least by its low end, and what is promised at most by its high end", function () {
    const values = seriesOf(10, 20, 30, 40, 50, 60, 70, 80, 90, 100);

    expect(measured("throughputKbps", values).metrics.throughputKbps).to.equal(10);
    expect(measured("networkLatencyUs", values).metrics.networkLatencyUs).to.equal(100);
    expect(measured("lossPpm", values).metrics.lossPpm).to.equal(55);
  });

  it("uses another percentile, or the mean, where it is told to", function () {
    const values = seriesOf(10, 20, 30, 40, 50, 60, 70, 80, 90, 101);
    const ruled = (aggregate: "mean" | { percentileBp: number }) =>
      measured("diskLatencyUs", values, { ...DEFAULT_RULES, diskLatencyUs: { aggregate, mostMissingPpm: 0 } }).metrics
        .diskLatencyUs;

    expect(ruled({ percentileBp: 5_000 })).to.equal(50);
    expect(ruled("mean")).to.equal(55);
  });

  it("leaves out a metric of which nothing was seen, whatever may be missing", function () {
    const rules = { ...DEFAULT_RULES, lossPpm: { aggregate: "mean", mostMissingPpm: 1_000_000 } } as const;

    expect(measured("lossPpm", [], rules).gaps).to.deep.equal([{ lane: "lossPpm", expected: 10, present: 0 }]);
  });

  it("keeps the samples of what it measured, by metric and time", function () {
    const series = new Map([
      ["lossPpm", seriesOf(...ten(1))],
      ["availabilityPpm", seriesOf(...ten(UP))],
      ["diskIops", seriesOf(5)],
    ] as const);
    const { metrics, samples, gaps } = measure(series, WINDOW, STEP_MS, DEFAULT_RULES);

    expect(metrics).to.deep.equal(buildMetrics({ availabilityPpm: UP, lossPpm: 1 }));
    expect(gaps.map(({ lane }) => lane)).to.deep.equal(["diskIops"]);
    expect(samples.map(({ lane }) => lane)).to.deep.equal([
      ...Array.from({ length: 10 }, () => "availabilityPpm"),
      ...Array.from({ length: 10 }, () => "lossPpm"),
    ]);
  });

  it("gives whole numbers within a metric's range for whatever is within a sample's range", function () {
    const value = fc.bigInt(0n, 1_000_000_000n);
    fc.assert(
      fc.property(fc.array(value, { minLength: 10, maxLength: 10 }), (values) => {
        const samples = values.map((one, step) => ({ timeMs: WINDOW.fromMs + step * STEP_MS, value: one }));
        for (const name of ["availabilityPpm", "cpuReadyPpm", "lossPpm"] as const) {
          const found = measured(name, samples).metrics[name];
          expect(Number.isInteger(found)).to.equal(true);
          expect(found).to.be.within(0, 1_000_000);
        }
      }),
      RUNS,
    );
  });
});
