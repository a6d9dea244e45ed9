// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../documents/Metrics.sol";
import {Sla, Tier} from "../documents/Sla.sol";
import {DocumentKind, StayFacts} from "../ledger/IMigrationLedger.sol";

/// @notice An SLA has more tiers of availability than are allowed.
/// @param count Tiers it has.
/// @param most Tiers it may have.
error SlaRules_TooManyTiers(uint256 count, uint256 most);

/// @notice The tiers of an SLA do not go down in bound, or down in credit.
/// @param index Tier that does not follow the one before.
/// @param belowPpm Its bound, in millionths.
/// @param creditBps Its credit, in hundredths of a percent.
error SlaRules_TiersNotOrdered(uint256 index, uint32 belowPpm, uint16 creditBps);

/// @notice A share in hundredths of a percent is more than the whole.
/// @param name Field of the SLA.
/// @param bps The share.
error SlaRules_ShareTooBig(string name, uint256 bps);

/// @notice A share in millionths is more than the whole.
/// @param name Field of the metrics, or `belowPpm` of a tier.
/// @param ppm The share.
error SlaRules_PpmTooBig(string name, uint256 ppm);

/// @notice `measured` names metrics that there are not.
/// @param measured What was given.
error SlaRules_UnknownMetrics(uint32 measured);

