import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import { AgentScope, documentId, publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  DAY,
  FOURTH,
  HOME,
  HOST,
  HOUR,
  OTHER,
  SIZE,
  UNREGISTERED,
  type World,
  abroad,
  agree,
  agreed,
  amend,
  amendmentOf,
  as,
  bindAgent,
  complete,
  deployLedger,
  deploySuccessor,
  expel,
  federation,
  lost,
  moveOf,
  nextBlockAt,
  nowMs,
  nowSeconds,
  offer,
  pass,
  record,
  recordOf,
  register,
  sign,
  start,
  stopped,
  succeed,
  successionOf,
  suspend,
  times,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

/** A VM at home; then the ledger is closed and its successor named. */
async function withVmAtHome(
  connection: NetworkConnection,
): Promise<{ old: World; next: World; successor: string; vm: string }> {
  const old = await federation(connection);
  const vm = await register(old);
  const next = await deploySuccessor(old);
  const successor = await next.ledger.getAddress();
  await old.ledger.connect(old.governance).closeForNew();
  await old.ledger.connect(old.governance).setSuccessor(successor);
  return { old, next, successor, vm };
}

/** The same with a VM abroad, at site 1. */
async function withVmAbroad(connection: NetworkConnection) {
  const old = await federation(connection);
  const vm = await register(old);
  const before = await nowMs(old);
  await pass(old, 60);
  await record(old, await recordOf(old, [vm], { site: 1, noticeMs: BigInt(2 * HOUR) * MS }));
  const next = await deploySuccessor(old);
  const successor = await next.ledger.getAddress();
  await old.ledger.connect(old.governance).closeForNew();
  await old.ledger.connect(old.governance).setSuccessor(successor);
  return { old, next, successor, vm, before };
}

describe("MigrationLedger", function () {
  describe("succeedVm", function () {
    it("ends the VM here with its commitment (INV-CAP, INV-HOST)", async function () {
      const { old, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);

      const sent = succeed(old, await successionOf(old, vm, successor));

      await expect(sent)
        .to.emit(old.ledger, "VmSucceeded")
        .withArgs(vm, successor, (await nowMs(old)) + MS);
      await expectState(old, vm, "Succeeded");
      await expectCommitted(old, HOST, 0, 1);
      expect(await old.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
      expect(await old.ledger.obligationsOf(HOST)).to.deep.equal([0n, 0n]);
      const { nonce } = await vmOf(old, vm);
      expect(nonce).to.equal(3n);
    });

    it("takes the home's signature alone for a VM at home", async function () {
      const { old, successor, vm } = await networkHelpers.loadFixture(withVmAtHome);
      const document = await successionOf(old, vm, successor);
      const [home] = (await sign(old, "Succession", document, [HOME])) as [string];
      await expectRefusal(old, succeed(old, document, [home, home]), "MigrationLedger_SignatureCount", 1, 2);
      await succeed(old, document, [home]);
      await expectState(old, vm, "Succeeded");
    });

    it("reverts without a successor, and for another one than governance named", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const stranger = world.stranger.address;

      await expectRefusal(
        world,
        succeed(world, await successionOf(world, vm, ZeroAddress)),
        "MigrationLedger_WrongSuccessor",
        ZeroAddress,
        ZeroAddress,
      );
      await world.ledger.connect(world.governance).setSuccessor(world.guardian.address);
      await expectRefusal(
        world,
        succeed(world, await successionOf(world, vm, stranger)),
        "MigrationLedger_WrongSuccessor",
        world.guardian.address,
        stranger,
      );
    });

    it("reverts for a stale nonce, a VM that moves, is lost, stopped or unknown", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [vm, moving, gone, ended] = [
        await abroad(world),
        await abroad(world),
        await lost(world),
        await stopped(world),
      ];
      await agreed(world, [moving]);
      await world.ledger.connect(world.governance).setSuccessor(world.guardian.address);
      const of = async (which: string, changes = {}) =>
        succeed(world, await successionOf(world, which, world.guardian.address, changes));

      await expectRefusal(world, of(vm, { nonce: 1 }), "MigrationLedger_StaleNonce", vm, 2, 1);
      await expectRefusal(world, of(moving), "MigrationLedger_WrongState", moving, 3);
      const { mark } = await vmOf(world, gone);
      await expectRefusal(world, of(gone), "MigrationLedger_DeclaredLost", gone, mark);
      await expectRefusal(world, of(ended), "MigrationLedger_WrongState", ended, 5);
      const unknown = { ...(await successionOf(world, vm, world.guardian.address)), vm: UNREGISTERED };
      await expectRefusal(world, world.ledger.succeedVm(unknown, []), "MigrationLedger_UnknownVm", UNREGISTERED);
    });

    for (const [when, offset, allowed] of [
      ["a second before", -1, true],
      ["at", 0, true],
      ["a second after", 1, false],
    ] as const) {
      it(`${allowed ? "works" : "reverts"} ${when} validUntil`, async function () {
        const { old, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
        const until = BigInt((await nowSeconds(old)) + 50);
        const document = await successionOf(old, vm, successor, { validUntil: until * MS });
        const signatures = await sign(old, "Succession", document, [HOME, HOST]);
        await nextBlockAt(old, until + BigInt(offset));
        const sent = succeed(old, document, signatures);

        if (allowed) await sent;
        else await expectRefusal(old, sent, "MigrationLedger_TooLate", until * MS, (until + 1n) * MS);
      });
    }

    it("wants home, then host, neither of whom withdrew", async function () {
      const { old, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      const document = await successionOf(old, vm, successor);
      const [home, host] = (await sign(old, "Succession", document, [HOME, HOST])) as [string, string];

      await expectRefusal(
        old,
        succeed(old, document, [host, home]),
        "CloudRegistry_BadSignature",
        HOME,
        old.clouds[HOST - 1]!.account,
      );
      await as(old, HOST).revoke(HOST, documentId("Succession", document));
      await expectRefusal(
        old,
        succeed(old, document, [home, host]),
        "MigrationLedger_Revoked",
        HOST,
        documentId("Succession", document),
      );
    });

    it("takes agents of both sides and works for expelled clouds (INV-EXIT)", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      const [mover, hoster] = old.spare;
      await bindAgent(old, HOME, mover!, { scopes: AgentScope.MOVE_OUT, partners: [HOST] });
      await bindAgent(old, HOST, hoster!, { scopes: AgentScope.HOST, partners: [HOME] });
      await expel(old, HOME);
      await suspend(old, HOST);
      const document = await successionOf(old, vm, successor);

      await succeed(
        old,
        document,
        await sign(old, "Succession", document, [HOME, HOST], { [HOME]: mover!, [HOST]: hoster! }),
      );
      await next.ledger.adopt(vm);
      await expectState(next, vm, "Abroad");
    });
  });

  describe("adopt", function () {
    it("takes the running VM over: host, site, resources, notice period, agreement (INV-SEQ, INV-NONCE, INV-CAP)", async function () {
      const { old, next, successor, vm, before } = await networkHelpers.loadFixture(withVmAbroad);
      const [, agreement] = await old.ledger.agreementOf(vm, 2);
      await succeed(old, await successionOf(old, vm, successor));
      const succeededAt = await nowMs(old);

      const sent = next.ledger.adopt(vm);

      await expect(sent).to.emit(next.ledger, "VmAdopted").withArgs(vm, HOME, 3);
      await expectState(next, vm, "Abroad");
      const stored = await vmOf(next, vm);
      expect([stored.home, stored.host, stored.site, stored.sequence, stored.nonce]).to.deep.equal([
        1n,
        2n,
        1n,
        3n,
        4n,
      ]);
      const [stay] = await next.ledger.stays(vm, 3, 10);
      expect([stay!.startedAt, stay!.kind, stay!.noticePeriod]).to.deep.equal([succeededAt, 5n, BigInt(2 * HOUR)]);
      expect(await next.ledger.agreementOf(vm, 3)).to.deep.equal([BigInt(agreement) & 0xffffffffn, agreement]);
      await expectCommitted(next, HOST, SIZE.vcpuMilli, 1);
      expect(await next.ledger.obligationsOf(HOME)).to.deep.equal([1n, 0n]);
      expect(await next.ledger.resourcesOf(vm)).to.equal(await old.ledger.resourcesOf(vm));
      // The history goes on across the ledgers without a gap.
      expect(await next.ledger.hostAt(vm, before)).to.equal(HOME);
      expect(await next.ledger.hostAt(vm, succeededAt - 1n)).to.equal(HOST);
      expect(await next.ledger.hostAt(vm, succeededAt)).to.equal(HOST);
      expect(await next.ledger.hostAt(vm, 1_000n)).to.equal(0n);
      await expectRefusal(next, next.ledger.stays(vm, 2, 1), "MigrationLedger_UnknownStay", vm, 2);
      await expectRefusal(next, next.ledger.agreementOf(vm, 2), "MigrationLedger_UnknownStay", vm, 2);
    });

    it("takes over a VM at home, which never had an agreement", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAtHome);
      await succeed(old, await successionOf(old, vm, successor));

      await next.ledger.adopt(vm);

      await expectState(next, vm, "Home");
      await expectCommitted(next, HOME, 0);
      expect(await next.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
      expect(await next.ledger.agreementOf(vm, 2)).to.deep.equal([0n, `0x${"0".repeat(64)}`]);
    });

    it("lets the adopted VM live on: amended, moved, noticed, released, back home", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      await succeed(old, await successionOf(old, vm, successor));
      await next.ledger.adopt(vm);

      await amend(next, await amendmentOf(next, [vm], { line: { resources: times(2) }, noticeMs: BigInt(HOUR) * MS }));
      await expectCommitted(next, HOST, 2 * SIZE.vcpuMilli, 1);
      const move = await moveOf(next, [vm], { destination: OTHER });
      await agree(next, move);
      await start(next, move);
      await complete(next, move);
      await expectCommitted(next, HOST, 0, 1);
      const until = (await nowSeconds(next)) + 8 * DAY;
      await as(next, OTHER).giveNotice([vm], BigInt(until) * MS);
      await nextBlockAt(next, until);
      await as(next, OTHER).release(vm);
      await as(next, HOME).restore(vm);
      await expectState(next, vm, "Home");
      await expectRefusal(old, as(old, HOME).stop(vm), "MigrationLedger_WrongState", vm, 7);
    });

    it("reverts twice, for VMs that did not choose this ledger, and for unknown ones", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      await expectRefusal(next, next.ledger.adopt(vm), "MigrationLedger_NotSucceeding", vm);
      await expectRefusal(old, next.ledger.adopt(UNREGISTERED), "MigrationLedger_UnknownVm", UNREGISTERED);
      await succeed(old, await successionOf(old, vm, successor));
      await next.ledger.adopt(vm);
      await expectRefusal(next, next.ledger.adopt(vm), "MigrationLedger_AlreadyRegistered", vm);
      await expectRefusal(old, old.ledger.adopt(UNREGISTERED), "MigrationLedger_NotSucceeding", UNREGISTERED);
    });

    it("is for the ledger that governance named: another one with the same predecessor gets nothing", async function () {
      const { old, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      await succeed(old, await successionOf(old, vm, successor));
      const rival = await deployLedger(old, old.ledger);

      await expectRefusal(old, rival.adopt(vm), "MigrationLedger_NotSucceeding", vm);
    });
  });

  describe("two ledgers side by side", function () {
    it("share one offer: what the old one holds is not promised again (INV-ROOM)", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      await offer(old, HOST, { site: 1, capacity: times(2), biggest: times(2) });
      const fresh = await register(next, FOURTH);

      await expectRefusal(
        next,
        agree(next, await moveOf(next, [fresh], { site: 1, line: { resources: times(2) } })),
        "CapacityExchange_NoRoom",
        HOST,
        1,
        0,
        3 * SIZE.vcpuMilli,
        2 * SIZE.vcpuMilli,
      );
      await agree(next, await moveOf(next, [fresh], { site: 1 }));
      await succeed(old, await successionOf(old, vm, successor));
      await next.ledger.adopt(vm);
      await expectCommitted(next, HOST, 2 * SIZE.vcpuMilli, 1);
    });

    it("take new business one after the other: the new one waits until the old one is closed (INV-ROOM)", async function () {
      const old = await networkHelpers.loadFixture(federation);
      const next = await deploySuccessor(old);
      const vm = await old.ledger.vmIdOf(HOME, ZeroHash);
      const oldAddress = await old.ledger.getAddress();

      await expectRefusal(
        next,
        as(next, HOME).register(HOME, ZeroHash, SIZE),
        "MigrationLedger_PredecessorOpen",
        oldAddress,
      );
      await old.ledger.connect(old.governance).closeForNew();
      await as(next, HOME).register(HOME, ZeroHash, SIZE);
      await expectState(next, vm, "Home");
    });

    it("count obligations and VMs of every ledger before, not only of the last", async function () {
      const { next, vm } = await networkHelpers.loadFixture(withVmAbroad);
      const third = await deploySuccessor(next);
      await next.ledger.connect(next.governance).closeForNew();
      const first = await next.ledger.predecessor();
      const localId = await localIdOf(next, vm);

      await expectRefusal(third, as(third, HOST).leave(HOST), "MigrationLedger_HasObligations", HOST, first, 0, 1);
      await expectRefusal(
        third,
        as(third, HOME).register(HOME, localId, SIZE),
        "MigrationLedger_AlreadyRegistered",
        vm,
      );
    });

    it("answer canHost with what both hold", async function () {
      const { next } = await networkHelpers.loadFixture(withVmAbroad);
      await offer(next, HOST, { site: 1, capacity: SIZE, biggest: SIZE });
      const demand = [{ resources: 1n, features: 0n }];

      expect(await next.ledger.canHost(HOST, 1, demand)).to.equal(
        next.exchange.interface.encodeErrorResult("CapacityExchange_NoRoom", [
          HOST,
          1,
          0,
          SIZE.vcpuMilli + 1,
          SIZE.vcpuMilli,
        ]),
      );
    });

    it("shrink in an amendment on the new one while the old one holds more than the offer", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      await succeed(old, await successionOf(old, vm, successor));
      await next.ledger.adopt(vm);

      await amend(next, await amendmentOf(next, [vm], { line: { resources: { ...SIZE, vcpuMilli: 1 } } }));

      await expectCommitted(next, HOST, 1, 1);
    });

    it("let nobody leave while it has obligations on either (INV-CAP)", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      const leave = (world: World, cloud: number) => as(world, cloud).leave(cloud);
      const oldAddress = await old.ledger.getAddress();

      await expectRefusal(next, leave(next, HOST), "MigrationLedger_HasObligations", HOST, oldAddress, 0, 1);
      await expectRefusal(next, leave(next, HOME), "MigrationLedger_HasObligations", HOME, oldAddress, 1, 0);
      await succeed(old, await successionOf(old, vm, successor));
      await next.ledger.adopt(vm);
      await expectRefusal(next, leave(next, HOST), "MigrationLedger_HasObligations", HOST, successor, 0, 1);
      await leave(next, FOURTH);
    });

    it("let nobody leave through the old one past obligations on the new one (INV-CAP)", async function () {
      const { old, next, successor, vm } = await networkHelpers.loadFixture(withVmAbroad);
      await succeed(old, await successionOf(old, vm, successor));
      await next.ledger.adopt(vm);

      await expectRefusal(old, as(old, HOST).leave(HOST), "MigrationLedger_Closed", successor);
      await expectRefusal(old, as(old, HOME).leave(HOME), "MigrationLedger_Closed", successor);
    });

    it("know a VM once: who has registered it on the old one cannot register it on the new one (INV-HOST)", async function () {
      const { next, vm } = await networkHelpers.loadFixture(withVmAbroad);
      const localId = await localIdOf(next, vm);

      await expectRefusal(next, as(next, HOME).register(HOME, localId, SIZE), "MigrationLedger_AlreadyRegistered", vm);
    });

    it("keep exits on the old one after it was closed (INV-EXIT)", async function () {
      const { old, vm } = await networkHelpers.loadFixture(withVmAbroad);
      const home = await agreed(old, [vm]);
      await as(old, HOME).stopFromMove(vm, publicMove(home));
      await as(old, HOME).restore(vm);
      await expectState(old, vm, "Home");
    });
  });
});

async function localIdOf(world: World, vm: string): Promise<string> {
  const predecessor = await world.ledger.predecessor();
  const old = world.ledger.attach(predecessor) as typeof world.ledger;
  const [event] = await old.queryFilter(old.filters.VmRegistered(vm));
  return event!.args.localId;
}
