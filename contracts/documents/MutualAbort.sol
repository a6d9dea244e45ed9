// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Both sides of a move give it up: nobody is at fault.
/// @dev EIP-712 type `MutualAbort`. Signed by: source, destination.
/// @param move Id of the move.
/// @param reason Reason code of `AbortReason`.
/// @param validUntil Last moment at which this may be brought, in milliseconds.
struct MutualAbort {
    bytes32 move;
    uint8 reason;
    uint64 validUntil;
}

using MutualAbortHash for MutualAbort global;

/// @title EIP-712 hash of `MutualAbort`
library MutualAbortHash {
    bytes32 internal constant TYPEHASH = keccak256("MutualAbort(bytes32 move,uint8 reason,uint64 validUntil)");

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(MutualAbort calldata document) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, document));
    }
}
