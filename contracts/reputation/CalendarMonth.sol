// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Calendar months in UTC
/// @notice Months are counted from January 1970, which is 0.
library CalendarMonth {
    uint256 private constant DAY_MS = 1 days * 1000;
    /// @dev Days from 1 March of the year 0 to 1 January 1970.
    uint256 private constant EPOCH = 719_468;
    /// @dev The calendar repeats after 400 years.
    uint256 private constant DAYS_OF_400_YEARS = 146_097;
    uint256 private constant MONTHS_TO_1970 = 1970 * 12;

    /// @notice The month of a time.
    /// @dev `civil_from_days` of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), without the day:
    /// a year that begins in March has its leap day last, and the lengths of its months follow one straight line.
    /// @param time In milliseconds since the epoch; below 2**48.
    function monthOf(uint256 time) internal pure returns (uint32) {
        unchecked {
            // Every subtraction is of something smaller: `dayOfEra` is at most 146,096, a year begins at or before its day.
            uint256 day = time / DAY_MS + EPOCH;
            uint256 dayOfEra = day % DAYS_OF_400_YEARS;
            uint256 yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
            uint256 dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
            uint256 year = (day / DAYS_OF_400_YEARS) * 400 + yearOfEra;
            // March is month 2 of its year, counted from 0: January and February fall into the next one by themselves.
            // Cast is safe: 2**48 milliseconds are less than 9,000 years.
            return uint32(year * 12 + (5 * dayOfYear + 2) / 153 + 2 - MONTHS_TO_1970);
        }
    }
}
