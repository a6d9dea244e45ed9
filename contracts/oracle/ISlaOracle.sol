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
/// @param since Claimed: since when, Objected: since when, in seconds; otherwise 0.
/// @param observations Objected: how many witnesses were heard so far.
/// @param metrics The metrics; all zero where they are not on the chain (None, Agreed, Disputed).
/// @param commitment Agreed: the lowest 248 bits of the struct hash of the salted metrics; otherwise 0.
struct WindowResult {
    ResultState state;
    bool isFinal;
    CloudId claimant;
    uint40 since;
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
    /* EVENTS */

    /// @notice The grid of a stay is known: its windows can be reported.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param home Cloud that owns the VM.
    /// @param host Cloud on which it runs.
    /// @param startedAt Begin of window 0, in milliseconds.
    /// @param windowMs Length of a window, in milliseconds.
    /// @param periods The periods in force for this stay.
    event WindowsOpened(
        VmId indexed vm,
        uint32 indexed sequence,
        CloudId home,
        CloudId host,
        uint48 startedAt,
        uint48 windowMs,
        OraclePeriods periods
    );

    /// @notice Home and host agree on a window's result: final.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param metrics EIP-712 struct hash of the salted metrics.
    event WindowAgreed(VmId indexed vm, uint32 indexed sequence, uint32 indexed window, bytes32 metrics);

    /// @notice Home or host claims a window's result; the other side may object.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param claimant Who claims.
    /// @param metrics What it measured.
    event WindowClaimed(
        VmId indexed vm,
        uint32 indexed sequence,
        uint32 indexed window,
        CloudId claimant,
        Metrics metrics
    );

    /// @notice The other side objects to a claim. This is the request to the witnesses: each of them is asked to measure the
    /// window, or to look up what it measured, and to bring its observation.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param by Who objects.
    /// @param witnesses EIP-712 struct hash of the agreement's witnesses.
    /// @param observeUntil Last moment to bring an observation, in seconds.
    event WindowObjected(
        VmId indexed vm,
        uint32 indexed sequence,
        uint32 indexed window,
        CloudId by,
        bytes32 witnesses,
        uint40 observeUntil
    );

    /// @notice A witness's observation was accepted. All that `finalise` needs of it is here.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param witness The witness.
    /// @param metrics What it measured.
    /// @param samplesRoot Merkle root of its raw samples.
    event WindowObserved(
        VmId indexed vm,
        uint32 indexed sequence,
        uint32 indexed window,
        address witness,
        Metrics metrics,
        bytes32 samplesRoot
    );

    /// @notice The witnesses' median is a window's result: final.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param metrics The median of each metric that enough of them measured.
    event WindowWitnessed(VmId indexed vm, uint32 indexed sequence, uint32 indexed window, Metrics metrics);

    /// @notice Too few witnesses were heard: final, without a result.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    event WindowDisputed(VmId indexed vm, uint32 indexed sequence, uint32 indexed window);

    /// @notice Stays opened from now on have other periods.
    /// @param periods The periods.
    event PeriodsSet(OraclePeriods periods);

    /* ERRORS */

    /// @notice The windows of the stay are open already.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    error SlaOracle_AlreadyOpen(VmId vm, uint32 sequence);

    /// @notice The windows of the stay are not open.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    error SlaOracle_NotOpen(VmId vm, uint32 sequence);

    /// @notice The stay began without an agreement.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    error SlaOracle_NoAgreement(VmId vm, uint32 sequence);

    /// @notice The VM runs at home: nobody promises anything to another.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    error SlaOracle_AtHome(VmId vm, uint32 sequence);

    /// @notice The agreement is not that of the stay.
    /// @param given Id of the agreement given.
    /// @param ofStay Id of the stay's agreement.
    error SlaOracle_OtherAgreement(bytes32 given, bytes32 ofStay);

    /// @notice The agreement's windows are longer than the oracle can count.
    /// @param windowMs Their length, in milliseconds.
    error SlaOracle_WindowTooLong(uint64 windowMs);

    /// @notice Too few or too many reports at once.
    /// @param count How many were given.
    /// @param most How many are allowed.
    error SlaOracle_ReportCount(uint256 count, uint256 most);

    /// @notice Another number of signatures is needed.
    /// @param needed How many are needed.
    /// @param given How many were given.
    error SlaOracle_SignatureCount(uint256 needed, uint256 given);

