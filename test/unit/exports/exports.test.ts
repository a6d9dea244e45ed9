import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";

import {
  type FocusRow,
  type Labels,
  type Statement,
  APEL_FIELDS,
  APEL_HEADER,
  BusError,
  FOCUS_COLUMNS,
  FOCUS_NOT_NULL,
  amountFor,
  apelMessage,
  apelRecords,
  focusCsv,
  focusRows,
  formatAmount,
  formatSeconds,
  parseAmount,
  readBooks,
  requireApel,
  requireFocus,
  statementCsv,
  statementJson,
  statementOf,
  statementText,
  toCsv,
} from "../../../src/index.js";
import { type Booked, FEBRUARY, MARCH, booked } from "../../fixtures/booked.js";
import { uint } from "../../fixtures/arbitraries.js";

const { networkHelpers } = await network.create();

const LABELS: Labels = new Map([1, 2, 3, 4].map((cloud) => [cloud, `cloud-${cloud}`]));
const EVER = { from: 0n, to: 2n ** 45n } as const;

async function statements(found: Booked, period: { from: bigint; to: bigint } = EVER): Promise<Statement[]> {
  const books = await readBooks(found.federation);
  return [1, 2, 3, 4].map((cloud) => statementOf(books, { cloud, ...period }));
}

async function ofHome(found: Booked, period: { from: bigint; to: bigint } = EVER): Promise<Statement> {
  const [home] = await statements(found, period);
  return home!;
}

const sum = (amounts: readonly bigint[]) => amounts.reduce((all, amount) => all + amount, 0n);

/** Cells of a CSV without quoted cells. */
const cellsOf = (csv: string) =>
  csv
    .split("\r\n")
    .slice(0, -1)
    .map((line) => line.split(","));

