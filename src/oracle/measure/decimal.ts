/** The longest exponent that is read; beyond it nothing is a measurement. */
const MAX_EXPONENT = 400;

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

function parseDecimal(text: string): Decimal | undefined {
  const found = /^([+-]?)(\d{1,400})(?:\.(\d{0,400}))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text.trim());
  if (!found) return undefined;
  const [, sign = "", whole = "", fraction = "", power = "0"] = found;
  const exponent = Number(power) - fraction.length;
  if (Math.abs(Number(power)) > MAX_EXPONENT) return undefined;
  const digits = BigInt(whole + fraction);
  return { digits: sign === "-" ? -digits : digits, exponent };
}

/**
 * The product of two decimal numbers in thousandths, rounded down, without a detour over binary fractions.
 * @param value As a source writes it: `0.0153`, `1.5e-3`.
 * @param scale What one of the value's units is in the metric's unit: `1000000` for seconds as microseconds.
 * @returns Undefined if one of them is no decimal number, as `NaN` or `+Inf`.
 */
export function toThousandths(value: string, scale = "1"): bigint | undefined {
  const [a, b] = [parseDecimal(value), parseDecimal(scale)];
  if (!a || !b) return undefined;
  const digits = a.digits * b.digits;
  const exponent = a.exponent + b.exponent + 3;
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  const quotient = digits / divisor;
  // BigInt cuts towards zero; down is away from zero for what is negative.
  return digits < 0n && quotient * divisor !== digits ? quotient - 1n : quotient;
}
