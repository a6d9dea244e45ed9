import { AMOUNT_UNIT } from "../charging/accrual.js";

/** Labels of clouds by their number. */
export type Labels = ReadonlyMap<number, string>;

/** A cloud's label; its number where it has none. */
export function labelOf(labels: Labels, cloud: number): string {
  return labels.get(cloud) ?? String(cloud);
}

/** An amount in currency units with all its nine decimals: nothing is rounded away. */
export function formatAmount(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(10, "0");
  const sign = amount < 0n ? "-" : "";
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/**
 * The amount in a text that {@link formatAmount} wrote.
 * @throws SyntaxError for any other text.
 */
export function parseAmount(text: string): bigint {
  const found = /^(-?)(\d+)\.(\d{9})$/.exec(text);
  if (!found) throw new SyntaxError(`${text} is no amount with nine decimals`);
  const [, sign, whole = "", fraction = ""] = found;
  const amount = BigInt(whole) * AMOUNT_UNIT + BigInt(fraction);
  return sign === "-" ? -amount : amount;
}

/** Milliseconds as seconds with three decimals. */
export function formatSeconds(ms: bigint): string {
  const digits = (ms < 0n ? -ms : ms).toString().padStart(4, "0");
  return `${ms < 0n ? "-" : ""}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

/** A time as ISO 8601 in UTC; without milliseconds where they are zero. */
export function formatTime(time: bigint): string {
  return new Date(Number(time)).toISOString().replace(".000Z", "Z");
}

/** Rows as RFC 4180 CSV. */
export function toCsv(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
