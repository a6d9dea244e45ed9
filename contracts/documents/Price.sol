// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Rates} from "./Rates.sol";

/// @notice What a stay costs.
/// @dev EIP-712 type `Price`.
/// @param currency ISO 4217 code.
/// @param rates Price of each resource, in 1e-12 currency units per unit and hour.
/// @param settlement Who may settle: 0 home or host alone, 1 only both together.
/// @param salt Random: hides the price in the hash of the terms.
struct Price {
    string currency;
    Rates rates;
    uint8 settlement;
    bytes32 salt;
}

using PriceHash for Price global;

/// @title EIP-712 hash of `Price`
library PriceHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Price(string currency,Rates rates,uint8 settlement,bytes32 salt)"
        "Rates(uint64 vcpuMilli,uint64 memoryMiB,uint64 storageGiB,uint64 diskIops,uint64 networkMbps,"
        "uint64 gpus,uint64 spare1,uint64 spare2)"
    );

    /// @notice EIP-712 struct hash.
    function structHash(Price calldata price) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    TYPEHASH,
                    keccak256(bytes(price.currency)),
                    price.rates.structHash(),
                    price.settlement,
                    price.salt
                )
            );
    }
}
