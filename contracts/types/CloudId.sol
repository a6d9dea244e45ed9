// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Number of a cloud in the federation, counted from 1. Zero is nobody.
type CloudId is uint32;

using {equal as ==, unequal as !=, isSet} for CloudId global;

/// @dev The value that names no cloud.
CloudId constant NOBODY = CloudId.wrap(0);

function equal(CloudId a, CloudId b) pure returns (bool) {
    return CloudId.unwrap(a) == CloudId.unwrap(b);
}

function unequal(CloudId a, CloudId b) pure returns (bool) {
    return CloudId.unwrap(a) != CloudId.unwrap(b);
}

function isSet(CloudId cloud) pure returns (bool) {
    return CloudId.unwrap(cloud) != 0;
}
