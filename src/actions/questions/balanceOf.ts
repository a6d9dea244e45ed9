import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { currencyToBytes } from "../../charging/currencies.js";

/**
 * What one cloud owes another, in 1e-9 currency units; negative where it is the other way round.
 * @param creditor To whom.
 * @param debtor Who.
 * @param currency ISO 4217 code.
 * @throws BusError `BAD_CURRENCY`.
 */
export function balanceOf(
  { charging }: Federation,
  creditor: number,
  debtor: number,
  currency: string,
): Promise<bigint> {
  return ask(charging.balanceOf(creditor, debtor, currencyToBytes(currency)));
}
