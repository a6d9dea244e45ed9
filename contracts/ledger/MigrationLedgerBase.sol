// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Agreement, Line} from "../documents/Agreement.sol";
import {ICapacityExchange} from "../exchange/ICapacityExchange.sol";
import {AgentScope} from "../registry/AgentScope.sol";
import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {ResourceVector, ResourceVectors} from "../types/ResourceVector.sol";
import {VmId} from "../types/VmId.sol";
import {AbortReason, DocumentKind, IMigrationLedger, MoveOutcome, MoveState, Parameters} from "./IMigrationLedger.sol";
import {StayWord, StayWords} from "./StayWord.sol";
import {VmWord} from "./VmWord.sol";

/// @title Storage and common rules of the migration ledger
/// @notice What both halves of the ledger share. The halves must inherit this and nothing else that has storage.
abstract contract MigrationLedgerBase is AccessManaged, EIP712 {
    /// @notice What is read at every new agreement, in one slot.
    struct Head {
        // slot: 3 * 6 + 5 + 1 = 24 bytes
        uint24 agreeWithin;
        uint24 startWithin;
        uint24 completeWithin;
        uint24 startLead;
        uint24 tolerance;
        uint24 lossWait;
        uint40 newPausedUntil;
        bool closed;
    }

    uint256 internal constant MAX_LINES = 16;
    uint256 internal constant MIN_NOTICE_MS = 1 hours * 1000;
    uint256 internal constant MAX_NOTICE_MS = 90 days * 1000;
    uint8 internal constant MAX_DIGEST_KIND = 3;

    uint256 internal constant MAX_HANDOVER_MS = 5 minutes * 1000;

    ICloudRegistry internal immutable REGISTRY;
    ICapacityExchange internal immutable EXCHANGE;
    IMigrationLedger internal immutable PREDECESSOR;

    Head internal _head;
    uint32 internal _retention;
    uint40 internal _pausedAt;
    address internal _successor;
    bool internal _hasSucceeded;

    mapping(VmId vm => VmWord) internal _vms;
    mapping(VmId vm => ResourceVector) internal _resources;
    mapping(VmId vm => mapping(uint32 sequence => StayWord)) internal _stays;
    mapping(uint32 number => bytes32 agreement) internal _agreements;
    mapping(uint32 number => MoveOutcome) internal _outcomes;
    mapping(CloudId cloud => mapping(uint16 site => ResourceVector)) internal _committed;
    mapping(CloudId cloud => mapping(bytes32 document => bool)) internal _revoked;
    /// @dev How many clouds revoked a document, signers or not: one slot tells that nobody did.
    mapping(bytes32 document => uint256) internal _revocations;
    mapping(CloudId home => uint256) internal _away;
    mapping(CloudId cloud => uint256) internal _sitesInUse;
    /// @dev Of adopted VMs only: number of the first stay on this ledger.
    mapping(VmId vm => uint32 sequence) internal _firstSequence;

    constructor(
        address authority,
        ICloudRegistry registry,
        ICapacityExchange exchange,
        IMigrationLedger predecessor
    ) AccessManaged(authority) EIP712("BlockchainBus", "1") {
        REGISTRY = registry;
        EXCHANGE = exchange;
        PREDECESSOR = predecessor;
    }

    /// @notice What the halves of the ledger must have in common.
    function parts() public view returns (ICloudRegistry, ICapacityExchange, IMigrationLedger) {
        return (REGISTRY, EXCHANGE, PREDECESSOR);
    }

    /* PARAMETERS */

    function _setParameters(Parameters memory next) internal {
        _head.agreeWithin = next.agreeWithin;
        _head.startWithin = next.startWithin;
        _head.completeWithin = next.completeWithin;
        _head.startLead = next.startLead;
        _head.tolerance = next.tolerance;
        _head.lossWait = next.lossWait;
        _retention = next.retention;
    }

    function _parameters() internal view returns (Parameters memory) {
        return
            Parameters({
                agreeWithin: _head.agreeWithin,
                startWithin: _head.startWithin,
                completeWithin: _head.completeWithin,
                startLead: _head.startLead,
                tolerance: _head.tolerance,
                lossWait: _head.lossWait,
                retention: _retention
            });
    }

    /* TIME */

    /// @dev Cast is safe: uint48 milliseconds reach the year 10889.
    function _nowMs() internal view returns (uint48) {
        unchecked {
            // A block's time is far below 2**64.
            return uint48(block.timestamp * 1000);
        }
    }

    /// @dev Cast is safe: uint40 seconds reach the year 36812.
    function _now() internal view returns (uint40) {
        return uint40(block.timestamp);
    }

    function _requireNotPast(uint64 deadline) internal view {
        require(_nowMs() <= deadline, IMigrationLedger.MigrationLedger_TooLate(deadline, _nowMs()));
    }

    /* VMS */

    function _vmId(CloudId home, bytes32 localId) internal view returns (VmId) {
        return VmId.wrap(keccak256(abi.encode(block.chainid, REGISTRY, home, localId)));
    }

    function _known(VmId id) internal view returns (VmWord vm) {
        vm = _vms[id];
        require(VmWord.unwrap(vm) != 0, IMigrationLedger.MigrationLedger_UnknownVm(id));
    }

    /// @dev Takes `amount` of capacity back at a site where a foreign VM was hosted or expected.
    function _free(CloudId cloud, uint16 site, ResourceVector amount) internal {
        _commit(cloud, site, _committed[cloud][site].minus(amount));
    }

    /// @dev Sets what is committed at a site and counts the sites in use, for `leave`.
    function _commit(CloudId cloud, uint16 site, ResourceVector amount) internal {
        mapping(uint16 site => ResourceVector) storage sites = _committed[cloud];
        bool wasZero = sites[site].isZero();
        if (wasZero != amount.isZero()) {
            if (wasZero) ++_sitesInUse[cloud];
            else --_sitesInUse[cloud];
        }
        sites[site] = amount;
    }

    /* PARTIES */

    function _requireSignature(
        CloudId cloud,
        uint8 scope,
        CloudId partnerA,
        CloudId partnerB,
        Signed memory document,
        bytes calldata signature
    ) internal view returns (CloudStatus) {
        if (document.isRevokedBySome) {
            require(!_revoked[cloud][document.id], IMigrationLedger.MigrationLedger_Revoked(cloud, document.id));
        }
        return REGISTRY.requireSignature(cloud, scope, partnerA, partnerB, document.digest, signature);
    }

    /// @dev What the signatures under a document are checked against.
    struct Signed {
        bytes32 id;
        bytes32 digest;
        bool isRevokedBySome;
    }

    function _signed(bytes32 document) internal view returns (Signed memory) {
        return Signed({id: document, digest: _hashTypedDataV4(document), isRevokedBySome: _revocations[document] != 0});
    }

    /// @dev Home and one other cloud sign, or home alone where they are the same. Returns their statuses.
    function _requireHomeAnd(
        CloudId home,
        CloudId other,
        bytes32 document,
        bytes[] calldata signatures
    ) internal view returns (CloudStatus homeStatus, CloudStatus otherStatus) {
        _requireCount(signatures, home == other ? 1 : 2);
        Signed memory signed = _signed(document);
        homeStatus = _requireSignature(home, AgentScope.MOVE_OUT, other, NOBODY, signed, signatures[0]);
        otherStatus =
            home == other ? homeStatus : _requireSignature(other, AgentScope.HOST, home, NOBODY, signed, signatures[1]);
    }

    /// @dev Two hosts sign, in this order, about a VM of a third or of one of them. Returns the first one's status.
    function _requireHosts(
        CloudId first,
        CloudId second,
        CloudId home,
        bytes32 document,
        bytes[] calldata signatures
    ) internal view returns (CloudStatus firstStatus) {
        _requireCount(signatures, 2);
        Signed memory signed = _signed(document);
        firstStatus = _requireSignature(first, AgentScope.HOST, second, home, signed, signatures[0]);
        _requireSignature(second, AgentScope.HOST, first, home, signed, signatures[1]);
    }

    function _requireCount(bytes[] calldata signatures, uint256 needed) internal pure {
        require(
            signatures.length == needed,
            IMigrationLedger.MigrationLedger_SignatureCount(needed, signatures.length)
        );
    }

    function _requireActive(CloudId cloud, CloudStatus status) internal pure {
        require(status == CloudStatus.Active, IMigrationLedger.MigrationLedger_StatusForbids(cloud, uint8(status)));
    }

    function _isActive(CloudId cloud) internal view returns (bool) {
        return REGISTRY.statusOf(cloud) == CloudStatus.Active;
    }

    /// @dev Who still has a part in the federation's VMs: everybody but strangers and those who left.
    function _requirePart(CloudId cloud, CloudStatus status) internal pure {
        require(
            status != CloudStatus.None && status != CloudStatus.Left,
            IMigrationLedger.MigrationLedger_StatusForbids(cloud, uint8(status))
        );
    }

    function _requireNewBusiness(Head memory head) internal view {
        require(!head.closed, IMigrationLedger.MigrationLedger_Closed(_successor));
        require(head.newPausedUntil < block.timestamp, IMigrationLedger.MigrationLedger_NewPaused(head.newPausedUntil));
        // A predecessor that takes new business does not know what this ledger has promised of the same offers.
        require(
            address(PREDECESSOR) == address(0) || PREDECESSOR.isClosed(),
            IMigrationLedger.MigrationLedger_PredecessorOpen(address(PREDECESSOR))
        );
    }

    /* AGREEMENTS */

    /// @dev Rules of an agreement that hold for every document that begins a stay.
    function _requireForm(Agreement calldata agreement, Head memory head) internal view {
        uint256 count = agreement.lines.length;
        require(count != 0 && count <= MAX_LINES, IMigrationLedger.MigrationLedger_LineCount(count));
        uint64 agreeBy = agreement.agreeBy;
        _requireNotPast(agreeBy);
        uint64 latest = _nowMs() + uint64(head.agreeWithin) * 1000;
        require(agreeBy <= latest, IMigrationLedger.MigrationLedger_TooFar(agreeBy, latest));
        uint64 noticeMs = agreement.noticeMs;
        require(
            noticeMs >= MIN_NOTICE_MS && noticeMs <= MAX_NOTICE_MS,
            IMigrationLedger.MigrationLedger_NoticePeriod(noticeMs)
        );
        require(agreement.windowMs != 0, IMigrationLedger.MigrationLedger_NoWindow());
        uint8 digestKind = agreement.digestKind;
        require(digestKind <= MAX_DIGEST_KIND, IMigrationLedger.MigrationLedger_DigestKind(digestKind));
    }

    /// @dev Statuses of home and destination. A return home is always possible to who has a part in the federation.
    function _requireParties(
        Agreement calldata agreement,
        Head memory head,
        CloudStatus home,
        CloudStatus destination
    ) internal view {
        (CloudId first, CloudId second) = (agreement.home, agreement.destination);
        if (first == second) {
            _requirePart(first, home);
        } else {
            _requireNewBusiness(head);
            _requireActive(first, home);
            _requireActive(second, destination);
        }
    }

    /// @dev Rules of a line and its VM. Returns the VM.
    /// @param previous The VM of the line before, or zero.
    function _requireLine(
        Agreement calldata agreement,
        Line calldata line,
        VmId previous,
        bool lost
    ) internal view returns (VmId id, VmWord vm) {
        id = line.vm;
        require(id.isAfter(previous), IMigrationLedger.MigrationLedger_LinesNotAscending(previous, id));
        vm = _known(id);
        require(vm.isResting(), IMigrationLedger.MigrationLedger_WrongState(id, vm.state()));
        CloudId home = agreement.home;
        require(vm.home() == home, IMigrationLedger.MigrationLedger_WrongHome(id, vm.home(), home));
        CloudId source = agreement.source;
        require(vm.host() == source, IMigrationLedger.MigrationLedger_WrongHost(id, vm.host(), source));
        uint32 nonce = line.nonce;
        require(vm.nonce() == nonce, IMigrationLedger.MigrationLedger_StaleNonce(id, vm.nonce(), nonce));
        uint40 mark = vm.mark();
        if (lost) {
            require(mark != 0, IMigrationLedger.MigrationLedger_NotDeclaredLost(id));
        } else {
            require(mark == 0, IMigrationLedger.MigrationLedger_DeclaredLost(id, mark));
        }
    }

    /// @dev What the lines demand, packed. Refuses a line that promises nothing.
    function _demands(Agreement calldata agreement) internal pure returns (ICapacityExchange.Demand[] memory demands) {
        Line[] calldata lines = agreement.lines;
        demands = new ICapacityExchange.Demand[](lines.length);
        for (uint256 i = 0; i < lines.length; ++i) {
            Line calldata line = lines[i];
            ResourceVector packed = ResourceVectors.pack(line.resources);
            require(!packed.isZero(), IMigrationLedger.MigrationLedger_EmptyResources(line.vm));
            demands[i] = ICapacityExchange.Demand({resources: packed, features: line.features});
        }
    }

    /// @dev Room at the destination for the lines; a return home asks for none.
    function _requireRoom(
        Agreement calldata agreement,
        ICapacityExchange.Demand[] memory demands
    ) internal view returns (ResourceVector committedAfter) {
        CloudId destination = agreement.destination;
        if (agreement.home == destination) return ResourceVector.wrap(0);
        uint16 site = agreement.site;
        ResourceVector committed = _committed[destination][site];
        if (address(PREDECESSOR) == address(0)) return EXCHANGE.checkHost(destination, site, committed, demands);
        ResourceVector elsewhere = _committedElsewhere(destination, site);
        return EXCHANGE.checkHost(destination, site, committed.plus(elsewhere), demands).minus(elsewhere);
    }

    /// @dev What the predecessor still holds of the same offer.
    function _committedElsewhere(CloudId cloud, uint16 site) internal view returns (ResourceVector) {
        if (address(PREDECESSOR) == address(0)) return ResourceVector.wrap(0);
        return PREDECESSOR.committedVectorOf(cloud, site);
    }

    /// @dev Stores an agreement's id under a short number: the lowest 32 bits of the id, or the next that is free. No
    /// counter to write. Who wants another's number to be taken would have to know an id before its salt is shown.
    function _number(bytes32 agreementId) internal returns (uint32 number) {
        unchecked {
            // Cut on purpose; wraps from the highest number to the lowest. Zero stands for no agreement.
            number = uint32(uint256(agreementId));
            while (number == 0 || _agreements[number] != 0) ++number;
        }
        _agreements[number] = agreementId;
    }

    function _acceptDocument(
        bytes32 agreementId,
        bytes32 document,
        DocumentKind kind,
        uint32 noticePeriod
    ) internal returns (uint32 number) {
        number = _number(agreementId);
        emit IMigrationLedger.DocumentAccepted(number, agreementId, document, kind, noticePeriod);
    }

    /// @dev Whole seconds of the agreement's notice period, rounded up. Cast is safe: at most 90 days.
    function _noticePeriod(Agreement calldata agreement) internal pure returns (uint32) {
        return uint32((agreement.noticeMs + 999) / 1000);
    }

    /* STAYS */

    /// @dev What begins with a new stay.
    struct NewStay {
        CloudId host;
        uint16 site;
        uint32 agreement;
        uint32 noticePeriod;
        DocumentKind kind;
        uint48 startedAt;
        uint48 previousEndedAt;
        ResourceVector resources;
        bytes32 stateDigest;
    }

    /// @dev What all stays have in common that a document begins now.
    function _newStay(
        Agreement calldata agreement,
        uint32 number,
        DocumentKind kind
    ) internal view returns (NewStay memory stay) {
        stay.host = agreement.destination;
        stay.site = agreement.site;
        stay.agreement = number;
        stay.noticePeriod = _noticePeriod(agreement);
        stay.kind = kind;
        stay.startedAt = _nowMs();
    }

    /// @dev Capacity of one cloud that a document frees, by runs of VMs at the same site.
    struct Freed {
        CloudId cloud;
        uint16 site;
        ResourceVector sum;
    }

    /// @dev Begins the next stay; with it the end of the former one is stored. The VM's nonce rises, its state is that of
    /// rest at the new host. Commitments are the caller's affair.
    function _beginStay(VmId id, VmWord vm, NewStay memory stay) internal returns (ResourceVector former) {
        vm = vm.placed(stay.host, stay.site);
        _vms[id] = vm;
        former = _resources[id];
        if (ResourceVector.unwrap(former) != ResourceVector.unwrap(stay.resources)) _resources[id] = stay.resources;
        uint32 sequence = vm.sequence();
        _stays[id][sequence] = StayWords.create(
            stay.startedAt,
            stay.previousEndedAt,
            stay.host,
            stay.site,
            stay.agreement,
            stay.noticePeriod,
            stay.kind
        );

        emit IMigrationLedger.StayBegan({
            vm: id,
            sequence: sequence,
            host: stay.host,
            site: stay.site,
            agreement: stay.agreement,
            startedAt: stay.startedAt,
            previousEndedAt: stay.previousEndedAt,
            resources: stay.resources,
            stateDigest: stay.stateDigest
        });
    }

    /// @dev Notes capacity to be freed. VMs of a group mostly were at one site: their sum is written once.
    function _freeLater(Freed memory freed, uint16 site, ResourceVector amount) internal {
        if (site != freed.site) {
            _freeNow(freed);
            freed.site = site;
            freed.sum = amount;
        } else {
            freed.sum = freed.sum.plus(amount);
        }
    }

    function _freeNow(Freed memory freed) internal {
        if (!freed.sum.isZero()) _free(freed.cloud, freed.site, freed.sum);
    }

    /* OPEN MOVES */

    /// @dev The agreement number of the open move that a document describes.
    function _openMove(
        Agreement calldata agreement
    ) internal view returns (uint32 number, VmWord first, bytes32 agreementId) {
        Line[] calldata lines = agreement.lines;
        require(lines.length != 0, IMigrationLedger.MigrationLedger_LineCount(0));
        VmId id = lines[0].vm;
        first = _known(id);
        require(first.isMoving(), IMigrationLedger.MigrationLedger_WrongState(id, first.state()));
        number = first.move();
        agreementId = agreement.structHash();
        require(
            _agreements[number] == agreementId,
            IMigrationLedger.MigrationLedger_NotTheOpenMove(agreementId, _agreements[number])
        );
    }

    /// @dev Ends an open move without completing it: every VM as before, the destination's capacity free again.
    function _undo(Agreement calldata agreement) internal {
        bool homecoming = agreement.destination == agreement.home;
        ResourceVector sum;
        Line[] calldata lines = agreement.lines;
        for (uint256 i = 0; i < lines.length; ++i) {
            Line calldata line = lines[i];
            VmId id = line.vm;
            _vms[id] = _vms[id].undone();
            // The sum of a homecoming was never checked: adding it up could overflow and block this exit.
            if (!homecoming) sum = sum.plus(ResourceVectors.pack(line.resources));
        }
        if (!homecoming) _free(agreement.destination, agreement.site, sum);
        if (agreement.source == agreement.home) _away[agreement.home] -= lines.length;
    }

    function _storeOutcome(
        uint32 number,
        MoveState state,
        AbortReason reason,
        CloudId unfinishedA,
        CloudId unfinishedB
    ) internal {
        _outcomes[number] = MoveOutcome({
            state: state,
            reason: reason,
            endedAt: _now(),
            unfinishedA: unfinishedA,
            unfinishedB: unfinishedB
        });
    }
}
