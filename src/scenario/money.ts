import { parseUnits } from "ethers";

import type { Money } from "./format.js";

/** Decimal places of an amount: amounts are in 1e-9 currency units. */
const PLACES = 9;

/** An amount in 1e-9 currency units. */
export function parseMoney(money: Money): bigint {
  return parseUnits(money, PLACES);
}

/** An amount to read: four decimal places, or as many as it takes to show that it is not zero. */
export function formatMoney(amount: bigint): string {
  const sign = amount < 0n ? "-" : "";
  const size = amount < 0n ? -amount : amount;
  const digits = size.toString().padStart(PLACES + 1, "0");
  const [whole, fraction] = [digits.slice(0, -PLACES), digits.slice(-PLACES)];
  const shown = size !== 0n && size < 10n ** 5n ? fraction.replace(/0+$/, "") : fraction.slice(0, 4);
  return `${sign}${whole}.${shown}`;
}
