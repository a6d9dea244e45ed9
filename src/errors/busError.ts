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
  | "NO_STAY"
  | "NOTHING_MEASURED"
  | "NOT_FOR_WITNESSES"
  | "ZERO_ROOT"
  | "NO_AMOUNT"
  | "NO_TIME"
  | "STAY_HALF_NAMED"
  | "NO_ROUND"
  | "PRICE_TOO_HIGH"
  | "NOT_A_PARTY"
  | "NOT_THE_KEY"
  | "EXPIRED";

/** What can go wrong in the oracle's daemon: see `oracle/`. */
export type OracleErrorCode =
  | "BAD_ORACLE_CONFIG"
  | "BAD_SAMPLE_FILE"
  | "SOURCE_UNREACHABLE"
  | "SOURCE_TIMEOUT"
  | "SOURCE_DIED"
  | "SOURCE_REFUSED"
  | "SOURCE_NONSENSE"
  | "SERIES_AMBIGUOUS"
  | "UNKNOWN_LABEL"
  | "SAMPLES_OUT_OF_ORDER"
  | "SAMPLES_DUPLICATE"
  | "SAMPLE_OUT_OF_RANGE"
  | "NO_SAMPLES"
  | "STORE"
  | "UNKNOWN_AGREEMENT"
  | "UNKNOWN_WITNESSES"
  | "UNKNOWN_PEER"
  | "PEER_UNREACHABLE"
  | "PEER_TIMEOUT"
  | "PEER_DIED"
  | "PEER_REFUSED"
  | "PEER_NONSENSE"
  | "WRONG_SPKI"
  | "BAD_REQUEST"
  | "NOTHING_IN_COMMON";

/** What can go wrong on the command line: see `cli/`. */
export type CommandErrorCode =
  | "BAD_PROFILE"
  | "BAD_KEY_FILE"
  | "BAD_SIGNED_FILE"
  | "BAD_SIGNATURE"
  | "SIGNATURE_MISSING"
  | "NOT_CONFIRMED"
  | "NEEDS_CHECKOUT";

/** What can go wrong in the library. */
export type BusErrorCode =
  | DocumentErrorCode
  | OracleErrorCode
  | CommandErrorCode
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
  | "BAD_DEBTS"
  | "BAD_WEIGHTS"
  | "BAD_SCENARIO"
  | "BAD_TRACE"
  | "CHARGE_OVERFLOW"
  | "BAD_PERIOD"
  | "BAD_EXPORT"
  | "BAD_ARGUMENT"
  | "UNKNOWN_PROPOSAL"
  | "BAD_COMMAND"
  | "UNREACHABLE"
  | "BAD_NODES"
  | "BAD_ANSWER"
  | "MISSING_EVENT"
  | "NO_NODE"
  | "NOT_ACCEPTED"
  | "SUBMISSION_CONFLICT"
  | "OUTBOX"
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
