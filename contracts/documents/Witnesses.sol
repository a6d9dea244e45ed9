// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Who may report on a stay.
/// @dev EIP-712 type `Witnesses`. An agreement holds its struct hash.
/// @param members At most seven addresses, strictly ascending.
/// @param required How many of them must have measured a metric for it to count.
struct Witnesses {
    address[] members;
    uint8 required;
}

using WitnessesHash for Witnesses global;

/// @title EIP-712 hash of `Witnesses`
library WitnessesHash {
    bytes32 internal constant TYPEHASH = keccak256("Witnesses(address[] members,uint8 required)");

    /// @notice EIP-712 struct hash.
    function structHash(Witnesses calldata witnesses) internal pure returns (bytes32) {
        // Packed addresses of an array are padded to words, as EIP-712 encodes them.
        return
            keccak256(
                abi.encode(TYPEHASH, keccak256(abi.encodePacked(witnesses.members)), uint256(witnesses.required))
            );
    }
}
