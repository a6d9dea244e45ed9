import { expect } from "chai";
import { AbiCoder, ZeroHash, id, keccak256 } from "ethers";
import { network } from "hardhat";

import {
  type Move,
  agreementId,
  buildResources,
  documentDigest,
  documentId,
  moveOfEvent,
  publicMove,
} from "../../../src/index.js";
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
  UNKNOWN,
  UNREGISTERED,
  abroad,
  agree,
  agreed,
  as,
  completed,
  damaged,
  expel,
  federation,
  lost,
  moveOf,
  nextBlockAt,
  nowMs,
  nowSeconds,
  offer,
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

/** Number under which an agreement is stored if nobody took it before. */
const shortOf = (move: Move) => BigInt(agreementId(move.agreement)) & 0xffffffffn;

describe("MigrationLedger", function () {
  describe("agree", function () {
    it("promises the destination's capacity and waits for the start (INV-CAP, INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await moveOf(world, [vm], { site: 1 });

      const sent = agree(world, move);

      await expect(sent).to.emit(world.ledger, "MoveAgreed");
      const { nonce, sequence, move: number, hadLead, mark, completeIn, host, site } = await vmOf(world, vm);
      expect([nonce, sequence, number, hadLead]).to.deep.equal([2n, 1n, shortOf(move), true]);
      expect([mark, completeIn]).to.deep.equal([move.startBy / MS, (move.completeBy - move.startBy) / MS]);
      expect([host, site]).to.deep.equal([1n, 0n]);
      await expectState(world, vm, "Agreed");
      await expectCommitted(world, HOST, SIZE.vcpuMilli, 1);
      expect(await world.ledger.agreementAt(number)).to.equal(agreementId(move.agreement));
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([1n, 0n]);
      expect(await world.ledger.obligationsOf(HOST)).to.deep.equal([0n, 1n]);
    });

    it("tells all that was signed in its event, so that a lost document can be made again", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 3);
      const move = await moveOf(world, vms, {
        site: 1,
        windowMs: 300_001n,
        noticeMs: 3_600_001n,
        keepMs: 77n,
        digestKind: 3,
        charter: id("charter"),
        lines: [{ resources: times(2) }],
      });

      const receipt = await (await agree(world, move)).wait();

      const [event] = await world.ledger.queryFilter(world.ledger.filters.MoveAgreed(), receipt!.blockNumber);
      expect(event!.args.number).to.equal(shortOf(move));
      expect(event!.args.agreement).to.equal(agreementId(move.agreement));
      expect(event!.args.move).to.equal(documentId("Move", move));
      expect(moveOfEvent(event!.args)).to.deep.equal(publicMove(move));
    });

    it("agrees a group of 16, and not of 17 or 0 (INV-GROUP)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 17);

      await expectRefusal(world, agree(world, await moveOf(world, vms)), "MigrationLedger_LineCount", 17);
      const empty = await moveOf(world, vms.slice(0, 1));
      await expectRefusal(
        world,
        agree(world, { ...empty, agreement: { ...empty.agreement, lines: [] } }),
        "MigrationLedger_LineCount",
        0,
      );
      await agree(world, await moveOf(world, vms.slice(0, 16)));

      for (const vm of vms.slice(0, 16)) await expectState(world, vm, "Agreed");
      await expectCommitted(world, HOST, 16 * SIZE.vcpuMilli);
    });

    it("agrees a return home with the home's signature alone, and asks for no room", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await moveOf(world, [vm], { line: { resources: times(1_000) } });

      await agree(world, move);

      expect(move.agreement.destination).to.equal(HOME);
      await expectState(world, vm, "Agreed");
      await expectCommitted(world, HOME, 0);
      await expectCommitted(world, HOST, SIZE.vcpuMilli);
    });

    it("takes another number when the short one is taken", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await moveOf(world, [vm]);
      // agreements[number]: found by trying the slots of small numbers, since the layout is the ledger's own affair.
      const taken = shortOf(move);
      const address = await world.ledger.getAddress();
      for (let slot = 0; slot < 16; ++slot) {
        await networkHelpers.setStorageAt(address, mappingSlot(taken, slot), id("taken"));
        if ((await world.ledger.agreementAt(taken)) === id("taken")) break;
        await networkHelpers.setStorageAt(address, mappingSlot(taken, slot), ZeroHash);
      }
      expect(await world.ledger.agreementAt(taken)).to.equal(id("taken"));

      await agree(world, move);

      const { move: number } = await vmOf(world, vm);
      expect(number).to.equal((taken + 1n) & 0xffffffffn);
      expect(await world.ledger.agreementAt(number)).to.equal(agreementId(move.agreement));
      await as(world, HOME).abort(publicMove(move), HOME, 1);
    });

    describe("signatures", function () {
      it("reverts with another number of signatures", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const move = await moveOf(world, [vm]);
        const both = await sign(world, "Move", move, [HOME, HOST]);

        for (const signatures of [[], both.slice(0, 1), [...both, both[0]!]]) {
          await expectRefusal(
            world,
            agree(world, move, signatures),
            "MigrationLedger_SignatureCount",
            2,
            signatures.length,
          );
        }
      });

      it("reverts when home and destination signed in the other order", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const move = await moveOf(world, [vm]);

        await expectRefusal(
          world,
          agree(world, move, await sign(world, "Move", move, [HOST, HOME])),
          "CloudRegistry_BadSignature",
          HOME,
          world.clouds[HOST - 1]!.account,
        );
      });

      it("reverts when one of the two did not sign this document", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const before = await snapshotOf(world, vm);
        const move = await moveOf(world, [vm]);
        const [home, destination] = (await sign(world, "Move", move, [HOME, HOST])) as [string, string];
        const other = await sign(world, "Move", await moveOf(world, [vm], { salt: id("another") }), [HOME, HOST]);

        await expect(agree(world, move, [damaged(home), destination])).to.be.revertedWithCustomError(
          world.registry,
          "CloudRegistry_BadSignature",
        );
        await expect(agree(world, move, [home, other[1]!])).to.be.revertedWithCustomError(
          world.registry,
          "CloudRegistry_BadSignature",
        );
        await expectRefusal(world, agree(world, move, [home, "0x"]), "CloudRegistry_BadSignature", HOST, NOBODY);
        expect(await snapshotOf(world, vm)).to.equal(before);
      });

      it("takes a contract's answer for the signature of cloud 6", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);

        await agree(world, await moveOf(world, [vm], { destination: CONTRACT }));

        await expectState(world, vm, "Agreed");
      });

      it("reverts when a signer revoked, and does not mind others", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const move = await moveOf(world, [vm]);
        const moveId = documentId("Move", move);
        await as(world, HOST).revoke(HOST, moveId);

        await expectRefusal(world, agree(world, move), "MigrationLedger_Revoked", HOST, moveId);

        const again = await moveOf(world, [vm]);
        await as(world, OTHER).revoke(OTHER, documentId("Move", again));
        await agree(world, again);
        await expectState(world, vm, "Agreed");
      });

      it("refuses clouds that do not exist", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const move = await moveOf(world, [vm], { destination: UNKNOWN });
        const [home] = (await sign(world, "Move", move, [HOME])) as [string];

        await expectRefusal(world, agree(world, move, [home, home]), "CloudRegistry_UnknownCloud", UNKNOWN);
      });

      it("signs over the digest of this chain and ledger", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const move = await moveOf(world, [await register(world)]);

        expect(world.domain.chainId).to.equal(world.chainId);
        expect(documentDigest(world.domain, "Move", move)).to.not.equal(
          documentDigest({ ...world.domain, chainId: 1n }, "Move", move),
        );
      });
    });

    describe("lines", function () {
      it("reverts when the lines are not strictly ascending: no VM twice", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = (await registerMany(world, 2)) as [string, string];

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vms[1], vms[0]])),
          "MigrationLedger_LinesNotAscending",
          vms[1],
          vms[0],
        );
        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vms[0], vms[0]])),
          "MigrationLedger_LinesNotAscending",
          vms[0],
          vms[0],
        );
      });

      it("reverts for a VM that nobody registered", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm], { line: { vm: UNREGISTERED } })),
          "MigrationLedger_UnknownVm",
          UNREGISTERED,
        );
      });

      it("reverts for another home than the VM's", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm], { home: FOURTH })),
          "MigrationLedger_WrongHome",
          vm,
          HOME,
          FOURTH,
        );
      });

      it("reverts for another host than the VM's", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm], { source: OTHER })),
          "MigrationLedger_WrongHost",
          vm,
          HOME,
          OTHER,
        );
      });

      for (const [what, change] of [
        ["past", -1],
        ["future", 1],
      ] as const) {
        it(`reverts for a ${what} nonce (INV-NONCE)`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await abroad(world);
          const { nonce } = await vmOf(world, vm);
          const named = Number(nonce) + change;

          await expectRefusal(
            world,
            agree(world, await moveOf(world, [vm], { line: { nonce: named } })),
            "MigrationLedger_StaleNonce",
            vm,
            nonce,
            named,
          );
        });
      }

      it("reverts for a VM in an open move", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        await agreed(world, [vm]);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm], { destination: OTHER })),
          "MigrationLedger_WrongState",
          vm,
          3,
        );
      });

      it("reverts for a VM declared lost", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await lost(world);
        const { mark } = await vmOf(world, vm);

        await expectRefusal(world, agree(world, await moveOf(world, [vm])), "MigrationLedger_DeclaredLost", vm, mark);
      });

      it("reverts when a line promises nothing", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm], { line: { resources: buildResources({}) } })),
          "MigrationLedger_EmptyResources",
          vm,
        );
      });

      it("leaves a whole group as it was when its last line is refused (INV-GROUP)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = await registerMany(world, 3);
        const before = await Promise.all(vms.map((vm) => snapshotOf(world, vm)));
        const move = await moveOf(world, vms, { lines: [{}, {}, { nonce: 5 }] });

        await expectRefusal(world, agree(world, move), "MigrationLedger_StaleNonce", vms[2], 1, 5);

        expect(await Promise.all(vms.map((vm) => snapshotOf(world, vm)))).to.deep.equal(before);
      });
    });

    describe("form", function () {
      it("reverts when source and destination are one cloud", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm], { destination: HOST })),
          "MigrationLedger_HostIsDestination",
          HOST,
        );
        await expectRefusal(
          world,
          agree(world, await moveOf(world, [await register(world)], { destination: HOME })),
          "MigrationLedger_HostIsDestination",
          HOME,
        );
      });

      it("takes notices of 1 hour to 90 days, both inclusive", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const hour = BigInt(HOUR) * MS;
        const most = BigInt(90 * DAY) * MS;

        for (const noticeMs of [hour - 1n, most + 1n]) {
          const move = await moveOf(world, [await register(world)], { noticeMs });
          await expectRefusal(world, agree(world, move), "MigrationLedger_NoticePeriod", noticeMs);
        }
        for (const noticeMs of [hour, most]) {
          await agree(world, await moveOf(world, [await register(world)], { noticeMs }));
        }
      });

      it("reverts without an SLA window", async function () {
        const world = await networkHelpers.loadFixture(federation);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, [await register(world)], { windowMs: 0n })),
          "MigrationLedger_NoWindow",
        );
        await agree(world, await moveOf(world, [await register(world)], { windowMs: 1n }));
      });

      it("knows digest kinds 0 to 3", async function () {
        const world = await networkHelpers.loadFixture(federation);

        for (const digestKind of [0, 3]) {
          await agree(world, await moveOf(world, [await register(world)], { digestKind }));
        }
        await expectRefusal(
          world,
          agree(world, await moveOf(world, [await register(world)], { digestKind: 4 })),
          "MigrationLedger_DigestKind",
          4,
        );
      });
    });

    describe("times", function () {
      for (const [when, offset, allowed] of [
        ["a second before agreeBy", -1, true],
        ["at agreeBy", 0, true],
        ["a second after agreeBy", 1, false],
      ] as const) {
        it(`${allowed ? "agrees" : "reverts"} ${when}`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const vm = await register(world);
          const by = (await nowSeconds(world)) + 100;
          const move = await moveOf(world, [vm], { agreeBy: BigInt(by) * MS });
          const signatures = await sign(world, "Move", move, [HOME, HOST]);
          await nextBlockAt(world, by + offset);

          if (allowed) {
            await agree(world, move, signatures);
            await expectState(world, vm, "Agreed");
          } else {
            await expectRefusal(
              world,
              agree(world, move, signatures),
              "MigrationLedger_TooLate",
              BigInt(by) * MS,
              BigInt(by + 1) * MS,
            );
          }
        });
      }

      for (const [field, limit] of [
        ["agreeBy", 15 * MINUTE],
        ["startBy", DAY],
        ["completeBy", 3 * DAY],
      ] as const) {
        for (const [far, allowed] of [
          [-1n, true],
          [0n, true],
          [1n, false],
        ] as const) {
          it(`${allowed ? "takes" : "refuses"} ${field} ${far} ms from the governed limit`, async function () {
            const world = await networkHelpers.loadFixture(federation);
            const vm = await register(world);
            const at = (await nowSeconds(world)) + 10;
            const latest = BigInt(at + limit) * MS;
            const move = await moveOf(world, [vm], {
              completeBy: latest + far,
              ...(field === "completeBy" ? {} : { [field]: latest + far }),
              ...(field === "agreeBy" ? { startBy: latest + far } : {}),
            });
            const signatures = await sign(world, "Move", move, [HOME, HOST]);
            await nextBlockAt(world, at);

            if (allowed) await agree(world, move, signatures);
            else
              await expectRefusal(
                world,
                agree(world, move, signatures),
                "MigrationLedger_TooFar",
                latest + far,
                latest,
              );
          });
        }
      }

      it("reverts when the deadlines are not in order", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const now = await nowMs(world);
        const [agreeBy, startBy, completeBy] = [now + 600_000n, now + 700_000n, now + 800_000n];

        for (const [a, s, c] of [
          [agreeBy, agreeBy - 1n, completeBy],
          [agreeBy, startBy, startBy - 1n],
        ] as const) {
          const move = await moveOf(world, [vm], { agreeBy: a, startBy: s, completeBy: c });
          await expectRefusal(world, agree(world, move), "MigrationLedger_DeadlinesUnordered", a, s, c);
        }
        await agree(world, await moveOf(world, [vm], { agreeBy, startBy: agreeBy, completeBy: agreeBy }));
      });

      it("says whether the source was given the governed lead, to the second", async function () {
        const world = await networkHelpers.loadFixture(federation);
        for (const [lead, expected] of [
          [HOUR - 1, false],
          [HOUR, true],
          [HOUR + 1, true],
        ] as const) {
          const vm = await register(world);
          const at = (await nowSeconds(world)) + 10;
          const move = await moveOf(world, [vm], { startBy: BigInt(at + lead) * MS });
          const signatures = await sign(world, "Move", move, [HOME, HOST]);
          await nextBlockAt(world, at);

          await agree(world, move, signatures);

          const { hadLead } = await vmOf(world, vm);
          expect(hadLead, `lead ${lead}`).to.equal(expected);
        }
      });
    });

    describe("room", function () {
      it("fills an offer to the last unit and not beyond (INV-ROOM)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = await registerMany(world, 11);
        const double = { line: { resources: BIGGEST } };
        await agree(world, await moveOf(world, vms.slice(0, 10), double));
        await expectCommitted(world, HOST, CAPACITY.vcpuMilli);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, vms.slice(10), { line: { resources: buildResources({ vcpuMilli: 1 }) } })),
          "CapacityExchange_NoRoom",
          HOST,
          0,
          0,
          CAPACITY.vcpuMilli + 1,
          CAPACITY.vcpuMilli,
        );
      });

      it("reverts for a VM bigger than the offer's biggest", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vms = await registerMany(world, 2);
        const tooBig = { ...BIGGEST, memoryMiB: BIGGEST.memoryMiB + 1 };

        await expectRefusal(
          world,
          agree(world, await moveOf(world, vms, { lines: [{}, { resources: tooBig }] })),
          "CapacityExchange_VmTooBig",
          HOST,
          0,
          1,
          1,
          tooBig.memoryMiB,
          BIGGEST.memoryMiB,
        );
      });

      it("reverts for a feature that the site lacks", async function () {
        const world = await networkHelpers.loadFixture(federation);
        await world.exchange.connect(world.governance).setFeature(3, "kvm");
        await offer(world, HOST, { features: 8n });
        const vms = await registerMany(world, 2);

        await agree(world, await moveOf(world, vms.slice(0, 1), { line: { features: 8n } }));
        await expectRefusal(
          world,
          agree(world, await moveOf(world, vms.slice(1), { line: { features: 24n } })),
          "CapacityExchange_FeaturesMissing",
          HOST,
          0,
          16n,
        );
      });

      it("reverts without an offer, or out of its validity", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        await expectRefusal(
          world,
          agree(world, await moveOf(world, [vm], { site: 7 })),
          "CapacityExchange_NoOffer",
          HOST,
          7,
        );
        const at = (await nowSeconds(world)) + 100;
        const validUntil = BigInt(at) * MS - 1n;
        await offer(world, HOST, { validUntil });
        const move = await moveOf(world, [vm]);
        const signatures = await sign(world, "Move", move, [HOME, HOST]);
        await nextBlockAt(world, at);

        await expectRefusal(
          world,
          agree(world, move, signatures),
          "CapacityExchange_OfferNotValid",
          HOST,
          0,
          0,
          validUntil,
          BigInt(at) * MS,
        );
      });

      it("refuses lanes at the top of their range instead of carrying (INV-LANE)", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const most = 2 ** 31 - 1;
        const huge = buildResources({ vcpuMilli: most });
        await offer(world, HOST, { capacity: huge, biggest: huge });
        const vms = await registerMany(world, 2);

        await expectRefusal(
          world,
          agree(world, await moveOf(world, vms, { line: { resources: huge } })),
          "ResourceVector_Overflow",
          BigInt(most),
          BigInt(most),
        );
        await expectRefusal(
          world,
          agree(world, await moveOf(world, vms, { line: { resources: buildResources({ vcpuMilli: most + 1 }) } })),
          "ResourceVector_LaneTooBig",
          0,
          most + 1,
        );
        await agree(world, await moveOf(world, vms.slice(0, 1), { line: { resources: huge } }));
      });
    });

    describe("standing", function () {
      it("reverts when new business is paused or closed, but not for a return home", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const [out, back, last] = [await register(world), await abroad(world), await abroad(world)];
        await world.ledger.connect(world.guardian).pauseNew(HOUR);
        const until = (await nowSeconds(world)) + HOUR;

        await expectRefusal(world, agree(world, await moveOf(world, [out])), "MigrationLedger_NewPaused", until);
        await agreed(world, [back]);
        await world.ledger.connect(world.governance).closeForNew();
        await expectRefusal(world, agree(world, await moveOf(world, [out])), "MigrationLedger_Closed", NOBODY);
        await agreed(world, [last]);
      });

      it("goes on in the second after a pause", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        await world.ledger.connect(world.guardian).pauseNew(60);
        const until = (await nowSeconds(world)) + 60;
        const move = await moveOf(world, [vm]);
        const signatures = await sign(world, "Move", move, [HOME, HOST]);

        await nextBlockAt(world, until);
        await expectRefusal(world, agree(world, move, signatures), "MigrationLedger_NewPaused", until);
        await nextBlockAt(world, until + 1);
        await agree(world, move, signatures);
      });

      it("reverts when home or destination is suspended or expelled", async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const fourths = await register(world, FOURTH);
        await suspend(world, HOST);
        await expectRefusal(world, agree(world, await moveOf(world, [vm])), "MigrationLedger_StatusForbids", HOST, 2);
        await expel(world, HOST);
        await expectRefusal(world, agree(world, await moveOf(world, [vm])), "MigrationLedger_StatusForbids", HOST, 4);
        await suspend(world, FOURTH);
        await expectRefusal(
          world,
          agree(world, await moveOf(world, [fourths], { destination: OTHER })),
          "MigrationLedger_StatusForbids",
          FOURTH,
          2,
        );
      });
    });

    it("moves on from a foreign host without that host's consent until it starts", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      await completed(world, [vm]);

      await agree(world, await moveOf(world, [vm], { destination: OTHER }));

      await expectState(world, vm, "Agreed");
      await expectCommitted(world, HOST, SIZE.vcpuMilli);
      await expectCommitted(world, OTHER, SIZE.vcpuMilli);
    });

    it("refuses what was agreed before, also after it was undone (INV-ONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await agreed(world, [vm]);

      await expectRefusal(world, agree(world, move), "MigrationLedger_WrongState", vm, 3);
      await as(world, HOME).abort(publicMove(move), HOME, 1);
      await expectRefusal(world, agree(world, move), "MigrationLedger_StaleNonce", vm, 3, 1);
      await record(world, await recordOf(world, [vm]));
      await expectRefusal(world, agree(world, move), "MigrationLedger_WrongHost", vm, HOST, HOME);
    });
  });
});

const NOBODY = "0x0000000000000000000000000000000000000000";

function mappingSlot(key: bigint, slot: number): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [key, slot]));
}
