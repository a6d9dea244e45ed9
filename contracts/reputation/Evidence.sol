// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice What is known of a cloud's promises, in millionths of a resource-hour.
/// @param kept Promises kept: windows in which nothing was missed, moves completed.
/// @param broken Windows in which something promised was missed.
/// @param unfinished Moves that did not complete through its fault.
struct Evidence {
    // slot 0: 10 + 10 + 10 = 30 bytes
    uint80 kept;
    uint80 broken;
    uint80 unfinished;
}

using EvidenceMath for Evidence global;

/// @title Arithmetic on evidence
library EvidenceMath {
    /// @notice All evidence, for and against.
    function total(Evidence memory evidence) internal pure returns (uint256) {
        return uint256(evidence.kept) + evidence.broken + evidence.unfinished;
    }

    /// @notice Field by field, the sum of both.
    function plus(Evidence memory a, Evidence memory b) internal pure returns (Evidence memory) {
        return Evidence({kept: a.kept + b.kept, broken: a.broken + b.broken, unfinished: a.unfinished + b.unfinished});
    }

    /// @notice Field by field, the difference. No field of `b` is greater than that of `a`.
    function minus(Evidence memory a, Evidence memory b) internal pure returns (Evidence memory) {
        return Evidence({kept: a.kept - b.kept, broken: a.broken - b.broken, unfinished: a.unfinished - b.unfinished});
    }

    /// @notice The evidence, scaled down so that its total is at most the limit; the parts keep their proportions.
    /// @dev The total is exactly min(total, limit). What is against the cloud is rounded up, once: by less than one unit.
    /// Evidence within the limit is returned as it is, not copied.
    /// @param limit The most that may count, below 2**80.
    function scaledTo(Evidence memory evidence, uint256 limit) internal pure returns (Evidence memory) {
        uint256 all = evidence.total();
        if (all <= limit) return evidence;
        uint256 lost = Math.ceilDiv((uint256(evidence.broken) + evidence.unfinished) * limit, all);
        uint256 unfinished = (uint256(evidence.unfinished) * limit) / all;
        // Casts are safe: none of the three is above the limit.
        return
            Evidence({kept: uint80(limit - lost), broken: uint80(lost - unfinished), unfinished: uint80(unfinished)});
    }
}
