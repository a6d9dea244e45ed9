// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Rates} from "../../../contracts/documents/Rates.sol";
import {Resources} from "../../../contracts/documents/Resources.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {OraclePeriods} from "../../../contracts/oracle/ISlaOracle.sol";
import {Evidence} from "../../../contracts/reputation/Evidence.sol";
import {
    EvidenceWeights,
    IReputationLedger,
    MonthRecord,
    ReputationRules
} from "../../../contracts/reputation/IReputationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {cheats} from "../Cheats.sol";
import {FoundedFederation} from "./FoundedFederation.sol";
import {ReputationHandler} from "./ReputationHandler.t.sol";

/// @title The reputation ledger holds what the facts say, whatever clouds do and in whatever order it is posted
contract ReputationInvariants is FoundedFederation {
    uint256 private constant ONE = 1e18;
    uint256 private constant ATTEMPTS = 24;

    ReputationHandler private _handler;
    IReputationLedger private _reputation;

    /// @dev A counterparty's part of a month, cut to the cap.
    struct Part {
        uint256 kept;
        uint256 lost;
        uint256 total;
    }

    function setUp() external {
        (, address exchange, address ledger) = _found(4);
        address authority = address(this);
        address oracle = _deploy(
            "SlaOracle.sol:SlaOracle",
            abi.encode(authority, ledger, OraclePeriods(45 days, 7 days, 7 days))
        );
        EvidenceWeights memory weights;
        weights.vcpuMilli = 1_000;
        ReputationRules memory rules = ReputationRules({
            weights: weights,
            capHours: 100,
            moveHours: 10,
            newcomerHours: 20,
            confidenceHours: 50
        });
        _reputation = IReputationLedger(
            _deploy("ReputationLedger.sol:ReputationLedger", abi.encode(authority, oracle, address(0), rules))
        );
        _handler = ReputationHandler(
            _deploy("ReputationHandler.t.sol:ReputationHandler", abi.encode(_reputation, START))
        );
        for (uint32 cloud = 1; cloud <= 4; ++cloud) _offer(ICapacityExchange(exchange), cloud);
        for (uint256 i = 0; i < 4; ++i) {
            _handler.move(_nextSeed());
            _handler.host(_nextSeed());
            _handler.post(_nextSeed());
        }
    }

    function _offer(ICapacityExchange exchange, uint32 cloud) private {
        Resources memory everything;
        everything.vcpuMilli = 2 ** 31 - 1;
        Rates memory free;
        cheats.prank(_handler.accountOf(cloud));
        exchange.offer(
            CloudId.wrap(cloud),
            0,
            ICapacityExchange.Offer({
                capacity: everything,
                biggest: everything,
                features: 0,
                validFrom: 0,
                validUntil: type(uint48).max,
                currency: "",
                rates: free
            })
        );
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_monthsAreTheSumsOfTheirFacts() external view {
        _checkMonths();
    }

    function invariant_scoresStayWithinTheirBounds() external {
        _checkScores();
    }

    /// @dev The fuzzer's runs are short and random: this one goes for every action, always the same way.
    function test_handler_reachesEveryAction() external {
        for (uint256 i = 0; i < ATTEMPTS; ++i) {
            _handler.move(_nextSeed());
            _handler.host(_nextSeed());
            if (i % 4 == 0) _handler.wait(_nextSeed());
            for (uint256 j = 0; j < 4; ++j) _handler.post(_nextSeed());
        }
        _requireDone("complete");
        _requireDone("expire");
        _requireDone("abort");
        _requireDone("host");
        _requireDone("wait");
        _requireDone("post");
        _requireDone("refusal");
        _checkMonths();
        _checkScores();
    }

    function _requireDone(string memory action) private view {
        require(_handler.calls(action) > 0, string.concat("never done: ", action));
    }

    /* CHECKS */

    function _checkMonths() private view {
        uint256 count = _handler.monthCount();
        for (uint32 cloud = 1; cloud <= _handler.CLOUDS(); ++cloud) {
            for (uint256 i = 0; i < count; ++i) _checkMonth(cloud, _handler.months(i));
        }
    }

    function _checkMonth(uint32 cloud, uint32 month) private view {
        Part memory sum;
        Part memory greatest;
        uint32 largest = 0;
        for (uint32 counterparty = 1; counterparty <= _handler.CLOUDS(); ++counterparty) {
            Part memory part = _part(cloud, month, counterparty);
            sum.kept += part.kept;
            sum.lost += part.lost;
            sum.total += part.total;
            if (part.total > greatest.total) (greatest, largest) = (part, counterparty);
        }

        MonthRecord memory found = _reputation.monthOf(CloudId.wrap(cloud), month);
        require(found.kept == sum.kept, "INV-REP: kept");
        require(uint256(found.broken) + found.unfinished == sum.lost, "INV-REP: broken and unfinished");
        require(CloudId.unwrap(found.largest) == largest, "INV-REP: largest");

        // The largest counts for at most as much as all others, and a newcomer's mass.
        uint256 others = sum.total - greatest.total;
        uint256 most = others + _handler.NEWCOMER();
        Evidence memory counted = _reputation.countedOf(CloudId.wrap(cloud), month);
        uint256 total = uint256(counted.kept) + counted.broken + counted.unfinished;
        require(total == others + (greatest.total < most ? greatest.total : most), "INV-REP: half");
        require(counted.kept <= sum.kept, "INV-REP: more than there is");
    }

    /// @dev What a counterparty counts for: what its facts say, cut to the cap in proportion.
    function _part(uint32 cloud, uint32 month, uint32 counterparty) private view returns (Part memory part) {
        uint256 kept = _handler.evidenceOf(cloud, month, counterparty, ReputationHandler.Outcome.Kept);
        uint256 broken = _handler.evidenceOf(cloud, month, counterparty, ReputationHandler.Outcome.Broken);
        uint256 unfinished = _handler.evidenceOf(cloud, month, counterparty, ReputationHandler.Outcome.Unfinished);
        Evidence memory found = _reputation.evidenceOf(CloudId.wrap(cloud), month, CloudId.wrap(counterparty));
        require(found.kept == kept && found.broken == broken && found.unfinished == unfinished, "INV-REP: evidence");

        uint256 all = kept + broken + unfinished;
        uint256 cap = _handler.CAP();
        if (all <= cap) return Part({kept: kept, lost: broken + unfinished, total: all});
        // Rounded down what is for the cloud: so rounded up what is against it.
        uint256 share = (kept * cap) / all;
        return Part({kept: share, lost: cap - share, total: cap});
    }

    function _checkScores() private {
        cheats.warp(_handler.time());
        for (uint32 cloud = 1; cloud <= _handler.CLOUDS(); ++cloud) {
            uint256 score = _reputation.scoreOf(CloudId.wrap(cloud));
            require(score > 0 && score < ONE, "INV-REP: score");
            require(_reputation.confidenceOf(CloudId.wrap(cloud)) < ONE, "INV-REP: confidence");
        }
    }
}
