import { expect } from "chai";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import { AbortReason, CloudStatus, STANDING_ONE, publicAgreement, publicMove } from "../../../src/index.js";
import {
  DAY,
  HOME,
  HOST,
  type World,
  agreed,
  as,
  cloudOf,
  completed,
  expel,
  pass,
  record,
  recordOf,
  register,
  start,
  suspend,
  vmOf,
} from "../../fixtures/federation.js";
import { accept } from "../../fixtures/registry.js";
import {
  BAD,
  GOOD,
  agreeOn,
  expectEvidence,
  hosted,
  opened,
  postResult,
  remembering,
  thisMonth,
  toMonth,
} from "../../fixtures/reputation.js";

const { networkHelpers } = await network.create();

/** HOST with a good and a bad window, a completed move and one that it gave up; all VMs are home again. */
async function withPast(connection: NetworkConnection) {
  const world = await remembering(connection);
  const stay = await hosted(world);
  await pass(world, DAY);
  await agreeOn(world, stay, { 0: GOOD, 1: BAD });
  await record(world, await recordOf(world, [stay.vm]));
  const moved = await register(world);
  await completed(world, [moved]);
  await record(world, await recordOf(world, [moved]));
  const move = await agreed(world, [stay.vm]);
  await start(world, move);
  const { move: number } = await vmOf(world, stay.vm);
  await as(world, HOST).abort(publicMove(move), HOST, AbortReason.Unspecified);
  return { world, stay, moved, unfinished: { number, agreement: publicAgreement(move.agreement) } };
}

type Past = Awaited<ReturnType<typeof withPast>>;

async function postAll({ world, stay, moved, unfinished }: Past) {
  await postResult(world, stay, 0, opened(GOOD));
  await postResult(world, stay, 1, opened(BAD));
  await world.reputation.postMove(moved, 2);
  await world.reputation.postUnfinished(unfinished.number, unfinished.agreement);
}

const expected = { kept: 14n, broken: 4n, unfinished: 10n };

async function leave(world: World, cloud: number) {
  await as(world, cloud).leave(cloud);
}

async function readmit(world: World, cloud: number) {
  const acceptance = await accept(world, cloudOf(world, cloud).key, cloud, "Account");
  await world.registry.connect(world.governance).readmit(cloud, acceptance);
}

async function standing(world: World) {
  return [await world.reputation.scoreOf(HOST), await world.reputation.confidenceOf(HOST)];
}

describe("ReputationLedger", function () {
  describe("membership", function () {
    for (const [name, out] of [
      ["Active", undefined],
      ["Suspended", suspend],
      ["Left", leave],
      ["Expelled", expel],
    ] as const) {
      it(`takes facts about who is ${name} (INV-EXIT)`, async function () {
        const past = await networkHelpers.loadFixture(withPast);
        const { world } = past;
        for (const cloud of [HOME, HOST]) await out?.(world, cloud);
        expect(Number(await world.registry.statusOf(HOST))).to.equal(CloudStatus[name]);

        await postAll(past);

        await expectEvidence(world, [HOST, HOME, await thisMonth(world)], expected);
      });
    }

    for (const [name, out] of [
      ["leaving", leave],
      ["being expelled", expel],
    ] as const) {
      it(`sheds nothing by ${name} and coming back, be it posted before, between or after`, async function () {
        const past = await networkHelpers.loadFixture(withPast);
        const { world, stay, moved, unfinished } = past;
        const stayed = await networkHelpers.takeSnapshot();
        await postAll(past);
        await toMonth(world, 3);
        const expectedStanding = await standing(world);
        expect(expectedStanding[0]! < STANDING_ONE).to.equal(true);
        const month = (await thisMonth(world)) - 3;
        await stayed.restore();

        await postResult(world, stay, 1, opened(BAD));
        await out(world, HOST);
        await world.reputation.postUnfinished(unfinished.number, unfinished.agreement);
        await toMonth(world, 2);
        await readmit(world, HOST);
        await world.reputation.postMove(moved, 2);
        await postResult(world, stay, 0, opened(GOOD));
        await toMonth(world, 1);

        await expectEvidence(world, [HOST, HOME, month], expected);
        expect(await standing(world)).to.deep.equal(expectedStanding);
      });
    }

    it("knows nothing of a new member, whatever its number", async function () {
      const { world, stay } = await networkHelpers.loadFixture(withPast);
      await postResult(world, stay, 1, opened(BAD));

      expect(await world.reputation.scoreOf(7)).to.equal(STANDING_ONE / 2n);
      expect(await world.reputation.confidenceOf(7)).to.equal(0n);
    });
  });
});
