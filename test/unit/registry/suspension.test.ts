import { expect } from "chai";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import { CloudStatus } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  FOURTH,
  HOME,
  HOST,
  UNKNOWN,
  cloudOf,
  federation,
  lift,
  nextBlockAt,
  pass,
  timeOf,
} from "../../fixtures/federation.js";
import {
  DAY_MS,
  NO_END,
  accept,
  asAccount,
  asGovernance,
  asGuardian,
  asRecovery,
  asStranger,
  markLeft,
  registryOf,
} from "../../fixtures/registry.js";

const { networkHelpers } = await network.create();

const NONE = 0;
const SELF = 1;
const GUARDIAN = 2;
const CONFIRMED = 3;

const DAY = 86_400;

async function sevenClouds(connection: NetworkConnection) {
  return registryOf(connection, 7);
}

describe("CloudRegistry: suspension", function () {
  describe("suspend", function () {
    it("suspends for seven days, after which the status reads Active by itself", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;

      const sent = asGuardian(world).suspend(HOME);

      const at = await timeOf(world, sent);
      const until = at + 7n * DAY_MS;
      await expect(sent)
        .to.emit(registry, "CloudSuspended")
        .withArgs(HOME, GUARDIAN, until, at + 30n * DAY_MS);
      const view = await registry.cloudOf(HOME);
      expect([view.status, view.suspension, view.suspendedUntil, view.guardianAgainAt]).to.deep.equal([
        BigInt(CloudStatus.Suspended),
        BigInt(GUARDIAN),
        until,
        at + 30n * DAY_MS,
      ]);
      expect(await registry.guardianHeld()).to.equal(1);

      for (const [time, status] of [
        [until / 1_000n - 1n, CloudStatus.Suspended],
        [until / 1_000n, CloudStatus.Suspended],
        [until / 1_000n + 1n, CloudStatus.Active],
      ] as const) {
        await networkHelpers.time.increaseTo(time);
        expect(await registry.statusOf(HOME), `at ${time}`).to.equal(status);
      }
      const lapsed = await registry.cloudOf(HOME);
      expect([lapsed.status, lapsed.suspension, lapsed.suspendedUntil]).to.deep.equal([1n, BigInt(NONE), 0n]);
    });

    it("refuses the same cloud again before 30 days have passed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const at = await timeOf(world, asGuardian(world).suspend(HOME));
      const againAt = at + 30n * DAY_MS;
      await nextBlockAt(world, againAt / 1_000n - 1n);

      await expectRefusal(
        world,
        asGuardian(world).suspend(HOME),
        "CloudRegistry_GuardianMustWait",
        HOME,
        againAt,
        againAt - 1_000n,
      );

      await nextBlockAt(world, againAt / 1_000n);
      await expect(asGuardian(world).suspend(HOME))
        .to.emit(world.registry, "CloudSuspended")
        .withArgs(HOME, GUARDIAN, againAt + 7n * DAY_MS, againAt + 30n * DAY_MS);
      expect(await world.registry.guardianHeld()).to.equal(1);
    });

    it("must wait as well after governance lifted it, but not after governance confirmed it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const at = await timeOf(world, asGuardian(world).suspend(HOME));
      const lifted = await timeOf(world, asGovernance(world).liftSuspension(HOME));

      await nextBlockAt(world, lifted / 1_000n + 100n);
      await expectRefusal(
        world,
        asGuardian(world).suspend(HOME),
        "CloudRegistry_GuardianMustWait",
        HOME,
        at + 30n * DAY_MS,
        lifted + 100_000n,
      );

      await asGovernance(world).confirmSuspension(HOME);
      await lift(world, HOME);
      await asGuardian(world).suspend(HOME);
      expect(await world.registry.statusOf(HOME)).to.equal(CloudStatus.Suspended);
    });

    it("refuses what is not Active", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGuardian(world).suspend(HOME);
      await asGovernance(world).expel(HOST);
      await markLeft(world, FOURTH);

      for (const [cloud, status] of [
        [HOME, CloudStatus.Suspended],
        [HOST, CloudStatus.Expelled],
        [FOURTH, CloudStatus.Left],
      ] as const) {
        await expectRefusal(world, asGuardian(world).suspend(cloud), "CloudRegistry_WrongStatus", cloud, status);
      }
      await expectRefusal(world, asGuardian(world).suspend(UNKNOWN), "CloudRegistry_UnknownCloud", UNKNOWN);
    });

    it("is for the guardian only", async function () {
      const world = await networkHelpers.loadFixture(federation);

      for (const sender of [world.stranger, world.governance, cloudOf(world, HOME).key]) {
        await expectRefusal(
          world,
          world.registry.connect(sender).suspend(HOST),
          "AccessManagedUnauthorized",
          sender.address,
        );
      }
    });
  });

  describe("limit of the guardian", function () {
    for (const [members, limit] of [
      [1, 1],
      [2, 1],
      [4, 1],
      [6, 1],
      [7, 2],
      [9, 2],
      [10, 3],
    ] as const) {
      it(`is ${limit} of ${members} members`, async function () {
        const connection = await network.create();
        const { registry } = await registryOf(connection, members);

        expect(await registry.guardianLimit()).to.equal(limit);
      });
    }

    it("is not exceeded; a lapsed suspension counts until somebody ends it", async function () {
      const { registry, guardian } = await networkHelpers.loadFixture(sevenClouds);
      const as = registry.connect(guardian);
      await as.suspend(1);
      await as.suspend(2);

      await expect(as.suspend(3))
        .to.be.revertedWithCustomError(registry, "CloudRegistry_GuardianAtLimit")
        .withArgs(2, 2);

      await networkHelpers.time.increase(7 * DAY + 10);
      expect(await registry.statusOf(1)).to.equal(CloudStatus.Active);
      expect(await registry.guardianHeld()).to.equal(2);
      await expect(as.suspend(3))
        .to.be.revertedWithCustomError(registry, "CloudRegistry_GuardianAtLimit")
        .withArgs(2, 2);
      await registry.endLapsedSuspension(1);
      await as.suspend(3);
      expect(await registry.guardianHeld()).to.equal(2);
    });

    it("is freed by a confirmation, a lifting, an expulsion and a self-suspension after the lapse", async function () {
      const { registry, guardian, governance } = await networkHelpers.loadFixture(sevenClouds);
      const byGuardian = registry.connect(guardian);
      const byGovernance = registry.connect(governance);

      await byGuardian.suspend(1);
      await byGovernance.confirmSuspension(1);
      expect(await registry.guardianHeld()).to.equal(0);
      await byGuardian.suspend(2);
      await byGovernance.liftSuspension(2);
      expect(await registry.guardianHeld()).to.equal(0);
      await byGuardian.suspend(3);
      await byGovernance.expel(3);
      expect(await registry.guardianHeld()).to.equal(0);
    });
  });

  describe("endLapsedSuspension", function () {
    it("takes a lapsed suspension off the count, by anyone", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const until = (await timeOf(world, asGuardian(world).suspend(HOME))) + 7n * DAY_MS;
      await nextBlockAt(world, until / 1_000n);

      await expectRefusal(
        world,
        asStranger(world).endLapsedSuspension(HOME),
        "CloudRegistry_NotLapsed",
        HOME,
        until,
        until,
      );

      await nextBlockAt(world, until / 1_000n + 1n);
      await expect(asStranger(world).endLapsedSuspension(HOME))
        .to.emit(world.registry, "SuspensionLapsed")
        .withArgs(HOME);
      expect(await world.registry.guardianHeld()).to.equal(0);
      expect(await world.registry.statusOf(HOME)).to.equal(CloudStatus.Active);
    });

    it("refuses a suspension without an end, and where there is none", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGovernance(world).confirmSuspension(HOME);
      const at = await networkHelpers.time.latest();
      await nextBlockAt(world, at + 10);

      await expectRefusal(
        world,
        asStranger(world).endLapsedSuspension(HOME),
        "CloudRegistry_NotLapsed",
        HOME,
        NO_END,
        BigInt(at + 10) * 1_000n,
      );
      await nextBlockAt(world, at + 20);
      await expectRefusal(
        world,
        asStranger(world).endLapsedSuspension(HOST),
        "CloudRegistry_NotLapsed",
        HOST,
        0,
        BigInt(at + 20) * 1_000n,
      );
      await expectRefusal(world, asStranger(world).endLapsedSuspension(UNKNOWN), "CloudRegistry_UnknownCloud", UNKNOWN);
    });
  });

  describe("suspendSelf and liftOwnSuspension", function () {
    it("suspends without an end; the recovery address lifts it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;

      await expect(asAccount(world, HOME).suspendSelf(HOME))
        .to.emit(registry, "CloudSuspended")
        .withArgs(HOME, SELF, NO_END, 0);
      await pass(world, 400 * DAY);
      expect(await registry.statusOf(HOME)).to.equal(CloudStatus.Suspended);
      expect(await registry.guardianHeld()).to.equal(0);

      await expect(asRecovery(world, HOME).liftOwnSuspension(HOME))
        .to.emit(registry, "SuspensionLifted")
        .withArgs(HOME, cloudOf(world, HOME).recovery.address);
      expect(await registry.statusOf(HOME)).to.equal(CloudStatus.Active);
    });

    it("takes the place of a lapsed suspension of the guardian", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGuardian(world).suspend(HOME);
      await pass(world, 8 * DAY);

      await asAccount(world, HOME).suspendSelf(HOME);

      expect(await world.registry.guardianHeld()).to.equal(0);
      expect((await world.registry.cloudOf(HOME)).suspension).to.equal(SELF);
    });

    it("refuses who is suspended already, and who is not the account", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGuardian(world).suspend(HOME);
      await asGovernance(world).expel(HOST);

      await expectRefusal(
        world,
        asAccount(world, HOME).suspendSelf(HOME),
        "CloudRegistry_WrongStatus",
        HOME,
        CloudStatus.Suspended,
      );
      await expectRefusal(
        world,
        asAccount(world, HOST).suspendSelf(HOST),
        "CloudRegistry_WrongStatus",
        HOST,
        CloudStatus.Expelled,
      );
      await expectRefusal(
        world,
        asRecovery(world, FOURTH).suspendSelf(FOURTH),
        "CloudRegistry_NotAuthorized",
        FOURTH,
        cloudOf(world, FOURTH).recovery.address,
      );
      await expectRefusal(world, asStranger(world).suspendSelf(UNKNOWN), "CloudRegistry_UnknownCloud", UNKNOWN);
    });

    it("lifts nothing but the cloud's own suspension", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const own = async (kind: number) =>
        expectRefusal(
          world,
          asRecovery(world, HOME).liftOwnSuspension(HOME),
          "CloudRegistry_NotOwnSuspension",
          HOME,
          kind,
        );

      await own(NONE);
      await asGuardian(world).suspend(HOME);
      await own(GUARDIAN);
      await asGovernance(world).confirmSuspension(HOME);
      await own(CONFIRMED);
      await lift(world, HOME);
      await asAccount(world, HOME).suspendSelf(HOME);
      await asGovernance(world).confirmSuspension(HOME);
      await own(CONFIRMED);
      await expectRefusal(
        world,
        asAccount(world, HOME).liftOwnSuspension(HOME),
        "CloudRegistry_NotAuthorized",
        HOME,
        cloudOf(world, HOME).account,
      );
      await expectRefusal(world, asStranger(world).liftOwnSuspension(UNKNOWN), "CloudRegistry_UnknownCloud", UNKNOWN);
    });
  });

  describe("confirmSuspension and liftSuspension", function () {
    it("makes the guardian's suspension last, lapsed or not", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await asGuardian(world).suspend(HOME);
      await pass(world, 8 * DAY);

      await expect(asGovernance(world).confirmSuspension(HOME))
        .to.emit(registry, "CloudSuspended")
        .withArgs(HOME, CONFIRMED, NO_END, 0);

      await pass(world, 400 * DAY);
      expect(await registry.statusOf(HOME)).to.equal(CloudStatus.Suspended);
      expect(await registry.guardianHeld()).to.equal(0);
    });

    it("lifts every kind", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry, governance } = world;
      await asGuardian(world).suspend(HOME);
      await asAccount(world, HOST).suspendSelf(HOST);
      await asGovernance(world).confirmSuspension(FOURTH);

      for (const cloud of [HOME, HOST, FOURTH]) {
        await expect(asGovernance(world).liftSuspension(cloud))
          .to.emit(registry, "SuspensionLifted")
          .withArgs(cloud, governance.address);
        expect(await registry.statusOf(cloud)).to.equal(CloudStatus.Active);
      }
      expect(await registry.guardianHeld()).to.equal(0);
    });

    it("refuses what is confirmed already, what is no member, and what is not suspended", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGovernance(world).confirmSuspension(HOME);
      await asGovernance(world).expel(HOST);

      await expectRefusal(world, asGovernance(world).confirmSuspension(HOME), "CloudRegistry_AlreadyConfirmed", HOME);
      await expectRefusal(
        world,
        asGovernance(world).confirmSuspension(HOST),
        "CloudRegistry_WrongStatus",
        HOST,
        CloudStatus.Expelled,
      );
      await expectRefusal(
        world,
        asGovernance(world).liftSuspension(FOURTH),
        "CloudRegistry_WrongStatus",
        FOURTH,
        CloudStatus.Active,
      );
      for (const sent of [
        () => asGovernance(world).confirmSuspension(UNKNOWN),
        () => asGovernance(world).liftSuspension(UNKNOWN),
      ]) {
        await expectRefusal(world, sent(), "CloudRegistry_UnknownCloud", UNKNOWN);
      }
    });

    it("is for governance only", async function () {
      const world = await networkHelpers.loadFixture(federation);

      for (const sent of [
        () => asGuardian(world).confirmSuspension(HOME),
        () => asGuardian(world).liftSuspension(HOME),
      ]) {
        await expectRefusal(world, sent(), "AccessManagedUnauthorized", world.guardian.address);
      }
    });

    it("is not survived by an expulsion: who comes back is Active", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGovernance(world).confirmSuspension(HOME);
      await asGovernance(world).expel(HOME);
      const acceptance = await accept(world, cloudOf(world, HOME).key, HOME, "Account");

      await asGovernance(world).readmit(HOME, acceptance);

      expect(await world.registry.statusOf(HOME)).to.equal(CloudStatus.Active);
    });
  });
});
