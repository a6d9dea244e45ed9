import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { network } from "hardhat";

import { DEFAULT_REPUTATION_RULES } from "../../../ignition/parameters.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  type World,
  completed,
  pass,
  register,
  succeed,
  successionOf,
} from "../../fixtures/federation.js";
import {
  GOOD,
  HOURS,
  RULES,
  type Rules,
  agreeOn,
  deployReputation,
  expectEvidence,
  hosted,
  measured,
  open,
  opened,
  plainEvidence,
  postResult,
  remembering,
  rememberingSuccessor,
  thisMonth,
  toMonth,
} from "../../fixtures/reputation.js";

const { networkHelpers } = await network.create();

/** Hard limits of every rule. */
const LIMITS: Readonly<Record<Exclude<keyof Rules, "weights">, readonly [least: number, most: number]>> = {
  capHours: [100, 1_000_000],
  moveHours: [1, 1_000],
  newcomerHours: [1, 10_000],
  confidenceHours: [1, 1_000_000],
};
const MOST_WEIGHT = 10_000_000;

const LANES = Object.keys(RULES.weights) as (keyof Rules["weights"])[];

/** Rules in one of which a value differs. */
function withRule(name: string, value: number): Rules {
  return name in RULES.weights
    ? { ...RULES, weights: { ...RULES.weights, [name]: value } }
    : { ...RULES, [name]: value };
}

function plainRules(found: Awaited<ReturnType<typeof rulesOf>>): Rules {
  const number = (name: Exclude<keyof Rules, "weights">) => Number(found[name]);
  return {
    weights: Object.fromEntries(LANES.map((lane) => [lane, Number(found.weights[lane])])) as Rules["weights"],
    capHours: number("capHours"),
    moveHours: number("moveHours"),
    newcomerHours: number("newcomerHours"),
    confidenceHours: number("confidenceHours"),
  };
}

const rulesOf = (world: World, month: number) => world.reputation.rulesOf(month);

