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
    bytes32 internal constant TYPEHASH = keccak256("Release(bytes32 vm,bytes32 stateDigest,uint64 releasedAt)");

    /// @notice EIP-712 hash of an array.
    /// @dev Hashes the words of the call as they came. A word with bits beyond its type gives a hash that nobody signed.
    function hashAll(Release[] calldata items) internal pure returns (bytes32 hash) {
        bytes32 typehash = TYPEHASH;
        // Assembly for the gas of every VM of a group: an item is 3 words of the call.
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, typehash)
            let hashes := add(pointer, 0x80)
            let next := hashes
            let item := items.offset
            for {
                let end := add(item, mul(items.length, 0x60))
            } lt(item, end) {
                item := add(item, 0x60)
                next := add(next, 0x20)
            } {
                calldatacopy(add(pointer, 0x20), item, 0x60)
                mstore(next, keccak256(pointer, 0x80))
            }
            hash := keccak256(hashes, sub(next, hashes))
        }
    }
}
