import { expect } from "chai";
import { network } from "hardhat";

import { AbortReason, AgentScope, agreementId, publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState, expectUnfinished } from "../../fixtures/expectations.js";
import {
  HOME,
  HOST,
  OTHER,
  SIZE,
  abroad,
  agreed,
  as,
  bindAgent,
  federation,
  lost,
  moveOf,
  nowMs,
  register,
  stopped,
  timeOf,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

describe("MigrationLedger", function () {
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
      await expect(world.ledger.connect(hoster).stop(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await expect(world.ledger.connect(stray).stop(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_PartnerNotAllowed",
      );
      await world.ledger.connect(agent).stop(vm);
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
});
