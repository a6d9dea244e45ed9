// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";

/// @notice A key agrees to serve a cloud in a role, for ever and for no other cloud.
/// @dev EIP-712 type `KeyAcceptance`. Signed by: the key itself. Brought once, to the registry.
/// @param cloud The cloud.
/// @param key The key.
/// @param role 1 account, 2 recovery, 3 agent: the values of `KeyRole`.
/// @param validUntil Last moment at which this may be brought, in milliseconds.
struct KeyAcceptance {
    CloudId cloud;
    address key;
    uint8 role;
    uint64 validUntil;
}

using KeyAcceptanceHash for KeyAcceptance global;

/// @title EIP-712 hash of `KeyAcceptance`
library KeyAcceptanceHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "KeyAcceptance(uint32 cloud,address key,uint8 role,uint64 validUntil)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(KeyAcceptance memory document) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, document));
    }
}
