// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {VmId} from "../types/VmId.sol";

/// @notice What the source handed over of one VM.
/// @dev EIP-712 type `Release`.
/// @param vm The VM.
/// @param stateDigest Digest of the state that was moved, of the agreement's `digestKind`.
/// @param releasedAt When the source let go, in milliseconds.
struct Release {
    VmId vm;
    bytes32 stateDigest;
    uint64 releasedAt;
}

/// @title EIP-712 hash of `Release`
library ReleaseHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Release(bytes32 vm,bytes32 stateDigest,uint64 releasedAt)"
    );

    /// @notice EIP-712 hash of an array.
    function hashAll(Release[] calldata items) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            hashes[i] = keccak256(abi.encode(TYPEHASH, items[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
