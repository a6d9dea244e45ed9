// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Line} from "../../../contracts/documents/Agreement.sol";
import {Evacuation} from "../../../contracts/documents/Evacuation.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {IMigrationLedger, VmState} from "../../../contracts/ledger/IMigrationLedger.sol";
import {VmId} from "../../../contracts/types/VmId.sol";
import {DocumentHashes} from "./DocumentHashes.sol";
import {LedgerActs} from "./LedgerActs.sol";
import {OfferModel} from "./OfferModel.sol";

/// @title The actions by which a stay ends without a move
/// @dev Runs on the storage of `LedgerHandler`, which forwards to it.
contract LedgerEndings is LedgerActs {
    uint256 private constant EVACUATE_WITHIN = 24 hours;

    constructor(
        IMigrationLedger ledger,
        ICapacityExchange exchange,
        DocumentHashes hashes,
        OfferModel offers,
        uint256 begin
    ) LedgerActs(ledger, exchange, hashes, offers, begin) {}

    /* NOTICE, RELEASE, STOP */

    function giveNotice(uint256 seed) external observed {
        (bool isFound, uint256 index) = _vm(seed, _canBeNoticed);
        if (!isFound) return;
        GhostVm storage vm = _vms[index];
        VmId[] memory ids = new VmId[](1);
        ids[0] = vm.id;
        // The earliest moment, or part of a second later, which is rounded up.
        uint64 until = _ms(time) + NOTICE_MS + uint64(seed % 3) * 500;

        _send(vm.host, abi.encodeCall(LEDGER.giveNotice, (ids, until)), true);

        (vm.noticeUntil, vm.isTouched) = ((until + 999) / 1000, true);
        _count("giveNotice");
    }

    function release(uint256 seed) external observed {
        (bool isFound, uint256 index) = _vm(seed, _canBeReleased);
        if (!isFound) return;
        GhostVm storage vm = _vms[index];
        bool isAbroad = vm.state == VmState.Abroad;
        bytes memory data =
            isAbroad
                ? abi.encodeCall(LEDGER.release, (vm.id))
                : abi.encodeCall(LEDGER.releaseFromMove, (vm.id, _documentOf(vm.move)));
        if (time < vm.noticeUntil) {
            _passUntil(vm.noticeUntil - 1);
            if (time < vm.noticeUntil) _send(vm.host, data, false);
            _passUntil(vm.noticeUntil);
        }

        _send(vm.host, data, true);

        if (!isAbroad) _undo(vm.move);
        _end(vm, VmState.Stopped);
        _count(isAbroad ? "release" : "releaseFromMove");
    }

    function stop(uint256 seed) external observed {
        (bool isFound, uint256 index) = _vm(seed, _canBeStopped);
        if (!isFound) return;
        GhostVm storage vm = _vms[index];
        bool isAbroad = vm.state == VmState.Abroad;
        bytes memory data =
            isAbroad
                ? abi.encodeCall(LEDGER.stop, (vm.id))
                : abi.encodeCall(LEDGER.stopFromMove, (vm.id, _documentOf(vm.move)));

        _send(vm.home, data, true);

        if (!isAbroad) _undo(vm.move);
        _end(vm, VmState.Stopped);
        _count(isAbroad ? "stop" : "stopFromMove");
    }

    function restore(uint256 seed) external observed {
        (bool isFound, uint256 index) = _vm(seed, _isStopped);
        if (!isFound) return;
        GhostVm storage vm = _vms[index];

        _send(vm.home, abi.encodeCall(LEDGER.restore, (vm.id)), true);

        _begin(vm, vm.home, 0, vm.amounts, _nowMs());
        _count("restore");
    }

    function terminate(uint256 seed) external observed {
        (bool isFound, uint256 index) = _vm(seed, _canBeTerminated);
        // Seldom, so that VMs remain.
        if (!isFound || seed % 4 != 0) return;
        GhostVm storage vm = _vms[index];
        bytes memory data = abi.encodeCall(LEDGER.terminate, (vm.id));
        if (vm.state == VmState.Home) {
            _send(vm.home, data, true);
            _end(vm, VmState.Terminated);
        } else {
            _passUntil(vm.endedAt / 1000 + RETENTION);
            _send(vm.home, data, true);
            (vm.state, vm.isTouched) = (VmState.Terminated, true);
        }
        _count("terminate");
    }

    /* LOSS */

    function declareLost(uint256 seed) external observed {
        (bool isFound, uint256 index) = _vm(seed, _canBeLost);
        if (!isFound) return;
        GhostVm storage vm = _vms[index];

        _send(vm.home, abi.encodeCall(LEDGER.declareLost, (vm.id)), true);

        (vm.lostAt, vm.isTouched) = (time, true);
        _count("declareLost");
    }

    function takeBackLoss(uint256 seed) external observed {
        (bool isFound, uint256 index) = _vm(seed, _isLost);
        // Seldom, so that some are evacuated.
        if (!isFound || seed % 4 != 0) return;
        GhostVm storage vm = _vms[index];
        bool isContested = seed % 8 == 0;

        if (isContested) _send(vm.host, abi.encodeCall(LEDGER.contestLoss, (vm.id)), true);
        else _send(vm.home, abi.encodeCall(LEDGER.withdrawLoss, (vm.id)), true);

        (vm.lostAt, vm.isTouched) = (0, true);
        _count(isContested ? "contestLoss" : "withdrawLoss");
    }

    function evacuate(uint256 seed) external observed {
        uint256[] memory group = _group(seed, true, true);
        if (group.length == 0) return;
        uint256 latest = 0;
        for (uint256 i = 0; i < group.length; ++i) {
            if (_vms[group[i]].lostAt > latest) latest = _vms[group[i]].lostAt;
        }
        _passUntil(latest + LOSS_WAIT);
        for (uint256 i = 0; i < group.length; ++i) {
            if (time > _vms[group[i]].lostAt + EVACUATE_WITHIN) return;
        }
        GhostVm storage first = _vms[group[0]];
        uint32 destination = _otherThan(first.host, seed);
        Evacuation memory document = Evacuation({agreement: _agreement(group, destination, seed)});
        bool isTaken = _isTaken(document.agreement);
        bytes[] memory signatures = _signed(HASHES.evacuationId(document), [first.home, destination, 0]);
        bytes memory data = abi.encodeCall(LEDGER.evacuate, (document, signatures));

        _send(_cloud(seed >> 32), data, isTaken);
        if (!isTaken) return _count("refusal");

        for (uint256 i = 0; i < group.length; ++i) {
            Line memory line = document.agreement.lines[i];
            _begin(_vms[group[i]], destination, document.agreement.site, _amountsOf(line), _nowMs());
        }
        _lastPaper = data;
        _count("evacuate");
    }
}
