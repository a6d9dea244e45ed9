import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { AbiCoder } from "ethers";

import { BusError } from "../../errors/busError.js";
import { metricNumber } from "./metricNames.js";
import type { LaneSample } from "./measure.js";

/**
 * ABI types of a leaf: number of the metric, time in milliseconds, value in thousandths of the metric's unit. The leaf's
 * hash is keccak256(keccak256(abi.encode(leaf))), and pairs are hashed in ascending order: OpenZeppelin's standard tree.
 */
export const LEAF_TYPES = ["uint8", "uint64", "uint64"] as const;

type Leaf = [lane: number, timeMs: bigint, value: bigint];

function leafOf({ lane, timeMs, value }: LaneSample): Leaf {
  return [metricNumber(lane), BigInt(timeMs), value];
}

function treeOf(samples: readonly LaneSample[]): StandardMerkleTree<Leaf> {
  if (samples.length === 0) throw new BusError("NO_SAMPLES", "there is no Merkle tree of no samples");
  return StandardMerkleTree.of(samples.map(leafOf), [...LEAF_TYPES]);
}

/**
 * Root of the samples of a window, in whatever order they are given.
 * @throws BusError `NO_SAMPLES`.
 */
export function samplesRoot(samples: readonly LaneSample[]): string {
  return treeOf(samples).root;
}

/** A sample as `SlaOracle.isSample` takes it, and the proof that it is under a root. */
export interface SampleProof {
  /** ABI encoding of the leaf. */
  readonly sample: string;
  readonly proof: readonly string[];
  readonly root: string;
}

/**
 * Proof that one of the samples is among those under their root.
 * @throws BusError `NO_SAMPLES` if it is not one of them.
 */
export function proveSample(samples: readonly LaneSample[], wanted: LaneSample): SampleProof {
  const leaf = leafOf(wanted);
  const index = samples.findIndex(
    ({ lane, timeMs, value }) => lane === wanted.lane && timeMs === wanted.timeMs && value === wanted.value,
  );
  if (index < 0) throw new BusError("NO_SAMPLES", `no ${wanted.lane} of ${wanted.value} at ${wanted.timeMs}`);
  const tree = treeOf(samples);
  return {
    sample: AbiCoder.defaultAbiCoder().encode([...LEAF_TYPES], leaf),
    proof: tree.getProof(index),
    root: tree.root,
  };
}
