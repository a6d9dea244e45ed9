// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "./Metrics.sol";

/// @notice A share of the window's charge that is given back when the availability was below a bound.
/// @dev EIP-712 type `Tier`.
/// @param belowPpm The bound, in millionths.
/// @param creditBps The share, in hundredths of a percent.
struct Tier {
    uint32 belowPpm;
    uint16 creditBps;
}

/// @notice What the host promises of every window, and what it gives back when it does not keep it.
/// @dev EIP-712 type `Sla`.
/// @param thresholds What is promised. Bit i of `measured`: metric i is promised.
/// @param availabilityTiers At most three, `belowPpm` falling: the last one that applies counts.
/// @param otherMetricsBps Share given back when any other promised metric was missed.
/// @param capBps The most that is given back of a window's charge.
/// @param pauseBudgetMs How long the pause before the stay may be, in milliseconds.
/// @param salt Random: hides the SLA in the hash of the terms.
struct Sla {
    Metrics thresholds;
    Tier[] availabilityTiers;
    uint16 otherMetricsBps;
    uint16 capBps;
    uint32 pauseBudgetMs;
    bytes32 salt;
}

using SlaHash for Sla global;

/// @title EIP-712 hashes of `Tier` and `Sla`
library SlaHash {
    bytes32 internal constant TIER_TYPEHASH = keccak256("Tier(uint32 belowPpm,uint16 creditBps)");

    bytes32 internal constant TYPEHASH = keccak256(
        "Sla(Metrics thresholds,Tier[] availabilityTiers,uint16 otherMetricsBps,uint16 capBps,"
        "uint32 pauseBudgetMs,bytes32 salt)"
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,"
        "uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)"
        "Tier(uint32 belowPpm,uint16 creditBps)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(Sla calldata sla) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    TYPEHASH,
                    sla.thresholds.structHash(),
                    _hashTiers(sla.availabilityTiers),
                    sla.otherMetricsBps,
                    sla.capBps,
                    sla.pauseBudgetMs,
                    sla.salt
                )
            );
    }

    function _hashTiers(Tier[] calldata tiers) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](tiers.length);
        for (uint256 i = 0; i < tiers.length; ++i) hashes[i] = keccak256(abi.encode(TIER_TYPEHASH, tiers[i]));
        return keccak256(abi.encodePacked(hashes));
    }
}
