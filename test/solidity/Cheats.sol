// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The cheatcodes that these tests use
/// @dev Implemented by the simulator. Called `cheats`: a `vm` is a virtual machine here.
interface Cheats {
    /// @notice Sets the time of the block, in seconds.
    function warp(uint256 timestamp) external;

    /// @notice Sends the next call from another address.
    function prank(address sender) external;

    /// @notice Discards the fuzzed input if the condition does not hold.
    function assume(bool condition) external pure;

    /// @notice Signs a digest with a private key.
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);

    /// @notice The address of a private key.
    function addr(uint256 privateKey) external pure returns (address);

    /// @notice Creation code of a contract of this project.
    function getCode(string calldata artifact) external view returns (bytes memory);
}

/// @dev Where the simulator listens.
Cheats constant cheats = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));
