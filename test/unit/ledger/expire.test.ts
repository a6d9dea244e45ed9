import { expect } from "chai";
import { network } from "hardhat";

import { publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  HOME,
  HOST,
  HOUR,
  OTHER,
  SIZE,
  abroad,
  agreed,
  complete,
  federation,
  handoverOf,
  moveOf,
  nextBlockAt,
  nowSeconds,
  register,
  registerMany,
  sign,
  start,
  started,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("MigrationLedger", function () {
  describe("expire", function () {
    it("takes anybody after startBy; all VMs are as before (INV-FREE, INV-CAP, INV-GROUP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 3);
      const move = await agreed(world, vms);
      const { move: number } = await vmOf(world, vms[0]!);
      await nextBlockAt(world, move.startBy / MS + 1n);

      await expect(world.ledger.expire(publicMove(move)))
        .to.emit(world.ledger, "MoveExpired")
        .withArgs(number, 0, 0);

      for (const vm of vms) await expectState(world, vm, "Home");
      await expectCommitted(world, HOST, 0);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
      const { state, reason } = await world.ledger.outcomeOf(number);
      expect([state, reason]).to.deep.equal([5n, 0n]);
    });

    it("takes anybody after completeBy of a started move", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await started(world, [vm], { destination: OTHER });
      const { move: number } = await vmOf(world, vm);
      await nextBlockAt(world, move.completeBy / MS + 1n);

      await expect(world.ledger.expire(publicMove(move)))
        .to.emit(world.ledger, "MoveExpired")
        .withArgs(number, HOST, OTHER);

      await expectState(world, vm, "Abroad");
      await expectCommitted(world, HOST, SIZE.vcpuMilli);
      await expectCommitted(world, OTHER, 0);
    });

    for (const phase of ["start", "complete"] as const) {
      for (const offset of [-1, 0, 1]) {
        it(`at ${phase}By ${offset} s exactly one of ${phase} and expire is possible (INV-ONE-OF)`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const by = (await nowSeconds(world)) + 4 * HOUR;
          const deadline = BigInt(by) * MS + 500n;
          const move =
            phase === "start"
              ? await agreed(world, [vm], { startBy: deadline })
              : await started(world, [vm], { startBy: BigInt(by - HOUR) * MS, completeBy: deadline });
          const handover = await handoverOf(world, move, { validUntil: BigInt(by + 100) * MS });
          const signatures = await sign(world, "Handover", handover, [HOST, HOME]);
          const go = () => (phase === "start" ? start(world, move) : complete(world, move, handover, signatures));
          const expire = () => world.ledger.expire(publicMove(move));
          const isOver = offset > 0;

          const before = await networkHelpers.takeSnapshot();
          await nextBlockAt(world, by + offset);
          if (isOver) {
            await expectRefusal(world, go(), "MigrationLedger_TooLate", deadline, BigInt(by + offset) * MS);
          } else {
            const earliest = BigInt(by + 1) * MS;
            await expectRefusal(world, expire(), "MigrationLedger_TooEarly", earliest, BigInt(by + offset) * MS);
          }
          await before.restore();
          await nextBlockAt(world, by + offset);
          await (isOver ? expire() : go());
          await expectState(world, vm, isOver ? "Home" : phase === "start" ? "Started" : "Abroad");
        });
      }
    }

    it("reverts without an open move", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await moveOf(world, [vm]);

      await expectRefusal(world, world.ledger.expire(publicMove(move)), "MigrationLedger_WrongState", vm, 1);
    });
  });
});
