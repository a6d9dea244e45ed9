// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Id of a virtual machine: hash of (chain id, registry, home, salted local id). Opaque once registered.
type VmId is bytes32;

using {vmIdEqual as ==, vmIdUnequal as !=, isAfter} for VmId global;

function vmIdEqual(VmId a, VmId b) pure returns (bool) {
    return VmId.unwrap(a) == VmId.unwrap(b);
}

function vmIdUnequal(VmId a, VmId b) pure returns (bool) {
    return VmId.unwrap(a) != VmId.unwrap(b);
}

/// @dev Strict order of ids, by which the lines of an agreement are sorted.
function isAfter(VmId a, VmId b) pure returns (bool) {
    return VmId.unwrap(a) > VmId.unwrap(b);
}
