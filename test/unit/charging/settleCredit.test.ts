import { expect } from "chai";
import { network } from "hardhat";

import { AgentScope, agreementId, buildRates, buildSla, termsHash } from "../../../src/index.js";
import {
  type ChargedStay,
  type ChargedWorld,
  EUR,
  NOTHING,
  WINDOW_MS,
  availability,
  charged,
  expectRefusal,
  hosted,
  jointOf,
  owed,
  postNotes,
  replacementOf,
  returnedAt,
  settle,
  settleCredit,
  settleJointly,
  stopped,
  tell,
} from "../../fixtures/charging.js";
import {
  HOME,
  HOST,
  OTHER,
  bindAgent,
  completed,
  evacuate,
  evacuationOf,
  lost,
  nextBlockAt,
  nowMs,
  pass,
  register,
} from "../../fixtures/federation.js";

const connection = await network.create();
const { networkHelpers } = connection;

/** What a window of these tests costs. */
const CHARGE = WINDOW_MS * 100n;
/** Below both tiers of the default SLA: 30 %. */
const BAD = availability(980_000);
const CREDIT = (CHARGE * 3_000n) / 10_000n;

/** A price per millisecond with a fraction. */
const ODD = buildRates({ vcpuMilli: 1_000_003n, memoryMiB: 77_777n });

const OBJECTED = 3;
const DISPUTED = 5;

const creditOf = (world: ChargedWorld, stay: ChargedStay, window: number) =>
  world.charging.creditOf(stay.vm, stay.sequence, window);

/** A stay with a bad second window, which is over. */
async function missed() {
  const world = await charged(connection);
  const stay = await hosted(world);
  await tell(world, stay, 1, BAD);
  await pass(world, 300);
  return { world, stay };
}

