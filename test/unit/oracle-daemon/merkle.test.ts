import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { expect } from "chai";
import { keccak256 } from "ethers";

import { BusError } from "../../../src/index.js";
import { LEAF_TYPES, proveSample, samplesRoot } from "../../../src/oracle/measure/merkle.js";
import type { LaneSample } from "../../../src/oracle/measure/measure.js";

const SAMPLES: readonly LaneSample[] = [
  { lane: "availabilityPpm", timeMs: 1_767_225_600_000, value: 1_000_000_000n },
  { lane: "availabilityPpm", timeMs: 1_767_225_630_000, value: 0n },
  { lane: "lossPpm", timeMs: 1_767_225_600_000, value: 20_500n },
];

describe("samplesRoot", function () {
  it("does not depend on the order of the samples", function () {
    expect(samplesRoot([...SAMPLES].reverse())).to.equal(samplesRoot(SAMPLES));
  });

  it("is the double hash of the one leaf where there is one sample", function () {
    const [only] = SAMPLES;
    const leaf =
      "0x" +
      "0".padStart(64, "0") +
      (1_767_225_600_000).toString(16).padStart(64, "0") +
      (1e9).toString(16).padStart(64, "0");

    expect(samplesRoot([only!])).to.equal(keccak256(keccak256(leaf)));
  });

  it("refuses no samples", function () {
    expect(() => samplesRoot([]))
      .to.throw(BusError)
      .with.property("code", "NO_SAMPLES");
  });
});

describe("proveSample", function () {
  it("proves every sample under the root", function () {
    for (const sample of SAMPLES) {
      const { proof, root } = proveSample(SAMPLES, sample);
      const leaf = [
        ["availabilityPpm", "", "", "", "", "", "lossPpm"].indexOf(sample.lane),
        sample.timeMs,
        sample.value,
      ];

      expect(root).to.equal(samplesRoot(SAMPLES));
      expect(StandardMerkleTree.verify(root, [...LEAF_TYPES], leaf, [...proof])).to.equal(true);
    }
  });

  it("refuses a sample that is not among them", function () {
    expect(() => proveSample(SAMPLES, { ...SAMPLES[0]!, value: 1n }))
      .to.throw(BusError)
      .with.property("code", "NO_SAMPLES");
  });
});
