import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AbortReason, AgentScope, agreementId, publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState, expectUnfinished } from "../../fixtures/expectations.js";
import {
  HOME,
  HOST,
  HOUR,
  OTHER,
  SIZE,
  UNREGISTERED,
  abroad,
  agreed,
  as,
  bindAgent,
  federation,
  nextBlockAt,
  nowSeconds,
  noticed,
  record,
  recordOf,
  register,
  start,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("MigrationLedger", function () {
  describe("release", function () {
    it("ends the stay after the notice, and the commitment with it (INV-HOST, INV-CAP, INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      await nextBlockAt(world, until + 5);

      await expect(as(world, HOST).release(vm))
        .to.emit(world.ledger, "VmStopped")
        .withArgs(vm, 2, HOST, BigInt(until + 5) * MS);

      await expectState(world, vm, "Stopped");
      await expectCommitted(world, HOST, 0);
      const [, stay] = await world.ledger.stays(vm, 1, 2);
      expect(stay!.endedAt).to.equal(BigInt(until + 5) * MS);
      const { nonce, host, mark } = await vmOf(world, vm);
      expect([nonce, host, mark]).to.deep.equal([4n, 2n, 0n]);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
      expect(await world.ledger.obligationsOf(HOST)).to.deep.equal([0n, 0n]);
    });

    for (const [when, offset, allowed] of [
      ["a second before", -1, false],
      ["at", 0, true],
      ["a second after", 1, true],
    ] as const) {
      it(`${allowed ? "releases" : "reverts"} ${when} the notice's deadline, from Abroad and from Agreed`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const { vm, until } = await noticed(world);
        const before = await networkHelpers.takeSnapshot();
        await nextBlockAt(world, until + offset);
        const sent = as(world, HOST).release(vm);
        if (allowed) await sent;
        else await expectRefusal(world, sent, "MigrationLedger_TooEarly", BigInt(until) * MS, BigInt(until - 1) * MS);

        await before.restore();
        const move = await agreed(world, [vm], { destination: OTHER });
        await nextBlockAt(world, until + offset);
        const fromMove = as(world, HOST).releaseFromMove(vm, publicMove(move));
        if (allowed) await fromMove;
        else
          await expectRefusal(world, fromMove, "MigrationLedger_TooEarly", BigInt(until) * MS, BigInt(until - 1) * MS);
        await expectState(world, vm, allowed ? "Stopped" : "Agreed");
      });
    }

    it("reverts without a notice for this stay", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      await expectRefusal(world, as(world, HOST).release(vm), "MigrationLedger_NoNotice", vm);
      const other = await noticed(world);
      await networkHelpers.time.increaseTo(other.until);
      await record(world, await recordOf(world, [other.vm], { destination: OTHER }));

      await expectRefusal(world, as(world, OTHER).release(other.vm), "MigrationLedger_NoNotice", other.vm);
      await expectRefusal(
        world,
        as(world, HOST).release(other.vm),
        "CloudRegistry_NotAuthorized",
        OTHER,
        world.clouds[HOST - 1]!.account,
      );
    });

    it("takes the host: its account, or an agent with HOST", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent, mover] = world.spare;
      const { vm, until } = await noticed(world);
      await bindAgent(world, HOST, agent!, { scopes: AgentScope.HOST, partners: [HOME] });
      await bindAgent(world, HOST, mover!, { scopes: AgentScope.MOVE_OUT });
      await nextBlockAt(world, until);

      for (const sender of [world.stranger, world.clouds[HOME - 1]!.key]) {
        await expectRefusal(
          world,
          world.ledger.connect(sender).release(vm),
          "CloudRegistry_NotAuthorized",
          HOST,
          sender.address,
        );
      }
      await expect(world.ledger.connect(mover).release(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await world.ledger.connect(agent).release(vm);
    });

    it("works while the VM's loss is declared", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      await as(world, HOME).declareLost(vm);
      await nextBlockAt(world, until);

      await as(world, HOST).release(vm);

      await expectState(world, vm, "Stopped");
      const { mark } = await vmOf(world, vm);
      expect(mark).to.equal(0n);
    });

    it("keeps the notice through an aborted move, and an hour is an hour", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      const move = await agreed(world, [vm], { destination: OTHER });
      await as(world, HOME).abort(publicMove(move), HOME, AbortReason.Unspecified);
      expect(until - (await nowSeconds(world))).to.be.greaterThan(HOUR);
      await nextBlockAt(world, until);

      await as(world, HOST).release(vm);

      await expectState(world, vm, "Stopped");
    });
  });

  describe("releaseFromMove", function () {
    it("aborts the move for all its VMs and stops the one; it counts for nobody (INV-GROUP, INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      const vms = [vm, await abroad(world), await abroad(world)].sort();
      const move = await agreed(world, vms, { destination: OTHER });
      const { move: number } = await vmOf(world, vm);
      await nextBlockAt(world, until);

      const sent = as(world, HOST).releaseFromMove(vm, publicMove(move));

      await expect(sent).to.emit(world.ledger, "MoveAborted").withArgs(number, HOST, AbortReason.NoticeDue, 0);
      await expect(sent)
        .to.emit(world.ledger, "VmStopped")
        .withArgs(vm, 2, HOST, BigInt(until) * MS);
      await expectState(world, vm, "Stopped");
      for (const other of vms.filter((each) => each !== vm)) await expectState(world, other, "Abroad");
      await expectCommitted(world, HOST, 2 * SIZE.vcpuMilli);
      await expectCommitted(world, OTHER, 0);
      await expectUnfinished(world, number);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([2n, 0n]);
    });

    it("reverts for a VM that is not part of the move, or not abroad, or not in an agreed move", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { vm, until } = await noticed(world);
      const move = await agreed(world, [vm], { destination: OTHER });
      const other = await abroad(world);
      const otherMove = await agreed(world, [other], { destination: OTHER });
      const atHome = await register(world);
      const homeMove = await agreed(world, [atHome]);
      const resting = await abroad(world);
      await nextBlockAt(world, until);
      const send = (which: string, document = move) => as(world, HOST).releaseFromMove(which, publicMove(document));

      await expectRefusal(world, send(vm, otherMove), "MigrationLedger_NotInMove", vm);
      await expectRefusal(world, send(atHome, homeMove), "MigrationLedger_NotAbroad", atHome);
      await expectRefusal(world, send(resting), "MigrationLedger_WrongState", resting, 2);
      await expectRefusal(world, send(UNREGISTERED), "MigrationLedger_UnknownVm", UNREGISTERED);
      const changed = { ...move, agreement: { ...move.agreement, salt: id("another") } };
      await expectRefusal(
        world,
        send(vm, changed),
        "MigrationLedger_NotTheOpenMove",
        agreementId(changed.agreement),
        agreementId(move.agreement),
      );
      const empty = { ...move, agreement: { ...move.agreement, lines: [] } };
      await expectRefusal(world, send(vm, empty), "MigrationLedger_LineCount", 0);
      await start(world, move);
      await expectRefusal(world, send(vm), "MigrationLedger_WrongState", vm, 4);
    });

    it("wants a due notice and the host", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await agreed(world, [vm], { destination: OTHER });

      await expectRefusal(world, as(world, HOST).releaseFromMove(vm, publicMove(move)), "MigrationLedger_NoNotice", vm);
      await expectRefusal(
        world,
        as(world, OTHER).releaseFromMove(vm, publicMove(move)),
        "CloudRegistry_NotAuthorized",
        HOST,
        world.clouds[OTHER - 1]!.account,
      );
    });
  });
});
