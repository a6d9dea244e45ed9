import { expect } from "chai";
import { network } from "hardhat";

import {
  type BookLine,
  BusError,
  NoteReason,
  balanceOf,
  chargeLineId,
  readBooks,
  statementOf,
} from "../../../src/index.js";
import { BlockTimes } from "../../../src/event-index/blockTimes.js";
import {
  type IndexedBooking,
  type Period,
  balanceIn,
  listBookings,
  readStatement,
} from "../../../src/event-index/bookings.js";
import { checkSample } from "../../../src/event-index/check.js";
import { EventIndex } from "../../../src/event-index/eventIndex.js";
import { type Booked, FEBRUARY, MARCH, booked } from "../../fixtures/booked.js";

const { networkHelpers } = await network.create();

const PAGE = { limit: 500 };

async function withBooks(use: (found: Booked, index: EventIndex, times: BlockTimes) => Promise<void>): Promise<void> {
  const found = await networkHelpers.loadFixture(booked);
  const index = await EventIndex.open(found.federation, { sample: 0 });
  try {
    await index.sync();
    await use(found, index, new BlockTimes(found.federation.provider, index));
  } finally {
    await index.close();
  }
}

/** What the library says of a line, as far as the index says it in common with it. */
function told(line: BookLine): Omit<IndexedBooking, "event" | "details"> {
  const { id, creditor, debtor, currency, amount, bookedAt, transaction } = line;
  const kind = line.kind === "note" && line.reason === NoteReason.NETTING ? "netting" : line.kind;
  return { line: id, kind, creditor, debtor, currency, amount, bookedAt, transaction };
}

function withoutEvent(booking: IndexedBooking): object {
  const { line, kind, creditor, debtor, currency, amount, bookedAt, transaction } = booking;
  return { line, kind, creditor, debtor, currency, amount, bookedAt, transaction };
}

const PERIODS: readonly Period[] = [
  {},
  { to: FEBRUARY },
  { from: FEBRUARY },
  { from: FEBRUARY, to: MARCH },
  { from: MARCH, to: 2n ** 63n },
];

