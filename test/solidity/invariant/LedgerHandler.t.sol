// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement, Line} from "../../../contracts/documents/Agreement.sol";
import {Amendment} from "../../../contracts/documents/Amendment.sol";
import {Evacuation} from "../../../contracts/documents/Evacuation.sol";
import {Handover} from "../../../contracts/documents/Handover.sol";
import {Move} from "../../../contracts/documents/Move.sol";
import {MutualAbort} from "../../../contracts/documents/MutualAbort.sol";
import {Rates} from "../../../contracts/documents/Rates.sol";
import {Receipt} from "../../../contracts/documents/Receipt.sol";
import {Record} from "../../../contracts/documents/Record.sol";
import {Release} from "../../../contracts/documents/Release.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {AbortReason, IMigrationLedger, VmState} from "../../../contracts/ledger/IMigrationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {VmId} from "../../../contracts/types/VmId.sol";
import {cheats} from "../Cheats.sol";
import {Lanes} from "../Lanes.sol";
import {LedgerModel} from "./LedgerModel.sol";

/// @title Acts on the exchange and the ledger as clouds may, and writes down what should come of it
/// @dev Calls that the model refuses, for want of room or because a paper is void, are sent too and must be refused.
/// An action for which no VM or move is in the right state does nothing.
contract LedgerHandler is LedgerModel {
    using Lanes for uint32[8];

    uint256 private constant MOST_VMS = 12;
    uint256 private constant START_WITHIN = 2 hours;
    uint256 private constant COMPLETE_WITHIN = 10 hours;
    uint256 private constant EVACUATE_WITHIN = 24 hours;

    /// @dev The last paper that was accepted, with its signatures, to be brought once more.
    bytes private _lastPaper;

    constructor(
        IMigrationLedger ledger,
        ICapacityExchange exchange,
        uint256 begin
    ) LedgerModel(ledger, exchange, begin) {}

    /* OFFERS */

    function offer(uint256 seed) external observed {
        (uint32 cloud, uint16 site) = (_cloud(seed), _site(seed));
        GhostOffer storage ghost = _offers[cloud][site];
        if (ghost.exists && seed % 16 == 0) {
            cheats.prank(accountOf(cloud));
            EXCHANGE.withdrawOffer(CloudId.wrap(cloud), site);
            delete _offers[cloud][site];
            _count("withdrawOffer");
            return;
        }

        uint32[8] memory capacity = _amounts(_next(seed, "capacity"));
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            uint256 wider = uint256(capacity[i]) * 4;
            capacity[i] = wider < 2 ** 31 ? uint32(wider) : 2 ** 31 - 1;
        }
        uint32[8] memory biggest = capacity;
        if (seed % 3 == 0) {
            biggest = _copy(capacity);
            for (uint256 i = 0; i < Lanes.COUNT; ++i) {
                biggest[i] = (capacity[i] + 1) / 2;
            }
        }
        Rates memory free;
        ICapacityExchange.Offer memory offered = ICapacityExchange.Offer({
            capacity: capacity.named(),
            biggest: biggest.named(),
            features: 0,
            validFrom: 0,
            validUntil: type(uint48).max,
            currency: "",
            rates: free
        });
        cheats.prank(accountOf(cloud));
        EXCHANGE.offer(CloudId.wrap(cloud), site, offered);

        (ghost.capacity, ghost.biggest, ghost.exists) = (capacity, biggest, true);
        _count("offer");
    }

    /* REGISTRATION */

    function register(uint256 seed) external observed {
        if (_vms.length >= MOST_VMS) return;
        uint32 home = _cloud(seed);
        bytes32 localId = keccak256(abi.encode("vm", _vms.length));
        uint32[8] memory amounts = _amounts(seed);

        bytes memory data = abi.encodeCall(LEDGER.register, (CloudId.wrap(home), localId, amounts.named()));
        bytes memory answer = _send(home, data, true);

        GhostVm storage vm = _vms.push();
        vm.id = abi.decode(answer, (VmId));
        vm.home = home;
        _begin(vm, home, 0, amounts, _nowMs());
        _count("register");
    }

    /* MOVES */

    function agree(uint256 seed) external observed {
        uint256[] memory group = _group(seed, false, false);
        if (group.length == 0) return;
        uint32 destination = _otherThan(_vms[group[0]].host, seed);
        Move memory document = Move({
            agreement: _agreement(group, destination, seed),
            startBy: _ms(time + START_WITHIN),
            completeBy: _ms(time + COMPLETE_WITHIN)
        });
        bool isTaken = _isTaken(document.agreement);
        require((LEDGER.canAgree(document).length == 0) == isTaken, "canAgree");

        uint32 home = _vms[group[0]].home;
        bytes[] memory signatures = _signed(this.moveId(document), [home, destination, 0]);
        bytes memory data = abi.encodeCall(LEDGER.agree, (document, signatures));
        bytes memory answer = _send(_cloud(seed >> 32), data, isTaken);
        if (!isTaken) return _count("refusal");

        GhostMove storage move = _moves.push();
        move.document = abi.encode(document);
        move.vms = group;
        move.number = abi.decode(answer, (uint32));
        move.isOpen = true;
        for (uint256 i = 0; i < group.length; ++i) {
            GhostVm storage vm = _vms[group[i]];
            (vm.state, vm.move, vm.isTouched) = (VmState.Agreed, _moves.length - 1, true);
        }
        _lastPaper = data;
        _count("agree");
    }

    function start(uint256 seed) external observed {
        (bool isFound, uint256 index) = _move(seed, false);
        if (!isFound) return;
        Move memory document = _documentOf(index);
        // Inclusive: the last moment is met as well.
        if (seed % 8 == 0) _passUntil(document.startBy / 1000);
        if (_ms(time) > document.startBy) return;

        _send(CloudId.unwrap(document.agreement.source), abi.encodeCall(LEDGER.start, (document)), true);

        GhostMove storage move = _moves[index];
        (move.isStarted, move.startedAt) = (true, time);
        for (uint256 i = 0; i < move.vms.length; ++i) {
            (_vms[move.vms[i]].state, _vms[move.vms[i]].isTouched) = (VmState.Started, true);
        }
        _count("start");
    }

    function complete(uint256 seed) external observed {
        (bool isFound, uint256 index) = _move(seed, true);
        if (!isFound) return;
        Move memory document = _documentOf(index);
        if (seed % 8 == 0) _passUntil(document.completeBy / 1000);
        if (_ms(time) > document.completeBy) return;
        Agreement memory agreement = document.agreement;
        Handover memory handover = _handover(index, document, seed);
        (uint32 source, uint32 destination) = (CloudId.unwrap(agreement.source), CloudId.unwrap(agreement.destination));
        bytes[] memory signatures = _signed(this.handoverId(handover), [destination, source, 0]);

        _send(source, abi.encodeCall(LEDGER.complete, (document, handover, signatures)), true);

        GhostMove storage move = _moves[index];
        move.isOpen = false;
        for (uint256 i = 0; i < move.vms.length; ++i) {
            _begin(_vms[move.vms[i]], destination, agreement.site, _amountsOf(agreement.lines[i]), _nowMs());
        }
        _count("complete");
    }

    function abort(uint256 seed) external observed {
        (bool isFound, uint256 index) = _move(seed, seed % 2 == 0);
        if (!isFound) return;
        Move memory document = _documentOf(index);
        Agreement memory agreement = document.agreement;
        CloudId by = [agreement.home, agreement.source, agreement.destination][(seed >> 8) % 3];
        AbortReason reason = AbortReason(1 + ((seed >> 16) % 6));

        _send(CloudId.unwrap(by), abi.encodeCall(LEDGER.abort, (document, by, reason)), true);

        _undo(index);
        _count("abort");
    }

    function abortMutually(uint256 seed) external observed {
        (bool isFound, uint256 index) = _move(seed, seed % 2 == 0);
        if (!isFound) return;
        Move memory document = _documentOf(index);
        MutualAbort memory consent = MutualAbort({move: this.moveId(document), reason: 2, validUntil: _ms(time)});
        uint32 source = CloudId.unwrap(document.agreement.source);
        uint32 destination = CloudId.unwrap(document.agreement.destination);
        bytes[] memory signatures = _signed(this.mutualAbortId(consent), [source, destination, 0]);

        _send(_cloud(seed), abi.encodeCall(LEDGER.abortMutually, (document, consent, signatures)), true);

        _undo(index);
        _count("abortMutually");
    }

    function expire(uint256 seed) external observed {
        (bool isFound, uint256 index) = _move(seed, seed % 2 == 0);
        if (!isFound) return;
        Move memory document = _documentOf(index);
        uint256 deadline = (_moves[index].isStarted ? document.completeBy : document.startBy) / 1000;
        bytes memory data = abi.encodeCall(LEDGER.expire, (document));
        // Exclusive: not yet at the deadline itself.
        if (time <= deadline) {
            _passUntil(deadline);
            _send(_cloud(seed), data, false);
            _pass(1);
        }

        _send(_cloud(seed), data, true);

        _undo(index);
        _count("expire");
    }

    /* RECORDS, AMENDMENTS, PAPERS */

    function record(uint256 seed) external observed {
        uint256[] memory group = _group(seed, false, false);
        if (group.length == 0) return;
        GhostVm storage first = _vms[group[0]];
        uint32 destination = _otherThan(first.host, seed);
        Record memory document = Record({
            agreement: _agreement(group, destination, seed),
            receipts: new Receipt[](group.length)
        });
        for (uint256 i = 0; i < group.length; ++i) {
            uint256 earliest = _ms(time - TOLERANCE);
            if (_vms[group[i]].startedAt > earliest) earliest = _vms[group[i]].startedAt;
            uint64 releasedAt = _between(_next(seed, i), earliest, _nowMs());
            document.receipts[i] = Receipt({
                vm: _vms[group[i]].id,
                stateDigest: bytes32(seed),
                releasedAt: releasedAt,
                runningAt: _between(_next(seed, ~i), releasedAt, _nowMs())
            });
        }
        bool isTaken = _isTaken(document.agreement);
        bytes[] memory signatures = _signed(this.recordId(document), [first.home, first.host, destination]);
        bytes memory data = abi.encodeCall(LEDGER.record, (document, signatures));

        _send(_cloud(seed >> 32), data, isTaken);
        if (!isTaken) return _count("refusal");

        for (uint256 i = 0; i < group.length; ++i) {
            Line memory line = document.agreement.lines[i];
            GhostVm storage vm = _vms[group[i]];
            _begin(vm, destination, document.agreement.site, _amountsOf(line), document.receipts[i].runningAt);
        }
        _lastPaper = data;
        _count("record");
    }

    function amend(uint256 seed) external observed {
        uint256[] memory group = _group(seed, true, false);
        if (group.length == 0) return;
        GhostVm storage first = _vms[group[0]];
        Amendment memory document = Amendment({agreement: _agreement(group, first.host, seed)});
        document.agreement.site = first.site;
        bool isTaken = _canGrow(group, document.agreement.lines);
        bytes[] memory signatures = _signed(this.amendmentId(document), [first.home, first.host, 0]);
        bytes memory data = abi.encodeCall(LEDGER.amend, (document, signatures));

        _send(_cloud(seed >> 32), data, isTaken);
        if (!isTaken) return _count("refusal");

        for (uint256 i = 0; i < group.length; ++i) {
            _begin(_vms[group[i]], first.host, first.site, _amountsOf(document.agreement.lines[i]), _nowMs());
        }
        _lastPaper = data;
        _count("amend");
    }

    /// @notice Brings the last accepted paper once more: its nonces are void (INV-NONCE, INV-ONCE).
    function bringAgain(uint256 seed) external observed {
        if (_lastPaper.length == 0) return;

        _send(_cloud(seed), _lastPaper, false);

        _count("bringAgain");
    }

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
        bytes[] memory signatures = _signed(this.evacuationId(document), [first.home, destination, 0]);
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

    /* TIME */

    function wait(uint256 seed) external observed {
        _pass(seed % 30 minutes);
        _count("wait");
    }

    /* WHAT SHOULD COME OF IT */

    function _begin(GhostVm storage vm, uint32 host, uint16 site, uint32[8] memory amounts, uint256 startedAt) private {
        (vm.host, vm.site, vm.amounts, vm.startedAt) = (host, site, amounts, startedAt);
        vm.state = host == vm.home ? VmState.Home : VmState.Abroad;
        ++vm.sequence;
        (vm.lostAt, vm.noticeUntil, vm.isTouched) = (0, 0, true);
    }

    function _end(GhostVm storage vm, VmState state) private {
        (vm.state, vm.endedAt, vm.lostAt, vm.isTouched) = (state, _nowMs(), 0, true);
    }

    function _undo(uint256 index) private {
        GhostMove storage move = _moves[index];
        move.isOpen = false;
        for (uint256 i = 0; i < move.vms.length; ++i) {
            GhostVm storage vm = _vms[move.vms[i]];
            vm.state = vm.host == vm.home ? VmState.Home : VmState.Abroad;
            vm.isTouched = true;
        }
    }

    function _isTaken(Agreement memory agreement) private view returns (bool) {
        if (agreement.destination == agreement.home) return true;
        return _hasRoom(CloudId.unwrap(agreement.destination), agreement.site, agreement.lines);
    }

    /* DOCUMENTS */

    function _agreement(
        uint256[] memory group,
        uint32 destination,
        uint256 seed
    ) private view returns (Agreement memory agreement) {
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
    ) private view returns (Handover memory handover) {
        GhostMove storage move = _moves[index];
        handover.move = this.moveId(document);
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
    function _group(uint256 seed, bool isAbroad, bool isLost) private view returns (uint256[] memory group) {
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

    function _areTogether(GhostVm storage a, GhostVm storage b) private view returns (bool) {
        return a.home == b.home && a.host == b.host && a.site == b.site;
    }

    /// @dev A VM for which something holds.
    function _vm(
        uint256 seed,
        function(GhostVm storage) view returns (bool) holds
    ) private view returns (bool, uint256) {
        uint256 count = _vms.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index = ((seed % count) + i) % count;
            if (holds(_vms[index])) return (true, index);
        }
        return (false, 0);
    }

    function _isGuest(GhostVm storage vm) private view returns (bool) {
        return vm.host != vm.home && (vm.state == VmState.Abroad || vm.state == VmState.Agreed);
    }

    function _canBeNoticed(GhostVm storage vm) private view returns (bool) {
        return vm.noticeUntil == 0 && (_isGuest(vm) || (vm.host != vm.home && vm.state == VmState.Started));
    }

    function _canBeReleased(GhostVm storage vm) private view returns (bool) {
        return vm.noticeUntil != 0 && _isGuest(vm);
    }

    function _canBeStopped(GhostVm storage vm) private view returns (bool) {
        return _isGuest(vm);
    }

    function _isStopped(GhostVm storage vm) private view returns (bool) {
        return vm.state == VmState.Stopped;
    }

    function _canBeTerminated(GhostVm storage vm) private view returns (bool) {
        return vm.state == VmState.Home || vm.state == VmState.Stopped;
    }

    function _canBeLost(GhostVm storage vm) private view returns (bool) {
        return vm.state == VmState.Abroad && vm.lostAt == 0;
    }

    function _isLost(GhostVm storage vm) private view returns (bool) {
        return vm.lostAt != 0;
    }

    /// @dev An open move, started or not.
    function _move(uint256 seed, bool isStarted) private view returns (bool, uint256) {
        uint256 count = _moves.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index = ((seed % count) + i) % count;
            if (_moves[index].isOpen && _moves[index].isStarted == isStarted) return (true, index);
        }
        return (false, 0);
    }

    /// @dev Amounts from small to the greatest: lane 1 is near its limit, so that sums would carry.
    function _amounts(uint256 seed) private pure returns (uint32[8] memory amounts) {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            amounts[i] = 1 + uint32(_next(seed, i) % 100);
        }
        uint256 choice = _next(seed, "great");
        if (choice % 3 == 0) amounts[1] = 2 ** 31 - 1 - uint32(choice % 2);
        if (choice % 3 == 1) amounts[1] = 2 ** 30;
    }

    function _copy(uint32[8] memory amounts) private pure returns (uint32[8] memory copied) {
        for (uint256 i = 0; i < Lanes.COUNT; ++i) {
            copied[i] = amounts[i];
        }
    }

    function _cloud(uint256 seed) private pure returns (uint32) {
        return 1 + uint32((seed >> 8) % CLOUDS);
    }

    function _site(uint256 seed) private pure returns (uint16) {
        return uint16((seed >> 40) % SITES);
    }

    function _otherThan(uint32 cloud, uint256 seed) private pure returns (uint32 other) {
        other = 1 + uint32((seed >> 16) % (CLOUDS - 1));
        if (other >= cloud) ++other;
    }

    function _between(uint256 seed, uint256 least, uint256 most) private pure returns (uint64) {
        return uint64(least + (seed % (most - least + 1)));
    }

    function _next(uint256 seed, string memory purpose) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, purpose)));
    }

    function _next(uint256 seed, uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, index)));
    }

    function _ms(uint256 moment) private pure returns (uint64) {
        return uint64(moment * 1000);
    }

    function _nowMs() private view returns (uint64) {
        return _ms(time);
    }
}
