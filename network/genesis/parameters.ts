import type { DeploymentParameters } from "@nomicfoundation/ignition-core";

import {
  DEFAULT_GOVERNOR_PARAMETERS,
  DEFAULT_PARAMETERS,
  DEFAULT_PERIODS,
  DEFAULT_REPUTATION_RULES,
  DEFAULT_VALIDATOR_PARAMETERS,
} from "../../ignition/parameters.js";
import { type CompleteFounders, validatorOf } from "../founding/founders.js";

/** What the Ignition modules are told by a founding document. The founders get the ids 1, 2, ... in its order. */
export function moduleParameters(founders: CompleteFounders): DeploymentParameters {
  return {
    CloudRegistry: {
      founders: founders.clouds.map(({ label, account, recovery, endpoint, spkiHash }) => ({
        label,
        account,
        recovery,
        endpoint,
        spkiHash,
      })),
    },
    MigrationLedger: { limits: { ...DEFAULT_PARAMETERS, ...founders.limits } },
    SlaOracle: { periods: { ...DEFAULT_PERIODS } },
    ReputationLedger: { rules: { ...DEFAULT_REPUTATION_RULES } },
    ValidatorSet: {
      initial: founders.clouds.map(({ node }, i) => ({ cloud: i + 1, validator: validatorOf(node.publicKey) })),
      parameters: { ...DEFAULT_VALIDATOR_PARAMETERS, ...founders.validators },
    },
    FederationGovernor: {
      parameters: { ...DEFAULT_GOVERNOR_PARAMETERS, ...founders.governance },
      isTest: founders.isTest ?? false,
    },
    Federation: { guardian: founders.guardian, attester: founders.attester },
  };
}
