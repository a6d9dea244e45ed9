import { expect } from "chai";
import { network } from "hardhat";

import { DocumentKind } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  OTHER,
  UNREGISTERED,
  abroad,
  amend,
  amendmentOf,
  complete,
  completed,
  handoverOf,
  nextBlockAt,
  numberOf,
  pass,
  register,
  registerMany,
  started,
} from "../../fixtures/federation.js";
import { HOURS, expectEvidence, remembering, thisMonth } from "../../fixtures/reputation.js";

const { networkHelpers } = await network.create();

describe("ReputationLedger", function () {
  describe("postMove", function () {
    it("counts as kept for source and destination, towards each other", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vm = await abroad(world);
      await completed(world, [vm], { destination: OTHER });
      const [number, month] = [await numberOf(world, vm), await thisMonth(world)];
      await pass(world, 70 * DAY);
      expect(await world.reputation.isMovePosted(number)).to.equal(false);

      const sent = world.reputation.postMove(vm, 3);

      await expect(sent).to.emit(world.reputation, "MovePosted").withArgs(number, HOST, OTHER);
      for (const [cloud, counterparty] of [
        [HOST, OTHER],
        [OTHER, HOST],
      ] as const) {
        await expect(sent)
          .to.emit(world.reputation, "EvidenceAdded")
          .withArgs(cloud, counterparty, month, [10n * HOURS, 0n, 0n]);
        await expectEvidence(world, [cloud, counterparty, month], { kept: 10n });
        expect(await world.reputation.monthOf(cloud, month)).to.deep.equal([10n * HOURS, 0n, 0n, BigInt(counterparty)]);
      }
      expect(await world.reputation.isMovePosted(number)).to.equal(true);
      await expectEvidence(world, [HOME, HOST, month], {});
    });

    it("counts a return home for home and host", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vm = await abroad(world);
      await completed(world, [vm]);

      await world.reputation.postMove(vm, 3);

      const month = await thisMonth(world);
      await expectEvidence(world, [HOME, HOST, month], { kept: 10n });
      await expectEvidence(world, [HOST, HOME, month], { kept: 10n });
    });

    it("reverts when the move was posted, for any VM of its group (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vms = await registerMany(world, 3);
      await completed(world, vms);
      await world.reputation.postMove(vms[1]!, 2);

      const number = await numberOf(world, vms[0]!);
      for (const vm of vms) {
        await expectRefusal(world, world.reputation.postMove(vm, 2), "ReputationLedger_MoveKnown", number);
      }
      await expectEvidence(world, [HOST, HOME, await thisMonth(world)], { kept: 10n });
    });

    it("reverts for a stay that did not begin by a move", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vm = await abroad(world);
      await amend(world, await amendmentOf(world, [vm]));
      const kinds = (await world.ledger.stays(vm, 1, 3)).map(({ kind }) => Number(kind));
      expect(kinds).to.deep.equal([DocumentKind.None, DocumentKind.Record, DocumentKind.Amendment]);

      for (const sequence of [1, 2, 3]) {
        await expectRefusal(world, world.reputation.postMove(vm, sequence), "ReputationLedger_NotAMove", vm, sequence);
      }
    });

    it("reverts for a VM or a stay that the migration ledger does not know", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vm = await register(world);

      await expectRefusal(world, world.reputation.postMove(UNREGISTERED, 1), "MigrationLedger_UnknownVm", UNREGISTERED);
      for (const sequence of [0, 2]) {
        await expectRefusal(
          world,
          world.reputation.postMove(vm, sequence),
          "MigrationLedger_UnknownStay",
          vm,
          sequence,
        );
      }
    });

    for (const [offset, title] of [
      [-1, "the last second of a month"],
      [0, "the first second of the next"],
    ] as const) {
      it(`belongs to the month in which the move completed, in UTC: ${title}`, async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const month = (await thisMonth(world)) + 1;
        const at = Date.UTC(1970, month, 1) / 1_000 + offset;
        const vm = await register(world);
        await networkHelpers.time.increaseTo(at - 60);
        const move = await started(world, [vm]);
        const handover = await handoverOf(world, move);
        await nextBlockAt(world, at);
        await complete(world, move, handover);

        await world.reputation.postMove(vm, 2);

        await expectEvidence(world, [HOST, HOME, month + offset], { kept: 10n });
      });
    }
  });
});
