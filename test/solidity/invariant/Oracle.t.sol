// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {OraclePeriods} from "../../../contracts/oracle/ISlaOracle.sol";
import {cheats} from "../Cheats.sol";
import {FoundedFederation} from "./FoundedFederation.sol";
import {OracleHandler} from "./OracleHandler.t.sol";

/// @title Results of windows stay what the model says, and final ones for ever, whatever parties and witnesses do
contract OracleInvariants is FoundedFederation {
    uint256 private constant ATTEMPTS = 64;

    OracleHandler private _handler;

    function setUp() external {
        (, , address ledger) = _found(3);
        OraclePeriods memory periods = OraclePeriods({
            claimWithin: 7 days,
            objectWithin: 1 days,
            observeWithin: 1 days
        });
        address oracle = _deploy("SlaOracle.sol:SlaOracle", abi.encode(address(this), ledger, periods));
        _handler = OracleHandler(_deploy("OracleHandler.t.sol:OracleHandler", abi.encode(oracle, START)));
        _handler.prepare();
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
}
