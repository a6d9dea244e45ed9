// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {VmId} from "../types/VmId.sol";

/// @notice Home and host settle a stay together, as its price may ask for.
/// @dev EIP-712 type `JointSettlement`. Signed by: home, host.
/// @param vm The VM.
/// @param sequence Number of the stay.
/// @param to Up to when, in milliseconds.
/// @param validUntil Last moment at which it can be brought, in milliseconds.
struct JointSettlement {
    VmId vm;
    uint32 sequence;
    uint64 to;
    uint64 validUntil;
}

using JointSettlementHash for JointSettlement global;

/// @title EIP-712 hash of `JointSettlement`
library JointSettlementHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "JointSettlement(bytes32 vm,uint32 sequence,uint64 to,uint64 validUntil)"
    );

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(JointSettlement calldata document) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, document));
    }
}
