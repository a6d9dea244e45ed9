import { expect } from "chai";
import { network } from "hardhat";

import { CloudStatus } from "../../../src/index.js";
import {
  type ChargedStay,
  type ChargedWorld,
  availability,
  callBooks,
  charged,
  hosted,
  jointOf,
  noteOf,
  owed,
  paymentRef,
  postNotes,
  replacementOf,
  settle,
  settleCredit,
  settleJointly,
  stopped,
  tell,
} from "../../fixtures/charging.js";
import { DAY, HOME, HOST, as, expel, pass, suspend } from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const BAD = availability(0);

/** Both have left: the VM is gone. */
async function leave(world: ChargedWorld, stay: ChargedStay): Promise<void> {
  await pass(world, 30 * DAY);
  await as(world, HOME).terminate(stay.vm);
  await as(world, HOME).leave(HOME);
  await as(world, HOST).leave(HOST);
}

const STANDINGS: {
  readonly [status in "Active" | "Suspended" | "Left" | "Expelled"]: (
    world: ChargedWorld,
    stay: ChargedStay,
  ) => Promise<void>;
} = {
  Active: () => Promise.resolve(),
  Suspended: async (world) => {
    await suspend(world, HOME);
    await suspend(world, HOST);
  },
  Left: leave,
  Expelled: async (world) => {
    await expel(world, HOME);
    await expel(world, HOST);
  },
};

describe("ChargingLedger", function () {
  for (const [status, become] of Object.entries(STANDINGS)) {
    it(`settles, credits, corrects and acknowledges for clouds that are ${status} (INV-EXIT)`, async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      await tell(world, stay, 1, BAD);
      await pass(world, 600);
      await stopped(world, stay);
      await become(world, stay);
      await world.ledger.connect(world.guardian).pauseNew(3_600);
      await world.ledger.connect(world.governance).closeForNew();
      for (const cloud of [HOME, HOST]) {
        expect(await world.registry.statusOf(cloud)).to.equal(CloudStatus[status as keyof typeof CloudStatus]);
      }
      const at = (seconds: bigint) => stay.startedAt + seconds * 1_000n;

      await settle(world, stay, at(200n), { by: HOME });
      await settle(world, stay, at(300n), { by: HOST });
      await settleJointly(world, stay, await jointOf(world, stay, at(400n)));
      await settleCredit(world, stay, 1, BAD);
      await postNotes(world, [await noteOf(world, { amount: 7n }), await replacementOf(world, stay, at(30n))]);
      await callBooks(world, HOME, "withdrawSignature", [HOME, paymentRef("any")]);
      await callBooks(world, HOST, "acknowledge", [HOST, HOME, "EUR", 1_000_000_000n, paymentRef("1")]);

      expect(await owed(world, HOST, HOME)).to.equal(370_000n * 100n - 60_000n * 30n + 7n);
    });
  }
});
