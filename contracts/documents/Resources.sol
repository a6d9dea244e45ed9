// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Agreed amounts of one VM, as a person signs them. Packed into a `ResourceVector` for storage.
/// @dev Each amount is below 2**31. EIP-712 type `Resources`.
/// @param vcpuMilli Virtual CPUs, in thousandths.
/// @param memoryMiB Memory in MiB.
/// @param storageGiB Storage in GiB.
/// @param diskIops Disk operations per second.
/// @param networkMbps Network throughput in Mbit/s.
/// @param gpus Graphics processors.
/// @param spare1 Reserved for the federation's own use.
/// @param spare2 Reserved for the federation's own use.
struct Resources {
    uint32 vcpuMilli;
    uint32 memoryMiB;
    uint32 storageGiB;
    uint32 diskIops;
    uint32 networkMbps;
    uint32 gpus;
    uint32 spare1;
    uint32 spare2;
}

using ResourcesHash for Resources global;

/// @title EIP-712 hash of `Resources`
library ResourcesHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Resources(uint32 vcpuMilli,uint32 memoryMiB,uint32 storageGiB,uint32 diskIops,uint32 networkMbps,"
        "uint32 gpus,uint32 spare1,uint32 spare2)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(Resources calldata resources) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, resources));
    }
}