describe("ChargingLedger", function () {
  describe("settleCredit", function () {
    it("gives the home its share of a window's charge back (INV-CREDIT)", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);

      const sent = settleCredit(world, stay, 1, BAD);

      await expect(sent)
        .to.emit(world.charging, "CreditSettled")
        .withArgs(
          stay.vm,
          HOME,
          HOST,
          stay.sequence,
          1,
          EUR,
          CREDIT,
          CREDIT,
          stay.startedAt + WINDOW_MS,
          stay.startedAt + 2n * WINDOW_MS,
          3_000,
          1,
        );
      expect(await owed(world, HOME, HOST)).to.equal(CREDIT);
      expect(await creditOf(world, stay, 1)).to.equal(CREDIT);
      expect(await creditOf(world, stay, 0)).to.equal(0n);
    });

    it("posts nothing the second time, and goes with the charge in any order (INV-PURE)", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);

      await settleCredit(world, stay, 1, BAD);
      await settle(world, stay, stay.startedAt + 3n * WINDOW_MS);
      await expect(settleCredit(world, stay, 1, BAD, { by: HOST })).not.to.emit(world.charging, "CreditSettled");

      expect(await owed(world, HOST, HOME)).to.equal(3n * CHARGE - CREDIT);
    });

    it("posts nothing where every promise was kept", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);
      await tell(world, stay, 0, availability(999_000));

      await expect(settleCredit(world, stay, 0, availability(999_000))).not.to.emit(world.charging, "CreditSettled");

      expect(await owed(world, HOME, HOST)).to.equal(0n);
    });

    it("never gives back more than the charge, whatever the SLA says (INV-CREDIT)", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const sla = buildSla({
        thresholds: { ...availability(999_000), lossPpm: 0, measured: 0b1000001 },
        availabilityTiers: [{ belowPpm: 1_000_000, creditBps: 10_000 }],
        otherMetricsBps: 10_000,
        capBps: 10_000,
      });
      const stay = await hosted(world, { sla, price: { rates: ODD } });
      const metrics = { ...BAD, lossPpm: 1, measured: 0b1000001 };
      await pass(world, 300);

      for (const window of [0, 1, 2]) {
        await tell(world, stay, window, metrics);
        await settleCredit(world, stay, window, metrics);
      }
      await settle(world, stay, stay.startedAt + 3n * WINDOW_MS);

      expect(await owed(world, HOST, HOME)).to.equal(0n);
      const whole = (stay.rate * 3n * WINDOW_MS) / 3_600_000_000n;
      const credits = await Promise.all([0, 1, 2].map((window) => creditOf(world, stay, window)));
      expect(credits.reduce((sum, credit) => sum + credit)).to.equal(whole);
    });

    it("cuts the last window at the stay's end", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);
      const endedAt = await stopped(world, stay);
      const window = Number((endedAt - stay.startedAt) / WINDOW_MS);
      await tell(world, stay, window, BAD);

      await settleCredit(world, stay, window, BAD);

      const length = (endedAt - stay.startedAt) % WINDOW_MS;
      expect(await creditOf(world, stay, window)).to.equal((length * 100n * 3_000n) / 10_000n);
    });

    it("takes back what a note has replaced, for the part that it has (INV-CREDIT, INV-SETTLE)", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);
      await settleCredit(world, stay, 1, BAD);
      await postNotes(world, [
        await replacementOf(world, stay, stay.startedAt + WINDOW_MS + WINDOW_MS / 4n, { amount: 1n }),
      ]);

      await expect(settleCredit(world, stay, 1, BAD, { by: HOST })).to.emit(world.charging, "CreditSettled");
      expect(await creditOf(world, stay, 1)).to.equal((CREDIT * 3n) / 4n);
      await postNotes(world, [await replacementOf(world, stay, stay.startedAt + 2n * WINDOW_MS, { amount: 1n })]);
      // Nothing is left to judge: no result is asked for.
      await settleCredit(world, stay, 1, NOTHING, { by: HOST });

      expect(await creditOf(world, stay, 1)).to.equal(0n);
      expect(await owed(world, HOST, HOME)).to.equal(2n);
      await expect(settleCredit(world, stay, 1, BAD)).not.to.emit(world.charging, "CreditSettled");
    });

    it("takes back the credit of a window before which the stay's end was moved (INV-CREDIT)", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);
      await settleCredit(world, stay, 1, BAD);
      await returnedAt(world, stay, stay.startedAt + WINDOW_MS + WINDOW_MS / 2n);

      await settleCredit(world, stay, 1, BAD);
      expect(await creditOf(world, stay, 1)).to.equal(CREDIT / 2n);

      const other = await hosted(world);
      await pass(world, 300);
      await tell(world, other, 3, BAD);
      await settleCredit(world, other, 3, BAD);
      await returnedAt(world, other, other.startedAt + 3n * WINDOW_MS);
      await settleCredit(world, other, 3, NOTHING);
      expect(await creditOf(world, other, 3)).to.equal(0n);
      const endedAt = other.startedAt + 3n * WINDOW_MS;
      await expectRefusal(
        world,
        settleCredit(world, other, 3, BAD),
        "ChargingLedger_NoSuchWindow",
        other.vm,
        other.sequence,
        3,
        endedAt,
      );
    });

    describe("with a pause beyond its budget", function () {
      /** A record with a pause of 75 s; the budget of the SLA is 60 s, the window 60 s. */
      async function paused(world: ChargedWorld, changes: Parameters<typeof hosted>[1] = {}) {
        const vm = await register(world);
        await pass(world, 600);
        const now = await nowMs(world);
        return hosted(world, { vm, releasedAt: now - 75_000n, runningAt: now, ...changes });
      }

      it("credits window 0 without a result", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await paused(world);
        await pass(world, 60);

        await settleCredit(world, stay, 0, NOTHING);

        // A quarter of the window was lost: below both tiers.
        expect(await creditOf(world, stay, 0)).to.equal(CREDIT);
      });

      it("adds it to the result, once there is one", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const sla = buildSla({
          availabilityTiers: [
            { belowPpm: 999_000, creditBps: 1_000 },
            { belowPpm: 750_000, creditBps: 5_000 },
          ],
        });
        const stay = await paused(world, { sla });
        await pass(world, 60);
        await settleCredit(world, stay, 0, NOTHING);
        expect(await creditOf(world, stay, 0)).to.equal(CHARGE / 10n);

        await tell(world, stay, 0, availability(999_999));
        await settleCredit(world, stay, 0, availability(999_999));

        expect(await creditOf(world, stay, 0)).to.equal(CHARGE / 2n);
      });

      it("counts where the result is disputed, and waits where it is open", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const stay = await paused(world);
        await pass(world, 60);

        await tell(world, stay, 0, NOTHING, OBJECTED);
        await expectRefusal(
          world,
          settleCredit(world, stay, 0, NOTHING),
          "OracleStub_NotFinal",
          stay.vm,
          stay.sequence,
          0,
        );
        await tell(world, stay, 0, NOTHING, DISPUTED);
        await settleCredit(world, stay, 0, NOTHING);

        expect(await creditOf(world, stay, 0)).to.equal(CREDIT);
      });

      it("is nobody's within the budget, at other windows, at a return home and after an evacuation", async function () {
        const world = await networkHelpers.loadFixture(charged);
        const patient = await paused(world, { sla: { pauseBudgetMs: 75_000 } });
        const stay = await paused(world);
        const gone = await lost(world, OTHER);
        await pass(world, 1_000);
        const document = await evacuationOf(world, [gone], {
          destination: HOST,
          windowMs: WINDOW_MS,
          terms: stay.agreement.terms,
        });
        await evacuate(world, document);
        const evacuated = {
          ...stay,
          vm: gone,
          sequence: 3,
          startedAt: await nowMs(world),
          agreement: document.agreement,
        };
        await pass(world, 300);

        for (const [found, window] of [
          [patient, 0],
          [stay, 1],
          [evacuated, 0],
        ] as const) {
          await expectRefusal(
            world,
            settleCredit(world, found, window, NOTHING),
            "OracleStub_NotFinal",
            found.vm,
            found.sequence,
            window,
          );
        }
      });
    });

    it("judges what a move's own pause lost", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const first = await hosted(world, { host: OTHER });
      const move = await completed(world, [first.vm], {
        destination: HOST,
        windowMs: WINDOW_MS,
        terms: { price: first.agreement.terms.price, sla: buildSla({ pauseBudgetMs: 0 }) },
      });
      const facts = await world.ledger.stayOf(first.vm, 3);
      const stay = { ...first, sequence: 3, host: HOST, startedAt: facts.startedAt, agreement: move.agreement };
      await pass(world, 60);

      // Released in the block before: a second of sixty.
      await settleCredit(world, stay, 0, NOTHING);

      expect(facts.startedAt - facts.previousEndedAt).to.equal(1_000n);
      expect(await creditOf(world, stay, 0)).to.equal(CREDIT);
    });

    it("works for agents with REPORT", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);
      const [reporter] = world.spare;
      await bindAgent(world, HOME, reporter!, { scopes: AgentScope.REPORT });

      await settleCredit(world, stay, 1, BAD, { sender: reporter! });

      expect(await creditOf(world, stay, 1)).to.equal(CREDIT);
    });

    it("comes after the charge where both together settle", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world, { price: { settlement: 1 } });
      await tell(world, stay, 1, BAD);
      await pass(world, 300);
      const through = stay.startedAt + 2n * WINDOW_MS;

      await settleJointly(world, stay, await jointOf(world, stay, through - 1n));
      await expectRefusal(
        world,
        settleCredit(world, stay, 1, BAD),
        "ChargingLedger_NotYetSettled",
        stay.vm,
        stay.sequence,
        1,
        through - 1n,
      );
      await settleJointly(world, stay, await jointOf(world, stay, through));
      await settleCredit(world, stay, 1, BAD);

      expect(await owed(world, HOST, HOME)).to.equal(2n * CHARGE - CREDIT);
    });

    it("reverts before the window is over, to the second", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      await tell(world, stay, 0, BAD);
      const endsAt = stay.startedAt + WINDOW_MS;

      await nextBlockAt(world, (endsAt - 1_000n) / 1_000n);
      await expectRefusal(
        world,
        settleCredit(world, stay, 0, BAD),
        "ChargingLedger_WindowNotOver",
        stay.vm,
        stay.sequence,
        0,
        endsAt,
      );
      await nextBlockAt(world, endsAt / 1_000n);
      await settleCredit(world, stay, 0, BAD);
      const far = 2 ** 32 - 1;
      await expectRefusal(
        world,
        settleCredit(world, stay, far, BAD),
        "ChargingLedger_WindowNotOver",
        stay.vm,
        stay.sequence,
        far,
        stay.startedAt + 2n ** 32n * WINDOW_MS,
      );
    });

    it("reverts for a window that begins when the stay has ended", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);
      await returnedAt(world, stay, stay.startedAt + 2n * WINDOW_MS);

      await settleCredit(world, stay, 1, BAD);
      await expectRefusal(
        world,
        settleCredit(world, stay, 2, BAD),
        "ChargingLedger_NoSuchWindow",
        stay.vm,
        stay.sequence,
        2,
        stay.startedAt + 2n * WINDOW_MS,
      );
    });

    it("reverts without a final result, and for another than the oracle has", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);

      for (const [window, metrics] of [
        [0, NOTHING],
        [0, BAD],
        [1, availability(979_999)],
      ] as const) {
        await expectRefusal(
          world,
          settleCredit(world, stay, window, metrics),
          "OracleStub_NotFinal",
          stay.vm,
          stay.sequence,
          window,
        );
      }
    });

    it("reverts for who is no party, and for documents that are not the stay's", async function () {
      const { world, stay } = await networkHelpers.loadFixture(missed);
      const agreement = { ...stay.agreement, windowMs: 2n * WINDOW_MS };
      const { price, sla } = stay.agreement.terms;
      const dearer = { ...price, currency: "USD" };
      const better = { ...sla, capBps: 9_999 };

      await expectRefusal(
        world,
        settleCredit(world, stay, 1, BAD, { by: OTHER }),
        "ChargingLedger_NotAParty",
        stay.vm,
        stay.sequence,
        OTHER,
      );
      await expectRefusal(
        world,
        settleCredit(world, stay, 1, BAD, { by: HOME, sender: OTHER }),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.clouds[OTHER - 1]!.account,
      );
      await expectRefusal(
        world,
        settleCredit(world, stay, 1, BAD, { agreement }),
        "ChargingLedger_WrongAgreement",
        agreementId(agreement),
        agreementId(stay.agreement),
      );
      await expectRefusal(
        world,
        settleCredit(world, stay, 1, BAD, { price: dearer }),
        "ChargingLedger_WrongTerms",
        termsHash({ price: dearer, sla }),
        termsHash(stay.agreement.terms),
      );
      await expectRefusal(
        world,
        settleCredit(world, stay, 1, BAD, { sla: better }),
        "ChargingLedger_WrongTerms",
        termsHash({ price, sla: better }),
        termsHash(stay.agreement.terms),
      );
      const atHome = await register(world);
      await expectRefusal(
        world,
        settleCredit(world, { ...stay, vm: atHome, sequence: 1 }, 0, BAD),
        "ChargingLedger_AtHome",
        atHome,
        1,
      );
    });

    it("reverts for an SLA by which nobody can judge", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world, {
        sla: {
          availabilityTiers: [
            { belowPpm: 990_000, creditBps: 1 },
            { belowPpm: 990_000, creditBps: 2 },
          ],
        },
      });
      await tell(world, stay, 0, BAD);
      await pass(world, 60);

      await expectRefusal(world, settleCredit(world, stay, 0, BAD), "SlaRules_TiersNotOrdered", 1, 990_000, 2);
    });
  });
});
