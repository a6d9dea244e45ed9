// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What a note is for
/// @notice The ledger reads NETTING only; every other number is the parties' affair.
library NoteReason {
    /// @notice Nothing is said.
    uint16 internal constant UNSPECIFIED = 0;

    /// @notice Part of a netting: it counts with all other notes of its round, or not at all.
    uint16 internal constant NETTING = 1;

    /// @notice Corrects a line that was wrong.
    uint16 internal constant CORRECTION = 2;

    /// @notice Stands for the charge of a stay that was settled outside of the chain.
    uint16 internal constant REPLACEMENT = 3;
}
