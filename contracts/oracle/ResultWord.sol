// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../documents/Metrics.sol";
import {ResultState} from "./ISlaOracle.sol";

/// @notice The result of a window in one word, as it is stored.
/// @dev From the lowest bit: state 8. Of an agreed result the other 248 bits are the lowest ones of the struct hash of
/// the salted metrics. Of any other: since 40, observations 3, whether the host claims 1, availabilityPpm 20, cpuReadyPpm 20,
/// lossPpm 20, diskLatencyUs 32, diskIops 32, throughputKbps 32, networkLatencyUs 32, measured 7. A lane in millionths
/// has 20 bits because it is at most a million: `SlaRules.requireInRange` comes before.
type ResultWord is uint256;

using ResultWords for ResultWord global;

/// @title Fields and transitions of a stored result
library ResultWords {
    uint256 private constant STATE_BITS = 8;
    uint256 private constant SINCE = 8;
    uint256 private constant OBSERVATIONS = 48;
    uint256 private constant BY_HOST = 51;
    uint256 private constant AVAILABILITY = 52;
    uint256 private constant CPU_READY = 72;
    uint256 private constant LOSS = 92;
    uint256 private constant DISK_LATENCY = 112;
    uint256 private constant DISK_IOPS = 144;
    uint256 private constant THROUGHPUT = 176;
    uint256 private constant NETWORK_LATENCY = 208;
    uint256 private constant MEASURED = 240;

    uint256 private constant PPM = (1 << 20) - 1;
    /// @dev Metrics and claimant: what is left of a claim under objection.
    uint256 private constant CLAIM = type(uint256).max << BY_HOST;

    /* FIELDS: every cast cuts the field out of the word */

    /// @notice Field `state`.
    function state(ResultWord result) internal pure returns (ResultState) {
        return ResultState(uint8(ResultWord.unwrap(result)));
    }

    /// @notice The lowest 248 bits of the hash of an agreed result.
    function commitment(ResultWord result) internal pure returns (bytes32) {
        return bytes32(ResultWord.unwrap(result) >> STATE_BITS);
    }

    /// @notice Since when it is claimed or objected to, in seconds.
    function since(ResultWord result) internal pure returns (uint40) {
        return uint40(ResultWord.unwrap(result) >> SINCE);
    }

    /// @notice How many witnesses were heard.
    function observations(ResultWord result) internal pure returns (uint8) {
        return uint8(ResultWord.unwrap(result) >> OBSERVATIONS) & 7;
    }

    /// @notice Whether the host is the claimant; otherwise home is.
    function isByHost(ResultWord result) internal pure returns (bool) {
        return (ResultWord.unwrap(result) >> BY_HOST) & 1 != 0;
    }

    /// @notice The metrics of a result that has them.
    function metrics(ResultWord result) internal pure returns (Metrics memory) {
        uint256 word = ResultWord.unwrap(result);
        return
            Metrics({
                availabilityPpm: uint32((word >> AVAILABILITY) & PPM),
                cpuReadyPpm: uint32((word >> CPU_READY) & PPM),
                diskLatencyUs: uint32(word >> DISK_LATENCY),
                diskIops: uint32(word >> DISK_IOPS),
                throughputKbps: uint32(word >> THROUGHPUT),
                networkLatencyUs: uint32(word >> NETWORK_LATENCY),
                lossPpm: uint32((word >> LOSS) & PPM),
                measured: uint32(word >> MEASURED) & 0x7f
            });
    }

    /* TRANSITIONS */

    /// @notice None, Claimed, Objected → Agreed.
    /// @param hash Struct hash of the salted metrics. Its highest 8 bits are dropped.
    function agreed(bytes32 hash) internal pure returns (ResultWord) {
        return ResultWord.wrap((uint256(hash) << STATE_BITS) | uint256(ResultState.Agreed));
    }

    /// @notice None → Claimed.
    /// @param metrics_ In range.
    /// @param byHost Whether the host claims.
    /// @param since_ When, in seconds.
    function claimed(Metrics memory metrics_, bool byHost, uint40 since_) internal pure returns (ResultWord) {
        return
            ResultWord.wrap(
                uint256(ResultState.Claimed) |
                    (uint256(since_) << SINCE) |
                    (byHost ? uint256(1) << BY_HOST : 0) |
                    _pack(metrics_)
            );
    }

    /// @notice Claimed → Objected.
    /// @param since_ When, in seconds.
    function objected(ResultWord result, uint40 since_) internal pure returns (ResultWord) {
        return
            ResultWord.wrap(
                (ResultWord.unwrap(result) & CLAIM) | uint256(ResultState.Objected) | (uint256(since_) << SINCE)
            );
    }

    /// @notice Objected → Objected, with one witness more. At most seven are heard.
    function observed(ResultWord result) internal pure returns (ResultWord) {
        return ResultWord.wrap(ResultWord.unwrap(result) + (1 << OBSERVATIONS));
    }

    /// @notice Objected → Witnessed.
    /// @param metrics_ The medians, in range.
    function witnessed(Metrics memory metrics_) internal pure returns (ResultWord) {
        return ResultWord.wrap(uint256(ResultState.Witnessed) | _pack(metrics_));
    }

    /// @notice Objected → Disputed.
    function disputed() internal pure returns (ResultWord) {
        return ResultWord.wrap(uint256(ResultState.Disputed));
    }

    function _pack(Metrics memory metrics_) private pure returns (uint256) {
        return
            (uint256(metrics_.availabilityPpm) << AVAILABILITY) |
            (uint256(metrics_.cpuReadyPpm) << CPU_READY) |
            (uint256(metrics_.lossPpm) << LOSS) |
            (uint256(metrics_.diskLatencyUs) << DISK_LATENCY) |
            (uint256(metrics_.diskIops) << DISK_IOPS) |
            (uint256(metrics_.throughputKbps) << THROUGHPUT) |
            (uint256(metrics_.networkLatencyUs) << NETWORK_LATENCY) |
            (uint256(metrics_.measured) << MEASURED);
    }
}
