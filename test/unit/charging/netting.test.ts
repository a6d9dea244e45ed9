import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";

import {
  type Debt,
  BusError,
  MAX_AMOUNT,
  MAX_NOTES,
  currencyToBytes,
  documentId,
  netDebts,
  nettingNotes,
  roundOf,
} from "../../../src/index.js";
import { type ChargedWorld, expectRefusal, noteOf, postNotes, signNotes } from "../../fixtures/charging.js";
import { type Cloud, federate, nowMs } from "../../fixtures/federation.js";

const connection = await network.create();
const { networkHelpers } = connection;

const debt = (debtor: number, creditor: number, amount: bigint, currency = "EUR"): Debt => ({
  creditor,
  debtor,
  currency,
  amount,
});

/** Random debts of a number of clouds: each pair in one direction, or nothing. */
function debtsOf(clouds: number, most: bigint, currencies: readonly string[] = ["EUR"]): fc.Arbitrary<Debt[]> {
  const pairs = Array.from({ length: clouds }, (_, a) => Array.from({ length: a }, (_unused, b) => [a + 1, b + 1]))
    .flat()
    .flatMap((pair) => currencies.map((currency) => [...pair, currency] as [number, number, string]));
  return fc.tuple(...pairs.map(() => fc.bigInt({ min: -most, max: most }))).map((amounts) =>
    pairs.flatMap(([one, other, currency], index) => {
      const amount = amounts[index] ?? 0n;
      if (amount === 0n) return [];
      return [amount > 0n ? debt(one, other, amount, currency) : debt(other, one, -amount, currency)];
    }),
  );
}

const keyOf = ({ creditor, debtor, currency }: Debt) => `${debtor}>${creditor} ${currency}`;

/** What each cloud is owed, less what it owes, in each currency. */
function positions(debts: readonly Debt[]): Map<string, bigint> {
  const found = new Map<string, bigint>();
  const add = (cloud: number, currency: string, amount: bigint) => {
    const key = `${cloud} ${currency}`;
    const sum = (found.get(key) ?? 0n) + amount;
    if (sum === 0n) found.delete(key);
    else found.set(key, sum);
  };
  for (const { creditor, debtor, currency, amount } of debts) {
    add(creditor, currency, amount);
    add(debtor, currency, -amount);
  }
  return new Map([...found].sort());
}

const sumOf = (debts: readonly Debt[]) => debts.reduce((sum, { amount }) => sum + amount, 0n);

/** The most that can be cleared, by trying all whole amounts. */
function mostByTrying(debts: readonly Debt[]): bigint {
  let best = 0n;
  const lower = (index: number, left: readonly Debt[], cleared: bigint): void => {
    const next = debts[index];
    if (!next) {
      const isSame = JSON.stringify([...positions(left)], plain) === JSON.stringify([...positions(debts)], plain);
      if (isSame && cleared > best) best = cleared;
      return;
    }
    for (let amount = 0n; amount <= next.amount; ++amount) {
      const rest = next.amount - amount;
      lower(index + 1, rest > 0n ? [...left, { ...next, amount: rest }] : left, cleared + amount);
    }
  };
  lower(0, [], 0n);
  return best;
}

const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);

