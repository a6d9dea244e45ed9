// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AgreedReport} from "../../../contracts/documents/AgreedReport.sol";
import {Agreement, Line} from "../../../contracts/documents/Agreement.sol";
import {Handover} from "../../../contracts/documents/Handover.sol";
import {Metrics} from "../../../contracts/documents/Metrics.sol";
import {Move} from "../../../contracts/documents/Move.sol";
import {Receipt} from "../../../contracts/documents/Receipt.sol";
import {Record} from "../../../contracts/documents/Record.sol";
import {Release} from "../../../contracts/documents/Release.sol";
import {SaltedMetrics} from "../../../contracts/documents/SaltedMetrics.sol";
import {Sla, Tier} from "../../../contracts/documents/Sla.sol";
import {TermsHash} from "../../../contracts/documents/Terms.sol";
import {AbortReason, IMigrationLedger} from "../../../contracts/ledger/IMigrationLedger.sol";
import {ISlaOracle} from "../../../contracts/oracle/ISlaOracle.sol";
import {CalendarMonth} from "../../../contracts/reputation/CalendarMonth.sol";
import {IReputationLedger} from "../../../contracts/reputation/IReputationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {VmId} from "../../../contracts/types/VmId.sol";
import {cheats} from "../Cheats.sol";

/// @title Lets clouds move, host and be measured, posts what came of it, and keeps the sums in plain numbers
/// @dev Facts lie about for a while and are posted in any order. One that was posted is posted once more and must be
/// refused.
contract ReputationHandler {
    /// @notice What a fact says of a cloud.
    enum Outcome {
        Kept,
        Broken,
        Unfinished
    }

    /// @notice A fact: the call that posts it, and what it says of whom.
    struct Fact {
        bytes call;
        Outcome outcome;
        uint32 month;
        uint256 amount;
        uint32 cloud;
        uint32 counterparty;
        bool isMutual; // the same of the counterparty
        bool isPosted;
    }

    uint32 public constant CLOUDS = 4;
    uint256 public constant HOUR = 1e6;
    uint256 public constant CAP = 100 * HOUR;
    uint256 public constant MOVE = 10 * HOUR;
    uint256 public constant NEWCOMER = 20 * HOUR;
    uint256 private constant MOST_FACTS = 160;
    uint256 private constant FIRST_KEY = 0xB105;
    bytes32 private constant PRICE = keccak256("price");

    IMigrationLedger private immutable LEDGER;
    ISlaOracle private immutable ORACLE;
    IReputationLedger private immutable REPUTATION;

    /// @notice The chain's time, in seconds.
    uint256 public time;

    /// @notice Every month in which something happened.
    uint32[] public months;

    Fact[] private _facts;
    uint256 private _vms;
    mapping(uint32 month => bool) private _isMonthKnown;
    mapping(uint32 cloud => mapping(uint32 month => mapping(uint32 counterparty => uint256[3]))) private _evidence;
    mapping(bytes32 action => uint256) private _calls;

    constructor(IReputationLedger reputation, uint256 start) {
        REPUTATION = reputation;
        ORACLE = reputation.oracle();
        LEDGER = reputation.ledger();
        time = start;
    }

    /* FOR THE INVARIANTS */

    /// @notice Sum of the posted evidence of an outcome.
    function evidenceOf(
        uint32 cloud,
        uint32 month,
        uint32 counterparty,
        Outcome outcome
    ) external view returns (uint256) {
        return _evidence[cloud][month][counterparty][uint256(outcome)];
    }

    function monthCount() external view returns (uint256) {
        return months.length;
    }

    function calls(string calldata action) external view returns (uint256) {
        return _calls[keccak256(bytes(action))];
    }

    /* WHAT HAPPENS */

    /// @notice A VM of its home goes to another cloud, or does not.
    function move(uint256 seed) external {
        if (_facts.length >= MOST_FACTS) return;
        _pass(1);
        (uint32 home, uint32 destination) = _two(seed);
        VmId vm = _register(home);
        Move memory document = Move({
            agreement: _agreement(vm, home, destination, seed),
            startBy: _ms(time + 2 hours),
            completeBy: _ms(time + 10 hours)
        });
        bytes32 id = this.moveId(document);
        uint32 number = LEDGER.agree(document, _signed(address(LEDGER), id, home, destination));
        cheats.prank(accountOf(home));
        LEDGER.start(document);
        _pass(seed % 9 hours);

        if (seed % 3 == 0) return _expire(document, number, home, destination);
        if (seed % 3 == 1) return _abort(document, number, home, destination);
        Handover memory handover = Handover({move: id, releases: new Release[](1), validUntil: _ms(time)});
        handover.releases[0] = Release({vm: vm, stateDigest: bytes32(seed), releasedAt: _ms(time)});
        LEDGER.complete(document, handover, _signed(address(LEDGER), this.handoverId(handover), destination, home));
        _note(abi.encodeCall(REPUTATION.postMove, (vm, 2)), Outcome.Kept, MOVE, home, destination, true);
        _count("complete");
    }

    function _expire(Move memory document, uint32 number, uint32 home, uint32 destination) private {
        _pass(document.completeBy / 1000 + 1 - time);
        LEDGER.expire(document);
        bytes memory data = abi.encodeCall(REPUTATION.postUnfinished, (number, document.agreement));
        _note(data, Outcome.Unfinished, MOVE, home, destination, true);
        _count("expire");
    }

    function _abort(Move memory document, uint32 number, uint32 home, uint32 destination) private {
        cheats.prank(accountOf(destination));
        LEDGER.abort(document, CloudId.wrap(destination), AbortReason.Capacity);
        bytes memory data = abi.encodeCall(REPUTATION.postUnfinished, (number, document.agreement));
        _note(data, Outcome.Unfinished, MOVE, destination, home, false);
        _count("abort");
    }

    /// @notice A VM is hosted for two windows, which are measured and agreed on.
    function host(uint256 seed) external {
        if (_facts.length >= MOST_FACTS) return;
        _pass(1);
        (uint32 home, uint32 at) = _two(seed);
        VmId vm = _register(home);
        Record memory document = Record({agreement: _agreement(vm, home, at, seed), receipts: new Receipt[](1)});
        document.receipts[0] = Receipt({vm: vm, stateDigest: 0, releasedAt: _ms(time), runningAt: _ms(time)});
        LEDGER.record(document, _signed(address(LEDGER), this.recordId(document), home, at));
        ORACLE.openWindows(vm, 2, document.agreement);
        _pass((2 * document.agreement.windowMs) / 1000);
        for (uint32 window = 0; window < 2; ++window) {
            bool isKept = (seed >> (200 + window)) % 2 == 0;
            _agreeOn(vm, window, document.agreement, isKept);
        }
        // Of a stay that still runs, results count a day later; of one that has ended at once.
        if (seed % 2 == 0) _pass(1 days);
        else {
            cheats.prank(accountOf(home));
            LEDGER.stop(vm);
        }
        _count("host");
    }

    function _agreeOn(VmId vm, uint32 window, Agreement memory agreement, bool isKept) private {
        (uint32 home, uint32 at) = (CloudId.unwrap(agreement.home), CloudId.unwrap(agreement.destination));
        SaltedMetrics memory opening = SaltedMetrics({
            values: _metrics(isKept ? 1_000_000 : 1),
            salt: bytes32(uint256(1))
        });
        AgreedReport[] memory reports = new AgreedReport[](1);
        reports[0] = AgreedReport({vm: vm, sequence: 2, window: window, metrics: this.metricsId(opening)});
        ORACLE.reportAgreed(reports, _signed(address(ORACLE), this.reportId(reports[0]), home, at));
        uint256 amount = (uint256(agreement.lines[0].resources.vcpuMilli) * 1000 * agreement.windowMs) / 3_600_000;
        uint32[] memory windows = new uint32[](1);
        SaltedMetrics[] memory openings = new SaltedMetrics[](1);
        (windows[0], openings[0]) = (window, opening);
        bytes memory data = abi.encodeCall(
            REPUTATION.postResults,
            (vm, 2, agreement, _sla(), PRICE, windows, openings)
        );
        uint256 endedAt = LEDGER.stayOf(vm, 2).startedAt + (window + 1) * agreement.windowMs;
        _noteAt(
            Fact({
                call: data,
                outcome: isKept ? Outcome.Kept : Outcome.Broken,
                month: CalendarMonth.monthOf(endedAt - 1),
                amount: amount < CAP ? amount : CAP,
                cloud: at,
                counterparty: home,
                isMutual: false,
                isPosted: false
            })
        );
    }

    function wait(uint256 seed) external {
        _pass(seed % 20 days);
        _count("wait");
    }

    /* POSTING */

    /// @notice Posts a fact, or one that was posted once more.
    function post(uint256 seed) external {
        uint256 count = _facts.length;
        if (count == 0) return;
        _pass(1);
        Fact storage fact = _facts[seed % count];
        cheats.prank(accountOf(1 + uint32(seed % CLOUDS)));
        (bool success, bytes memory reason) = address(REPUTATION).call(fact.call);
        if (fact.isPosted) {
            require(!success, "INV-REP: a fact counted twice");
            return _count("refusal");
        }

        require(success, string.concat("a fact was refused: ", string(reason)));
        fact.isPosted = true;
        _evidence[fact.cloud][fact.month][fact.counterparty][uint256(fact.outcome)] += fact.amount;
        if (fact.isMutual) {
            _evidence[fact.counterparty][fact.month][fact.cloud][uint256(fact.outcome)] += fact.amount;
        }
        if (!_isMonthKnown[fact.month]) {
            _isMonthKnown[fact.month] = true;
            months.push(fact.month);
        }
        _count("post");
    }

    /* HASHES: DOCUMENTS ARE HASHED AS CALLDATA */

    function moveId(Move calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function handoverId(Handover calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function recordId(Record calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function reportId(AgreedReport calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function metricsId(SaltedMetrics calldata metrics) external pure returns (bytes32) {
        return metrics.structHash();
    }

    function slaId(Sla calldata sla) external pure returns (bytes32) {
        return sla.structHash();
    }

    /* HELPERS */

    function accountOf(uint32 cloud) public pure returns (address) {
        return cheats.addr(FIRST_KEY + cloud);
    }

    /// @dev What a move that has just ended says.
    function _note(
        bytes memory data,
        Outcome outcome,
        uint256 amount,
        uint32 cloud,
        uint32 counterparty,
        bool isMutual
    ) private {
        _noteAt(
            Fact({
                call: data,
                outcome: outcome,
                month: CalendarMonth.monthOf(_ms(time)),
                amount: amount,
                cloud: cloud,
                counterparty: counterparty,
                isMutual: isMutual,
                isPosted: false
            })
        );
    }

    function _noteAt(Fact memory fact) private {
        _facts.push(fact);
    }

    function _register(uint32 home) private returns (VmId) {
        bytes32 localId = keccak256(abi.encode("vm", ++_vms));
        Agreement memory empty = _agreement(VmId.wrap(0), home, home, 0);
        cheats.prank(accountOf(home));
        return LEDGER.register(CloudId.wrap(home), localId, empty.lines[0].resources);
    }

    /// @dev A VM that was just registered goes from its home to another cloud.
    function _agreement(
        VmId vm,
        uint32 home,
        uint32 destination,
        uint256 seed
    ) private view returns (Agreement memory agreement) {
        agreement.home = CloudId.wrap(home);
        agreement.source = CloudId.wrap(home);
        agreement.destination = CloudId.wrap(destination);
        agreement.windowMs = _ms(1 hours * (1 + ((seed >> 100) % 40)));
        agreement.noticeMs = _ms(1 hours);
        agreement.agreeBy = _ms(time);
        agreement.salt = keccak256(abi.encode(seed, time));
        agreement.terms = TermsHash.hashWith(PRICE, this.slaId(_sla()));
        agreement.lines = new Line[](1);
        agreement.lines[0].vm = vm;
        agreement.lines[0].nonce = 1;
        agreement.lines[0].resources.vcpuMilli = 1_000 * (1 + uint32((seed >> 150) % 4));
    }

    function _sla() private pure returns (Sla memory sla) {
        sla.thresholds = _metrics(999_000);
        sla.availabilityTiers = new Tier[](0);
        sla.capBps = 10_000;
    }

    function _metrics(uint32 availabilityPpm) private pure returns (Metrics memory metrics) {
        metrics.availabilityPpm = availabilityPpm;
        metrics.measured = 1;
    }

    function _signed(
        address target,
        bytes32 id,
        uint32 first,
        uint32 second
    ) private view returns (bytes[] memory signatures) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("BlockchainBus"),
                keccak256("1"),
                block.chainid,
                target
            )
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, id));
        signatures = new bytes[](2);
        for (uint256 i = 0; i < 2; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = cheats.sign(FIRST_KEY + (i == 0 ? first : second), digest);
            signatures[i] = abi.encodePacked(r, s, v);
        }
    }

    function _two(uint256 seed) private pure returns (uint32 one, uint32 other) {
        one = 1 + uint32((seed >> 8) % CLOUDS);
        other = 1 + uint32((seed >> 16) % (CLOUDS - 1));
        if (other >= one) ++other;
    }

    function _pass(uint256 duration) private {
        time += duration;
        cheats.warp(time);
    }

    function _count(string memory action) private {
        ++_calls[keccak256(bytes(action))];
    }

    function _ms(uint256 moment) private pure returns (uint64) {
        return uint64(moment * 1000);
    }
}
