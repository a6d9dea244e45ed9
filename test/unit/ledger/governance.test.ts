import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { network } from "hardhat";

import { DEFAULT_PARAMETERS } from "../../../ignition/parameters.js";
import { MigrationLedger__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { MigrationLedgerChanges__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedgerChanges__factory.js";
import { MigrationLedgerExits__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedgerExits__factory.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOUR,
  MINUTE,
  SIZE,
  as,
  deployLedger,
  federation,
  nextBlockAt,
  nowSeconds,
  record,
  recordOf,
  register,
  succeed,
  successionOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

/** Hard limits of design section 9, in seconds. */
const LIMITS: Readonly<Record<keyof typeof DEFAULT_PARAMETERS, readonly [least: number, most: number]>> = {
  agreeWithin: [MINUTE, DAY],
  startWithin: [MINUTE, 3 * DAY],
  completeWithin: [MINUTE, 14 * DAY],
  startLead: [10 * MINUTE, DAY],
  tolerance: [MINUTE, DAY],
  lossWait: [5 * MINUTE, DAY],
  retention: [DAY, 365 * DAY],
};

describe("MigrationLedger", function () {
  describe("closeForNew", function () {
    it("closes for good and is for governance", async function () {
      const world = await networkHelpers.loadFixture(federation);
      expect(await world.ledger.isClosed()).to.equal(false);
      for (const sender of [world.guardian, world.deployer, world.clouds[0]!.key]) {
        await expectRefusal(
          world,
          world.ledger.connect(sender).closeForNew(),
          "AccessManagedUnauthorized",
          sender.address,
        );
      }

      await expect(world.ledger.connect(world.governance).closeForNew()).to.emit(world.ledger, "ClosedForNew");

      expect(await world.ledger.isClosed()).to.equal(true);
    });
  });

  describe("setSuccessor", function () {
    it("names the successor, again and again, until a VM has gone there", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const governed = world.ledger.connect(world.governance);
      await expectRefusal(
        world,
        world.ledger.connect(world.guardian).setSuccessor(world.stranger.address),
        "AccessManagedUnauthorized",
        world.guardian.address,
      );

      await expect(governed.setSuccessor(world.guardian.address))
        .to.emit(world.ledger, "SuccessorSet")
        .withArgs(world.guardian.address);
      await governed.setSuccessor(ZeroAddress);
      await governed.setSuccessor(world.stranger.address);
      expect(await world.ledger.successor()).to.equal(world.stranger.address);
      await succeed(world, await successionOf(world, vm, world.stranger.address));

      await expectRefusal(
        world,
        governed.setSuccessor(world.guardian.address),
        "MigrationLedger_SuccessorInUse",
        world.stranger.address,
      );
    });
  });

  describe("pauseNew", function () {
    it("pauses for at most 72 hours and is for the guardian", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const most = 72 * HOUR;
      await expectRefusal(
        world,
        world.ledger.connect(world.governance).pauseNew(1),
        "AccessManagedUnauthorized",
        world.governance.address,
      );
      for (const duration of [0, most + 1]) {
        await expectRefusal(
          world,
          world.ledger.connect(world.guardian).pauseNew(duration),
          "MigrationLedger_ParameterOutOfRange",
          "duration",
          duration,
          1,
          most,
        );
      }
      const at = (await nowSeconds(world)) + 10;
      await nextBlockAt(world, at);

      await expect(world.ledger.connect(world.guardian).pauseNew(most))
        .to.emit(world.ledger, "NewPaused")
        .withArgs(at + most);

      expect(await world.ledger.newPausedUntil()).to.equal(at + most);
    });

    for (const [offset, allowed] of [
      [-1, false],
      [0, true],
      [1, true],
    ] as const) {
      it(`${allowed ? "pauses" : "reverts"} ${offset} s from 30 days after the last pause, even one that was ended`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const guarded = world.ledger.connect(world.guardian);
        await guarded.pauseNew(1);
        const next = (await nowSeconds(world)) + 30 * DAY;
        await nextBlockAt(world, next + offset);
        const sent = guarded.pauseNew(HOUR);

        if (allowed) await sent;
        else await expectRefusal(world, sent, "MigrationLedger_PausedRecently", next);
      });
    }
  });

  describe("resumeNew", function () {
    it("ends a pause early, at its last second too, and not one that is over", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const guarded = world.ledger.connect(world.guardian);
      await expectRefusal(world, guarded.resumeNew(), "MigrationLedger_NotPaused");
      await guarded.pauseNew(100);
      const until = Number(await world.ledger.newPausedUntil());
      await expectRefusal(world, world.ledger.resumeNew(), "AccessManagedUnauthorized", world.stranger.address);
      const before = await networkHelpers.takeSnapshot();
      await nextBlockAt(world, until + 1);
      await expectRefusal(world, guarded.resumeNew(), "MigrationLedger_NotPaused");
      await before.restore();
      await nextBlockAt(world, until);

      await expect(guarded.resumeNew()).to.emit(world.ledger, "NewResumed");

      expect(await world.ledger.newPausedUntil()).to.equal(0);
      await register(world);
    });
  });

  describe("setParameters", function () {
    it("sets all limits and is for governance", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const next = Object.fromEntries(
        Object.entries(LIMITS).map(([name, [least]]) => [name, least + 1]),
      ) as unknown as typeof DEFAULT_PARAMETERS;
      await expectRefusal(
        world,
        world.ledger.connect(world.guardian).setParameters(next),
        "AccessManagedUnauthorized",
        world.guardian.address,
      );

      await expect(world.ledger.connect(world.governance).setParameters(next))
        .to.emit(world.ledger, "ParametersSet")
        .withArgs(Object.values(next));

      expect(await world.ledger.parameters()).to.deep.equal(Object.values(next).map(BigInt));
    });

    for (const [name, [least, most]] of Object.entries(LIMITS)) {
      it(`keeps ${name} within ${least} and ${most} s (INV-PARAM)`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const set = (value: number) =>
          world.ledger.connect(world.governance).setParameters({ ...DEFAULT_PARAMETERS, [name]: value });

        for (const value of [least, least + 1, most - 1, most]) await set(value);
        for (const value of [0, least - 1, most + 1]) {
          await expectRefusal(world, set(value), "MigrationLedger_ParameterOutOfRange", name, value, least, most);
        }
      });
    }

    it("governs what comes after: a shorter tolerance", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      await world.ledger.connect(world.governance).setParameters({ ...DEFAULT_PARAMETERS, tolerance: MINUTE });
      await networkHelpers.time.increase(HOUR);
      const at = (await nowSeconds(world)) + 5;
      const time = BigInt(at - MINUTE) * 1_000n - 1n;
      const document = await recordOf(world, [vm], { releasedAt: time, runningAt: time });
      await nextBlockAt(world, at);

      await expectRefusal(world, record(world, document), "MigrationLedger_TimeOutOfRange", vm, time, time + 1n, time);
    });
  });

  describe("constructor", function () {
    it("starts with the limits given, within their hard limits (INV-PARAM)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const ledger = await deployLedger(world, ZeroAddress, { tolerance: 77 });
      expect((await ledger.parameters()).tolerance).to.equal(77n);
      expect(await ledger.registry()).to.equal(await world.registry.getAddress());
      expect(await ledger.exchange()).to.equal(await world.exchange.getAddress());
      expect(await ledger.predecessor()).to.equal(ZeroAddress);

      await expectRefusal(
        world,
        deployLedger(world, ZeroAddress, { tolerance: DAY + 1 }),
        "MigrationLedger_ParameterOutOfRange",
        "tolerance",
        DAY + 1,
        MINUTE,
        DAY,
      );
    });

    it("refuses parts that were deployed for something else", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { deployer, authority, registry, exchange } = world;
      const Exits = new MigrationLedgerExits__factory(deployer);
      const Changes = new MigrationLedgerChanges__factory(deployer);
      const exits = await Exits.deploy(authority, registry, exchange, ZeroAddress);
      const changes = await Changes.deploy(authority, registry, exchange, ZeroAddress);
      const deploy = (someExits: typeof exits, someChanges: typeof changes) =>
        new MigrationLedger__factory(deployer).deploy(
          authority,
          registry,
          exchange,
          ZeroAddress,
          someExits,
          someChanges,
          DEFAULT_PARAMETERS,
        );
      await deploy(exits, changes);

      for (const [registry_, exchange_, predecessor] of [
        [exchange, exchange, ZeroAddress],
        [registry, registry, ZeroAddress],
        [registry, exchange, world.ledger],
      ] as const) {
        const otherExits = await Exits.deploy(authority, registry_, exchange_, predecessor);
        const otherChanges = await Changes.deploy(authority, registry_, exchange_, predecessor);
        await expectRefusal(
          world,
          deploy(otherExits, changes),
          "MigrationLedger_WrongPart",
          await otherExits.getAddress(),
        );
        await expectRefusal(
          world,
          deploy(exits, otherChanges),
          "MigrationLedger_WrongPart",
          await otherChanges.getAddress(),
        );
      }
    });

    it("has parts that hold nothing of their own: what is done to them directly touches no ledger", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const changes = MigrationLedgerChanges__factory.connect(
        await MigrationLedger__factory.connect(await world.ledger.getAddress(), world.stranger).CHANGES(),
        world.clouds[HOME - 1]!.key,
      );
      const exits = MigrationLedgerExits__factory.connect(await world.ledger.EXITS(), world.clouds[HOME - 1]!.key);
      const vm = await world.ledger.vmIdOf(HOME, `0x${"11".repeat(32)}`);
      await changes.register(HOME, `0x${"11".repeat(32)}`, SIZE);

      await expectRefusal(world, world.ledger.vmOf(vm), "MigrationLedger_UnknownVm", vm);
      await as(world, HOME).register(HOME, `0x${"11".repeat(32)}`, SIZE);
      await expect(exits.leave(HOME)).to.be.revertedWithCustomError(world.registry, "AccessManagedUnauthorized");
      await expect(changes.closeForNew()).to.be.revertedWithCustomError(world.registry, "AccessManagedUnauthorized");
    });
  });
});
