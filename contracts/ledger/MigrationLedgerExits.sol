// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement} from "../documents/Agreement.sol";
import {Evacuation, EvacuationHash} from "../documents/Evacuation.sol";
import {Move, MoveHash} from "../documents/Move.sol";
import {MutualAbort} from "../documents/MutualAbort.sol";
import {Succession} from "../documents/Succession.sol";
import {ICapacityExchange} from "../exchange/ICapacityExchange.sol";
import {AgentScope} from "../registry/AgentScope.sol";
import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {ResourceVector} from "../types/ResourceVector.sol";
import {VmId} from "../types/VmId.sol";
import {AbortReason, DocumentKind, IMigrationLedger, MoveState, VmState} from "./IMigrationLedger.sol";
import {MigrationLedgerBase} from "./MigrationLedgerBase.sol";
import {StayWord} from "./StayWord.sol";
import {VmWord} from "./VmWord.sol";

/// @title Part of the migration ledger: the ways out
/// @notice Abort and expiry of moves, notice, release, stop, loss, evacuation, succession, leaving: what ends something.
/// @dev Runs by delegatecall from `MigrationLedger`, on its storage; called directly it acts on an empty ledger of its
/// own. The functions are documented in `IMigrationLedger`.
contract MigrationLedgerExits is MigrationLedgerBase {
    uint256 private constant MAX_NOTICE_AHEAD_MS = 365 days * 1000;
    uint256 private constant EVACUATE_WITHIN = 24 hours;

    /// @param authority The AccessManager.
    /// @param registry The registry of clouds.
    /// @param exchange The exchange of capacity.
    /// @param predecessor The ledger from which VMs may be taken over, or zero.
    constructor(
        address authority,
        ICloudRegistry registry,
        ICapacityExchange exchange,
        IMigrationLedger predecessor
    ) MigrationLedgerBase(authority, registry, exchange, predecessor) {}

    /* ABORT AND EXPIRY */

    /// @notice See `IMigrationLedger.abort`.
    function abort(Move calldata document, CloudId by, AbortReason reason) external {
        Agreement calldata agreement = document.agreement;
        (uint32 number, VmWord first, ) = _openMove(agreement);
        require(reason != AbortReason.None, IMigrationLedger.MigrationLedger_NoReason());
        _requireAborter(agreement, by);
        CloudId unfinished = _unfinishedByAbort(agreement, by, first.state());

        _undo(agreement);
        _storeOutcome(number, MoveState.Aborted, reason, unfinished, NOBODY);

        emit IMigrationLedger.MoveAborted({number: number, by: by, reason: reason, unfinishedA: unfinished});
    }

    function _requireAborter(Agreement calldata agreement, CloudId by) private view {
        if (by == agreement.source || by == agreement.destination) {
            CloudId other = by == agreement.source ? agreement.destination : agreement.source;
            // Who is home as well may use an agent of either side.
            if (by == agreement.home) {
                REGISTRY.requireSender(by, AgentScope.HOST | AgentScope.MOVE_OUT, other, NOBODY, msg.sender);
            } else {
                REGISTRY.requireSender(by, AgentScope.HOST, agreement.home, other, msg.sender);
            }
        } else {
            require(by == agreement.home, IMigrationLedger.MigrationLedger_NotAParty(by));
            REGISTRY.requireSender(by, AgentScope.MOVE_OUT, agreement.source, agreement.destination, msg.sender);
        }
    }

    /// @dev It counts for whoever aborts alone, but not for the home before the start, and not while another party is
    /// not Active.
    function _unfinishedByAbort(
        Agreement calldata agreement,
        CloudId by,
        VmState state
    ) private view returns (CloudId) {
        if (by == agreement.home && state == VmState.Agreed) return NOBODY;
        if (by != agreement.home && !_isActive(agreement.home)) return NOBODY;
        if (by != agreement.source && !_isActive(agreement.source)) return NOBODY;
        if (by != agreement.destination && !_isActive(agreement.destination)) return NOBODY;
        return by;
    }

    /// @notice See `IMigrationLedger.abortMutually`.
    function abortMutually(Move calldata document, MutualAbort calldata consent, bytes[] calldata signatures) external {
        Agreement calldata agreement = document.agreement;
        (uint32 number, , bytes32 agreementId) = _openMove(agreement);
        bytes32 moveId = MoveHash.hashWith(agreementId, document);
        require(consent.move == moveId, IMigrationLedger.MigrationLedger_OtherMove(moveId, consent.move));
        _requireNotPast(consent.validUntil);
        require(
            consent.reason != 0 && consent.reason <= uint8(type(AbortReason).max),
            IMigrationLedger.MigrationLedger_UnknownReason(consent.reason)
        );
        bytes32 consentId = consent.structHash();
        _requireHosts(agreement.source, agreement.destination, agreement.home, consentId, signatures);
        AbortReason reason = AbortReason(consent.reason);

        _undo(agreement);
        _storeOutcome(number, MoveState.Aborted, reason, NOBODY, NOBODY);

        emit IMigrationLedger.MoveAborted({number: number, by: NOBODY, reason: reason, unfinishedA: NOBODY});
    }

    /// @notice See `IMigrationLedger.expire`.
    function expire(Move calldata document) external {
        Agreement calldata agreement = document.agreement;
        (uint32 number, VmWord first, ) = _openMove(agreement);
        CloudId unfinishedA;
        CloudId unfinishedB;
        uint256 deadline = first.mark();
        if (first.state() == VmState.Agreed) {
            if (
                first.hadLead() &&
                agreement.source != agreement.home &&
                _isActive(agreement.home) &&
                _isActive(agreement.destination)
            ) unfinishedA = agreement.source;
        } else {
            deadline += first.completeIn();
            if (_isActive(agreement.destination)) unfinishedA = agreement.source;
            if (_isActive(agreement.source)) unfinishedB = agreement.destination;
        }
        // Cast is safe: uint40 seconds times 1000 fit.
        require(
            block.timestamp > deadline,
            IMigrationLedger.MigrationLedger_TooEarly(uint64((deadline + 1) * 1000), _nowMs())
        );

        _undo(agreement);
        _storeOutcome(number, MoveState.Expired, AbortReason.None, unfinishedA, unfinishedB);

        emit IMigrationLedger.MoveExpired({number: number, unfinishedA: unfinishedA, unfinishedB: unfinishedB});
    }

    /* NOTICE, RELEASE, STOP */

    /// @notice See `IMigrationLedger.giveNotice`.
    function giveNotice(VmId[] calldata vms, uint64 until) external {
        require(vms.length != 0 && vms.length <= MAX_LINES, IMigrationLedger.MigrationLedger_LineCount(vms.length));
        require(
            until <= _nowMs() + MAX_NOTICE_AHEAD_MS,
            IMigrationLedger.MigrationLedger_TooFar(until, uint64(_nowMs() + MAX_NOTICE_AHEAD_MS))
        );
        CloudId host = _known(vms[0]).host();
        for (uint256 i = 0; i < vms.length; ++i) _giveNotice(vms[i], host, until);
    }

    function _giveNotice(VmId id, CloudId host, uint64 until) private {
        VmWord vm = _known(id);
        require(
            vm.state() == VmState.Abroad || vm.isMoving(),
            IMigrationLedger.MigrationLedger_WrongState(id, vm.state())
        );
        require(vm.host() == host, IMigrationLedger.MigrationLedger_WrongHost(id, vm.host(), host));
        require(vm.host() != vm.home(), IMigrationLedger.MigrationLedger_NotAbroad(id));
        REGISTRY.requireSender(host, AgentScope.HOST, vm.home(), NOBODY, msg.sender);
        StayWord stay = _stays[id][vm.sequence()];
        require(stay.noticeUntil() == 0, IMigrationLedger.MigrationLedger_NoticeGiven(id, stay.noticeUntil()));
        uint64 earliest = _nowMs() + uint64(stay.noticePeriod()) * 1000;
        require(until >= earliest, IMigrationLedger.MigrationLedger_NoticeTooShort(id, until, earliest));

        // Cast is safe: at most a year ahead. Rounded up to whole seconds: not before its deadline.
        uint40 deadline = uint40((uint256(until) + 999) / 1000);
        _stays[id][vm.sequence()] = stay.noticed(deadline);
        _vms[id] = vm.acted();

        emit IMigrationLedger.NoticeGiven(id, vm.sequence(), host, until);
    }

    /// @notice See `IMigrationLedger.release`.
    function release(VmId id) external {
        VmWord vm = _requireAbroad(id);
        _requireReleasable(id, vm);

        _stop(id, vm, vm.host());
    }

    /// @notice See `IMigrationLedger.releaseFromMove`.
    function releaseFromMove(VmId id, Move calldata document) external {
        VmWord vm = _requireInAgreedMove(id, document.agreement);
        _requireReleasable(id, vm);

        _leaveMove(document.agreement, vm, vm.host(), AbortReason.NoticeDue);
        _stop(id, _vms[id], vm.host());
    }

    /// @notice See `IMigrationLedger.stop`.
    function stop(VmId id) external {
        VmWord vm = _requireAbroad(id);
        REGISTRY.requireSender(vm.home(), AgentScope.MOVE_OUT, vm.host(), NOBODY, msg.sender);

        _stop(id, vm, vm.home());
    }

    /// @notice See `IMigrationLedger.stopFromMove`.
    function stopFromMove(VmId id, Move calldata document) external {
        VmWord vm = _requireInAgreedMove(id, document.agreement);
        REGISTRY.requireSender(vm.home(), AgentScope.MOVE_OUT, vm.host(), NOBODY, msg.sender);

        _leaveMove(document.agreement, vm, vm.home(), AbortReason.HomeStopped);
        _stop(id, _vms[id], vm.home());
    }

    function _requireAbroad(VmId id) private view returns (VmWord vm) {
        vm = _known(id);
        require(vm.state() == VmState.Abroad, IMigrationLedger.MigrationLedger_WrongState(id, vm.state()));
    }

    /// @dev The VM runs abroad and is part of the agreed move that the document describes.
    function _requireInAgreedMove(VmId id, Agreement calldata agreement) private view returns (VmWord vm) {
        vm = _known(id);
        require(vm.state() == VmState.Agreed, IMigrationLedger.MigrationLedger_WrongState(id, vm.state()));
        (uint32 number, , ) = _openMove(agreement);
        require(vm.move() == number, IMigrationLedger.MigrationLedger_NotInMove(id));
        require(vm.host() != vm.home(), IMigrationLedger.MigrationLedger_NotAbroad(id));
    }

    function _requireReleasable(VmId id, VmWord vm) private view {
        REGISTRY.requireSender(vm.host(), AgentScope.HOST, vm.home(), NOBODY, msg.sender);
        uint40 until = _stays[id][vm.sequence()].noticeUntil();
        require(until != 0, IMigrationLedger.MigrationLedger_NoNotice(id));
        require(block.timestamp >= until, IMigrationLedger.MigrationLedger_TooEarly(uint64(until) * 1000, _nowMs()));
    }

    /// @dev Neither a due notice nor a stop by the home counts as unfinished.
    function _leaveMove(Agreement calldata agreement, VmWord vm, CloudId by, AbortReason reason) private {
        _undo(agreement);
        _storeOutcome(vm.move(), MoveState.Aborted, reason, NOBODY, NOBODY);

        emit IMigrationLedger.MoveAborted({number: vm.move(), by: by, reason: reason, unfinishedA: NOBODY});
    }

    function _stop(VmId id, VmWord vm, CloudId by) private {
        _free(vm.host(), vm.site(), _resources[id]);
        _away[vm.home()] -= 1;
        _vms[id] = vm.ended(VmState.Stopped, _nowMs());

        emit IMigrationLedger.VmStopped({vm: id, sequence: vm.sequence(), by: by, endedAt: _nowMs()});
    }

    /// @notice See `IMigrationLedger.restore`.
    function restore(VmId id) external {
        VmWord vm = _known(id);
        require(vm.state() == VmState.Stopped, IMigrationLedger.MigrationLedger_WrongState(id, vm.state()));
        _requirePart(vm.home(), REGISTRY.statusOf(vm.home()));
        REGISTRY.requireSender(vm.home(), AgentScope.MOVE_OUT, NOBODY, NOBODY, msg.sender);

        _beginStay(
            id,
            vm,
            NewStay({
                host: vm.home(),
                site: 0,
                agreement: 0,
                noticePeriod: 0,
                kind: DocumentKind.None,
                startedAt: _nowMs(),
                previousEndedAt: vm.endedAt(),
                resources: _resources[id],
                stateDigest: 0
            })
        );
    }

    /// @notice See `IMigrationLedger.terminate`.
    function terminate(VmId id) external {
        VmWord vm = _known(id);
        require(
            vm.state() == VmState.Home || vm.state() == VmState.Stopped,
            IMigrationLedger.MigrationLedger_WrongState(id, vm.state())
        );
        _requirePart(vm.home(), REGISTRY.statusOf(vm.home()));
        REGISTRY.requireAccount(vm.home(), msg.sender);
        uint48 endedAt = _nowMs();
        if (vm.state() == VmState.Stopped) {
            endedAt = vm.endedAt();
            uint64 earliest = endedAt + uint64(_retention) * 1000;
            require(_nowMs() >= earliest, IMigrationLedger.MigrationLedger_TooEarly(earliest, _nowMs()));
        }
        _vms[id] = vm.ended(VmState.Terminated, endedAt);

        emit IMigrationLedger.VmTerminated(id, endedAt);
    }

    /* LOSS */

    /// @notice See `IMigrationLedger.declareLost`.
    function declareLost(VmId id) external {
        VmWord vm = _requireAbroad(id);
        REGISTRY.requireSender(vm.home(), AgentScope.MOVE_OUT, vm.host(), NOBODY, msg.sender);
        require(vm.mark() == 0, IMigrationLedger.MigrationLedger_DeclaredLost(id, vm.mark()));

        _vms[id] = vm.lossDeclared(_now());

        emit IMigrationLedger.LossDeclared(id, vm.host(), _now());
    }

    /// @notice See `IMigrationLedger.contestLoss`.
    function contestLoss(VmId id) external {
        VmWord vm = _requireAbroad(id);
        _requireActive(vm.host(), REGISTRY.statusOf(vm.host()));
        REGISTRY.requireSender(vm.host(), AgentScope.HOST, vm.home(), NOBODY, msg.sender);
        _takeBackLoss(id, vm);

        emit IMigrationLedger.LossContested(id, vm.host());
    }

    /// @notice See `IMigrationLedger.withdrawLoss`.
    function withdrawLoss(VmId id) external {
        VmWord vm = _requireAbroad(id);
        REGISTRY.requireSender(vm.home(), AgentScope.MOVE_OUT, vm.host(), NOBODY, msg.sender);
        _takeBackLoss(id, vm);

        emit IMigrationLedger.LossWithdrawn(id, vm.host());
    }

    function _takeBackLoss(VmId id, VmWord vm) private {
        require(vm.mark() != 0, IMigrationLedger.MigrationLedger_NotDeclaredLost(id));
        _vms[id] = vm.lossTakenBack();
    }

    /// @notice See `IMigrationLedger.evacuate`.
    function evacuate(Evacuation calldata document, bytes[] calldata signatures) external returns (uint32 number) {
        Agreement calldata agreement = document.agreement;
        ICapacityExchange.Demand[] memory demands = _demands(agreement);
        ResourceVector committedAfter = _checkEvacuate(agreement, demands);
        bytes32 agreementId = agreement.structHash();
        bytes32 evacuationId = EvacuationHash.hashWith(agreementId);
        _requireHomeAnd(agreement.home, agreement.destination, evacuationId, signatures);

        NewStay memory stay = _newStay(agreement, 0, DocumentKind.Evacuation);
        number = _acceptDocument(agreementId, evacuationId, DocumentKind.Evacuation, stay.noticePeriod);
        stay.agreement = number;
        Freed memory freed;
        freed.cloud = agreement.source;
        for (uint256 i = 0; i < demands.length; ++i) {
            VmId id = agreement.lines[i].vm;
            VmWord vm = _vms[id];
            // Cast is safe: a past block's time.
            stay.previousEndedAt = uint48(vm.mark()) * 1000;
            stay.resources = demands[i].resources;
            _freeLater(freed, vm.site(), _beginStay(id, vm, stay));
        }
        _freeNow(freed);
        if (agreement.destination == agreement.home) _away[agreement.home] -= demands.length;
        else _commit(agreement.destination, agreement.site, committedAfter);
    }

    function _checkEvacuate(
        Agreement calldata agreement,
        ICapacityExchange.Demand[] memory demands
    ) private view returns (ResourceVector) {
        Head memory head = _head;
        _requireForm(agreement, head);
        require(
            agreement.source != agreement.destination,
            IMigrationLedger.MigrationLedger_HostIsDestination(agreement.destination)
        );
        _requireEvacuationParties(agreement);
        CloudStatus status = REGISTRY.statusOf(agreement.source);
        bool waits = status != CloudStatus.Suspended && status != CloudStatus.Expelled;
        VmId previous;
        for (uint256 i = 0; i < demands.length; ++i) {
            VmWord vm;
            (previous, vm) = _requireLine(agreement, agreement.lines[i], previous, true);
            uint256 earliest = waits ? uint256(vm.mark()) + head.lossWait : vm.mark();
            require(
                block.timestamp >= earliest,
                IMigrationLedger.MigrationLedger_TooEarly(uint64(earliest * 1000), _nowMs())
            );
            uint256 latest = vm.mark() + EVACUATE_WITHIN;
            require(
                block.timestamp <= latest,
                IMigrationLedger.MigrationLedger_TooLate(uint64(latest * 1000), _nowMs())
            );
        }
        return _requireRoom(agreement, demands);
    }

    /// @dev An evacuation is an exit of the home: neither a pause nor a closed ledger stops it.
    function _requireEvacuationParties(Agreement calldata agreement) private view {
        if (agreement.home == agreement.destination) {
            _requirePart(agreement.home, REGISTRY.statusOf(agreement.home));
        } else {
            _requireActive(agreement.home, REGISTRY.statusOf(agreement.home));
            _requireActive(agreement.destination, REGISTRY.statusOf(agreement.destination));
        }
    }

    /* SUCCESSION AND LEAVING */

    /// @notice See `IMigrationLedger.succeedVm`.
    function succeedVm(Succession calldata document, bytes[] calldata signatures) external {
        VmId id = document.vm;
        VmWord vm = _known(id);
        require(
            vm.state() == VmState.Home || vm.state() == VmState.Abroad,
            IMigrationLedger.MigrationLedger_WrongState(id, vm.state())
        );
        require(vm.mark() == 0, IMigrationLedger.MigrationLedger_DeclaredLost(id, vm.mark()));
        require(
            _successor != address(0) && document.successor == _successor,
            IMigrationLedger.MigrationLedger_WrongSuccessor(_successor, document.successor)
        );
        _requireNotPast(document.validUntil);
        require(
            vm.nonce() == document.nonce,
            IMigrationLedger.MigrationLedger_StaleNonce(id, vm.nonce(), document.nonce)
        );
        _requireHomeAnd(vm.home(), vm.host(), document.structHash(), signatures);

        _hasSucceeded = true;
        if (vm.state() == VmState.Abroad) {
            _free(vm.host(), vm.site(), _resources[id]);
            _away[vm.home()] -= 1;
        }
        _vms[id] = vm.ended(VmState.Succeeded, _nowMs());

        emit IMigrationLedger.VmSucceeded(id, document.successor, _nowMs());
    }

    /// @notice See `IMigrationLedger.leave`.
    function leave(CloudId cloud) external {
        REGISTRY.requireAccount(cloud, msg.sender);
        // Only the newest ledger sees the obligations on all of them.
        require(_successor == address(0), IMigrationLedger.MigrationLedger_Closed(_successor));
        _requireFree(cloud, address(this), _away[cloud], _sitesInUse[cloud]);
        for (IMigrationLedger ledger = PREDECESSOR; address(ledger) != address(0); ledger = ledger.predecessor()) {
            (uint256 away, uint256 sitesInUse) = ledger.obligationsOf(cloud);
            _requireFree(cloud, address(ledger), away, sitesInUse);
        }

        REGISTRY.markLeft(cloud);
    }

    function _requireFree(CloudId cloud, address ledger, uint256 away, uint256 sitesInUse) private pure {
        require(
            away == 0 && sitesInUse == 0,
            IMigrationLedger.MigrationLedger_HasObligations(cloud, ledger, away, sitesInUse)
        );
    }
}
