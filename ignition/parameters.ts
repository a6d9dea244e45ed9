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

/** Parameters of the validator set at the start, in seconds. Hard limits: `contracts/governance/ValidatorParameters.sol`. */
export const DEFAULT_VALIDATOR_PARAMETERS = { additionInterval: 3_600, returnWait: 86_400 } as const;

/** Governance's own parameters at the start, in seconds. Hard limits: `contracts/governance/GovernorParameters.sol`. */
export const DEFAULT_GOVERNOR_PARAMETERS = {
  slowDelay: 48 * 3_600,
  votingPeriod: 7 * 86_400,
  executeWithin: 14 * 86_400,
} as const;
