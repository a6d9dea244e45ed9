import { expect } from "chai";
import { network } from "hardhat";

import {
  type Statement,
  BusError,
  amountFor,
  balanceOf,
  chargeBetween,
  chargeOf,
  creditOf,
  readBooks,
  stayKey,
  statementOf,
} from "../../../src/index.js";
import { cutByMonth } from "../../../src/charging/month.js";
import { type Booked, BEGIN_S, FEBRUARY, MARCH, booked } from "../../fixtures/booked.js";
import { narrow } from "../../fixtures/narrow.js";

const { networkHelpers } = await network.create();

const CURRENCIES = ["EUR", "USD"] as const;
const EVER = { from: 0n, to: 2n ** 45n } as const;

async function statement(
  found: Booked,
  cloud: number,
  period: { from: bigint; to: bigint } = EVER,
): Promise<Statement> {
  return statementOf(await readBooks(found.federation), { cloud, ...period });
}

const sum = (amounts: readonly bigint[]) => amounts.reduce((all, amount) => all + amount, 0n);

describe("readBooks", function () {
  it("comes to the contract's balances from events alone (INV-ZERO)", async function () {
    const found = await networkHelpers.loadFixture(booked);
    const { debts } = await readBooks(found.federation);

    for (const currency of CURRENCIES) {
      for (let creditor = 1; creditor <= 4; ++creditor) {
        for (let debtor = 1; debtor <= 4; ++debtor) {
          if (creditor === debtor) continue;
          const owes = debts.find((d) => d.creditor === creditor && d.debtor === debtor && d.currency === currency);
          const owed = debts.find((d) => d.creditor === debtor && d.debtor === creditor && d.currency === currency);
          const balance = await balanceOf(found.federation, creditor, debtor, currency);
          expect((owes?.amount ?? 0n) - (owed?.amount ?? 0n), `${debtor} to ${creditor}`).to.equal(balance);
        }
      }
    }
    expect(debts.length).to.be.above(2);
  });

  it("reads the same in small requests", async function () {
    const found = await networkHelpers.loadFixture(booked);

    const all = await readBooks(found.federation);
    const parts = await readBooks(found.federation, { blocksPerRequest: 7 });

    expect(parts.lines).to.deep.equal(all.lines);
    expect([...parts.stays]).to.deep.equal([...all.stays]);
    const limited = narrow(found.federation);
    expect((await readBooks(limited.federation)).lines).to.deep.equal(all.lines);
    expect(limited.refused()).to.be.above(0);
  });

  it("tells the stays with their ends", async function () {
    const found = await networkHelpers.loadFixture(booked);
    const { stays } = await readBooks(found.federation);

    for (const [vm, count] of [
      [found.vm, 3],
      [found.other, 2],
    ] as const) {
      for (let sequence = 1; sequence <= count; ++sequence) {
        const facts = await found.federation.ledger.stayOf(vm, sequence);
        const stay = stays.get(stayKey(vm, sequence));
        expect([stay?.home, stay?.host, stay?.startedAt, stay?.endedAt ?? 0n]).to.deep.equal([
          Number(facts.home),
          Number(facts.host),
          facts.startedAt,
          facts.endedAt,
        ]);
      }
    }
  });
});

