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
import {ResourceVectors} from "../types/ResourceVector.sol";
import {VmId} from "../types/VmId.sol";
import {BetaReputation} from "./BetaReputation.sol";
import {CalendarMonth} from "./CalendarMonth.sol";
import {Evidence} from "./Evidence.sol";
import {EvidenceWeights, IReputationLedger, MonthRecord, Outcome, ReputationRules} from "./IReputationLedger.sol";
import {ReputationRulesLimits} from "./ReputationRulesLimits.sol";

/// @title Reputation ledger
/// @notice What clouds kept and broke of what they promised each other, by calendar month, and what follows from it.
contract ReputationLedger is AccessManaged, IReputationLedger {
    using BitMaps for BitMaps.BitMap;
    using Checkpoints for Checkpoints.Trace224;

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
    function postResult(
        VmId vm,
        uint32 sequence,
        uint32 window,
        Agreement calldata agreement,
        Sla calldata sla,
        bytes32 price,
        SaltedMetrics calldata opening
    ) external {
        BitMaps.BitMap storage posted = _postedResults[vm][sequence];
        require(!posted.get(window), ReputationLedger_ResultKnown(vm, sequence, window));
        StayFacts memory stay = LEDGER.stayOf(vm, sequence);
        _requireAgreement(stay.agreement, agreement);
        bytes32 terms = TermsHash.hashWith(price, sla.structHash());
        require(terms == agreement.terms, ReputationLedger_OtherTerms(agreement.terms, terms));
        SlaRules.requireWellFormed(sla);
        ORACLE.requireFinal(vm, sequence, window, opening);
        (uint48 from, uint48 to) = ORACLE.windowOf(vm, sequence, window);
        if (stay.endedAt == 0) _requireSettled(vm, sequence, window, to);

        Metrics memory metrics = opening.values;
        if (window == 0) {
            metrics = SlaRules.withPause(metrics, SlaRules.pauseExcess(sla.pauseBudgetMs, stay), to - from);
        }
        (uint32 promised, uint32 measured) = (sla.thresholds.measured, metrics.measured);
        require(promised & measured != 0, ReputationLedger_NothingJudged(vm, sequence, window, promised, measured));
        uint8 missed = SlaRules.missedOf(sla.thresholds, metrics);
        // A window ends with the last millisecond that belongs to it.
        uint32 month = CalendarMonth.monthOf(to - 1);
        ReputationRules memory rules = _rulesOf(month);
        uint256 amount = (_weightOf(vm, agreement, rules.weights) * (to - from)) / HOUR_MS;
        require(amount != 0, ReputationLedger_NoEvidence(vm, sequence, window));

        posted.set(window);
        _add(stay.host, stay.home, month, missed == 0 ? Outcome.Kept : Outcome.Broken, amount, rules);

        emit ResultPosted({vm: vm, sequence: sequence, window: window, missed: missed});
    }

    /// @dev The end of a running stay may still be set back: by a record up to the tolerance, by the completion of a
    /// started move to when it started, by an evacuation to when the loss was declared. What a window weighs, and whether
    /// a pause spoils it, depends on its end; a fact must not depend on when it is posted.
    function _requireSettled(VmId vm, uint32 sequence, uint32 window, uint48 to) private view {
        (Vm memory found, ) = LEDGER.vmOf(vm);
        uint256 settled = block.timestamp * 1000 - TOLERANCE_MS;
        if (found.state == VmState.Started || (found.state == VmState.Abroad && found.mark != 0)) {
            settled = Math.min(settled, uint256(found.mark) * 1000);
        }
        require(to <= settled, ReputationLedger_NotSettled(vm, sequence, window, to, settled));
    }

    /// @dev What the VM's resources in the agreement weigh, in millionths of a resource.
    function _weightOf(
        VmId vm,
        Agreement calldata agreement,
        EvidenceWeights memory weights
    ) private pure returns (uint256) {
        // The agreement of a stay has a line for its VM.
        uint256 i = 0;
        while (agreement.lines[i].vm != vm) ++i;
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
        return ResourceVectors.pack(agreement.lines[i].resources).weightedSum(rates);
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
        uint256 amount = rules.moveHours * BetaReputation.UNIT;
        _add(source, stay.host, month, Outcome.Kept, amount, rules);
        _add(stay.host, source, month, Outcome.Kept, amount, rules);

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
        _add(cloud, counterparty, month, Outcome.Unfinished, rules.moveHours * BetaReputation.UNIT, rules);
    }

    /// @dev Adds evidence to a cloud's month. The month holds the sum of its counterparties, each scaled to the cap, and
    /// the largest of them: both follow from the sums of the evidence alone, so the order of the facts does not matter.
    function _add(
        CloudId cloud,
        CloudId counterparty,
        uint32 month,
        Outcome outcome,
        uint256 amount,
        ReputationRules memory rules
    ) private {
        uint256 cap = rules.capHours * BetaReputation.UNIT;
        // Cast is safe: the cap is at most 10**12. So 2**40 facts fit into a field.
        uint80 counted = uint80(Math.min(amount, cap));
        Evidence memory before = _evidence[cloud][month][counterparty];
        Evidence memory next = before.plus(_evidenceOf(outcome, counted));

        _evidence[cloud][month][counterparty] = next;
        _replace(cloud, counterparty, month, before.scaledTo(cap), next.scaledTo(cap), cap);

        emit EvidenceAdded({cloud: cloud, counterparty: counterparty, month: month, outcome: outcome, amount: counted});
    }

    function _evidenceOf(Outcome outcome, uint80 amount) private pure returns (Evidence memory evidence) {
        if (outcome == Outcome.Kept) evidence.kept = amount;
        else if (outcome == Outcome.Broken) evidence.broken = amount;
        else evidence.unfinished = amount;
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