/// @title What a result means under an SLA
/// @notice Which promises were missed in a window, and what share of its charge is given back. Pure: who is shown an SLA
/// and a result can do the same sums.
/// @dev The charging ledger and the reputation ledger both judge by these rules. The TypeScript library has them once
/// more, written independently.
library SlaRules {
    /// @notice Bits of `measured` that stand for a metric.
    uint32 internal constant ALL_METRICS = 0x7f;

    /// @notice The whole in millionths.
    uint256 internal constant MAX_PPM = 1_000_000;

    /// @notice The whole in hundredths of a percent.
    uint256 internal constant MAX_BPS = 10_000;

    /// @notice The most tiers of availability.
    uint256 internal constant MAX_TIERS = 3;

    /* Bits of `measured`. */
    uint32 internal constant AVAILABILITY = 1 << 0;
    uint32 internal constant CPU_READY = 1 << 1;
    uint32 internal constant DISK_LATENCY = 1 << 2;
    uint32 internal constant DISK_IOPS = 1 << 3;
    uint32 internal constant THROUGHPUT = 1 << 4;
    uint32 internal constant NETWORK_LATENCY = 1 << 5;
    uint32 internal constant LOSS = 1 << 6;

    /* FORM */

    /// @notice Reverts where an SLA cannot be judged by these rules: more than three tiers, tiers that do not fall in
    /// bound and stay or rise in credit, a share above the whole, a threshold for a metric that there is not.
    /// @param sla The SLA.
    function requireWellFormed(Sla calldata sla) internal pure {
        requireInRange(sla.thresholds);
        require(sla.otherMetricsBps <= MAX_BPS, SlaRules_ShareTooBig("otherMetricsBps", sla.otherMetricsBps));
        require(sla.capBps <= MAX_BPS, SlaRules_ShareTooBig("capBps", sla.capBps));

        Tier[] calldata tiers = sla.availabilityTiers;
        require(tiers.length <= MAX_TIERS, SlaRules_TooManyTiers(tiers.length, MAX_TIERS));
        for (uint256 i = 0; i < tiers.length; ++i) {
            (uint32 below, uint16 credit) = (tiers[i].belowPpm, tiers[i].creditBps);
            require(below <= MAX_PPM, SlaRules_PpmTooBig("belowPpm", below));
            require(credit <= MAX_BPS, SlaRules_ShareTooBig("creditBps", credit));
            if (i == 0) continue;
            require(
                below < tiers[i - 1].belowPpm && credit >= tiers[i - 1].creditBps,
                SlaRules_TiersNotOrdered(i, below, credit)
            );
        }
    }

    /// @notice Reverts where metrics cannot have been measured: more than a million millionths, a metric that there is not.
    /// @param metrics The metrics.
    function requireInRange(Metrics calldata metrics) internal pure {
        require(metrics.measured & ~ALL_METRICS == 0, SlaRules_UnknownMetrics(metrics.measured));
        require(metrics.availabilityPpm <= MAX_PPM, SlaRules_PpmTooBig("availabilityPpm", metrics.availabilityPpm));
        require(metrics.cpuReadyPpm <= MAX_PPM, SlaRules_PpmTooBig("cpuReadyPpm", metrics.cpuReadyPpm));
        require(metrics.lossPpm <= MAX_PPM, SlaRules_PpmTooBig("lossPpm", metrics.lossPpm));
    }

    /* JUDGEMENT */

    /// @notice Judges the metrics of a window. Only what is both promised and measured is judged: availability, disk
    /// operations and throughput are missed below the threshold, the others above.
    /// @dev The share is that of the last tier whose bound is above the availability, plus `otherMetricsBps` once if any
    /// other metric was missed, at most `capBps`. Total: an SLA that is not well-formed gives an answer, too, at most its
    /// cap; callers require the form.
    /// @param sla The SLA.
    /// @param metrics What was measured, with the excess of the pause in it for window 0: see `withPause`.
    /// @return creditBps Share of the window's charge that is given back, in hundredths of a percent.
    /// @return missed Bit i: metric i was missed.
    function judge(Sla calldata sla, Metrics memory metrics) internal pure returns (uint16 creditBps, uint8 missed) {
        missed = missedOf(sla.thresholds, metrics);

        uint256 credit = 0;
        if (sla.thresholds.measured & metrics.measured & AVAILABILITY != 0) {
            Tier[] calldata tiers = sla.availabilityTiers;
            for (uint256 i = 0; i < tiers.length; ++i) {
                if (metrics.availabilityPpm < tiers[i].belowPpm) credit = tiers[i].creditBps;
            }
        }
        if (missed & ~uint8(AVAILABILITY) != 0) credit += sla.otherMetricsBps;
        // The cast is safe: the cap has 16 bits.
        creditBps = credit < sla.capBps ? uint16(credit) : sla.capBps;
    }

    /// @notice Which promised and measured metrics are worse than their thresholds.
    /// @param thresholds What is promised.
    /// @param metrics What was measured.
    /// @return missed Bit i: metric i was missed.
    function missedOf(Metrics calldata thresholds, Metrics memory metrics) internal pure returns (uint8 missed) {
        uint32 failed = 0;
        if (metrics.availabilityPpm < thresholds.availabilityPpm) failed |= AVAILABILITY;
        if (metrics.cpuReadyPpm > thresholds.cpuReadyPpm) failed |= CPU_READY;
        if (metrics.diskLatencyUs > thresholds.diskLatencyUs) failed |= DISK_LATENCY;
        if (metrics.diskIops < thresholds.diskIops) failed |= DISK_IOPS;
        if (metrics.throughputKbps < thresholds.throughputKbps) failed |= THROUGHPUT;
        if (metrics.networkLatencyUs > thresholds.networkLatencyUs) failed |= NETWORK_LATENCY;
        if (metrics.lossPpm > thresholds.lossPpm) failed |= LOSS;
        // The cast is safe: there are seven metrics.
        return uint8(failed & thresholds.measured & metrics.measured);
    }

    /* PAUSE */

    /// @notice By how much the pause before a stay exceeds its budget. The new host bears it, whose signature accepted when
    /// the source let go: so there is none at a return home, and none where a stay did not begin by a move or a record.
    /// @param pauseBudgetMs Budget of the stay's SLA, in milliseconds.
    /// @param stay The stay.
    /// @return Excess in milliseconds.
    function pauseExcess(uint32 pauseBudgetMs, StayFacts memory stay) internal pure returns (uint48) {
        if (stay.kind != DocumentKind.Move && stay.kind != DocumentKind.Record) return 0;
        if (stay.host == stay.home) return 0;
        uint256 allowedUntil = uint256(stay.previousEndedAt) + pauseBudgetMs;
        // The cast is safe: at most the start, which has 48 bits.
        return stay.startedAt > allowedUntil ? uint48(stay.startedAt - allowedUntil) : 0;
    }

    /// @notice The metrics of window 0 with the excess of the pause as unavailability: the availability falls by the
    /// excess as a share of the window's length, is rounded down to whole millionths, and not below zero; an excess as
    /// long as the window leaves nothing. So a window's credit covers the pause and never exceeds the window's charge.
    /// @dev Where the availability was not measured, or the window has no result at all (metrics all zero), it counts as
    /// 1,000,000 and as measured: the pause is known from the ledger.
    /// @param metrics What was measured. Not changed.
    /// @param excessMs Excess in milliseconds; with 0 the metrics stay as they are.
    /// @param lengthMs Length of window 0, cut at the stay's end, in milliseconds.
    /// @return paused The metrics to judge.
    function withPause(
        Metrics memory metrics,
        uint48 excessMs,
        uint48 lengthMs
    ) internal pure returns (Metrics memory paused) {
        paused = Metrics({
            availabilityPpm: metrics.availabilityPpm,
            cpuReadyPpm: metrics.cpuReadyPpm,
            diskLatencyUs: metrics.diskLatencyUs,
            diskIops: metrics.diskIops,
            throughputKbps: metrics.throughputKbps,
            networkLatencyUs: metrics.networkLatencyUs,
            lossPpm: metrics.lossPpm,
            measured: metrics.measured
        });
        if (excessMs == 0) return paused;

        uint256 availability = metrics.measured & AVAILABILITY == 0 ? MAX_PPM : metrics.availabilityPpm;
        paused.availabilityPpm = 0;
        if (excessMs < lengthMs) {
            // Rounded up, so that the availability is rounded down.
            uint256 lost = (uint256(excessMs) * MAX_PPM + lengthMs - 1) / lengthMs;
            // The cast is safe: not above an availability, which has 32 bits.
            if (lost < availability) paused.availabilityPpm = uint32(availability - lost);
        }
        paused.measured = metrics.measured | AVAILABILITY;
    }
}
