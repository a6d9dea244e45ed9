import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AgentScope, agreementId, buildResources, documentId } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  BIGGEST,
  CAPACITY,
  CONTRACT,
  DAY,
  FOURTH,
  HOME,
  HOST,
  HOUR,
  MINUTE,
  OTHER,
  SIZE,
  UNREGISTERED,
  abroad,
  agreed,
  as,
  bindAgent,
  expel,
  federation,
  lost,
  nextBlockAt,
  nowMs,
  nowSeconds,
  pass,
  record,
  recordOf,
  register,
  registerMany,
  sign,
  snapshotOf,
  suspend,
  times,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("MigrationLedger", function () {
  describe("record", function () {
    it("writes down what happened, with its times (INV-HOST, INV-SEQ, INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      await pass(world, 100);
      const now = await nowMs(world);
      const document = await recordOf(world, [vm], { site: 1, releasedAt: now - 20_500n, runningAt: now - 10_250n });
      const number = BigInt(agreementId(document.agreement)) & 0xffffffffn;

      const sent = record(world, document);

      await expect(sent)
        .to.emit(world.ledger, "DocumentAccepted")
        .withArgs(number, agreementId(document.agreement), documentId("Record", document), 2, 7 * DAY);
      await expect(sent)
        .to.emit(world.ledger, "StayBegan")
        .withArgs(
          vm,
          2,
          HOST,
          1,
          number,
          now - 10_250n,
          now - 20_500n,
          await world.ledger.resourcesOf(vm),
          id(`state ${vm}`),
        );
      await expectState(world, vm, "Abroad");
      const { nonce, sequence, host, site } = await vmOf(world, vm);
      expect([nonce, sequence, host, site]).to.deep.equal([2n, 2n, 2n, 1n]);
      const [home, abroadStay] = await world.ledger.stays(vm, 1, 2);
      expect(home!.endedAt).to.equal(now - 20_500n);
      expect([abroadStay!.startedAt, abroadStay!.endedAt, abroadStay!.kind]).to.deep.equal([now - 10_250n, 0n, 2n]);
      await expectCommitted(world, HOST, SIZE.vcpuMilli, 1);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([1n, 0n]);
    });

    it("takes three signatures from host to host, each distinct cloud once", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const document = await recordOf(world, [vm], { destination: OTHER });
      const all = await sign(world, "Record", document, [HOME, HOST, OTHER]);

      await expectRefusal(world, record(world, document, all.slice(0, 2)), "MigrationLedger_SignatureCount", 3, 2);
      await expectRefusal(
        world,
        record(world, document, [all[0]!, all[2]!, all[1]!]),
        "CloudRegistry_BadSignature",
        HOST,
        world.clouds[OTHER - 1]!.account,
      );
      await expectRefusal(
        world,
        record(world, document, [all[0]!, all[1]!, all[1]!]),
        "CloudRegistry_BadSignature",
        OTHER,
        world.clouds[HOST - 1]!.account,
      );
      await record(world, document, all);

      await expectCommitted(world, HOST, 0);
      await expectCommitted(world, OTHER, SIZE.vcpuMilli);
    });

    it("takes two signatures out of home and two back (INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 2);
      const out = await recordOf(world, vms);
      const signatures = await sign(world, "Record", out, [HOME, HOST]);
      await expectRefusal(
        world,
        record(world, out, [...signatures, signatures[1]!]),
        "MigrationLedger_SignatureCount",
        2,
        3,
      );
      await record(world, out, signatures);

      const back = await recordOf(world, vms, { line: { resources: times(1_000) } });
      const [home, source] = await sign(world, "Record", back, [HOME, HOST]);
      await expectRefusal(world, record(world, back, [home!]), "MigrationLedger_SignatureCount", 2, 1);
      await record(world, back, [home!, source!]);

      for (const vm of vms) await expectState(world, vm, "Home");
      await expectCommitted(world, HOST, 0);
      await expectCommitted(world, HOME, 0);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
    });

    it("takes agents: MOVE_OUT for the home, HOST for the others; and contracts", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [a, b, c] = world.spare;
      await bindAgent(world, HOME, a!, { scopes: AgentScope.MOVE_OUT, partners: [HOST, OTHER] });
      await bindAgent(world, HOST, b!, { scopes: AgentScope.HOST, partners: [HOME, OTHER] });
      await bindAgent(world, OTHER, c!, { scopes: AgentScope.HOST, partners: [HOME, HOST] });
      const vm = await abroad(world);
      const document = await recordOf(world, [vm], { destination: OTHER });
      await record(
        world,
        document,
        await sign(world, "Record", document, [HOME, HOST, OTHER], { [HOME]: a!, [HOST]: b!, [OTHER]: c! }),
      );
      await record(world, await recordOf(world, [vm], { destination: CONTRACT }));

      await expectState(world, vm, "Abroad");
      const wrong = await recordOf(world, [vm], { destination: HOST });
      await expectRefusal(
        world,
        record(world, wrong, await sign(world, "Record", wrong, [HOME, CONTRACT, HOST], { [HOST]: a! })),
        "CloudRegistry_BadSignature",
        HOST,
        a!.address,
      );
    });

    describe("times", function () {
      for (const [far, allowed] of [
        [-1n, false],
        [0n, true],
        [1n, true],
      ] as const) {
        it(`${allowed ? "takes" : "refuses"} a release ${far} ms from the beginning of the stay it ends`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const earliest = await nowMs(world);
          const at = earliest / MS + 100n;
          const [releasedAt, runningAt] = [earliest + far, at * MS];
          const document = await recordOf(world, [vm], { releasedAt, runningAt });
          const signatures = await sign(world, "Record", document, [HOME, HOST]);
          await nextBlockAt(world, at);

          if (allowed) await record(world, document, signatures);
          else {
            await expectRefusal(
              world,
              record(world, document, signatures),
              "MigrationLedger_TimeOutOfRange",
              vm,
              releasedAt,
              earliest,
              runningAt,
            );
          }
        });

        it(`${allowed ? "takes" : "refuses"} times ${far} ms from the edge of the tolerance`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          await pass(world, HOUR);
          const at = BigInt((await nowSeconds(world)) + 10);
          const oldest = (at - BigInt(15 * MINUTE)) * MS;
          const time = oldest + far;
          const document = await recordOf(world, [vm], { releasedAt: time, runningAt: time });
          const signatures = await sign(world, "Record", document, [HOME, HOST]);
          await nextBlockAt(world, at);

          if (allowed) {
            await record(world, document, signatures);
            expect(await world.ledger.hostAt(vm, time)).to.equal(HOST);
            expect(await world.ledger.hostAt(vm, time - 1n)).to.equal(HOME);
          } else {
            await expectRefusal(
              world,
              record(world, document, signatures),
              "MigrationLedger_TimeOutOfRange",
              vm,
              time,
              oldest,
              time,
            );
          }
        });
      }

      it("refuses a VM that ran before it was released", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const earliest = await nowMs(world);
        await pass(world, 60);
        const now = await nowMs(world);

        await expectRefusal(
          world,
          record(world, await recordOf(world, [vm], { releasedAt: now - 10n, runningAt: now - 11n })),
          "MigrationLedger_TimeOutOfRange",
          vm,
          now - 10n,
          earliest,
          now - 11n,
        );
        await record(world, await recordOf(world, [vm], { releasedAt: now - 10n, runningAt: now - 10n }));
      });

      for (const [far, allowed] of [
        [-1n, true],
        [0n, true],
        [1n, false],
      ] as const) {
        it(`${allowed ? "takes" : "refuses"} a beginning ${far} ms from the block's time`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const at = BigInt((await nowSeconds(world)) + 10);
          const [releasedAt, runningAt] = [at * MS - 5n, at * MS + far];
          const document = await recordOf(world, [vm], { releasedAt, runningAt });
          const signatures = await sign(world, "Record", document, [HOME, HOST]);
          await nextBlockAt(world, at);

          if (allowed) await record(world, document, signatures);
          else {
            await expectRefusal(
              world,
              record(world, document, signatures),
              "MigrationLedger_TimeOutOfRange",
              vm,
              runningAt,
              releasedAt,
              at * MS,
            );
          }
        });
      }

      for (const [offset, allowed] of [
        [-1, true],
        [0, true],
        [1, false],
      ] as const) {
        it(`${allowed ? "takes" : "refuses"} a record ${offset} s from agreeBy`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const by = BigInt((await nowSeconds(world)) + 100);
          const document = await recordOf(world, [vm], { agreeBy: by * MS });
          const signatures = await sign(world, "Record", document, [HOME, HOST]);
          await nextBlockAt(world, by + BigInt(offset));

          if (allowed) await record(world, document, signatures);
          else {
            await expectRefusal(
              world,
              record(world, document, signatures),
              "MigrationLedger_TooLate",
              by * MS,
              (by + 1n) * MS,
            );
          }
        });
      }
    });

    describe("refusals", function () {
      it("refuses the form that no agreement may have", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = await registerMany(world, 17);
        const vm = vms[0]!;
        const now = await nowMs(world);

        await expectRefusal(world, record(world, await recordOf(world, vms)), "MigrationLedger_LineCount", 17);
        await expectRefusal(
          world,
          record(world, await recordOf(world, [vm], { noticeMs: 1n })),
          "MigrationLedger_NoticePeriod",
          1,
        );
        await expectRefusal(
          world,
          record(world, await recordOf(world, [vm], { windowMs: 0n })),
          "MigrationLedger_NoWindow",
        );
        await expectRefusal(
          world,
          record(world, await recordOf(world, [vm], { digestKind: 9 })),
          "MigrationLedger_DigestKind",
          9,
        );
        await expect(
          record(world, await recordOf(world, [vm], { agreeBy: now + BigInt(DAY) * MS })),
        ).to.be.revertedWithCustomError(world.ledger, "MigrationLedger_TooFar");
        const home = await recordOf(world, [vm], { destination: HOME });
        const [once] = (await sign(world, "Record", home, [HOME])) as [string];
        await expectRefusal(world, record(world, home, [once, once]), "MigrationLedger_HostIsDestination", HOME);
      });

      it("refuses receipts that do not fit the lines (INV-GROUP)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = (await registerMany(world, 2)) as [string, string];
        const before = await Promise.all(vms.map((vm) => snapshotOf(world, vm)));
        const document = await recordOf(world, vms);
        const [first, second] = document.receipts;

        await expectRefusal(
          world,
          record(world, { ...document, receipts: [first!] }),
          "MigrationLedger_ReceiptCount",
          2,
          1,
        );
        await expectRefusal(
          world,
          record(world, { ...document, receipts: [second!, first!] }),
          "MigrationLedger_ReceiptOrder",
          vms[0],
          vms[1],
        );
        expect(await Promise.all(vms.map((vm) => snapshotOf(world, vm)))).to.deep.equal(before);
      });

      it("refuses lines that do not fit the VMs (INV-NONCE)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const [a, b] = (await registerMany(world, 2)) as [string, string];
        const moving = await register(world);
        await agreed(world, [moving]);
        const gone = await lost(world);
        const { mark } = await vmOf(world, gone);

        await expectRefusal(
          world,
          record(world, await recordOf(world, [b, a])),
          "MigrationLedger_LinesNotAscending",
          b,
          a,
        );
        const unknown = await recordOf(world, [a], { line: { vm: UNREGISTERED } });
        await expectRefusal(world, record(world, unknown), "MigrationLedger_UnknownVm", UNREGISTERED);
        await expectRefusal(
          world,
          record(world, await recordOf(world, [a], { home: FOURTH })),
          "MigrationLedger_WrongHome",
          a,
          HOME,
          FOURTH,
        );
        await expectRefusal(
          world,
          record(world, await recordOf(world, [a], { source: OTHER })),
          "MigrationLedger_WrongHost",
          a,
          HOME,
          OTHER,
        );
        await expectRefusal(
          world,
          record(world, await recordOf(world, [a], { line: { nonce: 7 } })),
          "MigrationLedger_StaleNonce",
          a,
          1,
          7,
        );
        await expectRefusal(
          world,
          record(world, await recordOf(world, [a], { line: { resources: buildResources({}) } })),
          "MigrationLedger_EmptyResources",
          a,
        );
        await expectRefusal(
          world,
          record(world, await recordOf(world, [moving])),
          "MigrationLedger_WrongState",
          moving,
          3,
        );
        await expectRefusal(
          world,
          record(world, await recordOf(world, [gone])),
          "MigrationLedger_DeclaredLost",
          gone,
          mark,
        );
      });

      it("records nothing over capacity (INV-ROOM)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = await registerMany(world, 11);
        await record(world, await recordOf(world, vms.slice(0, 10), { line: { resources: BIGGEST } }));

        await expectRefusal(
          world,
          record(world, await recordOf(world, vms.slice(10))),
          "CapacityExchange_NoRoom",
          HOST,
          0,
          0,
          CAPACITY.vcpuMilli + SIZE.vcpuMilli,
          CAPACITY.vcpuMilli,
        );
      });

      it("refuses standings, pause and close as agree does, but not a return home", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const [out, back, last] = [await register(world), await abroad(world), await abroad(world)];
        await suspend(world, HOST);
        await expectRefusal(
          world,
          record(world, await recordOf(world, [out])),
          "MigrationLedger_StatusForbids",
          HOST,
          2,
        );
        await suspend(world, HOME);
        await expectRefusal(
          world,
          record(world, await recordOf(world, [out])),
          "MigrationLedger_StatusForbids",
          HOME,
          2,
        );
        await world.ledger.connect(world.guardian).pauseNew(HOUR);
        const until = (await nowSeconds(world)) + HOUR;
        await expectRefusal(world, record(world, await recordOf(world, [out])), "MigrationLedger_NewPaused", until);
        await record(world, await recordOf(world, [back]));
        await world.ledger.connect(world.governance).closeForNew();
        await expel(world, HOME);
        await expel(world, HOST);
        await expect(record(world, await recordOf(world, [out]))).to.be.revertedWithCustomError(
          world.ledger,
          "MigrationLedger_Closed",
        );
        await record(world, await recordOf(world, [last]));
        await expectState(world, last, "Home");
      });

      it("refuses a withdrawn signature of each of the three", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world);
        for (const cloud of [HOME, HOST, OTHER]) {
          const document = await recordOf(world, [vm], { destination: OTHER });
          const recordId = documentId("Record", document);
          await as(world, cloud).revoke(cloud, recordId);
          await expectRefusal(world, record(world, document), "MigrationLedger_Revoked", cloud, recordId);
        }
      });
    });

    it("frees a source of several sites at once (INV-CAP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [];
      for (const site of [1, 0, 1, 0]) vms.push(await abroad(world, HOST, { site }));
      vms.sort();

      await record(world, await recordOf(world, vms, { destination: OTHER }));

      await expectCommitted(world, HOST, 0, 0);
      await expectCommitted(world, HOST, 0, 1);
      await expectCommitted(world, OTHER, 4 * SIZE.vcpuMilli);
    });
  });
});
