// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Resources} from "../../contracts/documents/Resources.sol";

/// @title Eight amounts as plain numbers: the slow and obvious reference for `ResourceVector`
library Lanes {
    uint256 internal constant COUNT = 8;

    /// @notice The word with each amount in its 32 bits; an amount may have its top bit set.
    function join(uint32[8] memory amounts) internal pure returns (uint256 word) {
        for (uint256 i = 0; i < COUNT; ++i) {
            word += uint256(amounts[i]) * 2 ** (32 * i);
        }
    }

    /// @notice The amounts of a word.
    function split(uint256 word) internal pure returns (uint32[8] memory amounts) {
        for (uint256 i = 0; i < COUNT; ++i) {
            amounts[i] = uint32((word / 2 ** (32 * i)) % 2 ** 32);
        }
    }

    /// @notice The amounts by name.
    function named(uint32[8] memory amounts) internal pure returns (Resources memory) {
        return
            Resources({
                vcpuMilli: amounts[0],
                memoryMiB: amounts[1],
                storageGiB: amounts[2],
                diskIops: amounts[3],
                networkMbps: amounts[4],
                gpus: amounts[5],
                spare1: amounts[6],
                spare2: amounts[7]
            });
    }

    /// @notice Amounts made of fuzzed seeds: half of them at a boundary, the others anywhere below 2**32.
    function fuzzed(uint256[8] memory seeds) internal pure returns (uint32[8] memory amounts) {
        uint32[8] memory edges = [0, 1, 2, 2 ** 30, 2 ** 30 + 1, 2 ** 31 - 2, 2 ** 31 - 1, uint32(2 ** 31)];
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(seeds[i], i)));
            amounts[i] = seed % 2 == 0 ? edges[(seed >> 8) % edges.length] : uint32(seed >> 16);
        }
    }

    /// @notice The same with the top bit of each amount cleared: the lanes of a vector.
    function fuzzedVector(uint256[8] memory seeds) internal pure returns (uint32[8] memory amounts) {
        amounts = fuzzed(seeds);
        for (uint256 i = 0; i < COUNT; ++i) {
            amounts[i] %= 2 ** 31;
        }
    }

    /// @notice Whether all amounts are below 2**31.
    function areValid(uint32[8] memory amounts) internal pure returns (bool) {
        for (uint256 i = 0; i < COUNT; ++i) {
            if (amounts[i] >= 2 ** 31) return false;
        }
        return true;
    }

    /// @notice Amounts by name → by lane.
    function amountsOf(Resources memory resources) internal pure returns (uint32[8] memory) {
        return
            [
                resources.vcpuMilli,
                resources.memoryMiB,
                resources.storageGiB,
                resources.diskIops,
                resources.networkMbps,
                resources.gpus,
                resources.spare1,
                resources.spare2
            ];
    }
}
