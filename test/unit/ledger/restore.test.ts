import { expect } from "chai";
import { network } from "hardhat";

import { AgentScope } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  OTHER,
  as,
  bindAgent,
  federation,
  nextBlockAt,
  nowMs,
  nowSeconds,
  stopped,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("MigrationLedger", function () {
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
      await expect(world.ledger.connect(hoster).restore(vm)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await world.ledger.connect(agent).restore(vm);
    });

    it("reverts for who has left", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await stopped(world);
      await as(world, HOME).leave(HOME);

      await expectRefusal(world, as(world, HOME).restore(vm), "MigrationLedger_StatusForbids", HOME, 3);
    });
  });
});
