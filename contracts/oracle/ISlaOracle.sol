// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AgreedReport} from "../documents/AgreedReport.sol";
import {Agreement} from "../documents/Agreement.sol";
import {Metrics} from "../documents/Metrics.sol";
import {Observation} from "../documents/Observation.sol";
import {SaltedMetrics} from "../documents/SaltedMetrics.sol";
import {Witnesses} from "../documents/Witnesses.sol";
import {IMigrationLedger} from "../ledger/IMigrationLedger.sol";
import {CloudId} from "../types/CloudId.sol";
import {VmId} from "../types/VmId.sol";

/// @notice Where the result of a window stands.
/// @custom:value0 Nobody reported.
/// @custom:value1 Home and host signed it: final. Only the salted hash is stored.
/// @custom:value2 Home or host claims it; final by itself when the time to object has passed.
/// @custom:value3 The other side objected: witnesses are heard.
/// @custom:value4 The median of the witnesses: final.
/// @custom:value5 Too few witnesses: final, without a result and without money.
enum ResultState {
    None,
    Agreed,
    Claimed,
    Objected,
    Witnessed,
    Disputed
}

/// @notice Governed periods, in seconds. They are fixed for a stay when its windows are opened.
/// @param claimWithin How long after a window its result may be reported.
/// @param objectWithin How long after a claim the other side may object.
/// @param observeWithin How long after an objection witnesses are heard.
struct OraclePeriods {
    uint32 claimWithin;
    uint32 objectWithin;
    uint32 observeWithin;
}

/// @notice The grid of a stay's windows.
/// @param home Cloud that owns the VM.
/// @param host Cloud on which it runs.
/// @param startedAt Begin of window 0, in milliseconds.
/// @param windowMs Length of a window, in milliseconds. The last one is cut at the stay's end.
/// @param periods The periods in force for this stay.
struct Grid {
    CloudId home;
    CloudId host;
    uint48 startedAt;
    uint48 windowMs;
    OraclePeriods periods;
}

/// @notice The result of a window as it stands now.
/// @param state Where it stands; a claim that nobody may object to any more stays Claimed and `isFinal` tells.
/// @param isFinal Whether it can no longer change.
/// @param claimant Who claimed; nobody where nobody did.
/// @param at Claimed: when, Objected: when the objection came, in seconds; otherwise 0.
/// @param observations Objected: how many witnesses were heard so far.
/// @param metrics The metrics; all zero where they are not on the chain (None, Agreed, Disputed).
/// @param commitment Agreed: the lowest 248 bits of the struct hash of the salted metrics; otherwise 0.
struct WindowResult {
    ResultState state;
    bool isFinal;
    CloudId claimant;
    uint40 at;
    uint8 observations;
    Metrics metrics;
    bytes32 commitment;
}

/// @title Interface of the SLA oracle
/// @notice What was measured in each window of a stay, and how it became final: agreed by both sides, claimed and not
/// objected to, or witnessed. Whether a promise was broken is not judged here: that is a function of (Sla, result).
/// @dev Window k of a stay is [startedAt + k * windowMs, startedAt + (k + 1) * windowMs), cut at the stay's end. Signed
/// times are milliseconds; the chain's time is `block.timestamp * 1000`; deadlines are inclusive.
interface ISlaOracle {
    /* WINDOWS */

    /// @notice Makes the grid of a stay known. Anyone may, once; it needs nothing but the agreement's public form.
    /// @param vm The VM.
    /// @param sequence Number of the stay: one on another cloud than home, under an agreement.
    /// @param agreement Its agreement.
    function openWindows(VmId vm, uint32 sequence, Agreement calldata agreement) external;

    /* AGREED */

    /// @notice Records results on which home and host agree; each is final at once. Anyone may bring them.
    /// Possible until final, also after a claim or an objection.
    /// @param reports 1 to 64 reports.
    /// @param signatures For each report of home, then host.
    function reportAgreed(AgreedReport[] calldata reports, bytes[] calldata signatures) external;

    /* CLAIMED */

    /// @notice Home or host (account or agent with REPORT) claims a window's result.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window; it must have ended.
    /// @param by Who claims: home or host.
    /// @param metrics What it measured.
    function claim(VmId vm, uint32 sequence, uint32 window, CloudId by, Metrics calldata metrics) external;

    /// @notice The side that did not claim objects, in time. Its event is the request to the witnesses.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param agreement The agreement, from which the witnesses' hash is kept.
    function object(VmId vm, uint32 sequence, uint32 window, Agreement calldata agreement) external;

    /* WITNESSED */

    /// @notice Brings one witness's observation of a window under objection, in time. Anyone may bring it.
    /// @param observation What it measured.
    /// @param witnesses The witnesses of the agreement.
    /// @param signature Of one of them (ECDSA).
    function observe(Observation calldata observation, Witnesses calldata witnesses, bytes calldata signature) external;

    /// @notice Ends an objection after the time for observations, or as soon as all witnesses were heard. Anyone may.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param witnesses The witnesses of the agreement.
    /// @param observers The witnesses that were heard, ascending: all of them.
    /// @param observations What they brought, in the same order.
    function finalise(
        VmId vm,
        uint32 sequence,
        uint32 window,
        Witnesses calldata witnesses,
        address[] calldata observers,
        Observation[] calldata observations
    ) external;

    /* GOVERNANCE */

    /// @notice Sets the periods for stays opened from now on. Restricted.
    /// @param periods The periods.
    function setPeriods(OraclePeriods calldata periods) external;

    /* QUESTIONS */

    /// @notice The grid of a stay; all zero if it is not open.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    function gridOf(VmId vm, uint32 sequence) external view returns (Grid memory);

    /// @notice Begin and end of a window in milliseconds, cut at the stay's end; reverts where the stay has no such window.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    function windowOf(VmId vm, uint32 sequence, uint32 window) external view returns (uint48 from, uint48 to);

    /// @notice The result of a window as it stands now.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    function resultOf(VmId vm, uint32 sequence, uint32 window) external view returns (WindowResult memory);

    /// @notice The final metrics of a window, for the contracts that judge them.
    /// @dev Reverts where the result is not final, is Disputed, or the opening does not fit. An opening is needed for an
    /// agreed result only; otherwise its salt is zero and its values are those of the result.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param opening The salted metrics.
    function requireFinal(VmId vm, uint32 sequence, uint32 window, SaltedMetrics calldata opening) external view;

    /// @notice Whether a raw sample is among those under an accepted observation's root.
    /// @param observation The observation, as it was brought.
    /// @param witness Who brought it.
    /// @param sample The sample's leaf value, as bytes.
    /// @param proof Merkle proof (OpenZeppelin's standard tree: sorted pairs, double-hashed leaves).
    function isSample(
        Observation calldata observation,
        address witness,
        bytes calldata sample,
        bytes32[] calldata proof
    ) external view returns (bool);

    /// @notice Periods for stays that are opened from now on.
    function periods() external view returns (OraclePeriods memory);

    /// @notice The migration ledger.
    function ledger() external view returns (IMigrationLedger);
}