describe("statementOf", function () {
  it("closes with the contract's balances, each sum told (INV-ZERO)", async function () {
    const found = await networkHelpers.loadFixture(booked);

    for (const cloud of [1, 2, 3, 4]) {
      const { accounts, lines } = await statement(found, cloud);
      expect(accounts.length).to.be.above(0);
      for (const account of accounts) {
        const { opening, charges, credits, notes, nettings, payments, closing } = account;
        expect(closing).to.equal(await balanceOf(found.federation, cloud, account.with, account.currency));
        expect(opening + charges + credits + notes + nettings + payments).to.equal(closing);
        const own = lines.filter(
          (line) => line.currency === account.currency && [line.creditor, line.debtor].includes(account.with),
        );
        expect(sum(own.map((line) => amountFor(cloud, line)))).to.equal(closing);
      }
    }
  });

  it("has every kind of line, seen from both sides", async function () {
    const found = await networkHelpers.loadFixture(booked);
    const [mine, theirs] = [await statement(found, 1), await statement(found, 2)];

    expect(new Set(mine.lines.map(({ kind }) => kind))).to.deep.equal(new Set(["charge", "credit", "note", "payment"]));
    const account = mine.accounts.find((one) => one.with === 2 && one.currency === "EUR");
    const other = theirs.accounts.find((one) => one.with === 1 && one.currency === "EUR");
    for (const name of ["charges", "credits", "notes", "nettings", "payments", "closing"] as const) {
      expect(account?.[name], name).to.equal(-(other?.[name] ?? 0n));
    }
    expect(account?.credits).to.equal(await creditOf(found.federation, found.vm, 2, 1));
    expect(account?.payments).to.equal(1_000_000_001n);
    expect(theirs.accounts.filter(({ nettings }) => nettings !== 0n).map((one) => one.with)).to.deep.equal([3, 4]);
  });

  it("of one month opens where that of the month before closed", async function () {
    const found = await networkHelpers.loadFixture(booked);
    const january = await statement(found, 1, { from: 0n, to: FEBRUARY });
    const february = await statement(found, 1, { from: FEBRUARY, to: MARCH });

    expect(january.lines.length).to.be.above(0);
    expect(february.lines.length).to.be.above(0);
    for (const { with: other, currency, closing } of january.accounts) {
      const next = february.accounts.find((one) => one.with === other && one.currency === currency);
      expect(next?.opening).to.equal(closing);
    }
    const ever = await statement(found, 1);
    expect([...january.lines, ...february.lines]).to.deep.equal(ever.lines);
    for (const account of february.accounts) {
      const same = ever.accounts.find((one) => one.with === account.with && one.currency === account.currency);
      expect(account.closing).to.equal(same?.closing);
    }
  });

  it("cuts charges by stay and month to the last unit, also what was taken back (INV-SETTLE)", async function () {
    const found = await networkHelpers.loadFixture(booked);
    const { usage, lines } = await statement(found, 1);

    const charges = lines.filter((line) => line.kind === "charge");
    expect(sum(usage.map((month) => month.charged + month.takenBack))).to.equal(
      sum(charges.map(({ amount }) => amount)),
    );
    for (const [vm, sequence] of [
      [found.vm, 2],
      [found.vm, 3],
      [found.other, 2],
    ] as const) {
      const months = usage.filter(({ stay }) => stay.vm === vm && stay.sequence === sequence);
      const { posted, settledThrough, replacedThrough } = await chargeOf(found.federation, vm, sequence);
      expect(sum(months.map((month) => month.charged + month.takenBack))).to.equal(posted);
      const start = months[0]?.stay.startedAt ?? 0n;
      const begin = replacedThrough > start ? replacedThrough : start;
      expect(sum(months.map((month) => month.chargedMs - month.takenBackMs))).to.equal(settledThrough - begin);
    }
    // The first stay, in January alone: from noon of its last day to midnight.
    const [january] = usage.filter(
      ({ stay, month }) => stay.sequence === 2 && stay.vm === found.vm && month < FEBRUARY,
    );
    const { startedAt } = january!.stay;
    const inJanuary = usage.filter(
      ({ stay, month }) => stay.vm === found.vm && stay.sequence === 2 && month < FEBRUARY,
    );
    expect(sum(inJanuary.map(({ charged }) => charged))).to.equal(
      chargeBetween(january!.rate, startedAt, startedAt, FEBRUARY),
    );
    const back = usage.find(({ takenBack, stay }) => takenBack !== 0n && stay.vm === found.vm);
    const line = lines.find((one) => one.kind === "charge" && one.amount < 0n && one.vm === found.vm);
    expect(line?.kind === "charge" && line.before.settledThrough - line.after.settledThrough).to.equal(
      back?.takenBackMs,
    );
  });

  it("refuses a period that does not begin before it ends", async function () {
    const found = await networkHelpers.loadFixture(booked);
    const books = await readBooks(found.federation);

    expect(() => statementOf(books, { cloud: 1, from: 5n, to: 5n }))
      .to.throw(BusError)
      .with.property("code", "BAD_PERIOD");
    expect(statementOf(books, { cloud: 1, from: 0n, to: 1n }).accounts).to.deep.equal([]);
  });
});

describe("cutByMonth", function () {
  it("cuts at the beginnings of months, leap years included", function () {
    const at = (text: string) => BigInt(Date.parse(text));
    const from = at("2028-01-31T23:59:59.999Z");

    const slices = cutByMonth(from, at("2028-03-01T00:00:00.001Z"));

    expect(slices.map(({ month }) => month)).to.deep.equal([at("2028-01-01"), at("2028-02-01"), at("2028-03-01")]);
    expect(slices.map((slice) => slice.to - slice.from)).to.deep.equal([1n, 29n * 86_400_000n, 1n]);
    expect(cutByMonth(from, from)).to.deep.equal([]);
    expect(cutByMonth(at("2028-01-01"), at("2028-02-01"))).to.have.length(1);
    expect(BEGIN_S * 1_000 < Number(FEBRUARY)).to.equal(true);
  });
});
