// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";
import {Grid, OraclePeriods} from "./ISlaOracle.sol";

/// @notice The grid of a stay's windows in one word, as it is stored: an agreed report reads nothing else of the stay.
/// @dev From the lowest bit: home 32, host 32, startedAt 48, windowMs 48, claimWithin 24, objectWithin 24, observeWithin
/// 24. Zero is a stay whose windows are not open: no home is 0.
type GridWord is uint256;

using GridWords for GridWord global;

/// @title Fields of a stored grid
library GridWords {
    uint256 private constant HOST = 32;
    uint256 private constant STARTED_AT = 64;
    uint256 private constant WINDOW_MS = 112;
    uint256 private constant CLAIM_WITHIN = 160;
    uint256 private constant OBJECT_WITHIN = 184;
    uint256 private constant OBSERVE_WITHIN = 208;

    /// @notice The grid of a stay.
    /// @param grid No period is longer than 24 bits.
    function pack(Grid memory grid) internal pure returns (GridWord) {
        return
            GridWord.wrap(
                uint256(CloudId.unwrap(grid.home)) |
                    (uint256(CloudId.unwrap(grid.host)) << HOST) |
                    (uint256(grid.startedAt) << STARTED_AT) |
                    (uint256(grid.windowMs) << WINDOW_MS) |
                    (uint256(grid.periods.claimWithin) << CLAIM_WITHIN) |
                    (uint256(grid.periods.objectWithin) << OBJECT_WITHIN) |
                    (uint256(grid.periods.observeWithin) << OBSERVE_WITHIN)
            );
    }

    /// @notice All fields by name.
    function unpack(GridWord grid) internal pure returns (Grid memory) {
        return
            Grid({
                home: grid.home(),
                host: grid.host(),
                startedAt: grid.startedAt(),
                windowMs: grid.windowMs(),
                periods: OraclePeriods({
                    claimWithin: grid.claimWithin(),
                    objectWithin: grid.objectWithin(),
                    observeWithin: grid.observeWithin()
                })
            });
    }

    /// @notice Whether the windows are open.
    function isOpen(GridWord grid) internal pure returns (bool) {
        return GridWord.unwrap(grid) != 0;
    }

    /* FIELDS: every cast cuts the field out of the word */

    /// @notice Field `home`.
    function home(GridWord grid) internal pure returns (CloudId) {
        return CloudId.wrap(uint32(GridWord.unwrap(grid)));
    }

    /// @notice Field `host`.
    function host(GridWord grid) internal pure returns (CloudId) {
        return CloudId.wrap(uint32(GridWord.unwrap(grid) >> HOST));
    }

    /// @notice Field `startedAt`.
    function startedAt(GridWord grid) internal pure returns (uint48) {
        return uint48(GridWord.unwrap(grid) >> STARTED_AT);
    }

    /// @notice Field `windowMs`.
    function windowMs(GridWord grid) internal pure returns (uint48) {
        return uint48(GridWord.unwrap(grid) >> WINDOW_MS);
    }

    /// @notice Field `claimWithin`.
    function claimWithin(GridWord grid) internal pure returns (uint24) {
        return uint24(GridWord.unwrap(grid) >> CLAIM_WITHIN);
    }

    /// @notice Field `objectWithin`.
    function objectWithin(GridWord grid) internal pure returns (uint24) {
        return uint24(GridWord.unwrap(grid) >> OBJECT_WITHIN);
    }

    /// @notice Field `observeWithin`.
    function observeWithin(GridWord grid) internal pure returns (uint24) {
        return uint24(GridWord.unwrap(grid) >> OBSERVE_WITHIN);
    }

    /* QUESTIONS */

    /// @notice Begin of a window, in milliseconds, wherever the stay ends. Below 2**81.
    function beginOf(GridWord grid, uint32 window) internal pure returns (uint256) {
        unchecked {
            // 48 bits plus 32 bits times 48 bits.
            return grid.startedAt() + uint256(window) * grid.windowMs();
        }
    }
}
