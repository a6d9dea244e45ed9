// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IChargingLedger} from "../../../contracts/charging/IChargingLedger.sol";
import {NoteReason} from "../../../contracts/charging/NoteReason.sol";
import {Agreement, Line} from "../../../contracts/documents/Agreement.sol";
import {JointSettlement} from "../../../contracts/documents/JointSettlement.sol";
import {Metrics} from "../../../contracts/documents/Metrics.sol";
import {Note} from "../../../contracts/documents/Note.sol";
import {Price} from "../../../contracts/documents/Price.sol";
import {Receipt} from "../../../contracts/documents/Receipt.sol";
import {Record} from "../../../contracts/documents/Record.sol";
import {Resources} from "../../../contracts/documents/Resources.sol";
import {SaltedMetrics} from "../../../contracts/documents/SaltedMetrics.sol";
import {Sla, Tier} from "../../../contracts/documents/Sla.sol";
import {TermsHash} from "../../../contracts/documents/Terms.sol";
import {IMigrationLedger, Vm} from "../../../contracts/ledger/IMigrationLedger.sol";
import {OracleStub} from "../../../contracts/mocks/OracleStub.sol";
import {ResultState} from "../../../contracts/oracle/ISlaOracle.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {Currency} from "../../../contracts/types/Currency.sol";
import {VmId} from "../../../contracts/types/VmId.sol";
import {cheats} from "../Cheats.sol";

