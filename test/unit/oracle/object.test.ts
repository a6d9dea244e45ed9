import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AgentScope, agreementId, publicAgreement, witnessesHash } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  HOME,
  HOST,
  OTHER,
  bindAgent,
  cloudOf,
  federation,
  nowSeconds,
  pass,
} from "../../fixtures/federation.js";
import {
  METRICS,
  OBJECT_WITHIN,
  OBSERVE_WITHIN,
  afterObjection,
  asAnswer,
  claim,
  claimedWindow,
  endedWindow,
  hostedStay,
  object,
  objectedWindow,
  openStay,
  oracleAs,
  passWindow,
  resultOf,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

describe("SlaOracle", function () {
  describe("object", function () {
    for (const [side, claimant, by] of [
      ["home", HOST, HOME],
      ["the host", HOME, HOST],
    ] as const) {
      it(`asks the witnesses when ${side} objects to the other's claim`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await claimedWindow(world, {}, claimant);
        const hash = witnessesHash(stay.agreement.witnesses);
        expect(await world.oracle.witnessesOf(stay.vm, stay.sequence)).to.equal(`0x${"00".repeat(32)}`);

        const sent = object(world, stay, by);
        await sent;

        const now = await nowSeconds(world);
        await expect(sent)
          .to.emit(world.oracle, "WindowObjected")
          .withArgs(stay.vm, stay.sequence, 0, by, hash, now + OBSERVE_WITHIN);
        const result = await resultOf(world, stay);
        expect([result.state, result.isFinal, result.claimant, result.since, result.observations]).to.deep.equal([
          "Objected",
          false,
          BigInt(claimant),
          BigInt(now),
          0n,
        ]);
        expect(result.metrics).to.deep.equal(asAnswer(METRICS));
        expect(await world.oracle.witnessesOf(stay.vm, stay.sequence)).to.equal(hash);
      });
    }

    for (const seconds of [-1, 0, 1]) {
      it(`${seconds > 0 ? "reverts" : "is possible"} ${seconds} s after the time to object`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const stay = await claimedWindow(world);
        const claimedAt = await nowSeconds(world);

        await afterObjection(world, stay, seconds);
        const sent = object(world, stay);

        if (seconds <= 0) {
          await sent;
          expect((await resultOf(world, stay)).state).to.equal("Objected");
        } else {
          const until = claimedAt + OBJECT_WITHIN;
          const late = [stay.vm, stay.sequence, 0, until, until + seconds];
          await expectRefusal(world, sent, "SlaOracle_ObjectionTooLate", ...late);
          await networkHelpers.mine();
          expect((await resultOf(world, stay)).isFinal).to.equal(true);
        }
      });
    }

    it("is sent by an agent with REPORT, or through a contract's account", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world, { destination: CONTRACT });
      await passWindow(world, stay, 1);
      await claim(world, stay, HOME, METRICS, 0);
      await claim(world, stay, CONTRACT, METRICS, 1);
      const agent = world.spare[0]!;
      await bindAgent(world, HOME, agent, { scopes: AgentScope.REPORT });

      await object(world, stay, CONTRACT, 0);
      await world.oracle.connect(agent).object(stay.vm, stay.sequence, 1, publicAgreement(stay.agreement));

      for (const window of [0, 1]) expect((await resultOf(world, stay, window)).state).to.equal("Objected");
    });

    it("reverts for the claimant itself, a third cloud and a stranger", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await claimedWindow(world);
      const by = (cloud: number) =>
        oracleAs(world, cloud).object(stay.vm, stay.sequence, 0, publicAgreement(stay.agreement));

      for (const cloud of [HOST, OTHER]) {
        const { account } = cloudOf(world, cloud);
        await expectRefusal(world, by(cloud), "CloudRegistry_NotAuthorized", HOME, account);
      }
      await expectRefusal(
        world,
        world.oracle.object(stay.vm, stay.sequence, 0, publicAgreement(stay.agreement)),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.stranger.address,
      );
    });

    it("reverts for another agreement than the stay's: its witnesses count", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await claimedWindow(world);
      const other = { ...stay.agreement, witnesses: { members: [world.stranger.address], required: 1 } };

      await expectRefusal(
        world,
        object(world, { ...stay, agreement: other }),
        "SlaOracle_OtherAgreement",
        agreementId(other),
        agreementId(stay.agreement),
      );
      expect((await resultOf(world, stay)).state).to.equal("Claimed");
    });

    it("reverts where nothing is claimed, or an objection is there already", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await endedWindow(world);
      await expectRefusal(world, object(world, stay), "SlaOracle_WrongState", stay.vm, stay.sequence, 0, 0);

      const objected = await objectedWindow(world);
      await expectRefusal(world, object(world, objected), "SlaOracle_WrongState", objected.vm, 2, 0, 3);
    });

    it("reverts when the stay's windows are not open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      await expectRefusal(world, object(world, stay), "SlaOracle_NotOpen", stay.vm, stay.sequence);
    });

    it("keeps the witnesses once for all windows of a stay", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await objectedWindow(world);
      const hash = await world.oracle.witnessesOf(stay.vm, stay.sequence);
      await passWindow(world, stay, 1);
      await claim(world, stay, HOST, METRICS, 1);
      await pass(world, 1);

      await object(world, stay, HOME, 1);

      expect(await world.oracle.witnessesOf(stay.vm, stay.sequence)).to.equal(hash);
      expect(hash).not.to.equal(id(""));
    });
  });
});