describe("netDebts", function () {
  it("clears a circle, and leaves what is more", function () {
    const { clearings, remaining, savings } = netDebts([debt(1, 2, 10n), debt(2, 3, 7n), debt(3, 1, 9n)]);

    expect(clearings).to.have.deep.members([debt(1, 2, 7n), debt(2, 3, 7n), debt(3, 1, 7n)]);
    expect(remaining).to.have.deep.members([debt(1, 2, 3n), debt(3, 1, 2n)]);
    expect(savings).to.deep.equal([{ currency: "EUR", before: 26n, after: 5n, debtsBefore: 3, debtsAfter: 2 }]);
  });

  it("finds that two circles that share a debt can do better than the first one found", function () {
    // 1>2>3>1 and 1>2>4>1 share 1>2; and 3>4 joins them to one longer circle.
    const debts = [debt(1, 2, 5n), debt(2, 3, 5n), debt(3, 1, 2n), debt(2, 4, 3n), debt(4, 1, 6n), debt(3, 4, 3n)];

    expect(sumOf(netDebts(debts).clearings)).to.equal(mostByTrying(debts));
  });

  it("clears nothing where nothing goes round, and keeps currencies apart", function () {
    for (const debts of [
      [],
      [debt(1, 2, 5n)],
      [debt(1, 2, 5n), debt(2, 3, 5n), debt(1, 3, 5n)],
      [debt(1, 2, 5n), debt(2, 3, 5n, "USD"), debt(3, 1, 5n)],
    ]) {
      const { clearings, remaining } = netDebts(debts);
      expect(clearings).to.deep.equal([]);
      expect(remaining).to.deep.equal(debts);
    }
  });

  it("never raises or turns a debt, and keeps every cloud's position (INV-ZERO)", function () {
    fc.assert(
      fc.property(
        fc
          .constantFrom(2, 3, 4, 8, 16)
          .chain((clouds) => debtsOf(clouds, 2n ** 70n, clouds > 8 ? ["EUR"] : ["EUR", "JPY"])),
        (debts) => {
          const { clearings, remaining, savings } = netDebts(debts);

          const before = new Map(debts.map((one) => [keyOf(one), one.amount]));
          const after = new Map(remaining.map((one) => [keyOf(one), one.amount]));
          for (const one of clearings) {
            const key = keyOf(one);
            expect(one.amount > 0n && one.amount <= (before.get(key) ?? 0n), key).to.equal(true);
            expect((after.get(key) ?? 0n) + one.amount).to.equal(before.get(key));
          }
          expect(clearings.length).to.be.at.most(MAX_NOTES);
          expect(new Set(clearings.map(keyOf)).size).to.equal(clearings.length);
          expect([...after.keys()].every((key) => before.has(key))).to.equal(true);
          expect([...positions(remaining)]).to.deep.equal([...positions(debts)]);
          for (const { currency, before: sum, after: rest } of savings) {
            expect(sum - rest).to.equal(sumOf(clearings.filter((one) => one.currency === currency)));
          }
        },
      ),
      { numRuns: 60, seed: 0xb10c },
    );
  });

  it("clears the most that can be cleared, when it may take as many notes as it needs", function () {
    fc.assert(
      fc.property(debtsOf(4, 3n), (debts) => {
        expect(sumOf(netDebts(debts, 99).clearings)).to.equal(mostByTrying(debts));
      }),
      { numRuns: 40, seed: 0xb10c },
    );
  });

  it("leaves nothing that goes round after enough rounds of sixteen", function () {
    fc.assert(
      fc.property(debtsOf(12, 10n ** 6n), (debts) => {
        let left: readonly Debt[] = debts;
        let rounds = 0;
        for (let net = netDebts(left); net.clearings.length > 0; net = netDebts(left)) {
          expect(sumOf(net.remaining) < sumOf(left)).to.equal(true);
          left = net.remaining;
          expect(++rounds).to.be.below(60);
        }
        expect(netDebts(left, 99).clearings).to.deep.equal([]);
        expect([...positions(left)]).to.deep.equal([...positions(debts)]);
      }),
      { numRuns: 10, seed: 0xb10c },
    );
  });

  it("keeps an amount within a note", function () {
    const huge = 3n * MAX_AMOUNT;
    const { clearings, remaining } = netDebts([debt(1, 2, huge), debt(2, 3, huge), debt(3, 1, huge)]);

    expect(clearings.map(({ amount }) => amount)).to.deep.equal([MAX_AMOUNT, MAX_AMOUNT, MAX_AMOUNT]);
    expect(sumOf(remaining)).to.equal(3n * (huge - MAX_AMOUNT));
  });

  it("refuses debts that are none", function () {
    for (const debts of [
      [debt(1, 1, 5n)],
      [debt(1, 2, 0n)],
      [debt(1, 2, -1n)],
      [debt(1, 2, 1n), debt(2, 1, 1n)],
      [debt(1, 2, 1n), debt(1, 2, 1n)],
    ]) {
      expect(() => netDebts(debts))
        .to.throw(BusError)
        .with.property("code", "BAD_DEBTS");
    }
  });
});

describe("nettingNotes", function () {
  const sizes = [4, 16] as const;

  async function federationOf(count: number) {
    const signers = await connection.ethers.getSigners();
    const [deployer] = signers as [HardhatEthersSigner];
    const clouds = Array.from({ length: count }, (_, index): Cloud => {
      const key = connection.ethers.Wallet.createRandom(connection.ethers.provider) as unknown as HardhatEthersSigner;
      const recovery = connection.ethers.Wallet.createRandom() as unknown as HardhatEthersSigner;
      return { id: index + 1, key, recovery, account: key.address };
    });
    for (const { account } of clouds) await networkHelpers.setBalance(account, 10n ** 18n);
    const world = await federate(connection, clouds);
    return { ...world, deployer } as unknown as ChargedWorld;
  }
  async function four() {
    return federationOf(4);
  }
  async function sixteen() {
    return federationOf(16);
  }

  for (const count of sizes) {
    it(`clear the debts of ${count} clouds on the chain, together or not at all (INV-ZERO)`, async function () {
      const world = await networkHelpers.loadFixture(count === 4 ? four : sixteen);
      const [debts] = fc.sample(debtsOf(count, 10n ** 12n, ["EUR", "USD"]), { numRuns: 1, seed: count });
      const owing = await Promise.all(debts!.map((one) => noteOf(world, { ...one })));
      for (let first = 0; first < owing.length; first += MAX_NOTES) {
        await postNotes(world, owing.slice(first, first + MAX_NOTES));
      }
      const { clearings, remaining } = netDebts(debts!);
      const notes = nettingNotes(clearings, (await nowMs(world)) + 3_600_000n);
      const signatures = await signNotes(world, notes);
      expect(notes.length).to.be.within(3, MAX_NOTES);

      await expectRefusal(
        world,
        world.charging.postNotes(notes.slice(1), signatures.slice(2)),
        "ChargingLedger_NotItsRound",
        ...refusalOf(notes),
      );
      await postNotes(world, notes, signatures);

      const left = new Map(remaining.map((one) => [keyOf(one), one.amount]));
      for (const one of debts!) {
        const balance = await world.charging.balanceOf(one.creditor, one.debtor, currencyToBytes(one.currency));
        expect(balance, keyOf(one)).to.equal(left.get(keyOf(one)) ?? 0n);
      }
    });
  }

  /** Of a round without its first note. */
  function refusalOf(notes: ReturnType<typeof nettingNotes>) {
    const [, second] = notes;
    return [documentId("Note", second!), second!.refersTo, roundOf(notes.slice(1))] as const;
  }
});