/// @title Settles, credits, corrects and pays as clouds may, and keeps the books beside in plain numbers
/// @dev Every call is one that must be taken. An action for which there is no stay does nothing.
contract ChargingHandler {
    /// @notice A stay as its acts should have left it. Times are milliseconds from its start.
    struct GhostStay {
        VmId vm;
        uint32 sequence;
        uint32 home;
        uint32 host;
        uint256 startedAt; // milliseconds since the epoch
        uint256 endedAt; // milliseconds since the epoch; zero while it runs
        uint256 rate;
        uint256 settled;
        uint256 replaced;
        bool isKnown;
        bool isJoint;
        bytes documents;
    }

    uint32 public constant CLOUDS = 4;
    uint256 public constant CURRENCIES = 3;
    uint32 public constant WINDOWS = 8;
    uint64 private constant WINDOW_MS = 10 minutes * 1000;
    uint256 private constant TOLERANCE_MS = 15 minutes * 1000;
    uint256 private constant MOST_STAYS = 10;
    uint256 private constant FIRST_KEY = 0xB105;

    IMigrationLedger private immutable LEDGER;
    IChargingLedger private immutable BOOKS;
    OracleStub private immutable ORACLE;
    bytes32 private immutable LEDGER_DOMAIN;
    bytes32 private immutable BOOKS_DOMAIN;

    /// @notice The chain's time, in seconds.
    uint256 public time;

    GhostStay[] private _stays;
    mapping(uint256 stay => mapping(uint32 window => uint256 ppm)) private _availability;
    mapping(uint256 stay => mapping(uint32 window => uint256)) private _credits;
    /// @dev What the second owes the first, from every line as it was posted: both directions are kept.
    mapping(uint32 creditor => mapping(uint32 debtor => mapping(uint256 currency => int256))) private _owed;
    mapping(bytes32 action => uint256) private _calls;
    uint256 private _salts;

    constructor(IMigrationLedger ledger, IChargingLedger books, OracleStub oracle, uint256 start) {
        LEDGER = ledger;
        BOOKS = books;
        ORACLE = oracle;
        time = start;
        LEDGER_DOMAIN = _domainOf(address(ledger));
        BOOKS_DOMAIN = _domainOf(address(books));
    }

    /* FOR THE INVARIANTS */

    function stayCount() external view returns (uint256) {
        return _stays.length;
    }

    function stayAt(uint256 index) external view returns (GhostStay memory) {
        return _stays[index];
    }

    function creditAt(uint256 index, uint32 window) external view returns (uint256) {
        return _credits[index][window];
    }

    function owed(uint32 creditor, uint32 debtor, uint256 currency) external view returns (int256) {
        return _owed[creditor][debtor][currency];
    }

    /// @notice What should be booked of a stay: every unit of it by itself, without the contract's library.
    function chargeAt(uint256 index) public view returns (uint256) {
        GhostStay storage stay = _stays[index];
        if (!stay.isKnown || stay.settled <= stay.replaced) return 0;
        return _cost(stay, stay.settled) - _cost(stay, stay.replaced);
    }

    function calls(string calldata action) external view returns (uint256) {
        return _calls[keccak256(bytes(action))];
    }

    function currencyAt(uint256 index) public pure returns (Currency) {
        return Currency.wrap([bytes3("EUR"), bytes3("USD"), bytes3("JPY")][index]);
    }

    /* ACTIONS */

    function wait(uint256 seed) external {
        _pass(1 + (seed % 20 minutes));
        _count("wait");
    }

    /// @dev A VM goes abroad by a record, with a price of its own.
    function place(uint256 seed) external {
        _pass(1);
        if (_stays.length >= MOST_STAYS) return;
        (uint32 home, uint32 host) = _pair(seed);
        bytes32 localId = keccak256(abi.encode("vm", _stays.length));
        Resources memory resources;
        resources.vcpuMilli = uint32(1 + (seed % 64_000));
        cheats.prank(accountOf(home));
        VmId vm = LEDGER.register(CloudId.wrap(home), localId, resources);
        _pass(1);

        Price memory price;
        price.currency = string(abi.encodePacked(Currency.unwrap(currencyAt(seed % CURRENCIES))));
        price.rates.vcpuMilli = uint64(uint256(keccak256(abi.encode(seed, "rate"))) % 2 ** 40);
        price.settlement = seed % 5 == 0 ? 1 : 0;
        Sla memory sla = _sla();
        Agreement memory agreement = _agreement(vm, home, host, resources, this.termsOf(price, sla));
        _record(agreement, uint64(time * 1000), home, home, host);

        GhostStay storage stay = _stays.push();
        (stay.vm, stay.sequence, stay.home, stay.host) = (vm, 2, home, host);
        (stay.startedAt, stay.isJoint) = (time * 1000, price.settlement == 1);
        stay.rate = uint256(resources.vcpuMilli) * price.rates.vcpuMilli;
        stay.documents = abi.encode(agreement, price, sla);
        _count("place");
    }

    /// @dev It comes home; the record says that it was let go some time ago.
    function bringHome(uint256 seed) external {
        _pass(1);
        (bool isFound, uint256 index) = _pick(seed);
        if (!isFound || _stays[index].endedAt != 0 || seed % 3 != 0) return;
        GhostStay storage stay = _stays[index];
        uint256 back = (seed >> 8) % TOLERANCE_MS;
        uint256 now_ = time * 1000;
        uint256 releasedAt = now_ - back < stay.startedAt ? stay.startedAt : now_ - back;
        (Agreement memory former, , ) = abi.decode(stay.documents, (Agreement, Price, Sla));
        Agreement memory agreement = _agreement(stay.vm, stay.home, stay.home, former.lines[0].resources, former.terms);
        agreement.source = CloudId.wrap(stay.host);
        _record(agreement, uint64(releasedAt), stay.home, stay.host, stay.home);

        stay.endedAt = releasedAt;
        _count("bringHome");
    }

    function settle(uint256 seed) external {
        _pass(1);
        (bool isFound, uint256 index) = _pick(seed);
        if (!isFound) return;
        GhostStay storage stay = _stays[index];
        uint64 to = _momentOf(stay, seed);
        (Agreement memory agreement, Price memory price, Sla memory sla) = _documentsOf(stay);
        if (stay.isJoint || seed % 4 == 0) {
            JointSettlement memory document = JointSettlement({
                vm: stay.vm,
                sequence: stay.sequence,
                to: to,
                validUntil: uint64(time * 1000)
            });
            bytes[] memory signatures = _bothSign(this.jointId(document), stay.home, stay.host);
            BOOKS.settleJointly(document, agreement, price, this.slaHash(sla), signatures);
            _count("settleJointly");
        } else {
            uint32 by = seed % 2 == 0 ? stay.home : stay.host;
            bytes32 hash = this.slaHash(sla);
            cheats.prank(accountOf(by));
            BOOKS.settle(stay.vm, stay.sequence, to, CloudId.wrap(by), agreement, price, hash);
            _count("settle");
        }

        int256 before = int256(chargeAt(index));
        stay.isKnown = true;
        if (to - stay.startedAt > stay.settled) stay.settled = to - stay.startedAt;
        _clip(stay);
        _book(stay.host, stay.home, _currencyOf(stay), int256(chargeAt(index)) - before);
    }

    /// @dev A result is told, or what was told is credited again.
    function settleCredit(uint256 seed) external {
        _pass(1);
        (bool isFound, uint256 index) = _pick(seed);
        if (!isFound) return;
        GhostStay storage stay = _stays[index];
        uint32 window = uint32((seed >> 8) % WINDOWS);
        (uint256 from, uint256 to) = _windowOf(stay, window);
        if (from == to && _credits[index][window] == 0) return;
        if (stay.startedAt + to > time * 1000) return;
        if (stay.isJoint && to > stay.settled && to > stay.replaced) return;
        if (_availability[index][window] == 0) {
            _availability[index][window] = 1 + (uint256(keccak256(abi.encode(seed, "ppm"))) % 1_000_000);
        }
        SaltedMetrics memory result;
        (result.values.availabilityPpm, result.values.measured) = (uint32(_availability[index][window]), 1);
        ORACLE.set(stay.vm, stay.sequence, window, ResultState.Agreed, result.values);
        _sendCredit(stay, window, result);

        int256 before = int256(_credits[index][window]);
        _credits[index][window] = _creditOf(stay, from, to, result.values);
        require(_credits[index][window] <= _unreplaced(stay, from, to), "INV-CREDIT");
        require(BOOKS.creditOf(stay.vm, stay.sequence, window) == _credits[index][window], "INV-CREDIT: booked");
        _book(stay.home, stay.host, _currencyOf(stay), int256(_credits[index][window]) - before);
        _count("settleCredit");
    }

    function replace(uint256 seed) external {
        _pass(1);
        (bool isFound, uint256 index) = _pick(seed);
        if (!isFound) return;
        GhostStay storage stay = _stays[index];
        uint64 through = _momentOf(stay, seed);
        if (stay.endedAt != 0 && through > stay.endedAt) through = uint64(stay.endedAt);
        if (through <= stay.startedAt) return;
        bool isTurned = seed % 7 == 0;
        Note memory note = _note(isTurned ? stay.home : stay.host, isTurned ? stay.host : stay.home, seed);
        (note.vm, note.sequence, note.through) = (stay.vm, stay.sequence, through);
        _postOne(note);

        int256 before = int256(chargeAt(index));
        if (through - stay.startedAt > stay.replaced) stay.replaced = through - stay.startedAt;
        if (stay.isKnown) _clip(stay);
        _book(stay.host, stay.home, _currencyOf(stay), int256(chargeAt(index)) - before);
        _bookNote(note);
        _count("replace");
    }

    function correct(uint256 seed) external {
        _pass(1);
        (uint32 creditor, uint32 debtor) = _pair(seed);
        Note memory note = _note(creditor, debtor, seed);
        _postOne(note);

        _bookNote(note);
        _count("correct");
    }

    /// @dev A round: each cloud owes the next as much more.
    function net(uint256 seed) external {
        _pass(1);
        Note[] memory notes = new Note[](2 + (seed % (CLOUDS - 1)));
        for (uint256 i = 0; i < notes.length; ++i) {
            notes[i] = _note(uint32(1 + i), uint32(1 + ((i + 1) % notes.length)), seed >> 8);
            notes[i].reason = NoteReason.NETTING;
        }
        bytes32 round = this.roundOf(notes);
        bytes[] memory signatures = new bytes[](2 * notes.length);
        for (uint256 i = 0; i < notes.length; ++i) {
            notes[i].refersTo = round;
            bytes32 id = this.noteId(notes[i]);
            signatures[2 * i] = _signature(CloudId.unwrap(notes[i].creditor), BOOKS_DOMAIN, id);
            signatures[2 * i + 1] = _signature(CloudId.unwrap(notes[i].debtor), BOOKS_DOMAIN, id);
        }
        BOOKS.postNotes(notes, signatures);

        for (uint256 i = 0; i < notes.length; ++i) _bookNote(notes[i]);
        _count("net");
    }

    function acknowledge(uint256 seed) external {
        _pass(1);
        (uint32 creditor, uint32 debtor) = _pair(seed);
        uint256 currency = seed % CURRENCIES;
        uint96 amount = uint96(1 + (seed >> 161));
        string memory code = string(abi.encodePacked(Currency.unwrap(currencyAt(currency))));
        bytes32 payment = keccak256(abi.encode("payment", ++_salts));
        cheats.prank(accountOf(creditor));
        BOOKS.acknowledge(CloudId.wrap(creditor), CloudId.wrap(debtor), code, amount, payment);

        _book(creditor, debtor, currency, -int256(uint256(amount)));
        _count("acknowledge");
    }

    /* HASHES: DOCUMENTS ARE HASHED AS CALLDATA */

    function termsOf(Price calldata price, Sla calldata sla) external pure returns (bytes32) {
        return TermsHash.hashWith(price.structHash(), sla.structHash());
    }

    function slaHash(Sla calldata sla) external pure returns (bytes32) {
        return sla.structHash();
    }

    function recordId(Record calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function jointId(JointSettlement calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function noteId(Note calldata note) external pure returns (bytes32) {
        return note.structHash();
    }

    function roundOf(Note[] calldata notes) external pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < notes.length; ++i) hashes = bytes.concat(hashes, notes[i].hashWith(0));
        return keccak256(hashes);
    }

    /* THE BOOKS IN PLAIN NUMBERS */

    function _cost(GhostStay storage stay, uint256 elapsed) private view returns (uint256) {
        return ((stay.rate * elapsed) / 3_600_000) / 1_000;
    }

    function _unreplaced(GhostStay storage stay, uint256 from, uint256 to) private view returns (uint256) {
        uint256 begin = from > stay.replaced ? from : stay.replaced;
        return begin < to ? _cost(stay, to) - _cost(stay, begin) : 0;
    }

    /// @dev The SLA of every stay: below 99 % a tenth, below 90 % all.
    function _creditOf(
        GhostStay storage stay,
        uint256 from,
        uint256 to,
        Metrics memory metrics
    ) private view returns (uint256) {
        uint256 charge = _unreplaced(stay, from, to);
        if (metrics.availabilityPpm < 900_000) return charge;
        return metrics.availabilityPpm < 990_000 ? charge / 10 : 0;
    }

    function _windowOf(GhostStay storage stay, uint32 window) private view returns (uint256 from, uint256 to) {
        from = uint256(window) * WINDOW_MS;
        to = from + WINDOW_MS;
        if (stay.endedAt == 0) return (from, to);
        uint256 length = stay.endedAt - stay.startedAt;
        if (from > length) from = length;
        if (to > length) to = length;
    }

    function _clip(GhostStay storage stay) private {
        if (stay.endedAt == 0) return;
        uint256 length = stay.endedAt - stay.startedAt;
        if (stay.settled > length) stay.settled = length;
    }

    function _book(uint32 creditor, uint32 debtor, uint256 currency, int256 amount) private {
        _owed[creditor][debtor][currency] += amount;
        _owed[debtor][creditor][currency] -= amount;
    }

    function _bookNote(Note memory note) private {
        uint256 currency = 0;
        while (keccak256(bytes(note.currency)) != keccak256(abi.encodePacked(Currency.unwrap(currencyAt(currency))))) {
            ++currency;
        }
        int256 amount = int256(uint256(note.amount));
        _book(CloudId.unwrap(note.creditor), CloudId.unwrap(note.debtor), currency, amount);
    }

    function _currencyOf(GhostStay storage stay) private view returns (uint256 currency) {
        (, Price memory price, ) = _documentsOf(stay);
        bytes32 wanted = keccak256(bytes(price.currency));
        while (wanted != keccak256(abi.encodePacked(Currency.unwrap(currencyAt(currency))))) ++currency;
    }

    /* DOCUMENTS */

    function _documentsOf(
        GhostStay storage stay
    ) private view returns (Agreement memory agreement, Price memory price, Sla memory sla) {
        return abi.decode(stay.documents, (Agreement, Price, Sla));
    }

    function _sla() private pure returns (Sla memory sla) {
        (sla.thresholds.availabilityPpm, sla.thresholds.measured) = (990_000, 1);
        sla.availabilityTiers = new Tier[](2);
        sla.availabilityTiers[0] = Tier({belowPpm: 990_000, creditBps: 1_000});
        sla.availabilityTiers[1] = Tier({belowPpm: 900_000, creditBps: 10_000});
        (sla.capBps, sla.pauseBudgetMs) = (10_000, type(uint32).max);
    }

    function _agreement(
        VmId vm,
        uint32 home,
        uint32 destination,
        Resources memory resources,
        bytes32 terms
    ) private view returns (Agreement memory agreement) {
        (Vm memory stored, ) = LEDGER.vmOf(vm);
        agreement.home = CloudId.wrap(home);
        agreement.source = CloudId.wrap(home);
        agreement.destination = CloudId.wrap(destination);
        agreement.lines = new Line[](1);
        agreement.lines[0] = Line({vm: vm, nonce: stored.nonce, features: 0, resources: resources});
        agreement.windowMs = WINDOW_MS;
        agreement.noticeMs = 1 hours * 1000;
        agreement.terms = terms;
        agreement.agreeBy = uint64((time + 1 minutes) * 1000);
        agreement.salt = keccak256(abi.encode("salt", vm, stored.nonce));
    }

    function _record(
        Agreement memory agreement,
        uint64 releasedAt,
        uint32 home,
        uint32 source,
        uint32 destination
    ) private {
        Record memory document = Record({agreement: agreement, receipts: new Receipt[](1)});
        document.receipts[0] = Receipt({
            vm: agreement.lines[0].vm,
            stateDigest: 0,
            releasedAt: releasedAt,
            runningAt: uint64(time * 1000)
        });
        bytes32 id = this.recordId(document);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = _signature(home, LEDGER_DOMAIN, id);
        signatures[1] = _signature(source == home ? destination : source, LEDGER_DOMAIN, id);
        LEDGER.record(document, signatures);
    }

    function _note(uint32 creditor, uint32 debtor, uint256 seed) private returns (Note memory note) {
        note.creditor = CloudId.wrap(creditor);
        note.debtor = CloudId.wrap(debtor);
        note.currency = string(abi.encodePacked(Currency.unwrap(currencyAt(seed % CURRENCIES))));
        note.amount = uint96(1 + (uint256(keccak256(abi.encode(seed, "amount"))) % (type(uint96).max - 1)));
        note.validUntil = uint64(time * 1000);
        note.salt = bytes32(++_salts);
    }

    function _postOne(Note memory note) private {
        Note[] memory notes = new Note[](1);
        notes[0] = note;
        bytes32 id = this.noteId(note);
        bytes[] memory signatures = _bothSign(id, CloudId.unwrap(note.creditor), CloudId.unwrap(note.debtor));
        BOOKS.postNotes(notes, signatures);
    }

    function _sendCredit(GhostStay storage stay, uint32 window, SaltedMetrics memory result) private {
        (Agreement memory agreement, Price memory price, Sla memory sla) = _documentsOf(stay);
        uint32 by = window % 2 == 0 ? stay.home : stay.host;
        cheats.prank(accountOf(by));
        BOOKS.settleCredit(stay.vm, stay.sequence, window, CloudId.wrap(by), agreement, price, sla, result);
    }

    /* HELPERS */

    function accountOf(uint32 cloud) public pure returns (address) {
        return cheats.addr(FIRST_KEY + cloud);
    }

    function _domainOf(address target) private view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("BlockchainBus"),
                    keccak256("1"),
                    block.chainid,
                    target
                )
            );
    }

    function _signature(uint32 cloud, bytes32 domain, bytes32 id) private pure returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, id));
        (uint8 v, bytes32 r, bytes32 s) = cheats.sign(FIRST_KEY + cloud, digest);
        return abi.encodePacked(r, s, v);
    }

    function _bothSign(bytes32 id, uint32 first, uint32 second) private view returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        signatures[0] = _signature(first, BOOKS_DOMAIN, id);
        signatures[1] = _signature(second, BOOKS_DOMAIN, id);
    }

    function _pair(uint256 seed) private pure returns (uint32 one, uint32 other) {
        one = uint32(1 + (seed % CLOUDS));
        other = uint32(1 + ((one + ((seed >> 32) % (CLOUDS - 1))) % CLOUDS));
    }

    function _pick(uint256 seed) private view returns (bool isFound, uint256 index) {
        if (_stays.length == 0) return (false, 0);
        return (true, (seed >> 64) % _stays.length);
    }

    /// @dev A time from after the stay's start to now.
    function _momentOf(GhostStay storage stay, uint256 seed) private view returns (uint64) {
        return uint64(stay.startedAt + 1 + ((seed >> 16) % (time * 1000 - stay.startedAt)));
    }

    function _pass(uint256 duration) private {
        time += duration;
        cheats.warp(time);
    }

    function _count(string memory action) private {
        ++_calls[keccak256(bytes(action))];
    }
}
