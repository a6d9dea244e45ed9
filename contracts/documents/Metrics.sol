// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What was measured in one window of a stay, or what is promised of every window.
/// @dev EIP-712 type `Metrics`. Availability, diskIops and throughput are at least what is promised; the others at most.
/// @param availabilityPpm Share of the time in which the VM answered, in millionths.
/// @param cpuReadyPpm Share of the time in which a virtual CPU was ready but got no processor, in millionths.
/// @param diskLatencyUs Latency of a disk operation, in microseconds.
/// @param diskIops Disk operations per second.
/// @param throughputKbps Network throughput in kbit/s.
/// @param networkLatencyUs Round-trip time, in microseconds.
/// @param lossPpm Share of packets that got lost, in millionths.
/// @param measured Bit i: metric i of this list counts.
struct Metrics {
    uint32 availabilityPpm;
    uint32 cpuReadyPpm;
    uint32 diskLatencyUs;
    uint32 diskIops;
    uint32 throughputKbps;
    uint32 networkLatencyUs;
    uint32 lossPpm;
    uint32 measured;
}

using MetricsHash for Metrics global;

/// @title EIP-712 hash of `Metrics`
library MetricsHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,"
        "uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(Metrics calldata metrics) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, metrics));
    }
}
