// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Resources} from "../../../contracts/documents/Resources.sol";
import {IMigrationLedger, Stay, Vm, VmState} from "../../../contracts/ledger/IMigrationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {ResourceVector} from "../../../contracts/types/ResourceVector.sol";
import {cheats} from "../Cheats.sol";
import {Lanes} from "../Lanes.sol";
import {FoundedFederation} from "./FoundedFederation.sol";
import {LedgerHandler} from "./LedgerHandler.t.sol";
import {LedgerModel} from "./LedgerModel.sol";

/// @title Exchange and ledger stay what the model says, whatever clouds do
contract LedgerInvariants is FoundedFederation {
    uint256 private constant ATTEMPTS = 24;

    LedgerHandler private _handler;
    IMigrationLedger private _ledger;

    function setUp() external {
        (, address exchange, address ledger) = _found(4);
        _ledger = IMigrationLedger(ledger);
        address hashes = _deploy("DocumentHashes.sol:DocumentHashes", "");
        address offers = _deploy("OfferModel.sol:OfferModel", abi.encode(_ledger));
        bytes memory tools = abi.encode(_ledger, exchange, hashes, offers, START);
        address endings = _deploy("LedgerEndings.sol:LedgerEndings", tools);
        _handler = LedgerHandler(
            _deploy("LedgerHandler.t.sol:LedgerHandler", bytes.concat(tools, abi.encode(endings)))
        );
        // Something to act on from the beginning: offers everywhere, and a few VMs.
        for (uint256 i = 0; i < 12; ++i) {
            _handler.offer((i << 40) | (i << 8) | 1);
            if (i % 2 == 0) _handler.register(i << 8);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_commitmentsAreWhatIsPromised() external view {
        _checkCommitments();
    }

    function invariant_vmsAreAsTheirActsLeftThem() external {
        _checkVms();
    }

    function invariant_movesAreWhole() external view {
        _checkMoves();
    }

    /// @dev The fuzzer's runs are short and random. This one goes for every action, after those that make it possible,
    /// always the same way, so that each is known to be done. (`stopFromMove` is rare here; `stop.test.ts` has it.)
    function test_handler_reachesEveryAction() external {
        LedgerHandler h = _handler;
        _reach("offer", h.offer, h.offer, h.offer);
        _reach("withdrawOffer", h.offer, h.offer, h.offer);
        _reach("register", h.register, h.register, h.register);
        _reach("agree", h.register, h.agree, h.agree);
        _reach("refusal", h.register, h.agree, h.agree);
        _reach("start", h.agree, h.start, h.start);
        _reach("complete", h.agree, h.start, h.complete);
        _reach("abort", h.agree, h.agree, h.abort);
        _reach("abortMutually", h.agree, h.agree, h.abortMutually);
        _reach("expire", h.agree, h.agree, h.expire);
        _reach("record", h.register, h.record, h.record);
        _reach("amend", h.record, h.amend, h.amend);
        _reach("bringAgain", h.record, h.bringAgain, h.bringAgain);
        _reach("giveNotice", h.record, h.giveNotice, h.giveNotice);
        _reach("release", h.record, h.giveNotice, h.release);
        _reach("releaseFromMove", h.giveNotice, h.agree, h.release);
        _reach("stop", h.record, h.stop, h.stop);
        _reach("restore", h.stop, h.restore, h.restore);
        _reach("terminate", h.register, h.terminate, h.terminate);
        _reach("declareLost", h.record, h.declareLost, h.declareLost);
        _reach("contestLoss", h.record, h.declareLost, h.takeBackLoss);
        _reach("withdrawLoss", h.record, h.declareLost, h.takeBackLoss);
        _reach("evacuate", h.record, h.declareLost, h.evacuate);
        _reach("wait", h.wait, h.wait, h.wait);
        _checkCommitments();
        _checkVms();
        _checkMoves();
    }

    function _reach(
        string memory action,
        function(uint256) external first,
        function(uint256) external second,
        function(uint256) external third
    ) private {
        for (uint256 i = 0; i < ATTEMPTS && _handler.calls(action) == 0; ++i) {
            first(_nextSeed());
            second(_nextSeed());
            third(_nextSeed());
        }
        require(_handler.calls(action) > 0, string.concat("never done: ", action));
    }

    /* CHECKS */

    function _checkCommitments() private view {
        for (uint32 cloud = 1; cloud <= _handler.CLOUDS(); ++cloud) {
            uint256 sitesInUse = 0;
            for (uint16 site = 0; site < _handler.SITES(); ++site) {
                ResourceVector committed = _ledger.committedVectorOf(CloudId.wrap(cloud), site);
                require(committed.isValid(), "INV-LANE");
                uint256[8] memory promised = _handler.promised(cloud, site);
                for (uint256 i = 0; i < Lanes.COUNT; ++i) {
                    require(promised[i] < 2 ** 31, "INV-LANE");
                    require(committed.lane(i) == promised[i], "INV-CAP");
                }
                if (!committed.isZero()) ++sitesInUse;
            }
            (uint256 away, uint256 inUse) = _ledger.obligationsOf(CloudId.wrap(cloud));
            require(away == _handler.away(cloud) && inUse == sitesInUse, "obligations");
        }
    }

    function _checkVms() private {
        cheats.warp(_handler.time());
        for (uint256 i = 0; i < _handler.vmCount(); ++i) {
            LedgerModel.GhostVm memory ghost = _handler.vmAt(i);
            (Vm memory vm, Resources memory resources) = _ledger.vmOf(ghost.id);
            require(
                CloudId.unwrap(vm.home) == ghost.home && CloudId.unwrap(vm.host) == ghost.host && vm.site == ghost.site,
                "INV-HOST"
            );
            require(vm.state == ghost.state, "state");
            require(vm.nonce == ghost.nonce, "INV-NONCE");
            require(vm.sequence == ghost.sequence, "INV-SEQ");
            require(keccak256(abi.encode(resources)) == keccak256(abi.encode(Lanes.named(ghost.amounts))), "resources");
            _checkStays(ghost);
        }
    }

    function _checkStays(LedgerModel.GhostVm memory ghost) private view {
        bool isRunning = ghost.state != VmState.Stopped && ghost.state != VmState.Terminated;
        Stay[] memory stays = _ledger.stays(ghost.id, 1, type(uint32).max);
        require(stays.length == ghost.sequence, "INV-SEQ");
        for (uint256 i = 0; i < stays.length; ++i) {
            bool isLast = i == stays.length - 1;
            require((stays[i].endedAt == 0) == (isLast && isRunning), "INV-HOST: the last stay is open, no other");
            require(stays[i].endedAt == 0 || stays[i].startedAt <= stays[i].endedAt, "INV-HOST: ends before it begins");
            require(isLast || stays[i].endedAt <= stays[i + 1].startedAt, "INV-HOST: stays overlap");
        }
        Stay memory last = stays[stays.length - 1];
        require(CloudId.unwrap(last.host) == ghost.host && last.startedAt == ghost.startedAt, "INV-HOST: last stay");
        uint64 nowMs = uint64(_handler.time() * 1000);
        require(CloudId.unwrap(_ledger.hostAt(ghost.id, nowMs)) == (isRunning ? ghost.host : 0), "INV-HOST: hostAt");
    }

    function _checkMoves() private view {
        uint256 moving = 0;
        for (uint256 i = 0; i < _handler.moveCount(); ++i) {
            LedgerModel.GhostMove memory move = _handler.moveAt(i);
            if (!move.isOpen) continue;
            VmState state = move.isStarted ? VmState.Started : VmState.Agreed;
            for (uint256 j = 0; j < move.vms.length; ++j) {
                (Vm memory vm, ) = _ledger.vmOf(_handler.vmAt(move.vms[j]).id);
                require(vm.state == state && vm.move == move.number, "INV-GROUP");
                ++moving;
            }
        }
        for (uint256 i = 0; i < _handler.vmCount(); ++i) {
            (Vm memory vm, ) = _ledger.vmOf(_handler.vmAt(i).id);
            if (vm.state == VmState.Agreed || vm.state == VmState.Started) --moving;
        }
        require(moving == 0, "INV-GROUP: a VM moves without a move");
    }
}
