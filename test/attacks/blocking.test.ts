import { expect } from "chai";
import { network } from "hardhat";

import { AbortReason, documentId, publicMove } from "../../src/index.js";
import { expectCommitted, expectRefusal, expectState, expectUnfinished } from "../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  HOUR,
  MINUTE,
  OTHER,
  SIZE,
  abroad,
  agree,
  agreed,
  as,
  complete,
  evacuate,
  evacuationOf,
  expel,
  federation,
  handoverOf,
  lost,
  moveOf,
  nextBlockAt,
  noticed,
  nowMs,
  nowSeconds,
  offer,
  pass,
  record,
  recordOf,
  register,
  registerMany,
  sign,
  start,
  started,
  suspend,
  times,
  vmOf,
} from "../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("Who tries to hold a VM, a room or a cloud", function () {
  describe("a host that does not let a VM go home", function () {
    it("never starts the move: it counts for it, and the home stops and restores the VM (INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await agreed(world, [vm]);
      const { move: number } = await vmOf(world, vm);
      await nextBlockAt(world, move.startBy / MS + 1n);
      await world.ledger.expire(publicMove(move));
      await expectUnfinished(world, number, HOST);

      await as(world, HOME).stop(vm);
      await as(world, HOME).restore(vm);

      await expectState(world, vm, "Home");
      await expectCommitted(world, HOST, 0);
    });

    it("aborts every attempt: each counts for it, and none stops the home from stopping (INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      for (let attempt = 0; attempt < 3; ++attempt) {
        const move = await agreed(world, [vm]);
        const { move: number } = await vmOf(world, vm);
        await as(world, HOST).abort(publicMove(move), HOST, AbortReason.Unspecified);
        await expectUnfinished(world, number, HOST);
      }
      const move = await agreed(world, [vm]);

      await as(world, HOME).stopFromMove(vm, publicMove(move));

      await expectState(world, vm, "Stopped");
    });

    it("spoils signed papers by giving notice: once a stay, then it has no more acts of its own (INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const until = (await nowMs(world)) + 30n * 86_400_000n;
      const held = await moveOf(world, [vm]);
      await as(world, HOST).giveNotice([vm], until);
      await expect(agree(world, held)).to.be.revertedWithCustomError(world.ledger, "MigrationLedger_StaleNonce");
      await expectRefusal(
        world,
        as(world, HOST).giveNotice([vm], until),
        "MigrationLedger_NoticeGiven",
        vm,
        until / MS,
      );

      await agree(world, await moveOf(world, [vm]));
    });

    it("contests every declaration of loss: the home stops instead of evacuating (INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      await pass(world, 15 * MINUTE);
      const evacuation = await evacuationOf(world, [vm]);
      await as(world, HOST).contestLoss(vm);
      await expectRefusal(world, evacuate(world, evacuation), "MigrationLedger_StaleNonce", vm, 4, 3);

      await as(world, HOME).declareLost(vm);
      await as(world, HOME).stop(vm);
      await expectState(world, vm, "Stopped");
    });
  });

  describe("a home that does not let a host release", function () {
    it("hides the VM in an agreed move: the notice aborts it (INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      await pass(world, until - (await nowSeconds(world)));
      const move = await agreed(world, [vm], { destination: OTHER });
      await expectRefusal(world, as(world, HOST).release(vm), "MigrationLedger_WrongState", vm, 3);

      await as(world, HOST).releaseFromMove(vm, publicMove(move));

      await expectState(world, vm, "Stopped");
      await expectCommitted(world, HOST, 0);
      await expectCommitted(world, OTHER, 0);
    });

    it("hides it in a group of sixteen: one release frees the one and leaves the others as they were (INV-GROUP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      const vms = [vm];
      for (let i = 0; i < 15; ++i) vms.push(await abroad(world));
      vms.sort();
      await pass(world, until - (await nowSeconds(world)));
      const move = await agreed(world, vms, { destination: OTHER });

      await as(world, HOST).releaseFromMove(vm, publicMove(move));

      for (const each of vms) await expectState(world, each, each === vm ? "Stopped" : "Abroad");
      await expectCommitted(world, HOST, 15 * SIZE.vcpuMilli);
    });

    it("declares a loss, is suspended or expelled: none of it holds the host (INV-EXIT, INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      await as(world, HOME).declareLost(vm);
      await suspend(world, HOME);
      await expel(world, HOME);
      await nextBlockAt(world, until);

      await as(world, HOST).release(vm);

      await expectState(world, vm, "Stopped");
    });
  });

  describe("a source that starts and stalls", function () {
    it("holds the VM to the agreed end and no longer; it counts for it (INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await started(world, [vm], { destination: OTHER });
      const { move: number } = await vmOf(world, vm);
      await expectRefusal(world, as(world, HOME).stop(vm), "MigrationLedger_WrongState", vm, 4);
      await expect(world.ledger.expire(publicMove(move))).to.be.revertedWithCustomError(
        world.ledger,
        "MigrationLedger_TooEarly",
      );
      await nextBlockAt(world, move.completeBy / MS + 1n);

      await world.ledger.expire(publicMove(move));

      await expectUnfinished(world, number, HOST, OTHER);
      await as(world, HOME).stop(vm);
    });

    it("can be ended by the home or the destination before that", async function () {
      const world = await networkHelpers.loadFixture(federation);
      for (const by of [HOME, OTHER]) {
        const vm = await abroad(world);
        const move = await started(world, [vm], { destination: OTHER });

        await as(world, by).abort(publicMove(move), by, AbortReason.TransferFailed);

        await expectState(world, vm, "Abroad");
        await expectCommitted(world, OTHER, 0);
      }
    });

    it("keeps a due notice from nobody: the longest a start can hold it is the governed limit (INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      const now = await nowMs(world);
      const move = await started(world, [vm], { destination: OTHER, completeBy: now + BigInt(3 * DAY) * MS - 60_000n });
      await nextBlockAt(world, until);
      await expectRefusal(
        world,
        as(world, HOST).releaseFromMove(vm, publicMove(move)),
        "MigrationLedger_WrongState",
        vm,
        4,
      );
      await nextBlockAt(world, move.completeBy / MS + 1n);
      await world.ledger.expire(publicMove(move));

      await as(world, HOST).release(vm);

      await expectState(world, vm, "Stopped");
    });
  });

  describe("papers brought at the worst moment", function () {
    it("an old handover after its time: the source may resume, and nothing can complete behind its back", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await started(world, [vm]);
      const handover = await handoverOf(world, move, { validUntil: (await nowMs(world)) + 60_000n });
      const papers = await sign(world, "Handover", handover, [HOST, HOME]);
      const last = handover.validUntil / MS;
      await nextBlockAt(world, last + 1n);

      await expectRefusal(
        world,
        complete(world, move, handover, papers),
        "MigrationLedger_TooLate",
        handover.validUntil,
        (last + 1n) * MS,
      );
      await expectState(world, vm, "Started");
      const next = await handoverOf(world, move);
      await complete(world, move, next);
      await expectRefusal(world, complete(world, move, handover, papers), "MigrationLedger_WrongState", vm, 2);
    });

    it("a handover held back until the move was aborted or has expired", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await started(world, [vm]);
      const handover = await handoverOf(world, move);
      const papers = await sign(world, "Handover", handover, [HOST, HOME]);
      await as(world, HOME).abort(publicMove(move), HOME, AbortReason.TransferFailed);

      await expectRefusal(world, complete(world, move, handover, papers), "MigrationLedger_WrongState", vm, 1);
    });

    it("a move held back: not after agreeBy, not beyond the governed maximum before it, not after an act", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const agreeBy = (await nowMs(world)) + BigInt(2 * HOUR) * MS;
      const move = await moveOf(world, [vm], { agreeBy });
      const papers = await sign(world, "Move", move, [HOME, HOST]);
      await expect(agree(world, move, papers)).to.be.revertedWithCustomError(world.ledger, "MigrationLedger_TooFar");
      // It wakes up when its time comes: who does not want that any more withdraws it, or acts on the VM.
      await as(world, HOST).revoke(HOST, documentId("Move", move));
      await nextBlockAt(world, agreeBy / MS - 60n);
      await expectRefusal(world, agree(world, move, papers), "MigrationLedger_Revoked", HOST, documentId("Move", move));
      const other = await moveOf(world, [vm], { agreeBy });
      const otherPapers = await sign(world, "Move", other, [HOME, HOST]);
      await nextBlockAt(world, agreeBy / MS + 1n);
      await expectRefusal(world, agree(world, other, otherPapers), "MigrationLedger_TooLate", agreeBy, agreeBy + MS);
    });

    it("times dated back to the edge of the tolerance: never before the stay, a declaration or an agreed move", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const began = (await world.ledger.stays(vm, 2, 1))[0]!.startedAt;
      await pass(world, 10 * MINUTE);
      const at = BigInt((await nowSeconds(world)) + 30);
      const document = await recordOf(world, [vm], { destination: OTHER, releasedAt: began - 1n, runningAt: began });
      const papers = await sign(world, "Record", document, [HOME, HOST, OTHER]);
      await nextBlockAt(world, at);
      await expectRefusal(
        world,
        record(world, document, papers),
        "MigrationLedger_TimeOutOfRange",
        vm,
        began - 1n,
        began,
        began,
      );
      // At the edge itself all three signed it, and the books agree with it.
      await record(world, await recordOf(world, [vm], { destination: OTHER, releasedAt: began, runningAt: began }));
      expect(await world.ledger.hostAt(vm, began)).to.equal(OTHER);
      const gone = await lost(world, OTHER);
      await pass(world, MINUTE);
      const { mark } = await vmOf(world, gone);
      const back = (await nowMs(world)) - 30_000n;
      await expectRefusal(
        world,
        record(world, await recordOf(world, [gone], { releasedAt: back, runningAt: back })),
        "MigrationLedger_DeclaredLost",
        gone,
        mark,
      );
    });

    it("a release dated back before the start, although the source signed it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await agreed(world, [vm], { destination: OTHER });
      await pass(world, HOUR);
      await start(world, move);
      const startedAt = await nowMs(world);
      const handover = await handoverOf(world, move, { releasedAt: startedAt - 1n });

      await expect(complete(world, move, handover)).to.be.revertedWithCustomError(
        world.ledger,
        "MigrationLedger_TimeOutOfRange",
      );
    });
  });

  describe("a flood of agreements", function () {
    it("cannot promise more than an offer, and room comes back when they end (INV-ROOM, INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await offer(world, HOST, { capacity: times(4), biggest: SIZE });
      const vms = await registerMany(world, 6);
      const moves = [];
      for (const vm of vms.slice(0, 4)) moves.push(await agreed(world, [vm]));
      for (const vm of vms.slice(4)) {
        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm])),
          "CapacityExchange_NoRoom",
          HOST,
          0,
          0,
          5 * SIZE.vcpuMilli,
          4 * SIZE.vcpuMilli,
        );
      }
      for (const move of moves) await as(world, HOST).abort(publicMove(move), HOST, AbortReason.Capacity);
      await expectCommitted(world, HOST, 0);
      await agree(world, await moveOf(world, vms.slice(0, 4)));
    });

    it("on one VM is a sequence: each needs the end of the one before, and none leaves anything behind (INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const papers = [];
      for (let i = 0; i < 5; ++i) papers.push(await moveOf(world, [vm], { destination: i % 2 === 0 ? HOST : OTHER }));
      await agree(world, papers[0]!);
      for (const other of papers.slice(1)) {
        await expectRefusal(world, agree(world, other), "MigrationLedger_WrongState", vm, 3);
      }
      await as(world, HOME).abort(publicMove(papers[0]!), HOME, AbortReason.Unspecified);
      for (const other of papers.slice(1)) {
        await expectRefusal(world, agree(world, other), "MigrationLedger_StaleNonce", vm, 3, 1);
      }
      await expectCommitted(world, HOST, 0);
      await expectCommitted(world, OTHER, 0);
    });

    it("of one cloud costs no other cloud room: only who signs as destination promises its own", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 16);
      const move = await moveOf(world, vms);
      const [home] = (await sign(world, "Move", move, [HOME])) as [string];

      await expectRefusal(
        world,
        agree(world, move, [home, home]),
        "CloudRegistry_BadSignature",
        HOST,
        world.clouds[HOME - 1]!.account,
      );
      await expectCommitted(world, HOST, 0);
    });
  });
});
