// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EvidenceWeights, IReputationLedger, ReputationRules} from "./IReputationLedger.sol";

/// @title Hard limits of the governed rules of reputation
/// @notice No vote can set a rule outside of these.
library ReputationRulesLimits {
    uint256 private constant MAX_WEIGHT = 10_000_000;

    /// @notice Reverts with the first rule outside its hard limits.
    function requireWithinLimits(ReputationRules memory rules) internal pure {
        EvidenceWeights memory weights = rules.weights;
        _require("vcpuMilli", weights.vcpuMilli, 0, MAX_WEIGHT);
        _require("memoryMiB", weights.memoryMiB, 0, MAX_WEIGHT);
        _require("storageGiB", weights.storageGiB, 0, MAX_WEIGHT);
        _require("diskIops", weights.diskIops, 0, MAX_WEIGHT);
        _require("networkMbps", weights.networkMbps, 0, MAX_WEIGHT);
        _require("gpus", weights.gpus, 0, MAX_WEIGHT);
        _require("spare1", weights.spare1, 0, MAX_WEIGHT);
        _require("spare2", weights.spare2, 0, MAX_WEIGHT);
        uint256 sum = uint256(weights.vcpuMilli) + weights.memoryMiB + weights.storageGiB + weights.diskIops;
        sum += uint256(weights.networkMbps) + weights.gpus + weights.spare1 + weights.spare2;
        _require("weights", sum, 1, 8 * MAX_WEIGHT);
        _require("capHours", rules.capHours, 100, 1_000_000);
        _require("moveHours", rules.moveHours, 1, 1_000);
        _require("newcomerHours", rules.newcomerHours, 1, 10_000);
        _require("confidenceHours", rules.confidenceHours, 1, 1_000_000);
    }

    function _require(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        require(
            value >= least && value <= most,
            IReputationLedger.ReputationLedger_RuleOutOfRange(name, value, least, most)
        );
    }
}
