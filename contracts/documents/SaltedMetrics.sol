// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics, MetricsHash} from "./Metrics.sol";

/// @notice Metrics with a salt that hides them: of an agreed result the chain sees only the hash of this.
/// @dev EIP-712 type `SaltedMetrics`.
/// @param values The metrics.
/// @param salt Random, known to home and host.
struct SaltedMetrics {
    Metrics values;
    bytes32 salt;
}

using SaltedMetricsHash for SaltedMetrics global;

/// @title EIP-712 hash of `SaltedMetrics`
library SaltedMetricsHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "SaltedMetrics(Metrics values,bytes32 salt)"
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,"
        "uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(SaltedMetrics calldata metrics) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, MetricsHash.structHash(metrics.values), metrics.salt));
    }
}
