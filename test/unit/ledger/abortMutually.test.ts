import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AbortReason, documentId } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState, expectUnfinished } from "../../fixtures/expectations.js";
import {
  HOME,
  HOST,
  OTHER,
  abortMutually,
  abroad,
  agreed,
  as,
  consentOf,
  expel,
  federation,
  moveOf,
  nextBlockAt,
  nowSeconds,
  register,
  sign,
  started,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("MigrationLedger", function () {
  describe("abortMutually", function () {
    it("ends a move for which nobody is at fault; the home need not consent", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await started(world, [vm], { destination: OTHER });
      const { move: number } = await vmOf(world, vm);

      await expect(abortMutually(world, move))
        .to.emit(world.ledger, "MoveAborted")
        .withArgs(number, 0, AbortReason.Capacity, 0);

      await expectState(world, vm, "Abroad");
      await expectCommitted(world, OTHER, 0);
      await expectUnfinished(world, number);
      const { state, reason } = await world.ledger.outcomeOf(number);
      expect([state, reason]).to.deep.equal([4n, BigInt(AbortReason.Capacity)]);
    });

    it("works before the start and for expelled clouds (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await agreed(world, [vm]);
      await expel(world, HOME);
      await expel(world, HOST);

      await abortMutually(world, move);

      await expectState(world, vm, "Home");
    });

    it("knows reasons 1 to 8", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);

      for (const reason of [0, 9, 255]) {
        const move = reason === 0 ? await agreed(world, [vm]) : await agreed(world, [await register(world)]);
        await expectRefusal(
          world,
          abortMutually(world, move, await consentOf(world, move, { reason })),
          "MigrationLedger_UnknownReason",
          reason,
        );
      }
      for (const reason of [1, 8]) {
        const move = await agreed(world, [await register(world)]);
        await abortMutually(world, move, await consentOf(world, move, { reason }));
      }
    });

    for (const [when, offset, allowed] of [
      ["a second before validUntil", -1, true],
      ["at validUntil", 0, true],
      ["a second after validUntil", 1, false],
    ] as const) {
      it(`${allowed ? "aborts" : "reverts"} ${when}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const move = await agreed(world, [await register(world)]);
        const until = (await nowSeconds(world)) + 100;
        const consent = await consentOf(world, move, { validUntil: BigInt(until) * MS });
        const signatures = await sign(world, "MutualAbort", consent, [HOME, HOST]);
        await nextBlockAt(world, until + offset);

        if (allowed) await abortMutually(world, move, consent, signatures);
        else {
          await expectRefusal(
            world,
            abortMutually(world, move, consent, signatures),
            "MigrationLedger_TooLate",
            consent.validUntil,
            BigInt(until + 1) * MS,
          );
        }
      });
    }

    it("reverts for another move than the one consented to, or none", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const never = await moveOf(world, [vm]);
      await expectRefusal(world, abortMutually(world, never), "MigrationLedger_WrongState", vm, 1);
      const move = await agreed(world, [vm]);

      await expectRefusal(
        world,
        abortMutually(world, move, await consentOf(world, move, { move: id("another") })),
        "MigrationLedger_OtherMove",
        documentId("Move", move),
        id("another"),
      );
      // Later deadlines make another move of the same agreement: the consent does not fit.
      const later = { ...move, completeBy: move.completeBy + 1n };
      const consent = await consentOf(world, move);
      await expectRefusal(
        world,
        abortMutually(world, later, consent),
        "MigrationLedger_OtherMove",
        documentId("Move", later),
        consent.move,
      );
    });

    it("reverts unless source, then destination signed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await agreed(world, [await register(world)]);
      const consent = await consentOf(world, move);
      const [source, destination] = (await sign(world, "MutualAbort", consent, [HOME, HOST])) as [string, string];

      await expectRefusal(world, abortMutually(world, move, consent, [source]), "MigrationLedger_SignatureCount", 2, 1);
      await expectRefusal(
        world,
        abortMutually(world, move, consent, [destination, source]),
        "CloudRegistry_BadSignature",
        HOME,
        world.clouds[HOST - 1]!.account,
      );
      const consentId = documentId("MutualAbort", consent);
      await as(world, HOST).revoke(HOST, consentId);
      await expectRefusal(
        world,
        abortMutually(world, move, consent, [source, destination]),
        "MigrationLedger_Revoked",
        HOST,
        consentId,
      );
    });
  });
});
