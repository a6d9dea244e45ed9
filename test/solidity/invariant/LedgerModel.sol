// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement, Line} from "../../../contracts/documents/Agreement.sol";
import {Move} from "../../../contracts/documents/Move.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {IMigrationLedger, Vm, VmState} from "../../../contracts/ledger/IMigrationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {VmId} from "../../../contracts/types/VmId.sol";
import {cheats} from "../Cheats.sol";
import {Lanes} from "../Lanes.sol";
import {DocumentHashes} from "./DocumentHashes.sol";
import {OfferModel} from "./OfferModel.sol";

/// @title What the ledger should be, kept beside it in plain numbers
/// @dev Time is kept here too: the compiler may read the block's time once for a function that sets it in between.
abstract contract LedgerModel {
    using Lanes for uint32[8];

    /// @notice A VM as its acts should have left it.
    struct GhostVm {
        VmId id;
        uint32 home;
        uint32 host;
        uint16 site;
        uint32 nonce;
        uint32 sequence;
        VmState state;
        uint256 move; // position in the list of moves; counts while the VM moves
        uint256 lostAt; // seconds; zero if not declared lost
        uint256 noticeUntil; // seconds; zero without notice
        uint256 startedAt; // milliseconds
        uint256 endedAt; // milliseconds, once stopped
        uint32[8] amounts;
        bool isTouched;
    }

    /// @notice A move as it was agreed.
    struct GhostMove {
        bytes document;
        uint256[] vms;
        uint32 number;
        bool isOpen;
        bool isStarted;
        uint256 startedAt; // seconds
    }

    uint32 public constant CLOUDS = 4;
    uint16 public constant SITES = 2;
    uint256 public constant RETENTION = 1 days;
    uint256 public constant LOSS_WAIT = 15 minutes;
    uint256 public constant TOLERANCE = 15 minutes;
    uint64 internal constant NOTICE_MS = 1 hours * 1000;
    uint256 private constant FIRST_KEY = 0xB105;

    IMigrationLedger public immutable LEDGER;
    ICapacityExchange public immutable EXCHANGE;
    DocumentHashes internal immutable HASHES;
    OfferModel internal immutable OFFERS;
    bytes32 private immutable DOMAIN;

    /// @notice The chain's time, in seconds.
    uint256 public time;

    GhostVm[] internal _vms;
    GhostMove[] internal _moves;
    mapping(bytes32 action => uint256) private _calls;

    constructor(
        IMigrationLedger ledger,
        ICapacityExchange exchange,
        DocumentHashes hashes,
        OfferModel offers,
        uint256 start
    ) {
        LEDGER = ledger;
        EXCHANGE = exchange;
        HASHES = hashes;
        OFFERS = offers;
        time = start;
        DOMAIN = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("BlockchainBus"),
                keccak256("1"),
                block.chainid,
                ledger
            )
        );
    }

    /* FOR THE INVARIANTS */

    function vmCount() external view returns (uint256) {
        return _vms.length;
    }

    function vmAt(uint256 index) external view returns (GhostVm memory) {
        return _vms[index];
    }

    function moveCount() external view returns (uint256) {
        return _moves.length;
    }

    function moveAt(uint256 index) external view returns (GhostMove memory) {
        return _moves[index];
    }

    /// @notice How often an action had an effect.
    function calls(string calldata action) external view returns (uint256) {
        return _calls[keccak256(bytes(action))];
    }

    /// @notice What is promised at a site: foreign VMs there, and those agreed to come (INV-CAP). Wide, so that nothing
    /// is carried or cut.
    function promised(uint32 cloud, uint16 site) public view returns (uint256[8] memory sums) {
        for (uint256 i = 0; i < _vms.length; ++i) {
            GhostVm storage vm = _vms[i];
            bool isThere = vm.state == VmState.Abroad || vm.state == VmState.Agreed || vm.state == VmState.Started;
            if (!isThere || vm.host == vm.home || vm.host != cloud || vm.site != site) continue;
            _add(sums, vm.amounts);
        }
        for (uint256 i = 0; i < _moves.length; ++i) {
            if (!_moves[i].isOpen) continue;
            Agreement memory agreement = _documentOf(i).agreement;
            bool isComing = CloudId.unwrap(agreement.destination) == cloud && agreement.site == site;
            if (!isComing || agreement.destination == agreement.home) continue;
            for (uint256 j = 0; j < agreement.lines.length; ++j) {
                _add(sums, _amountsOf(agreement.lines[j]));
            }
        }
    }

    /// @notice How many of a home's VMs are abroad, or on the way out.
    function away(uint32 home) external view returns (uint256 count) {
        for (uint256 i = 0; i < _vms.length; ++i) {
            GhostVm storage vm = _vms[i];
            bool isMoving = vm.state == VmState.Agreed || vm.state == VmState.Started;
            if (vm.home == home && (vm.state == VmState.Abroad || isMoving)) ++count;
        }
    }

    /* SIGNING AND SENDING */

    function accountOf(uint32 cloud) public pure returns (address) {
        return cheats.addr(FIRST_KEY + cloud);
    }

    function _signature(uint32 cloud, bytes32 id) private view returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", DOMAIN, id));
        (uint8 v, bytes32 r, bytes32 s) = cheats.sign(FIRST_KEY + cloud, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Signatures of each cloud once, in their order.
    function _signed(bytes32 id, uint32[3] memory clouds) internal view returns (bytes[] memory signatures) {
        bytes[3] memory all;
        uint256 count = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bool isKnown = clouds[i] == 0 || (i > 0 && clouds[i] == clouds[0]) || (i > 1 && clouds[i] == clouds[1]);
            if (!isKnown) all[count++] = _signature(clouds[i], id);
        }
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = all[i];
        }
    }

    /// @dev Calls the ledger, which must take the call or refuse it as foreseen.
    function _send(uint32 sender, bytes memory data, bool isTaken) internal returns (bytes memory answer) {
        bool success;
        cheats.prank(accountOf(sender));
        (success, answer) = address(LEDGER).call(data);
        require(success || !isTaken, string.concat("a valid call was refused: ", string(answer)));
        require(!success || isTaken, "a call that the model refuses was taken");
    }

    /* EACH ACTION */

    modifier observed() {
        _before();
        _;
        _after();
    }

    /// @dev Every action comes in a block of its own.
    function _before() private {
        _pass(1);
        OFFERS.noteCommitted();
        for (uint256 i = 0; i < _vms.length; ++i) {
            _vms[i].isTouched = false;
        }
    }

    function _after() private {
        OFFERS.checkRoom();
        for (uint256 i = 0; i < _vms.length; ++i) {
            GhostVm storage ghost = _vms[i];
            (Vm memory vm, ) = LEDGER.vmOf(ghost.id);
            require(ghost.isTouched ? vm.nonce > ghost.nonce : vm.nonce == ghost.nonce, "INV-NONCE");
            require(vm.sequence == ghost.sequence, "INV-SEQ");
            ghost.nonce = vm.nonce;
        }
    }

    function _pass(uint256 duration) internal {
        time += duration;
        cheats.warp(time);
    }

    function _passUntil(uint256 moment) internal {
        if (moment > time) _pass(moment - time);
    }

    function _count(string memory action) internal {
        ++_calls[keccak256(bytes(action))];
    }

    /* ROOM */

    function _hasRoom(uint32 cloud, uint16 site, Line[] memory lines) internal view returns (bool) {
        return OFFERS.hasRoom(cloud, site, promised(cloud, site), lines);
    }

    function _canGrow(uint256[] memory group, Line[] memory lines) internal view returns (bool) {
        GhostVm storage first = _vms[group[0]];
        uint32[8][] memory current = new uint32[8][](group.length);
        for (uint256 i = 0; i < group.length; ++i) {
            current[i] = _vms[group[i]].amounts;
        }
        return OFFERS.canGrow(first.host, first.site, promised(first.host, first.site), current, lines);
    }

    /* HELPERS */

    function _documentOf(uint256 index) internal view returns (Move memory) {
        return abi.decode(_moves[index].document, (Move));
    }

    function _amountsOf(Line memory line) internal pure returns (uint32[8] memory) {
        return Lanes.amountsOf(line.resources);
    }

    function _add(uint256[8] memory sums, uint32[8] memory amounts) private pure {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            sums[i] += amounts[i];
        }
    }
}
