// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BetaReputation} from "../reputation/BetaReputation.sol";
import {CalendarMonth} from "../reputation/CalendarMonth.sol";
import {Evidence} from "../reputation/Evidence.sol";

/// @title Shows what the pure libraries of reputation answer, many at once. For tests only.
contract ReputationProbe {
    function monthsOf(uint256[] calldata times) external pure returns (uint32[] memory months) {
        months = new uint32[](times.length);
        for (uint256 i = 0; i < times.length; ++i) months[i] = CalendarMonth.monthOf(times[i]);
    }

    function weightOf(uint256 age) external pure returns (uint256) {
        return BetaReputation.weightOf(age);
    }

    /// @param kept Kept evidence by age in months.
    /// @param lost Evidence against, by age in months.
    /// @param scale Evidence at which the confidence is one half, in resource-hours.
    function standing(
        uint80[] calldata kept,
        uint80[] calldata lost,
        uint256 scale
    ) external pure returns (uint256 score, uint256 confidence) {
        uint256 weighedKept;
        uint256 weighedLost;
        for (uint256 age = 0; age < kept.length; ++age) {
            weighedKept += BetaReputation.weightOf(age) * kept[age];
            weighedLost += BetaReputation.weightOf(age) * lost[age];
        }
        score = BetaReputation.score(weighedKept, weighedLost);
        confidence = BetaReputation.confidence(weighedKept + weighedLost, scale);
    }

    function scaledTo(
        Evidence[] calldata evidence,
        uint256[] calldata limits
    ) external pure returns (Evidence[] memory scaled) {
        scaled = new Evidence[](evidence.length);
        for (uint256 i = 0; i < evidence.length; ++i) {
            Evidence memory each = evidence[i];
            scaled[i] = each.scaledTo(limits[i]);
        }
    }
}
