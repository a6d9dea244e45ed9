// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement, Line} from "../../../contracts/documents/Agreement.sol";
import {Handover} from "../../../contracts/documents/Handover.sol";
import {Move} from "../../../contracts/documents/Move.sol";
import {Release} from "../../../contracts/documents/Release.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {IMigrationLedger, VmState} from "../../../contracts/ledger/IMigrationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {Lanes} from "../Lanes.sol";
import {DocumentHashes} from "./DocumentHashes.sol";
import {LedgerModel} from "./LedgerModel.sol";
import {OfferModel} from "./OfferModel.sol";

/// @title What the actions of the handler have in common: what should come of them, their documents, on what they act
abstract contract LedgerActs is LedgerModel {
    using Lanes for uint32[8];

    /// @dev The last paper that was accepted, with its signatures, to be brought once more.
    bytes internal _lastPaper;

    constructor(
        IMigrationLedger ledger,
        ICapacityExchange exchange,
        DocumentHashes hashes,
        OfferModel offers,
        uint256 begin
    ) LedgerModel(ledger, exchange, hashes, offers, begin) {}

    /* WHAT SHOULD COME OF IT */

    function _begin(
        GhostVm storage vm,
        uint32 host,
        uint16 site,
        uint32[8] memory amounts,
        uint256 startedAt
    ) internal {
        (vm.host, vm.site, vm.amounts, vm.startedAt) = (host, site, amounts, startedAt);
        vm.state = host == vm.home ? VmState.Home : VmState.Abroad;
        ++vm.sequence;
        (vm.lostAt, vm.noticeUntil, vm.isTouched) = (0, 0, true);
    }

    function _end(GhostVm storage vm, VmState state) internal {
        (vm.state, vm.endedAt, vm.lostAt, vm.isTouched) = (state, _nowMs(), 0, true);
    }

    function _undo(uint256 index) internal {
        GhostMove storage move = _moves[index];
        move.isOpen = false;
        for (uint256 i = 0; i < move.vms.length; ++i) {
            GhostVm storage vm = _vms[move.vms[i]];
            vm.state = vm.host == vm.home ? VmState.Home : VmState.Abroad;
            vm.isTouched = true;
        }
    }

    function _isTaken(Agreement memory agreement) internal view returns (bool) {
        if (agreement.destination == agreement.home) return true;
        return _hasRoom(CloudId.unwrap(agreement.destination), agreement.site, agreement.lines);
    }

    /* DOCUMENTS */

    function _agreement(
        uint256[] memory group,
        uint32 destination,
        uint256 seed
    ) internal view returns (Agreement memory agreement) {
        GhostVm storage first = _vms[group[0]];
        agreement.home = CloudId.wrap(first.home);
        agreement.source = CloudId.wrap(first.host);
        agreement.destination = CloudId.wrap(destination);
        agreement.site = destination == first.home ? 0 : _site(seed);
        agreement.windowMs = 60_000;
        agreement.noticeMs = NOTICE_MS;
        agreement.agreeBy = _ms(time);
        agreement.salt = keccak256(abi.encode(seed, time));
        agreement.lines = new Line[](group.length);
        for (uint256 i = 0; i < group.length; ++i) {
            GhostVm storage vm = _vms[group[i]];
            agreement.lines[i] = Line({
                vm: vm.id,
                nonce: vm.nonce,
                features: 0,
                resources: _amounts(_next(seed, i)).named()
            });
        }
    }

    function _handover(
        uint256 index,
        Move memory document,
        uint256 seed
    ) internal view returns (Handover memory handover) {
        GhostMove storage move = _moves[index];
        handover.move = HASHES.moveId(document);
        handover.validUntil = _ms(time) + uint64(seed % 300_000);
        handover.releases = new Release[](move.vms.length);
        for (uint256 i = 0; i < move.vms.length; ++i) {
            handover.releases[i] = Release({
                vm: _vms[move.vms[i]].id,
                stateDigest: bytes32(seed),
                releasedAt: _between(_next(seed, i), _ms(move.startedAt), _nowMs())
            });
        }
    }

    /* CHOICE */

    /// @dev Up to three VMs at rest that may go together, by ascending id; none if there is none.
    function _group(uint256 seed, bool isAbroad, bool isLost) internal view returns (uint256[] memory group) {
        uint256 count = _vms.length;
        uint256[3] memory members;
        uint256 found = 0;
        uint256 most = 1 + ((seed >> 64) % 3);
        for (uint256 i = 0; i < count && found < most; ++i) {
            uint256 index = ((seed % count) + i) % count;
            GhostVm storage vm = _vms[index];
            bool isResting = vm.state == VmState.Abroad || (!isAbroad && vm.state == VmState.Home);
            if (!isResting || (vm.lostAt != 0) != isLost) continue;
            if (found > 0 && !_areTogether(_vms[members[0]], vm)) continue;
            members[found++] = index;
        }

        group = new uint256[](found);
        for (uint256 i = 0; i < found; ++i) {
            uint256 place = i;
            while (place > 0 && _vms[members[i]].id.isAfter(_vms[group[place - 1]].id) == false) {
                group[place] = group[place - 1];
                --place;
            }
            group[place] = members[i];
        }
    }

    function _areTogether(GhostVm storage a, GhostVm storage b) internal view returns (bool) {
        return a.home == b.home && a.host == b.host && a.site == b.site;
    }

    /// @dev A VM for which something holds.
    function _vm(
        uint256 seed,
        function(GhostVm storage) view returns (bool) holds
    ) internal view returns (bool, uint256) {
        uint256 count = _vms.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index = ((seed % count) + i) % count;
            if (holds(_vms[index])) return (true, index);
        }
        return (false, 0);
    }

    function _isGuest(GhostVm storage vm) internal view returns (bool) {
        return vm.host != vm.home && (vm.state == VmState.Abroad || vm.state == VmState.Agreed);
    }

    function _canBeNoticed(GhostVm storage vm) internal view returns (bool) {
        return vm.noticeUntil == 0 && (_isGuest(vm) || (vm.host != vm.home && vm.state == VmState.Started));
    }

    function _canBeReleased(GhostVm storage vm) internal view returns (bool) {
        return vm.noticeUntil != 0 && _isGuest(vm);
    }

    function _canBeStopped(GhostVm storage vm) internal view returns (bool) {
        return _isGuest(vm);
    }

    function _isStopped(GhostVm storage vm) internal view returns (bool) {
        return vm.state == VmState.Stopped;
    }

    function _canBeTerminated(GhostVm storage vm) internal view returns (bool) {
        return vm.state == VmState.Home || vm.state == VmState.Stopped;
    }

    function _canBeLost(GhostVm storage vm) internal view returns (bool) {
        return vm.state == VmState.Abroad && vm.lostAt == 0;
    }

    function _isLost(GhostVm storage vm) internal view returns (bool) {
        return vm.lostAt != 0;
    }

    /// @dev An open move, started or not.
    function _move(uint256 seed, bool isStarted) internal view returns (bool, uint256) {
        uint256 count = _moves.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index = ((seed % count) + i) % count;
            if (_moves[index].isOpen && _moves[index].isStarted == isStarted) return (true, index);
        }
        return (false, 0);
    }

    /// @dev Amounts from small to the greatest: lane 1 is near its limit, so that sums would carry.
    function _amounts(uint256 seed) internal pure returns (uint32[8] memory amounts) {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            amounts[i] = 1 + uint32(_next(seed, i) % 100);
        }
        uint256 choice = _next(seed, "great");
        if (choice % 3 == 0) amounts[1] = 2 ** 31 - 1 - uint32(choice % 2);
        if (choice % 3 == 1) amounts[1] = 2 ** 30;
    }

    function _copy(uint32[8] memory amounts) internal pure returns (uint32[8] memory copied) {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            copied[i] = amounts[i];
        }
    }

    function _cloud(uint256 seed) internal pure returns (uint32) {
        return 1 + uint32((seed >> 8) % CLOUDS);
    }

    function _site(uint256 seed) internal pure returns (uint16) {
        return uint16((seed >> 40) % SITES);
    }

    function _otherThan(uint32 cloud, uint256 seed) internal pure returns (uint32 other) {
        other = 1 + uint32((seed >> 16) % (CLOUDS - 1));
        if (other >= cloud) ++other;
    }

    function _between(uint256 seed, uint256 least, uint256 most) internal pure returns (uint64) {
        return uint64(least + (seed % (most - least + 1)));
    }

    function _next(uint256 seed, string memory purpose) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, purpose)));
    }

    function _next(uint256 seed, uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, index)));
    }

    function _ms(uint256 moment) internal pure returns (uint64) {
        return uint64(moment * 1000);
    }

    function _nowMs() internal view returns (uint64) {
        return _ms(time);
    }
}
