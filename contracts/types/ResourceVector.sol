// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Resources} from "../documents/Resources.sol";

/// @notice Eight amounts of 31 bits in one word, lane 0 lowest, the top bit of each 32-bit lane clear.
/// @dev The clear top bit is what lets one word operation work on all eight lanes: it catches the carry of an addition
/// and lends the borrow of a comparison. Lanes are in the order of `Resources`. A word that comes from outside becomes
/// a vector by `ResourceVectors.toVector`, signed amounts by `ResourceVectors.pack`.
type ResourceVector is uint256;

using ResourceVectors for ResourceVector global;

/// @notice An amount does not fit into its lane.
/// @param lane Lane of the amount, 0 to 7.
/// @param amount The amount: 2**31 or more.
error ResourceVector_LaneTooBig(uint8 lane, uint32 amount);

/// @notice A word is no vector: the top bit of a lane is set.
/// @param word The word.
error ResourceVector_TopBitSet(uint256 word);

/// @notice A lane of a sum does not fit, or one of the summands is no vector.
/// @param a First summand.
/// @param b Second summand.
error ResourceVector_Overflow(ResourceVector a, ResourceVector b);

/// @notice A lane of a difference would be negative, or one of the two is no vector.
/// @param a Minuend.
/// @param b Subtrahend.
error ResourceVector_Underflow(ResourceVector a, ResourceVector b);

