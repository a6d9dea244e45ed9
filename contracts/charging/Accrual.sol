// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Rates} from "../documents/Rates.sol";
import {Resources} from "../documents/Resources.sol";

/// @notice A charge does not fit into 96 bits: 79 billion billion billionths of a currency unit.
/// @dev Settle up to an earlier time, or replace the charge by a note.
/// @param rate Price of all resources together, in 1e-12 currency units per hour.
/// @param elapsedMs Time since the stay's start, in milliseconds.
error Accrual_Overflow(uint256 rate, uint256 elapsedMs);

/// @title What a stay costs: the one formula, with the one rounding
/// @notice A charge accrues from the stay's start as floor(rate * milliseconds / 3,600,000 / 1,000) in 1e-9 currency
/// units, with rate = sum of each amount times its price per hour. What an interval costs is the difference of two such
/// sums: intervals that touch add up to what the whole costs, whoever cuts them and however often.
library Accrual {
    /// @dev 1e-12 units per hour to 1e-9 units per millisecond.
    uint256 private constant DIVISOR = 3_600_000 * 1_000;

    /// @notice Price of all resources together, in 1e-12 currency units per hour.
    /// @dev Below 2**98 for amounts below 2**31, as the ledger accepts them; below 2**99 for any.
    function rateOf(Resources calldata resources, Rates calldata rates) internal pure returns (uint256) {
        return
            uint256(resources.vcpuMilli) * rates.vcpuMilli +
            uint256(resources.memoryMiB) * rates.memoryMiB +
            uint256(resources.storageGiB) * rates.storageGiB +
            uint256(resources.diskIops) * rates.diskIops +
            uint256(resources.networkMbps) * rates.networkMbps +
            uint256(resources.gpus) * rates.gpus +
            uint256(resources.spare1) * rates.spare1 +
            uint256(resources.spare2) * rates.spare2;
    }

    /// @notice What a stay has cost since its start, in 1e-9 currency units; refuses what does not fit into 96 bits.
    /// @param rate Below 2**99.
    /// @param elapsedMs Below 2**48.
    function accrued(uint256 rate, uint256 elapsedMs) internal pure returns (uint96) {
        uint256 amount = (rate * elapsedMs) / DIVISOR;
        require(amount <= type(uint96).max, Accrual_Overflow(rate, elapsedMs));
        // Cast is safe: just compared.
        return uint96(amount);
    }
}
