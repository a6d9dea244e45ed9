import { expect } from "chai";
import { ZeroHash } from "ethers";
import { network } from "hardhat";

import { AbortReason, agreementId, publicAgreement, publicMove } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  OTHER,
  type World,
  abortMutually,
  abroad,
  agree,
  agreed,
  as,
  completed,
  moveOf,
  nextBlockAt,
  pass,
  register,
  start,
  suspend,
  vmOf,
} from "../../fixtures/federation.js";
import { HOURS, expectEvidence, remembering, thisMonth } from "../../fixtures/reputation.js";

const { networkHelpers } = await network.create();

type Route = readonly [from: number, to: number];

const OUT: Route = [HOME, HOST];
const ONWARD: Route = [HOST, OTHER];
const BACK: Route = [HOST, HOME];

async function open(world: World, [from, to]: Route, isStarted: boolean) {
  const vm = from === HOME ? await register(world) : await abroad(world, from);
  const move = await agreed(world, [vm], { destination: to });
  if (isStarted) await start(world, move);
  return { vm, move, number: (await vmOf(world, vm)).move };
}

/** Lets the open move's deadline pass. */
async function expire(world: World, { move }: Awaited<ReturnType<typeof open>>, isStarted: boolean) {
  await nextBlockAt(world, (isStarted ? move.completeBy : move.startBy) / 1_000n + 1n);
  await world.ledger.expire(publicMove(move));
}

describe("ReputationLedger", function () {
  describe("postUnfinished", function () {
    /** Who is blamed towards whom. */
    const cases: readonly (readonly [
      title: string,
      route: Route,
      isStarted: boolean,
      abortBy: number | undefined,
      counts: readonly (readonly [cloud: number, counterparty: number])[],
    ])[] = [
      ["the source that never started", ONWARD, false, undefined, [[HOST, OTHER]]],
      [
        "source and destination when it expires after the start",
        ONWARD,
        true,
        undefined,
        [
          [HOST, OTHER],
          [OTHER, HOST],
        ],
      ],
      [
        "home as source and the destination when it expires",
        OUT,
        true,
        undefined,
        [
          [HOME, HOST],
          [HOST, HOME],
        ],
      ],
      ["the source that aborts", ONWARD, true, HOST, [[HOST, OTHER]]],
      ["the destination that aborts", ONWARD, true, OTHER, [[OTHER, HOST]]],
      ["a home that is neither, towards the destination", ONWARD, true, HOME, [[HOME, OTHER]]],
      ["home as source that aborts", OUT, true, HOME, [[HOME, HOST]]],
      ["home as destination that aborts", BACK, true, HOME, [[HOME, HOST]]],
    ];
    for (const [title, route, isStarted, abortBy, counts] of cases) {
      it(`counts for ${title}`, async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const one = await open(world, route, isStarted);
        if (abortBy === undefined) await expire(world, one, isStarted);
        else await as(world, abortBy).abort(publicMove(one.move), abortBy, AbortReason.Unspecified);
        const month = await thisMonth(world);
        await pass(world, 40 * DAY);

        const sent = world.reputation.postUnfinished(one.number, publicAgreement(one.move.agreement));

        await expect(sent).to.emit(world.reputation, "UnfinishedPosted").withArgs(one.number);
        for (const [cloud, counterparty] of counts) {
          await expect(sent)
            .to.emit(world.reputation, "EvidenceAdded")
            .withArgs(cloud, counterparty, month, [0n, 0n, 10n * HOURS]);
          await expectEvidence(world, [cloud, counterparty, month], { unfinished: 10n });
        }
        let total = 0n;
        for (const { id } of world.clouds) total += (await world.reputation.monthOf(id, month)).unfinished;
        expect(total).to.equal(BigInt(counts.length) * 10n * HOURS);
        expect(await world.reputation.isMovePosted(one.number)).to.equal(true);
      });
    }

    it("counts for the one that is left when the other was not Active", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const one = await open(world, ONWARD, true);
      await suspend(world, HOST);
      await expire(world, one, true);

      await world.reputation.postUnfinished(one.number, publicAgreement(one.move.agreement));

      const month = await thisMonth(world);
      await expectEvidence(world, [HOST, OTHER, month], { unfinished: 10n });
      await expectEvidence(world, [OTHER, HOST, month], {});
    });

    it("reverts when the move was posted (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const one = await open(world, ONWARD, true);
      await expire(world, one, true);
      const agreement = publicAgreement(one.move.agreement);
      await world.reputation.postUnfinished(one.number, agreement);

      await expectRefusal(
        world,
        world.reputation.postUnfinished(one.number, agreement),
        "ReputationLedger_MoveKnown",
        one.number,
      );
    });

    it("reverts for another agreement, and for a number that stands for none", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const one = await open(world, ONWARD, true);
      const two = await open(world, ONWARD, true);
      await expire(world, one, true);
      const given = agreementId(two.move.agreement);

      for (const [number, expected] of [
        [one.number, agreementId(one.move.agreement)],
        [one.number + 1n, ZeroHash],
      ] as const) {
        await expectRefusal(
          world,
          world.reputation.postUnfinished(number, publicAgreement(two.move.agreement)),
          "ReputationLedger_OtherAgreement",
          expected,
          given,
        );
      }
    });

    it("reverts for a move that is open, completed, or ended without fault", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const openOne = await open(world, ONWARD, true);
      const mutual = await open(world, ONWARD, true);
      await abortMutually(world, mutual.move);
      const excused = await open(world, OUT, false);
      await as(world, HOME).abort(publicMove(excused.move), HOME, AbortReason.Unspecified);
      const vm = await register(world);
      const done = { move: await completed(world, [vm]), number: (await world.ledger.agreementOf(vm, 2)).number };

      for (const { number, move } of [openOne, mutual, excused, done]) {
        await expectRefusal(
          world,
          world.reputation.postUnfinished(number, publicAgreement(move.agreement)),
          "ReputationLedger_NotUnfinished",
          number,
        );
      }
    });

    it("belongs to the month in which the move ended", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const month = (await thisMonth(world)) + 1;
      const begin = BigInt(Date.UTC(1970, month, 1));
      await networkHelpers.time.increaseTo(begin / 1_000n - 3_600n);
      const vm = await register(world);
      // The last second in which it can still be started is that before the month; it ends with the month's first second.
      const move = await moveOf(world, [vm], { startBy: begin - 1_000n, completeBy: begin - 1_000n });
      await agree(world, move);
      await start(world, move);
      const { move: number } = await vmOf(world, vm);
      await nextBlockAt(world, begin / 1_000n);
      await world.ledger.expire(publicMove(move));

      await world.reputation.postUnfinished(number, publicAgreement(move.agreement));

      await expectEvidence(world, [HOST, HOME, month], { unfinished: 10n });
    });
  });
});
