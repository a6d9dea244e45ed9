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

/** Governed rules of reputation at the start. Hard limits and units are in `contracts/reputation/ReputationRulesLimits.sol`. */
export const DEFAULT_REPUTATION_RULES = {
  // Millionths of a resource for one unit of the lane: a vCPU weighs 1, a GiB of memory 1/4, 500 GiB of storage 1, a GPU 8.
  weights: {
    vcpuMilli: 1_000,
    memoryMiB: 244,
    storageGiB: 2_000,
    diskIops: 0,
    networkMbps: 0,
    gpus: 8_000_000,
    spare1: 0,
    spare2: 0,
  },
  capHours: 100_000,
  moveHours: 100,
  newcomerHours: 200,
  confidenceHours: 10_000,
} as const;

/** Parameters of the validator set at the start, in seconds. Hard limits: `contracts/governance/ValidatorParameters.sol`. */
export const DEFAULT_VALIDATOR_PARAMETERS = { additionInterval: 3_600, returnWait: 86_400 } as const;

/** Governance's own parameters at the start, in seconds. Hard limits: `contracts/governance/GovernorParameters.sol`. */
export const DEFAULT_GOVERNOR_PARAMETERS = {
  slowDelay: 48 * 3_600,
  votingPeriod: 7 * 86_400,
  executeWithin: 14 * 86_400,
} as const;
