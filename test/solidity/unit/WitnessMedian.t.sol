// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../../../contracts/documents/Metrics.sol";
import {Observation} from "../../../contracts/documents/Observation.sol";
import {WitnessMedian} from "../../../contracts/oracle/WitnessMedian.sol";

/// @title The medians of witnesses: against counting, and against liars
contract WitnessMedianTest {
    uint256 private constant LANES = 4;

    /// @dev Bits of availability, throughput, network latency, loss, and whether more is better for the host.
    uint32[4] private _bits = [uint32(1), 16, 32, 64];
    bool[4] private _isMoreBetter = [true, true, false, false];

    /* CALLS, SO THAT OBSERVATIONS ARE CALLDATA */

    function combine(Observation[] calldata observations, uint256 required) external pure returns (Metrics memory) {
        return WitnessMedian.combine(observations, required);
    }

    /* MEDIAN */

    /// @dev Of values below four, so that equal ones are frequent, or of any.
    function testFuzz_median_standsInTheMiddle(uint32[7] memory values, uint8 count, bool isMoreBetter) external pure {
        uint256 m = 1 + (count % 7);
        uint32[] memory given = new uint32[](7);
        for (uint256 i = 0; i < 7; ++i) {
            if (count & 128 != 0) values[i] %= 4;
            given[i] = values[i];
        }

        uint32 median = WitnessMedian.median(given, m, isMoreBetter);

        uint256 below = 0;
        uint256 above = 0;
        bool isOneOfThem = false;
        for (uint256 i = 0; i < m; ++i) {
            if (values[i] < median) ++below;
            else if (values[i] > median) ++above;
            else isOneOfThem = true;
        }
        require(isOneOfThem, "not one of the values");
        // At most half are worse, and fewer than half are better: of two middle values it is the better one.
        (uint256 worse, uint256 better) = isMoreBetter ? (below, above) : (above, below);
        require(2 * worse <= m && 2 * better < m, "not the middle, or not the better of two");
    }

    /* LIARS */

    /// @dev With m = 1 to 7 observations, ⌈m/2⌉ − 1 of them say whatever they want, in whatever place.
    function testFuzz_combine_staysInTheHonestRange_withFewerThanHalfLiars(
        uint32[28] memory honest,
        uint32[28] memory lies,
        uint8 count,
        uint256 places
    ) external view {
        uint256 m = 1 + (count % 7);
        uint256 liars = (m + 1) / 2 - 1;
        Observation[] memory observations = new Observation[](m);
        uint32[4] memory least = [type(uint32).max, type(uint32).max, type(uint32).max, type(uint32).max];
        uint32[4] memory most;
        for (uint256 i = 0; i < m; ++i) {
            bool isLiar = (i + (places % m)) % m < liars;
            uint32[4] memory lanes;
            for (uint256 lane = 0; lane < LANES; ++lane) {
                // What is honest lies within a tenth of the range; a lie is anything, or at an end of the range.
                uint32 lie = lies[4 * i + lane];
                if (lie % 4 == 0) lie = 0;
                else if (lie % 4 == 1) lie = type(uint32).max;
                lanes[lane] = isLiar ? lie : 2_000_000_000 + (honest[4 * i + lane] % 400_000_000);
                if (isLiar) continue;
                if (lanes[lane] < least[lane]) least[lane] = lanes[lane];
                if (lanes[lane] > most[lane]) most[lane] = lanes[lane];
            }
            observations[i].metrics = _metrics(lanes, 0x71);
        }

        Metrics memory result = this.combine(observations, 1);

        require(result.measured == 0x71, "measured");
        for (uint256 lane = 0; lane < LANES; ++lane) {
            uint32 value = _lane(result, lane);
            require(least[lane] <= value && value <= most[lane], "liars moved the median out of the honest range");
        }
    }

    /// @dev One liar more than that can: the bound is tight. Of an odd number that is a majority.
    function test_combine_leavesTheHonestRange_withMoreLiars() external view {
        for (uint256 m = 1; m <= 7; ++m) {
            Observation[] memory observations = new Observation[](m);
            for (uint256 i = 0; i < m; ++i) {
                bool isLiar = i < (m + 1) / 2;
                observations[i].metrics.availabilityPpm = isLiar ? 1_000_000 : 900_000;
                observations[i].metrics.measured = 1;
            }

            require(this.combine(observations, 1).availabilityPpm == 1_000_000, "half of them for the host");
        }
    }

    /* METRICS */

    function testFuzz_combine_countsOnlyWhatEnoughMeasured(
        uint32[28] memory values,
        uint8[7] memory measured,
        uint8 count,
        uint8 required
    ) external view {
        uint256 m = count % 8;
        uint256 needed = 1 + (required % 7);
        Observation[] memory observations = new Observation[](m);
        for (uint256 i = 0; i < m; ++i) {
            uint32[4] memory lanes = [values[4 * i], values[4 * i + 1], values[4 * i + 2], values[4 * i + 3]];
            observations[i].metrics = _metrics(lanes, measured[i]);
        }

        Metrics memory result = this.combine(observations, needed);

        uint32 expected = 0;
        for (uint256 lane = 0; lane < LANES; ++lane) {
            uint32[] memory kept = new uint32[](m);
            uint256 number = 0;
            for (uint256 i = 0; i < m; ++i) {
                if (measured[i] & _bits[lane] != 0) kept[number++] = values[4 * i + lane];
            }
            uint32 value = 0;
            if (number >= needed) {
                expected |= _bits[lane];
                value = WitnessMedian.median(kept, number, _isMoreBetter[lane]);
            }
            require(_lane(result, lane) == value, "lane");
        }
        require(result.measured == expected, "measured");
        require(result.cpuReadyPpm | result.diskLatencyUs | result.diskIops == 0, "a metric of the parties");
    }

    /* HELPERS */

    function _metrics(uint32[4] memory lanes, uint32 measured) private pure returns (Metrics memory metrics) {
        metrics.availabilityPpm = lanes[0];
        metrics.throughputKbps = lanes[1];
        metrics.networkLatencyUs = lanes[2];
        metrics.lossPpm = lanes[3];
        metrics.measured = measured;
    }

    function _lane(Metrics memory metrics, uint256 lane) private pure returns (uint32) {
        if (lane == 0) return metrics.availabilityPpm;
        if (lane == 1) return metrics.throughputKbps;
        if (lane == 2) return metrics.networkLatencyUs;
        return metrics.lossPpm;
    }
}
