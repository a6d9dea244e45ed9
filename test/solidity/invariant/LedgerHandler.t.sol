// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement, Line} from "../../../contracts/documents/Agreement.sol";
import {Amendment} from "../../../contracts/documents/Amendment.sol";
import {Handover} from "../../../contracts/documents/Handover.sol";
import {Move} from "../../../contracts/documents/Move.sol";
import {MutualAbort} from "../../../contracts/documents/MutualAbort.sol";
import {Rates} from "../../../contracts/documents/Rates.sol";
import {Receipt} from "../../../contracts/documents/Receipt.sol";
import {Record} from "../../../contracts/documents/Record.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {AbortReason, IMigrationLedger, VmState} from "../../../contracts/ledger/IMigrationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {VmId} from "../../../contracts/types/VmId.sol";
import {cheats} from "../Cheats.sol";
import {Lanes} from "../Lanes.sol";
import {DocumentHashes} from "./DocumentHashes.sol";
import {LedgerActs} from "./LedgerActs.sol";
import {LedgerEndings} from "./LedgerEndings.sol";
import {OfferModel} from "./OfferModel.sol";

/// @title Acts on the exchange and the ledger as clouds may, and writes down what should come of it
/// @dev Calls that the model refuses, for want of room or because a paper is void, are sent too and must be refused.
/// An action for which no VM or move is in the right state does nothing. The code is in two parts, as that of the ledger.
contract LedgerHandler is LedgerActs {
    using Lanes for uint32[8];

    uint256 private constant MOST_VMS = 12;
    uint256 private constant START_WITHIN = 2 hours;
    uint256 private constant COMPLETE_WITHIN = 10 hours;

    LedgerEndings private immutable ENDINGS;

    constructor(
        IMigrationLedger ledger,
        ICapacityExchange exchange,
        DocumentHashes hashes,
        OfferModel offers,
        uint256 begin,
        LedgerEndings endings
    ) LedgerActs(ledger, exchange, hashes, offers, begin) {
        ENDINGS = endings;
    }

    /* OFFERS */

    function offer(uint256 seed) external observed {
        (uint32 cloud, uint16 site) = (_cloud(seed), _site(seed));
        if (OFFERS.exists(cloud, site) && seed % 16 == 0) {
            cheats.prank(accountOf(cloud));
            EXCHANGE.withdrawOffer(CloudId.wrap(cloud), site);
            OFFERS.withdrawn(cloud, site);
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

        OFFERS.made(cloud, site, capacity, biggest);
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
        bytes[] memory signatures = _signed(HASHES.moveId(document), [home, destination, 0]);
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
        bytes[] memory signatures = _signed(HASHES.handoverId(handover), [destination, source, 0]);

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
        MutualAbort memory consent = MutualAbort({move: HASHES.moveId(document), reason: 2, validUntil: _ms(time)});
        uint32 source = CloudId.unwrap(document.agreement.source);
        uint32 destination = CloudId.unwrap(document.agreement.destination);
        bytes[] memory signatures = _signed(HASHES.mutualAbortId(consent), [source, destination, 0]);

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
        bytes[] memory signatures = _signed(HASHES.recordId(document), [first.home, first.host, destination]);
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
        bytes[] memory signatures = _signed(HASHES.amendmentId(document), [first.home, first.host, 0]);
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

    /* TIME */

    function wait(uint256 seed) external observed {
        _pass(seed % 30 minutes);
        _count("wait");
    }

    /* THE OTHER PART */

    function giveNotice(uint256) external {
        _forward();
    }

    function release(uint256) external {
        _forward();
    }

    function stop(uint256) external {
        _forward();
    }

    function restore(uint256) external {
        _forward();
    }

    function terminate(uint256) external {
        _forward();
    }

    function declareLost(uint256) external {
        _forward();
    }

    function takeBackLoss(uint256) external {
        _forward();
    }

    function evacuate(uint256) external {
        _forward();
    }

    function _forward() private {
        (bool success, bytes memory answer) = address(ENDINGS).delegatecall(msg.data);
        require(success, string(answer));
    }
}
