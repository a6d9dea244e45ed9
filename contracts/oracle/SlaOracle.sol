// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {AgreedReport} from "../documents/AgreedReport.sol";
import {Agreement} from "../documents/Agreement.sol";
import {Metrics} from "../documents/Metrics.sol";
import {Observation} from "../documents/Observation.sol";
import {SaltedMetrics} from "../documents/SaltedMetrics.sol";
import {Witnesses} from "../documents/Witnesses.sol";
import {IMigrationLedger, StayFacts} from "../ledger/IMigrationLedger.sol";
import {AgentScope} from "../registry/AgentScope.sol";
import {ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {VmId} from "../types/VmId.sol";
import {GridWord, GridWords} from "./GridWord.sol";
import {Grid, ISlaOracle, OraclePeriods, ResultState, WindowResult} from "./ISlaOracle.sol";
import {ResultWord, ResultWords} from "./ResultWord.sol";
import {SlaRules} from "./SlaRules.sol";
import {WitnessMedian} from "./WitnessMedian.sol";

/// @title SlaOracle
/// @dev No function asks for a cloud's status: whoever left or was expelled still claims and objects.
contract SlaOracle is ISlaOracle, AccessManaged, EIP712 {
    /// @dev Which window is spoken of.
    struct Key {
        VmId vm;
        uint32 sequence;
        uint32 window;
    }

    uint256 private constant MAX_REPORTS = 64;
    uint256 private constant MAX_WITNESSES = 7;

    IMigrationLedger internal immutable LEDGER;
    ICloudRegistry internal immutable REGISTRY;

    OraclePeriods private _periods;

    mapping(VmId vm => mapping(uint32 sequence => GridWord)) private _grids;
    mapping(VmId vm => mapping(uint32 sequence => mapping(uint32 window => ResultWord))) private _results;
    /// @dev Known from the first objection of a stay on.
    mapping(VmId vm => mapping(uint32 sequence => bytes32 hash)) private _witnesses;
    /// @dev Struct hash of each observation. What it says is in its event.
    mapping(VmId vm => mapping(uint32 sequence => mapping(uint32 window => mapping(address witness => bytes32 hash))))
        private _observations;

    /// @notice Ties the oracle to its ledger for good.
    /// @param authority The access manager.
    /// @param ledger_ The ledger that knows the stays.
    /// @param periods_ The periods for the first stays.
    constructor(
        address authority,
        IMigrationLedger ledger_,
        OraclePeriods memory periods_
    ) AccessManaged(authority) EIP712("BlockchainBus", "1") {
        LEDGER = ledger_;
        REGISTRY = ledger_.registry();
        _setPeriods(periods_);
    }

    /* WINDOWS */

    /// @inheritdoc ISlaOracle
    function openWindows(VmId vm, uint32 sequence, Agreement calldata agreement) external {
        require(!_grids[vm][sequence].isOpen(), SlaOracle_AlreadyOpen(vm, sequence));
        StayFacts memory stay = _stayUnder(vm, sequence, agreement);
        require(stay.home != stay.host, SlaOracle_AtHome(vm, sequence));
        uint64 windowMs = agreement.windowMs;
        require(windowMs <= type(uint48).max, SlaOracle_WindowTooLong(windowMs));

        // The cast is safe: the window was found to have 48 bits.
        Grid memory grid = Grid({
            home: stay.home,
            host: stay.host,
            startedAt: stay.startedAt,
            windowMs: uint48(windowMs),
            periods: _periods
        });
        _grids[vm][sequence] = GridWords.pack(grid);

        emit WindowsOpened({
            vm: vm,
            sequence: sequence,
            home: grid.home,
            host: grid.host,
            startedAt: grid.startedAt,
            windowMs: grid.windowMs,
            periods: grid.periods
        });
    }

    /* AGREED */

    /// @inheritdoc ISlaOracle
    function reportAgreed(AgreedReport[] calldata reports, bytes[] calldata signatures) external {
        uint256 count = reports.length;
        require(count != 0 && count <= MAX_REPORTS, SlaOracle_ReportCount(count, MAX_REPORTS));
        require(signatures.length == 2 * count, SlaOracle_SignatureCount(2 * count, signatures.length));

        VmId vm;
        uint32 sequence = 0;
        GridWord grid;
        for (uint256 i = 0; i < count; ++i) {
            AgreedReport calldata report = reports[i];
            // Reports mostly are of one stay: its grid is read once.
            if (report.vm != vm || report.sequence != sequence || !grid.isOpen()) {
                (vm, sequence) = (report.vm, report.sequence);
                grid = _gridOf(vm, sequence);
            }
            _reportAgreed(grid, report, signatures[2 * i], signatures[2 * i + 1]);
        }
    }

    function _reportAgreed(
        GridWord grid,
        AgreedReport calldata report,
        bytes calldata ofHome,
        bytes calldata ofHost
    ) private {
        (VmId vm, uint32 sequence, uint32 window) = (report.vm, report.sequence, report.window);
        mapping(uint32 window => ResultWord) storage results = _results[vm][sequence];
        ResultWord result = results[window];
        ResultState state = result.state();
        require(!_isFinal(result, grid), SlaOracle_AlreadyFinal(vm, sequence, window, state));
        // What is claimed was in time when it was claimed.
        if (state == ResultState.None) _requireOver(vm, sequence, window, grid);
        bytes32 digest = _hashTypedDataV4(report.structHash());
        REGISTRY.requireSignature(grid.home(), AgentScope.REPORT, NOBODY, NOBODY, digest, ofHome);
        REGISTRY.requireSignature(grid.host(), AgentScope.REPORT, NOBODY, NOBODY, digest, ofHost);

        results[window] = ResultWords.agreed(report.metrics);

        emit WindowAgreed({vm: vm, sequence: sequence, window: window, metrics: report.metrics});
    }

    /// @dev What `_requireReportable` asks, at the price of two signatures: a window whose full length has passed is over,
    /// wherever the stay ended, and the ledger is asked about the last, cut one only. A report of a window that the stay
    /// never reached is worth nothing: `windowOf` refuses it to whoever wants to use the result.
    function _requireOver(VmId vm, uint32 sequence, uint32 window, GridWord grid) private view {
        uint256 to = grid.beginOf(window) + grid.windowMs();
        uint48 time = _nowMs();
        if (time < to) {
            _requireReportable(Key({vm: vm, sequence: sequence, window: window}), grid);
        } else {
            _requireInTime(vm, sequence, window, grid, to, time);
        }
    }

    /* CLAIMED */

    /// @inheritdoc ISlaOracle
    function claim(VmId vm, uint32 sequence, uint32 window, CloudId by, Metrics calldata metrics) external {
        GridWord grid = _gridOf(vm, sequence);
        require(by == grid.home() || by == grid.host(), SlaOracle_NotAParty(vm, sequence, by));
        REGISTRY.requireSender(by, AgentScope.REPORT, NOBODY, NOBODY, msg.sender);
        SlaRules.requireInRange(metrics);
        require(metrics.measured != 0, SlaOracle_NothingMeasured(vm, sequence, window));
        Key memory key = Key({vm: vm, sequence: sequence, window: window});
        ResultState state = _resultAt(key).state();
        require(state == ResultState.None, SlaOracle_AlreadyReported(vm, sequence, window, state));
        _requireReportable(key, grid);

        _store(key, ResultWords.claimed(metrics, by == grid.host(), _now()));

        emit WindowClaimed({vm: vm, sequence: sequence, window: window, claimant: by, metrics: metrics});
    }

    /// @inheritdoc ISlaOracle
    function object(VmId vm, uint32 sequence, uint32 window, Agreement calldata agreement) external {
        GridWord grid = _gridOf(vm, sequence);
        Key memory key = Key({vm: vm, sequence: sequence, window: window});
        ResultWord result = _requireState(key, ResultState.Claimed);
        CloudId by = result.isByHost() ? grid.home() : grid.host();
        REGISTRY.requireSender(by, AgentScope.REPORT, NOBODY, NOBODY, msg.sender);
        uint40 until = result.since() + grid.objectWithin();
        require(_now() <= until, SlaOracle_ObjectionTooLate(vm, sequence, window, until, _now()));
        _stayUnder(vm, sequence, agreement);

        if (_witnesses[vm][sequence] == 0) _witnesses[vm][sequence] = agreement.witnesses;
        _store(key, result.objected(_now()));

        emit WindowObjected({
            vm: vm,
            sequence: sequence,
            window: window,
            by: by,
            witnesses: agreement.witnesses,
            observeUntil: _now() + grid.observeWithin()
        });
    }

    /* WITNESSED */

    /// @inheritdoc ISlaOracle
    function observe(
        Observation calldata observation,
        Witnesses calldata witnesses,
        bytes calldata signature
    ) external {
        Key memory key = Key({vm: observation.vm, sequence: observation.sequence, window: observation.window});
        GridWord grid = _gridOf(key.vm, key.sequence);
        ResultWord result = _requireState(key, ResultState.Objected);
        uint40 until = result.since() + grid.observeWithin();
        require(_now() <= until, SlaOracle_ObservationTooLate(key.vm, key.sequence, key.window, until, _now()));
        _requireWitnesses(key, witnesses);
        _requireWellFormed(witnesses);
        SlaRules.requireInRange(observation.metrics);
        uint32 measured = observation.metrics.measured;
        require(
            measured & ~WitnessMedian.SEEN_BY_WITNESSES == 0,
            SlaOracle_NotForWitnesses(measured, WitnessMedian.SEEN_BY_WITNESSES)
        );
        bytes32 hash = observation.structHash();
        (address witness, , ) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(hash), signature);
        require(_isMember(witnesses, witness), SlaOracle_NotAWitness(witness));
        mapping(address witness => bytes32 hash) storage heard = _observations[key.vm][key.sequence][key.window];
        require(heard[witness] == 0, SlaOracle_AlreadyObserved(key.vm, key.sequence, key.window, witness));

        heard[witness] = hash;
        _store(key, result.observed());

        emit WindowObserved({
            vm: key.vm,
            sequence: key.sequence,
            window: key.window,
            witness: witness,
            metrics: observation.metrics,
            samplesRoot: observation.samplesRoot
        });
    }

    /// @inheritdoc ISlaOracle
    function finalise(
        VmId vm,
        uint32 sequence,
        uint32 window,
        Witnesses calldata witnesses,
        address[] calldata observers,
        Observation[] calldata observations
    ) external {
        Key memory key = Key({vm: vm, sequence: sequence, window: window});
        GridWord grid = _gridOf(vm, sequence);
        ResultWord result = _requireState(key, ResultState.Objected);
        uint256 accepted = result.observations();
        bool isComplete = false;
        if (accepted != 0) {
            // Well-formed, or nobody would have been heard.
            _requireWitnesses(key, witnesses);
            isComplete = accepted == witnesses.members.length;
        }
        uint40 until = result.since() + grid.observeWithin();
        require(isComplete || until < _now(), SlaOracle_StillObserving(vm, sequence, window, until, _now()));
        _requireAccepted(key, accepted, observers, observations);

        Metrics memory medians;
        if (accepted != 0) medians = WitnessMedian.combine(observations, witnesses.required);
        if (medians.measured == 0) {
            _store(key, ResultWords.disputed());

            emit WindowDisputed({vm: vm, sequence: sequence, window: window});
        } else {
            _store(key, ResultWords.witnessed(medians));

            emit WindowWitnessed({vm: vm, sequence: sequence, window: window, metrics: medians});
        }
    }

    /// @dev All accepted observations are there, each with its witness.
    function _requireAccepted(
        Key memory key,
        uint256 accepted,
        address[] calldata observers,
        Observation[] calldata observations
    ) private view {
        require(
            observers.length == accepted && observations.length == accepted,
            SlaOracle_ObservationCount(accepted, observers.length, observations.length)
        );
        mapping(address witness => bytes32 hash) storage heard = _observations[key.vm][key.sequence][key.window];
        address previous = address(0);
        for (uint256 i = 0; i < accepted; ++i) {
            address witness = observers[i];
            require(previous < witness, SlaOracle_ObserversNotAscending(previous, witness));
            // The hash is of the window, too: an observation of another one is another one.
            require(
                heard[witness] == observations[i].structHash(),
                SlaOracle_NotObserved(key.vm, key.sequence, key.window, witness)
            );
            previous = witness;
        }
    }

    function _requireWitnesses(Key memory key, Witnesses calldata witnesses) private view {
        bytes32 given = witnesses.structHash();
        bytes32 agreed = _witnesses[key.vm][key.sequence];
        require(given == agreed, SlaOracle_OtherWitnesses(given, agreed));
    }

    function _requireWellFormed(Witnesses calldata witnesses) private pure {
        address[] calldata members = witnesses.members;
        require(members.length <= MAX_WITNESSES, SlaOracle_TooManyWitnesses(members.length, MAX_WITNESSES));
        uint8 required = witnesses.required;
        require(required != 0 && required <= members.length, SlaOracle_RequiredOutOfRange(required, members.length));
        address previous = address(0);
        for (uint256 i = 0; i < members.length; ++i) {
            address member = members[i];
            require(member != address(0), SlaOracle_ZeroWitness(i));
            require(previous < member, SlaOracle_WitnessesNotAscending(previous, member));
            previous = member;
        }
    }

    function _isMember(Witnesses calldata witnesses, address witness) private pure returns (bool) {
        address[] calldata members = witnesses.members;
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] == witness) return true;
        }
        return false;
    }

    /* GOVERNANCE */

    /// @inheritdoc ISlaOracle
    function setPeriods(OraclePeriods calldata periods_) external restricted {
        _setPeriods(periods_);
    }

    function _setPeriods(OraclePeriods memory next) private {
        _requirePeriod("claimWithin", next.claimWithin, 7 days, 180 days);
        _requirePeriod("objectWithin", next.objectWithin, 1 days, 30 days);
        _requirePeriod("observeWithin", next.observeWithin, 1 days, 30 days);

        _periods = next;

        emit PeriodsSet({periods: next});
    }

    function _requirePeriod(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        require(value >= least && value <= most, SlaOracle_PeriodOutOfRange(name, value, least, most));
    }

    /* QUESTIONS */

    /// @inheritdoc ISlaOracle
    function gridOf(VmId vm, uint32 sequence) external view returns (Grid memory) {
        return _grids[vm][sequence].unpack();
    }

    /// @inheritdoc ISlaOracle
    function windowOf(VmId vm, uint32 sequence, uint32 window) external view returns (uint48 from, uint48 to) {
        return _windowOf(Key({vm: vm, sequence: sequence, window: window}), _gridOf(vm, sequence));
    }

    /// @inheritdoc ISlaOracle
    function resultOf(VmId vm, uint32 sequence, uint32 window) external view returns (WindowResult memory found) {
        ResultWord result = _results[vm][sequence][window];
        GridWord grid = _grids[vm][sequence];
        found.state = result.state();
        found.isFinal = _isFinal(result, grid);
        if (found.state == ResultState.Agreed) {
            found.commitment = result.commitment();
        } else if (found.state == ResultState.Claimed || found.state == ResultState.Objected) {
            found.claimant = result.isByHost() ? grid.host() : grid.home();
            found.since = result.since();
            found.observations = result.observations();
            found.metrics = result.metrics();
        } else if (found.state == ResultState.Witnessed) {
            found.metrics = result.metrics();
        }
    }

    /// @inheritdoc ISlaOracle
    function requireFinal(VmId vm, uint32 sequence, uint32 window, SaltedMetrics calldata opening) external view {
        ResultWord result = _results[vm][sequence][window];
        ResultState state = result.state();
        require(_isFinal(result, _grids[vm][sequence]), SlaOracle_NotFinal(vm, sequence, window, state));
        require(state != ResultState.Disputed, SlaOracle_Disputed(vm, sequence, window));
        bool fits;
        if (state == ResultState.Agreed) {
            fits = ResultWord.unwrap(ResultWords.agreed(opening.structHash())) == ResultWord.unwrap(result);
        } else {
            fits =
                opening.salt == 0 &&
                keccak256(abi.encode(opening.values)) == keccak256(abi.encode(result.metrics()));
        }
        require(fits, SlaOracle_WrongOpening(vm, sequence, window));
    }

    /// @inheritdoc ISlaOracle
    function isSample(
        Observation calldata observation,
        address witness,
        bytes calldata sample,
        bytes32[] calldata proof
    ) external view returns (bool) {
        (VmId vm, uint32 sequence, uint32 window) = (observation.vm, observation.sequence, observation.window);
        require(
            _observations[vm][sequence][window][witness] == observation.structHash(),
            SlaOracle_NotObserved(vm, sequence, window, witness)
        );
        bytes32 leaf = keccak256(bytes.concat(keccak256(sample)));
        return MerkleProof.verifyCalldata(proof, observation.samplesRoot, leaf);
    }

    /// @inheritdoc ISlaOracle
    function witnessesOf(VmId vm, uint32 sequence) external view returns (bytes32) {
        return _witnesses[vm][sequence];
    }

    /// @inheritdoc ISlaOracle
    function observationOf(VmId vm, uint32 sequence, uint32 window, address witness) external view returns (bytes32) {
        return _observations[vm][sequence][window][witness];
    }

    /// @inheritdoc ISlaOracle
    function periods() external view returns (OraclePeriods memory) {
        return _periods;
    }

    /// @inheritdoc ISlaOracle
    function ledger() external view returns (IMigrationLedger) {
        return LEDGER;
    }

    /* HELPERS */

    function _gridOf(VmId vm, uint32 sequence) private view returns (GridWord grid) {
        grid = _grids[vm][sequence];
        require(grid.isOpen(), SlaOracle_NotOpen(vm, sequence));
    }

    function _resultAt(Key memory key) private view returns (ResultWord) {
        return _results[key.vm][key.sequence][key.window];
    }

    function _store(Key memory key, ResultWord result) private {
        _results[key.vm][key.sequence][key.window] = result;
    }

    function _requireState(Key memory key, ResultState wanted) private view returns (ResultWord result) {
        result = _resultAt(key);
        ResultState state = result.state();
        require(state == wanted, SlaOracle_WrongState(key.vm, key.sequence, key.window, state));
    }

    /// @dev A claim is final when the time to object is over; no transaction says so.
    function _isFinal(ResultWord result, GridWord grid) private view returns (bool) {
        ResultState state = result.state();
        if (state == ResultState.Claimed) return result.since() + grid.objectWithin() < _now();
        return state == ResultState.Agreed || state == ResultState.Witnessed || state == ResultState.Disputed;
    }

    /// @dev The stay, which must be under the agreement.
    function _stayUnder(
        VmId vm,
        uint32 sequence,
        Agreement calldata agreement
    ) private view returns (StayFacts memory stay) {
        stay = LEDGER.stayOf(vm, sequence);
        require(stay.agreement != 0, SlaOracle_NoAgreement(vm, sequence));
        bytes32 given = agreement.structHash();
        require(given == stay.agreement, SlaOracle_OtherAgreement(given, stay.agreement));
    }

    /// @dev Begin and end of a window. The stay's end is asked for each time: a record may move it back.
    function _windowOf(Key memory key, GridWord grid) private view returns (uint48 from, uint48 to) {
        uint48 endedAt = LEDGER.stayOf(key.vm, key.sequence).endedAt;
        uint256 last = endedAt == 0 ? type(uint48).max : endedAt;
        uint256 begin = grid.beginOf(key.window);
        require(begin < last, SlaOracle_NoSuchWindow(key.vm, key.sequence, key.window, endedAt));
        uint256 end = begin + grid.windowMs();
        // Casts are safe: neither is above a time of 48 bits.
        return (uint48(begin), uint48(end < last ? end : last));
    }

    /// @dev A window can be reported when it is over, for a time.
    function _requireReportable(Key memory key, GridWord grid) private view {
        (, uint48 to) = _windowOf(key, grid);
        uint48 time = _nowMs();
        require(to <= time, SlaOracle_WindowNotOver(key.vm, key.sequence, key.window, to, time));
        _requireInTime(key.vm, key.sequence, key.window, grid, to, time);
    }

    function _requireInTime(
        VmId vm,
        uint32 sequence,
        uint32 window,
        GridWord grid,
        uint256 to,
        uint48 time
    ) private pure {
        uint256 until = to + uint256(grid.claimWithin()) * 1000;
        require(time <= until, SlaOracle_ReportTooLate(vm, sequence, window, until, time));
    }

    /// @dev Cast is safe: uint48 milliseconds reach the year 10889.
    function _nowMs() private view returns (uint48) {
        return uint48(block.timestamp * 1000);
    }

    /// @dev Cast is safe: uint40 seconds reach the year 36812.
    function _now() private view returns (uint40) {
        return uint40(block.timestamp);
    }
}
