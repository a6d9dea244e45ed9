import { expect } from "chai";

import { DEFAULT_TOLERANCES, compare, isWithin } from "../../../src/oracle/measure/compare.js";
import { buildMetrics } from "../../../src/sla/metrics.js";

describe("isWithin", function () {
  const absolute = { absolute: 10, relativePpm: 0 };
  const relative = { absolute: 0, relativePpm: 100_000 };

  it("takes a distance up to the absolute tolerance", function () {
    expect([isWithin(100, 109, absolute), isWithin(100, 110, absolute), isWithin(100, 111, absolute)]).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it("takes a distance up to a share of the larger value, whichever side has it", function () {
    expect(isWithin(900, 1_000, relative)).to.equal(true);
    expect(isWithin(899, 1_000, relative)).to.equal(false);
    expect(isWithin(1_000, 900, relative)).to.equal(true);
  });

  it("does not round with the largest values", function () {
    const most = 2 ** 32 - 1;

    expect(isWithin(most, most - 429_496_729, relative)).to.equal(true);
    expect(isWithin(most, most - 429_496_730, relative)).to.equal(false);
  });
});

describe("compare", function () {
  const theirs = buildMetrics({ availabilityPpm: 990_000, diskIops: 1_000, lossPpm: 100 });

  it("names what differs and what was not measured here", function () {
    const own = buildMetrics({ availabilityPpm: 980_000, diskIops: 1_000, cpuReadyPpm: 1 });

    expect(compare(own, theirs, DEFAULT_TOLERANCES)).to.deep.equal({
      differing: ["availabilityPpm"],
      unmeasured: ["lossPpm"],
    });
  });

  it("has nothing to compare where nothing was measured here", function () {
    expect(compare(undefined, theirs, DEFAULT_TOLERANCES)).to.deep.equal({
      differing: [],
      unmeasured: ["availabilityPpm", "diskIops", "lossPpm"],
    });
  });
});
