// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Prices of the eight resources, each in 1e-12 currency units per unit and hour.
/// @dev EIP-712 type `Rates`. The names and their order are those of `Resources`.
/// @param vcpuMilli Per thousandth of a virtual CPU.
/// @param memoryMiB Per MiB of memory.
/// @param storageGiB Per GiB of storage.
/// @param diskIops Per disk operation per second.
/// @param networkMbps Per Mbit/s.
/// @param gpus Per graphics processor.
/// @param spare1 Per unit of the first spare lane.
/// @param spare2 Per unit of the second spare lane.
struct Rates {
    uint64 vcpuMilli;
    uint64 memoryMiB;
    uint64 storageGiB;
    uint64 diskIops;
    uint64 networkMbps;
    uint64 gpus;
    uint64 spare1;
    uint64 spare2;
}

using RatesHash for Rates global;

/// @title EIP-712 hash of `Rates`
library RatesHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Rates(uint64 vcpuMilli,uint64 memoryMiB,uint64 storageGiB,uint64 diskIops,uint64 networkMbps,"
        "uint64 gpus,uint64 spare1,uint64 spare2)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(Rates calldata rates) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, rates));
    }
}
