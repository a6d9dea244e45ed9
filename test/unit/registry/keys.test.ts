import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { network } from "hardhat";

import { CloudStatus, KeyRole } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  HOME,
  HOST,
  UNKNOWN,
  type World,
  cloudOf,
  contractAccount,
  federation,
  lift,
  nextBlockAt,
  nowMs,
  pass,
  suspend,
  timeOf,
} from "../../fixtures/federation.js";
import {
  DAY_MS,
  HOUR_MS,
  accept,
  announceReplacement,
  asAccount,
  asGovernance,
  asGuardian,
  asRecovery,
  asStranger,
  keyOf,
  markLeft,
  proposeRecoveryChange,
  proposeRotation,
  recover,
  setAgent,
} from "../../fixtures/registry.js";

const { networkHelpers } = await network.create();

const NEXT_KEY = keyOf("next account");
const OTHER_KEY = keyOf("other account");
const NEXT_RECOVERY = keyOf("next recovery");
const OTHER_RECOVERY = keyOf("other recovery");

const ROTATION = 0;
const RECOVERY = 1;
const REPLACEMENT = 2;

const NOTHING = [ZeroAddress, ZeroAddress, 0n];
const TWO_DAYS = 48 * 3_600;
const SEVEN_DAYS = 7 * 86_400;

/** Expects a refusal in a block of the given time. */
async function expectTooEarly(world: World, readyAt: bigint, complete: () => Promise<unknown>): Promise<void> {
  const oneBefore = readyAt / 1_000n - 1n;
  await nextBlockAt(world, oneBefore);
  await expectRefusal(world, complete(), "CloudRegistry_NotReady", HOME, readyAt, oneBefore * 1_000n);
}

