// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {VmId} from "../types/VmId.sol";

/// @notice What happened to one VM of a record.
/// @dev EIP-712 type `Receipt`.
/// @param vm The VM.
/// @param stateDigest Digest of the state that was moved, of the agreement's `digestKind`.
/// @param releasedAt When the source let go, in milliseconds.
/// @param runningAt When it ran at the destination, in milliseconds.
struct Receipt {
    VmId vm;
    bytes32 stateDigest;
    uint64 releasedAt;
    uint64 runningAt;
}

/// @title EIP-712 hash of `Receipt`
library ReceiptHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Receipt(bytes32 vm,bytes32 stateDigest,uint64 releasedAt,uint64 runningAt)"
    );

    /// @notice EIP-712 hash of an array.
    function hashAll(Receipt[] calldata items) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            hashes[i] = keccak256(abi.encode(TYPEHASH, items[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
