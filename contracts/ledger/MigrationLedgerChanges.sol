// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement} from "../documents/Agreement.sol";
import {Amendment, AmendmentHash} from "../documents/Amendment.sol";
import {Resources} from "../documents/Resources.sol";
import {ICapacityExchange} from "../exchange/ICapacityExchange.sol";
import {AgentScope} from "../registry/AgentScope.sol";
import {ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {ResourceVector, ResourceVectors} from "../types/ResourceVector.sol";
import {VmId} from "../types/VmId.sol";
import {DocumentKind, IMigrationLedger, Parameters, Stay, Vm, VmState} from "./IMigrationLedger.sol";
import {LedgerParameters} from "./LedgerParameters.sol";
import {MigrationLedgerBase} from "./MigrationLedgerBase.sol";
import {VmWord, VmWords} from "./VmWord.sol";

/// @title Part of the migration ledger: changes
/// @notice Registration, amendments, withdrawal of signatures, adoption from a predecessor, and what governance may do.
/// @dev Runs by delegatecall from `MigrationLedger`, on its storage; called directly it acts on an empty ledger of its
/// own. The functions are documented in `IMigrationLedger`.
contract MigrationLedgerChanges is MigrationLedgerBase {
    uint40 private constant MAX_PAUSE = 72 hours;
    uint40 private constant PAUSE_EVERY = 30 days;

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

    /* REGISTRATION */

    /// @notice See `IMigrationLedger.register`.
    function register(CloudId home, bytes32 localId, Resources calldata resources) external returns (VmId vm) {
        _requireNewBusiness(_head);
        _requireActive(home, REGISTRY.statusOf(home));
        REGISTRY.requireSender(home, AgentScope.MOVE_OUT, NOBODY, NOBODY, msg.sender);
        vm = _vmId(home, localId);
        require(!_isRegistered(vm), IMigrationLedger.MigrationLedger_AlreadyRegistered(vm));
        ResourceVector packed = ResourceVectors.pack(resources);
        require(!packed.isZero(), IMigrationLedger.MigrationLedger_EmptyResources(vm));

        emit IMigrationLedger.VmRegistered({vm: vm, home: home, localId: localId});
        _beginStay(
            vm,
            VmWords.create(home, 0, 0),
            NewStay({
                host: home,
                site: 0,
                agreement: 0,
                noticePeriod: 0,
                kind: DocumentKind.None,
                startedAt: _nowMs(),
                previousEndedAt: 0,
                resources: packed,
                stateDigest: 0
            })
        );
    }

    /// @dev Here or on a ledger before this one, from which it is adopted instead. Who is registered has resources.
    function _isRegistered(VmId vm) private view returns (bool) {
        if (VmWord.unwrap(_vms[vm]) != 0) return true;
        for (IMigrationLedger ledger = PREDECESSOR; address(ledger) != address(0); ledger = ledger.predecessor()) {
            if (!ledger.resourcesOf(vm).isZero()) return true;
        }
        return false;
    }

    /* AMENDMENTS */

    /// @notice See `IMigrationLedger.amend`.
    function amend(Amendment calldata document, bytes[] calldata signatures) external returns (uint32 number) {
        Agreement calldata agreement = document.agreement;
        ICapacityExchange.Demand[] memory demands = _demands(agreement);
        ResourceVector committedAfter = _checkAmend(agreement, demands);
        bytes32 agreementId = agreement.structHash();
        bytes32 amendmentId = AmendmentHash.hashWith(agreementId);
        _requireHomeAnd(agreement.home, agreement.source, amendmentId, signatures);

        NewStay memory stay = _newStay(agreement, 0, DocumentKind.Amendment);
        number = _acceptDocument(agreementId, amendmentId, DocumentKind.Amendment, stay.noticePeriod);
        stay.agreement = number;
        stay.previousEndedAt = stay.startedAt;
        for (uint256 i = 0; i < demands.length; ++i) {
            VmId id = agreement.lines[i].vm;
            stay.resources = demands[i].resources;
            _beginStay(id, _vms[id], stay);
        }
        _commit(agreement.source, agreement.site, committedAfter);
    }

    function _checkAmend(
        Agreement calldata agreement,
        ICapacityExchange.Demand[] memory demands
    ) private view returns (ResourceVector) {
        Head memory head = _head;
        _requireForm(agreement, head);
        require(
            agreement.source == agreement.destination,
            IMigrationLedger.MigrationLedger_NotSameHost(agreement.source, agreement.destination)
        );
        ResourceVector[] memory current = new ResourceVector[](demands.length);
        bool grows;
        VmId id;
        for (uint256 i = 0; i < demands.length; ++i) {
            VmWord vm;
            (id, vm) = _requireLine(agreement, agreement.lines[i], id, false);
            require(vm.state() == VmState.Abroad, IMigrationLedger.MigrationLedger_AtHome(id));
            require(
                vm.site() == agreement.site,
                IMigrationLedger.MigrationLedger_WrongSite(id, vm.site(), agreement.site)
            );
            current[i] = _resources[id];
            grows = grows || !demands[i].resources.fitsWithin(current[i]);
        }
        if (grows) {
            _requireNewBusiness(head);
            _requireActive(agreement.home, REGISTRY.statusOf(agreement.home));
            _requireActive(agreement.source, REGISTRY.statusOf(agreement.source));
        }
        ResourceVector elsewhere = _committedElsewhere(agreement.source, agreement.site);
        return
            EXCHANGE
                .checkGrowth(
                    agreement.source,
                    agreement.site,
                    _committed[agreement.source][agreement.site].plus(elsewhere),
                    current,
                    demands
                )
                .minus(elsewhere);
    }

    /// @notice See `IMigrationLedger.revoke`.
    function revoke(CloudId by, bytes32 document) external {
        REGISTRY.requireSender(by, AgentScope.MOVE_OUT | AgentScope.HOST, NOBODY, NOBODY, msg.sender);

        if (!_revoked[by][document]) {
            _revoked[by][document] = true;
            ++_revocations[document];
        }

        emit IMigrationLedger.Revoked(by, document);
    }

    /* ADOPTION */

    /// @notice See `IMigrationLedger.adopt`.
    function adopt(VmId id) external {
        require(VmWord.unwrap(_vms[id]) == 0, IMigrationLedger.MigrationLedger_AlreadyRegistered(id));
        require(
            address(PREDECESSOR) != address(0) && PREDECESSOR.successor() == address(this),
            IMigrationLedger.MigrationLedger_NotSucceeding(id)
        );
        (Vm memory vm, ) = PREDECESSOR.vmOf(id);
        require(vm.state == VmState.Succeeded, IMigrationLedger.MigrationLedger_NotSucceeding(id));
        Stay memory last = PREDECESSOR.stays(id, vm.sequence, 1)[0];

        _firstSequence[id] = vm.sequence + 1;
        uint32 number;
        if (last.agreement != 0) {
            bytes32 agreementId = PREDECESSOR.agreementAt(last.agreement);
            number = _acceptDocument(agreementId, agreementId, DocumentKind.Adoption, last.noticePeriod);
        }
        ResourceVector packed = PREDECESSOR.resourcesOf(id);
        if (vm.host != vm.home) {
            _commit(vm.host, vm.site, _committed[vm.host][vm.site].plus(packed));
            _away[vm.home] += 1;
        }

        emit IMigrationLedger.VmAdopted(id, vm.home, vm.nonce);
        _beginStay(
            id,
            VmWords.create(vm.home, vm.nonce, vm.sequence),
            NewStay({
                host: vm.host,
                site: vm.site,
                agreement: number,
                noticePeriod: last.noticePeriod,
                kind: DocumentKind.Adoption,
                startedAt: last.endedAt,
                previousEndedAt: 0,
                resources: packed,
                stateDigest: 0
            })
        );
    }

    /* GOVERNANCE */

    /// @notice See `IMigrationLedger.closeForNew`.
    function closeForNew() external restricted {
        _head.closed = true;

        emit IMigrationLedger.ClosedForNew();
    }

    /// @notice See `IMigrationLedger.setSuccessor`.
    function setSuccessor(address next) external restricted {
        require(!_hasSucceeded, IMigrationLedger.MigrationLedger_SuccessorInUse(_successor));

        _successor = next;

        emit IMigrationLedger.SuccessorSet(next);
    }

    /// @notice See `IMigrationLedger.pauseNew`.
    function pauseNew(uint40 duration) external restricted {
        require(
            duration != 0 && duration <= MAX_PAUSE,
            IMigrationLedger.MigrationLedger_ParameterOutOfRange("duration", duration, 1, MAX_PAUSE)
        );
        uint40 next = _pausedAt == 0 ? 0 : _pausedAt + PAUSE_EVERY;
        require(block.timestamp >= next, IMigrationLedger.MigrationLedger_PausedRecently(next));

        _pausedAt = _now();
        _head.newPausedUntil = _now() + duration;

        emit IMigrationLedger.NewPaused(_now() + duration);
    }

    /// @notice See `IMigrationLedger.resumeNew`.
    function resumeNew() external restricted {
        require(_head.newPausedUntil >= block.timestamp, IMigrationLedger.MigrationLedger_NotPaused());

        _head.newPausedUntil = 0;

        emit IMigrationLedger.NewResumed();
    }

    /// @notice See `IMigrationLedger.setParameters`.
    function setParameters(Parameters calldata next) external restricted {
        LedgerParameters.requireWithinLimits(next);

        _setParameters(next);

        emit IMigrationLedger.ParametersSet(next);
    }
}