describe("CloudRegistry: keys", function () {
  describe("rotation", function () {
    it("waits 48 hours, and then anyone completes it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const { account } = cloudOf(world, HOME);

      const proposed = proposeRotation(world, HOME, NEXT_KEY);

      const readyAt = (await timeOf(world, proposed)) + 48n * HOUR_MS;
      await expect(proposed)
        .to.emit(registry, "RotationProposed")
        .withArgs(HOME, NEXT_KEY.address, false, readyAt)
        .and.to.emit(registry, "KeyAccepted");
      expect(await registry.pendingRotation(HOME)).to.deep.equal([NEXT_KEY.address, ZeroAddress, readyAt]);
      expect(await registry.accountOf(HOME)).to.equal(account);
      expect(await registry.cloudOfAccount(NEXT_KEY.address)).to.equal(0);

      await expectTooEarly(world, readyAt, () => asStranger(world).completeRotation(HOME));
      await nextBlockAt(world, readyAt / 1_000n);
      await expect(asStranger(world).completeRotation(HOME))
        .to.emit(registry, "AccountChanged")
        .withArgs(HOME, account, NEXT_KEY.address, false, ROTATION);

      expect(await registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
      expect(await registry.cloudOfAccount(NEXT_KEY.address)).to.equal(HOME);
      expect(await registry.cloudOfAccount(account)).to.equal(0);
      expect(await registry.pendingRotation(HOME)).to.deep.equal(NOTHING);
    });

    it("can be completed a second later as well, and leaves the agents", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, world.spare[0]!);
      const readyAt = (await timeOf(world, proposeRotation(world, HOME, NEXT_KEY))) + 48n * HOUR_MS;
      await nextBlockAt(world, readyAt / 1_000n + 1n);

      await expect(asStranger(world).completeRotation(HOME)).not.to.emit(world.registry, "AgentsVoided");

      expect(await world.registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
      expect((await world.registry.cloudOf(HOME)).agentEpoch).to.equal(0);
    });

    it("keeps in mind whether the next account is a contract", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;

      const data = registry.interface.encodeFunctionData("proposeRotation", [
        CONTRACT,
        NEXT_KEY.address,
        await accept(world, NEXT_KEY, CONTRACT, "Account"),
      ]);
      await contractAccount(world).execute(registry, data);
      await pass(world, TWO_DAYS);
      await registry.completeRotation(CONTRACT);

      const { account, isContract } = await registry.cloudOf(CONTRACT);
      expect([account, isContract]).to.deep.equal([NEXT_KEY.address, false]);
    });

    it("takes the place of an earlier wish, and begins to wait again", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await proposeRotation(world, HOME, NEXT_KEY);
      await pass(world, TWO_DAYS - 100);
      const readyAt = (await timeOf(world, proposeRotation(world, HOME, OTHER_KEY))) + 48n * HOUR_MS;

      await expectTooEarly(world, readyAt, () => asStranger(world).completeRotation(HOME));
      expect(await world.registry.pendingRotation(HOME)).to.deep.equal([OTHER_KEY.address, ZeroAddress, readyAt]);
    });

    it("is neither proposed nor completed while the cloud is Suspended", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await proposeRotation(world, HOME, NEXT_KEY);
      await pass(world, TWO_DAYS);
      await suspend(world, HOME);

      for (const sent of [
        () => asStranger(world).completeRotation(HOME),
        () => proposeRotation(world, HOME, OTHER_KEY),
      ]) {
        await expectRefusal(world, sent(), "CloudRegistry_WrongStatus", HOME, CloudStatus.Suspended);
      }

      await lift(world, HOME);
      await asStranger(world).completeRotation(HOME);
      expect(await world.registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
    });

    it("is possible again as soon as the guardian's suspension has lapsed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await proposeRotation(world, HOME, NEXT_KEY);
      await asGuardian(world).suspend(HOME);
      await pass(world, SEVEN_DAYS + 1);

      await asStranger(world).completeRotation(HOME);

      expect(await world.registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
    });

    it("is possible for a cloud that left or was expelled: its claims go on", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGovernance(world).expel(HOME);
      await markLeft(world, HOST);
      await proposeRotation(world, HOME, NEXT_KEY);
      await proposeRotation(world, HOST, OTHER_KEY);
      await pass(world, TWO_DAYS);

      await asStranger(world).completeRotation(HOME);
      await asStranger(world).completeRotation(HOST);

      expect(await world.registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
      expect(await world.registry.accountOf(HOST)).to.equal(OTHER_KEY.address);
    });

    for (const [name, by] of [
      ["account", asAccount],
      ["recovery address", asRecovery],
    ] as const) {
      it(`is cancelled by the ${name}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        await proposeRotation(world, HOME, NEXT_KEY);

        await expect(by(world, HOME).cancelRotation(HOME))
          .to.emit(world.registry, "RotationCancelled")
          .withArgs(HOME, NEXT_KEY.address);

        expect(await world.registry.pendingRotation(HOME)).to.deep.equal(NOTHING);
        await pass(world, TWO_DAYS);
        await expectRefusal(world, asStranger(world).completeRotation(HOME), "CloudRegistry_NothingPending", HOME);
      });
    }

    it("binds the key for ever, also when cancelled", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await proposeRotation(world, HOME, NEXT_KEY);
      await asAccount(world, HOME).cancelRotation(HOME);

      expect(await world.registry.bindingOf(NEXT_KEY.address)).to.deep.equal([1n, BigInt(KeyRole.Account)]);
      await expectRefusal(
        world,
        proposeRotation(world, HOST, NEXT_KEY),
        "CloudRegistry_KeyTaken",
        NEXT_KEY.address,
        HOME,
        KeyRole.Account,
      );
      await expectRefusal(
        world,
        proposeRecoveryChange(world, HOME, NEXT_KEY),
        "CloudRegistry_KeyTaken",
        NEXT_KEY.address,
        HOME,
        KeyRole.Account,
      );
    });

    it("can go back to a former account of the same cloud, with a new acceptance", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { key, account } = cloudOf(world, HOME);
      await recover(world, HOME, NEXT_KEY);

      await recover(world, HOME, key);

      expect(await world.registry.accountOf(HOME)).to.equal(account);
    });

    it("refuses the account itself, and whoever is not entitled", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { account, recovery, key } = cloudOf(world, HOME);
      const acceptance = await accept(world, NEXT_KEY, HOME, "Account");

      await expectRefusal(world, proposeRotation(world, HOME, key), "CloudRegistry_SameKey", HOME, account);
      await expectRefusal(
        world,
        asRecovery(world, HOME).proposeRotation(HOME, NEXT_KEY.address, acceptance),
        "CloudRegistry_NotAuthorized",
        HOME,
        recovery.address,
      );
      await expectRefusal(
        world,
        asStranger(world).cancelRotation(HOME),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.stranger.address,
      );
      await expectRefusal(world, asAccount(world, HOME).cancelRotation(HOME), "CloudRegistry_NothingPending", HOME);
      for (const sent of [
        () => asStranger(world).proposeRotation(UNKNOWN, NEXT_KEY.address, acceptance),
        () => asStranger(world).completeRotation(UNKNOWN),
        () => asStranger(world).cancelRotation(UNKNOWN),
      ]) {
        await expectRefusal(world, sent(), "CloudRegistry_UnknownCloud", UNKNOWN);
      }
    });

    it("refuses a key that has not accepted", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const acceptance = await accept(world, OTHER_KEY, HOME, "Account", { address: NEXT_KEY.address });

      await expectRefusal(
        world,
        asAccount(world, HOME).proposeRotation(HOME, NEXT_KEY.address, acceptance),
        "CloudRegistry_BadAcceptance",
        NEXT_KEY.address,
        OTHER_KEY.address,
      );
    });
  });

  describe("recoverAccount", function () {
    it("replaces the account at once, voids agents and stops what waits", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const { account } = cloudOf(world, HOME);
      await proposeRotation(world, HOME, OTHER_KEY);
      await proposeRecoveryChange(world, HOME, OTHER_RECOVERY);

      const sent = recover(world, HOME, NEXT_KEY);

      await expect(sent).to.emit(registry, "RotationCancelled").withArgs(HOME, OTHER_KEY.address);
      await expect(sent).to.emit(registry, "RecoveryChangeCancelled").withArgs(HOME, OTHER_RECOVERY.address);
      await expect(sent).to.emit(registry, "AgentsVoided").withArgs(HOME, 1);
      await expect(sent).to.emit(registry, "AccountChanged").withArgs(HOME, account, NEXT_KEY.address, false, RECOVERY);
      expect(await registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
      expect(await registry.pendingRotation(HOME)).to.deep.equal(NOTHING);
      expect(await registry.pendingRecoveryChange(HOME)).to.deep.equal(NOTHING);
      expect((await registry.cloudOf(HOME)).agentEpoch).to.equal(1);
    });

    it("says nothing of what did not wait", async function () {
      const world = await networkHelpers.loadFixture(federation);

      const sent = recover(world, HOME, NEXT_KEY);

      await expect(sent).not.to.emit(world.registry, "RotationCancelled");
      await expect(sent).not.to.emit(world.registry, "RecoveryChangeCancelled");
    });

    it("works in every status (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGovernance(world).expel(HOME);
      await suspend(world, HOST);

      await recover(world, HOME, NEXT_KEY);
      await recover(world, HOST, OTHER_KEY);

      expect(await world.registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
      expect(await world.registry.accountOf(HOST)).to.equal(OTHER_KEY.address);
    });

    it("refuses everybody but the recovery address, and the account itself", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { account, key } = cloudOf(world, HOME);
      const acceptance = await accept(world, NEXT_KEY, HOME, "Account");

      for (const sender of [key, cloudOf(world, HOST).recovery, world.governance]) {
        await expectRefusal(
          world,
          world.registry.connect(sender).recoverAccount(HOME, NEXT_KEY.address, acceptance),
          "CloudRegistry_NotAuthorized",
          HOME,
          sender.address,
        );
      }
      await expectRefusal(world, recover(world, HOME, key), "CloudRegistry_SameKey", HOME, account);
      await expectRefusal(
        world,
        asStranger(world).recoverAccount(UNKNOWN, NEXT_KEY.address, acceptance),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
    });
  });

  describe("change of the recovery address", function () {
    it("waits 48 hours, and then anyone completes it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const { recovery } = cloudOf(world, HOME);

      const proposed = proposeRecoveryChange(world, HOME, NEXT_RECOVERY);

      const readyAt = (await timeOf(world, proposed)) + 48n * HOUR_MS;
      await expect(proposed).to.emit(registry, "RecoveryChangeProposed").withArgs(HOME, NEXT_RECOVERY.address, readyAt);
      expect(await registry.pendingRecoveryChange(HOME)).to.deep.equal([ZeroAddress, NEXT_RECOVERY.address, readyAt]);

      await expectTooEarly(world, readyAt, () => asStranger(world).completeRecoveryChange(HOME));
      await nextBlockAt(world, readyAt / 1_000n);
      await expect(asStranger(world).completeRecoveryChange(HOME))
        .to.emit(registry, "RecoveryChanged")
        .withArgs(HOME, recovery.address, NEXT_RECOVERY.address);

      expect(await registry.recoveryOf(HOME)).to.equal(NEXT_RECOVERY.address);
      expect(await registry.pendingRecoveryChange(HOME)).to.deep.equal(NOTHING);
      await expectRefusal(world, asStranger(world).completeRecoveryChange(HOME), "CloudRegistry_NothingPending", HOME);
    });

    for (const [name, by] of [
      ["account", asAccount],
      ["recovery address in office", asRecovery],
    ] as const) {
      it(`is cancelled by the ${name}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        await proposeRecoveryChange(world, HOME, NEXT_RECOVERY);

        await expect(by(world, HOME).cancelRecoveryChange(HOME))
          .to.emit(world.registry, "RecoveryChangeCancelled")
          .withArgs(HOME, NEXT_RECOVERY.address);

        expect(await world.registry.pendingRecoveryChange(HOME)).to.deep.equal(NOTHING);
      });
    }

    it("is neither proposed nor completed while the cloud is Suspended", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await proposeRecoveryChange(world, HOME, NEXT_RECOVERY);
      await pass(world, TWO_DAYS);
      await suspend(world, HOME);

      for (const sent of [
        () => asStranger(world).completeRecoveryChange(HOME),
        () => proposeRecoveryChange(world, HOME, OTHER_RECOVERY),
      ]) {
        await expectRefusal(world, sent(), "CloudRegistry_WrongStatus", HOME, CloudStatus.Suspended);
      }
    });

    it("refuses the recovery address itself, and whoever is not entitled", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { recovery } = cloudOf(world, HOME);
      const acceptance = await accept(world, NEXT_RECOVERY, HOME, "Recovery");

      await expectRefusal(
        world,
        proposeRecoveryChange(world, HOME, recovery),
        "CloudRegistry_SameKey",
        HOME,
        recovery.address,
      );
      await expectRefusal(
        world,
        asRecovery(world, HOME).proposeRecoveryChange(HOME, NEXT_RECOVERY.address, acceptance),
        "CloudRegistry_NotAuthorized",
        HOME,
        recovery.address,
      );
      await expectRefusal(
        world,
        asStranger(world).cancelRecoveryChange(HOME),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.stranger.address,
      );
      await expectRefusal(
        world,
        asAccount(world, HOME).cancelRecoveryChange(HOME),
        "CloudRegistry_NothingPending",
        HOME,
      );
    });
  });

  describe("replacement by governance", function () {
    it("waits 7 days, and then anyone executes it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const { account, recovery } = cloudOf(world, HOME);

      const announced = announceReplacement(world, HOME, NEXT_KEY, NEXT_RECOVERY);

      const readyAt = (await timeOf(world, announced)) + 7n * DAY_MS;
      await expect(announced)
        .to.emit(registry, "ReplacementAnnounced")
        .withArgs(HOME, NEXT_KEY.address, false, NEXT_RECOVERY.address, readyAt);
      expect(await registry.pendingReplacement(HOME)).to.deep.equal([NEXT_KEY.address, NEXT_RECOVERY.address, readyAt]);
      await expectTooEarly(world, readyAt, () => asStranger(world).executeReplacement(HOME));
      await suspend(world, HOME);
      await networkHelpers.time.setNextBlockTimestamp(readyAt / 1_000n);

      const executed = asStranger(world).executeReplacement(HOME);

      await expect(executed)
        .to.emit(registry, "AccountChanged")
        .withArgs(HOME, account, NEXT_KEY.address, false, REPLACEMENT);
      await expect(executed)
        .to.emit(registry, "RecoveryChanged")
        .withArgs(HOME, recovery.address, NEXT_RECOVERY.address);
      await expect(executed).to.emit(registry, "AgentsVoided").withArgs(HOME, 1);
      expect(await registry.accountOf(HOME)).to.equal(NEXT_KEY.address);
      expect(await registry.recoveryOf(HOME)).to.equal(NEXT_RECOVERY.address);
      expect(await registry.pendingReplacement(HOME)).to.deep.equal(NOTHING);
    });

    it("stops what waits when it is executed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await announceReplacement(world, HOME, NEXT_KEY, NEXT_RECOVERY);
      await proposeRotation(world, HOME, OTHER_KEY);
      await proposeRecoveryChange(world, HOME, OTHER_RECOVERY);
      await pass(world, SEVEN_DAYS);

      const executed = asStranger(world).executeReplacement(HOME);

      await expect(executed).to.emit(registry, "RotationCancelled").withArgs(HOME, OTHER_KEY.address);
      await expect(executed).to.emit(registry, "RecoveryChangeCancelled").withArgs(HOME, OTHER_RECOVERY.address);
      expect(await registry.pendingRotation(HOME)).to.deep.equal(NOTHING);
      expect(await registry.pendingRecoveryChange(HOME)).to.deep.equal(NOTHING);
    });

    for (const [name, sender] of [
      ["account", (world: World) => cloudOf(world, HOME).key],
      ["recovery address", (world: World) => cloudOf(world, HOME).recovery],
    ] as const) {
      it(`is cancelled by the ${name}: the keys are not gone`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        await announceReplacement(world, HOME, NEXT_KEY, NEXT_RECOVERY);
        await suspend(world, HOME);

        await expect(world.registry.connect(sender(world)).cancelReplacement(HOME))
          .to.emit(world.registry, "ReplacementCancelled")
          .withArgs(HOME, sender(world).address);

        expect(await world.registry.pendingReplacement(HOME)).to.deep.equal(NOTHING);
      });
    }

    it("is withdrawn by governance", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await announceReplacement(world, HOME, NEXT_KEY, NEXT_RECOVERY);

      await expect(asGovernance(world).withdrawReplacement(HOME))
        .to.emit(world.registry, "ReplacementCancelled")
        .withArgs(HOME, world.governance.address);

      await expectRefusal(world, asStranger(world).executeReplacement(HOME), "CloudRegistry_NothingPending", HOME);
      await expectRefusal(world, asGovernance(world).withdrawReplacement(HOME), "CloudRegistry_NothingPending", HOME);
    });

    it("refuses keys that serve already, and whoever is not entitled", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { key, account, recovery } = cloudOf(world, HOME);
      const acceptance = await accept(world, NEXT_KEY, HOME, "Account");

      await expectRefusal(
        world,
        announceReplacement(world, HOME, key, NEXT_RECOVERY),
        "CloudRegistry_SameKey",
        HOME,
        account,
      );
      await expectRefusal(
        world,
        announceReplacement(world, HOME, NEXT_KEY, recovery),
        "CloudRegistry_SameKey",
        HOME,
        recovery.address,
      );
      await expectRefusal(
        world,
        asStranger(world).cancelReplacement(HOME),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.stranger.address,
      );
      await expectRefusal(world, asAccount(world, HOME).cancelReplacement(HOME), "CloudRegistry_NothingPending", HOME);
      for (const sent of [
        () => asStranger(world).announceReplacement(HOME, NEXT_KEY, NEXT_RECOVERY, acceptance, acceptance),
        () => asStranger(world).withdrawReplacement(HOME),
      ]) {
        await expectRefusal(world, sent(), "AccessManagedUnauthorized", world.stranger.address);
      }
      for (const sent of [
        () => asGovernance(world).withdrawReplacement(UNKNOWN),
        () => asStranger(world).executeReplacement(UNKNOWN),
        () => announceReplacement(world, UNKNOWN, NEXT_KEY, NEXT_RECOVERY),
      ]) {
        await expectRefusal(world, sent(), "CloudRegistry_UnknownCloud", UNKNOWN);
      }
    });
  });

  describe("accountAt", function () {
    it("tells the account of every moment", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const { account } = cloudOf(world, HOME);
      const foundedAt = (await registry.lastMembershipChangeAt()) * 1_000n;
      const recoveredAt = await timeOf(world, recover(world, HOME, NEXT_KEY));
      await pass(world, 100);

      for (const [time, expected] of [
        [0n, ZeroAddress],
        [foundedAt - 1n, ZeroAddress],
        [foundedAt, account],
        [recoveredAt - 1n, account],
        [recoveredAt, NEXT_KEY.address],
        [await nowMs(world), NEXT_KEY.address],
      ] as const) {
        expect(await registry.accountAt(HOME, time), `at ${time}`).to.equal(expected);
      }
    });

    it("refuses an unknown cloud", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await expectRefusal(world, world.registry.accountAt(UNKNOWN, 0), "CloudRegistry_UnknownCloud", UNKNOWN);
    });
  });
});
