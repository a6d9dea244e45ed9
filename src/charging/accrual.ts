import { RESOURCE_NAMES, type Rates, type Resources } from "../documents/types.js";
import { BusError } from "../errors/busError.js";

/** A currency unit in the units of the books: amounts are billionths. */
export const AMOUNT_UNIT = 1_000_000_000n;

/** Amounts of the books have 96 bits. */
export const MAX_AMOUNT = 2n ** 96n - 1n;

const HOUR_MS = 3_600_000n;
/** Rates are in 1e-12 units, amounts in 1e-9. */
const RATE_PER_AMOUNT = 1_000n;

/** Price of all resources together, in 1e-12 currency units per hour. */
export function rateOf(resources: Resources, rates: Rates): bigint {
  return RESOURCE_NAMES.reduce((sum, name) => sum + BigInt(resources[name]) * rates[name], 0n);
}

/**
 * What a stay has cost since its start: floor(rate · elapsed / 1 h / 1,000), in 1e-9 currency units. It is the same formula
 * as `contracts/charging/Accrual.sol`, written again; a test compares them.
 * @param rate In 1e-12 currency units per hour.
 * @param elapsedMs Time since the stay's start; nothing is charged for a time before.
 * @throws BusError `CHARGE_OVERFLOW` for more than 96 bits, as the contract refuses it.
 */
export function accruedCharge(rate: bigint, elapsedMs: bigint): bigint {
  if (elapsedMs <= 0n) return 0n;
  // Whole hours and the rest apart, brought together before the one rounding.
  const [hours, rest] = [elapsedMs / HOUR_MS, elapsedMs % HOUR_MS];
  const amount = (rate * hours * HOUR_MS + rate * rest) / (HOUR_MS * RATE_PER_AMOUNT);
  if (amount > MAX_AMOUNT) {
    throw new BusError("CHARGE_OVERFLOW", `${rate} for ${elapsedMs} ms costs ${amount}, more than ${MAX_AMOUNT}`);
  }
  return amount;
}

/**
 * What an interval of a stay costs: the difference of two accrued charges, so that intervals add up.
 * @param startedAt Start of the stay, in milliseconds.
 * @throws BusError `CHARGE_OVERFLOW`.
 */
export function chargeBetween(rate: bigint, startedAt: bigint, from: bigint, to: bigint): bigint {
  return accruedCharge(rate, to - startedAt) - accruedCharge(rate, from - startedAt);
}