describe("exports", function () {
  describe("amounts", function () {
    it("are written with all their decimals, and read back", function () {
      expect(formatAmount(1_234_567_890_123n)).to.equal("1234.567890123");
      expect(formatAmount(-1n)).to.equal("-0.000000001");
      expect(formatAmount(0n)).to.equal("0.000000000");
      expect(formatSeconds(-1_001n)).to.equal("-1.001");
      fc.assert(
        fc.property(uint(97), fc.boolean(), (amount, isNegative) => {
          const signed = isNegative ? -amount : amount;
          expect(parseAmount(formatAmount(signed))).to.equal(signed);
        }),
      );
      for (const text of ["", "1", "1.0", "1.0000000000", "--1.000000000", "1,000000000"]) {
        expect(() => parseAmount(text)).to.throw(SyntaxError);
      }
    });
  });

  describe("CSV", function () {
    it("quotes what needs it", function () {
      expect(toCsv(["a", "b"], [['say "x"', "1,2"]])).to.equal('a,b\r\n"say ""x""","1,2"\r\n');
    });

    it("has a row for each line, and adds up to the statement", async function () {
      const found = await networkHelpers.loadFixture(booked);

      for (const statement of await statements(found)) {
        const [header, ...rows] = cellsOf(statementCsv(statement, LABELS));
        expect(rows.length).to.equal(statement.lines.length);
        const [amount, currency, other] = ["amount", "currency", "with"].map((name) => header!.indexOf(name));
        for (const account of statement.accounts) {
          const own = rows.filter(
            (row) => row[currency!] === account.currency && row[other!] === `cloud-${account.with}`,
          );
          expect(sum(own.map((row) => parseAmount(row[amount!]!)))).to.equal(account.closing - account.opening);
        }
      }
    });
  });

  describe("JSON", function () {
    it("has everything with integers as decimal strings", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const statement = await ofHome(found);

      const json = JSON.parse(statementJson(statement, LABELS)) as {
        label: string;
        accounts: { closing: string }[];
        lines: unknown[];
        usage: { charged: string; takenBack: string }[];
        stays: unknown[];
      };

      expect(json.label).to.equal("cloud-1");
      expect(json.accounts.map(({ closing }) => BigInt(closing))).to.deep.equal(
        statement.accounts.map(({ closing }) => closing),
      );
      expect(json.lines).to.have.length(statement.lines.length);
      expect(json.stays).to.have.length(statement.stays.size);
      expect(sum(json.usage.map(({ charged, takenBack }) => BigInt(charged) + BigInt(takenBack)))).to.equal(
        sum(statement.usage.map(({ charged, takenBack }) => charged + takenBack)),
      );
    });
  });

  describe("text", function () {
    it("shows each account from what was owed before to what is owed at the end", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const statement = await ofHome(found);

      const text = statementText(statement, LABELS);

      for (const { with: other, currency, closing } of statement.accounts) {
        expect(text).to.include(`cloud-${other}, ${currency} (positive: owed to cloud-1)`);
        expect(text).to.include(formatAmount(closing));
      }
      expect(text.match(/owed before/g)).to.have.length(statement.accounts.length);
      const empty = await ofHome(found, { from: 0n, to: 1n });
      expect(statementText(empty, LABELS)).to.include("Nothing was booked.");
    });
  });

  describe("FOCUS", function () {
    it("adds up to the statement's lines to the last unit, nettings and payments left out", async function () {
      const found = await networkHelpers.loadFixture(booked);

      for (const statement of await statements(found)) {
        const rows = focusRows(statement, LABELS);
        const { cloud, lines } = statement;
        for (const currency of ["EUR", "USD"]) {
          const signed = rows
            .filter((row) => row.BillingCurrency === currency)
            .map((row) => {
              const cost = parseAmount(row.BilledCost);
              return row.BillingAccountId === String(cloud) ? -cost : cost;
            });
          const charged = lines.filter(
            (line) =>
              line.currency === currency && line.kind !== "payment" && !(line.kind === "note" && line.reason === 1),
          );
          expect(sum(signed), `${cloud} ${currency}`).to.equal(sum(charged.map((line) => amountFor(cloud, line))));
        }
        const csv = focusCsv(statement, LABELS);
        expect(csv.split("\r\n")[0]).to.equal(FOCUS_COLUMNS.join(","));
        expect(csv.split("\r\n")).to.have.length(rows.length + 2);
      }
    });

    it("has one row for each stay and month, and credits and corrections in rows of their own", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const rows = focusRows(await ofHome(found), LABELS);

      const used = rows.filter((row) => row.ChargeCategory === "Usage" && !row.BilledCost.startsWith("-"));
      const keys = used.map((row) =>
        [row.ResourceId, row.x_StaySequence, row.ChargePeriodStart.slice(0, 7), row.BillingPeriodStart].join(),
      );
      expect(new Set(keys).size).to.equal(keys.length);
      const first = used.filter((row) => row.ResourceId === found.vm && row.x_StaySequence === "2");
      expect(new Set(first.map((row) => row.ChargePeriodStart.slice(0, 7)))).to.deep.equal(
        new Set(["2030-01", "2030-02"]),
      );
      expect(used.some((row) => row.x_StaySequence === "3" && row.ProviderName === "cloud-3")).to.equal(true);
      const back = rows.filter((row) => row.ChargeCategory === "Usage" && row.BilledCost.startsWith("-"));
      expect(back.length).to.be.above(0);
      const credits = rows.filter((row) => row.ChargeCategory === "Credit");
      expect(credits.map((row) => [row.x_Window, row.BilledCost.startsWith("-"), row.ProviderName])).to.deep.equal([
        ["1", true, "cloud-2"],
      ]);
      const notes = rows.filter((row) => row.ChargeCategory === "Adjustment");
      expect(notes.map((row) => row.BilledCost)).to.have.members(["0.123456789", "0.000000003"]);
    });

    it("marks what corrects an earlier month's bill", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const rows = focusRows(await ofHome(found), LABELS);

      // The note for the first two days of the stay in dollars came in February and took January back.
      const corrections = rows.filter((row) => row.ChargeClass === "Correction");
      expect(corrections.map((row) => [row.ResourceId, row.ChargePeriodStart.slice(0, 7)])).to.deep.equal([
        [found.other, "2030-01"],
      ]);
      expect(corrections.every((row) => row.BillingPeriodStart.startsWith("2030-02"))).to.equal(true);
    });

    it("checks what the specification asks of the columns", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const [row] = focusRows(await ofHome(found), LABELS) as [FocusRow];
      const refuses = (changes: Partial<FocusRow>) => {
        expect(() => {
          requireFocus({ ...row, ...changes }, 0);
        })
          .to.throw(BusError)
          .with.property("code", "BAD_EXPORT");
      };

      requireFocus(row, 0);
      for (const column of FOCUS_NOT_NULL) refuses({ [column]: "" });
      refuses({ BilledCost: "1,5" });
      refuses({ ChargeClass: "Refund" });
      refuses({ PricingQuantity: "", PricingUnit: "" });
      refuses({ PricingUnit: "" });
      refuses({ ChargePeriodEnd: row.ChargePeriodStart });
      const missing: { [column: string]: string } = { ...row };
      delete missing.PricingUnit;
      expect(() => {
        requireFocus(missing as unknown as FocusRow, 3);
      }).to.throw("FOCUS row 3, PricingUnit");
    });
  });

  describe("APEL", function () {
    it("has one record for each stay and month: a VM that moved in mid-month is not overwritten", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const statement = await ofHome(found);

      const records = apelRecords(statement, LABELS);

      const key = (record: (typeof records)[number]) =>
        `${record.VMUUID}@${new Date(Number(record.RecordCreateTime) * 1_000).toISOString().slice(0, 7)}`;
      const keys = records.map(key);
      expect(new Set(keys).size).to.equal(keys.length);
      expect(keys).to.have.members([
        `${found.vm}/2@2030-01`,
        `${found.vm}/2@2030-02`,
        `${found.vm}/3@2030-02`,
        `${found.other}/2@2030-01`,
        `${found.other}/2@2030-02`,
      ]);
      expect(records.find((record) => key(record) === `${found.vm}/2@2030-01`)).to.include({
        SiteName: "cloud-2",
        LocalGroupId: "cloud-1",
        Status: "started",
        CpuCount: "2.000",
        Memory: "4096",
        Disk: "40",
      });
      const ended = records.find((record) => key(record) === `${found.vm}/2@2030-02`);
      expect([ended?.Status, Number(ended?.EndTime) * 1_000]).to.deep.equal([
        "completed",
        Number((await found.federation.ledger.stayOf(found.vm, 2)).endedAt),
      ]);
      expect(records.find((record) => record.VMUUID === `${found.vm}/3`)?.SiteName).to.equal("cloud-3");
    });

    it("counts durations as the central database wants them: they add up to the time that was used", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const statement = await ofHome(found);
      const records = apelRecords(statement, LABELS);

      for (const stay of statement.stays.values()) {
        const own = records.filter(({ VMUUID }) => VMUUID === `${stay.vm}/${stay.sequence}`);
        // The month's use is the difference to the record before: the sum is the last record's.
        const used = own.map(({ WallDuration }) => BigInt(WallDuration!));
        const differences = used.map((duration, index) => duration - (used[index - 1] ?? 0n));
        const usage = statement.usage.filter((month) => month.stay === stay);
        const charged = sum(usage.map((month) => month.chargedMs - month.takenBackMs));
        const [account] = await found.federation.charging.chargeOf(stay.vm, stay.sequence);
        const replaced = account.replacedThrough > 0n ? account.replacedThrough - stay.startedAt : 0n;
        expect(sum(differences) * 1_000n, `${stay.sequence}`).to.equal(charged + replaced);
        expect(differences.every((duration) => duration > 0n)).to.equal(true);
      }
    });

    it("writes a message with every field, NULL where nothing is known", async function () {
      const found = await networkHelpers.loadFixture(booked);
      const statement = await ofHome(found, { from: FEBRUARY, to: MARCH });

      const [header, ...lines] = apelMessage(statement, LABELS).split("\n");

      expect(header).to.equal(APEL_HEADER);
      const fields = lines.slice(0, APEL_FIELDS.length).map((line) => line.split(": ")[0]);
      expect(fields).to.deep.equal([...APEL_FIELDS]);
      expect(lines[APEL_FIELDS.length]).to.equal("%%");
      expect(lines).to.include("GlobalUserName: NULL");
      expect(lines.filter((line) => line === "%%")).to.have.length(apelRecords(statement, LABELS).length);
    });

    it("refuses a record without VMUUID or site", function () {
      for (const record of [{ VMUUID: "vm/1" }, { SiteName: "site" }, { VMUUID: "", SiteName: "site" }]) {
        expect(() => {
          requireApel(record, 0);
        })
          .to.throw(BusError)
          .with.property("code", "BAD_EXPORT");
      }
      requireApel({ VMUUID: "vm/1", SiteName: "site" }, 0);
    });
  });
});
