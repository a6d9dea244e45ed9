import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { currencyOfBytes } from "../../charging/currencies.js";

/** What is booked of a stay's charge. */
export interface StayCharge {
  /** Price of all its resources together, in 1e-12 currency units per hour; 0 until it was settled. */
  readonly rate: bigint;
  /** ISO 4217 code; undefined until it was settled. */
  readonly currency: string | undefined;
  /** Up to when it is charged, in milliseconds; 0 if it never was settled. */
  readonly settledThrough: bigint;
  /** Up to when a note stands for the charge, in milliseconds; 0 if none does. */
  readonly replacedThrough: bigint;
  /** In 1e-9 currency units. */
  readonly posted: bigint;
}

/** What is booked of a stay's charge; all zero of a stay that nobody has settled. */
export async function chargeOf({ charging }: Federation, vm: string, sequence: number): Promise<StayCharge> {
  const { account, posted } = await ask(charging.chargeOf(vm, sequence));
  const { rate, currency, settledThrough, replacedThrough } = account;
  return {
    rate,
    currency: currency === "0x000000" ? undefined : currencyOfBytes(currency),
    settledThrough,
    replacedThrough,
    posted,
  };
}
