/** What can go wrong in the library, apart from a contract's refusal. */
export type BusErrorCode =
  | "REVERTED"
  | "UNKNOWN_CHAIN"
  | "WRONG_GENESIS"
  | "STALE_HEAD"
  | "NO_CODE"
  | "BAD_ADDRESS_BOOK"
  | "NO_SIGNER"
  | "TIMEOUT"
  | "MALFORMED"
  | "CONTRADICTION"
  | "JOURNAL"
  | "BAD_SCENARIO"
  | "BAD_TRACE"
  | "MISSING_EVENT";

/** Base of every error the library throws on purpose. Branch on `code`, never on `message`. */
export class BusError extends Error {
  override readonly name: string = "BusError";

  constructor(
    readonly code: BusErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
