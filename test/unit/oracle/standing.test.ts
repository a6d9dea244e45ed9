import { expect } from "chai";
import { network } from "hardhat";

import { CloudStatus, publicAgreement } from "../../../src/index.js";
import { HOME, HOST, HOUR, OTHER, type World, expel, federation, pass, suspend } from "../../fixtures/federation.js";
import { as } from "../../fixtures/federation.js";
import {
  METRICS,
  OBSERVE_WITHIN,
  type OpenStay,
  WITNESSES,
  claim,
  finalise,
  hostedStay,
  object,
  observe,
  open,
  passWindow,
  reportAgreed,
  reportOf,
  resultOf,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

/** How a party of an ended stay comes to stand otherwise. */
const STANDINGS: { readonly [status in keyof typeof CloudStatus]?: (world: World, cloud: number) => Promise<unknown> } =
  {
    Active: () => Promise.resolve(),
    Suspended: suspend,
    Left: (world, cloud) => as(world, cloud).leave(cloud),
    Expelled: expel,
  };

/** An ended stay of three windows, whose parties nothing keeps. */
async function endedStay(world: World): Promise<OpenStay> {
  const stay = await hostedStay(world);
  await passWindow(world, stay, 2);
  await as(world, HOME).stop(stay.vm);
  return stay;
}

describe("Standing of the parties and the SlaOracle", function () {
  for (const [status, become] of Object.entries(STANDINGS)) {
    for (const [side, cloud] of [
      ["home", HOME],
      ["the host", HOST],
    ] as const) {
      it(`changes nothing when ${side} is ${status} (INV-EXIT)`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await endedStay(world);
        const other = cloud === HOME ? HOST : HOME;
        await become(world, cloud);
        expect(Number(await world.registry.statusOf(cloud))).to.equal(CloudStatus[status as keyof typeof CloudStatus]);

        await open(world, stay);
        await reportAgreed(world, reportOf(stay, 0));
        await claim(world, stay, cloud, METRICS, 1);
        await object(world, stay, other, 1);
        await claim(world, stay, other, METRICS, 2);
        await object(world, stay, cloud, 2);
        const heard = WITNESSES.slice(0, 3).map((witness) => ({ witness }));
        for (const { witness } of heard) await observe(world, stay, witness, { window: 2 });
        await finalise(world, stay, heard, { window: 2 });
        await pass(world, OBSERVE_WITHIN + 1);
        await finalise(world, stay, [], { window: 1 });

        const states = await Promise.all([0, 1, 2].map(async (window) => (await resultOf(world, stay, window)).state));
        expect(states).to.deep.equal(["Agreed", "Disputed", "Witnessed"]);
      });
    }
  }

  it("changes nothing when all of them are suspended, the ledger is closed and paused (INV-EXIT)", async function () {
    const world = await networkHelpers.loadFixture(federation);
    const stay = await hostedStay(world);
    await passWindow(world, stay, 0);
    for (const cloud of [HOME, HOST, OTHER]) await suspend(world, cloud);
    await world.ledger.connect(world.guardian).pauseNew(HOUR);
    await world.ledger.connect(world.governance).closeForNew();

    await world.oracle.openWindows(stay.vm, stay.sequence, publicAgreement(stay.agreement));
    await claim(world, stay);
    await object(world, stay);
    await reportAgreed(world, reportOf(stay));

    expect((await resultOf(world, stay)).state).to.equal("Agreed");
  });
});
