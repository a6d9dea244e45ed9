// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Resources} from "../../../contracts/documents/Resources.sol";
import {
    ResourceVector,
    ResourceVectors,
    ResourceVector_LaneTooBig,
    ResourceVector_Overflow,
    ResourceVector_TopBitSet,
    ResourceVector_Underflow
} from "../../../contracts/types/ResourceVector.sol";
import {Lanes} from "../Lanes.sol";

/// @title ResourceVector against a reference that goes lane by lane (INV-LANE)
contract ResourceVectorTest {
    using Lanes for uint32[8];
    using Lanes for uint256[8];

    /* CALLS, SO THAT A REFUSAL CAN BE CAUGHT */

    function pack(Resources calldata resources) external pure returns (ResourceVector) {
        return ResourceVectors.pack(resources);
    }

    function toVector(uint256 word) external pure returns (ResourceVector) {
        return ResourceVectors.toVector(word);
    }

    function plus(ResourceVector a, ResourceVector b) external pure returns (ResourceVector) {
        return a.plus(b);
    }

    function minus(ResourceVector a, ResourceVector b) external pure returns (ResourceVector) {
        return a.minus(b);
    }

    function sumOf(ResourceVector[16] memory summands) external pure returns (ResourceVector sum) {
        for (uint256 i = 0; i < summands.length; ++i) {
            sum = sum.plus(summands[i]);
        }
    }

    /* CONVERSION */

    function testFuzz_pack_matchesReference(uint256[8] memory seeds) external view {
        _checkPack(seeds.fuzzed());
    }

    function testFuzz_pack_matchesReference_whenAllFit(uint256[8] memory seeds) external view {
        _checkPack(seeds.fuzzedVector());
    }

    function test_pack_matchesReference_whenLaneIsAtBoundary() external view {
        uint32[6] memory edges = [0, 1, 2 ** 31 - 1, uint32(2 ** 31), 2 ** 31 + 1, type(uint32).max];
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            for (uint256 j = 0; j < edges.length; ++j) {
                uint32[8] memory amounts;
                amounts[i] = edges[j];
                _checkPack(amounts);
            }
        }
    }

    function testFuzz_pack_reverts_whenWordHasBitsBeyondItsType(
        uint256[8] memory seeds,
        uint8 at,
        uint256 dirt
    ) external view {
        uint32[8] memory amounts = seeds.fuzzed();
        uint256 index = at % Lanes.COUNT;
        bytes memory data = abi.encodeCall(this.pack, (amounts.named()));
        uint256 dirty = uint256(amounts[index]) | ((dirt | 1) << 32);
        // 4 bytes of selector, then the eight words.
        assembly ("memory-safe") {
            mstore(add(add(data, 0x24), mul(index, 0x20)), dirty)
        }

        (bool success, bytes memory reason) = address(this).staticcall(data);

        require(!success && reason.length == 0, "INV-LANE: a dirty word was packed");
    }

    function testFuzz_unpack_undoesPack(uint256[8] memory seeds) external view {
        Resources memory resources = seeds.fuzzedVector().named();

        Resources memory unpacked = this.pack(resources).unpack();

        require(keccak256(abi.encode(unpacked)) == keccak256(abi.encode(resources)), "unpack");
    }

    function testFuzz_lane_matchesReference(uint256 word, uint256 beyond) external pure {
        uint32[8] memory amounts = Lanes.split(word);
        ResourceVector vector = ResourceVector.wrap(word);
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            require(vector.lane(i) == amounts[i], "lane");
        }

        require(vector.lane(8 + (beyond % 2 ** 64)) == 0, "no lane beyond the eighth");
    }

    function testFuzz_toVector_matchesReference(uint256[8] memory seeds) external view {
        uint32[8] memory amounts = seeds.fuzzed();
        _checkToVector(amounts);
        _checkToVector(seeds.fuzzedVector());
    }

    function test_toVector_reverts_whenOneTopBitIsSet() external view {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            uint32[8] memory amounts;
            amounts[i] = 2 ** 31;
            _checkToVector(amounts);
            amounts[i] = 2 ** 31 - 1;
            _checkToVector(amounts);
        }
    }

    function testFuzz_isZero_matchesReference(uint256 word) external pure {
        require(ResourceVector.wrap(word).isZero() == (word == 0), "isZero");
        require(ResourceVector.wrap(0).isZero(), "zero is zero");
    }

    /* ARITHMETIC */

    function testFuzz_plus_matchesReference(uint256[8] memory seedsA, uint256[8] memory seedsB) external view {
        _checkPlus(seedsA.fuzzed(), seedsB.fuzzed());
        _checkPlus(seedsA.fuzzedVector(), seedsB.fuzzedVector());
        _checkPlus(_halved(seedsA.fuzzedVector()), _halved(seedsB.fuzzedVector()));
    }

    function test_plus_matchesReference_whenLanesAreAtBoundary() external view {
        uint32[5] memory edges = [0, 1, 2 ** 30, 2 ** 31 - 1, uint32(2 ** 31)];
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            for (uint256 j = 0; j < edges.length; ++j) {
                for (uint256 k = 0; k < edges.length; ++k) {
                    (uint32[8] memory a, uint32[8] memory b) = _ones();
                    a[i] = edges[j];
                    b[i] = edges[k];
                    _checkPlus(a, b);
                }
            }
        }
    }

    function testFuzz_plus_matchesReference_whenSixteenAreSummed(uint256 seed) external view {
        // Each lane stays below 2**27 for some seeds, so that sixteen fit, and goes over for others.
        uint256 bits = 20 + (seed % 12);
        ResourceVector[16] memory summands;
        uint256[8] memory totals;
        uint256 fits = 16;
        for (uint256 n = 0; n < 16; ++n) {
            uint32[8] memory amounts;
            for (uint256 i = 0; i < Lanes.COUNT; ++i) {
                amounts[i] = uint32(uint256(keccak256(abi.encode(seed, n, i))) % 2 ** bits);
                totals[i] += amounts[i];
                if (totals[i] >= 2 ** 31 && fits == 16) fits = n;
            }
            summands[n] = ResourceVector.wrap(amounts.join());
        }

        try this.sumOf(summands) returns (ResourceVector sum) {
            require(fits == 16, "INV-LANE: a sum was carried");
            for (uint256 i = 0; i < Lanes.COUNT; ++i) {
                require(sum.lane(i) == totals[i], "sum of sixteen");
            }
        } catch (bytes memory reason) {
            require(fits < 16 && bytes4(reason) == ResourceVector_Overflow.selector, "a sum that fits was refused");
        }
    }

    function test_plus_reverts_whenThirdSummandWouldCarry() external view {
        // 3 * (2**31 - 1) is beyond 32 bits: added at once it would leave a small lane 0 and one more in lane 1.
        ResourceVector big = ResourceVector.wrap(2 ** 31 - 1);
        ResourceVector[16] memory summands;
        summands[0] = big;
        summands[1] = big;
        summands[2] = big;
        require((3 * ResourceVector.unwrap(big)) & (1 << 31) == 0, "the top bit alone would not tell");

        try this.sumOf(summands) {
            revert("INV-LANE: three summands carried");
        } catch (bytes memory reason) {
            _requireReason(reason, abi.encodeWithSelector(ResourceVector_Overflow.selector, big, big));
        }
    }

    function testFuzz_minus_matchesReference(uint256[8] memory seedsA, uint256[8] memory seedsB) external view {
        uint32[8] memory a = seedsA.fuzzedVector();
        uint32[8] memory b = seedsB.fuzzedVector();
        _checkMinus(a, b);
        _checkMinus(_greater(a, b), b);
        _checkMinus(seedsA.fuzzed(), b);
        _checkMinus(a, seedsB.fuzzed());
    }

    function test_minus_matchesReference_whenLanesAreAtBoundary() external view {
        uint32[5] memory edges = [0, 1, 2 ** 31 - 2, 2 ** 31 - 1, uint32(2 ** 31)];
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            for (uint256 j = 0; j < edges.length; ++j) {
                for (uint256 k = 0; k < edges.length; ++k) {
                    (uint32[8] memory a, uint32[8] memory b) = _ones();
                    a[i] = edges[j];
                    b[i] = edges[k];
                    _checkMinus(a, b);
                }
            }
        }
    }

    function testFuzz_minus_undoesPlus(uint256[8] memory seedsA, uint256[8] memory seedsB) external view {
        ResourceVector a = ResourceVector.wrap(_halved(seedsA.fuzzedVector()).join());
        ResourceVector b = ResourceVector.wrap(_halved(seedsB.fuzzedVector()).join());

        require(_same(this.minus(this.plus(a, b), b), a), "minus undoes plus");
    }

    function testFuzz_max_matchesReference(uint256[8] memory seedsA, uint256[8] memory seedsB) external pure {
        uint32[8] memory a = seedsA.fuzzedVector();
        uint32[8] memory b = seedsB.fuzzedVector();

        ResourceVector most = ResourceVector.wrap(a.join()).max(ResourceVector.wrap(b.join()));

        require(ResourceVector.unwrap(most) == _greater(a, b).join(), "max");
    }

    function testFuzz_weightedSum_matchesReference(uint256[8] memory seeds, uint64[8] memory rates) external pure {
        uint32[8] memory amounts = seeds.fuzzedVector();
        uint256 expected = 0;
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            expected += uint256(amounts[i]) * uint256(rates[i]);
        }

        require(ResourceVector.wrap(amounts.join()).weightedSum(rates) == expected, "weightedSum");
    }

    function test_weightedSum_holdsTheGreatest() external pure {
        uint32[8] memory amounts;
        uint64[8] memory rates;
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            amounts[i] = 2 ** 31 - 1;
            rates[i] = type(uint64).max;
        }

        uint256 sum = ResourceVector.wrap(amounts.join()).weightedSum(rates);

        require(sum == 8 * (2 ** 31 - 1) * uint256(type(uint64).max) && sum < 2 ** 98, "greatest weighted sum");
    }

    /* COMPARISON */

    function testFuzz_fitsWithin_matchesReference(uint256[8] memory seedsA, uint256[8] memory seedsB) external pure {
        uint32[8] memory a = seedsA.fuzzedVector();
        uint32[8] memory b = seedsB.fuzzedVector();
        _checkComparison(a, b);
        _checkComparison(a, a);
        _checkComparison(a, _greater(a, b));
        _checkComparison(_greater(a, b), a);
        _checkComparison(seedsA.fuzzed(), b);
    }

    function test_fitsWithin_matchesReference_whenOneLaneIsAtBoundary() external pure {
        uint32[5] memory edges = [0, 1, 2 ** 31 - 2, 2 ** 31 - 1, uint32(2 ** 31)];
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            for (uint256 j = 0; j < edges.length; ++j) {
                for (uint256 k = 0; k < 4; ++k) {
                    (uint32[8] memory a, uint32[8] memory b) = _ones();
                    a[i] = edges[j];
                    b[i] = edges[k];
                    _checkComparison(a, b);
                }
            }
        }
    }

    function testFuzz_fitsWithin_isFalse_whenTopBitIsSet(uint256 word, uint256 limit, uint8 at) external pure {
        uint256 invalid = word | (1 << (32 * (uint256(at) % Lanes.COUNT) + 31));

        require(!ResourceVector.wrap(invalid).fitsWithin(ResourceVector.wrap(limit)), "INV-LANE: no vector fits");
    }

    function test_exceedingLane_findsNone_whenEqual() external pure {
        (uint32[8] memory a, ) = _ones();
        ResourceVector vector = ResourceVector.wrap(a.join());

        (uint8 index, uint32 amount, uint32 limit) = vector.exceedingLane(vector);

        require(index == 8 && amount == 0 && limit == 0, "(8, 0, 0)");
    }

    /* REFERENCES */

    function _checkPack(uint32[8] memory amounts) private view {
        try this.pack(amounts.named()) returns (ResourceVector vector) {
            require(amounts.areValid(), "INV-LANE: an amount of 2**31 or more was packed");
            require(ResourceVector.unwrap(vector) == amounts.join(), "pack");
        } catch (bytes memory reason) {
            uint8 index = 0;
            while (amounts[index] < 2 ** 31) ++index;
            _requireReason(reason, abi.encodeWithSelector(ResourceVector_LaneTooBig.selector, index, amounts[index]));
        }
    }

    function _checkToVector(uint32[8] memory amounts) private view {
        uint256 word = amounts.join();
        require(ResourceVector.wrap(word).isValid() == amounts.areValid(), "isValid");
        try this.toVector(word) returns (ResourceVector vector) {
            require(amounts.areValid() && ResourceVector.unwrap(vector) == word, "toVector");
        } catch (bytes memory reason) {
            require(!amounts.areValid(), "a vector was refused");
            _requireReason(reason, abi.encodeWithSelector(ResourceVector_TopBitSet.selector, word));
        }
    }

    function _checkPlus(uint32[8] memory x, uint32[8] memory y) private view {
        ResourceVector a = ResourceVector.wrap(x.join());
        ResourceVector b = ResourceVector.wrap(y.join());
        bool fits = x.areValid() && y.areValid();
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            if (uint256(x[i]) + y[i] >= 2 ** 31) fits = false;
        }

        try this.plus(a, b) returns (ResourceVector sum) {
            require(fits, "INV-LANE: a lane overflowed");
            for (uint256 i = 0; i < Lanes.COUNT; ++i) {
                require(sum.lane(i) == x[i] + y[i], "plus");
            }
        } catch (bytes memory reason) {
            require(!fits, "a sum that fits was refused");
            _requireReason(reason, abi.encodeWithSelector(ResourceVector_Overflow.selector, a, b));
        }
    }

    function _checkMinus(uint32[8] memory x, uint32[8] memory y) private view {
        ResourceVector a = ResourceVector.wrap(x.join());
        ResourceVector b = ResourceVector.wrap(y.join());
        bool fits = x.areValid() && y.areValid();
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            if (y[i] > x[i]) fits = false;
        }

        try this.minus(a, b) returns (ResourceVector difference) {
            require(fits, "INV-LANE: a lane borrowed");
            for (uint256 i = 0; i < Lanes.COUNT; ++i) {
                require(difference.lane(i) == x[i] - y[i], "minus");
            }
        } catch (bytes memory reason) {
            require(!fits, "a difference that fits was refused");
            _requireReason(reason, abi.encodeWithSelector(ResourceVector_Underflow.selector, a, b));
        }
    }

    /// @dev `fitsWithin`, `exceedingLane` and `risesAbove` tell the same story.
    function _checkComparison(uint32[8] memory x, uint32[8] memory y) private pure {
        ResourceVector a = ResourceVector.wrap(x.join());
        ResourceVector b = ResourceVector.wrap(y.join());
        uint32[8] memory risen;
        uint256 first = 8;
        for (uint256 i = Lanes.COUNT; i > 0; --i) {
            if (x[i - 1] <= y[i - 1]) continue;
            first = i - 1;
            risen[first] = x[first];
        }

        require(a.fitsWithin(b) == (first == 8), "fitsWithin");
        (uint8 index, uint32 amount, uint32 limit) = a.exceedingLane(b);
        require(index == first, "exceedingLane");
        require(first == 8 || (amount == x[first] && limit == y[first]), "exceedingLane: amounts");
        if (!x.areValid()) return;
        require(ResourceVector.unwrap(a.risesAbove(b)) == risen.join(), "risesAbove");
    }

    function _requireReason(bytes memory reason, bytes memory expected) private pure {
        require(keccak256(reason) == keccak256(expected), "another error");
    }

    function _same(ResourceVector a, ResourceVector b) private pure returns (bool) {
        return ResourceVector.unwrap(a) == ResourceVector.unwrap(b);
    }

    function _greater(uint32[8] memory a, uint32[8] memory b) private pure returns (uint32[8] memory most) {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            most[i] = a[i] > b[i] ? a[i] : b[i];
        }
    }

    function _halved(uint32[8] memory a) private pure returns (uint32[8] memory half) {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            half[i] = a[i] / 2;
        }
    }

    /// @dev Ones in all lanes, so that a carry or a borrow between lanes would show.
    function _ones() private pure returns (uint32[8] memory a, uint32[8] memory b) {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            (a[i], b[i]) = (1, 1);
        }
    }
}