/// @title Lane-wise arithmetic on resource vectors
/// @notice Branch-free over the lanes; loops run only where a refusal is put into words.
/// @dev `unchecked` is used where lanes are moved as bits: the comment at each block says what keeps lanes apart.
library ResourceVectors {
    /// @dev Lanes in a vector.
    uint256 internal constant LANES = 8;

    /// @dev The top bit of every lane.
    uint256 private constant TOP = 0x8000000080000000800000008000000080000000800000008000000080000000;

    uint256 private constant LANE_BITS = 32;

    /* CONVERSION */

    /// @notice Packs signed amounts; refuses an amount of 2**31 or more.
    function pack(Resources calldata resources) internal pure returns (ResourceVector) {
        uint256 word;
        uint256 any;
        // Assembly for the gas of every line: one test for the eight words instead of one each.
        assembly ("memory-safe") {
            let amount := calldataload(resources)
            any := amount
            word := amount
            amount := calldataload(add(resources, 0x20))
            any := or(any, amount)
            word := or(word, shl(32, amount))
            amount := calldataload(add(resources, 0x40))
            any := or(any, amount)
            word := or(word, shl(64, amount))
            amount := calldataload(add(resources, 0x60))
            any := or(any, amount)
            word := or(word, shl(96, amount))
            amount := calldataload(add(resources, 0x80))
            any := or(any, amount)
            word := or(word, shl(128, amount))
            amount := calldataload(add(resources, 0xa0))
            any := or(any, amount)
            word := or(word, shl(160, amount))
            amount := calldataload(add(resources, 0xc0))
            any := or(any, amount)
            word := or(word, shl(192, amount))
            amount := calldataload(add(resources, 0xe0))
            any := or(any, amount)
            word := or(word, shl(224, amount))
        }
        if (any >> 31 != 0) _revertLaneTooBig(resources);
        return ResourceVector.wrap(word);
    }

    /// @notice The amounts by name.
    function unpack(ResourceVector vector) internal pure returns (Resources memory) {
        return
            Resources({
                vcpuMilli: vector.lane(0),
                memoryMiB: vector.lane(1),
                storageGiB: vector.lane(2),
                diskIops: vector.lane(3),
                networkMbps: vector.lane(4),
                gpus: vector.lane(5),
                spare1: vector.lane(6),
                spare2: vector.lane(7)
            });
    }

    /// @notice Takes a word from outside for a vector; refuses a set top bit.
    function toVector(uint256 word) internal pure returns (ResourceVector) {
        require(word & TOP == 0, ResourceVector_TopBitSet(word));
        return ResourceVector.wrap(word);
    }

    /// @notice Whether no top bit is set.
    function isValid(ResourceVector vector) internal pure returns (bool) {
        return ResourceVector.unwrap(vector) & TOP == 0;
    }

    /// @notice One amount. Zero for an index of 8 or more.
    function lane(ResourceVector vector, uint256 index) internal pure returns (uint32) {
        // Truncation to the lane is the purpose of the cast.
        return uint32(ResourceVector.unwrap(vector) >> (index * LANE_BITS));
    }

    /* ARITHMETIC */

    /// @notice Lane-wise sum of two; refuses a lane of 2**31 or more.
    /// @dev Two lanes below 2**31 stay below 2**32, so nothing is carried and the top bit tells. That holds for two
    /// summands only: every single addition goes through here.
    function plus(ResourceVector a, ResourceVector b) internal pure returns (ResourceVector) {
        uint256 x = ResourceVector.unwrap(a);
        uint256 y = ResourceVector.unwrap(b);
        uint256 sum;
        unchecked {
            // May wrap only when a top bit is set in x or y, which is refused in the next line.
            sum = x + y;
        }
        require((x | y | sum) & TOP == 0, ResourceVector_Overflow(a, b));
        return ResourceVector.wrap(sum);
    }

    /// @notice Lane-wise difference; refuses a subtrahend that does not fit within the minuend.
    function minus(ResourceVector a, ResourceVector b) internal pure returns (ResourceVector) {
        require(b.fitsWithin(a) && a.isValid(), ResourceVector_Underflow(a, b));
        unchecked {
            // No lane borrows: each lane of b is at most that of a.
            return ResourceVector.wrap(ResourceVector.unwrap(a) - ResourceVector.unwrap(b));
        }
    }

    /// @notice Lane-wise maximum.
    function max(ResourceVector a, ResourceVector b) internal pure returns (ResourceVector) {
        uint256 mask = _lanesAbove(a, b);
        return ResourceVector.wrap((ResourceVector.unwrap(a) & mask) | (ResourceVector.unwrap(b) & ~mask));
    }

    /// @notice Sum of each amount times its rate.
    /// @dev At most 8 * 2**31 * 2**64 < 2**98.
    function weightedSum(ResourceVector vector, uint64[8] memory rates) internal pure returns (uint256 sum) {
        for (uint256 i = 0; i < LANES; ++i) {
            sum += uint256(vector.lane(i)) * rates[i];
        }
    }

    /* COMPARISON */

    /// @notice Whether every lane is at most that of the limit. Never true for a word that is no vector.
    function fitsWithin(ResourceVector vector, ResourceVector limit) internal pure returns (bool) {
        uint256 x = ResourceVector.unwrap(vector);
        unchecked {
            // Each lane of the limit lends its own top bit, which stays set exactly where the lane of x is not greater.
            // A lane of x with its top bit set could borrow from the next: `& ~x` fails it.
            return ((ResourceVector.unwrap(limit) | TOP) - x) & ~x & TOP == TOP;
        }
    }

    /// @notice Whether all lanes are zero.
    function isZero(ResourceVector vector) internal pure returns (bool) {
        return ResourceVector.unwrap(vector) == 0;
    }

    /// @notice The lanes of a vector that are above those of another, the other lanes zero.
    /// @dev Both are vectors. The result is zero exactly if no lane is above.
    function risesAbove(ResourceVector vector, ResourceVector other) internal pure returns (ResourceVector) {
        return ResourceVector.wrap(ResourceVector.unwrap(vector) & _lanesAbove(vector, other));
    }

    /// @notice The first lane that is above the limit's, with both amounts; (8, 0, 0) if there is none.
    /// @dev For the words of a refusal, not for the decision.
    function exceedingLane(
        ResourceVector vector,
        ResourceVector limit
    ) internal pure returns (uint8 index, uint32 amount, uint32 limitAmount) {
        for (; index < LANES; ++index) {
            amount = vector.lane(index);
            limitAmount = limit.lane(index);
            if (amount > limitAmount) return (index, amount, limitAmount);
        }
        return (index, 0, 0);
    }

    /// @dev All 31 bits of each lane in which a is above b. Both are vectors.
    function _lanesAbove(ResourceVector a, ResourceVector b) private pure returns (uint256) {
        unchecked {
            // The top bit of a lane stays set where a is not above b; turned over, it marks the lanes that are. A top
            // bit less its own lane's lowest bit is the 31 bits below: no lane borrows from the next.
            uint256 above = ~((ResourceVector.unwrap(b) | TOP) - ResourceVector.unwrap(a)) & TOP;
            return above - (above >> 31);
        }
    }

    /// @dev Names the first amount that is too big. One beyond 32 bits is refused by the compiler's own check.
    function _revertLaneTooBig(Resources calldata resources) private pure {
        uint32[8] memory amounts = [
            resources.vcpuMilli,
            resources.memoryMiB,
            resources.storageGiB,
            resources.diskIops,
            resources.networkMbps,
            resources.gpus,
            resources.spare1,
            resources.spare2
        ];
        uint8 index = 0;
        while (amounts[index] >> 31 == 0) ++index;
        revert ResourceVector_LaneTooBig(index, amounts[index]);
    }
}
