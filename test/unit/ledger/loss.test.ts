import { expect } from "chai";
import { network } from "hardhat";

import { AgentScope } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  OTHER,
  SIZE,
  abroad,
  amend,
  amendmentOf,
  as,
  bindAgent,
  expel,
  federation,
  lift,
  lost,
  nowMs,
  nowSeconds,
  register,
  suspend,
  timeOf,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

describe("MigrationLedger", function () {
  describe("declareLost", function () {
    it("marks the VM with the block's time and changes nothing else (INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);

      const sent = as(world, HOME).declareLost(vm);

      const at = (await timeOf(world, sent)) / 1_000n;
      await expect(sent).to.emit(world.ledger, "LossDeclared").withArgs(vm, HOST, at);
      const { mark, nonce, sequence } = await vmOf(world, vm);
      expect([mark, nonce, sequence]).to.deep.equal([at, 3n, 2n]);
      await expectState(world, vm, "Abroad");
      await expectCommitted(world, HOST, SIZE.vcpuMilli);
    });

    it("reverts when it is declared already, or the VM is at home", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      const atHome = await register(world);
      const { mark } = await vmOf(world, vm);

      await expectRefusal(world, as(world, HOME).declareLost(vm), "MigrationLedger_DeclaredLost", vm, mark);
      await expectRefusal(world, as(world, HOME).declareLost(atHome), "MigrationLedger_WrongState", atHome, 1);
    });

    it("takes the home: its account or an agent with MOVE_OUT", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent, hoster] = world.spare;
      const vm = await abroad(world);
      await bindAgent(world, HOME, agent!, { scopes: AgentScope.MOVE_OUT, partners: [HOST] });
      await bindAgent(world, HOME, hoster!, { scopes: AgentScope.HOST });

      for (const cloud of [HOST, OTHER]) {
        const sender = world.clouds[cloud - 1]!.account;
        await expectRefusal(world, as(world, cloud).declareLost(vm), "CloudRegistry_NotAuthorized", HOME, sender);
      }
      await expect(world.ledger.connect(hoster).declareLost(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await world.ledger.connect(agent).declareLost(vm);
    });

    it("works for a suspended and an expelled home (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [first, second] = [await abroad(world), await abroad(world)];
      await suspend(world, HOME);
      await as(world, HOME).declareLost(first);
      await expel(world, HOME);
      await as(world, HOME).declareLost(second);
    });
  });

  describe("contestLoss", function () {
    it("takes the declaration back for an Active host (INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);

      await expect(as(world, HOST).contestLoss(vm)).to.emit(world.ledger, "LossContested").withArgs(vm, HOST);

      const { mark, nonce } = await vmOf(world, vm);
      expect([mark, nonce]).to.deep.equal([0n, 4n]);
      await amend(world, await amendmentOf(world, [vm]));
    });

    it("is for Active hosts", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      await suspend(world, HOST);
      await expectRefusal(world, as(world, HOST).contestLoss(vm), "MigrationLedger_StatusForbids", HOST, 2);
      await lift(world, HOST);
      await as(world, HOST).contestLoss(vm);
      await as(world, HOME).declareLost(vm);
      await expel(world, HOST);
      await expectRefusal(world, as(world, HOST).contestLoss(vm), "MigrationLedger_StatusForbids", HOST, 4);
    });

    it("reverts without a declaration, abroad or not, and for others than the host", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [vm, gone, atHome] = [await abroad(world), await lost(world), await register(world)];

      await expectRefusal(world, as(world, HOST).contestLoss(vm), "MigrationLedger_NotDeclaredLost", vm);
      await expectRefusal(world, as(world, HOME).contestLoss(atHome), "MigrationLedger_WrongState", atHome, 1);
      for (const cloud of [HOME, OTHER]) {
        const sender = world.clouds[cloud - 1]!.account;
        await expectRefusal(world, as(world, cloud).contestLoss(gone), "CloudRegistry_NotAuthorized", HOST, sender);
      }
    });

    it("takes an agent of the host with HOST", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent, mover] = world.spare;
      const vm = await lost(world);
      await bindAgent(world, HOST, agent!, { scopes: AgentScope.HOST, partners: [HOME] });
      await bindAgent(world, HOST, mover!, { scopes: AgentScope.MOVE_OUT });

      await expect(world.ledger.connect(mover).contestLoss(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await world.ledger.connect(agent).contestLoss(vm);
    });
  });

  describe("withdrawLoss", function () {
    it("takes the home's declaration back (INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);

      await expect(as(world, HOME).withdrawLoss(vm)).to.emit(world.ledger, "LossWithdrawn").withArgs(vm, HOST);

      const { mark, nonce } = await vmOf(world, vm);
      expect([mark, nonce]).to.deep.equal([0n, 4n]);
    });

    it("reverts without a declaration, and for others than the home", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [vm, gone, atHome] = [await abroad(world), await lost(world), await register(world)];

      await expectRefusal(world, as(world, HOME).withdrawLoss(vm), "MigrationLedger_NotDeclaredLost", vm);
      await expectRefusal(world, as(world, HOME).withdrawLoss(atHome), "MigrationLedger_WrongState", atHome, 1);
      const sender = world.clouds[HOST - 1]!.account;
      await expectRefusal(world, as(world, HOST).withdrawLoss(gone), "CloudRegistry_NotAuthorized", HOME, sender);
    });

    it("lets the day for an evacuation begin anew", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      await networkHelpers.time.increase(2 * DAY);
      await as(world, HOME).withdrawLoss(vm);
      await as(world, HOME).declareLost(vm);

      const { mark } = await vmOf(world, vm);
      expect(mark).to.equal(BigInt(await nowSeconds(world)));
      expect(await world.ledger.hostAt(vm, await nowMs(world))).to.equal(HOST);
    });
  });
});