describe("the index's books", function () {
  describe("listBookings", function () {
    it("has the lines that the library reads from the events, in any period", async function () {
      await withBooks(async (found, index, times) => {
        const { lines } = await readBooks(found.federation);
        expect(new Set(lines.map(({ kind }) => kind)).size).to.equal(4);
        for (const { from = 0n, to = 2n ** 63n } of PERIODS) {
          const wanted = lines.filter(({ bookedAt }) => bookedAt >= from && bookedAt < to).map(told);
          const { items } = await listBookings(index, times, { from, to }, PAGE);
          expect(items.map(withoutEvent)).to.deep.equal(wanted);
        }
      });
    });

    it("filters by cloud and kind, pages, and tells what the event tells besides", async function () {
      await withBooks(async (found, index, times) => {
        const { lines } = await readBooks(found.federation);
        const own = lines.filter(({ creditor, debtor }) => creditor === 2 || debtor === 2);
        const paged: IndexedBooking[] = [];
        for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
          const page = await listBookings(index, times, { cloud: 2 }, { limit: 2, cursor });
          paged.push(...page.items);
          cursor = page.next;
        }
        expect(paged.map(({ line }) => line)).to.deep.equal(own.map(({ id }) => id));

        const { items } = await listBookings(index, times, { cloud: 2, kind: "charge" }, PAGE);
        expect(items).to.have.length(own.filter(({ kind }) => kind === "charge").length);
        const [first] = items;
        const { vm, sequence, settledThrough } = first!.details as { [name: string]: string };
        expect([vm, sequence]).to.deep.equal([found.vm, 2]);
        expect(first!.line).to.equal(chargeLineId(vm!, 2, BigInt(settledThrough!)));
        const nettings = await listBookings(index, times, { kind: "netting" }, PAGE);
        expect(nettings.items.length).to.be.above(0);
      });
    });
  });

  describe("readStatement", function () {
    it("has the accounts of the library's statement, for every cloud and period (INV-ZERO)", async function () {
      await withBooks(async (found, index, times) => {
        const books = await readBooks(found.federation);
        for (const cloud of [1, 2, 3, 4, 5]) {
          for (const period of PERIODS) {
            const { accounts, from, to } = await readStatement(index, times, { cloud, ...period });
            expect(accounts, `${cloud} from ${from} to ${to}`).to.deep.equal(
              statementOf(books, { cloud, from, to }).accounts,
            );
          }
        }
      });
    });

    it("closes with the contract's balances when no end is given (INV-ZERO)", async function () {
      await withBooks(async (found, index, times) => {
        const { accounts } = await readStatement(index, times, { cloud: 1 });
        expect(accounts.length).to.be.above(2);
        for (const { with: other, currency, closing } of accounts) {
          expect(closing).to.equal(await balanceOf(found.federation, 1, other, currency));
        }
      });
    });

    it("BAD_PERIOD: a period that does not begin before it ends", async function () {
      await withBooks(async (_found, index, times) => {
        const thrown = await readStatement(index, times, { cloud: 1, from: 5n, to: 5n }).catch(
          (error: unknown) => error,
        );
        expect(thrown).to.be.instanceOf(BusError).with.property("code", "BAD_PERIOD");
      });
    });
  });

  describe("checkSample", function () {
    it("finds no difference in what was booked, from any block on", async function () {
      await withBooks(async (found, index) => {
        await checkSample(found.federation, index.database, index.state, 40);
        await index.rebuild(Math.floor(index.state.block / 2));
        await checkSample(found.federation, index.database, index.state, 40);
      });
    });

    for (const [what, change] of [
      [
        "an amount is another one",
        "UPDATE bookings SET limb0 = limb0 + 1 WHERE event = (SELECT max(event) FROM bookings)",
      ],
      ["a high part of an amount is another one", "UPDATE bookings SET limb3 = limb3 + 1"],
      ["a line is missing", "DELETE FROM bookings WHERE event = (SELECT max(event) FROM bookings)"],
      ["a line counts in the other direction", "UPDATE bookings SET sign = -sign"],
    ] as const) {
      it(`INDEX_MISMATCH: finds that ${what}`, async function () {
        await withBooks(async (found, index) => {
          index.database.exec(change);
          const checked = checkSample(found.federation, index.database, index.state, 80);
          const thrown = await checked.catch((error: unknown) => error);
          expect(thrown).to.be.instanceOf(BusError).with.property("code", "INDEX_MISMATCH");
          expect((thrown as BusError).message).to.match(/balance of creditor \d+: balance is/);
        });
      });
    }
  });

  describe("balanceIn", function () {
    it("sums up amounts of 96 bits, of both signs", async function () {
      await withBooks((_found, { database }) => {
        const most = 2n ** 96n - 1n;
        const insert = database.prepare("INSERT INTO bookings VALUES (?, 1, 8, 9, '0x455552', ?, ?, ?, ?, ?)");
        const limbs = (amount: bigint) => [0n, 32n, 64n, 96n].map((shift) => (amount >> shift) & 0xffffffffn);
        for (let line = 0; line < 5; line += 1) insert.run(line, 1, ...limbs(most));
        insert.run(5, 1, ...limbs(-7n));
        insert.run(6, -1, ...limbs(most));
        expect(balanceIn(database, 8, 9, "0x455552")).to.equal(4n * most - 7n);
        expect(balanceIn(database, 9, 8, "0x455552")).to.equal(7n - 4n * most);
        expect(balanceIn(database, 8, 9, "0x555344")).to.equal(0n);
        return Promise.resolve();
      });
    });
  });

  describe("BlockTimes", function () {
    it("finds the first block at or after a time", async function () {
      await withBooks(async ({ federation }, index, times) => {
        const last = index.state.block;
        for (const block of [1, Math.floor(last / 2), last - 1, last]) {
          const time = BigInt(await times.of(block));
          expect(time).to.equal(BigInt((await federation.provider.getBlock(block))!.timestamp) * 1_000n);
          expect(await times.firstAt(time)).to.equal(block);
          expect(await times.firstAt(time + 1n)).to.equal(block + 1);
        }
        expect(await times.firstAt(0n)).to.equal(0);
        const thrown = await times.of(last + 1_000).catch((error: unknown) => error);
        expect(thrown).to.be.instanceOf(BusError).with.property("code", "INDEX_GAP");
      });
    });
  });
});
