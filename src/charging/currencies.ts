import { hexlify, toUtf8Bytes, toUtf8String } from "ethers";

import { BusError } from "../errors/busError.js";

/**
 * Codes of ISO 4217, list one (current currency and funds codes) as published on 2026-01-01 by SIX, the maintenance agency:
 * https://www.six-group.com/dam/download/financial-information/data-center/iso-currrency/lists/list-one.xml. Left out are
 * XTS (for tests) and XXX (no currency): nobody can owe them.
 */
export const CURRENCIES: ReadonlySet<string> = new Set(
  (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
    "CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP " +
    "GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR " +
    "KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN " +
    "MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD " +
    "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX " +
    "USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD " +
    "XPF XPT XSU XUA YER ZAR ZMW ZWG"
  ).split(" "),
);

/** Whether a text is a code of ISO 4217 in which something can be owed. */
export function isCurrency(code: string): boolean {
  return CURRENCIES.has(code);
}

/**
 * A currency as the contracts store it: three bytes in hex.
 * @throws BusError `BAD_CURRENCY`.
 */
export function currencyToBytes(code: string): string {
  if (!isCurrency(code)) throw new BusError("BAD_CURRENCY", `${JSON.stringify(code)} is not an ISO 4217 code`);
  return hexlify(toUtf8Bytes(code));
}

/** The code of a currency as the contracts store it. */
export function currencyOfBytes(bytes: string): string {
  return toUtf8String(bytes);
}
