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
import {ICloudRegistry} from "../registry/ICloudRegistry.sol";
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
    Vm,
    VmState
} from "./IMigrationLedger.sol";
import {LedgerParameters} from "./LedgerParameters.sol";
import {MigrationLedgerBase} from "./MigrationLedgerBase.sol";

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
        (ICloudRegistry itsRegistry, ICapacityExchange itsExchange, IMigrationLedger itsPredecessor) = MigrationLedgerBase(
            part
        ).parts();
        require(
            itsRegistry == REGISTRY && itsExchange == EXCHANGE && itsPredecessor == PREDECESSOR,
            MigrationLedger_WrongPart(part)
        );
    }

    /* MOVES */

    /// @inheritdoc IMigrationLedger
    function agree(Move calldata document, bytes[] calldata signatures) external returns (uint32 number) {
        ResourceVector committedAfter = _checkAgree(document);
        Agreement calldata agreement = document.agreement;
        bytes32 agreementId = agreement.structHash();
        bytes32 moveId = MoveHash.hashWith(agreementId, document);
        _requireHomeAnd(agreement.home, agreement.destination, moveId, signatures);

        number = _number(agreementId);
        // Casts are safe: _checkAgree bounds both by `completeWithin`, which fits.
        uint40 startBy = uint40(document.startBy / 1000);
        uint24 completeIn = uint24(document.completeBy / 1000 - startBy);
        bool hadLead = startBy - _now() >= _head.startLead;
        for (uint256 i = 0; i < agreement.lines.length; ++i) {
            Vm storage vm = _vms[agreement.lines[i].vm];
            Vm memory next = vm;
            next.nonce += 1;
            next.move = number;
            next.state = VmState.Agreed;
            next.hadLead = hadLead;
            next.mark = startBy;
            next.completeIn = completeIn;
            _vms[agreement.lines[i].vm] = next;
        }
        if (agreement.destination != agreement.home) {
            _commit(agreement.destination, agreement.site, committedAfter);
        }
        if (agreement.source == agreement.home) _away[agreement.home] += agreement.lines.length;

        emit MoveAgreed({number: number, agreement: agreementId, move: moveId, document: document});
    }

    /// @inheritdoc IMigrationLedger
    function start(Move calldata document) external {
        Agreement calldata agreement = document.agreement;
        (uint32 number, Vm memory first, ) = _openMove(agreement);
        require(first.state == VmState.Agreed, MigrationLedger_WrongState(agreement.lines[0].vm, first.state));
        require(
            document.startBy / 1000 == first.mark && document.completeBy / 1000 == first.mark + first.completeIn,
            MigrationLedger_OtherDeadlines(document.startBy, document.completeBy)
        );
        _requireNotPast(document.startBy);
        REGISTRY.requireSender(
            agreement.source,
            AgentScope.HOST,
            agreement.home,
            agreement.destination,
            msg.sender
        );

        // Cast is safe: completeBy is at most 14 days after agreeing.
        uint24 completeIn = uint24(uint256(first.mark) + first.completeIn - block.timestamp);
        for (uint256 i = 0; i < agreement.lines.length; ++i) {
            Vm memory next = _vms[agreement.lines[i].vm];
            next.nonce += 1;
            next.state = VmState.Started;
            next.mark = _now();
            next.completeIn = completeIn;
            _vms[agreement.lines[i].vm] = next;
        }

        emit MoveStarted(number);
    }

    /// @inheritdoc IMigrationLedger
    function complete(Move calldata document, Handover calldata handover, bytes[] calldata signatures) external {
        Agreement calldata agreement = document.agreement;
        (uint32 number, Vm memory first, bytes32 agreementId) = _openMove(agreement);
        require(first.state == VmState.Started, MigrationLedger_WrongState(agreement.lines[0].vm, first.state));
        require(
            document.completeBy / 1000 == first.mark + first.completeIn,
            MigrationLedger_OtherDeadlines(document.startBy, document.completeBy)
        );
        _requireNotPast(document.completeBy);
        _requireHandover(handover, MoveHash.hashWith(agreementId, document), agreement.lines.length);
        bool homecoming = agreement.destination == agreement.home;
        if (!homecoming) _requireActive(agreement.destination);
        bytes32 handoverId = handover.structHash();
        _requireBothSides(agreement, handoverId, signatures);

        for (uint256 i = 0; i < agreement.lines.length; ++i) {
            _handOver(agreement, handover.releases[i], i, number, first.mark);
        }
        if (homecoming) _away[agreement.home] -= agreement.lines.length;

        emit MoveCompleted(number, handoverId);
    }

    function _requireHandover(Handover calldata handover, bytes32 moveId, uint256 count) private view {
        require(handover.move == moveId, MigrationLedger_OtherMove(moveId, handover.move));
        _requireNotPast(handover.validUntil);
        uint64 latest = uint64(_nowMs() + MAX_HANDOVER_MS);
        require(handover.validUntil <= latest, MigrationLedger_TooFar(handover.validUntil, latest));
        require(
            handover.releases.length == count,
            MigrationLedger_ReceiptCount(count, handover.releases.length)
        );
    }

    /// @dev The destination signs first and commits to nothing by that; the source's signature is the switch.
    function _requireBothSides(Agreement calldata agreement, bytes32 document, bytes[] calldata signatures) private view {
        _requireCount(signatures, 2);
        _requireSignature(
            agreement.destination,
            AgentScope.HOST,
            agreement.source,
            agreement.home,
            document,
            signatures[0]
        );
        _requireSignature(
            agreement.source,
            AgentScope.HOST,
            agreement.destination,
            agreement.home,
            document,
            signatures[1]
        );
    }

    function _handOver(
        Agreement calldata agreement,
        Release calldata released,
        uint256 index,
        uint32 number,
        uint40 startedAt
    ) private {
        Line calldata line = agreement.lines[index];
        require(released.vm == line.vm, MigrationLedger_ReceiptOrder(line.vm, released.vm));
        uint64 earliest = uint64(startedAt) * 1000;
        require(
            released.releasedAt >= earliest && released.releasedAt <= _nowMs(),
            MigrationLedger_TimeOutOfRange(line.vm, released.releasedAt, earliest, _nowMs())
        );
        _beginStay(
            line.vm,
            _vms[line.vm],
            NewStay({
                host: agreement.destination,
                site: agreement.site,
                agreement: number,
                noticePeriod: _noticePeriod(agreement),
                kind: DocumentKind.Move,
                startedAt: _nowMs(),
                // Cast is safe: not after this block.
                previousEndedAt: uint48(released.releasedAt),
                resources: ResourceVectors.pack(line.resources),
                stateDigest: released.stateDigest
            })
        );
    }

    /// @dev Everything `agree` asks but the signatures.
    function _checkAgree(Move calldata document) private view returns (ResourceVector committedAfter) {
        Agreement calldata agreement = document.agreement;
        Head memory head = _head;
        _requireForm(agreement, head);
        require(
            agreement.source != agreement.destination,
            MigrationLedger_HostIsDestination(agreement.destination)
        );
        require(
            agreement.agreeBy <= document.startBy && document.startBy <= document.completeBy,
            MigrationLedger_DeadlinesUnordered(agreement.agreeBy, document.startBy, document.completeBy)
        );
        uint64 latest = _nowMs() + uint64(head.startWithin) * 1000;
        require(document.startBy <= latest, MigrationLedger_TooFar(document.startBy, latest));
        latest = _nowMs() + uint64(head.completeWithin) * 1000;
        require(document.completeBy <= latest, MigrationLedger_TooFar(document.completeBy, latest));
        _requireParties(agreement, head);
        for (uint256 i = 0; i < agreement.lines.length; ++i) _requireLine(agreement, i, false);
        return _requireRoom(agreement, _demands(agreement));
    }

    /* RECORDS */

    /// @inheritdoc IMigrationLedger
    function record(Record calldata document, bytes[] calldata signatures) external returns (uint32 number) {
        Agreement calldata agreement = document.agreement;
        ICapacityExchange.Demand[] memory demands = _demands(agreement);
        ResourceVector committedAfter = _checkRecord(document, demands);
        bytes32 agreementId = agreement.structHash();
        bytes32 recordId = RecordHash.hashWith(agreementId, document);
        _requireAllParties(agreement, recordId, signatures);

        number = _acceptDocument(agreementId, recordId, DocumentKind.Record);
        for (uint256 i = 0; i < demands.length; ++i) {
            Receipt calldata receipt = document.receipts[i];
            _beginStay(
                receipt.vm,
                _vms[receipt.vm],
                NewStay({
                    host: agreement.destination,
                    site: agreement.site,
                    agreement: number,
                    noticePeriod: _noticePeriod(agreement),
                    kind: DocumentKind.Record,
                    // Casts are safe: not after this block.
                    startedAt: uint48(receipt.runningAt),
                    previousEndedAt: uint48(receipt.releasedAt),
                    resources: demands[i].resources,
                    stateDigest: receipt.stateDigest
                })
            );
        }
        if (agreement.destination == agreement.home) {
            _away[agreement.home] -= demands.length;
        } else {
            _commit(agreement.destination, agreement.site, committedAfter);
            if (agreement.source == agreement.home) _away[agreement.home] += demands.length;
        }
    }

    /// @dev Everything `record` asks but the signatures.
    function _checkRecord(
        Record calldata document,
        ICapacityExchange.Demand[] memory demands
    ) private view returns (ResourceVector committedAfter) {
        Agreement calldata agreement = document.agreement;
        Head memory head = _head;
        _requireForm(agreement, head);
        require(
            agreement.source != agreement.destination,
            MigrationLedger_HostIsDestination(agreement.destination)
        );
        require(
            document.receipts.length == agreement.lines.length,
            MigrationLedger_ReceiptCount(agreement.lines.length, document.receipts.length)
        );
        _requireParties(agreement, head);
        uint64 oldest = _nowMs() - uint64(head.tolerance) * 1000;
        for (uint256 i = 0; i < demands.length; ++i) {
            (VmId id, Vm memory vm) = _requireLine(agreement, i, false);
            Receipt calldata receipt = document.receipts[i];
            require(receipt.vm == id, MigrationLedger_ReceiptOrder(id, receipt.vm));
            uint64 earliest = _stays[id][vm.sequence].startedAt;
            // What `hostAt` answers for times older than the tolerance is final: neither time may lie before.
            if (earliest < oldest) earliest = oldest;
            require(
                receipt.releasedAt >= earliest && receipt.releasedAt <= receipt.runningAt,
                MigrationLedger_TimeOutOfRange(id, receipt.releasedAt, earliest, receipt.runningAt)
            );
            require(
                receipt.runningAt <= _nowMs(),
                MigrationLedger_TimeOutOfRange(id, receipt.runningAt, receipt.releasedAt, _nowMs())
            );
        }
        return _requireRoom(agreement, demands);
    }

    /// @dev Home, source and destination, each distinct cloud once, in this order.
    function _requireAllParties(Agreement calldata agreement, bytes32 document, bytes[] calldata signatures) private view {
        CloudId home = agreement.home;
        CloudId source = agreement.source;
        CloudId destination = agreement.destination;
        _requireCount(signatures, home == source || home == destination ? 2 : 3);
        _requireSignature(home, AgentScope.MOVE_OUT, source, destination, document, signatures[0]);
        uint256 next = 1;
        if (source != home) {
            _requireSignature(source, AgentScope.HOST, home, destination, document, signatures[next++]);
        }
        if (destination != home) {
            _requireSignature(destination, AgentScope.HOST, home, source, document, signatures[next]);
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
        return (_known(vm), _resources[vm].unpack());
    }

    /// @inheritdoc IMigrationLedger
    function resourcesOf(VmId vm) external view returns (ResourceVector) {
        return _resources[vm];
    }

    /// @inheritdoc IMigrationLedger
    function hostAt(VmId vm, uint64 time) external view returns (CloudId) {
        Vm memory found = _known(vm);
        require(time <= _nowMs(), MigrationLedger_TimeInFuture(time, _nowMs()));
        uint32 first = _firstSequence[vm];
        uint32 sequence = _stayAt(vm, found.sequence, first, time);
        if (sequence == 0) return first > 1 ? PREDECESSOR.hostAt(vm, time) : NOBODY;
        Stay memory stay = _stays[vm][sequence];
        return stay.endedAt == 0 || time < stay.endedAt ? stay.host : NOBODY;
    }

    /// @dev Number of the last stay that began at or before a time, 0 if there is none.
    function _stayAt(VmId vm, uint32 last, uint32 first, uint64 time) private view returns (uint32) {
        // Invariant: stays up to `low` began at or before the time, those from `high` on after it.
        uint256 low = first == 0 ? 0 : first - 1;
        uint256 high = uint256(last) + 1;
        uint256 none = low;
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (_stays[vm][uint32(middle)].startedAt <= time) low = middle;
            else high = middle;
        }
        // Cast is safe: not above `last`.
        return low == none ? 0 : uint32(low);
    }

    /// @inheritdoc IMigrationLedger
    function stays(VmId vm, uint32 from, uint32 count) external view returns (Stay[] memory found) {
        uint256 last = _known(vm).sequence;
        uint256 least = _firstSequence[vm];
        if (least == 0) least = 1;
        require(from >= least && from <= last, MigrationLedger_UnknownStay(vm, from));
        uint256 available = last - from + 1;
        found = new Stay[](count < available ? count : available);
        // Cast is safe: not above `last`.
        for (uint256 i = 0; i < found.length; ++i) found[i] = _stays[vm][uint32(from + i)];
    }

    /// @inheritdoc IMigrationLedger
    function agreementOf(VmId vm, uint32 sequence) external view returns (uint32 number, bytes32 agreement) {
        Stay memory stay = _stays[vm][sequence];
        require(stay.startedAt != 0, MigrationLedger_UnknownStay(vm, sequence));
        return (stay.agreement, _agreements[stay.agreement]);
    }

    /// @inheritdoc IMigrationLedger
    function agreementAt(uint32 number) external view returns (bytes32) {
        return _agreements[number];
    }

    /// @inheritdoc IMigrationLedger
    function responsibleDuring(VmId vm, uint64 from, uint64 to) external view returns (Responsibility[] memory list) {
        uint32 last = _known(vm).sequence;
        require(from < to, MigrationLedger_EmptyInterval(from, to));
        require(to <= _nowMs(), MigrationLedger_TimeInFuture(to, _nowMs()));
        uint32 low = _stayAt(vm, last, _firstSequence[vm], from);
        if (low == 0) low = _firstSequence[vm] == 0 ? 1 : _firstSequence[vm];
        uint32 high = _stayAt(vm, last, _firstSequence[vm], to - 1);
        // A pause that is still open when the interval ends belongs to the stay after it.
        if (high < last) high += 1;

        list = new Responsibility[](high < low ? 0 : 2 * (uint256(high) - low + 1));
        uint256 count;
        uint64 previousEnd;
        for (uint32 sequence = low; sequence <= high; ++sequence) {
            Stay memory stay = _stays[vm][sequence];
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
        _checkAgree(document);
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
