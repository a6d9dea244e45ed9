// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What an agent may do for its cloud
/// @notice One bit each. What is in none of them, only the account may do.
library AgentScope {
    /// @notice Bring documents and send what needs no decision.
    uint8 internal constant RELAY = 1;

    /// @notice Make and withdraw offers.
    uint8 internal constant OFFER = 2;

    /// @notice Act and sign as home of a VM that moves. Limited to the agent's partners.
    uint8 internal constant MOVE_OUT = 4;

    /// @notice Act and sign as source, destination or host. Limited to the agent's partners.
    uint8 internal constant HOST = 8;

    /// @notice Claim, object and report.
    uint8 internal constant REPORT = 16;

    /// @notice Act for the cloud's validator.
    uint8 internal constant VALIDATOR = 32;

    /// @notice All scopes there are.
    uint8 internal constant ALL = 63;

    /// @notice The scopes that the partner list limits.
    uint8 internal constant WITH_PARTNERS = MOVE_OUT | HOST;
}
