import { expect } from "chai";
import { network } from "hardhat";

import { CloudStatus, publicMove } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  FIFTH,
  FOURTH,
  HOME,
  HOST,
  OTHER,
  abroad,
  agreed,
  as,
  bindAgent,
  call,
  expel,
  federation,
  record,
  recordOf,
  register,
  started,
  stopped,
  suspend,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

describe("MigrationLedger", function () {
  describe("leave", function () {
    it("takes out a cloud without obligations; its VMs at home do not hold it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await register(world);

      await expect(as(world, HOME).leave(HOME)).to.emit(world.registry, "CloudLeft").withArgs(HOME);

      expect(await world.registry.statusOf(HOME)).to.equal(CloudStatus.Left);
    });

    it("holds a cloud with own VMs abroad and one that hosts, until they are back (INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const address = await world.ledger.getAddress();
      const vms = [await abroad(world), await abroad(world, HOST, { site: 1 })];

      await expectRefusal(world, as(world, HOME).leave(HOME), "MigrationLedger_HasObligations", HOME, address, 2, 0);
      await expectRefusal(world, as(world, HOST).leave(HOST), "MigrationLedger_HasObligations", HOST, address, 0, 2);
      await record(world, await recordOf(world, [vms[0]!]));
      await expectRefusal(world, as(world, HOME).leave(HOME), "MigrationLedger_HasObligations", HOME, address, 1, 0);
      await expectRefusal(world, as(world, HOST).leave(HOST), "MigrationLedger_HasObligations", HOST, address, 0, 1);
      await as(world, HOME).stop(vms[1]!);
      await as(world, HOME).leave(HOME);
      await as(world, HOST).leave(HOST);
    });

    it("holds home, source and destination of an open move, and lets the source's successor go after it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const address = await world.ledger.getAddress();
      const move = await agreed(world, [await register(world)], { destination: HOST });
      const second = await started(world, [await abroad(world, FOURTH)], { destination: OTHER });
      const leave = (cloud: number) => as(world, cloud).leave(cloud);

      await expectRefusal(world, leave(HOME), "MigrationLedger_HasObligations", HOME, address, 2, 0);
      for (const cloud of [HOST, OTHER, FOURTH]) {
        await expectRefusal(world, leave(cloud), "MigrationLedger_HasObligations", cloud, address, 0, 1);
      }
      await as(world, HOST).abort(publicMove(move), HOST, 1);
      await leave(HOST);
      await as(world, OTHER).abort(publicMove(second), OTHER, 1);
      await leave(OTHER);
      await expectRefusal(world, leave(FOURTH), "MigrationLedger_HasObligations", FOURTH, address, 0, 1);
    });

    it("does not hold a cloud whose VMs are stopped", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await stopped(world);

      await as(world, HOME).leave(HOME);
      await as(world, HOST).leave(HOST);
    });

    it("takes the account only, also a contract", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent] = world.spare;
      await bindAgent(world, HOME, agent!, { scopes: 63 });

      for (const sender of [agent!, world.stranger, world.governance]) {
        await expectRefusal(
          world,
          world.ledger.connect(sender).leave(HOME),
          "CloudRegistry_NotAuthorized",
          HOME,
          sender.address,
        );
      }
      await call(world, CONTRACT, "leave", [CONTRACT]);
    });

    it("works for a suspended cloud, and not twice or for an expelled one (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await suspend(world, FIFTH);
      await as(world, FIFTH).leave(FIFTH);
      await expectRefusal(world, as(world, FIFTH).leave(FIFTH), "CloudRegistry_WrongStatus", FIFTH, CloudStatus.Left);
      await expel(world, FOURTH);
      await expectRefusal(
        world,
        as(world, FOURTH).leave(FOURTH),
        "CloudRegistry_WrongStatus",
        FOURTH,
        CloudStatus.Expelled,
      );
    });
  });
});
