import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AgentScope, type Move, documentId, publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  DAY,
  HOME,
  HOST,
  HOUR,
  MINUTE,
  OTHER,
  SIZE,
  type World,
  abroad,
  agreed,
  as,
  bindAgent,
  complete,
  completed,
  expel,
  federation,
  handoverOf,
  nextBlockAt,
  nowMs,
  nowSeconds,
  pass,
  register,
  registerMany,
  sign,
  snapshotOf,
  start,
  started,
  suspend,
  times,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

async function signedHandover(world: World, move: Move, changes: Parameters<typeof handoverOf>[2] = {}) {
  const handover = await handoverOf(world, move, changes);
  const { destination, source } = move.agreement;
  return { handover, signatures: await sign(world, "Handover", handover, [destination, source]) };
}

describe("MigrationLedger", function () {
  describe("complete", function () {
    it("is the switch: the old stay ends at the release, the new one begins at the block (INV-HOST, INV-SEQ, INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await started(world, [vm], { site: 1, line: { resources: times(2) } });
      const { move: number } = await vmOf(world, vm);
      const releasedAt = (await nowMs(world)) + 1_500n;
      const at = (await nowSeconds(world)) + 7;
      const { handover, signatures } = await signedHandover(world, move, { releasedAt });
      await nextBlockAt(world, at);

      const sent = complete(world, move, handover, signatures);

      await expect(sent).to.emit(world.ledger, "MoveCompleted").withArgs(number, documentId("Handover", handover));
      await expect(sent)
        .to.emit(world.ledger, "StayBegan")
        .withArgs(
          vm,
          2,
          HOST,
          1,
          number,
          BigInt(at) * MS,
          releasedAt,
          await world.ledger.resourcesOf(vm),
          id(`state ${vm}`),
        );
      const stored = await vmOf(world, vm);
      expect([stored.host, stored.site, stored.nonce, stored.sequence]).to.deep.equal([2n, 1n, 4n, 2n]);
      expect([stored.mark, stored.completeIn, stored.hadLead]).to.deep.equal([0n, 0n, false]);
      await expectState(world, vm, "Abroad");
      await expectCommitted(world, HOST, 2 * SIZE.vcpuMilli, 1);
      const [home, host] = await world.ledger.stays(vm, 1, 2);
      expect([home!.host, home!.endedAt]).to.deep.equal([1n, releasedAt]);
      expect([host!.host, host!.startedAt, host!.endedAt]).to.deep.equal([2n, BigInt(at) * MS, 0n]);
      expect([host!.agreement, host!.kind, host!.noticePeriod]).to.deep.equal([number, 1n, BigInt(7 * DAY)]);
    });

    it("frees the source by what it had promised, from host to host and from several sites (INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [];
      for (const site of [0, 1, 0]) vms.push(await abroad(world, HOST, { site, line: { resources: times(2) } }));
      vms.sort();

      await completed(world, vms, { destination: OTHER, line: { resources: SIZE } });

      await expectCommitted(world, HOST, 0, 0);
      await expectCommitted(world, HOST, 0, 1);
      await expectCommitted(world, OTHER, 3 * SIZE.vcpuMilli);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([3n, 0n]);
      expect(await world.ledger.obligationsOf(HOST)).to.deep.equal([0n, 0n]);
      expect(await world.ledger.obligationsOf(OTHER)).to.deep.equal([0n, 1n]);
    });

    it("brings VMs home, with more than any offer (INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [await abroad(world), await abroad(world)].sort();

      await completed(world, vms, { line: { resources: times(500) } });

      for (const vm of vms) await expectState(world, vm, "Home");
      await expectCommitted(world, HOST, 0);
      await expectCommitted(world, HOME, 0);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
    });

    it("rounds a notice period up to whole seconds", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);

      await completed(world, [vm], { noticeMs: BigInt(HOUR) * MS + 1n });

      const [stay] = await world.ledger.stays(vm, 2, 1);
      expect(stay!.noticePeriod).to.equal(HOUR + 1);
    });

    describe("times", function () {
      for (const [when, offset, allowed] of [
        ["a second before completeBy", -1, true],
        ["at completeBy", 0, true],
        ["a second after completeBy", 1, false],
      ] as const) {
        it(`${allowed ? "completes" : "reverts"} ${when} (INV-ONE-OF)`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const by = (await nowSeconds(world)) + 3 * HOUR;
          const move = await started(world, [vm], { startBy: BigInt(by) * MS, completeBy: BigInt(by) * MS });
          const { handover, signatures } = await signedHandover(world, move, { validUntil: BigInt(by + 10) * MS });
          await nextBlockAt(world, by + offset);

          if (allowed) {
            await complete(world, move, handover, signatures);
            await expectState(world, vm, "Abroad");
          } else {
            await expectRefusal(
              world,
              complete(world, move, handover, signatures),
              "MigrationLedger_TooLate",
              move.completeBy,
              BigInt(by + 1) * MS,
            );
          }
        });
      }

      for (const [when, offset, allowed] of [
        ["a second before validUntil", -1, true],
        ["at validUntil", 0, true],
        ["a second after validUntil", 1, false],
      ] as const) {
        it(`${allowed ? "completes" : "reverts"} ${when} of the handover`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const move = await started(world, [vm]);
          const until = (await nowSeconds(world)) + 100;
          const { handover, signatures } = await signedHandover(world, move, { validUntil: BigInt(until) * MS });
          await nextBlockAt(world, until + offset);

          if (allowed) await complete(world, move, handover, signatures);
          else {
            await expectRefusal(
              world,
              complete(world, move, handover, signatures),
              "MigrationLedger_TooLate",
              handover.validUntil,
              BigInt(until + 1) * MS,
            );
          }
        });
      }

      for (const [far, allowed] of [
        [-1n, true],
        [0n, true],
        [1n, false],
      ] as const) {
        it(`${allowed ? "takes" : "refuses"} a handover valid for five minutes and ${far} ms`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const move = await started(world, [vm]);
          const at = (await nowSeconds(world)) + 10;
          const latest = BigInt(at + 5 * MINUTE) * MS;
          const { handover, signatures } = await signedHandover(world, move, { validUntil: latest + far });
          await nextBlockAt(world, at);

          if (allowed) await complete(world, move, handover, signatures);
          else {
            await expectRefusal(
              world,
              complete(world, move, handover, signatures),
              "MigrationLedger_TooFar",
              latest + far,
              latest,
            );
          }
        });
      }

      for (const [edge, far, allowed] of [
        ["start", -1n, false],
        ["start", 0n, true],
        ["start", 1n, true],
        ["block", -1n, true],
        ["block", 0n, true],
        ["block", 1n, false],
      ] as const) {
        it(`${allowed ? "takes" : "refuses"} a release ${far} ms from the ${edge}'s time`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const move = await agreed(world, [vm]);
          await start(world, move);
          const earliest = await nowMs(world);
          const at = (await nowSeconds(world)) + 10;
          const latest = BigInt(at) * MS;
          const releasedAt = (edge === "start" ? earliest : latest) + far;
          const { handover, signatures } = await signedHandover(world, move, { releasedAt });
          await nextBlockAt(world, at);

          if (allowed) await complete(world, move, handover, signatures);
          else {
            await expectRefusal(
              world,
              complete(world, move, handover, signatures),
              "MigrationLedger_TimeOutOfRange",
              vm,
              releasedAt,
              earliest,
              latest,
            );
          }
        });
      }
    });

    describe("papers", function () {
      it("reverts unless the move is started", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const move = await agreed(world, [vm]);

        await expectRefusal(world, complete(world, move), "MigrationLedger_WrongState", vm, 3);
        await start(world, move);
        await complete(world, move);
        await expectRefusal(world, complete(world, move), "MigrationLedger_WrongState", vm, 2);
      });

      it("reverts when other deadlines are given, and when the handover is of another move", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const move = await started(world, [vm]);
        const later = { ...move, completeBy: move.completeBy + MS };

        await expectRefusal(
          world,
          complete(world, later),
          "MigrationLedger_OtherDeadlines",
          move.startBy,
          later.completeBy,
        );
        const { handover, signatures } = await signedHandover(world, move, { move: id("another") });
        await expectRefusal(
          world,
          complete(world, move, handover, signatures),
          "MigrationLedger_OtherMove",
          documentId("Move", move),
          id("another"),
        );
      });

      it("reverts when receipts are missing, too many, or in another order (INV-GROUP)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = (await registerMany(world, 2)) as [string, string];
        const move = await started(world, vms);
        const before = await Promise.all(vms.map((vm) => snapshotOf(world, vm)));
        const [first, second] = (await handoverOf(world, move)).releases;

        for (const releases of [[], [first!], [first!, second!, second!]]) {
          const { handover, signatures } = await signedHandover(world, move, { releases });
          await expectRefusal(
            world,
            complete(world, move, handover, signatures),
            "MigrationLedger_ReceiptCount",
            2,
            releases.length,
          );
        }
        const { handover, signatures } = await signedHandover(world, move, { releases: [second!, first!] });
        await expectRefusal(
          world,
          complete(world, move, handover, signatures),
          "MigrationLedger_ReceiptOrder",
          vms[0],
          vms[1],
        );
        expect(await Promise.all(vms.map((vm) => snapshotOf(world, vm)))).to.deep.equal(before);
      });

      it("reverts unless destination, then source signed, each what is brought", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const move = await started(world, [vm]);
        const { handover, signatures } = await signedHandover(world, move);
        const [byDestination, bySource] = signatures as [string, string];

        await expectRefusal(
          world,
          complete(world, move, handover, [byDestination]),
          "MigrationLedger_SignatureCount",
          2,
          1,
        );
        await expectRefusal(
          world,
          complete(world, move, handover, [bySource, byDestination]),
          "CloudRegistry_BadSignature",
          HOST,
          world.clouds[HOME - 1]!.account,
        );
        await expect(
          complete(world, move, { ...handover, validUntil: handover.validUntil - 1n }, signatures),
        ).to.be.revertedWithCustomError(world.registry, "CloudRegistry_BadSignature");
        await expectState(world, vm, "Started");
      });

      it("reverts when destination or source withdrew its signature", async function () {
        const world = await networkHelpers.loadFixture(federation);
        for (const cloud of [HOST, HOME]) {
          const move = await started(world, [await register(world)]);
          const { handover, signatures } = await signedHandover(world, move);
          const handoverId = documentId("Handover", handover);
          await as(world, cloud).revoke(cloud, handoverId);

          await expectRefusal(
            world,
            complete(world, move, handover, signatures),
            "MigrationLedger_Revoked",
            cloud,
            handoverId,
          );
        }
      });

      it("takes agents with HOST on both sides, even where the source is the home", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const [homes, hosts] = world.spare;
        await bindAgent(world, HOME, homes!, { scopes: AgentScope.HOST });
        await bindAgent(world, HOST, hosts!, { scopes: AgentScope.HOST, partners: [HOME] });
        const move = await started(world, [await register(world)]);
        const handover = await handoverOf(world, move);

        await complete(
          world,
          move,
          handover,
          await sign(world, "Handover", handover, [HOST, HOME], { [HOME]: homes!, [HOST]: hosts! }),
        );
      });

      it("takes contracts on both sides of a signature", async function () {
        const world = await networkHelpers.loadFixture(federation);

        await completed(world, [await register(world, CONTRACT)], { destination: OTHER });
        await completed(world, [await register(world)], { destination: CONTRACT });
      });
    });

    describe("standing", function () {
      it("reverts when the destination is not Active any more", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const move = await started(world, [await register(world)]);
        await suspend(world, HOST);

        await expectRefusal(world, complete(world, move), "MigrationLedger_StatusForbids", HOST, 2);
        await expel(world, HOST);
        await expectRefusal(world, complete(world, move), "MigrationLedger_StatusForbids", HOST, 4);
      });

      it("goes on when home and source are suspended, the ledger paused and closed (INV-EXIT)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world);
        const move = await started(world, [vm], { destination: OTHER });
        await suspend(world, HOME);
        await suspend(world, HOST);
        await world.ledger.connect(world.guardian).pauseNew(HOUR);
        await world.ledger.connect(world.governance).closeForNew();

        await complete(world, move);

        await expectState(world, vm, "Abroad");
      });

      it("asks nothing of the home's standing at a return home", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world);
        const move = await started(world, [vm]);
        await expel(world, HOME);
        await expel(world, HOST);

        await complete(world, move);

        await expectState(world, vm, "Home");
      });
    });

    it("does not look at the offer again: what was agreed has its room", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await started(world, [await register(world)]);
      await world.exchange.connect(world.clouds[HOST - 1]!.key).withdrawOffer(HOST, 0);

      await complete(world, move);

      await expectCommitted(world, HOST, SIZE.vcpuMilli);
    });

    it("refuses the same handover a second time (INV-ONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await started(world, [vm]);
      const { handover, signatures } = await signedHandover(world, move);
      await complete(world, move, handover, signatures);
      const next = await started(world, [vm], { destination: OTHER });
      await pass(world, 1);

      await expectRefusal(
        world,
        world.ledger.complete(publicMove(next), handover, signatures),
        "MigrationLedger_OtherMove",
        documentId("Move", next),
        documentId("Move", move),
      );
    });
  });
});
