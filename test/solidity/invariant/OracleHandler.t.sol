// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AgreedReport} from "../../../contracts/documents/AgreedReport.sol";
import {Agreement, Line} from "../../../contracts/documents/Agreement.sol";
import {Metrics} from "../../../contracts/documents/Metrics.sol";
import {Observation} from "../../../contracts/documents/Observation.sol";
import {Rates} from "../../../contracts/documents/Rates.sol";
import {Receipt} from "../../../contracts/documents/Receipt.sol";
import {Record} from "../../../contracts/documents/Record.sol";
import {Resources} from "../../../contracts/documents/Resources.sol";
import {Witnesses} from "../../../contracts/documents/Witnesses.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {IMigrationLedger} from "../../../contracts/ledger/IMigrationLedger.sol";
import {ISlaOracle, ResultState, WindowResult} from "../../../contracts/oracle/ISlaOracle.sol";
import {ICloudRegistry} from "../../../contracts/registry/ICloudRegistry.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {VmId} from "../../../contracts/types/VmId.sol";
import {cheats} from "../Cheats.sol";

/// @title Reports, claims, objects and observes as parties and witnesses may, and writes down what should come of it
/// @dev Calls that the model refuses are sent too, and must be refused for the model's reason. Time is kept here: the
/// compiler may read the block's time once for a function that sets it in between.
contract OracleHandler {
    /// @notice A stay whose windows are open.
    struct GhostStay {
        VmId vm;
        uint32 home;
        uint32 host;
        uint256 startedAt; // seconds
        uint256 endedAt; // seconds; zero while it runs
        bytes agreement;
    }

    /// @notice A window as its acts should have left it.
    struct GhostWindow {
        ResultState state;
        bool byHost;
        uint256 since; // seconds
        bytes32 commitment;
        Metrics metrics;
        bool[3] heard;
        Observation[3] observations;
        bytes32 finalResult;
    }

    uint256 public constant STAYS = 3;
    uint256 public constant WINDOWS = 8;
    uint256 public constant WINDOW = 6 hours;
    uint256 public constant CLAIM_WITHIN = 7 days;
    uint256 public constant OBJECT_WITHIN = 1 days;
    uint256 public constant OBSERVE_WITHIN = 1 days;
    uint32 private constant SEQUENCE = 2;
    uint256 private constant REQUIRED = 2;
    uint256 private constant FIRST_KEY = 0xB105;
    uint256 private constant FIRST_WITNESS = 0xB305;

    ISlaOracle public immutable ORACLE;
    IMigrationLedger public immutable LEDGER;
    bytes32 private immutable ORACLE_DOMAIN;
    bytes32 private immutable LEDGER_DOMAIN;

    uint256 public time;

    /// @dev Three keys in the order of their addresses, and one that nobody named.
    uint256[4] private _witnessKeys;
    GhostStay[] private _stays;
    mapping(uint256 stay => mapping(uint256 window => GhostWindow)) private _windows;
    mapping(bytes32 action => uint256 count) private _calls;

    constructor(ISlaOracle oracle, uint256 begin) {
        ORACLE = oracle;
        LEDGER = oracle.ledger();
        ORACLE_DOMAIN = _domainOf(address(oracle));
        LEDGER_DOMAIN = _domainOf(address(LEDGER));
        time = begin;
        _witnessKeys = [FIRST_WITNESS, FIRST_WITNESS + 1, FIRST_WITNESS + 2, FIRST_WITNESS + 3];
        for (uint256 i = 1; i < 3; ++i) {
            for (uint256 j = i; j != 0 && cheats.addr(_witnessKeys[j]) < cheats.addr(_witnessKeys[j - 1]); --j) {
                (_witnessKeys[j], _witnessKeys[j - 1]) = (_witnessKeys[j - 1], _witnessKeys[j]);
            }
        }
    }

    /// @notice Offers and stays to begin with: cloud 1 at 2, 2 at 3, 3 at 1. Once: the fuzzer calls it as well.
    function prepare() external {
        if (_stays.length != 0) return;
        for (uint32 cloud = 1; cloud <= STAYS; ++cloud) _offer(cloud);
        for (uint32 home = 1; home <= STAYS; ++home) _openStay(home, home == STAYS ? 1 : home + 1);
    }

    /* ACTIONS */

    function reportAgreed(uint256 seed) external observed {
        (uint256 stay, uint256 first) = _pick(seed);
        uint256 count = 1 + ((seed >> 32) % 3);
        AgreedReport[] memory reports = new AgreedReport[](count);
        bytes[] memory signatures = new bytes[](2 * count);
        bytes4 refusal = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 window = (first + i) % WINDOWS;
            reports[i] = AgreedReport({
                vm: _stays[stay].vm,
                sequence: SEQUENCE,
                window: uint32(window),
                metrics: keccak256(abi.encode(seed, i))
            });
            bytes32 id = this.reportId(reports[i]);
            signatures[2 * i] = _signature(FIRST_KEY + _stays[stay].home, ORACLE_DOMAIN, id);
            signatures[2 * i + 1] = _signature(FIRST_KEY + _stays[stay].host, ORACLE_DOMAIN, id);
            if (refusal == 0) refusal = _refusalOfReport(stay, window);
        }

        _send(cheats.addr(0xBEEF), abi.encodeCall(ORACLE.reportAgreed, (reports, signatures)), refusal);
        if (refusal != 0) return _count("refusal");

        for (uint256 i = 0; i < count; ++i) {
            GhostWindow storage window = _windows[stay][reports[i].window];
            if (window.state == ResultState.Claimed) _count("agreeClaimed");
            if (window.state == ResultState.Objected) _count("agreeObjected");
            delete _windows[stay][reports[i].window];
            window.state = ResultState.Agreed;
            window.commitment = reports[i].metrics;
        }
        _count("reportAgreed");
    }

    function claim(uint256 seed) external observed {
        (uint256 stay, uint256 window) = _pick(seed);
        uint32 by = uint32(1 + ((seed >> 32) % STAYS));
        Metrics memory metrics = _metrics(seed, 0x7f);
        GhostStay storage at = _stays[stay];
        GhostWindow storage ghost = _windows[stay][window];
        bytes4 refusal = 0;
        if (by != at.home && by != at.host) refusal = ISlaOracle.SlaOracle_NotAParty.selector;
        else if (metrics.measured == 0) refusal = ISlaOracle.SlaOracle_NothingMeasured.selector;
        else if (ghost.state != ResultState.None) refusal = ISlaOracle.SlaOracle_AlreadyReported.selector;
        else refusal = _refusalByTime(stay, window);

        bytes memory data = abi.encodeCall(ORACLE.claim, (at.vm, SEQUENCE, uint32(window), CloudId.wrap(by), metrics));
        _send(accountOf(by), data, refusal);
        if (refusal != 0) return _count("refusal");

        (ghost.state, ghost.byHost, ghost.since) = (ResultState.Claimed, by == at.host, time);
        ghost.metrics = metrics;
        _count("claim");
    }

    function object(uint256 seed) external observed {
        (uint256 stay, uint256 window) = _pickIn(seed, ResultState.Claimed);
        GhostStay storage at = _stays[stay];
        GhostWindow storage ghost = _windows[stay][window];
        // Inclusive: the last moment is met as well, and the one after it.
        if (ghost.state == ResultState.Claimed && seed % 8 < 2) _passUntil(ghost.since + OBJECT_WITHIN + (seed % 8));
        bool isTheClaimant = seed % 16 == 9;
        uint32 by = ghost.byHost == isTheClaimant ? at.host : at.home;
        bytes4 refusal = 0;
        if (ghost.state != ResultState.Claimed) refusal = ISlaOracle.SlaOracle_WrongState.selector;
        else if (isTheClaimant) refusal = ICloudRegistry.CloudRegistry_NotAuthorized.selector;
        else if (time > ghost.since + OBJECT_WITHIN) refusal = ISlaOracle.SlaOracle_ObjectionTooLate.selector;

        Agreement memory agreement = abi.decode(at.agreement, (Agreement));
        bytes memory data = abi.encodeCall(ORACLE.object, (at.vm, SEQUENCE, uint32(window), agreement));
        _send(accountOf(by), data, refusal);
        if (refusal != 0) return _count("refusal");

        (ghost.state, ghost.since) = (ResultState.Objected, time);
        _count("object");
    }

    function observe(uint256 seed) external observed {
        (uint256 stay, uint256 window) = _pickIn(seed, ResultState.Objected);
        GhostWindow storage ghost = _windows[stay][window];
        if (ghost.state == ResultState.Objected && seed % 16 < 2) {
            _passUntil(ghost.since + OBSERVE_WITHIN + (seed % 16));
        }
        uint256 witness = (seed >> 32) % 4;
        Observation memory observation = Observation({
            vm: _stays[stay].vm,
            sequence: SEQUENCE,
            window: uint32(window),
            metrics: _metrics(seed, 0x71),
            samplesRoot: bytes32(seed)
        });
        bytes4 refusal = 0;
        if (ghost.state != ResultState.Objected) refusal = ISlaOracle.SlaOracle_WrongState.selector;
        else if (time > ghost.since + OBSERVE_WITHIN) refusal = ISlaOracle.SlaOracle_ObservationTooLate.selector;
        else if (witness == 3) refusal = ISlaOracle.SlaOracle_NotAWitness.selector;
        else if (ghost.heard[witness]) refusal = ISlaOracle.SlaOracle_AlreadyObserved.selector;

        bytes memory signature = _signature(_witnessKeys[witness], ORACLE_DOMAIN, this.observationId(observation));
        _send(cheats.addr(0xBEEF), abi.encodeCall(ORACLE.observe, (observation, _named(), signature)), refusal);
        if (refusal != 0) return _count("refusal");

        ghost.heard[witness] = true;
        ghost.observations[witness] = observation;
        _count("observe");
    }

    function finalise(uint256 seed) external observed {
        (uint256 stay, uint256 window) = _pickIn(seed, ResultState.Objected);
        GhostWindow storage ghost = _windows[stay][window];
        if (ghost.state == ResultState.Objected && seed % 2 == 0) {
            _passUntil(ghost.since + OBSERVE_WITHIN + (seed % 4) / 2);
        }
        uint256 heard = _heardIn(ghost);
        bytes4 refusal = 0;
        if (ghost.state != ResultState.Objected) refusal = ISlaOracle.SlaOracle_WrongState.selector;
        else if (heard != 3 && time <= ghost.since + OBSERVE_WITHIN) {
            refusal = ISlaOracle.SlaOracle_StillObserving.selector;
        }
        address[] memory observers = new address[](heard);
        Observation[] memory observations = new Observation[](heard);
        uint256 next = 0;
        for (uint256 i = 0; i < 3; ++i) {
            if (!ghost.heard[i]) continue;
            (observers[next], observations[next++]) = (cheats.addr(_witnessKeys[i]), ghost.observations[i]);
        }

        bytes memory data = abi.encodeCall(
            ORACLE.finalise,
            (_stays[stay].vm, SEQUENCE, uint32(window), _named(), observers, observations)
        );
        _send(cheats.addr(0xBEEF), data, refusal);
        if (refusal != 0) return _count("refusal");

        Metrics memory medians = _medians(observations);
        delete _windows[stay][window];
        ghost.state = medians.measured == 0 ? ResultState.Disputed : ResultState.Witnessed;
        ghost.metrics = medians;
        _count(medians.measured == 0 ? "dispute" : "witness");
    }

    /// @dev The stay ends; windows after it do not exist.
    function stop(uint256 seed) external observed {
        GhostStay storage stay = _stays[seed % STAYS];
        if (stay.endedAt != 0 || seed % 4 != 0) return;

        cheats.prank(accountOf(stay.home));
        LEDGER.stop(stay.vm);

        stay.endedAt = time;
        _count("stop");
    }

    function wait(uint256 seed) external observed {
        _pass(seed % 2 == 0 ? (seed >> 8) % 2 hours : (seed >> 8) % 2 days);
        _count("wait");
    }

    /* WHAT SHOULD BE */

    function calls(string calldata action) external view returns (uint256) {
        return _calls[keccak256(bytes(action))];
    }

    /// @notice Reverts where a result is not what its acts left, or a final one has changed.
    function check() public view {
        for (uint256 stay = 0; stay < STAYS; ++stay) {
            for (uint256 window = 0; window < WINDOWS; ++window) _checkWindow(stay, window);
        }
    }

    function _checkWindow(uint256 stay, uint256 window) private view {
        GhostStay storage at = _stays[stay];
        GhostWindow storage ghost = _windows[stay][window];
        WindowResult memory found = ORACLE.resultOf(at.vm, SEQUENCE, uint32(window));
        bool isOpen = ghost.state == ResultState.Claimed || ghost.state == ResultState.Objected;
        require(found.state == ghost.state, "state");
        require(found.isFinal == _isFinal(ghost), "isFinal");
        require(CloudId.unwrap(found.claimant) == (isOpen ? (ghost.byHost ? at.host : at.home) : 0), "claimant");
        require(found.since == (isOpen ? ghost.since : 0), "since");
        require(found.observations == (isOpen ? _heardIn(ghost) : 0), "observations");
        require(_hash(found.metrics) == _hash(ghost.metrics), "metrics");
        require(uint256(found.commitment) == uint256(ghost.commitment) % 2 ** 248, "commitment");
        require(ghost.finalResult == 0 || keccak256(abi.encode(found)) == ghost.finalResult, "a final result changed");
    }

    modifier observed() {
        // The block's time is the one that was left, whatever the fuzzer did in between.
        cheats.warp(time);
        _;
        check();
        for (uint256 stay = 0; stay < STAYS; ++stay) {
            for (uint256 window = 0; window < WINDOWS; ++window) _remember(stay, window);
        }
    }

    function _remember(uint256 stay, uint256 window) private {
        GhostWindow storage ghost = _windows[stay][window];
        if (ghost.finalResult != 0 || !_isFinal(ghost)) return;
        ghost.finalResult = keccak256(abi.encode(ORACLE.resultOf(_stays[stay].vm, SEQUENCE, uint32(window))));
        if (ghost.state == ResultState.Claimed) _count("claimFinal");
    }

    function _isFinal(GhostWindow storage ghost) private view returns (bool) {
        if (ghost.state == ResultState.Claimed) return time > ghost.since + OBJECT_WITHIN;
        return ghost.state != ResultState.None && ghost.state != ResultState.Objected;
    }

    function _heardIn(GhostWindow storage ghost) private view returns (uint256 count) {
        for (uint256 i = 0; i < 3; ++i) {
            if (ghost.heard[i]) ++count;
        }
    }

    function _refusalOfReport(uint256 stay, uint256 window) private view returns (bytes4) {
        GhostWindow storage ghost = _windows[stay][window];
        if (_isFinal(ghost)) return ISlaOracle.SlaOracle_AlreadyFinal.selector;
        if (ghost.state != ResultState.None) return 0;
        // Both say so: a window whose full length has passed is over.
        uint256 to = _stays[stay].startedAt + (window + 1) * WINDOW;
        if (time < to) return _refusalByTime(stay, window);
        return time > to + CLAIM_WITHIN ? ISlaOracle.SlaOracle_ReportTooLate.selector : bytes4(0);
    }

    function _refusalByTime(uint256 stay, uint256 window) private view returns (bytes4) {
        GhostStay storage at = _stays[stay];
        uint256 begin = at.startedAt + window * WINDOW;
        uint256 to = begin + WINDOW;
        if (at.endedAt != 0) {
            if (begin >= at.endedAt) return ISlaOracle.SlaOracle_NoSuchWindow.selector;
            if (at.endedAt < to) to = at.endedAt;
        }
        if (time < to) return ISlaOracle.SlaOracle_WindowNotOver.selector;
        return time > to + CLAIM_WITHIN ? ISlaOracle.SlaOracle_ReportTooLate.selector : bytes4(0);
    }

    /* MEDIANS, BY COUNTING */

    function _medians(Observation[] memory observations) private pure returns (Metrics memory medians) {
        uint32[4] memory bits = [uint32(1), 16, 32, 64];
        for (uint256 lane = 0; lane < 4; ++lane) {
            (bool isFound, uint32 value) = _median(observations, bits[lane], lane < 2);
            if (!isFound) continue;
            medians.measured |= bits[lane];
            if (lane == 0) medians.availabilityPpm = value;
            else if (lane == 1) medians.throughputKbps = value;
            else if (lane == 2) medians.networkLatencyUs = value;
            else medians.lossPpm = value;
        }
    }

    /// @dev The value of which at most half are worse and fewer than half are better.
    function _median(
        Observation[] memory observations,
        uint32 bit,
        bool isMoreBetter
    ) private pure returns (bool isFound, uint32 value) {
        uint256 count = 0;
        for (uint256 i = 0; i < observations.length; ++i) {
            if (observations[i].metrics.measured & bit != 0) ++count;
        }
        if (count < REQUIRED) return (false, 0);
        for (uint256 i = 0; i < observations.length; ++i) {
            if (observations[i].metrics.measured & bit == 0) continue;
            value = _laneOf(observations[i].metrics, bit);
            (uint256 worse, uint256 better) = (0, 0);
            for (uint256 j = 0; j < observations.length; ++j) {
                if (observations[j].metrics.measured & bit == 0) continue;
                uint32 other = _laneOf(observations[j].metrics, bit);
                if (other == value) continue;
                if ((other > value) == isMoreBetter) ++better;
                else ++worse;
            }
            if (2 * worse <= count && 2 * better < count) return (true, value);
        }
        revert("no median");
    }

    function _laneOf(Metrics memory metrics, uint32 bit) private pure returns (uint32) {
        if (bit == 1) return metrics.availabilityPpm;
        if (bit == 16) return metrics.throughputKbps;
        if (bit == 32) return metrics.networkLatencyUs;
        return metrics.lossPpm;
    }

    /* CALLS, SO THAT DOCUMENTS ARE CALLDATA */

    function reportId(AgreedReport calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function observationId(Observation calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function recordId(Record calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function witnessesHash(Witnesses calldata witnesses) external pure returns (bytes32) {
        return witnesses.structHash();
    }

    /* HELPERS */

    function accountOf(uint32 cloud) public pure returns (address) {
        return cheats.addr(FIRST_KEY + cloud);
    }

    /// @dev Any window of any stay.
    function _pick(uint256 seed) private pure returns (uint256 stay, uint256 window) {
        return ((seed >> 8) % STAYS, (seed >> 16) % WINDOWS);
    }

    /// @dev Mostly a window in a state; any if there is none.
    function _pickIn(uint256 seed, ResultState state) private view returns (uint256 stay, uint256 window) {
        (stay, window) = _pick(seed);
        if (seed % 32 == 31) return (stay, window);
        for (uint256 i = 0; i < STAYS * WINDOWS; ++i) {
            uint256 place = (stay * WINDOWS + window + i) % (STAYS * WINDOWS);
            if (_windows[place / WINDOWS][place % WINDOWS].state == state) return (place / WINDOWS, place % WINDOWS);
        }
    }

    /// @dev Metrics in range, of which some are measured.
    function _metrics(uint256 seed, uint32 allowed) private pure returns (Metrics memory) {
        uint256 random = uint256(keccak256(abi.encode(seed, "metrics")));
        return
            Metrics({
                availabilityPpm: uint32(random) % 1_000_001,
                cpuReadyPpm: uint32(random >> 32) % 1_000_001,
                diskLatencyUs: uint32(random >> 64),
                diskIops: uint32(random >> 96),
                throughputKbps: uint32(random >> 128) % 4,
                networkLatencyUs: uint32(random >> 160),
                lossPpm: uint32(random >> 192) % 1_000_001,
                measured: uint32(random >> 224) & allowed
            });
    }

    function _named() private view returns (Witnesses memory named) {
        named.members = new address[](3);
        for (uint256 i = 0; i < 3; ++i) named.members[i] = cheats.addr(_witnessKeys[i]);
        named.required = uint8(REQUIRED);
    }

    function _send(address sender, bytes memory data, bytes4 refusal) private {
        cheats.prank(sender);
        (bool success, bytes memory answer) = address(ORACLE).call(data);
        if (refusal == 0) require(success, string.concat("a valid call was refused: ", string(answer)));
        else require(!success && bytes4(answer) == refusal, "not refused for the model's reason");
    }

    function _signature(uint256 key, bytes32 domain, bytes32 id) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = cheats.sign(key, keccak256(bytes.concat(hex"1901", domain, id)));
        return abi.encodePacked(r, s, v);
    }

    function _domainOf(address verifier) private view returns (bytes32) {
        bytes32 typehash = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        );
        return keccak256(abi.encode(typehash, keccak256("BlockchainBus"), keccak256("1"), block.chainid, verifier));
    }

    function _pass(uint256 duration) private {
        time += duration;
        cheats.warp(time);
    }

    function _passUntil(uint256 moment) private {
        if (moment > time) _pass(moment - time);
    }

    function _count(string memory action) private {
        ++_calls[keccak256(bytes(action))];
    }

    function _hash(Metrics memory metrics) private pure returns (bytes32) {
        return keccak256(abi.encode(metrics));
    }

    /* PREPARATION */

    function _resources() private pure returns (Resources memory resources) {
        resources.vcpuMilli = 1000;
    }

    function _offer(uint32 cloud) private {
        Rates memory free;
        ICapacityExchange.Offer memory offered = ICapacityExchange.Offer({
            capacity: _resources(),
            biggest: _resources(),
            features: 0,
            validFrom: 0,
            validUntil: type(uint48).max,
            currency: "",
            rates: free
        });
        // Asked first: a prank is for the next call, whichever that is.
        ICapacityExchange exchange = LEDGER.exchange();
        cheats.prank(accountOf(cloud));
        exchange.offer(CloudId.wrap(cloud), 0, offered);
    }

    function _openStay(uint32 home, uint32 host) private {
        cheats.prank(accountOf(home));
        VmId vm = LEDGER.register(CloudId.wrap(home), bytes32(uint256(home)), _resources());
        Agreement memory agreement;
        (agreement.home, agreement.source, agreement.destination) = (
            CloudId.wrap(home),
            CloudId.wrap(home),
            CloudId.wrap(host)
        );
        agreement.lines = new Line[](1);
        agreement.lines[0] = Line({vm: vm, nonce: 1, features: 0, resources: _resources()});
        (agreement.windowMs, agreement.noticeMs) = (uint64(WINDOW * 1000), 1 hours * 1000);
        agreement.agreeBy = uint64((time + 60) * 1000);
        agreement.witnesses = this.witnessesHash(_named());
        Record memory document = Record({agreement: agreement, receipts: new Receipt[](1)});
        uint64 nowMs = uint64(time * 1000);
        document.receipts[0] = Receipt({vm: vm, stateDigest: 0, releasedAt: nowMs, runningAt: nowMs});
        bytes[] memory signatures = new bytes[](2);
        bytes32 id = this.recordId(document);
        signatures[0] = _signature(FIRST_KEY + home, LEDGER_DOMAIN, id);
        signatures[1] = _signature(FIRST_KEY + host, LEDGER_DOMAIN, id);
        LEDGER.record(document, signatures);
        ORACLE.openWindows(vm, SEQUENCE, agreement);
        _stays.push(
            GhostStay({vm: vm, home: home, host: host, startedAt: time, endedAt: 0, agreement: abi.encode(agreement)})
        );
    }
}
