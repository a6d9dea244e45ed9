// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Agreement, Line} from "../documents/Agreement.sol";
import {JointSettlement} from "../documents/JointSettlement.sol";
import {Metrics} from "../documents/Metrics.sol";
import {Note} from "../documents/Note.sol";
import {Price} from "../documents/Price.sol";
import {Resources} from "../documents/Resources.sol";
import {SaltedMetrics} from "../documents/SaltedMetrics.sol";
import {Sla} from "../documents/Sla.sol";
import {TermsHash} from "../documents/Terms.sol";
import {IMigrationLedger, StayFacts} from "../ledger/IMigrationLedger.sol";
import {ISlaOracle, ResultState} from "../oracle/ISlaOracle.sol";
import {SlaRules} from "../oracle/SlaRules.sol";
import {AgentScope} from "../registry/AgentScope.sol";
import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {Currencies, Currency} from "../types/Currency.sol";
import {VmId} from "../types/VmId.sol";
import {Accrual} from "./Accrual.sol";
import {IChargingLedger, StayAccount} from "./IChargingLedger.sol";
import {NoteReason} from "./NoteReason.sol";

/// @title ChargingLedger
/// @dev What is booked of a stay is never stored as an amount: it follows from two times that only grow, and from the
/// stay's end. So the order of settlements and notes cannot matter. Nothing here loops over storage, nothing is restricted.
contract ChargingLedger is IChargingLedger, EIP712 {
    /// @dev What a stay costs, as its agreement and its price say.
    struct Tariff {
        uint256 rate;
        Currency currency;
    }

    /// @dev A window in which it counts: begin, end, and up to where notes have replaced the charge.
    struct Span {
        uint48 from;
        uint48 to;
        uint48 replacedThrough;
    }

    uint256 private constant MAX_NOTES = 16;
    uint256 private constant SIGNATURES_PER_NOTE = 2;
    Currency private constant UNKNOWN = Currency.wrap(0);

    ISlaOracle private immutable ORACLE;
    IMigrationLedger private immutable LEDGER;
    ICloudRegistry private immutable REGISTRY;

    /// @dev What the cloud with the higher id owes the one with the lower.
    mapping(CloudId lower => mapping(CloudId higher => mapping(Currency currency => int256))) private _balances;
    mapping(VmId vm => mapping(uint32 sequence => StayAccount)) private _accounts;
    mapping(VmId vm => mapping(uint32 sequence => mapping(uint32 window => uint96))) private _credits;
    /// @dev 1 for a posted note, plus 2 for each cloud that withdrew: one slot tells that there is nothing to look at.
    mapping(bytes32 document => uint256) private _documents;
    mapping(CloudId cloud => mapping(bytes32 document => bool)) private _withdrawn;
    mapping(CloudId creditor => mapping(bytes32 payment => bool)) private _payments;

    /// @notice Ties the ledger to an oracle, and by it to a migration ledger and a registry, for good.
    /// @param oracle_ The oracle.
    constructor(ISlaOracle oracle_) EIP712("BlockchainBus", "1") {
        ORACLE = oracle_;
        LEDGER = oracle_.ledger();
        REGISTRY = LEDGER.registry();
    }

    /* CHARGES */

    /// @inheritdoc IChargingLedger
    function settle(
        VmId vm,
        uint32 sequence,
        uint64 to,
        CloudId by,
        Agreement calldata agreement,
        Price calldata price,
        bytes32 sla
    ) external {
        StayFacts memory stay = _chargeable(vm, sequence);
        _requireParty(vm, sequence, stay, by);
        Tariff memory tariff = _tariff(vm, stay, agreement, price, sla);
        require(price.settlement == 0, ChargingLedger_JointOnly(vm, sequence));

        _settle(vm, sequence, to, stay, tariff);
    }

    /// @inheritdoc IChargingLedger
    function settleJointly(
        JointSettlement calldata document,
        Agreement calldata agreement,
        Price calldata price,
        bytes32 sla,
        bytes[] calldata signatures
    ) external {
        (VmId vm, uint32 sequence) = (document.vm, document.sequence);
        StayFacts memory stay = _chargeable(vm, sequence);
        Tariff memory tariff = _tariff(vm, stay, agreement, price, sla);
        _requireNotPast(document.validUntil);
        require(signatures.length == 2, ChargingLedger_SignatureCount(2, signatures.length));
        bytes32 id = document.structHash();
        bytes32 digest = _hashTypedDataV4(id);
        bool isWithdrawnBySome = _documents[id] > 1;
        _requireSignature(stay.home, AgentScope.REPORT, id, digest, isWithdrawnBySome, signatures[0]);
        _requireSignature(stay.host, AgentScope.REPORT, id, digest, isWithdrawnBySome, signatures[1]);

        _settle(vm, sequence, document.to, stay, tariff);
    }

    /// @inheritdoc IChargingLedger
    function settleCredit(
        VmId vm,
        uint32 sequence,
        uint32 window,
        CloudId by,
        Agreement calldata agreement,
        Price calldata price,
        Sla calldata sla,
        SaltedMetrics calldata result
    ) external {
        StayFacts memory stay = _chargeable(vm, sequence);
        _requireParty(vm, sequence, stay, by);
        Tariff memory tariff = _tariff(vm, stay, agreement, price, sla.structHash());
        SlaRules.requireWellFormed(sla);
        uint96 booked = _credits[vm][sequence][window];
        Span memory span = _window(vm, sequence, window, stay, agreement.windowMs);
        require(span.from < span.to || booked != 0, ChargingLedger_NoSuchWindow(vm, sequence, window, stay.endedAt));
        uint16 bps;
        uint8 missed;
        // Of a window that is gone or replaced nothing is left to give back, whatever its result.
        if (span.from < span.to && span.replacedThrough < span.to) {
            // Otherwise a joint price would let the home book credits and never sign for the charge.
            uint48 settled = price.settlement == 0 ? span.to : _accounts[vm][sequence].settledThrough;
            require(span.to <= settled, ChargingLedger_NotYetSettled(vm, sequence, window, settled));
            (bps, missed) = _judge(vm, sequence, window, stay, span, sla, result);
        }
        uint96 credit = _creditFor(stay.startedAt, tariff.rate, span, bps);
        if (credit == booked) return;

        int256 amount = int256(uint256(credit)) - int256(uint256(booked));
        _credits[vm][sequence][window] = credit;
        _post(stay.home, stay.host, tariff.currency, amount);

        emit CreditSettled({
            vm: vm,
            creditor: stay.home,
            debtor: stay.host,
            sequence: sequence,
            window: window,
            currency: tariff.currency,
            // Cast is safe: the difference of two amounts of 96 bits.
            amount: int128(amount),
            credit: credit,
            from: span.from,
            to: span.to,
            creditBps: bps,
            missed: missed
        });
    }

    /// @dev A stay that costs something: on another cloud than home.
    function _chargeable(VmId vm, uint32 sequence) private view returns (StayFacts memory stay) {
        stay = LEDGER.stayOf(vm, sequence);
        require(stay.home != stay.host, ChargingLedger_AtHome(vm, sequence));
    }

    function _requireParty(VmId vm, uint32 sequence, StayFacts memory stay, CloudId by) private view {
        require(by == stay.home || by == stay.host, ChargingLedger_NotAParty(vm, sequence, by));
        REGISTRY.requireSender(by, AgentScope.REPORT, NOBODY, NOBODY, msg.sender);
    }

    /// @dev What a stay costs, from documents that must be those of its agreement. A stay on another cloud has one.
    function _tariff(
        VmId vm,
        StayFacts memory stay,
        Agreement calldata agreement,
        Price calldata price,
        bytes32 sla
    ) private pure returns (Tariff memory tariff) {
        bytes32 id = agreement.structHash();
        require(id == stay.agreement, ChargingLedger_WrongAgreement(id, stay.agreement));
        bytes32 terms = TermsHash.hashWith(price.structHash(), sla);
        require(terms == agreement.terms, ChargingLedger_WrongTerms(terms, agreement.terms));
        tariff.rate = Accrual.rateOf(_resourcesOf(vm, agreement), price.rates);
        tariff.currency = Currencies.parse(price.currency);
    }

    /// @dev The VM has a line in the agreement of its stay: the ledger began the stay by it.
    function _resourcesOf(VmId vm, Agreement calldata agreement) private pure returns (Resources calldata) {
        Line[] calldata lines = agreement.lines;
        uint256 i = 0;
        while (lines[i].vm != vm) ++i;
        return lines[i].resources;
    }

    function _settle(VmId vm, uint32 sequence, uint64 to, StayFacts memory stay, Tariff memory tariff) private {
        require(to > stay.startedAt, ChargingLedger_BeforeStay(vm, sequence, to, stay.startedAt));
        require(to <= _nowMs(), ChargingLedger_InFuture(to, _nowMs()));
        StayAccount memory account = _accounts[vm][sequence];
        // Cast is safe: a stay's rate has 98 bits.
        account.rate = uint104(tariff.rate);
        account.currency = tariff.currency;
        // Cast is safe: not after now.
        _advance(vm, sequence, stay, account, uint48(to), account.replacedThrough);
    }

    /// @dev Moves the two times of a stay forward, and back to its end where that was moved; posts what that changes.
    /// @param account As stored, with rate and currency.
    function _advance(
        VmId vm,
        uint32 sequence,
        StayFacts memory stay,
        StayAccount memory account,
        uint48 to,
        uint48 replacedThrough
    ) private {
        uint48 through = account.settledThrough > to ? account.settledThrough : to;
        if (stay.endedAt != 0 && through > stay.endedAt) through = stay.endedAt;
        if (through == account.settledThrough && replacedThrough == account.replacedThrough) return;

        int256 amount = -int256(uint256(_postedFor(stay.startedAt, account)));
        account.settledThrough = through;
        account.replacedThrough = replacedThrough;
        amount += int256(uint256(_postedFor(stay.startedAt, account)));
        _accounts[vm][sequence] = account;
        _post(stay.host, stay.home, account.currency, amount);

        emit StaySettled({
            vm: vm,
            creditor: stay.host,
            debtor: stay.home,
            sequence: sequence,
            currency: account.currency,
            // Cast is safe: the difference of two amounts of 96 bits.
            amount: int128(amount),
            startedAt: stay.startedAt,
            settledThrough: through,
            replacedThrough: replacedThrough,
            rate: account.rate
        });
    }

    /// @dev What is booked of a stay's charge: all up to `settledThrough` but what is replaced.
    function _postedFor(uint48 startedAt, StayAccount memory account) private pure returns (uint96) {
        if (account.settledThrough <= account.replacedThrough) return 0;
        return _chargeOf(startedAt, account.rate, account.replacedThrough, account.settledThrough);
    }

    /// @dev What an interval of a stay costs.
    function _chargeOf(uint48 startedAt, uint256 rate, uint48 from, uint48 to) private pure returns (uint96) {
        uint96 before = from > startedAt ? Accrual.accrued(rate, from - startedAt) : 0;
        return Accrual.accrued(rate, to - startedAt) - before;
    }

    /* CREDITS */

    /// @dev A window, cut at the stay's end; empty if the end was moved before it. Reverts while it lasts.
    function _window(
        VmId vm,
        uint32 sequence,
        uint32 window,
        StayFacts memory stay,
        uint64 windowMs
    ) private view returns (Span memory span) {
        uint256 from = stay.startedAt + uint256(window) * windowMs;
        uint256 to = from + windowMs;
        uint256 end = stay.endedAt;
        if (end != 0) {
            if (to > end) to = end;
            if (from > end) from = end;
        }
        require(to <= _nowMs(), ChargingLedger_WindowNotOver(vm, sequence, window, to));
        // Casts are safe: not after now.
        span.from = uint48(from);
        span.to = uint48(to);
        span.replacedThrough = _accounts[vm][sequence].replacedThrough;
    }

    function _judge(
        VmId vm,
        uint32 sequence,
        uint32 window,
        StayFacts memory stay,
        Span memory span,
        Sla calldata sla,
        SaltedMetrics calldata result
    ) private view returns (uint16 bps, uint8 missed) {
        uint48 excess = window == 0 ? SlaRules.pauseExcess(sla.pauseBudgetMs, stay) : 0;
        Metrics memory metrics;
        // A pause is known from the ledger, whether there is a result or not.
        if (excess == 0 || !_isWithoutResult(vm, sequence, window)) {
            ORACLE.requireFinal(vm, sequence, window, result);
            metrics = result.values;
        }
        return SlaRules.judge(sla, SlaRules.withPause(metrics, excess, span.to - span.from));
    }

    function _isWithoutResult(VmId vm, uint32 sequence, uint32 window) private view returns (bool) {
        ResultState state = ORACLE.resultOf(vm, sequence, window).state;
        return state == ResultState.None || state == ResultState.Disputed;
    }

    /// @dev A share of what a window costs that no note has replaced, rounded down.
    function _creditFor(uint48 startedAt, uint256 rate, Span memory span, uint16 bps) private pure returns (uint96) {
        uint48 from = span.from > span.replacedThrough ? span.from : span.replacedThrough;
        if (bps == 0 || from >= span.to) return 0;
        uint256 charge = _chargeOf(startedAt, rate, from, span.to);
        // Cast is safe: a share of a charge is not above it.
        return uint96((charge * bps) / SlaRules.MAX_BPS);
    }

    /* NOTES */

    /// @inheritdoc IChargingLedger
    function postNotes(Note[] calldata notes, bytes[] calldata signatures) external {
        uint256 count = notes.length;
        require(count != 0 && count <= MAX_NOTES, ChargingLedger_NoteCount(count));
        require(
            signatures.length == count * SIGNATURES_PER_NOTE,
            ChargingLedger_SignatureCount(count * SIGNATURES_PER_NOTE, signatures.length)
        );
        bytes32 round = _roundOf(notes);
        for (uint256 i = 0; i < count; ++i) {
            _postNote(notes[i], round, signatures[i * SIGNATURES_PER_NOTE], signatures[i * SIGNATURES_PER_NOTE + 1]);
        }
    }

    /// @inheritdoc IChargingLedger
    function withdrawSignature(CloudId cloud, bytes32 document) external {
        REGISTRY.requireSender(cloud, AgentScope.REPORT, NOBODY, NOBODY, msg.sender);
        if (_withdrawn[cloud][document]) return;

        _withdrawn[cloud][document] = true;
        _documents[document] += 2;

        emit SignatureWithdrawn({cloud: cloud, document: document});
    }

    /// @dev Hash of all notes of a call; zero where none is part of a netting.
    function _roundOf(Note[] calldata notes) private pure returns (bytes32) {
        bool isNetting = false;
        for (uint256 i = 0; i < notes.length; ++i) {
            if (notes[i].reason == NoteReason.NETTING) isNetting = true;
        }
        if (!isNetting) return 0;
        bytes32[] memory hashes = new bytes32[](notes.length);
        for (uint256 i = 0; i < notes.length; ++i) hashes[i] = notes[i].hashWith(0);
        return keccak256(abi.encodePacked(hashes));
    }

    function _postNote(
        Note calldata note,
        bytes32 round,
        bytes calldata creditorSignature,
        bytes calldata debtorSignature
    ) private {
        bytes32 id = note.structHash();
        (CloudId creditor, CloudId debtor) = (note.creditor, note.debtor);
        require(creditor != debtor, ChargingLedger_SameCloud(creditor));
        require(note.amount != 0, ChargingLedger_NoAmount());
        Currency currency = Currencies.parse(note.currency);
        require(
            note.reason != NoteReason.NETTING || note.refersTo == round,
            ChargingLedger_NotItsRound(id, note.refersTo, round)
        );
        uint256 known = _documents[id];
        require(known & 1 == 0, ChargingLedger_NoteAlreadyPosted(id));
        _requireNotPast(note.validUntil);
        bytes32 digest = _hashTypedDataV4(id);
        _requireSignature(creditor, 0, id, digest, known != 0, creditorSignature);
        _requireSignature(debtor, 0, id, digest, known != 0, debtorSignature);

        _documents[id] = known + 1;
        _post(creditor, debtor, currency, int256(uint256(note.amount)));

        emit NotePosted({
            note: id,
            creditor: creditor,
            debtor: debtor,
            currency: currency,
            amount: note.amount,
            refersTo: note.refersTo,
            vm: note.vm,
            sequence: note.sequence,
            through: note.through,
            reason: note.reason
        });
        if (VmId.unwrap(note.vm) != 0 || note.sequence != 0 || note.through != 0) _replace(note);
    }

    /// @dev The charge of the stay that a note names is replaced up to its time.
    function _replace(Note calldata note) private {
        (VmId vm, uint32 sequence, uint64 through) = (note.vm, note.sequence, note.through);
        require(
            VmId.unwrap(vm) != 0 && sequence != 0 && through != 0,
            ChargingLedger_StayHalfNamed(vm, sequence, through)
        );
        StayFacts memory stay = _chargeable(vm, sequence);
        bool isTheirs =
            (note.creditor == stay.host && note.debtor == stay.home) ||
                (note.creditor == stay.home && note.debtor == stay.host);
        require(isTheirs, ChargingLedger_NotTheirStay(vm, sequence, stay.home, stay.host));
        uint48 latest = stay.endedAt == 0 ? _nowMs() : stay.endedAt;
        require(
            through > stay.startedAt && through <= latest,
            ChargingLedger_OutsideStay(vm, sequence, through, stay.startedAt, latest)
        );
        StayAccount memory account = _accounts[vm][sequence];
        // Cast is safe: not after the stay's end, or now.
        uint48 replaced = uint48(through);
        if (replaced <= account.replacedThrough) replaced = account.replacedThrough;

        if (account.currency == UNKNOWN) _accounts[vm][sequence].replacedThrough = replaced;
        else _advance(vm, sequence, stay, account, account.settledThrough, replaced);
    }

    /* PAYMENTS */

    /// @inheritdoc IChargingLedger
    function acknowledge(
        CloudId creditor,
        CloudId debtor,
        string calldata currency,
        uint96 amount,
        bytes32 payment
    ) external {
        REGISTRY.requireAccount(creditor, msg.sender);
        require(creditor != debtor, ChargingLedger_SameCloud(creditor));
        require(REGISTRY.statusOf(debtor) != CloudStatus.None, ChargingLedger_UnknownCloud(debtor));
        require(amount != 0, ChargingLedger_NoAmount());
        require(payment != 0, ChargingLedger_NoPaymentReference());
        require(!_payments[creditor][payment], ChargingLedger_AlreadyAcknowledged(creditor, payment));
        Currency parsed = Currencies.parse(currency);

        _payments[creditor][payment] = true;
        _post(creditor, debtor, parsed, -int256(uint256(amount)));

        emit PaymentAcknowledged({
            creditor: creditor,
            debtor: debtor,
            payment: payment,
            currency: parsed,
            amount: amount
        });
    }

    /* QUESTIONS */

    /// @inheritdoc IChargingLedger
    function balanceOf(CloudId creditor, CloudId debtor, Currency currency) external view returns (int256) {
        if (_isLower(creditor, debtor)) return _balances[creditor][debtor][currency];
        return -_balances[debtor][creditor][currency];
    }

    /// @inheritdoc IChargingLedger
    function chargeOf(VmId vm, uint32 sequence) external view returns (StayAccount memory account, uint96 posted) {
        account = _accounts[vm][sequence];
        if (account.currency != UNKNOWN) posted = _postedFor(LEDGER.stayOf(vm, sequence).startedAt, account);
    }

    /// @inheritdoc IChargingLedger
    function creditOf(VmId vm, uint32 sequence, uint32 window) external view returns (uint96) {
        return _credits[vm][sequence][window];
    }

    /// @inheritdoc IChargingLedger
    function isPosted(bytes32 note) external view returns (bool) {
        return _documents[note] & 1 != 0;
    }

    /// @inheritdoc IChargingLedger
    function isWithdrawn(CloudId cloud, bytes32 document) external view returns (bool) {
        return _withdrawn[cloud][document];
    }

    /// @inheritdoc IChargingLedger
    function isAcknowledged(CloudId creditor, bytes32 payment) external view returns (bool) {
        return _payments[creditor][payment];
    }

    /// @inheritdoc IChargingLedger
    function oracle() external view returns (ISlaOracle) {
        return ORACLE;
    }

    /// @inheritdoc IChargingLedger
    function ledger() external view returns (IMigrationLedger) {
        return LEDGER;
    }

    /// @inheritdoc IChargingLedger
    function registry() external view returns (ICloudRegistry) {
        return REGISTRY;
    }

    /* BOOKS */

    /// @dev The debtor owes the creditor more from now on, or less: one number for the two, so that what one is owed the
    /// other owes.
    function _post(CloudId creditor, CloudId debtor, Currency currency, int256 amount) private {
        if (amount == 0) return;
        if (_isLower(creditor, debtor)) _balances[creditor][debtor][currency] += amount;
        else _balances[debtor][creditor][currency] -= amount;
    }

    function _isLower(CloudId a, CloudId b) private pure returns (bool) {
        return CloudId.unwrap(a) < CloudId.unwrap(b);
    }

    /* SIGNATURES */

    function _requireSignature(
        CloudId cloud,
        uint8 scope,
        bytes32 document,
        bytes32 digest,
        bool isWithdrawnBySome,
        bytes calldata signature
    ) private view {
        if (isWithdrawnBySome) require(!_withdrawn[cloud][document], ChargingLedger_Withdrawn(cloud, document));
        REGISTRY.requireSignature(cloud, scope, NOBODY, NOBODY, digest, signature);
    }

    /* TIME */

    /// @dev Cast is safe: uint48 milliseconds reach the year 10889.
    function _nowMs() private view returns (uint48) {
        return uint48(block.timestamp * 1000);
    }

    function _requireNotPast(uint64 deadline) private view {
        require(_nowMs() <= deadline, ChargingLedger_TooLate(deadline, _nowMs()));
    }
}