    /// @notice The stay has no such window: it would begin when the stay was over, or beyond the times that can be counted.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param endedAt End of the stay, in milliseconds; 0 while it runs.
    error SlaOracle_NoSuchWindow(VmId vm, uint32 sequence, uint32 window, uint48 endedAt);

    /// @notice The window is not over.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param to Its end, in milliseconds.
    /// @param time The block's time, in milliseconds.
    error SlaOracle_WindowNotOver(VmId vm, uint32 sequence, uint32 window, uint48 to, uint48 time);

    /// @notice The time in which the window could be reported is over.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param until Last moment, in milliseconds.
    /// @param time The block's time, in milliseconds.
    error SlaOracle_ReportTooLate(VmId vm, uint32 sequence, uint32 window, uint256 until, uint48 time);

    /// @notice The window's result is final.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param state Where it stands.
    error SlaOracle_AlreadyFinal(VmId vm, uint32 sequence, uint32 window, ResultState state);

    /// @notice The window has been reported.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param state Where its result stands.
    error SlaOracle_AlreadyReported(VmId vm, uint32 sequence, uint32 window, ResultState state);

    /// @notice The window's result is in a state in which this is not possible.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param state Where it stands.
    error SlaOracle_WrongState(VmId vm, uint32 sequence, uint32 window, ResultState state);

    /// @notice The cloud is neither home nor host of the stay.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param cloud The cloud.
    error SlaOracle_NotAParty(VmId vm, uint32 sequence, CloudId cloud);

    /// @notice The claim has no metric that was measured.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    error SlaOracle_NothingMeasured(VmId vm, uint32 sequence, uint32 window);

    /// @notice The time to object is over.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param until Last moment, in seconds.
    /// @param time The block's time, in seconds.
    error SlaOracle_ObjectionTooLate(VmId vm, uint32 sequence, uint32 window, uint40 until, uint40 time);

    /// @notice The time for observations is over.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param until Last moment, in seconds.
    /// @param time The block's time, in seconds.
    error SlaOracle_ObservationTooLate(VmId vm, uint32 sequence, uint32 window, uint40 until, uint40 time);

    /// @notice The time for observations is not over, and not all witnesses were heard.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param until Last moment for observations, in seconds.
    /// @param time The block's time, in seconds.
    error SlaOracle_StillObserving(VmId vm, uint32 sequence, uint32 window, uint40 until, uint40 time);

    /// @notice The witnesses are not those of the agreement.
    /// @param given Struct hash of the witnesses given.
    /// @param agreed Struct hash in the agreement.
    error SlaOracle_OtherWitnesses(bytes32 given, bytes32 agreed);

    /// @notice The agreement names too many witnesses.
    /// @param count How many it names.
    /// @param most How many are allowed.
    error SlaOracle_TooManyWitnesses(uint256 count, uint256 most);

    /// @notice The agreement names the zero address as a witness.
    /// @param index Position in the list.
    error SlaOracle_ZeroWitness(uint256 index);

    /// @notice The agreement's witnesses are not in strictly ascending order: nobody may be there twice.
    /// @param previous The one before.
    /// @param next The one that is not above it.
    error SlaOracle_WitnessesNotAscending(address previous, address next);

    /// @notice The agreement asks for no witness at all, or for more than it names.
    /// @param required How many it asks for.
    /// @param members How many it names.
    error SlaOracle_RequiredOutOfRange(uint8 required, uint256 members);

    /// @notice The observation is not signed by a witness of the agreement.
    /// @param signer Who signed; zero if the signature is malformed.
    error SlaOracle_NotAWitness(address signer);

    /// @notice The observation has metrics that only the parties can measure.
    /// @param measured Its `measured`.
    /// @param allowed Bits that a witness may set.
    error SlaOracle_NotForWitnesses(uint32 measured, uint32 allowed);

    /// @notice The witness was heard already.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param witness The witness.
    error SlaOracle_AlreadyObserved(VmId vm, uint32 sequence, uint32 window, address witness);

    /// @notice The witness was not heard, or brought another observation.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param witness The witness.
    error SlaOracle_NotObserved(VmId vm, uint32 sequence, uint32 window, address witness);

    /// @notice All observations that were accepted are needed, each with its observer.
    /// @param accepted How many were accepted.
    /// @param observers How many observers were given.
    /// @param observations How many observations were given.
    error SlaOracle_ObservationCount(uint256 accepted, uint256 observers, uint256 observations);

    /// @notice The observers are not in strictly ascending order.
    /// @param previous The one before.
    /// @param next The one that is not above it.
    error SlaOracle_ObserversNotAscending(address previous, address next);

