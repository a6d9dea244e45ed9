// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../documents/Metrics.sol";
import {Sla} from "../documents/Sla.sol";
import {StayFacts} from "../ledger/IMigrationLedger.sol";
import {SlaRules} from "../oracle/SlaRules.sol";

/// @title Shows how the contracts judge. For tests only.
contract SlaRulesProbe {
    function requireWellFormed(Sla calldata sla) external pure {
        SlaRules.requireWellFormed(sla);
    }

    function requireInRange(Metrics calldata metrics) external pure {
        SlaRules.requireInRange(metrics);
    }

    function judge(Sla calldata sla, Metrics calldata metrics) external pure returns (uint16 creditBps, uint8 missed) {
        return SlaRules.judge(sla, metrics);
    }

    function pauseExcess(uint32 pauseBudgetMs, StayFacts calldata stay) external pure returns (uint48) {
        return SlaRules.pauseExcess(pauseBudgetMs, stay);
    }

    function withPause(
        Metrics calldata metrics,
        uint48 excessMs,
        uint48 lengthMs
    ) external pure returns (Metrics memory) {
        return SlaRules.withPause(metrics, excessMs, lengthMs);
    }
}
