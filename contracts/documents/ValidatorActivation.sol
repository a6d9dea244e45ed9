// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";

/// @notice A node's key agrees to be a validator, and shows that its node follows this chain.
/// @dev EIP-712 type `ValidatorActivation`. Signed by: the node key. Brought once, to the validator set.
/// @param cloud The cloud whose validator it will be; zero for an independent operator.
/// @param validator The node's address.
/// @param replaces The cloud's validator whose place it takes; zero if it takes none.
/// @param blockNumber Number of a block of this chain, at most 256 blocks old.
/// @param blockHash That block's hash.
struct ValidatorActivation {
    CloudId cloud;
    address validator;
    address replaces;
    uint256 blockNumber;
    bytes32 blockHash;
}

using ValidatorActivationHash for ValidatorActivation global;

/// @title EIP-712 hash of `ValidatorActivation`
library ValidatorActivationHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "ValidatorActivation(uint32 cloud,address validator,address replaces,uint256 blockNumber,bytes32 blockHash)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(ValidatorActivation memory document) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, document));
    }
}
