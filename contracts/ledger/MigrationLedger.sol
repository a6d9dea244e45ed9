// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement, Line} from "../documents/Agreement.sol";
import {Amendment} from "../documents/Amendment.sol";
import {Evacuation} from "../documents/Evacuation.sol";
import {Handover} from "../documents/Handover.sol";
import {Move, MoveHash} from "../documents/Move.sol";
import {MutualAbort} from "../documents/MutualAbort.sol";
import {Receipt} from "../documents/Receipt.sol";
import {Record, RecordHash} from "../documents/Record.sol";
import {Release} from "../documents/Release.sol";
import {Resources} from "../documents/Resources.sol";
import {Succession} from "../documents/Succession.sol";
import {ICapacityExchange} from "../exchange/ICapacityExchange.sol";
import {AgentScope} from "../registry/AgentScope.sol";
import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {ResourceVector, ResourceVectors} from "../types/ResourceVector.sol";
import {VmId} from "../types/VmId.sol";
import {
    AbortReason,
    DocumentKind,
    Duty,
    IMigrationLedger,
    MoveOutcome,
    Parameters,
    Responsibility,
    Stay,
    StayFacts,
    Vm,
    VmState
} from "./IMigrationLedger.sol";
import {LedgerParameters} from "./LedgerParameters.sol";
import {MigrationLedgerBase} from "./MigrationLedgerBase.sol";
import {StayWord} from "./StayWord.sol";
import {VmWord} from "./VmWord.sol";

