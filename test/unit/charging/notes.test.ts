import { expect } from "chai";
import { ZeroHash, concat, id, keccak256 } from "ethers";
import { network } from "hardhat";

import { AgentScope, NoteReason, type Note, documentId, signDocument } from "../../../src/index.js";
import {
  type ChargedWorld,
  EUR,
  bytesOf,
  callBooks,
  charged,
  expectCharge,
  expectRefusal,
  hosted,
  noteOf,
  owed,
  postNotes,
  replacementOf,
  returnedAt,
  settle,
  signNotes,
  stopped,
} from "../../fixtures/charging.js";
import {
  CONTRACT,
  FOURTH,
  HOME,
  HOST,
  OTHER,
  UNKNOWN,
  bindAgent,
  cloudOf,
  nextBlockAt,
  nowSeconds,
  pass,
  register,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const UNIT = 1_000_000_000n;
const idOf = (note: Note) => documentId("Note", note);

/** Notes of a netting: each refers to the round of all, computed here by hand. */
async function roundOf(world: ChargedWorld, drafts: readonly Partial<Note>[]): Promise<Note[]> {
  const notes = await Promise.all(drafts.map((draft) => noteOf(world, { reason: NoteReason.NETTING, ...draft })));
  const round = keccak256(concat(notes.map((note) => idOf({ ...note, refersTo: ZeroHash }))));
  return notes.map((note) => ({ ...note, refersTo: round }));
}

describe("ChargingLedger", function () {
  describe("postNotes", function () {
    it("books what creditor and debtor have signed, whoever brings it", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const note = await noteOf(world, { refersTo: id("a line"), reason: NoteReason.CORRECTION });

      const sent = postNotes(world, [note]);

      await expect(sent)
        .to.emit(world.charging, "NotePosted")
        .withArgs(idOf(note), HOST, HOME, EUR, UNIT, id("a line"), ZeroHash, 0, 0, NoteReason.CORRECTION);
      expect(await owed(world, HOST, HOME)).to.equal(UNIT);
      expect(await owed(world, HOME, HOST)).to.equal(-UNIT);
      expect(await world.charging.isPosted(idOf(note))).to.equal(true);
    });

    it("keeps a balance for each currency, and for each pair", async function () {
      const world = await networkHelpers.loadFixture(charged);

      await postNotes(world, [
        await noteOf(world, { amount: 5n }),
        await noteOf(world, { amount: 7n, creditor: HOME, debtor: HOST }),
        await noteOf(world, { amount: 11n, currency: "JPY" }),
        await noteOf(world, { amount: 13n, creditor: CONTRACT, debtor: OTHER }),
      ]);

      expect(await owed(world, HOST, HOME)).to.equal(-2n);
      expect(await owed(world, HOST, HOME, bytesOf("JPY"))).to.equal(11n);
      expect(await owed(world, OTHER, CONTRACT)).to.equal(-13n);
      expect(await owed(world, HOST, OTHER)).to.equal(0n);
    });

    it("takes sixteen notes, all or none", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const notes = await Promise.all(Array.from({ length: 17 }, () => noteOf(world)));
      const bad = await noteOf(world, { amount: 0n });

      await expectRefusal(world, postNotes(world, notes), "ChargingLedger_NoteCount", 17);
      await expectRefusal(world, postNotes(world, []), "ChargingLedger_NoteCount", 0);
      await expectRefusal(world, postNotes(world, [...notes.slice(0, 15), bad]), "ChargingLedger_NoAmount");
      expect(await owed(world, HOST, HOME)).to.equal(0n);
      await postNotes(world, notes.slice(0, 16));

      expect(await owed(world, HOST, HOME)).to.equal(16n * UNIT);
    });

    it("posts a note once, also in one call", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const note = await noteOf(world);

      await expectRefusal(world, postNotes(world, [note, note]), "ChargingLedger_NoteAlreadyPosted", idOf(note));
      await postNotes(world, [note]);
      await expectRefusal(world, postNotes(world, [note]), "ChargingLedger_NoteAlreadyPosted", idOf(note));
      await postNotes(world, [{ ...note, salt: id("another") }]);

      expect(await owed(world, HOST, HOME)).to.equal(2n * UNIT);
    });

    it("takes a note until its deadline, inclusive", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const last = (await nowSeconds(world)) + 50;
      const validUntil = BigInt(last) * 1_000n;
      const [first, second] = [await noteOf(world, { validUntil }), await noteOf(world, { validUntil })];

      await nextBlockAt(world, last);
      await postNotes(world, [first]);
      await nextBlockAt(world, last + 1);

      await expectRefusal(world, postNotes(world, [second]), "ChargingLedger_TooLate", validUntil, validUntil + 1_000n);
    });

    it("takes no agent's signature, and no other than the two accounts' in their order", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const [agent] = world.spare;
      await bindAgent(world, HOST, agent!, { scopes: 63 });
      const note = await noteOf(world);
      const [creditor, debtor] = (await signNotes(world, [note])) as [string, string];

      await expectRefusal(
        world,
        postNotes(world, [note], await signNotes(world, [note], { [HOST]: agent! })),
        "CloudRegistry_ScopeMissing",
        HOST,
        agent!.address,
        0,
        63,
      );
      await expectRefusal(
        world,
        postNotes(world, [note], [debtor, creditor]),
        "CloudRegistry_BadSignature",
        HOST,
        cloudOf(world, HOME).key.address,
      );
      await expectRefusal(world, postNotes(world, [note], [creditor]), "ChargingLedger_SignatureCount", 2, 1);
      const unsigned = await noteOf(world, { creditor: UNKNOWN });
      await expectRefusal(
        world,
        postNotes(world, [unsigned], [creditor, debtor]),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
    });

    it("does not take a signature under the same note for another contract", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const note = await noteOf(world);
      const signatures = await Promise.all(
        [HOST, HOME].map((cloud) => signDocument(cloudOf(world, cloud).key, world.domain, "Note", note)),
      );

      await expect(postNotes(world, [note], signatures)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_BadSignature",
      );
    });

    it("reverts when a cloud would owe itself, for no amount, and for no currency", async function () {
      const world = await networkHelpers.loadFixture(charged);

      await expectRefusal(
        world,
        postNotes(world, [await noteOf(world, { creditor: HOME })]),
        "ChargingLedger_SameCloud",
        HOME,
      );
      await expectRefusal(world, postNotes(world, [await noteOf(world, { amount: 0n })]), "ChargingLedger_NoAmount");
      await expectRefusal(
        world,
        postNotes(world, [await noteOf(world, { currency: "eur" })]),
        "Currency_NotThreeLetters",
        "eur",
      );
    });

    describe("that name a stay", function () {
      it("stand for its charge up to their time: nothing is charged twice (INV-SETTLE)", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await hosted(world);
        await pass(world, 600);
        const through = stay.startedAt + 300_000n;
        await settle(world, stay, stay.startedAt + 400_000n);

        const sent = postNotes(world, [await replacementOf(world, stay, through, { amount: 5n })]);

        await expect(sent)
          .to.emit(world.charging, "StaySettled")
          .withArgs(
            stay.vm,
            HOST,
            HOME,
            stay.sequence,
            EUR,
            -300_000n * 100n,
            stay.startedAt,
            stay.startedAt + 400_000n,
            through,
            stay.rate,
          );
        expect(await owed(world, HOST, HOME)).to.equal(100_000n * 100n + 5n);
        await settle(world, stay, stay.startedAt + 200_000n);
        await settle(world, stay, stay.startedAt + 500_000n);
        expect(await owed(world, HOST, HOME)).to.equal(200_000n * 100n + 5n);
      });

      it("come before any settlement as well, in either direction and in another currency", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await hosted(world);
        await pass(world, 600);

        await postNotes(world, [
          await replacementOf(world, stay, stay.startedAt + 300_000n, {
            creditor: HOME,
            debtor: HOST,
            currency: "USD",
            amount: 3n,
          }),
        ]);
        const [account, posted] = await world.charging.chargeOf(stay.vm, stay.sequence);
        expect([...account, posted]).to.deep.equal([0n, "0x000000", 0n, stay.startedAt + 300_000n, 0n]);
        await settle(world, stay, stay.startedAt + 200_000n);
        await expectCharge(world, stay, 0n);
        await settle(world, stay, stay.startedAt + 301_000n);

        await expectCharge(world, stay, 100_000n);
        expect(await owed(world, HOME, HOST, bytesOf("USD"))).to.equal(3n);
      });

      it("replace up to the latest of their times", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await hosted(world);
        await pass(world, 600);
        await settle(world, stay, stay.startedAt + 600_000n);

        await postNotes(world, [await replacementOf(world, stay, stay.startedAt + 400_000n)]);
        await postNotes(world, [await replacementOf(world, stay, stay.startedAt + 100_000n)]);

        const [account, posted] = await world.charging.chargeOf(stay.vm, stay.sequence);
        expect(account.replacedThrough).to.equal(stay.startedAt + 400_000n);
        expect(posted).to.equal(200_000n * 100n);
      });

      it("notice that the stay's end was moved back", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await hosted(world);
        await pass(world, 600);
        await settle(world, stay, stay.startedAt + 600_000n);
        await returnedAt(world, stay, stay.startedAt + 500_000n);

        await postNotes(world, [await replacementOf(world, stay, stay.startedAt + 200_000n, { amount: 1n })]);

        expect(await owed(world, HOST, HOME)).to.equal(300_000n * 100n + 1n);
      });

      it("name all of it or nothing", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await hosted(world);
        const through = stay.startedAt + 1n;
        const { vm, sequence } = stay;
        for (const half of [
          { vm: ZeroHash, sequence, through },
          { vm, sequence: 0, through },
          { vm, sequence, through: 0n },
          { vm: ZeroHash, sequence: 0, through },
          { vm: ZeroHash, sequence, through: 0n },
          { vm, sequence: 0, through: 0n },
        ]) {
          await expectRefusal(
            world,
            postNotes(world, [await noteOf(world, half)]),
            "ChargingLedger_StayHalfNamed",
            half.vm,
            half.sequence,
            half.through,
          );
        }
      });

      it("are between its home and its host", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await hosted(world);
        const atHome = await register(world);
        const through = stay.startedAt + 1n;

        for (const [creditor, debtor] of [
          [HOST, OTHER],
          [OTHER, HOME],
          [HOME, OTHER],
          [OTHER, FOURTH],
        ] as const) {
          await expectRefusal(
            world,
            postNotes(world, [await replacementOf(world, stay, through, { creditor, debtor })]),
            "ChargingLedger_NotTheirStay",
            stay.vm,
            stay.sequence,
            HOME,
            HOST,
          );
        }
        await expectRefusal(
          world,
          postNotes(world, [await replacementOf(world, { ...stay, vm: atHome, sequence: 1 }, through)]),
          "ChargingLedger_AtHome",
          atHome,
          1,
        );
        await expectRefusal(
          world,
          postNotes(world, [await replacementOf(world, { ...stay, sequence: 9 }, through)]),
          "MigrationLedger_UnknownStay",
          stay.vm,
          9,
        );
      });

      it("end within it, and not in the future", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await hosted(world);
        const next = (await nowSeconds(world)) + 100;
        const now = BigInt(next) * 1_000n;
        const start = stay.startedAt;

        await nextBlockAt(world, next - 1);
        await postNotes(world, [await replacementOf(world, stay, start + 1n)]);
        const late = await replacementOf(world, stay, now + 1n);
        await nextBlockAt(world, next);
        await expectRefusal(
          world,
          postNotes(world, [late]),
          "ChargingLedger_OutsideStay",
          stay.vm,
          stay.sequence,
          now + 1n,
          start,
          now,
        );
        await expectRefusal(
          world,
          postNotes(world, [await replacementOf(world, stay, start)]),
          "ChargingLedger_OutsideStay",
          stay.vm,
          stay.sequence,
          start,
          start,
          now,
        );
        const endedAt = await stopped(world, stay);
        await expectRefusal(
          world,
          postNotes(world, [await replacementOf(world, stay, endedAt + 1n)]),
          "ChargingLedger_OutsideStay",
          stay.vm,
          stay.sequence,
          endedAt + 1n,
          start,
          endedAt,
        );
        await postNotes(world, [await replacementOf(world, stay, endedAt)]);
      });
    });

    describe("of a netting", function () {
      const cycle = [
        { creditor: HOME, debtor: HOST },
        { creditor: HOST, debtor: OTHER },
        { creditor: OTHER, debtor: HOME },
      ];

      it("count with their whole round", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const notes = await roundOf(world, cycle);

        await postNotes(world, notes);

        for (const { creditor, debtor } of cycle) expect(await owed(world, creditor, debtor)).to.equal(UNIT);
      });

      it("do not count one by one, in part, in another order, or with others", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const notes = await roundOf(world, cycle);
        const [first, second, third] = notes as [Note, Note, Note];
        const stranger = await noteOf(world, { creditor: HOST, debtor: FOURTH });

        for (const part of [[first], [first, second], [second, first, third], [...notes, stranger]]) {
          const hashes = part.map((note) => idOf({ ...note, refersTo: ZeroHash }));
          const [found] = part as [Note];
          await expectRefusal(
            world,
            postNotes(world, part),
            "ChargingLedger_NotItsRound",
            idOf(found),
            first.refersTo,
            keccak256(concat(hashes)),
          );
        }
        await postNotes(world, notes);
      });

      it("are void when one cloud withdraws one of its signatures", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const notes = await roundOf(world, cycle);
        const withdrawn = idOf(notes[1]!);

        await callBooks(world, OTHER, "withdrawSignature", [OTHER, withdrawn]);

        await expectRefusal(world, postNotes(world, notes), "ChargingLedger_Withdrawn", OTHER, withdrawn);
        expect(await owed(world, HOME, HOST)).to.equal(0n);
      });
    });
  });

  describe("withdrawSignature", function () {
    it("voids a note for the cloud that withdraws, and for nobody else", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const [one, other] = [await noteOf(world), await noteOf(world)];

      await expect(callBooks(world, HOME, "withdrawSignature", [HOME, idOf(one)]))
        .to.emit(world.charging, "SignatureWithdrawn")
        .withArgs(HOME, idOf(one));
      await callBooks(world, FOURTH, "withdrawSignature", [FOURTH, idOf(other)]);

      await expectRefusal(world, postNotes(world, [one]), "ChargingLedger_Withdrawn", HOME, idOf(one));
      expect(await world.charging.isWithdrawn(HOME, idOf(one))).to.equal(true);
      expect(await world.charging.isWithdrawn(HOST, idOf(one))).to.equal(false);
      await postNotes(world, [other]);
      expect(await world.charging.isPosted(idOf(other))).to.equal(true);
      expect(await world.charging.isPosted(idOf(one))).to.equal(false);
    });

    it("does nothing the second time, and changes nothing that was posted", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const note = await noteOf(world);
      await postNotes(world, [note]);

      await callBooks(world, HOME, "withdrawSignature", [HOME, idOf(note)]);
      await expect(callBooks(world, HOME, "withdrawSignature", [HOME, idOf(note)])).not.to.emit(
        world.charging,
        "SignatureWithdrawn",
      );

      expect(await world.charging.isPosted(idOf(note))).to.equal(true);
      expect(await owed(world, HOST, HOME)).to.equal(UNIT);
      await expectRefusal(world, postNotes(world, [note]), "ChargingLedger_NoteAlreadyPosted", idOf(note));
    });

    it("is for the account and agents with REPORT", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const [agent] = world.spare;
      await bindAgent(world, HOST, agent!, { scopes: AgentScope.REPORT });

      await callBooks(world, agent!, "withdrawSignature", [HOST, id("a note")]);
      await callBooks(world, CONTRACT, "withdrawSignature", [CONTRACT, id("a note")]);

      await expectRefusal(
        world,
        callBooks(world, agent!, "withdrawSignature", [HOME, id("a note")]),
        "CloudRegistry_NotAuthorized",
        HOME,
        agent!.address,
      );
    });
  });
});
