// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {VmId} from "../types/VmId.sol";

/// @notice A result of one window on which home and host agree: final at once.
/// @dev EIP-712 type `AgreedReport`, with `metrics` given by its struct hash. Signed by: home, host.
/// @param vm The VM.
/// @param sequence Number of the stay.
/// @param window Number of the window, from 0.
/// @param metrics EIP-712 struct hash of `SaltedMetrics`.
struct AgreedReport {
    VmId vm;
    uint32 sequence;
    uint32 window;
    bytes32 metrics;
}

using AgreedReportHash for AgreedReport global;

/// @title EIP-712 hash of `AgreedReport`
library AgreedReportHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "AgreedReport(bytes32 vm,uint32 sequence,uint32 window,SaltedMetrics metrics)"
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,"
        "uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)"
        "SaltedMetrics(Metrics values,bytes32 salt)"
    );

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(AgreedReport calldata document) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, document));
    }
}
