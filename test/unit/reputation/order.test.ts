import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import {
  AbortReason,
  type Evidence,
  NO_EVIDENCE,
  addEvidence,
  countEvidence,
  publicAgreement,
  publicMove,
  standingFrom,
} from "../../../src/index.js";
import {
  FOURTH,
  HOME,
  HOST,
  OTHER,
  type World,
  as,
  completed,
  nextBlockAt,
  register,
  started,
  vmOf,
} from "../../fixtures/federation.js";
import {
  BAD,
  GOOD,
  RULES,
  measured,
  opened,
  plainEvidence,
  postResult,
  remembering,
  thisMonth,
  toMonth,
} from "../../fixtures/reputation.js";

const { networkHelpers } = await network.create();

const HOUR_MS = 3_600_000n;

/** A fact that can be posted: whoever does it gets the transaction. */
type Fact = (world: World) => Promise<unknown>;

interface Scene {
  readonly world: World;
  readonly facts: readonly Fact[];
  readonly months: readonly number[];
}

/** Facts about every outcome, three clouds and two months; some pass the cap, several counterparties are the largest in turn. */
async function withFacts(connection: NetworkConnection): Promise<Scene> {
  const world = await remembering(connection);
  const facts: Fact[] = [];
  const months: number[] = [];
  for (const { home, windowMs } of [
    { home: HOME, windowMs: 30n * HOUR_MS },
    { home: OTHER, windowMs: 25n * HOUR_MS },
  ]) {
    months.push(await thisMonth(world));
    for (const from of [home, FOURTH]) {
      const stay = await measured(world, [GOOD, BAD], HOST, { home: from, windowMs });
      facts.push((at) => postResult(at, stay, 0, opened(GOOD)));
      facts.push((at) => postResult(at, stay, 1, opened(BAD)));
    }
    const vm = await register(world, home);
    await completed(world, [vm], { destination: HOST });
    facts.push((at) => at.reputation.postMove(vm, 2));

    const move = await started(world, [vm], { destination: FOURTH });
    const { move: expired } = await vmOf(world, vm);
    await nextBlockAt(world, move.completeBy / 1_000n + 1n);
    await world.ledger.expire(publicMove(move));
    facts.push((at) => at.reputation.postUnfinished(expired, publicAgreement(move.agreement)));

    const second = await started(world, [vm], { destination: FOURTH });
    const { move: aborted } = await vmOf(world, vm);
    await as(world, HOST).abort(publicMove(second), HOST, AbortReason.Unspecified);
    facts.push((at) => at.reputation.postUnfinished(aborted, publicAgreement(second.agreement)));
    await toMonth(world, 1);
  }
  return { world, facts, months };
}

async function stateOf({ world, months }: Scene): Promise<string> {
  const { reputation, clouds } = world;
  const answers = await Promise.all(
    clouds.map(async ({ id }) => [
      await reputation.scoreOf(id),
      await reputation.confidenceOf(id),
      await Promise.all(
        months.map(async (month) => [
          await reputation.monthOf(id, month),
          await reputation.countedOf(id, month),
          await Promise.all(clouds.map((other) => reputation.evidenceOf(id, month, other.id))),
        ]),
      ),
    ]),
  );
  return JSON.stringify(answers, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

describe("ReputationLedger", function () {
  it("ends in the same state and scores whatever the order of the facts, each counted once (INV-REP)", async function () {
    const first = await networkHelpers.loadFixture(withFacts);
    for (const fact of first.facts) await fact(first.world);
    const expected = await stateOf(first);
    expect(await first.world.reputation.confidenceOf(HOST)).not.to.equal(0n);

    const orders = fc.shuffledSubarray([...first.facts.keys()], { minLength: first.facts.length });
    await fc.assert(
      fc.asyncProperty(orders, async (order) => {
        const scene = await networkHelpers.loadFixture(withFacts);
        for (const index of order) {
          const fact = scene.facts[index]!;
          await fact(scene.world);
          await expect(fact(scene.world)).to.be.revert(scene.world.connection.ethers);
        }
        expect(await stateOf(scene)).to.equal(expected);
      }),
      { numRuns: 8, seed: 4 },
    );
  });

  it("answers what follows from its events by the reference (INV-REP)", async function () {
    const scene = await networkHelpers.loadFixture(withFacts);
    const { world, facts, months } = scene;
    for (const fact of facts) await fact(world);
    const { reputation, clouds } = world;
    const events = await reputation.queryFilter(reputation.filters.EvidenceAdded());

    for (const { id } of clouds) {
      const counted = new Map(
        months.map((month) => {
          const parts = new Map<number, Evidence>();
          for (const { args } of events) {
            if (Number(args.cloud) !== id || Number(args.month) !== month) continue;
            const counterparty = Number(args.counterparty);
            parts.set(counterparty, addEvidence(parts.get(counterparty) ?? NO_EVIDENCE, plainEvidence(args.added)));
          }
          return [month, countEvidence(parts, { capHours: 200n, newcomerHours: 50n })];
        }),
      );
      for (const month of months) {
        expect(plainEvidence(await reputation.countedOf(id, month))).to.deep.equal(counted.get(month));
      }
      const exact = standingFrom(counted, await thisMonth(world), BigInt(RULES.confidenceHours));
      expect((await reputation.scoreOf(id)) - exact.score).to.be.oneOf([-1n, 0n, 1n]);
      expect((await reputation.confidenceOf(id)) - exact.confidence).to.be.oneOf([-1n, 0n, 1n]);
    }
  });
});