describe("ReputationLedger", function () {
  describe("setReputationRules", function () {
    it("is for governance", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      for (const sender of [world.guardian, world.deployer, world.clouds[0]!.key]) {
        await expectRefusal(
          world,
          world.reputation.connect(sender).setReputationRules(RULES),
          "AccessManagedUnauthorized",
          sender.address,
        );
      }
    });

    it("sets the rules from the next month on; the last of a month holds (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const governed = world.reputation.connect(world.governance);
      const month = await thisMonth(world);
      const next = { ...RULES, capHours: 300, moveHours: 20 };

      await governed.setReputationRules({ ...RULES, moveHours: 99 });
      const sent = governed.setReputationRules(next);

      await expect(sent)
        .to.emit(world.reputation, "ReputationRulesSet")
        .withArgs(month + 1, [Object.values(next.weights), 300, 20, 50, 100]);
      for (const [at, expected] of [
        [0, RULES],
        [month, RULES],
        [month + 1, next],
        [month + 100, next],
      ] as const) {
        expect(plainRules(await rulesOf(world, at)), String(at)).to.deep.equal(expected);
      }
      await toMonth(world, 3);
      await governed.setReputationRules({ ...next, moveHours: 30 });
      for (const [at, hours] of [
        [month, 10n],
        [month + 3, 20n],
        [month + 4, 30n],
      ] as const) {
        expect((await rulesOf(world, at)).moveHours).to.equal(hours);
      }
    });

    it("judges no month that has begun by other rules, however late its facts are posted (INV-REP)", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const vms = [await register(world), await register(world)] as const;
      await completed(world, [vms[0]]);
      await completed(world, [vms[1]]);
      const month = await thisMonth(world);
      await world.reputation.postMove(vms[0], 2);
      await world.reputation.connect(world.governance).setReputationRules({ ...RULES, moveHours: 33 });
      await toMonth(world, 2);

      await world.reputation.postMove(vms[1], 2);

      await expectEvidence(world, [HOST, HOME, month], { kept: 20n });
      const vm = await register(world);
      await completed(world, [vm]);
      await world.reputation.postMove(vm, 2);
      await expectEvidence(world, [HOST, HOME, month + 2], { kept: 33n });
    });

    describe("hard limits (INV-PARAM)", function () {
      for (const [name, [least, most]] of Object.entries(LIMITS)) {
        it(`holds ${name} between ${least} and ${most}`, async function () {
          const world = await networkHelpers.loadFixture(remembering);
          const governed = world.reputation.connect(world.governance);
          for (const value of [least - 1, most + 1]) {
            await expectRefusal(
              world,
              governed.setReputationRules(withRule(name, value)),
              "ReputationLedger_RuleOutOfRange",
              name,
              value,
              least,
              most,
            );
          }
          for (const value of [least, most]) await governed.setReputationRules(withRule(name, value));
        });
      }

      for (const lane of LANES) {
        it(`holds the weight ${lane} at ${MOST_WEIGHT} at most`, async function () {
          const world = await networkHelpers.loadFixture(remembering);
          const governed = world.reputation.connect(world.governance);
          await expectRefusal(
            world,
            governed.setReputationRules(withRule(lane, MOST_WEIGHT + 1)),
            "ReputationLedger_RuleOutOfRange",
            lane,
            MOST_WEIGHT + 1,
            0,
            MOST_WEIGHT,
          );
          await governed.setReputationRules(withRule(lane, MOST_WEIGHT));
        });
      }

      it("wants one weight at least", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        const none = Object.fromEntries(LANES.map((lane) => [lane, 0])) as Rules["weights"];
        const governed = world.reputation.connect(world.governance);
        await expectRefusal(
          world,
          governed.setReputationRules({ ...RULES, weights: none }),
          "ReputationLedger_RuleOutOfRange",
          "weights",
          0,
          1,
          8 * MOST_WEIGHT,
        );
        for (const lane of LANES) await governed.setReputationRules({ ...RULES, weights: { ...none, [lane]: 1 } });
        const all = Object.fromEntries(LANES.map((lane) => [lane, MOST_WEIGHT])) as Rules["weights"];
        await governed.setReputationRules({ ...RULES, weights: all });
      });

      it("hold for the rules at the start, and the defaults are within them", async function () {
        const world = await networkHelpers.loadFixture(remembering);
        await deployReputation(world, DEFAULT_REPUTATION_RULES);

        await expectRefusal(
          world,
          deployReputation(world, { ...RULES, capHours: 99 }),
          "ReputationLedger_RuleOutOfRange",
          "capHours",
          99,
          100,
          1_000_000,
        );
      });
    });
  });

  describe("a reputation ledger", function () {
    it("says what it belongs to", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const { reputation, oracle, ledger, authority } = world;

      expect(await reputation.oracle()).to.equal(await oracle.getAddress());
      expect(await reputation.ledger()).to.equal(await ledger.getAddress());
      expect(await reputation.predecessor()).to.equal(ZeroAddress);
      expect(await reputation.authority()).to.equal(await authority.getAddress());
      expect(await reputation.currentMonth()).to.equal(await thisMonth(world));
    });

    it("refuses a predecessor that belongs to another ledger than the one before", async function () {
      const world = await networkHelpers.loadFixture(remembering);
      const before = await world.reputation.getAddress();

      await expectRefusal(
        world,
        deployReputation(world, RULES, before),
        "ReputationLedger_WrongPredecessor",
        ZeroAddress,
        await world.ledger.getAddress(),
      );
    });
  });

  describe("a successor", function () {
    it("goes on with the record of the ledger before", async function () {
      const old = await networkHelpers.loadFixture(remembering);
      const stay = await measured(old, [GOOD, GOOD]);
      await postResult(old, stay, 0, opened(GOOD));
      const next = await rememberingSuccessor(old);
      await old.ledger.connect(old.governance).closeForNew();
      await old.ledger.connect(old.governance).setSuccessor(next.ledger);
      expect(await next.reputation.scoreOf(HOST)).to.equal(await old.reputation.scoreOf(HOST));
      expect(await next.reputation.confidenceOf(HOST)).to.equal(await old.reputation.confidenceOf(HOST));

      await succeed(old, await successionOf(old, stay.vm, await next.ledger.getAddress()));
      await next.ledger.adopt(stay.vm);
      const adopted = await open(next, stay.vm, stay.agreement);
      await pass(next, 2 * DAY);
      await agreeOn(next, adopted, { 0: GOOD });
      await postResult(next, adopted, 0, opened(GOOD));
      // What was measured on the old ledger is posted there, still.
      await postResult(old, stay, 1, opened(GOOD));

      const month = await thisMonth(next);
      expect(plainEvidence(await old.reputation.countedOf(HOST, month)).kept).to.equal(8n * HOURS);
      expect(plainEvidence(await next.reputation.countedOf(HOST, month)).kept).to.equal(12n * HOURS);
      expect(await next.reputation.scoreOf(HOST)).to.equal((13n * 10n ** 18n) / 14n);
      await expectEvidence(next, [HOST, HOME, month], { kept: 4n });
    });

    it("judges its own part of a month: cap and half rule hold on each ledger for itself", async function () {
      const old = await networkHelpers.loadFixture(remembering);
      const big = { windowMs: 60n * 3_600_000n };
      await postResult(old, await measured(old, [GOOD], HOST, big), 0, opened(GOOD));
      const stay = await hosted(old, HOST, big);
      const next = await rememberingSuccessor(old);
      await old.ledger.connect(old.governance).closeForNew();
      await old.ledger.connect(old.governance).setSuccessor(next.ledger);
      await succeed(old, await successionOf(old, stay.vm, await next.ledger.getAddress()));
      await next.ledger.adopt(stay.vm);
      const adopted = await open(next, stay.vm, stay.agreement);
      await pass(next, 4 * DAY);
      await agreeOn(next, adopted, { 0: GOOD });
      await postResult(next, adopted, 0, opened(GOOD));

      const month = await thisMonth(next);
      for (const { reputation } of [old, next]) {
        expect(plainEvidence(await reputation.evidenceOf(HOST, month, HOME)).kept).to.equal(200n * HOURS);
      }
      expect(plainEvidence(await old.reputation.countedOf(HOST, month)).kept).to.equal(50n * HOURS);
      expect(plainEvidence(await next.reputation.countedOf(HOST, month)).kept).to.equal(100n * HOURS);
    });
  });
});
