import { expect } from "chai";
import { network } from "hardhat";

import { agreementId, buildResources, documentId } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  BIGGEST,
  CAPACITY,
  CONTRACT,
  HOME,
  HOST,
  HOUR,
  OTHER,
  SIZE,
  abroad,
  agreed,
  amend,
  amendmentOf,
  as,
  federation,
  lost,
  nowMs,
  nowSeconds,
  offer,
  register,
  sign,
  suspend,
  times,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const HALF = buildResources({ vcpuMilli: 2_000, memoryMiB: 8_192, storageGiB: 50, diskIops: 500, networkMbps: 250 });

describe("MigrationLedger", function () {
  describe("amend", function () {
    it("begins a new stay with other resources and terms on the same host (INV-SEQ, INV-CAP, INV-HOST)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world, HOST, { site: 1 });
      const document = await amendmentOf(world, [vm], {
        noticeMs: BigInt(HOUR) * 1_000n,
        line: { resources: times(2) },
      });
      const number = BigInt(agreementId(document.agreement)) & 0xffffffffn;

      const sent = amend(world, document);

      await expect(sent)
        .to.emit(world.ledger, "DocumentAccepted")
        .withArgs(number, agreementId(document.agreement), documentId("Amendment", document), 3, HOUR);
      const now = await nowMs(world);
      const [before, after] = await world.ledger.stays(vm, 2, 2);
      expect([before!.endedAt, after!.startedAt, after!.endedAt]).to.deep.equal([now, now, 0n]);
      expect([after!.host, after!.site, after!.agreement, after!.kind]).to.deep.equal([2n, 1n, number, 3n]);
      expect(after!.noticePeriod).to.equal(HOUR);
      const { nonce, sequence } = await vmOf(world, vm);
      expect([nonce, sequence]).to.deep.equal([3n, 3n]);
      await expectState(world, vm, "Abroad");
      await expectCommitted(world, HOST, 2 * SIZE.vcpuMilli, 1);
    });

    it("ends a notice: the new stay has none", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const until = (await nowMs(world)) + 30n * 86_400_000n;
      await as(world, HOST).giveNotice([vm], until);

      await amend(world, await amendmentOf(world, [vm]));

      const [, , stay] = await world.ledger.stays(vm, 1, 3);
      expect(stay!.noticeUntil).to.equal(0n);
      await expectRefusal(world, as(world, HOST).release(vm), "MigrationLedger_NoNotice", vm);
    });

    it("shrinks without looking at offer, standing, pause or close", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      await world.exchange.connect(world.clouds[HOST - 1]!.key).withdrawOffer(HOST, 0);
      await suspend(world, HOME);
      await suspend(world, HOST);
      await world.ledger.connect(world.guardian).pauseNew(HOUR);
      await world.ledger.connect(world.governance).closeForNew();

      await amend(world, await amendmentOf(world, [vm], { line: { resources: HALF } }));
      await amend(world, await amendmentOf(world, [vm]));

      await expectCommitted(world, HOST, HALF.vcpuMilli);
    });

    it("lets a lane grow only as far as offer and biggest go (INV-ROOM)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const more = { ...HALF, gpus: 1 };

      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [vm], { line: { resources: more } })),
        "CapacityExchange_VmTooBig",
        HOST,
        0,
        0,
        5,
        1,
        0,
      );
      await amend(world, await amendmentOf(world, [vm], { line: { resources: BIGGEST } }));
      const tight = { ...CAPACITY, diskIops: 2_100 };
      await offer(world, HOST, { capacity: tight, biggest: { ...BIGGEST, diskIops: 2_100 } });
      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [vm], { line: { resources: { ...BIGGEST, diskIops: 2_101 } } })),
        "CapacityExchange_VmTooBig",
        HOST,
        0,
        0,
        3,
        2_101,
        2_100,
      );
      const second = await abroad(world, HOST, { line: { resources: buildResources({ diskIops: 100 }) } });
      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [second], { line: { resources: buildResources({ diskIops: 101 }) } })),
        "CapacityExchange_NoRoom",
        HOST,
        0,
        3,
        2_101,
        2_100,
      );
    });

    it("refuses growth while paused, closed, or where a side is not Active", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const grow = async () => amend(world, await amendmentOf(world, [vm], { line: { resources: BIGGEST } }));

      await suspend(world, HOST);
      await expectRefusal(world, grow(), "MigrationLedger_StatusForbids", HOST, 2);
      await suspend(world, HOME);
      await expectRefusal(world, grow(), "MigrationLedger_StatusForbids", HOME, 2);
      await world.ledger.connect(world.guardian).pauseNew(HOUR);
      await expectRefusal(world, grow(), "MigrationLedger_NewPaused", (await nowSeconds(world)) + HOUR);
      await world.ledger.connect(world.governance).closeForNew();
      await expectRefusal(world, grow(), "MigrationLedger_Closed", await world.ledger.successor());
    });

    it("amends a group at once (INV-GROUP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [await abroad(world), await abroad(world), await abroad(world)].sort();

      await amend(world, await amendmentOf(world, vms, { lines: [{ resources: times(2) }, { resources: HALF }] }));

      await expectCommitted(world, HOST, 2 * SIZE.vcpuMilli + HALF.vcpuMilli + SIZE.vcpuMilli);
    });

    it("refuses a change of host or site, and VMs at home", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const atHome = await register(world);

      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [vm], { destination: OTHER })),
        "MigrationLedger_NotSameHost",
        HOST,
        OTHER,
      );
      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [vm], { site: 1 })),
        "MigrationLedger_WrongSite",
        vm,
        0,
        1,
      );
      await expectRefusal(world, amend(world, await amendmentOf(world, [atHome])), "MigrationLedger_AtHome", atHome);
    });

    it("refuses what other documents refuse", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const moving = await abroad(world);
      await agreed(world, [moving]);
      const gone = await lost(world);
      const { mark } = await vmOf(world, gone);

      const empty = await amendmentOf(world, [vm]);
      await expectRefusal(
        world,
        amend(world, { agreement: { ...empty.agreement, lines: [] } }),
        "MigrationLedger_LineCount",
        0,
      );
      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [vm], { line: { nonce: 1 } })),
        "MigrationLedger_StaleNonce",
        vm,
        2,
        1,
      );
      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [vm], { line: { resources: buildResources({}) } })),
        "MigrationLedger_EmptyResources",
        vm,
      );
      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [moving])),
        "MigrationLedger_WrongState",
        moving,
        3,
      );
      await expectRefusal(
        world,
        amend(world, await amendmentOf(world, [gone])),
        "MigrationLedger_DeclaredLost",
        gone,
        mark,
      );
      const at = await nowMs(world);
      await expect(amend(world, await amendmentOf(world, [vm], { agreeBy: at }))).to.be.revertedWithCustomError(
        world.ledger,
        "MigrationLedger_TooLate",
      );
    });

    it("wants home, then host", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world, CONTRACT);
      const document = await amendmentOf(world, [vm]);
      const [home, host] = (await sign(world, "Amendment", document, [HOME, CONTRACT])) as [string, string];

      await expectRefusal(world, amend(world, document, [home]), "MigrationLedger_SignatureCount", 2, 1);
      await expectRefusal(
        world,
        amend(world, document, [host, home]),
        "CloudRegistry_BadSignature",
        HOME,
        world.clouds[CONTRACT - 1]!.key.address,
      );
      const amendmentId = documentId("Amendment", document);
      await as(world, HOME).revoke(HOME, amendmentId);
      await expectRefusal(world, amend(world, document, [home, host]), "MigrationLedger_Revoked", HOME, amendmentId);
      await amend(world, await amendmentOf(world, [vm]));
    });
  });
});
