// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../documents/Metrics.sol";
import {Observation} from "../documents/Observation.sol";
import {SlaRules} from "./SlaRules.sol";

/// @title What the witnesses of a window measured together
/// @notice Metric by metric the median of those who measured it. Of m values, fewer than half cannot move it out of the
/// range of the others: with ⌈m/2⌉ − 1 arbitrary ones it still lies between the least and the greatest honest one.
library WitnessMedian {
    /// @notice What a witness can see from outside of the VM. The rest needs the parties.
    uint32 internal constant SEEN_BY_WITNESSES =
        SlaRules.AVAILABILITY | SlaRules.THROUGHPUT | SlaRules.NETWORK_LATENCY | SlaRules.LOSS;

    /// @notice The medians of observations.
    /// @param observations At most seven.
    /// @param required How many must have measured a metric for it to count; at least one.
    /// @return medians All zero but for the metrics that count.
    function combine(
        Observation[] calldata observations,
        uint256 required
    ) internal pure returns (Metrics memory medians) {
        (uint32 bit, uint32 value) = _laneOf(observations, required, SlaRules.AVAILABILITY);
        (medians.measured, medians.availabilityPpm) = (bit, value);
        (bit, value) = _laneOf(observations, required, SlaRules.THROUGHPUT);
        (medians.measured, medians.throughputKbps) = (medians.measured | bit, value);
        (bit, value) = _laneOf(observations, required, SlaRules.NETWORK_LATENCY);
        (medians.measured, medians.networkLatencyUs) = (medians.measured | bit, value);
        (bit, value) = _laneOf(observations, required, SlaRules.LOSS);
        (medians.measured, medians.lossPpm) = (medians.measured | bit, value);
    }

    /// @notice The median of values; of two middle ones the one better for the host.
    /// @param values At least `count` values, which are put in order.
    /// @param count How many of them there are; at least one.
    /// @param isMoreBetter Whether a greater value is better for the host.
    function median(uint32[] memory values, uint256 count, bool isMoreBetter) internal pure returns (uint32) {
        for (uint256 i = 1; i < count; ++i) {
            uint32 value = values[i];
            uint256 place = i;
            for (; place != 0 && values[place - 1] > value; --place) values[place] = values[place - 1];
            values[place] = value;
        }
        return values[isMoreBetter ? count / 2 : (count - 1) / 2];
    }

    /// @dev One metric: its bit and its median, or zeros where fewer than required measured it.
    function _laneOf(
        Observation[] calldata observations,
        uint256 required,
        uint32 bit
    ) private pure returns (uint32, uint32) {
        uint32[] memory values = new uint32[](observations.length);
        uint256 count = 0;
        for (uint256 i = 0; i < observations.length; ++i) {
            Metrics calldata metrics = observations[i].metrics;
            if (metrics.measured & bit != 0) values[count++] = _valueOf(metrics, bit);
        }
        if (count < required) return (0, 0);
        return (bit, median(values, count, bit == SlaRules.AVAILABILITY || bit == SlaRules.THROUGHPUT));
    }

    function _valueOf(Metrics calldata metrics, uint32 bit) private pure returns (uint32) {
        if (bit == SlaRules.AVAILABILITY) return metrics.availabilityPpm;
        if (bit == SlaRules.THROUGHPUT) return metrics.throughputKbps;
        if (bit == SlaRules.NETWORK_LATENCY) return metrics.networkLatencyUs;
        return metrics.lossPpm;
    }
}
