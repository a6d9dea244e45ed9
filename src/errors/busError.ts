/** What can be wrong with a document, or with signing it now: see `signing/`. */
export type DocumentErrorCode =
  | "FIELD_MISSING"
  | "FIELD_UNKNOWN"
  | "FIELD_TYPE"
  | "ZERO_ID"
  | "ZERO_ADDRESS"
  | "ZERO_SALT"
  | "SALT_REUSED"
  | "BAD_CURRENCY"
  | "BAD_SETTLEMENT"
  | "TOO_MANY_TIERS"
  | "TIERS_NOT_FALLING"
  | "CREDITS_NOT_RISING"
  | "BPS_OUT_OF_RANGE"
  | "PPM_OUT_OF_RANGE"
  | "BAD_MEASURED"
  | "TOO_MANY_WITNESSES"
  | "WITNESSES_UNSORTED"
  | "WITNESSES_REQUIRED"
  | "LINE_COUNT"
  | "LINES_UNSORTED"
  | "EMPTY_RESOURCES"
  | "LANE_TOO_BIG"
  | "NO_CLOUD"
  | "BAD_PARTIES"
  | "NO_WINDOW"
  | "NOTICE_PERIOD"
  | "DIGEST_KIND"
  | "DEADLINES_UNORDERED"
  | "RECEIPTS_MISMATCH"
  | "RECEIPT_TIMES"
  | "BAD_REASON"
  | "BAD_ROLE"
  | "NOT_A_PARTY"
  | "NOT_THE_KEY"
  | "EXPIRED";

/** What can go wrong in the library. */
export type BusErrorCode =
  | DocumentErrorCode
  | "REVERTED"
  | "UNKNOWN_CHAIN"
  | "WRONG_GENESIS"
  | "UNKNOWN_CONTRACT"
  | "STALE_HEAD"
  | "NO_CODE"
  | "BAD_ADDRESS_BOOK"
  | "NO_SIGNER"
  | "TIMEOUT"
  | "CONTRADICTION"
  | "JOURNAL"
  | "BAD_WEIGHTS"
  | "BAD_SCENARIO"
  | "BAD_TRACE"
  | "MISSING_EVENT"
  | "DATABASE"
  | "INDEX_RESET"
  | "INDEX_GAP"
  | "INDEX_MISMATCH"
  | "BAD_CONFIG"
  | "KEY_FILE_MODE"
  | "BAD_REQUEST"
  | "NOT_SIGNED_IN"
  | "FORBIDDEN"
  | "GATEWAY";

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
