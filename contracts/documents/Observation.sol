// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {VmId} from "../types/VmId.sol";
import {Metrics} from "./Metrics.sol";

/// @notice What one witness measured in one window of a stay.
/// @dev EIP-712 type `Observation`. Signed by: the witness.
/// @param vm The VM.
/// @param sequence Number of the stay.
/// @param window Number of the window, from 0.
/// @param metrics What it measured.
/// @param samplesRoot Merkle root of its raw samples.
struct Observation {
    VmId vm;
    uint32 sequence;
    uint32 window;
    Metrics metrics;
    bytes32 samplesRoot;
}

using ObservationHash for Observation global;

/// @title EIP-712 hash of `Observation`
library ObservationHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Observation(bytes32 vm,uint32 sequence,uint32 window,Metrics metrics,bytes32 samplesRoot)"
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,"
        "uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)"
    );

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(Observation calldata document) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    TYPEHASH,
                    document.vm,
                    document.sequence,
                    document.window,
                    document.metrics.structHash(),
                    document.samplesRoot
                )
            );
    }
}
