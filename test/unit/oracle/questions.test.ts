import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { expect } from "chai";
import { AbiCoder, concat, id } from "ethers";
import { network } from "hardhat";

import { type SaltedMetrics, buildMetrics } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  UNREGISTERED,
  as,
  federation,
  nextBlockAt,
  pass,
  record,
  recordOf,
} from "../../fixtures/federation.js";
import {
  METRICS,
  NO_METRICS,
  OBJECT_WITHIN,
  OBSERVE_WITHIN,
  SEEN,
  WINDOW,
  WITNESSES,
  afterObjection,
  claim,
  claimedWindow,
  endedWindow,
  finalise,
  hostedStay,
  object,
  objectedWindow,
  observationOf,
  observe,
  openStay,
  passWindow,
  reportAgreed,
  reportOf,
  resultOf,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

const ZERO = `0x${"00".repeat(32)}`;
const open = (values = METRICS, salt = ZERO): SaltedMetrics => ({ values, salt });

describe("SlaOracle", function () {
  describe("gridOf", function () {
    it("is all zero where the windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      for (const [vm, sequence] of [
        [stay.vm, stay.sequence],
        [UNREGISTERED, 7],
      ] as const) {
        const { home, host, startedAt, windowMs, periods } = await world.oracle.gridOf(vm, sequence);
        expect([home, host, startedAt, windowMs, ...periods]).to.deep.equal([0n, 0n, 0n, 0n, 0n, 0n, 0n]);
      }
    });
  });

  describe("windowOf", function () {
    it("counts windows from the stay's start, while it runs without an end", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      const start = BigInt(stay.startedAt) * 1_000n;

      for (const window of [0n, 1n, 2n, 1_000_000n]) {
        const from = start + window * BigInt(WINDOW) * 1_000n;
        const found = await world.oracle.windowOf(stay.vm, stay.sequence, window);
        expect([...found]).to.deep.equal([from, from + BigInt(WINDOW) * 1_000n]);
      }
    });

    for (const [what, seconds, windows] of [
      ["a second before a window would begin", 2 * WINDOW - 1, [300, 299]],
      ["when a window would begin", 2 * WINDOW, [300, 300]],
      ["a second after a window began", 2 * WINDOW + 1, [300, 300, 1]],
    ] as const) {
      it(`cuts the last window of a stay that ended ${what}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await openStay(world);
        await nextBlockAt(world, stay.startedAt + seconds);
        await as(world, HOME).stop(stay.vm);

        for (const [window, length] of windows.entries()) {
          const [from, to] = await world.oracle.windowOf(stay.vm, stay.sequence, window);
          expect(Number(to - from) / 1_000, `window ${window}`).to.equal(length);
        }
        const endedAt = BigInt(stay.startedAt + seconds) * 1_000n;
        const missing = [stay.vm, stay.sequence, windows.length, endedAt];
        const beyond = world.oracle.windowOf(stay.vm, stay.sequence, windows.length);
        await expectRefusal(world, beyond, "SlaOracle_NoSuchWindow", ...missing);
      });
    }

    it("follows a stay's end that a record moves back behind what was reported", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      await passWindow(world, stay, 3);
      await claim(world, stay, HOME, METRICS, 3);
      const endedAt = BigInt(stay.startedAt + 3 * WINDOW + 10) * 1_000n;
      const back = await recordOf(world, [stay.vm], { releasedAt: endedAt, runningAt: endedAt });
      await record(world, back);

      const [from, to] = await world.oracle.windowOf(stay.vm, stay.sequence, 3);

      expect([from, to]).to.deep.equal([endedAt - 10_000n, endedAt]);
      expect((await resultOf(world, stay, 3)).state).to.equal("Claimed");
    });

    it("is [t, 2^48 - 1) of a running stay whose window is the longest that can be counted", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world, { windowMs: 2n ** 48n - 1n });

      const [from, to] = await world.oracle.windowOf(stay.vm, stay.sequence, 0);

      expect([from, to]).to.deep.equal([BigInt(stay.startedAt) * 1_000n, 2n ** 48n - 1n]);
    });

    it("reverts where the windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      const asked = world.oracle.windowOf(stay.vm, stay.sequence, 0);
      await expectRefusal(world, asked, "SlaOracle_NotOpen", stay.vm, stay.sequence);
    });
  });

  describe("resultOf", function () {
    it("is None, without anything, where nobody reported or the windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const nothing = {
        state: "None",
        isFinal: false,
        claimant: 0n,
        since: 0n,
        observations: 0n,
        metrics: NO_METRICS,
        commitment: ZERO,
      };

      expect(await resultOf(world, await endedWindow(world))).to.deep.equal(nothing);
      expect(await resultOf(world, await hostedStay(world))).to.deep.equal(nothing);
    });
  });

  describe("requireFinal", function () {
    it("takes the opening of an agreed result, and no other", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      const { metrics } = reportOf(stay);
      await reportAgreed(world, reportOf(stay));
      const wrong = [stay.vm, stay.sequence, 0];

      await world.oracle.requireFinal(stay.vm, stay.sequence, 0, metrics);
      for (const other of [
        { ...metrics, salt: id("other") },
        { ...metrics, salt: ZERO },
        { ...metrics, values: { ...METRICS, lossPpm: 21 } },
        { ...metrics, values: { ...METRICS, measured: 126 } },
      ]) {
        const asked = world.oracle.requireFinal(stay.vm, stay.sequence, 0, other);
        await expectRefusal(world, asked, "SlaOracle_WrongOpening", ...wrong);
      }
    });

    for (const seconds of [0, 1]) {
      it(`${seconds > 0 ? "takes" : "reverts for"} a claim ${seconds} s after the time to object`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await claimedWindow(world);
        await afterObjection(world, stay, seconds);
        await networkHelpers.mine();

        const asked = world.oracle.requireFinal(stay.vm, stay.sequence, 0, open());

        if (seconds > 0) await asked;
        else await expectRefusal(world, asked, "SlaOracle_NotFinal", stay.vm, stay.sequence, 0, 2);
      });
    }

    it("takes the values of a final claim, with no salt", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await claimedWindow(world);
      await pass(world, OBJECT_WITHIN + 1);
      const wrong = [stay.vm, stay.sequence, 0];

      await world.oracle.requireFinal(stay.vm, stay.sequence, 0, open());
      for (const name of Object.keys(METRICS) as (keyof typeof METRICS)[]) {
        const values = { ...METRICS, [name]: METRICS[name] ^ 1 };
        const asked = world.oracle.requireFinal(stay.vm, stay.sequence, 0, open(values));
        await expectRefusal(world, asked, "SlaOracle_WrongOpening", ...wrong);
      }
      const salted = world.oracle.requireFinal(stay.vm, stay.sequence, 0, open(METRICS, id("salt")));
      await expectRefusal(world, salted, "SlaOracle_WrongOpening", ...wrong);
    });

    it("takes the values of a witnessed result", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const heard = WITNESSES.slice(0, 3).map((witness) => ({ witness }));
      for (const { witness } of heard) await observe(world, stay, witness);
      const asked = (values = SEEN) => world.oracle.requireFinal(stay.vm, stay.sequence, 0, open(values));

      await expectRefusal(world, asked(), "SlaOracle_NotFinal", stay.vm, stay.sequence, 0, 3);
      await finalise(world, stay, heard);
      await asked();
      await expectRefusal(world, asked(METRICS), "SlaOracle_WrongOpening", stay.vm, stay.sequence, 0);
    });

    it("reverts for a disputed window, and for one that nobody reported", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      await pass(world, OBSERVE_WITHIN + 1);
      await finalise(world, stay);
      const asked = (window: number) =>
        world.oracle.requireFinal(stay.vm, stay.sequence, window, open(buildMetrics({})));

      await expectRefusal(world, asked(0), "SlaOracle_Disputed", stay.vm, stay.sequence, 0);
      await expectRefusal(world, asked(1), "SlaOracle_NotFinal", stay.vm, stay.sequence, 1, 0);
    });
  });

  describe("isSample", function () {
    type Leaf = [metric: number, timeMs: bigint, value: bigint];
    const TYPES = ["uint8", "uint64", "uint64"];
    const encode = (leaf: Leaf) => AbiCoder.defaultAbiCoder().encode(TYPES, leaf);
    const LEAVES = Array.from({ length: 61 }, (_, i): Leaf => [
      [0, 4, 5, 6][i % 4]!,
      1_767_225_600_000n + BigInt(i) * 5_000n,
      BigInt((i * i) % 97),
    ]);

    async function observed(world: Awaited<ReturnType<typeof federation>>, leaves: readonly Leaf[] = LEAVES) {
      const stay = await objectedWindow(world);
      const tree = StandardMerkleTree.of([...leaves], TYPES);
      const changes = { samplesRoot: tree.root };
      await observe(world, stay, WITNESSES[0]!, changes);
      return { tree, observation: observationOf(stay, changes), witness: WITNESSES[0]!.address };
    }

    it("finds every sample under the root of a tree of @openzeppelin/merkle-tree", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { tree, observation, witness } = await observed(world);

      for (const [index, leaf] of tree.entries()) {
        const found = world.oracle.isSample(observation, witness, encode(leaf), tree.getProof(index));
        expect(await found, `leaf ${index}`).to.equal(true);
      }
    });

    it("finds the only sample of a tree of one, with an empty proof", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { observation, witness } = await observed(world, LEAVES.slice(0, 1));

      expect(await world.oracle.isSample(observation, witness, encode(LEAVES[0]!), [])).to.equal(true);
    });

    it("does not find another value, another proof, or an inner node", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { tree, observation, witness } = await observed(world);
      const proof = tree.getProof(0);
      const leaf = LEAVES[0]!;
      const is = (sample: string, by: string[]) => world.oracle.isSample(observation, witness, sample, by);

      expect(await is(encode([leaf[0], leaf[1], leaf[2] + 1n]), proof)).to.equal(false);
      expect(await is(encode(leaf), tree.getProof(1))).to.equal(false);
      expect(await is(encode(leaf), proof.slice(1))).to.equal(false);
      expect(await is(encode(leaf), [])).to.equal(false);
      // The parent of the leaf, as if its two halves were a sample: leaves are hashed twice.
      const pair = [tree.leafHash(leaf), proof[0]!].sort();
      expect(await is(concat(pair), proof.slice(1))).to.equal(false);
    });

    it("reverts for an observation that was not accepted, or is another one's", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { tree, observation, witness } = await observed(world);
      const { vm, sequence, window } = observation;
      const ask = (asked: typeof observation, by: string) =>
        world.oracle.isSample(asked, by, encode(LEAVES[0]!), tree.getProof(0));
      const other = WITNESSES[1]!.address;

      await expectRefusal(world, ask(observation, other), "SlaOracle_NotObserved", vm, sequence, window, other);
      const forged = { ...observation, samplesRoot: id("other") };
      await expectRefusal(world, ask(forged, witness), "SlaOracle_NotObserved", vm, sequence, window, witness);
      const elsewhere = { ...observation, window: 1 };
      await expectRefusal(world, ask(elsewhere, witness), "SlaOracle_NotObserved", vm, sequence, 1, witness);
    });
  });

  describe("references", function () {
    it("knows its ledger for good", async function () {
      const world = await networkHelpers.loadFixture(federation);

      expect(await world.oracle.ledger()).to.equal(await world.ledger.getAddress());
    });

    it("serves a stay to its end after the ledger was closed and the VM has gone (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      await as(world, HOME).stop(stay.vm);
      await world.ledger.connect(world.governance).closeForNew();
      await as(world, HOME).restore(stay.vm);
      await as(world, HOME).terminate(stay.vm);

      await claim(world, stay);
      await pass(world, 3 * DAY);
      await object(world, stay);
      const heard = WITNESSES.slice(0, 3).map((witness) => ({ witness }));
      for (const { witness } of heard) await observe(world, stay, witness);
      await finalise(world, stay, heard);

      expect((await resultOf(world, stay)).state).to.equal("Witnessed");
    });
  });
});
