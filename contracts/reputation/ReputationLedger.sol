// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {Agreement} from "../documents/Agreement.sol";
import {Metrics} from "../documents/Metrics.sol";
import {SaltedMetrics} from "../documents/SaltedMetrics.sol";
import {Sla} from "../documents/Sla.sol";
import {TermsHash} from "../documents/Terms.sol";
import {
    DocumentKind,
    IMigrationLedger,
    MoveOutcome,
    Stay,
    StayFacts,
    Vm,
    VmState
} from "../ledger/IMigrationLedger.sol";
import {ISlaOracle} from "../oracle/ISlaOracle.sol";
import {SlaRules} from "../oracle/SlaRules.sol";
import {CloudId} from "../types/CloudId.sol";
import {ResourceVector, ResourceVectors} from "../types/ResourceVector.sol";
import {VmId} from "../types/VmId.sol";
import {BetaReputation} from "./BetaReputation.sol";
import {CalendarMonth} from "./CalendarMonth.sol";
import {Evidence} from "./Evidence.sol";
import {EvidenceWeights, IReputationLedger, MonthRecord, ReputationRules} from "./IReputationLedger.sol";
import {ReputationRulesLimits} from "./ReputationRulesLimits.sol";

/// @title Reputation ledger
/// @notice What clouds kept and broke of what they promised each other, by calendar month, and what follows from it.
contract ReputationLedger is AccessManaged, IReputationLedger {
    using BitMaps for BitMaps.BitMap;
    using Checkpoints for Checkpoints.Trace224;

    /// @dev Results of one stay that are being posted: what they have in common, and the sum of those of one month.
    struct Posting {
        VmId vm;
        uint32 sequence;
        CloudId host;
        CloudId home;
        uint256 settled;
        uint48 pauseExcess;
        ResourceVector resources;
        uint32 month;
        ReputationRules rules;
        uint256 weight;
        Evidence sum;
    }

    uint256 private constant MAX_RESULTS = 64;
    uint256 private constant HOUR_MS = 1 hours * 1000;

    /// @dev Hard limit of the migration ledger's tolerance: no record ends a stay longer ago.
    uint256 private constant TOLERANCE_MS = 24 hours * 1000;

    ISlaOracle private immutable ORACLE;
    IMigrationLedger private immutable LEDGER;
    IReputationLedger private immutable PREDECESSOR;

    /// @dev First month of each set of rules to its place in `_rules`.
    Checkpoints.Trace224 private _rulesFrom;
    ReputationRules[] private _rules;

    mapping(VmId vm => mapping(uint32 sequence => BitMaps.BitMap windows)) private _postedResults;
    mapping(uint32 number => bool) private _isMovePosted;
    mapping(CloudId cloud => mapping(uint32 month => MonthRecord)) private _months;
    mapping(CloudId cloud => mapping(uint32 month => mapping(CloudId counterparty => Evidence))) private _evidence;

    /// @param authority The AccessManager.
    /// @param oracle_ The oracle that knows the results, and with it the migration ledger.
    /// @param predecessor_ The reputation ledger of the migration ledger before, or zero.
    /// @param initial Governed rules at the start.
    constructor(
        address authority,
        ISlaOracle oracle_,
        IReputationLedger predecessor_,
        ReputationRules memory initial
    ) AccessManaged(authority) {
        ORACLE = oracle_;
        LEDGER = oracle_.ledger();
        PREDECESSOR = predecessor_;
        if (address(predecessor_) != address(0)) {
            address expected = address(LEDGER.predecessor());
            address found = address(predecessor_.ledger());
            require(expected == found, ReputationLedger_WrongPredecessor(expected, found));
        }
        _setRules(0, initial);
    }

    /* FACTS */

    /// @inheritdoc IReputationLedger
    function postResults(
        VmId vm,
        uint32 sequence,
        Agreement calldata agreement,
        Sla calldata sla,
        bytes32 price,
        uint32[] calldata windows,
        SaltedMetrics[] calldata openings
    ) external {
        uint256 count = windows.length;
        require(count != 0 && count <= MAX_RESULTS, ReputationLedger_ResultCount(count, MAX_RESULTS));
        require(openings.length == count, ReputationLedger_OpeningCount(count, openings.length));
        StayFacts memory stay = LEDGER.stayOf(vm, sequence);
        _requireAgreement(stay.agreement, agreement);
        bytes32 terms = TermsHash.hashWith(price, sla.structHash());
        require(terms == agreement.terms, ReputationLedger_OtherTerms(agreement.terms, terms));
        SlaRules.requireWellFormed(sla);

        Posting memory posting;
        posting.vm = vm;
        posting.sequence = sequence;
        posting.host = stay.host;
        posting.home = stay.home;
        posting.settled = stay.endedAt == 0 ? _settled(vm) : type(uint256).max;
        posting.pauseExcess = SlaRules.pauseExcess(sla.pauseBudgetMs, stay);
        posting.resources = _resourcesOf(vm, agreement);
        for (uint256 i = 0; i < count; ++i) _takeResult(posting, windows[i], sla, openings[i]);
        _addResults(posting);
    }

    function _takeResult(
        Posting memory posting,
        uint32 window,
        Sla calldata sla,
        SaltedMetrics calldata opening
    ) private {
        (VmId vm, uint32 sequence) = (posting.vm, posting.sequence);
        BitMaps.BitMap storage posted = _postedResults[vm][sequence];
        require(!posted.get(window), ReputationLedger_ResultKnown(vm, sequence, window));
        ORACLE.requireFinal(vm, sequence, window, opening);
        (uint48 from, uint48 to) = ORACLE.windowOf(vm, sequence, window);
        require(to <= posting.settled, ReputationLedger_NotSettled(vm, sequence, window, to, posting.settled));

        Metrics memory metrics = opening.values;
        if (window == 0) metrics = SlaRules.withPause(metrics, posting.pauseExcess, to - from);
        (uint32 promised, uint32 measured) = (sla.thresholds.measured, metrics.measured);
        require(promised & measured != 0, ReputationLedger_NothingJudged(vm, sequence, window, promised, measured));
        uint8 missed = SlaRules.missedOf(sla.thresholds, metrics);
        // A window ends with the last millisecond that belongs to it.
        _turnTo(posting, CalendarMonth.monthOf(to - 1));
        uint256 amount = (posting.weight * (to - from)) / HOUR_MS;
        require(amount != 0, ReputationLedger_NoEvidence(vm, sequence, window));

        posted.set(window);
        uint80 counted = _cut(amount, posting.rules);
        if (missed == 0) posting.sum.kept += counted;
        else posting.sum.broken += counted;

        emit ResultPosted({vm: vm, sequence: sequence, window: window, missed: missed});
    }

    /// @dev Goes on with results of a month, whose rules hold. Windows mostly come in order: its sum is written once. None
    /// ends in month 0, with which a posting begins.
    function _turnTo(Posting memory posting, uint32 month) private {
        if (month == posting.month) return;
        _addResults(posting);
        posting.month = month;
        posting.rules = _rulesOf(month);
        posting.weight = _weightOf(posting.resources, posting.rules.weights);
        posting.sum = Evidence({kept: 0, broken: 0, unfinished: 0});
    }

    function _addResults(Posting memory posting) private {
        if (posting.sum.total() == 0) return;
        _add(posting.host, posting.home, posting.month, posting.sum, posting.rules);
    }

    /// @dev Up to when a running stay cannot be changed any more, in milliseconds. Its end may still be set back: by a
    /// record up to the tolerance, by the completion of a started move to when it started, by an evacuation to when the
    /// loss was declared. What a window weighs, and whether a pause spoils it, depends on its end; a fact must not depend
    /// on when it is posted.
    function _settled(VmId vm) private view returns (uint256 settled) {
        (Vm memory found, ) = LEDGER.vmOf(vm);
        settled = block.timestamp * 1000 - TOLERANCE_MS;
        if (found.state == VmState.Started || (found.state == VmState.Abroad && found.mark != 0)) {
            settled = Math.min(settled, uint256(found.mark) * 1000);
        }
    }

    function _resourcesOf(VmId vm, Agreement calldata agreement) private pure returns (ResourceVector) {
        // The agreement of a stay has a line for its VM.
        uint256 i = 0;
        while (agreement.lines[i].vm != vm) ++i;
        return ResourceVectors.pack(agreement.lines[i].resources);
    }

    /// @dev What resources weigh, in millionths of a resource.
    function _weightOf(ResourceVector resources, EvidenceWeights memory weights) private pure returns (uint256) {
        uint64[8] memory rates = [
            uint64(weights.vcpuMilli),
            weights.memoryMiB,
            weights.storageGiB,
            weights.diskIops,
            weights.networkMbps,
            weights.gpus,
            weights.spare1,
            weights.spare2
        ];
        return resources.weightedSum(rates);
    }

    function _requireAgreement(bytes32 expected, Agreement calldata agreement) private pure {
        bytes32 given = agreement.structHash();
        require(expected == given, ReputationLedger_OtherAgreement(expected, given));
    }

    /// @inheritdoc IReputationLedger
    function postMove(VmId vm, uint32 sequence) external {
        Stay memory stay = LEDGER.stays(vm, sequence, 1)[0];
        require(stay.kind == DocumentKind.Move, ReputationLedger_NotAMove(vm, sequence));
        _requireNewMove(stay.agreement);
        // A move ends a stay on the same ledger: there is one before.
        CloudId source = LEDGER.stayOf(vm, sequence - 1).host;
        uint32 month = CalendarMonth.monthOf(stay.startedAt);
        ReputationRules memory rules = _rulesOf(month);

        _isMovePosted[stay.agreement] = true;
        Evidence memory added = Evidence({kept: _moveAmount(rules), broken: 0, unfinished: 0});
        _add(source, stay.host, month, added, rules);
        _add(stay.host, source, month, added, rules);

        emit MovePosted({number: stay.agreement, source: source, destination: stay.host});
    }

    /// @inheritdoc IReputationLedger
    function postUnfinished(uint32 number, Agreement calldata agreement) external {
        _requireAgreement(LEDGER.agreementAt(number), agreement);
        MoveOutcome memory outcome = LEDGER.outcomeOf(number);
        require(outcome.unfinishedA.isSet() || outcome.unfinishedB.isSet(), ReputationLedger_NotUnfinished(number));
        _requireNewMove(number);

        _isMovePosted[number] = true;
        _addUnfinished(outcome.unfinishedA, agreement, outcome.endedAt);
        _addUnfinished(outcome.unfinishedB, agreement, outcome.endedAt);

        emit UnfinishedPosted(number);
    }

    function _requireNewMove(uint32 number) private view {
        require(!_isMovePosted[number], ReputationLedger_MoveKnown(number));
    }

    /// @dev Unfinished for a cloud, if it is one.
    /// @param endedAt When the move ended, in seconds.
    function _addUnfinished(CloudId cloud, Agreement calldata agreement, uint256 endedAt) private {
        if (!cloud.isSet()) return;
        CloudId counterparty = cloud == agreement.destination ? agreement.source : agreement.destination;
        uint32 month = CalendarMonth.monthOf(endedAt * 1000);
        ReputationRules memory rules = _rulesOf(month);
        Evidence memory added = Evidence({kept: 0, broken: 0, unfinished: _moveAmount(rules)});
        _add(cloud, counterparty, month, added, rules);
    }

    /// @dev What a move counts for.
    function _moveAmount(ReputationRules memory rules) private pure returns (uint80) {
        return _cut(rules.moveHours * BetaReputation.UNIT, rules);
    }

    /// @dev A fact counts for the cap at most: 10**12, so that 2**40 facts fit into a field.
    function _cut(uint256 amount, ReputationRules memory rules) private pure returns (uint80) {
        return uint80(Math.min(amount, rules.capHours * BetaReputation.UNIT));
    }

    /// @dev Adds evidence to a cloud's month. The month holds the sum of its counterparties, each scaled to the cap, and
    /// the largest of them: both follow from the sums of the evidence alone, so the order of the facts does not matter.
    function _add(
        CloudId cloud,
        CloudId counterparty,
        uint32 month,
        Evidence memory added,
        ReputationRules memory rules
    ) private {
        uint256 cap = rules.capHours * BetaReputation.UNIT;
        Evidence memory before = _evidence[cloud][month][counterparty];
        Evidence memory next = before.plus(added);

        _evidence[cloud][month][counterparty] = next;
        _replace(cloud, counterparty, month, before.scaledTo(cap), next.scaledTo(cap), cap);

        emit EvidenceAdded({cloud: cloud, counterparty: counterparty, month: month, added: added});
    }

    /// @dev Replaces what a counterparty counts for in a cloud's month.
    function _replace(
        CloudId cloud,
        CloudId counterparty,
        uint32 month,
        Evidence memory before,
        Evidence memory next,
        uint256 cap
    ) private {
        MonthRecord memory sum = _months[cloud][month];
        Evidence memory all = _sumOf(sum).minus(before).plus(next);
        // Casts are safe: fewer than 2**32 counterparties count for at most 10**12 each, together less than 2**72.
        sum.kept = uint72(all.kept);
        sum.broken = uint72(all.broken);
        sum.unfinished = uint72(all.unfinished);
        if (sum.largest != counterparty) {
            uint256 largest = _evidence[cloud][month][sum.largest].scaledTo(cap).total();
            uint256 own = next.total();
            // Only this counterparty grew: it is the largest, or that is the same as before.
            if (own > largest || (own == largest && CloudId.unwrap(counterparty) < CloudId.unwrap(sum.largest))) {
                sum.largest = counterparty;
            }
        }
        _months[cloud][month] = sum;
    }

    function _sumOf(MonthRecord memory sum) private pure returns (Evidence memory) {
        return Evidence({kept: sum.kept, broken: sum.broken, unfinished: sum.unfinished});
    }

    /* GOVERNANCE */

    /// @inheritdoc IReputationLedger
    function setReputationRules(ReputationRules calldata rules) external restricted {
        _setRules(currentMonth() + 1, rules);
    }

    function _setRules(uint32 fromMonth, ReputationRules memory rules) private {
        ReputationRulesLimits.requireWithinLimits(rules);

        _rulesFrom.push(fromMonth, uint224(_rules.length));
        _rules.push(rules);

        emit ReputationRulesSet({fromMonth: fromMonth, rules: rules});
    }

    /* QUESTIONS */

    /// @inheritdoc IReputationLedger
    function scoreOf(CloudId cloud) external view returns (uint256) {
        (uint256 kept, uint256 lost) = _decayed(cloud);
        return BetaReputation.score(kept, lost);
    }

    /// @inheritdoc IReputationLedger
    function confidenceOf(CloudId cloud) external view returns (uint256) {
        (uint256 kept, uint256 lost) = _decayed(cloud);
        return BetaReputation.confidence(kept + lost, _rulesOf(currentMonth()).confidenceHours);
    }

    /// @dev What counts of the last 24 months, each weighed by its age.
    function _decayed(CloudId cloud) private view returns (uint256 kept, uint256 lost) {
        uint32 month = currentMonth();
        for (uint32 age = 0; age < BetaReputation.MONTHS; ++age) {
            Evidence memory counted = countedOf(cloud, month - age);
            uint256 weight = BetaReputation.weightOf(age);
            kept += weight * counted.kept;
            lost += weight * (uint256(counted.broken) + counted.unfinished);
        }
    }

    /// @inheritdoc IReputationLedger
    function countedOf(CloudId cloud, uint32 month) public view returns (Evidence memory counted) {
        MonthRecord memory sum = _months[cloud][month];
        counted = _sumOf(sum);
        if (sum.largest.isSet()) {
            ReputationRules memory rules = _rulesOf(month);
            uint256 cap = rules.capHours * BetaReputation.UNIT;
            Evidence memory largest = _evidence[cloud][month][sum.largest].scaledTo(cap);
            Evidence memory others = counted.minus(largest);
            uint256 limit = others.total() + rules.newcomerHours * BetaReputation.UNIT;
            counted = others.plus(largest.scaledTo(limit));
        }
        if (address(PREDECESSOR) != address(0)) counted = counted.plus(PREDECESSOR.countedOf(cloud, month));
    }

    /// @inheritdoc IReputationLedger
    function monthOf(CloudId cloud, uint32 month) external view returns (MonthRecord memory) {
        return _months[cloud][month];
    }

    /// @inheritdoc IReputationLedger
    function evidenceOf(CloudId cloud, uint32 month, CloudId counterparty) external view returns (Evidence memory) {
        return _evidence[cloud][month][counterparty];
    }

    /// @inheritdoc IReputationLedger
    function isResultPosted(VmId vm, uint32 sequence, uint32 window) external view returns (bool) {
        return _postedResults[vm][sequence].get(window);
    }

    /// @inheritdoc IReputationLedger
    function isMovePosted(uint32 number) external view returns (bool) {
        return _isMovePosted[number];
    }

    /// @inheritdoc IReputationLedger
    function rulesOf(uint32 month) external view returns (ReputationRules memory) {
        return _rulesOf(month);
    }

    function _rulesOf(uint32 month) private view returns (ReputationRules memory) {
        return _rules[_rulesFrom.upperLookupRecent(month)];
    }

    /// @inheritdoc IReputationLedger
    function currentMonth() public view returns (uint32) {
        return CalendarMonth.monthOf(block.timestamp * 1000);
    }

    /// @inheritdoc IReputationLedger
    function oracle() external view returns (ISlaOracle) {
        return ORACLE;
    }

    /// @inheritdoc IReputationLedger
    function ledger() external view returns (IMigrationLedger) {
        return LEDGER;
    }

    /// @inheritdoc IReputationLedger
    function predecessor() external view returns (IReputationLedger) {
        return PREDECESSOR;
    }
}
