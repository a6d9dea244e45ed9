import { expect } from "chai";
import { ZeroHash } from "ethers";
import { network } from "hardhat";

import {
  agreementId,
  buildPrice,
  buildResources,
  buildSla,
  monthOf,
  publicAgreement,
  publicMove,
  structHash,
  termsHash,
  typesOf,
} from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  HOUR,
  OTHER,
  UNREGISTERED,
  agreed,
  as,
  call,
  cloudOf,
  completed,
  federation,
  nextBlockAt,
  nowMs,
  offer,
  pass,
  record,
  recordOf,
  register,
  registerMany,
  start,
} from "../../fixtures/federation.js";
import {
  BAD,
  GOOD,
  HOURS,
  RULES,
  agreeOn,
  expectEvidence,
  hosted,
  measured,
  open,
  opened,
  postResult,
  postResults,
  remember,
  remembering,
  shown,
  thisMonth,
} from "../../fixtures/reputation.js";

const { networkHelpers } = await network.create();

const HOUR_MS = 3_600_000n;

describe("ReputationLedger", function () {
  describe("postResults", function () {
    it("counts a window as kept for the host towards the home: resources times hours", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const stay = await measured(world, [GOOD], HOST, { windowMs: 3n * HOUR_MS });
      expect(await world.reputation.isResultPosted(stay.vm, 2, 0)).to.equal(false);

      const sent = postResult(world, stay, 0, opened(GOOD));

      await expect(sent).to.emit(world.reputation, "ResultPosted").withArgs(stay.vm, 2, 0, 0);
      const month = await thisMonth(world);
      await expect(sent)
        .to.emit(world.reputation, "EvidenceAdded")
        .withArgs(HOST, HOME, month, [12n * HOURS, 0n, 0n]);
      await expectEvidence(world, [HOST, HOME, month], { kept: 12n });
      await expectEvidence(world, [HOME, HOST, month], {});
      expect(await world.reputation.isResultPosted(stay.vm, 2, 0)).to.equal(true);
    });

    it("counts it as broken if anything promised was missed, and says what", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const thresholds = { ...GOOD, availabilityPpm: 999_000, diskIops: 500, measured: 9 };
      const terms = { price: buildPrice(), sla: buildSla({ thresholds }) };
      const slow = { ...GOOD, diskIops: 499, measured: 9 };
      const stay = await measured(world, [slow, { ...slow, availabilityPpm: 0 }], HOST, { terms });
      const month = await thisMonth(world);

      for (const [window, values, missed] of [
        [0, slow, 8],
        [1, { ...slow, availabilityPpm: 0 }, 9],
      ] as const) {
        const sent = postResult(world, stay, window, opened(values));
        await expect(sent).to.emit(world.reputation, "ResultPosted").withArgs(stay.vm, 2, window, missed);
        await expect(sent)
          .to.emit(world.reputation, "EvidenceAdded")
          .withArgs(HOST, HOME, month, [0n, 4n * HOURS, 0n]);
      }
      await expectEvidence(world, [HOST, HOME, month], { broken: 8n });
    });

    it("weighs every lane by the rules of the month", async function () {
      const weights = {
        vcpuMilli: 1,
        memoryMiB: 20,
        storageGiB: 300,
        diskIops: 4_000,
        networkMbps: 50_000,
        gpus: 600_000,
        spare1: 7_000_000,
        spare2: 8,
      };
      const world = await remember(await networkHelpers.loadFixture(federation), { ...RULES, weights });
      const resources = buildResources({
        vcpuMilli: 8,
        memoryMiB: 7,
        storageGiB: 6,
        diskIops: 5,
        networkMbps: 4,
        gpus: 3,
        spare1: 2,
        spare2: 1,
      });
      const line = { resources };
      await offer(world, HOST, { capacity: resources, biggest: resources });
      const stay = await measured(world, [GOOD], HOST, { resources, line });

      await postResult(world, stay, 0, opened(GOOD));

      const { kept } = await world.reputation.evidenceOf(HOST, await thisMonth(world), HOME);
      expect(kept).to.equal(8n + 140n + 1_800n + 20_000n + 200_000n + 1_800_000n + 14_000_000n + 8n);
    });

    it("weighs the VM's own line of a group", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vms = await registerMany(world, 3);
      const sizes = [1, 2, 6].map((vcpus) => ({ resources: buildResources({ vcpuMilli: 1_000 * vcpus }) }));
      const document = await recordOf(world, vms, { windowMs: HOUR_MS, lines: sizes });
      await record(world, document);
      const stay = await open(world, vms[2]!, document.agreement);
      await pass(world, 2 * DAY);
      await agreeOn(world, stay, { 0: GOOD });

      await postResult(world, stay, 0, opened(GOOD));

      await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 6n });
    });

    it("counts a single fact for the cap at most", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const stay = await measured(world, [GOOD], HOST, { windowMs: 51n * HOUR_MS });

      const sent = postResult(world, stay, 0, opened(GOOD));

      const month = await thisMonth(world);
      await expect(sent)
        .to.emit(world.reputation, "EvidenceAdded")
        .withArgs(HOST, HOME, month, [200n * HOURS, 0n, 0n]);
    });

    it("takes a claim that nobody objected to, and what witnesses saw", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const witness = world.spare[0]!;
      const witnesses = { members: [witness.address], required: 1 };
      const stay = await hosted(world, HOST, { witnesses });
      await pass(world, 2 * HOUR);
      await world.oracle.connect(cloudOf(world, HOST).key).claim(stay.vm, 2, 0, HOST, GOOD);
      await world.oracle.connect(cloudOf(world, HOST).key).claim(stay.vm, 2, 1, HOST, GOOD);
      await world.oracle.connect(cloudOf(world, HOME).key).object(stay.vm, 2, 1, publicAgreement(stay.agreement));
      const observation = { vm: stay.vm, sequence: 2, window: 1, metrics: BAD, samplesRoot: ZeroHash };
      const signature = await witness.signTypedData(world.oracleDomain, typesOf("Observation"), observation);
      await world.oracle.observe(observation, witnesses, signature);
      await world.oracle.finalise(stay.vm, 2, 1, witnesses, [witness.address], [observation]);
      await pass(world, 8 * DAY);

      await postResult(world, stay, 0, shown(GOOD));
      await postResult(world, stay, 1, shown(BAD));

      await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 4n, broken: 4n });
    });

    describe("window 0", function () {
      for (const [pause, outcome] of [
        [60, "kept"],
        [63, "kept"],
        [64, "broken"],
      ] as const) {
        it(`is ${outcome} after a pause of ${pause} s: 60 s are free, 3.6 s are a thousandth of the window`, async function () {
          const world = await networkHelpers.loadFixture(remembering);
          const vm = await register(world);
          await pass(world, 600);
          const runningAt = await nowMs(world);
          const releasedAt = runningAt - BigInt(pause) * 1_000n;
          const document = await recordOf(world, [vm], { windowMs: HOUR_MS, releasedAt, runningAt });
          await record(world, document);
          const stay = await open(world, vm, document.agreement);
          await pass(world, 2 * DAY);
          await agreeOn(world, stay, { 0: GOOD, 1: GOOD });

          await postResult(world, stay, 0, opened(GOOD));
          await postResult(world, stay, 1, opened(GOOD));

          const expected = outcome === "kept" ? { kept: 8n } : { kept: 4n, broken: 4n };
          await expectEvidence(world, [HOST, HOME, await thisMonth(world)], expected);
        });
      }
    });

    describe("the month", function () {
      for (const [offset, title] of [
        [0n, "its first millisecond is the end of a window: the month before"],
        [1n, "a millisecond of it belongs to the window: this one"],
      ] as const) {
        it(title, async function () {
          const world = await networkHelpers.loadFixture(remembering);
          const month = (await thisMonth(world)) + 1;
          const vm = await register(world);
          const releasedAt = await nowMs(world);
          const windowMs = BigInt(Date.UTC(1970, month, 1)) + offset - releasedAt;
          const document = await recordOf(world, [vm], { windowMs, releasedAt, runningAt: releasedAt });
          await record(world, document);
          const stay = await open(world, vm, document.agreement);
          await pass(world, Number(windowMs / 1_000n) + 2 * DAY);
          await agreeOn(world, stay, { 0: GOOD });

          await postResult(world, stay, 0, opened(GOOD));

          await expectEvidence(world, [HOST, HOME, month - 1 + Number(offset)], { kept: 200n });
        });
      }
    });

    it("reverts when the result was posted (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const stay = await measured(world, [GOOD]);
      await postResult(world, stay, 0, opened(GOOD));

      await expectRefusal(
        world,
        postResult(world, stay, 0, opened(GOOD)),
        "ReputationLedger_ResultKnown",
        stay.vm,
        2,
        0,
      );
    });

    it("reverts for a VM, a stay or an agreement that is not meant", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const stay = await measured(world, [GOOD]);
      const other = await measured(world, [GOOD]);
      const opening = opened(GOOD);

      await expectRefusal(
        world,
        postResult(world, { ...stay, vm: UNREGISTERED }, 0, opening),
        "MigrationLedger_UnknownVm",
        UNREGISTERED,
      );
      await expectRefusal(
        world,
        postResult(world, { ...stay, sequence: 3 }, 0, opening),
        "MigrationLedger_UnknownStay",
        stay.vm,
        3,
      );
      for (const [sequence, expected] of [
        [2, agreementId(stay.agreement)],
        [1, ZeroHash],
      ] as const) {
        await expectRefusal(
          world,
          postResult(world, { ...stay, sequence }, 0, opening, { agreement: other.agreement }),
          "ReputationLedger_OtherAgreement",
          expected,
          agreementId(other.agreement),
        );
      }
    });

    it("reverts for an SLA or a price that was not agreed", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const stay = await measured(world, [BAD]);
      const { sla, price } = stay.agreement.terms;
      const lax = buildSla({ ...sla, thresholds: { ...sla.thresholds, availabilityPpm: 1 } });
      const dear = { ...price, currency: "USD" };

      await expectRefusal(
        world,
        postResult(world, stay, 0, opened(BAD), { sla: lax }),
        "ReputationLedger_OtherTerms",
        termsHash({ price, sla }),
        termsHash({ price, sla: lax }),
      );
      await expectRefusal(
        world,
        postResult(world, stay, 0, opened(BAD), { price: structHash("Price", dear) }),
        "ReputationLedger_OtherTerms",
        termsHash({ price, sla }),
        termsHash({ price: dear, sla }),
      );
    });

    it("reverts for an SLA that is not well-formed", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const terms = { price: buildPrice(), sla: buildSla({ capBps: 10_001 }) };
      const stay = await measured(world, [GOOD], HOST, { terms });

      await expect(postResult(world, stay, 0, opened(GOOD)))
        .to.be.revertedWithCustomError(world.reputation, "SlaRules_ShareTooBig")
        .withArgs("capBps", 10_001);
    });

    it("reverts without a final result, for a disputed one, and for another opening", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const stay = await hosted(world);
      await pass(world, 2 * DAY);
      const claim = (window: number) =>
        world.oracle.connect(cloudOf(world, HOST).key).claim(stay.vm, 2, window, HOST, GOOD);
      await agreeOn(world, stay, { 0: GOOD });
      await claim(1);
      await claim(2);
      await world.oracle.connect(cloudOf(world, HOME).key).object(stay.vm, 2, 2, publicAgreement(stay.agreement));

      const notFinal = [
        [1, 2],
        [2, 3],
        [3, 0],
      ] as const;
      for (const [window, state] of notFinal) {
        await expectRefusal(
          world,
          postResult(world, stay, window, shown(GOOD)),
          "SlaOracle_NotFinal",
          stay.vm,
          2,
          window,
          state,
        );
      }
      await pass(world, 8 * DAY);
      await world.oracle.finalise(stay.vm, 2, 2, { members: [], required: 0 }, [], []);
      await expectRefusal(world, postResult(world, stay, 2, shown(GOOD)), "SlaOracle_Disputed", stay.vm, 2, 2);
      await expectRefusal(world, postResult(world, stay, 0, opened(BAD)), "SlaOracle_WrongOpening", stay.vm, 2, 0);
      await expectRefusal(world, postResult(world, stay, 1, opened(GOOD)), "SlaOracle_WrongOpening", stay.vm, 2, 1);
    });

    it("reverts if nothing was measured that was promised", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const stay = await measured(world, [{ ...GOOD, measured: 6 }]);

      await expectRefusal(
        world,
        postResult(world, stay, 0, opened({ ...GOOD, measured: 6 })),
        "ReputationLedger_NothingJudged",
        stay.vm,
        2,
        0,
        1,
        6,
      );
    });

    it("reverts if the VM weighs nothing", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const resources = buildResources({ storageGiB: 10 });
      const stay = await measured(world, [GOOD], HOST, { resources, line: { resources } });

      await expectRefusal(
        world,
        postResult(world, stay, 0, opened(GOOD)),
        "ReputationLedger_NoEvidence",
        stay.vm,
        2,
        0,
      );
    });

    describe("of a stay that still runs", function () {
      for (const [offset, isTaken] of [
        [-1, false],
        [0, true],
        [1, true],
      ] as const) {
        it(`${isTaken ? "counts" : "reverts"} ${offset} s from a day after the window's end`, async function () {
          const world = await networkHelpers.loadFixture(remembering);
          const stay = await hosted(world);
          await pass(world, HOUR);
          await agreeOn(world, stay, { 0: GOOD });
          const { to } = await world.oracle.windowOf(stay.vm, 2, 0);
          const at = to / 1_000n + BigInt(DAY + offset);
          await nextBlockAt(world, at);
          const sent = postResult(world, stay, 0, opened(GOOD));

          if (isTaken) await sent;
          else {
            await expectRefusal(
              world,
              sent,
              "ReputationLedger_NotSettled",
              stay.vm,
              2,
              0,
              to,
              at * 1_000n - BigInt(DAY) * 1_000n,
            );
          }
        });
      }

      it("reverts while a started move may end the stay before: its end is the source's word", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const stay = await hosted(world, HOST, { windowMs: 2n * HOUR_MS });
        const now = await nowMs(world);
        const move = await agreed(world, [stay.vm], { destination: OTHER, completeBy: now + 48n * HOUR_MS });
        await pass(world, HOUR);
        await start(world, move);
        const startedAt = await nowMs(world);
        await pass(world, 30 * HOUR);
        await agreeOn(world, stay, { 0: GOOD });
        const { to } = await world.oracle.windowOf(stay.vm, 2, 0);

        await expectRefusal(
          world,
          postResult(world, stay, 0, opened(GOOD)),
          "ReputationLedger_NotSettled",
          stay.vm,
          2,
          0,
          to,
          startedAt,
        );
        await call(world, HOST, "abort", [publicMove(move), HOST, 1]);
        await postResult(world, stay, 0, opened(GOOD));
        await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 8n });
      });

      it("counts what ended before the move was started", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const stay = await hosted(world);
        await pass(world, 2 * HOUR);
        const move = await agreed(world, [stay.vm], {
          destination: OTHER,
          completeBy: (await nowMs(world)) + 48n * HOUR_MS,
        });
        await start(world, move);
        await pass(world, 40 * HOUR);
        await agreeOn(world, stay, { 0: GOOD });

        await postResult(world, stay, 0, opened(GOOD));

        await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 4n });
      });

      it("reverts while the VM is declared lost: an evacuation ends the stay at the declaration", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const stay = await hosted(world);
        await as(world, HOME).declareLost(stay.vm);
        const declaredAt = await nowMs(world);
        await pass(world, 26 * HOUR);
        await agreeOn(world, stay, { 0: GOOD });
        const { to } = await world.oracle.windowOf(stay.vm, 2, 0);

        await expectRefusal(
          world,
          postResult(world, stay, 0, opened(GOOD)),
          "ReputationLedger_NotSettled",
          stay.vm,
          2,
          0,
          to,
          declaredAt,
        );
        await as(world, HOST).contestLoss(stay.vm);
        await postResult(world, stay, 0, opened(GOOD));
      });

      it("counts at once when the stay has ended, for the part of the window within it", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const stay = await hosted(world, HOST, { windowMs: 2n * HOUR_MS });
        const startedAt = (await world.ledger.stayOf(stay.vm, 2)).startedAt;
        await nextBlockAt(world, startedAt / 1_000n + BigInt(HOUR));
        await as(world, HOME).stop(stay.vm);
        await agreeOn(world, stay, { 0: GOOD });

        await postResult(world, stay, 0, opened(GOOD));

        await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 4n });
      });

      it("reverts for a window that a record put after the stay's end", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const stay = await hosted(world, HOST, { windowMs: 600_000n });
        await pass(world, 1_230);
        await agreeOn(world, stay, { 0: GOOD, 1: GOOD });
        const [from] = await world.oracle.windowOf(stay.vm, 2, 1);
        const at = { destination: OTHER, releasedAt: from, runningAt: await nowMs(world) };
        await record(world, await recordOf(world, [stay.vm], at));

        await expectRefusal(
          world,
          postResult(world, stay, 1, opened(GOOD)),
          "SlaOracle_NoSuchWindow",
          stay.vm,
          2,
          1,
          from,
        );
        await postResult(world, stay, 0, opened(GOOD));
      });
    });

    describe("many at once", function () {
      it("counts each, by outcome and month, and writes each month once", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const month = await thisMonth(world);
        await networkHelpers.time.increaseTo(Date.UTC(1970, month + 1, 1) / 1_000 - 2 * HOUR);
        const values = [GOOD, BAD, GOOD, GOOD, BAD];
        const stay = await measured(world, values);
        const windows = [4, 0, 3, 1, 2];

        const sent = postResults(
          world,
          stay,
          windows,
          windows.map((window) => opened(values[window]!)),
        );

        for (const window of windows) {
          const missed = values[window] === BAD ? 1 : 0;
          await expect(sent).to.emit(world.reputation, "ResultPosted").withArgs(stay.vm, 2, window, missed);
        }
        const ends = await Promise.all(values.map((_, window) => world.oracle.windowOf(stay.vm, 2, window)));
        const early = ends.filter(({ to }) => monthOf(to - 1n) === month).length;
        expect(early, "windows of both months").to.be.oneOf([1, 2]);
        const of = (list: readonly (typeof GOOD)[], which: typeof GOOD) =>
          4n * BigInt(list.filter((each) => each === which).length);
        for (const [at, list] of [
          [month, values.slice(0, early)],
          [month + 1, values.slice(early)],
        ] as const) {
          await expectEvidence(world, [HOST, HOME, at], { kept: of(list, GOOD), broken: of(list, BAD) });
        }
        for (const window of windows) expect(await world.reputation.isResultPosted(stay.vm, 2, window)).to.equal(true);
      });

      it("takes all or none (INV-REP)", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const stay = await measured(world, [GOOD, GOOD, GOOD]);
        await postResult(world, stay, 1, opened(GOOD));
        const three = [GOOD, GOOD, GOOD].map((values) => opened(values));

        await expectRefusal(
          world,
          postResults(world, stay, [0, 1, 2], three),
          "ReputationLedger_ResultKnown",
          stay.vm,
          2,
          1,
        );
        await expectRefusal(
          world,
          postResults(world, stay, [0, 2, 0], three),
          "ReputationLedger_ResultKnown",
          stay.vm,
          2,
          0,
        );
        await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 4n });
        await postResults(world, stay, [2, 0], three.slice(0, 2));
        await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 12n });
      });

      it("takes 64, and reverts for none or more", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const windows = [...Array(65).keys()];
        const stay = await hosted(world, HOST, { windowMs: 300_000n });
        await pass(world, 65 * 300 + DAY);
        await agreeOn(world, stay, Object.fromEntries(windows.slice(0, 64).map((window) => [window, GOOD])));
        await agreeOn(world, stay, { 64: GOOD });
        const openings = windows.map(() => opened(GOOD));

        for (const count of [0, 65]) {
          await expectRefusal(
            world,
            postResults(world, stay, windows.slice(0, count), openings.slice(0, count)),
            "ReputationLedger_ResultCount",
            count,
            64,
          );
        }
        for (const count of [63, 65]) {
          await expectRefusal(
            world,
            postResults(world, stay, windows.slice(0, 64), openings.slice(0, count)),
            "ReputationLedger_OpeningCount",
            64,
            count,
          );
        }
        await postResults(world, stay, windows.slice(0, 64), openings.slice(0, 64));

        const { kept } = await world.reputation.evidenceOf(HOST, await thisMonth(world), HOME);
        expect(kept).to.equal((64n * 4n * HOURS) / 12n - 64n / 3n);
      });
    });

    it("takes the windows of a stay that a move began", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vm = await register(world);
      const move = await completed(world, [vm], { windowMs: HOUR_MS });
      const stay = await open(world, vm, move.agreement);
      await pass(world, HOUR);
      await agreeOn(world, stay, { 0: GOOD });
      await pass(world, 2 * DAY);

      await postResult(world, stay, 0, opened(GOOD));

      await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 4n });
    });
  });
});
