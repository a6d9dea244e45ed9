// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {VmId} from "../types/VmId.sol";

/// @notice A VM continues on the ledger that governance named.
/// @dev EIP-712 type `Succession`. Signed by: home, host.
/// @param vm The VM.
/// @param nonce The VM's nonce at the time of signing.
/// @param successor The ledger that takes the VM over.
/// @param validUntil Last moment at which this may be brought, in milliseconds.
struct Succession {
    VmId vm;
    uint32 nonce;
    address successor;
    uint64 validUntil;
}

using SuccessionHash for Succession global;

/// @title EIP-712 hash of `Succession`
library SuccessionHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Succession(bytes32 vm,uint32 nonce,address successor,uint64 validUntil)"
    );

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(Succession calldata document) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, document));
    }
}
