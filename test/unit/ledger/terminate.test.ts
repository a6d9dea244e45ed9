import { expect } from "chai";
import { network } from "hardhat";

import { expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  as,
  bindAgent,
  federation,
  nextBlockAt,
  nowMs,
  register,
  stopped,
  timeOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("MigrationLedger", function () {
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
});
