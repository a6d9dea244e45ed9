import { expect } from "chai";
import { network } from "hardhat";

import { agreementId, buildResources, documentId } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  DAY,
  FOURTH,
  HOME,
  HOST,
  HOUR,
  MINUTE,
  OTHER,
  SIZE,
  abroad,
  as,
  evacuate,
  evacuationOf,
  expel,
  federation,
  lost,
  nextBlockAt,
  nowMs,
  offer,
  pass,
  sign,
  suspend,
  times,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;
const WAIT = 15 * MINUTE;

describe("MigrationLedger", function () {
  describe("evacuate", function () {
    it("takes the VM up elsewhere without its host; the old stay ends at the declaration (INV-HOST, INV-SEQ, INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      const declaredAt = (await vmOf(world, vm)).mark * MS;
      await pass(world, WAIT);
      const document = await evacuationOf(world, [vm], { site: 1, line: { resources: times(2) } });
      const number = BigInt(agreementId(document.agreement)) & 0xffffffffn;

      const sent = evacuate(world, document);

      await expect(sent)
        .to.emit(world.ledger, "DocumentAccepted")
        .withArgs(number, agreementId(document.agreement), documentId("Evacuation", document), 4, 7 * DAY);
      const now = await nowMs(world);
      const [, before, after] = await world.ledger.stays(vm, 1, 3);
      expect([before!.host, before!.endedAt]).to.deep.equal([2n, declaredAt]);
      expect([after!.host, after!.site, after!.startedAt, after!.kind]).to.deep.equal([3n, 1n, now, 4n]);
      expect(await world.ledger.hostAt(vm, declaredAt)).to.equal(0n);
      const { mark, nonce } = await vmOf(world, vm);
      expect([mark, nonce]).to.deep.equal([0n, 4n]);
      await expectState(world, vm, "Abroad");
      await expectCommitted(world, HOST, 0);
      await expectCommitted(world, OTHER, 2 * SIZE.vcpuMilli, 1);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([1n, 0n]);
    });

    it("brings a group home with the home's signature alone, from several sites (INV-GROUP, INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [await abroad(world, HOST, { site: 1 }), await abroad(world), await abroad(world)].sort();
      for (const vm of vms) await as(world, HOME).declareLost(vm);
      await pass(world, WAIT);

      await evacuate(world, await evacuationOf(world, vms, { destination: HOME }));

      for (const vm of vms) await expectState(world, vm, "Home");
      await expectCommitted(world, HOST, 0, 0);
      await expectCommitted(world, HOST, 0, 1);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
    });

    for (const [when, offset, allowed] of [
      ["a second before", -1, false],
      ["at", 0, true],
      ["a second after", 1, true],
    ] as const) {
      it(`${allowed ? "evacuates" : "reverts"} ${when} the end of the wait`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await lost(world);
        const earliest = (await vmOf(world, vm)).mark + BigInt(WAIT);
        await pass(world, WAIT - 20);
        const document = await evacuationOf(world, [vm]);
        const signatures = await sign(world, "Evacuation", document, [HOME, OTHER]);
        await nextBlockAt(world, earliest + BigInt(offset));
        const sent = evacuate(world, document, signatures);

        if (allowed) await sent;
        else await expectRefusal(world, sent, "MigrationLedger_TooEarly", earliest * MS, (earliest - 1n) * MS);
      });

      it(`${offset <= 0 ? "evacuates" : "reverts"} ${when} the end of the day after the declaration`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await lost(world);
        const latest = (await vmOf(world, vm)).mark + BigInt(DAY);
        await pass(world, DAY - 60);
        const document = await evacuationOf(world, [vm]);
        const signatures = await sign(world, "Evacuation", document, [HOME, OTHER]);
        await nextBlockAt(world, latest + BigInt(offset));
        const sent = evacuate(world, document, signatures);

        if (offset <= 0) await sent;
        else await expectRefusal(world, sent, "MigrationLedger_TooLate", latest * MS, (latest + 1n) * MS);
      });
    }

    for (const [standing, act] of [
      ["suspended", suspend],
      ["expelled", expel],
    ] as const) {
      it(`does not wait where the host is ${standing}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world);
        await act(world, HOST);
        await as(world, HOME).declareLost(vm);

        await evacuate(world, await evacuationOf(world, [vm]));

        await expectState(world, vm, "Abroad");
        await expectCommitted(world, OTHER, SIZE.vcpuMilli);
      });
    }

    it("is an exit: neither a pause nor a closed ledger stops it (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      await pass(world, WAIT);
      await world.ledger.connect(world.guardian).pauseNew(HOUR);
      await world.ledger.connect(world.governance).closeForNew();

      await evacuate(world, await evacuationOf(world, [vm]));
    });

    it("refuses standings elsewhere, but brings home for who is suspended or expelled (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [first, second] = [await lost(world), await lost(world)];
      await pass(world, WAIT);
      await suspend(world, OTHER);
      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, [first])),
        "MigrationLedger_StatusForbids",
        OTHER,
        2,
      );
      await suspend(world, HOME);
      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, [first], { destination: FOURTH })),
        "MigrationLedger_StatusForbids",
        HOME,
        2,
      );
      await evacuate(world, await evacuationOf(world, [first], { destination: HOME }));
      await expel(world, HOME);
      await evacuate(world, await evacuationOf(world, [second], { destination: HOME }));
      await expectState(world, second, "Home");
    });

    it("reverts for VMs not declared lost, and when one of a group is not", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [await abroad(world), await abroad(world)].sort() as [string, string];
      await as(world, HOME).declareLost(vms[0]);
      await pass(world, WAIT);

      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, vms)),
        "MigrationLedger_NotDeclaredLost",
        vms[1],
      );
      await as(world, HOST).contestLoss(vms[0]);
      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, [vms[0]])),
        "MigrationLedger_NotDeclaredLost",
        vms[0],
      );
    });

    it("refuses what other documents refuse (INV-ROOM)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      await pass(world, WAIT);

      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, [vm], { destination: HOST })),
        "MigrationLedger_HostIsDestination",
        HOST,
      );
      const empty = await evacuationOf(world, [vm]);
      await expectRefusal(
        world,
        evacuate(world, { agreement: { ...empty.agreement, lines: [] } }),
        "MigrationLedger_LineCount",
        0,
      );
      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, [vm], { line: { resources: buildResources({}) } })),
        "MigrationLedger_EmptyResources",
        vm,
      );
      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, [vm], { line: { nonce: 2 } })),
        "MigrationLedger_StaleNonce",
        vm,
        3,
        2,
      );
      await offer(world, OTHER, { capacity: SIZE, biggest: SIZE });
      await abroad(world, OTHER);
      await expectRefusal(
        world,
        evacuate(world, await evacuationOf(world, [vm])),
        "CapacityExchange_NoRoom",
        OTHER,
        0,
        0,
        2 * SIZE.vcpuMilli,
        SIZE.vcpuMilli,
      );
    });

    it("wants home, then destination, neither of whom withdrew", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await lost(world);
      await pass(world, WAIT);
      const document = await evacuationOf(world, [vm], { destination: CONTRACT });
      const [home, destination] = (await sign(world, "Evacuation", document, [HOME, CONTRACT])) as [string, string];

      await expectRefusal(world, evacuate(world, document, [home]), "MigrationLedger_SignatureCount", 2, 1);
      await expectRefusal(
        world,
        evacuate(world, document, [destination, home]),
        "CloudRegistry_BadSignature",
        HOME,
        world.clouds[CONTRACT - 1]!.key.address,
      );
      await as(world, HOME).revoke(HOME, documentId("Evacuation", document));
      await expectRefusal(
        world,
        evacuate(world, document, [home, destination]),
        "MigrationLedger_Revoked",
        HOME,
        documentId("Evacuation", document),
      );
      await evacuate(world, await evacuationOf(world, [vm], { destination: CONTRACT }));
    });
  });
});