    /// @notice The window's result is not final, or there is none.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param state Where it stands.
    error SlaOracle_NotFinal(VmId vm, uint32 sequence, uint32 window, ResultState state);

    /// @notice The window ended without a result: it is nobody's fault and costs nobody anything.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    error SlaOracle_Disputed(VmId vm, uint32 sequence, uint32 window);

    /// @notice The metrics are not those of the result.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    error SlaOracle_WrongOpening(VmId vm, uint32 sequence, uint32 window);

    /// @notice A period lies outside its hard limits.
    /// @param name The period.
    /// @param value The value given, in seconds.
    /// @param least The least allowed.
    /// @param most The most allowed.
    error SlaOracle_PeriodOutOfRange(string name, uint256 value, uint256 least, uint256 most);

    /* WINDOWS */

    /// @notice Makes the grid of a stay known. Anyone may, once; it needs nothing but the agreement's public form.
    /// @param vm The VM.
    /// @param sequence Number of the stay: one on another cloud than home, under an agreement.
    /// @param agreement Its agreement.
    function openWindows(VmId vm, uint32 sequence, Agreement calldata agreement) external;

    /* AGREED */

    /// @notice Records results on which home and host agree; each is final at once. Anyone may bring them. Possible until
    /// `claimWithin` after the window; after a claim or an objection, until that is final.
    /// @dev A window whose full length has passed counts as over, wherever the stay ended: two signatures say so, and the
    /// ledger is asked about the last, cut window only. A report of a window that the stay never reached is worth nothing,
    /// since `windowOf` refuses it.
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

    /// @notice Brings one witness's observation of a window under objection, in time. Anyone may bring it. A witness sees
    /// availability, throughput, network latency and loss; an observation without any says that it saw nothing.
    /// @param observation What it measured.
    /// @param witnesses The witnesses of the agreement.
    /// @param signature Of one of them (ECDSA).
    function observe(Observation calldata observation, Witnesses calldata witnesses, bytes calldata signature) external;

    /// @notice Ends an objection after the time for observations, or as soon as all witnesses were heard. Anyone may. The
    /// result is, metric by metric, the median of those who measured it, if `required` of them did; of two middle values
    /// the one better for the host. Without any such metric the window is Disputed.
    /// @dev Where nobody was heard, the witnesses are not looked at: a list that is malformed or kept secret leaves no
    /// objection open for ever.
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
    /// @return from Its begin.
    /// @return to Its end, which is not part of it.
    function windowOf(VmId vm, uint32 sequence, uint32 window) external view returns (uint48 from, uint48 to);

    /// @notice The result of a window as it stands now.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    function resultOf(VmId vm, uint32 sequence, uint32 window) external view returns (WindowResult memory);

    /// @notice The final metrics of a window, for the contracts that judge them.
    /// @dev Reverts where the result is not final, is Disputed, or the opening does not fit. An opening is needed for an
    /// agreed result only; otherwise its salt is zero and its values are those of the result. Ask `windowOf` as well: a
    /// record may have moved the stay's end before the window.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param opening The salted metrics.
    function requireFinal(VmId vm, uint32 sequence, uint32 window, SaltedMetrics calldata opening) external view;

    /// @notice Whether a raw sample is among those under an accepted observation's root; reverts for an observation that
    /// was not accepted.
    /// @param observation The observation, as it was brought.
    /// @param witness Who brought it.
    /// @param sample The ABI encoding of the leaf's values.
    /// @param proof Merkle proof (OpenZeppelin's standard tree: sorted pairs, double-hashed leaves).
    function isSample(
        Observation calldata observation,
        address witness,
        bytes calldata sample,
        bytes32[] calldata proof
    ) external view returns (bool);

    /// @notice The witnesses of a stay, known from its first objection on.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @return EIP-712 struct hash of the witnesses; 0 before the first objection.
    function witnessesOf(VmId vm, uint32 sequence) external view returns (bytes32);

    /// @notice A witness's observation of a window.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param witness The witness.
    /// @return EIP-712 struct hash of the observation; 0 if none was accepted.
    function observationOf(VmId vm, uint32 sequence, uint32 window, address witness) external view returns (bytes32);

    /// @notice Periods for stays that are opened from now on.
    function periods() external view returns (OraclePeriods memory);

    /// @notice The migration ledger.
    function ledger() external view returns (IMigrationLedger);
}
