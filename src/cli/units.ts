/** A fixed-point number in full, without zeros at its end. */
function formatFixed(value: bigint, decimals: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -decimals)}${fraction === "" ? "" : `.${fraction}`}`;
}

const RATE_DECIMALS = 12;
const AMOUNT_DECIMALS = 9;

/** A price per hour, in 1e-12 currency units, in currency units. */
export function formatRate(rate: bigint): string {
  return formatFixed(rate, RATE_DECIMALS);
}

/** An amount, in 1e-9 currency units, in currency units. */
export function formatShortAmount(amount: bigint): string {
  return formatFixed(amount, AMOUNT_DECIMALS);
}

const LENGTHS: readonly (readonly [bigint, string])[] = [
  [86_400_000n, "d"],
  [3_600_000n, "h"],
  [60_000n, "min"],
  [1_000n, "s"],
  [1n, "ms"],
];

/** A length of time in milliseconds, to read: `2 d 4 h`. */
export function formatLengthMs(ms: bigint): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [size, unit] of LENGTHS) {
    const count = rest / size;
    if (count > 0n) parts.push(`${count} ${unit}`);
    rest %= size;
  }
  return parts.join(" ") || "0 s";
}
