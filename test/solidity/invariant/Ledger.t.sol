// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {Resources} from "../../../contracts/documents/Resources.sol";
import {CapacityExchange} from "../../../contracts/exchange/CapacityExchange.sol";
import {IMigrationLedger, Parameters, Stay, Vm, VmState} from "../../../contracts/ledger/IMigrationLedger.sol";
import {MigrationLedger} from "../../../contracts/ledger/MigrationLedger.sol";
import {MigrationLedgerChanges} from "../../../contracts/ledger/MigrationLedgerChanges.sol";
import {MigrationLedgerExits} from "../../../contracts/ledger/MigrationLedgerExits.sol";
import {CloudRegistry} from "../../../contracts/registry/CloudRegistry.sol";
import {ICloudRegistry} from "../../../contracts/registry/ICloudRegistry.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {ResourceVector} from "../../../contracts/types/ResourceVector.sol";
import {cheats} from "../Cheats.sol";
import {Lanes} from "../Lanes.sol";
import {LedgerHandler} from "./LedgerHandler.sol";
import {LedgerModel} from "./LedgerModel.sol";

/// @title Exchange and ledger stay what the model says, whatever clouds do
contract LedgerInvariants {
    uint256 private constant START = 1_700_000_000;
    uint256 private constant LONG_RUN = 100;

    LedgerHandler private _handler;
    IMigrationLedger private _ledger;

    function setUp() external {
        cheats.warp(START);
        AccessManager authority = new AccessManager(address(this));
        ICloudRegistry.Candidate[] memory founders = new ICloudRegistry.Candidate[](4);
        for (uint256 i = 0; i < founders.length; ++i) {
            founders[i] = ICloudRegistry.Candidate({
                label: string.concat("cloud-", string(abi.encodePacked(bytes1(uint8(0x61 + i))))),
                account: cheats.addr(0xB105 + i + 1),
                recovery: cheats.addr(0xB205 + i + 1),
                endpoint: "https://cloud.example",
                spkiHash: bytes32(i + 1)
            });
        }
        CloudRegistry registry = new CloudRegistry(address(authority), founders);
        CapacityExchange exchange = new CapacityExchange(address(authority), registry);
        IMigrationLedger none = IMigrationLedger(address(0));
        MigrationLedgerExits exits = new MigrationLedgerExits(address(authority), registry, exchange, none);
        MigrationLedgerChanges changes = new MigrationLedgerChanges(address(authority), registry, exchange, none);
        Parameters memory parameters = Parameters({
            agreeWithin: 15 minutes,
            startWithin: 24 hours,
            completeWithin: 72 hours,
            startLead: 1 hours,
            tolerance: 15 minutes,
            lossWait: 15 minutes,
            retention: 1 days
        });
        _ledger = new MigrationLedger(
            address(authority),
            registry,
            exchange,
            none,
            address(exits),
            address(changes),
            parameters
        );
        _handler = new LedgerHandler(_ledger, exchange, START);
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

    /// @dev The fuzzer's runs are short and random. This one is long and always the same: it reaches every action.
    function test_handler_reachesEveryAction() external {
        for (uint256 i = 0; i < LONG_RUN; ++i) {
            _act(uint256(keccak256(abi.encode("long run", i))));
            if (i % 100 == 0) {
                _checkCommitments();
                _checkVms();
                _checkMoves();
            }
        }

        string[25] memory actions = [
            "offer",
            "withdrawOffer",
            "register",
            "agree",
            "refusal",
            "start",
            "complete",
            "abort",
            "abortMutually",
            "expire",
            "record",
            "amend",
            "bringAgain",
            "giveNotice",
            "release",
            "releaseFromMove",
            "stop",
            "stopFromMove",
            "restore",
            "terminate",
            "declareLost",
            "contestLoss",
            "withdrawLoss",
            "evacuate",
            "wait"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            require(_handler.calls(actions[i]) > 0, string.concat("never done: ", actions[i]));
        }
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

    /// @dev One action, chosen by the seed.
    function _act(uint256 seed) private {
        function(uint256) external[21] memory actions = [
            _handler.offer,
            _handler.register,
            _handler.agree,
            _handler.agree,
            _handler.start,
            _handler.complete,
            _handler.abort,
            _handler.abortMutually,
            _handler.expire,
            _handler.record,
            _handler.record,
            _handler.amend,
            _handler.bringAgain,
            _handler.giveNotice,
            _handler.release,
            _handler.stop,
            _handler.restore,
            _handler.terminate,
            _handler.declareLost,
            _handler.takeBackLoss,
            _handler.evacuate
        ];
        uint256 choice = (seed >> 128) % (actions.length + 1);
        if (choice == actions.length) _handler.wait(seed);
        else actions[choice](seed);
    }
}
