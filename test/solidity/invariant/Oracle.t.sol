// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Parameters} from "../../../contracts/ledger/IMigrationLedger.sol";
import {OraclePeriods} from "../../../contracts/oracle/ISlaOracle.sol";
import {ICloudRegistry} from "../../../contracts/registry/ICloudRegistry.sol";
import {cheats} from "../Cheats.sol";
import {OracleHandler} from "./OracleHandler.t.sol";

/// @title Results of windows stay what the model says, and final ones for ever, whatever parties and witnesses do
contract OracleInvariants {
    uint256 private constant START = 1_700_000_000;
    uint256 private constant ATTEMPTS = 64;

    uint256 private _seeds;
    OracleHandler private _handler;

    function setUp() external {
        cheats.warp(START);
        ICloudRegistry.Candidate[] memory founders = new ICloudRegistry.Candidate[](3);
        for (uint256 i = 0; i < founders.length; ++i) {
            founders[i] = ICloudRegistry.Candidate({
                label: string.concat("cloud-", string(abi.encodePacked(bytes1(uint8(0x61 + i))))),
                account: cheats.addr(0xB105 + i + 1),
                recovery: cheats.addr(0xB205 + i + 1),
                endpoint: "https://cloud.example",
                spkiHash: bytes32(i + 1)
            });
        }
        // By their names: to compile all of them into this test again would take minutes. No role is needed here.
        address authority = address(this);
        address registry = _deploy("CloudRegistry.sol:CloudRegistry", abi.encode(authority, founders));
        address exchange = _deploy("CapacityExchange.sol:CapacityExchange", abi.encode(authority, registry));
        bytes memory shared = abi.encode(authority, registry, exchange, address(0));
        address exits = _deploy("MigrationLedgerExits.sol:MigrationLedgerExits", shared);
        address changes = _deploy("MigrationLedgerChanges.sol:MigrationLedgerChanges", shared);
        Parameters memory parameters = Parameters({
            agreeWithin: 15 minutes,
            startWithin: 24 hours,
            completeWithin: 72 hours,
            startLead: 1 hours,
            tolerance: 15 minutes,
            lossWait: 15 minutes,
            retention: 1 days
        });
        address ledger = _deploy(
            "MigrationLedger.sol:MigrationLedger",
            bytes.concat(shared, abi.encode(exits, changes, parameters))
        );
        OraclePeriods memory periods = OraclePeriods({
            claimWithin: 7 days,
            objectWithin: 1 days,
            observeWithin: 1 days
        });
        address oracle = _deploy("SlaOracle.sol:SlaOracle", abi.encode(authority, ledger, periods));
        _handler = OracleHandler(_deploy("OracleHandler.t.sol:OracleHandler", abi.encode(oracle, START)));
        _handler.prepare();
    }

    function _deploy(string memory artifact, bytes memory arguments) private returns (address deployed) {
        bytes memory code = bytes.concat(cheats.getCode(artifact), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        require(deployed != address(0), artifact);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev The handler compares after each action as well, and finds out whether a final result has changed.
    function invariant_resultsAreWhatTheirActsLeft() external {
        cheats.warp(_handler.time());
        _handler.check();
    }

    /// @dev The fuzzer's runs are short and random. This one goes for every action, after those that make it possible,
    /// always the same way, so that each is known to be done.
    function test_handler_reachesEveryAction() external {
        OracleHandler h = _handler;
        _reach("wait", h.wait, h.wait, h.wait);
        _reach("refusal", h.claim, h.claim, h.claim);
        _reach("claim", h.wait, h.claim, h.claim);
        _reach("object", h.claim, h.claim, h.object);
        _reach("observe", h.claim, h.object, h.observe);
        _reach("witness", h.observe, h.observe, h.finalise);
        _reach("dispute", h.claim, h.object, h.finalise);
        _reach("reportAgreed", h.wait, h.reportAgreed, h.reportAgreed);
        _reach("agreeClaimed", h.claim, h.reportAgreed, h.reportAgreed);
        _reach("agreeObjected", h.object, h.reportAgreed, h.reportAgreed);
        _reach("claimFinal", h.claim, h.wait, h.wait);
        _reach("stop", h.stop, h.stop, h.stop);
        _handler.check();
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

    function _nextSeed() private returns (uint256) {
        return uint256(keccak256(abi.encode("seed", ++_seeds)));
    }
}
