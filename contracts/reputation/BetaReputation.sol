// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Beta reputation with decay
/// @notice Jøsang and Ismail, "The Beta Reputation System" (Bled, 2002): after `kept` good and `lost` bad experiences
/// the expected share of good ones to come is alpha / (alpha + beta) with alpha = 1 + kept and beta = 1 + lost. Older
/// experiences count less: by lambda = 2**(-1/6) for each month, so half after six, and not at all from 24 on.
library BetaReputation {
    /// @notice One resource-hour, in the units of evidence.
    uint256 internal constant UNIT = 1e6;

    /// @notice What 1 is in scores and confidences.
    uint256 internal constant ONE = 1e18;

    /// @notice From this age on, in months, evidence does not count.
    uint256 internal constant MONTHS = 24;

    uint256 private constant HALF_LIFE = 6;

    /// @dev Bits behind the point of weights and of what was weighed with them.
    uint256 private constant POINT = 96;

    /// @notice The weight of evidence by its age: floor(2**96 * lambda**age), 0 from 24 months on.
    /// @dev Less than 2**-96 below lambda**age. The six numbers are floor(2**(96 - i/6)); halving one by a shift rounds
    /// down once more, which is the floor of the exact value.
    /// @param age In months.
    function weightOf(uint256 age) internal pure returns (uint256) {
        if (age >= MONTHS) return 0;
        uint256 step = age % HALF_LIFE;
        uint256 weight = 0x1000000000000000000000000;
        if (step == 1) weight = 0xe411f03a76094a351313676a;
        if (step == 2) weight = 0xcb2ff529eb71e41582cccd5a;
        if (step == 3) weight = 0xb504f333f9de6484597d89b3;
        if (step == 4) weight = 0xa14517cc6b9457111eed5b8a;
        if (step == 5) weight = 0x8facd61e3eb5feb5f0e3c0f9;
        return weight >> (age / HALF_LIFE);
    }

    /// @notice The score: alpha / (alpha + beta), times 1e18, strictly between 0 and 1e18.
    /// @dev Less than 1 + 1e-9 below the exact value, in units of 1e-18, and less than 1e-9 above: what was weighed is
    /// less than 2**-96 * (sum of all evidence) too small, and that sum is less than 15 times what remains after decay;
    /// the division rounds down once. Not 0: the evidence of 24 months is less than 2**79, so alpha * 1e18 is greater
    /// than alpha + beta. No product overflows: 2**79 * 2**96 * 1e18 < 2**235.
    /// @param kept Sum of weight times kept evidence.
    /// @param lost Sum of weight times broken and unfinished evidence.
    function score(uint256 kept, uint256 lost) internal pure returns (uint256) {
        uint256 prior = UNIT << POINT;
        return ((prior + kept) * ONE) / (2 * prior + kept + lost);
    }

    /// @notice How much the score is worth: n / (n + scale), times 1e18, from 0 (nothing is known) to below 1e18.
    /// @param evidence n: sum of weight times all evidence.
    /// @param scale Evidence at which the confidence is one half, in resource-hours.
    function confidence(uint256 evidence, uint256 scale) internal pure returns (uint256) {
        return (evidence * ONE) / (evidence + ((scale * UNIT) << POINT));
    }
}
