// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../../../contracts/documents/Metrics.sol";
import {Sla, Tier} from "../../../contracts/documents/Sla.sol";
import {DocumentKind, StayFacts} from "../../../contracts/ledger/IMigrationLedger.sol";
import {
    SlaRules,
    SlaRules_PpmTooBig,
    SlaRules_ShareTooBig,
    SlaRules_TiersNotOrdered,
    SlaRules_TooManyTiers,
    SlaRules_UnknownMetrics
} from "../../../contracts/oracle/SlaRules.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";

/// @title The rules of an SLA against what they promise, metric by metric
contract SlaRulesTest {
    /// @dev Bits of the metrics that are missed below their threshold: availability, diskIops, throughput.
    uint256 private constant AT_LEAST = (1 << 0) | (1 << 3) | (1 << 4);

    /* CALLS, SO THAT THE SLA IS CALLDATA */

    function requireWellFormed(Sla calldata sla) external pure {
        SlaRules.requireWellFormed(sla);
    }

    function judge(Sla calldata sla, Metrics memory metrics) external pure returns (uint16, uint8) {
        return SlaRules.judge(sla, metrics);
    }

    /* FORM */

    function test_requireWellFormed_passes_atEveryLimit() external view {
        Sla memory sla = _sla(3);
        sla.availabilityTiers[0] = Tier(1_000_000, 0);
        sla.availabilityTiers[1] = Tier(999_999, 10_000);
        sla.availabilityTiers[2] = Tier(999_998, 10_000);
        sla.otherMetricsBps = 10_000;
        sla.capBps = 10_000;
        sla.thresholds = _metrics(
            [uint32(1_000_000), 1_000_000, ~uint32(0), ~uint32(0), ~uint32(0), ~uint32(0), 1_000_000],
            0x7f
        );

        this.requireWellFormed(sla);
    }

    function test_requireWellFormed_passes_withoutTiersOrPromises() external view {
        this.requireWellFormed(_sla(0));
    }

    function test_requireWellFormed_refuses_tooManyTiers() external view {
        _requireRefused(_sla(4), abi.encodeWithSelector(SlaRules_TooManyTiers.selector, 4, 3));
    }

    function testFuzz_requireWellFormed_takesOnlyOrderedTiers(Tier[3] memory tiers, uint8 count) external view {
        Sla memory sla = _sla(count % 4);
        bytes memory refusal;
        for (uint256 i = 0; i < sla.availabilityTiers.length; ++i) {
            // Half of the values at or below the whole.
            tiers[i].belowPpm %= 2_000_002;
            tiers[i].creditBps %= 20_002;
            sla.availabilityTiers[i] = tiers[i];
            if (refusal.length != 0) continue;
            if (tiers[i].belowPpm > 1_000_000) {
                refusal = abi.encodeWithSelector(SlaRules_PpmTooBig.selector, "belowPpm", tiers[i].belowPpm);
            } else if (tiers[i].creditBps > 10_000) {
                refusal = abi.encodeWithSelector(SlaRules_ShareTooBig.selector, "creditBps", tiers[i].creditBps);
            } else if (
                i != 0 && (tiers[i].belowPpm >= tiers[i - 1].belowPpm || tiers[i].creditBps < tiers[i - 1].creditBps)
            ) {
                refusal = abi.encodeWithSelector(
                    SlaRules_TiersNotOrdered.selector,
                    i,
                    tiers[i].belowPpm,
                    tiers[i].creditBps
                );
            }
        }

        if (refusal.length == 0) this.requireWellFormed(sla);
        else _requireRefused(sla, refusal);
    }

    function testFuzz_requireWellFormed_takesOnlyShares(uint16 other, uint16 cap) external view {
        Sla memory sla = _sla(0);
        (sla.otherMetricsBps, sla.capBps) = (other % 20_002, cap % 20_002);

        if (sla.otherMetricsBps > 10_000) {
            bytes memory refusal = abi.encodeWithSelector(
                SlaRules_ShareTooBig.selector,
                "otherMetricsBps",
                sla.otherMetricsBps
            );
            _requireRefused(sla, refusal);
        } else if (sla.capBps > 10_000) {
            _requireRefused(sla, abi.encodeWithSelector(SlaRules_ShareTooBig.selector, "capBps", sla.capBps));
        } else {
            this.requireWellFormed(sla);
        }
    }

    function test_requireWellFormed_refuses_eachPpmAboveTheWhole() external view {
        string[3] memory names = ["availabilityPpm", "cpuReadyPpm", "lossPpm"];
        uint8[3] memory lanes = [0, 1, 6];
        for (uint256 i = 0; i < 3; ++i) {
            uint32[7] memory values;
            values[lanes[i]] = 1_000_001;
            Sla memory sla = _sla(0);
            sla.thresholds = _metrics(values, 0);

            _requireRefused(sla, abi.encodeWithSelector(SlaRules_PpmTooBig.selector, names[i], 1_000_001));
        }
    }

    function testFuzz_requireWellFormed_takesOnlyKnownMetrics(uint32 measured) external view {
        Sla memory sla = _sla(0);
        sla.thresholds.measured = measured | 0x80;
        _requireRefused(sla, abi.encodeWithSelector(SlaRules_UnknownMetrics.selector, measured | 0x80));

        sla.thresholds.measured = measured % 0x80;
        this.requireWellFormed(sla);
    }

    /* JUDGEMENT */

    /// @dev Values and thresholds are mostly near each other, so that all three orders occur in every lane.
    function testFuzz_judge_missesWhatIsPromisedMeasuredAndWorse(
        uint32[7] memory values,
        uint32[7] memory thresholds,
        uint8[7] memory nearness,
        uint8 measured,
        uint8 promised
    ) external view {
        Sla memory sla = _sla(0);
        uint256 expected = 0;
        for (uint256 i = 0; i < 7; ++i) {
            if (nearness[i] < 192) values[i] = _near(thresholds[i], nearness[i] % 3);
            bool isWorse = AT_LEAST & (1 << i) != 0 ? values[i] < thresholds[i] : values[i] > thresholds[i];
            if (isWorse && measured & promised & (1 << i) != 0) expected |= 1 << i;
        }
        sla.thresholds = _metrics(thresholds, promised % 0x80);
        (sla.otherMetricsBps, sla.capBps) = (700, 10_000);

        (uint16 credit, uint8 missed) = this.judge(sla, _metrics(values, measured % 0x80));

        require(missed == expected & 0x7f, "missed");
        require(credit == (missed & 0x7e != 0 ? 700 : 0), "the share for other metrics counts once");
    }

    function testFuzz_judge_creditsTheLowestTierThatApplies(
        uint32[3] memory bounds,
        uint16[3] memory credits,
        uint32 availability,
        uint8 at,
        uint16 cap
    ) external view {
        Sla memory sla = _ordered(bounds, credits);
        sla.capBps = cap % 10_001;
        sla.thresholds.measured = 1;
        // At a bound, one below or one above it, or anywhere.
        availability =
            at < 192 ? _near(sla.availabilityTiers[at % 3].belowPpm, (at / 3) % 3) : availability % 1_000_001;

        // Tiers fall in bound and do not fall in credit: the lowest that applies is the biggest of those that apply.
        uint256 expected = 0;
        for (uint256 i = 0; i < 3; ++i) {
            Tier memory tier = sla.availabilityTiers[i];
            if (availability < tier.belowPpm && tier.creditBps > expected) expected = tier.creditBps;
        }
        if (expected > sla.capBps) expected = sla.capBps;

        (uint16 credit, ) = this.judge(sla, _metrics([availability, 0, 0, 0, 0, 0, 0], 1));
        require(credit == expected, "tier");

        (credit, ) = this.judge(sla, _metrics([availability, 0, 0, 0, 0, 0, 0], 0x7e));
        require(credit == 0, "an availability that was not measured");

        sla.thresholds.measured = 0x7e;
        sla.otherMetricsBps = 0;
        (credit, ) = this.judge(sla, _metrics([availability, 0, 0, 0, 0, 0, 0], 1));
        require(credit == 0, "an availability that was not promised");
    }

    function testFuzz_judge_neverExceedsTheCap(Sla memory sla, Metrics memory metrics) external view {
        (uint16 credit, ) = this.judge(sla, metrics);

        require(credit <= sla.capBps, "INV-CREDIT: more than the cap");
    }

    function testFuzz_judge_neverCreditsLessForALowerAvailability(
        uint32[3] memory bounds,
        uint16[3] memory credits,
        uint32 a,
        uint32 b
    ) external view {
        Sla memory sla = _ordered(bounds, credits);
        (sla.capBps, sla.thresholds.measured) = (10_000, 1);
        (uint32 low, uint32 high) = a < b ? (a % 1_000_001, b % 1_000_001) : (b % 1_000_001, a % 1_000_001);
        if (low > high) (low, high) = (high, low);

        (uint16 less, ) = this.judge(sla, _metrics([high, 0, 0, 0, 0, 0, 0], 1));
        (uint16 more, ) = this.judge(sla, _metrics([low, 0, 0, 0, 0, 0, 0], 1));

        require(less <= more, "less credit for a worse window");
    }

    /* PAUSE */

    function testFuzz_pauseExcess_isWhatIsBeyondTheBudget(uint48 before, uint48 pause, uint32 budget) external pure {
        before %= 2 ** 47;
        pause %= 2 ** 47;
        StayFacts memory stay = _stay(DocumentKind.Move, before + pause, before);

        require(SlaRules.pauseExcess(budget, stay) == (pause > budget ? pause - budget : 0), "move");
        stay.kind = DocumentKind.Record;
        require(SlaRules.pauseExcess(budget, stay) == (pause > budget ? pause - budget : 0), "record");
        stay.host = stay.home;
        require(SlaRules.pauseExcess(budget, stay) == 0, "return home");
    }

    function test_pauseExcess_isNone_forOtherKinds() external pure {
        for (uint8 kind = 0; kind <= uint8(type(DocumentKind).max); ++kind) {
            bool counts = kind == uint8(DocumentKind.Move) || kind == uint8(DocumentKind.Record);

            uint48 excess = SlaRules.pauseExcess(10, _stay(DocumentKind(kind), 2_000, 1_000));

            require(excess == (counts ? 990 : 0), "kind");
        }
    }

    function testFuzz_withPause_lowersTheAvailability(uint32 availability, uint48 excess, uint48 length) external pure {
        availability %= 1_000_001;
        if (excess % 4 != 0 && length != 0) excess %= length;
        Metrics memory before = _metrics([availability, 1, 2, 3, 4, 5, 6], 0x55);

        Metrics memory paused = SlaRules.withPause(before, excess, length);

        require(before.availabilityPpm == availability, "the metrics given were changed");
        require(paused.measured == 0x55, "measured");
        require(
            paused.cpuReadyPpm == 1 &&
                paused.diskLatencyUs == 2 &&
                paused.diskIops == 3 &&
                paused.throughputKbps == 4 &&
                paused.networkLatencyUs == 5 &&
                paused.lossPpm == 6,
            "another metric"
        );
        if (excess == 0) {
            require(paused.availabilityPpm == availability, "no excess");
        } else if (excess >= length) {
            require(paused.availabilityPpm == 0, "a pause as long as the window");
        } else {
            // The biggest whole number of millionths that is not above the exact availability.
            int256 exact =
                int256(uint256(availability)) * int256(uint256(length)) - int256(uint256(excess)) * 1_000_000;
            int256 rounded = int256(uint256(paused.availabilityPpm)) * int256(uint256(length));
            if (exact <= 0) require(rounded == 0, "below zero");
            else require(rounded <= exact && exact < rounded + int256(uint256(length)), "not rounded down");
        }
    }

    function test_withPause_countsAsMeasured_withoutResult() external pure {
        Metrics memory nothing;

        Metrics memory paused = SlaRules.withPause(nothing, 1, 3);
        require(paused.availabilityPpm == 666_666 && paused.measured == 1, "no result");

        paused = SlaRules.withPause(_metrics([uint32(5), 9, 0, 0, 0, 0, 0], 2), 1, 3);
        require(paused.availabilityPpm == 666_666 && paused.measured == 3, "availability not measured");

        paused = SlaRules.withPause(nothing, 0, 3);
        require(paused.availabilityPpm == 0 && paused.measured == 0, "no excess");
    }

    /* HELPERS */

    function _requireRefused(Sla memory sla, bytes memory refusal) private view {
        try this.requireWellFormed(sla) {
            revert("a malformed SLA was taken");
        } catch (bytes memory reason) {
            require(keccak256(reason) == keccak256(refusal), "refused for another reason");
        }
    }

    function _sla(uint256 tiers) private pure returns (Sla memory sla) {
        sla.availabilityTiers = new Tier[](tiers);
    }

    /// @dev An SLA of three ordered tiers made of random values.
    function _ordered(uint32[3] memory bounds, uint16[3] memory credits) private pure returns (Sla memory sla) {
        sla = _sla(3);
        uint32 bound = 1_000_001;
        uint16 credit = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bound -= 1 + (bounds[i] % 300_000);
            credit += credits[i] % 3_000;
            sla.availabilityTiers[i] = Tier(bound, credit);
        }
    }

    function _metrics(uint32[7] memory values, uint32 measured) private pure returns (Metrics memory) {
        return Metrics(values[0], values[1], values[2], values[3], values[4], values[5], values[6], measured);
    }

    function _near(uint32 value, uint8 direction) private pure returns (uint32) {
        if (direction == 0) return value == 0 ? 0 : value - 1;
        if (direction == 1) return value;
        return value == type(uint32).max ? value : value + 1;
    }

    function _stay(
        DocumentKind kind,
        uint48 startedAt,
        uint48 previousEndedAt
    ) private pure returns (StayFacts memory stay) {
        stay.home = CloudId.wrap(1);
        stay.host = CloudId.wrap(2);
        (stay.kind, stay.startedAt, stay.previousEndedAt) = (kind, startedAt, previousEndedAt);
    }
}
