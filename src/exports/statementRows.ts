import { ZeroHash } from "ethers";

import { NoteReason } from "../chain/enums.js";
import type { BookLine } from "../charging/books.js";
import { type Statement, amountFor } from "../charging/statement.js";
import { type Labels, formatAmount, formatTime, labelOf, toCsv } from "./format.js";

/** What a line is called in a statement. */
export function describeLine(line: BookLine): string {
  switch (line.kind) {
    case "charge":
      return line.amount < 0n ? "charge taken back" : "charge";
    case "credit":
      return line.amount < 0n ? "credit taken back" : "credit";
    case "note":
      return line.reason === NoteReason.NETTING ? "netting" : line.sequence !== 0 ? "replacement" : "note";
    case "payment":
      return "payment";
  }
}

/** The time a line is about, in milliseconds; undefined where it is about none. */
export function periodOf(line: BookLine): { readonly from: bigint; readonly to: bigint } | undefined {
  switch (line.kind) {
    case "charge": {
      const { before, after, startedAt } = line;
      const ends = [before.settledThrough, after.settledThrough, before.replacedThrough, after.replacedThrough];
      const known = ends.filter((time) => time > 0n);
      const changed = before.settledThrough === 0n ? [startedAt, ...known] : known;
      const sorted = changed.sort((a, b) => (a < b ? -1 : 1));
      return { from: sorted[0] ?? startedAt, to: sorted.at(-1) ?? startedAt };
    }
    case "credit":
      return { from: line.from, to: line.to };
    case "note":
    case "payment":
      return undefined;
  }
}

const HEADER = [
  "bookedAt",
  "line",
  "with",
  "currency",
  "amount",
  "vm",
  "sequence",
  "window",
  "from",
  "to",
  "refersTo",
  "id",
  "transaction",
] as const;

/** A statement's lines as CSV: amounts in currency units with nine decimals, positive in the cloud's favour. */
export function statementCsv(statement: Statement, labels: Labels): string {
  const rows = statement.lines.map((line) => {
    const other = line.creditor === statement.cloud ? line.debtor : line.creditor;
    const period = periodOf(line);
    const isAboutStay = "sequence" in line && line.sequence !== 0;
    return [
      formatTime(line.bookedAt),
      describeLine(line),
      labelOf(labels, other),
      line.currency,
      formatAmount(amountFor(statement.cloud, line)),
      isAboutStay ? line.vm : "",
      isAboutStay ? String(line.sequence) : "",
      line.kind === "credit" ? String(line.window) : "",
      period ? formatTime(period.from) : "",
      period ? formatTime(period.to) : line.kind === "note" && line.through > 0n ? formatTime(line.through) : "",
      line.kind === "note" && line.refersTo !== ZeroHash ? line.refersTo : "",
      line.id,
      line.transaction,
    ];
  });
  return toCsv(HEADER, rows);
}

/** A statement as JSON: integers as decimal strings, amounts in 1e-9 currency units, times in milliseconds. */
export function statementJson(statement: Statement, labels: Labels): string {
  const { stays, ...rest } = statement;
  const named = { ...rest, label: labelOf(labels, statement.cloud), stays: [...stays.values()] };
  const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);
  return `${JSON.stringify(named, plain, 2)}\n`;
}

/** A statement to be read on a screen. */
export function statementText(statement: Statement, labels: Labels): string {
  const { cloud, from, to, accounts, lines } = statement;
  const title = `Statement of ${labelOf(labels, cloud)}, booked from ${formatTime(from)} to before ${formatTime(to)}`;
  const blocks = accounts.map((account) => {
    const own = lines.filter(
      (line) => line.currency === account.currency && [line.creditor, line.debtor].includes(account.with),
    );
    const row = (when: string, what: string, amount: bigint) =>
      `  ${when.padEnd(20)}  ${what.padEnd(44)}  ${formatAmount(amount).padStart(24)}`;
    return [
      `${labelOf(labels, account.with)}, ${account.currency} (positive: owed to ${labelOf(labels, cloud)})`,
      row("", "owed before", account.opening),
      ...own.map((line) => row(formatTime(line.bookedAt), detailOf(line), amountFor(cloud, line))),
      row("", "owed at the end", account.closing),
    ].join("\n");
  });
  return `${[title, ...(blocks.length > 0 ? blocks : ["Nothing was booked."])].join("\n\n")}\n`;
}

function detailOf(line: BookLine): string {
  const what = describeLine(line);
  if (!("sequence" in line) || line.sequence === 0) return what;
  const window = line.kind === "credit" ? ` window ${line.window}` : "";
  return `${what}, ${line.vm.slice(0, 10)} stay ${line.sequence}${window}`;
}
