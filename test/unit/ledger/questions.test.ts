import { expect } from "chai";
import { type Interface, ZeroHash } from "ethers";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import { DocumentKind, agreementId, publicMove } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  MINUTE,
  OTHER,
  SIZE,
  UNKNOWN,
  UNREGISTERED,
  abroad,
  agree,
  agreed,
  as,
  complete,
  evacuate,
  evacuationOf,
  federation,
  handoverOf,
  lost,
  moveOf,
  nowMs,
  pass,
  record,
  recordOf,
  register,
  sign,
  start,
  suspend,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const [HOSTING, PAUSE] = [1n, 2n];

/** A VM with a history: at home, a record with a pause, a move with a pause, stopped, restored, and the times of it. */
async function history(connection: NetworkConnection) {
  const world = await federation(connection);
  const vm = await register(world);
  const registered = await nowMs(world);
  await pass(world, 100);
  const released = (await nowMs(world)) - 30_500n;
  const running = released + 10_250n;
  const first = await recordOf(world, [vm], { releasedAt: released, runningAt: running });
  await record(world, first);
  await pass(world, 100);
  const move = await moveOf(world, [vm], { destination: OTHER });
  await agree(world, move);
  await start(world, move);
  const handedOver = (await nowMs(world)) + 1_001n;
  await pass(world, 20);
  const handover = await handoverOf(world, move, { releasedAt: handedOver });
  await complete(world, move, handover, await sign(world, "Handover", handover, [OTHER, HOST]));
  const completed = await nowMs(world);
  await pass(world, 100);
  await as(world, HOME).stop(vm);
  const stopped = await nowMs(world);
  await pass(world, 100);
  await as(world, HOME).restore(vm);
  const restored = await nowMs(world);
  await pass(world, 100);
  const now = await nowMs(world);
  const times = { registered, released, running, handedOver, completed, stopped, restored, now };
  return { world, vm, first, move, times };
}

