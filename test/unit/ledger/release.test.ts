import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AbortReason, AgentScope, agreementId, publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState, expectUnfinished } from "../../fixtures/expectations.js";
import {
  DAY,
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
  lost,
  moveOf,
  nextBlockAt,
  nowMs,
  nowSeconds,
  noticed,
  record,
  recordOf,
  register,
  start,
  stopped,
  timeOf,
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
      await expect(world.ledger.connect(mover!).release(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await world.ledger.connect(agent!).release(vm);
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

  describe("stop", function () {
    it("ends a stay abroad at any time, notice or not (INV-HOST, INV-CAP, INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world, HOST, { site: 1 });

      const sent = as(world, HOME).stop(vm);

      await expect(sent)
        .to.emit(world.ledger, "VmStopped")
        .withArgs(vm, 2, HOME, await timeOf(world, sent));
      await expectState(world, vm, "Stopped");
      await expectCommitted(world, HOST, 0, 1);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
      expect(await world.ledger.hostAt(vm, await nowMs(world))).to.equal(0n);
    });

    it("takes the home: its account, or an agent with MOVE_OUT that may deal with the host", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent, hoster, stray] = world.spare;
      const vm = await abroad(world);
      await bindAgent(world, HOME, agent!, { scopes: AgentScope.MOVE_OUT, partners: [HOST] });
      await bindAgent(world, HOME, hoster!, { scopes: AgentScope.HOST });
      await bindAgent(world, HOME, stray!, { partners: [OTHER] });

      await expectRefusal(
        world,
        as(world, HOST).stop(vm),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.clouds[HOST - 1]!.account,
      );
      await expect(world.ledger.connect(hoster!).stop(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await expect(world.ledger.connect(stray!).stop(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_PartnerNotAllowed",
      );
      await world.ledger.connect(agent!).stop(vm);
    });

    it("works while the VM's loss is declared", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);

      await as(world, HOME).stop(vm);

      await expectState(world, vm, "Stopped");
    });
  });

  describe("stopFromMove", function () {
    it("aborts the move for all its VMs and stops the one; it counts for nobody (INV-GROUP, INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [await abroad(world), await abroad(world)].sort() as [string, string];
      const move = await agreed(world, vms, { destination: OTHER });
      const { move: number } = await vmOf(world, vms[1]);

      const sent = as(world, HOME).stopFromMove(vms[1], publicMove(move));

      await expect(sent).to.emit(world.ledger, "MoveAborted").withArgs(number, HOME, AbortReason.HomeStopped, 0);
      await expect(sent)
        .to.emit(world.ledger, "VmStopped")
        .withArgs(vms[1], 2, HOME, await timeOf(world, sent));
      await expectState(world, vms[0], "Abroad");
      await expectState(world, vms[1], "Stopped");
      await expectCommitted(world, HOST, SIZE.vcpuMilli);
      await expectCommitted(world, OTHER, 0);
      await expectUnfinished(world, number);
    });

    it("stops a VM on its way home", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await agreed(world, [vm]);

      await as(world, HOME).stopFromMove(vm, publicMove(move));

      await expectState(world, vm, "Stopped");
      await expectCommitted(world, HOST, 0);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
    });

    it("reverts where there is nothing to stop, or for who is not the home", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await agreed(world, [vm], { destination: OTHER });
      const atHome = await register(world);
      const homeMove = await agreed(world, [atHome]);
      const resting = await stopped(world);

      await expectRefusal(
        world,
        as(world, HOST).stopFromMove(vm, publicMove(move)),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.clouds[HOST - 1]!.account,
      );
      const home = as(world, HOME);
      await expectRefusal(world, home.stopFromMove(vm, publicMove(homeMove)), "MigrationLedger_NotInMove", vm);
      await expectRefusal(world, home.stopFromMove(atHome, publicMove(homeMove)), "MigrationLedger_NotAbroad", atHome);
      await expectRefusal(
        world,
        home.stopFromMove(resting, publicMove(move)),
        "MigrationLedger_WrongState",
        resting,
        5,
      );
      const foreign = await moveOf(world, [vm]);
      await expectRefusal(
        world,
        home.stopFromMove(vm, publicMove(foreign)),
        "MigrationLedger_NotTheOpenMove",
        agreementId(foreign.agreement),
        agreementId(move.agreement),
      );
    });
  });

  describe("restore", function () {
    it("begins a stay at home, and keeps the end of the one abroad (INV-SEQ, INV-HOST)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await stopped(world);
      const endedAt = await nowMs(world);
      const at = (await nowSeconds(world)) + DAY;
      await nextBlockAt(world, at);

      await expect(as(world, HOME).restore(vm))
        .to.emit(world.ledger, "StayBegan")
        .withArgs(
          vm,
          3,
          HOME,
          0,
          0,
          BigInt(at) * MS,
          endedAt,
          await world.ledger.resourcesOf(vm),
          `0x${"0".repeat(64)}`,
        );

      await expectState(world, vm, "Home");
      const [, second, third] = await world.ledger.stays(vm, 1, 3);
      expect([second!.endedAt, third!.startedAt, third!.endedAt]).to.deep.equal([endedAt, BigInt(at) * MS, 0n]);
      expect([third!.host, third!.agreement, third!.kind]).to.deep.equal([1n, 0n, 0n]);
      expect(await world.ledger.hostAt(vm, endedAt + 1n)).to.equal(0n);
      await expectCommitted(world, HOME, 0);
    });

    it("takes the home's account or an agent with MOVE_OUT", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent, hoster] = world.spare;
      const vm = await stopped(world);
      await bindAgent(world, HOME, agent!, { scopes: AgentScope.MOVE_OUT, partners: [OTHER] });
      await bindAgent(world, HOME, hoster!, { scopes: AgentScope.HOST });

      await expectRefusal(
        world,
        as(world, HOST).restore(vm),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.clouds[HOST - 1]!.account,
      );
      await expect(world.ledger.connect(hoster!).restore(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await world.ledger.connect(agent!).restore(vm);
    });

    it("reverts for who has left", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await stopped(world);
      await as(world, HOME).leave(HOME);

      await expectRefusal(world, as(world, HOME).restore(vm), "MigrationLedger_StatusForbids", HOME, 3);
    });
  });

  describe("terminate", function () {
    it("ends a VM at home at once", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);

      const sent = as(world, HOME).terminate(vm);

      await expect(sent)
        .to.emit(world.ledger, "VmTerminated")
        .withArgs(vm, await timeOf(world, sent));
      await expectState(world, vm, "Terminated");
      const [stay] = await world.ledger.stays(vm, 1, 1);
      expect(stay!.endedAt).to.equal(await nowMs(world));
    });

    for (const [when, offset, allowed] of [
      ["a second before", -1, false],
      ["at", 0, true],
      ["a second after", 1, true],
    ] as const) {
      it(`${allowed ? "ends" : "reverts for"} a stopped VM ${when} the end of its retention`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await stopped(world);
        const endedAt = await nowMs(world);
        const end = endedAt / MS + BigInt(30 * DAY);
        await nextBlockAt(world, end + BigInt(offset));
        const sent = as(world, HOME).terminate(vm);

        if (allowed) {
          // The stay ended when the VM was stopped.
          await expect(sent).to.emit(world.ledger, "VmTerminated").withArgs(vm, endedAt);
          const [, stay] = await world.ledger.stays(vm, 1, 2);
          expect(stay!.endedAt).to.equal(endedAt);
        } else {
          await expectRefusal(world, sent, "MigrationLedger_TooEarly", end * MS, (end - 1n) * MS);
        }
      });
    }

    it("takes the home's account only: a stolen agent destroys nothing", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent] = world.spare;
      const vm = await register(world);
      await bindAgent(world, HOME, agent!, { scopes: 63 });

      for (const sender of [agent!, world.stranger, world.clouds[HOST - 1]!.key]) {
        await expectRefusal(
          world,
          world.ledger.connect(sender).terminate(vm),
          "CloudRegistry_NotAuthorized",
          HOME,
          sender.address,
        );
      }
    });

    it("reverts for who has left", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      await as(world, HOME).leave(HOME);

      await expectRefusal(world, as(world, HOME).terminate(vm), "MigrationLedger_StatusForbids", HOME, 3);
    });
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
