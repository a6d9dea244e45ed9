// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Eight amounts of 31 bits in one word, lane 0 lowest, the top bit of each 32-bit lane clear.
type ResourceVector is uint256;