describe("MigrationLedger", function () {
  describe("hostAt", function () {
    it("knows the host at every edge of every stay and pause (INV-HOST)", async function () {
      const { world, vm, times: at } = await networkHelpers.loadFixture(history);
      const rows: readonly [time: bigint, host: number][] = [
        [0n, 0],
        [at.registered - 1n, 0],
        [at.registered, HOME],
        [at.released - 1n, HOME],
        [at.released, 0],
        [at.running - 1n, 0],
        [at.running, HOST],
        [at.handedOver - 1n, HOST],
        [at.handedOver, 0],
        [at.completed - 1n, 0],
        [at.completed, OTHER],
        [at.stopped - 1n, OTHER],
        [at.stopped, 0],
        [at.restored - 1n, 0],
        [at.restored, HOME],
        [at.now, HOME],
      ];
      for (const [time, host] of rows) {
        expect(await world.ledger.hostAt(vm, time), `at ${time - at.registered}`).to.equal(host);
      }
    });

    it("reverts for the future and for unknown VMs", async function () {
      const { world, vm, times } = await networkHelpers.loadFixture(history);
      const far = times.now + 1_000_000n;

      await expect(world.ledger.hostAt(vm, far)).to.be.revertedWithCustomError(
        world.ledger,
        "MigrationLedger_TimeInFuture",
      );
      await expectRefusal(world, world.ledger.hostAt(UNREGISTERED, 1n), "MigrationLedger_UnknownVm", UNREGISTERED);
    });

    it("does not change for times older than the tolerance, whatever is recorded", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      await pass(world, DAY);
      const final = (await nowMs(world)) - BigInt(15 * MINUTE) * 1_000n;
      const before = await world.ledger.hostAt(vm, final);
      await expect(
        record(world, await recordOf(world, [vm], { destination: OTHER, releasedAt: final, runningAt: final })),
      ).to.be.revertedWithCustomError(world.ledger, "MigrationLedger_TimeOutOfRange");

      expect(await world.ledger.hostAt(vm, final)).to.equal(before);
    });
  });

  describe("stays", function () {
    it("gives them from a number on, at most so many (INV-SEQ)", async function () {
      const { world, vm, times: at } = await networkHelpers.loadFixture(history);

      const all = await world.ledger.stays(vm, 1, 100);

      expect(all.map(({ host, startedAt, endedAt }) => [host, startedAt, endedAt])).to.deep.equal([
        [1n, at.registered, at.released],
        [2n, at.running, at.handedOver],
        [3n, at.completed, at.stopped],
        [1n, at.restored, 0n],
      ]);
      expect((await world.ledger.stays(vm, 2, 2)).map(({ host }) => host)).to.deep.equal([2n, 3n]);
      expect(await world.ledger.stays(vm, 4, 0)).to.deep.equal([]);
    });

    it("reverts for numbers that do not exist, and unknown VMs", async function () {
      const { world, vm } = await networkHelpers.loadFixture(history);

      await expectRefusal(world, world.ledger.stays(vm, 0, 1), "MigrationLedger_UnknownStay", vm, 0);
      await expectRefusal(world, world.ledger.stays(vm, 5, 1), "MigrationLedger_UnknownStay", vm, 5);
      await expectRefusal(world, world.ledger.stays(UNREGISTERED, 1, 1), "MigrationLedger_UnknownVm", UNREGISTERED);
    });
  });

  describe("stayOf", function () {
    it("tells of each stay whose, where, when, after what, and under which agreement (INV-HOST)", async function () {
      const { world, vm, first, move, times: at } = await networkHelpers.loadFixture(history);
      const { None, Record, Move } = DocumentKind;

      for (const [index, expected] of [
        [1n, at.registered, at.released, 0n, None, ZeroHash],
        [2n, at.running, at.handedOver, at.released, Record, agreementId(first.agreement)],
        [3n, at.completed, at.stopped, at.handedOver, Move, agreementId(move.agreement)],
        [1n, at.restored, 0n, at.stopped, None, ZeroHash],
      ].entries()) {
        const found = await world.ledger.stayOf(vm, index + 1);
        const { host, startedAt, endedAt, previousEndedAt, kind, agreement } = found;
        expect([host, startedAt, endedAt, previousEndedAt, Number(kind), agreement]).to.deep.equal(expected);
        expect(found.home).to.equal(HOME);
      }
    });

    it("reverts for numbers that do not exist, and unknown VMs", async function () {
      const { world, vm } = await networkHelpers.loadFixture(history);

      await expectRefusal(world, world.ledger.stayOf(vm, 0), "MigrationLedger_UnknownStay", vm, 0);
      await expectRefusal(world, world.ledger.stayOf(vm, 5), "MigrationLedger_UnknownStay", vm, 5);
      await expectRefusal(world, world.ledger.stayOf(UNREGISTERED, 1), "MigrationLedger_UnknownVm", UNREGISTERED);
    });
  });

  describe("agreementOf", function () {
    it("names the agreement of each stay, none at home", async function () {
      const { world, vm, first, move } = await networkHelpers.loadFixture(history);

      for (const [sequence, agreement] of [
        [1, ZeroHash],
        [2, agreementId(first.agreement)],
        [3, agreementId(move.agreement)],
        [4, ZeroHash],
      ] as const) {
        const [number, found] = await world.ledger.agreementOf(vm, sequence);
        expect(found).to.equal(agreement);
        expect(await world.ledger.agreementAt(number)).to.equal(agreement);
      }
      await expectRefusal(world, world.ledger.agreementOf(vm, 5), "MigrationLedger_UnknownStay", vm, 5);
      await expectRefusal(world, world.ledger.agreementOf(vm, 0), "MigrationLedger_UnknownStay", vm, 0);
    });
  });

  describe("responsibleDuring", function () {
    it("names hosts and pauses in order, without gaps but where nobody answers", async function () {
      const { world, vm, times: at } = await networkHelpers.loadFixture(history);

      const list = await world.ledger.responsibleDuring(vm, 0, at.now);

      expect(list.map(({ cloud, from, to, duty }) => [cloud, from, to, duty])).to.deep.equal([
        [1n, at.registered, at.released, HOSTING],
        [2n, at.released, at.running, PAUSE],
        [2n, at.running, at.handedOver, HOSTING],
        [3n, at.handedOver, at.completed, PAUSE],
        [3n, at.completed, at.stopped, HOSTING],
        [1n, at.restored, at.now, HOSTING],
      ]);
    });

    it("cuts at the interval asked for, within a stay, a pause, or between", async function () {
      const { world, vm, times: at } = await networkHelpers.loadFixture(history);
      const ask = async (from: bigint, to: bigint) =>
        (await world.ledger.responsibleDuring(vm, from, to)).map(({ cloud, from: a, to: b, duty }) => [
          cloud,
          a,
          b,
          duty,
        ]);

      expect(await ask(at.running + 1n, at.running + 2n)).to.deep.equal([
        [2n, at.running + 1n, at.running + 2n, HOSTING],
      ]);
      expect(await ask(at.released + 1n, at.released + 2n)).to.deep.equal([
        [2n, at.released + 1n, at.released + 2n, PAUSE],
      ]);
      expect(await ask(at.released - 1n, at.released + 1n)).to.deep.equal([
        [1n, at.released - 1n, at.released, HOSTING],
        [2n, at.released, at.released + 1n, PAUSE],
      ]);
      expect(await ask(at.stopped, at.restored)).to.deep.equal([]);
      expect(await ask(0n, at.registered)).to.deep.equal([]);
      expect(await ask(at.now - 1n, at.now)).to.deep.equal([[1n, at.now - 1n, at.now, HOSTING]]);
    });

    it("leaves out the time between the loss of a VM and its evacuation", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      const declaredAt = (await vmOf(world, vm)).mark * 1_000n;
      await pass(world, 15 * MINUTE);
      await evacuate(world, await evacuationOf(world, [vm]));
      const evacuated = await nowMs(world);
      await pass(world, 60);
      const now = await nowMs(world);

      const list = await world.ledger.responsibleDuring(vm, declaredAt - 1n, now);

      expect(list.map(({ cloud, from, to, duty }) => [cloud, from, to, duty])).to.deep.equal([
        [2n, declaredAt - 1n, declaredAt, HOSTING],
        [3n, evacuated, now, HOSTING],
      ]);
    });

    it("reverts for empty intervals, the future, and unknown VMs", async function () {
      const { world, vm, times } = await networkHelpers.loadFixture(history);

      await expectRefusal(world, world.ledger.responsibleDuring(vm, 5, 5), "MigrationLedger_EmptyInterval", 5, 5);
      await expectRefusal(world, world.ledger.responsibleDuring(vm, 6, 5), "MigrationLedger_EmptyInterval", 6, 5);
      await expect(world.ledger.responsibleDuring(vm, 5, times.now + 1_000_000n)).to.be.revertedWithCustomError(
        world.ledger,
        "MigrationLedger_TimeInFuture",
      );
      await expectRefusal(
        world,
        world.ledger.responsibleDuring(UNREGISTERED, 1, 2),
        "MigrationLedger_UnknownVm",
        UNREGISTERED,
      );
    });
  });

  describe("canAgree", function () {
    it("is empty for what agree would take, and the revert data for what it would not", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const can = async (changes: Parameters<typeof moveOf>[2] = {}) =>
        world.ledger.canAgree(publicMove(await moveOf(world, [vm], changes)));
      const error = (name: string, args: unknown[]) => {
        const untyped: Interface = (name.startsWith("Cap") ? world.exchange : world.ledger).interface;
        return untyped.encodeErrorResult(name, args);
      };

      expect(await can()).to.equal("0x");
      expect(await can({ destination: HOME })).to.equal(error("MigrationLedger_HostIsDestination", [HOME]));
      expect(await can({ site: 9 })).to.equal(error("CapacityExchange_NoOffer", [HOST, 9]));
      expect(await can({ line: { nonce: 3 } })).to.equal(error("MigrationLedger_StaleNonce", [vm, 1, 3]));
      expect(await can({ destination: UNKNOWN })).to.equal(error("MigrationLedger_StatusForbids", [UNKNOWN, 0]));
      await suspend(world, HOST);
      expect(await can()).to.equal(error("MigrationLedger_StatusForbids", [HOST, 2]));
    });

    it("is the very refusal of agree", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      await agreed(world, [vm]);
      const move = await moveOf(world, [vm], { destination: OTHER });

      await expectRefusal(world, agree(world, move), "MigrationLedger_WrongState", vm, 3);
      expect(await world.ledger.canAgree(publicMove(move))).to.equal(
        world.ledger.interface.encodeErrorResult("MigrationLedger_WrongState", [vm, 3]),
      );
      await expectRefusal(world, world.ledger.checkAgree(publicMove(move)), "MigrationLedger_WrongState", vm, 3);
    });

    it("does not take a lack of gas for a yes", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const document = publicMove(await moveOf(world, [await register(world)]));

      // With so little gas either the question itself runs out, or it says that it could not find out: never "0x".
      let named = 0;
      for (let gasLimit = 30_000; gasLimit < 140_000; gasLimit += 1_000) {
        const data = world.ledger.interface.encodeFunctionData("canAgree", [document]);
        const answer = await world.connection.ethers.provider
          .call({ to: await world.ledger.getAddress(), data, gasLimit })
          .catch((error: unknown) => String((error as { data?: string }).data ?? error));
        if (answer.includes(world.ledger.interface.getError("MigrationLedger_NoAnswer")!.selector.slice(2))) ++named;
      }
      expect(named).to.be.greaterThan(0);
    });
  });

  describe("canHost, committedOf", function () {
    it("counts what is committed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await abroad(world);
      const { vcpuMilli } = await world.ledger.committedOf(HOST, 0);
      expect(vcpuMilli).to.equal(SIZE.vcpuMilli);
      const all = await world.ledger.committedVectorOf(HOST, 0);
      const demand = (resources: bigint) => [{ resources, features: 0n }];

      expect(await world.ledger.canHost(HOST, 0, demand(1n))).to.equal("0x");
      expect(await world.ledger.canHost(HOST, 0, demand(all * 20n))).to.not.equal("0x");
    });
  });

  describe("vmOf, outcomeOf, obligationsOf, isRevoked", function () {
    it("reverts for unknown VMs and is empty where nothing is known", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await expectRefusal(world, world.ledger.vmOf(UNREGISTERED), "MigrationLedger_UnknownVm", UNREGISTERED);
      expect(await world.ledger.resourcesOf(UNREGISTERED)).to.equal(0n);
      expect(await world.ledger.outcomeOf(1)).to.deep.equal([0n, 0n, 0n, 0n, 0n]);
      expect(await world.ledger.obligationsOf(UNKNOWN)).to.deep.equal([0n, 0n]);
      expect(await world.ledger.isRevoked(HOME, ZeroHash)).to.equal(false);
      expect(await world.ledger.agreementAt(1)).to.equal(ZeroHash);
    });
  });
});
