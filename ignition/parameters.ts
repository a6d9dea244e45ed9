/** Governed time limits at the start, in seconds. Their hard limits are in `contracts/ledger/LedgerParameters.sol`. */
export const DEFAULT_PARAMETERS = {
  agreeWithin: 15 * 60,
  startWithin: 24 * 3_600,
  completeWithin: 72 * 3_600,
  startLead: 3_600,
  tolerance: 15 * 60,
  lossWait: 15 * 60,
  retention: 30 * 86_400,
} as const;

/** Periods of the oracle at the start, in seconds. Their hard limits are in `contracts/oracle/SlaOracle.sol`. */
export const DEFAULT_PERIODS = {
  claimWithin: 45 * 86_400,
  objectWithin: 7 * 86_400,
  observeWithin: 7 * 86_400,
} as const;
