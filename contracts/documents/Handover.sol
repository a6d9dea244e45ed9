// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Release, ReleaseHash} from "./Release.sol";

/// @notice The receipts that complete a move.
/// @dev EIP-712 type `Handover`. Signed by: destination, then source.
/// @param move Id of the move.
/// @param releases What was handed over, in the order of the lines.
/// @param validUntil Last moment at which this may complete the move, in milliseconds: minutes after signing.
struct Handover {
    bytes32 move;
    Release[] releases;
    uint64 validUntil;
}

using HandoverHash for Handover global;

/// @title EIP-712 hash of `Handover`
library HandoverHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Handover(bytes32 move,Release[] releases,uint64 validUntil)"
        "Release(bytes32 vm,bytes32 stateDigest,uint64 releasedAt)"
    );

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(Handover calldata document) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(TYPEHASH, document.move, ReleaseHash.hashAll(document.releases), document.validUntil));
    }
}