/// @title Migration ledger
/// @notice VMs, where they run and ran, under which agreement, and the procedures by which they move.
/// @dev The code is in three parts because of the limit of 24,576 bytes. What is not on the path of a migration is in
/// `MigrationLedgerExits` and `MigrationLedgerChanges`, to which this contract forwards by delegatecall. Both addresses
/// are immutable: docs/decisions/0003-ledger-in-three-parts.md.
contract MigrationLedger is MigrationLedgerBase, IMigrationLedger {
    /// @notice The part with the ways out of a move and of a stay.
    address public immutable EXITS;

    /// @notice The part with amendments, revocation, adoption and governance.
    address public immutable CHANGES;

    /// @param authority The AccessManager.
    /// @param registry_ The registry of clouds.
    /// @param exchange_ The exchange of capacity.
    /// @param predecessor_ The ledger from which VMs may be taken over, or zero.
    /// @param exits The part `MigrationLedgerExits`, deployed with the same arguments.
    /// @param changes The part `MigrationLedgerChanges`, deployed with the same arguments.
    /// @param initial Governed limits at the start.
    constructor(
        address authority,
        ICloudRegistry registry_,
        ICapacityExchange exchange_,
        IMigrationLedger predecessor_,
        address exits,
        address changes,
        Parameters memory initial
    ) MigrationLedgerBase(authority, registry_, exchange_, predecessor_) {
        _requireSameParts(exits);
        _requireSameParts(changes);
        EXITS = exits;
        CHANGES = changes;
        LedgerParameters.requireWithinLimits(initial);
        _setParameters(initial);

        emit ParametersSet(initial);
    }

    function _requireSameParts(address part) private view {
        (
            ICloudRegistry itsRegistry,
            ICapacityExchange itsExchange,
            IMigrationLedger itsPredecessor
        ) = MigrationLedgerBase(part).parts();
        require(
            itsRegistry == REGISTRY && itsExchange == EXCHANGE && itsPredecessor == PREDECESSOR,
            MigrationLedger_WrongPart(part)
        );
    }

    /* MOVES */

    /// @inheritdoc IMigrationLedger
    function agree(Move calldata document, bytes[] calldata signatures) external returns (uint32 number) {
        Agreement calldata agreement = document.agreement;
        bytes32 agreementId = agreement.structHash();
        bytes32 moveId = MoveHash.hashWith(agreementId, document);
        (CloudStatus home, CloudStatus destination) = _requireHomeAnd(
            agreement.home,
            agreement.destination,
            moveId,
            signatures
        );
        (ResourceVector committedAfter, ICapacityExchange.Demand[] memory demands, VmWord[] memory vms) = _checkAgree(
            document,
            home,
            destination
        );

        number = _number(agreementId);
        _storeAgreed(document, number, vms);
        _commitAgreed(agreement, committedAfter, vms.length);

        _emitAgreed(document, demands, number, agreementId, moveId);
    }

    function _commitAgreed(Agreement calldata agreement, ResourceVector committedAfter, uint256 count) private {
        CloudId home = agreement.home;
        CloudId destination = agreement.destination;
        if (destination != home) _commit(destination, agreement.site, committedAfter);
        if (agreement.source == home) _away[home] += count;
    }

    function _storeAgreed(Move calldata document, uint32 number, VmWord[] memory vms) private {
        // Casts are safe: _checkAgree bounds both by `completeWithin`, which fits.
        uint40 startBy = uint40(document.startBy / 1000);
        uint24 completeIn = uint24(document.completeBy / 1000 - startBy);
        bool hadLead = startBy - _now() >= _head.startLead;
        Line[] calldata lines = document.agreement.lines;
        for (uint256 i = 0; i < vms.length; ++i) {
            _vms[lines[i].vm] = vms[i].agreed(number, hadLead, startBy, completeIn);
        }
    }

    /// @dev Emits `MoveAgreed`.
    function _emitAgreed(
        Move calldata document,
        ICapacityExchange.Demand[] memory demands,
        uint32 agreementNumber,
        bytes32 agreementId,
        bytes32 moveId
    ) private {
        Agreement calldata agreement = document.agreement;
        Line[] calldata lines = agreement.lines;
        bytes32 topic = MoveAgreed.selector;
        // Assembly for the gas of every move: the event takes its words from the call, where each was found clean when
        // its signature held.
        assembly ("memory-safe") {
            function field(words, index) -> word {
                word := calldataload(add(words, shl(5, index)))
            }
            let data := mload(0x40)
            mstore(data, 0x20)
            let parties := or(field(agreement, 0), shl(32, field(agreement, 1)))
            parties := or(parties, shl(64, field(agreement, 2)))
            parties := or(parties, shl(96, field(agreement, 3)))
            mstore(add(data, 0x20), or(parties, shl(112, field(agreement, 8))))
            let periods := or(field(agreement, 5), shl(64, field(agreement, 6)))
            mstore(add(data, 0x40), or(periods, shl(128, field(agreement, 7))))
            let deadlines := or(field(agreement, 12), shl(64, field(document, 1)))
            mstore(add(data, 0x60), or(deadlines, shl(128, field(document, 2))))
            // witnesses, terms, charter, salt
            calldatacopy(add(data, 0x80), add(agreement, 0x120), 0x60)
            mstore(add(data, 0xe0), field(agreement, 13))
            mstore(add(data, 0x100), 0x100)
            mstore(add(data, 0x120), lines.length)
            let next := add(data, 0x140)
            let line := lines.offset
            let demand := add(demands, 0x20)
            for {
                let end := add(line, mul(lines.length, 0x160))
            } lt(line, end) {
                line := add(line, 0x160)
                demand := add(demand, 0x20)
                next := add(next, 0x80)
            } {
                calldatacopy(next, line, 0x60)
                mstore(add(next, 0x60), mload(mload(demand)))
            }
            log4(data, sub(next, data), topic, agreementNumber, agreementId, moveId)
        }
    }

    /// @inheritdoc IMigrationLedger
    function start(Move calldata document) external {
        Agreement calldata agreement = document.agreement;
        (uint32 number, VmWord first, ) = _openMove(agreement);
        require(first.state() == VmState.Agreed, MigrationLedger_WrongState(agreement.lines[0].vm, first.state()));
        uint256 completeBy = uint256(first.mark()) + first.completeIn();
        require(
            document.startBy / 1000 == first.mark() && document.completeBy / 1000 == completeBy,
            MigrationLedger_OtherDeadlines(document.startBy, document.completeBy)
        );
        _requireNotPast(document.startBy);
        REGISTRY.requireSender(agreement.source, AgentScope.HOST, agreement.home, agreement.destination, msg.sender);

        // Cast is safe: completeBy is at most 14 days after agreeing.
        uint24 completeIn = uint24(completeBy - block.timestamp);
        Line[] calldata lines = agreement.lines;
        for (uint256 i = 0; i < lines.length; ++i) {
            VmId id = lines[i].vm;
            _vms[id] = _vms[id].started(_now(), completeIn);
        }

        emit MoveStarted(number);
    }

    /// @inheritdoc IMigrationLedger
    function complete(Move calldata document, Handover calldata handover, bytes[] calldata signatures) external {
        Agreement calldata agreement = document.agreement;
        (uint32 number, VmWord first, bytes32 agreementId) = _openMove(agreement);
        require(first.state() == VmState.Started, MigrationLedger_WrongState(agreement.lines[0].vm, first.state()));
        require(
            document.completeBy / 1000 == uint256(first.mark()) + first.completeIn(),
            MigrationLedger_OtherDeadlines(document.startBy, document.completeBy)
        );
        _requireNotPast(document.completeBy);
        _requireHandover(handover, MoveHash.hashWith(agreementId, document), agreement.lines.length);
        bool homecoming = agreement.destination == agreement.home;
        bytes32 handoverId = handover.structHash();
        // The destination signs first and commits to nothing by that; the source's signature is the switch.
        CloudStatus destination = _requireHosts(
            agreement.destination,
            agreement.source,
            agreement.home,
            handoverId,
            signatures
        );
        if (!homecoming) _requireActive(agreement.destination, destination);

        _handOver(agreement, handover.releases, number, uint64(first.mark()) * 1000);
        if (homecoming) _away[agreement.home] -= handover.releases.length;

        emit MoveCompleted(number, handoverId);
    }

    function _requireHandover(Handover calldata handover, bytes32 moveId, uint256 count) private view {
        require(handover.move == moveId, MigrationLedger_OtherMove(moveId, handover.move));
        _requireNotPast(handover.validUntil);
        uint64 latest = uint64(_nowMs() + MAX_HANDOVER_MS);
        require(handover.validUntil <= latest, MigrationLedger_TooFar(handover.validUntil, latest));
        require(handover.releases.length == count, MigrationLedger_ReceiptCount(count, handover.releases.length));
    }

    /// @dev Each release in the order of the lines, not before the start. Every VM begins its stay at the destination.
    function _handOver(
        Agreement calldata agreement,
        Release[] calldata releases,
        uint32 number,
        uint64 earliest
    ) private {
        Line[] calldata lines = agreement.lines;
        NewStay memory stay = _newStay(agreement, number, DocumentKind.Move);
        Freed memory freed;
        freed.cloud = agreement.source;
        bool isFromHome = agreement.source == agreement.home;
        for (uint256 i = 0; i < lines.length; ++i) {
            Line calldata line = lines[i];
            Release calldata released = releases[i];
            VmId id = line.vm;
            require(released.vm == id, MigrationLedger_ReceiptOrder(id, released.vm));
            uint64 releasedAt = released.releasedAt;
            require(
                releasedAt >= earliest && releasedAt <= stay.startedAt,
                MigrationLedger_TimeOutOfRange(id, releasedAt, earliest, stay.startedAt)
            );
            // Cast is safe: not after this block.
            stay.previousEndedAt = uint48(releasedAt);
            stay.resources = ResourceVectors.pack(line.resources);
            stay.stateDigest = released.stateDigest;
            VmWord vm = _vms[id];
            ResourceVector former = _beginStay(id, vm, stay);
            if (!isFromHome) _freeLater(freed, vm.site(), former);
        }
        _freeNow(freed);
    }

    /// @dev Everything `agree` asks but the signatures.
    function _checkAgree(
        Move calldata document,
        CloudStatus home,
        CloudStatus destination
    )
        private
        view
        returns (ResourceVector committedAfter, ICapacityExchange.Demand[] memory demands, VmWord[] memory vms)
    {
        Agreement calldata agreement = document.agreement;
        Head memory head = _head;
        _requireForm(agreement, head);
        require(agreement.source != agreement.destination, MigrationLedger_HostIsDestination(agreement.destination));
        _requireDeadlines(agreement.agreeBy, document.startBy, document.completeBy, head);
        _requireParties(agreement, head, home, destination);
        Line[] calldata lines = agreement.lines;
        vms = new VmWord[](lines.length);
        VmId previous;
        for (uint256 i = 0; i < lines.length; ++i)
            (previous, vms[i]) = _requireLine(agreement, lines[i], previous, false);
        demands = _demands(agreement);
        committedAfter = _requireRoom(agreement, demands);
    }

    function _requireDeadlines(uint64 agreeBy, uint64 startBy, uint64 completeBy, Head memory head) private view {
        require(
            agreeBy <= startBy && startBy <= completeBy,
            MigrationLedger_DeadlinesUnordered(agreeBy, startBy, completeBy)
        );
        uint64 latest = _nowMs() + uint64(head.startWithin) * 1000;
        require(startBy <= latest, MigrationLedger_TooFar(startBy, latest));
        latest = _nowMs() + uint64(head.completeWithin) * 1000;
        require(completeBy <= latest, MigrationLedger_TooFar(completeBy, latest));
    }

    /* RECORDS */

    /// @inheritdoc IMigrationLedger
    function record(Record calldata document, bytes[] calldata signatures) external returns (uint32 number) {
        Agreement calldata agreement = document.agreement;
        bytes32 agreementId = agreement.structHash();
        bytes32 recordId = RecordHash.hashWith(agreementId, document);
        (CloudStatus home, CloudStatus destination) = _requireAllParties(agreement, recordId, signatures);
        ICapacityExchange.Demand[] memory demands = _demands(agreement);
        (ResourceVector committedAfter, VmWord[] memory vms) = _checkRecord(document, demands, home, destination);

        NewStay memory stay = _newStay(agreement, 0, DocumentKind.Record);
        number = _acceptDocument(agreementId, recordId, DocumentKind.Record, stay.noticePeriod);
        stay.agreement = number;
        _storeRecord(agreement, document.receipts, demands, vms, stay);
        if (agreement.destination == agreement.home) {
            _away[agreement.home] -= vms.length;
        } else {
            _commit(agreement.destination, agreement.site, committedAfter);
            if (agreement.source == agreement.home) _away[agreement.home] += vms.length;
        }
    }

    function _storeRecord(
        Agreement calldata agreement,
        Receipt[] calldata receipts,
        ICapacityExchange.Demand[] memory demands,
        VmWord[] memory vms,
        NewStay memory stay
    ) private {
        Freed memory freed;
        freed.cloud = agreement.source;
        bool isFromHome = agreement.source == agreement.home;
        for (uint256 i = 0; i < vms.length; ++i) {
            Receipt calldata receipt = receipts[i];
            // Casts are safe: not after this block.
            stay.startedAt = uint48(receipt.runningAt);
            stay.previousEndedAt = uint48(receipt.releasedAt);
            stay.resources = demands[i].resources;
            stay.stateDigest = receipt.stateDigest;
            ResourceVector former = _beginStay(receipt.vm, vms[i], stay);
            if (!isFromHome) _freeLater(freed, vms[i].site(), former);
        }
        _freeNow(freed);
    }

    /// @dev Everything `record` asks but the signatures.
    function _checkRecord(
        Record calldata document,
        ICapacityExchange.Demand[] memory demands,
        CloudStatus home,
        CloudStatus destination
    ) private view returns (ResourceVector committedAfter, VmWord[] memory vms) {
        Agreement calldata agreement = document.agreement;
        Receipt[] calldata receipts = document.receipts;
        Head memory head = _head;
        _requireForm(agreement, head);
        require(agreement.source != agreement.destination, MigrationLedger_HostIsDestination(agreement.destination));
        require(receipts.length == demands.length, MigrationLedger_ReceiptCount(demands.length, receipts.length));
        _requireParties(agreement, head, home, destination);
        vms = new VmWord[](demands.length);
        VmId previous;
        // What `hostAt` answers for times older than the tolerance is final: no time may lie before.
        uint64 oldest = _nowMs() - uint64(head.tolerance) * 1000;
        for (uint256 i = 0; i < demands.length; ++i) {
            (previous, vms[i]) = _requireLine(agreement, agreement.lines[i], previous, false);
            _requireReceipt(receipts[i], previous, vms[i].sequence(), oldest);
        }
        committedAfter = _requireRoom(agreement, demands);
    }

    /// @dev The times of a receipt: in order, not before the stay it ends, not before `oldest`, not in the future.
    function _requireReceipt(Receipt calldata receipt, VmId id, uint32 sequence, uint64 oldest) private view {
        require(receipt.vm == id, MigrationLedger_ReceiptOrder(id, receipt.vm));
        uint64 earliest = _stays[id][sequence].startedAt();
        if (earliest < oldest) earliest = oldest;
        uint64 releasedAt = receipt.releasedAt;
        uint64 runningAt = receipt.runningAt;
        require(
            releasedAt >= earliest && releasedAt <= runningAt,
            MigrationLedger_TimeOutOfRange(id, releasedAt, earliest, runningAt)
        );
        require(runningAt <= _nowMs(), MigrationLedger_TimeOutOfRange(id, runningAt, releasedAt, _nowMs()));
    }

    /// @dev Home, source and destination, each distinct cloud once, in this order. Returns statuses.
    function _requireAllParties(
        Agreement calldata agreement,
        bytes32 document,
        bytes[] calldata signatures
    ) private view returns (CloudStatus homeStatus, CloudStatus destinationStatus) {
        CloudId home = agreement.home;
        CloudId source = agreement.source;
        CloudId destination = agreement.destination;
        _requireCount(signatures, home == source || home == destination ? 2 : 3);
        Signed memory signed = _signed(document);
        homeStatus = _requireSignature(home, AgentScope.MOVE_OUT, source, destination, signed, signatures[0]);
        destinationStatus = homeStatus;
        uint256 next = 1;
        if (source != home) {
            _requireSignature(source, AgentScope.HOST, home, destination, signed, signatures[next++]);
        }
        if (destination != home) {
            destinationStatus = _requireSignature(destination, AgentScope.HOST, home, source, signed, signatures[next]);
        }
    }

    /* THE OTHER PARTS */

    /// @inheritdoc IMigrationLedger
    function register(CloudId, bytes32, Resources calldata) external returns (VmId) {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function abort(Move calldata, CloudId, AbortReason) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function abortMutually(Move calldata, MutualAbort calldata, bytes[] calldata) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function expire(Move calldata) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function amend(Amendment calldata, bytes[] calldata) external returns (uint32) {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function evacuate(Evacuation calldata, bytes[] calldata) external returns (uint32) {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function revoke(CloudId, bytes32) external {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function giveNotice(VmId[] calldata, uint64) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function release(VmId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function releaseFromMove(VmId, Move calldata) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function stop(VmId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function stopFromMove(VmId, Move calldata) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function restore(VmId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function terminate(VmId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function declareLost(VmId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function contestLoss(VmId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function withdrawLoss(VmId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function succeedVm(Succession calldata, bytes[] calldata) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function adopt(VmId) external {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function leave(CloudId) external {
        _forward(EXITS);
    }

    /// @inheritdoc IMigrationLedger
    function closeForNew() external {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function setSuccessor(address) external {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function pauseNew(uint40) external {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function resumeNew() external {
        _forward(CHANGES);
    }

    /// @inheritdoc IMigrationLedger
    function setParameters(Parameters calldata) external {
        _forward(CHANGES);
    }

    /// @dev Runs the same call on another part, on this contract's storage, and ends with its answer.
    function _forward(address part) private {
        // Solidity cannot end a call with raw return data.
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            calldatacopy(pointer, 0, calldatasize())
            let ok := delegatecall(gas(), part, pointer, calldatasize(), 0, 0)
            returndatacopy(pointer, 0, returndatasize())
            if iszero(ok) {
                revert(pointer, returndatasize())
            }
            return(pointer, returndatasize())
        }
    }

    /* QUESTIONS */

    /// @inheritdoc IMigrationLedger
    function vmIdOf(CloudId home, bytes32 localId) external view returns (VmId) {
        return _vmId(home, localId);
    }

    /// @inheritdoc IMigrationLedger
    function vmOf(VmId vm) external view returns (Vm memory, Resources memory) {
        return (_known(vm).unpack(), _resources[vm].unpack());
    }

    /// @inheritdoc IMigrationLedger
    function resourcesOf(VmId vm) external view returns (ResourceVector) {
        return _resources[vm];
    }

    /// @inheritdoc IMigrationLedger
    function hostAt(VmId vm, uint64 time) external view returns (CloudId) {
        VmWord found = _known(vm);
        require(time <= _nowMs(), MigrationLedger_TimeInFuture(time, _nowMs()));
        uint32 first = _first(vm);
        uint32 sequence = _stayAt(vm, found.sequence(), first, time);
        if (sequence == 0) return first > 1 ? PREDECESSOR.hostAt(vm, time) : NOBODY;
        Stay memory stay = _stay(vm, found, sequence);
        return stay.endedAt == 0 || time < stay.endedAt ? stay.host : NOBODY;
    }

    /// @dev A stay with its end, which is stored with the next one or with the VM.
    function _stay(VmId id, VmWord vm, uint32 sequence) private view returns (Stay memory) {
        uint48 endedAt = sequence == vm.sequence() ? vm.endedAt() : _stays[id][sequence + 1].previousEndedAt();
        return _stays[id][sequence].unpack(endedAt);
    }

    /// @dev Number of an adopted VM's first stay on this ledger; 0 for any other VM. A ledger without predecessor has no
    /// adopted ones and need not look.
    function _first(VmId vm) private view returns (uint32) {
        return address(PREDECESSOR) == address(0) ? 0 : _firstSequence[vm];
    }

    /// @dev Number of the last stay that began at or before a time, 0 if there is none.
    function _stayAt(VmId vm, uint32 last, uint32 first, uint64 time) private view returns (uint32) {
        mapping(uint32 sequence => StayWord) storage list = _stays[vm];
        // Invariant: stays up to `low` began at or before the time, those from `high` on after it.
        uint256 none = first == 0 ? 0 : first - 1;
        uint256 low = none;
        uint256 high = uint256(last) + 1;
        unchecked {
            // Both are numbers of stays: no sum of them overflows, and `high` is above `low`.
            while (high - low > 1) {
                uint256 middle = (low + high) >> 1;
                if (list[uint32(middle)].startedAt() <= time) low = middle;
                else high = middle;
            }
        }
        // Cast is safe: not above `last`.
        return low == none ? 0 : uint32(low);
    }

    /// @inheritdoc IMigrationLedger
    function stays(VmId vm, uint32 from, uint32 count) external view returns (Stay[] memory found) {
        VmWord word = _known(vm);
        uint256 last = word.sequence();
        uint256 least = _first(vm);
        if (least == 0) least = 1;
        require(from >= least && from <= last, MigrationLedger_UnknownStay(vm, from));
        uint256 available = last - from + 1;
        found = new Stay[](count < available ? count : available);
        // Cast is safe: not above `last`.
        for (uint256 i = 0; i < found.length; ++i) found[i] = _stay(vm, word, uint32(from + i));
    }

    /// @inheritdoc IMigrationLedger
    function stayOf(VmId vm, uint32 sequence) external view returns (StayFacts memory facts) {
        VmWord word = _known(vm);
        StayWord stay = _stays[vm][sequence];
        require(StayWord.unwrap(stay) != 0, MigrationLedger_UnknownStay(vm, sequence));
        facts.home = word.home();
        facts.host = stay.host();
        facts.startedAt = stay.startedAt();
        facts.endedAt = sequence == word.sequence() ? word.endedAt() : _stays[vm][sequence + 1].previousEndedAt();
        facts.previousEndedAt = stay.previousEndedAt();
        facts.kind = stay.kind();
        uint32 number = stay.agreement();
        if (number != 0) facts.agreement = _agreements[number];
    }

    /// @inheritdoc IMigrationLedger
    function agreementOf(VmId vm, uint32 sequence) external view returns (uint32 number, bytes32 agreement) {
        Stay memory stay = _stays[vm][sequence].unpack(0);
        require(stay.startedAt != 0, MigrationLedger_UnknownStay(vm, sequence));
        return (stay.agreement, _agreements[stay.agreement]);
    }

    /// @inheritdoc IMigrationLedger
    function agreementAt(uint32 number) external view returns (bytes32) {
        return _agreements[number];
    }

    /// @inheritdoc IMigrationLedger
    function responsibleDuring(VmId vm, uint64 from, uint64 to) external view returns (Responsibility[] memory list) {
        VmWord word = _known(vm);
        uint32 last = word.sequence();
        require(from < to, MigrationLedger_EmptyInterval(from, to));
        require(to <= _nowMs(), MigrationLedger_TimeInFuture(to, _nowMs()));
        uint32 first = _first(vm);
        uint32 low = _stayAt(vm, last, first, from);
        if (low == 0) low = first == 0 ? 1 : first;
        uint32 high = _stayAt(vm, last, first, to - 1);
        // A pause that is still open when the interval ends belongs to the stay after it.
        if (high < last) high += 1;

        list = new Responsibility[](high < low ? 0 : 2 * (uint256(high) - low + 1));
        uint256 count;
        uint64 previousEnd;
        for (uint32 sequence = low; sequence <= high; ++sequence) {
            Stay memory stay = _stay(vm, word, sequence);
            if (previousEnd != 0 && _isPause(stay)) {
                count = _append(list, count, stay.host, Duty.Pause, _clip(previousEnd, stay.startedAt, from, to));
            }
            uint64 end = stay.endedAt == 0 ? to : stay.endedAt;
            count = _append(list, count, stay.host, Duty.Hosting, _clip(stay.startedAt, end, from, to));
            previousEnd = stay.endedAt;
        }
        // Shortens the list to what was found.
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }

    /// @dev The gap before a stay is a pause of its host, unless the VM was stopped or lost.
    function _isPause(Stay memory stay) private pure returns (bool) {
        return stay.kind == DocumentKind.Move || stay.kind == DocumentKind.Record;
    }

    function _clip(uint64 begin, uint64 end, uint64 from, uint64 to) private pure returns (uint64[2] memory) {
        return [begin < from ? from : begin, end > to ? to : end];
    }

    function _append(
        Responsibility[] memory list,
        uint256 count,
        CloudId cloud,
        Duty duty,
        uint64[2] memory interval
    ) private pure returns (uint256) {
        if (interval[0] >= interval[1]) return count;
        list[count] = Responsibility({cloud: cloud, from: interval[0], to: interval[1], duty: duty});
        return count + 1;
    }

    /// @inheritdoc IMigrationLedger
    function checkAgree(Move calldata document) external view {
        Agreement calldata agreement = document.agreement;
        _checkAgree(document, REGISTRY.statusOf(agreement.home), REGISTRY.statusOf(agreement.destination));
    }

    /// @inheritdoc IMigrationLedger
    function canAgree(Move calldata document) external view returns (bytes memory refusal) {
        try this.checkAgree(document) {
            return "";
        } catch (bytes memory reason) {
            // Every refusal is a typed error. No data means that the inner call ran out of gas, which is no yes.
            require(reason.length != 0, MigrationLedger_NoAnswer());
            return reason;
        }
    }

    /// @inheritdoc IMigrationLedger
    function canHost(
        CloudId cloud,
        uint16 site,
        ICapacityExchange.Demand[] calldata demands
    ) external view returns (bytes memory refusal) {
        ResourceVector committed = _committed[cloud][site].plus(_committedElsewhere(cloud, site));
        return EXCHANGE.canHost(cloud, site, committed, demands);
    }

    /// @inheritdoc IMigrationLedger
    function committedOf(CloudId cloud, uint16 site) external view returns (Resources memory) {
        return _committed[cloud][site].unpack();
    }

    /// @inheritdoc IMigrationLedger
    function committedVectorOf(CloudId cloud, uint16 site) external view returns (ResourceVector) {
        return _committed[cloud][site];
    }

    /// @inheritdoc IMigrationLedger
    function outcomeOf(uint32 number) external view returns (MoveOutcome memory) {
        return _outcomes[number];
    }

    /// @inheritdoc IMigrationLedger
    function obligationsOf(CloudId cloud) external view returns (uint256 away, uint256 sitesInUse) {
        return (_away[cloud], _sitesInUse[cloud]);
    }

    /// @inheritdoc IMigrationLedger
    function isRevoked(CloudId cloud, bytes32 document) external view returns (bool) {
        return _revoked[cloud][document];
    }

    /// @inheritdoc IMigrationLedger
    function parameters() external view returns (Parameters memory) {
        return _parameters();
    }

    /// @inheritdoc IMigrationLedger
    function newPausedUntil() external view returns (uint40) {
        return _head.newPausedUntil;
    }

    /// @inheritdoc IMigrationLedger
    function isClosed() external view returns (bool) {
        return _head.closed;
    }

    /// @inheritdoc IMigrationLedger
    function successor() external view returns (address) {
        return _successor;
    }

    /// @inheritdoc IMigrationLedger
    function predecessor() external view returns (IMigrationLedger) {
        return PREDECESSOR;
    }

    /// @inheritdoc IMigrationLedger
    function registry() external view returns (ICloudRegistry) {
        return REGISTRY;
    }

    /// @inheritdoc IMigrationLedger
    function exchange() external view returns (ICapacityExchange) {
        return EXCHANGE;
    }
}
