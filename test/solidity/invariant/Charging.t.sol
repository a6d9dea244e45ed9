// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IChargingLedger, StayAccount} from "../../../contracts/charging/IChargingLedger.sol";
import {Rates} from "../../../contracts/documents/Rates.sol";
import {Resources} from "../../../contracts/documents/Resources.sol";
import {ICapacityExchange} from "../../../contracts/exchange/ICapacityExchange.sol";
import {OracleStub} from "../../../contracts/mocks/OracleStub.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {cheats} from "../Cheats.sol";
import {ChargingHandler} from "./ChargingHandler.t.sol";
import {FoundedFederation} from "./FoundedFederation.sol";

/// @title The books stay what plain numbers say, whatever clouds do
contract ChargingInvariants is FoundedFederation {
    uint256 private constant ATTEMPTS = 40;

    ChargingHandler private _handler;
    IChargingLedger private _books;

    function setUp() external {
        (, address exchange, address ledger) = _found(4);
        OracleStub oracle = OracleStub(_deploy("OracleStub.sol:OracleStub", abi.encode(ledger)));
        _books = IChargingLedger(_deploy("ChargingLedger.sol:ChargingLedger", abi.encode(oracle)));
        _handler = ChargingHandler(
            _deploy("ChargingHandler.t.sol:ChargingHandler", abi.encode(ledger, _books, oracle, START))
        );
        _offerEverywhere(ICapacityExchange(exchange));
        for (uint256 i = 0; i < 6; ++i) _handler.place(_nextSeed());
        for (uint256 i = 0; i < 3; ++i) _handler.wait(1_199);
    }

    function _offerEverywhere(ICapacityExchange exchange) private {
        Resources memory room;
        room.vcpuMilli = 2 ** 31 - 1;
        Rates memory free;
        ICapacityExchange.Offer memory offered = ICapacityExchange.Offer({
            capacity: room,
            biggest: room,
            features: 0,
            validFrom: 0,
            validUntil: type(uint48).max,
            currency: "",
            rates: free
        });
        for (uint32 cloud = 1; cloud <= _handler.CLOUDS(); ++cloud) {
            address account = _handler.accountOf(cloud);
            cheats.prank(account);
            exchange.offer(CloudId.wrap(cloud), 0, offered);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_balancesAreTheirLinesAndSumToZero() external view {
        _checkBalances();
    }

    function invariant_chargesAreTheFormula() external view {
        _checkStays();
    }

    /// @dev The fuzzer's runs are short and random. This one goes for every action, always the same way.
    function test_handler_reachesEveryAction() external {
        ChargingHandler h = _handler;
        _reach("place", h.place);
        _reach("settle", h.settle);
        _reach("settleJointly", h.settle);
        _reach("settleCredit", h.settleCredit);
        _reach("replace", h.replace);
        _reach("correct", h.correct);
        _reach("net", h.net);
        _reach("acknowledge", h.acknowledge);
        _reach("bringHome", h.bringHome);
        _reach("wait", h.wait);
        for (uint256 i = 0; i < ATTEMPTS; ++i) {
            h.settle(_nextSeed());
            h.settleCredit(_nextSeed());
            h.replace(_nextSeed());
            if (i % 8 == 0) h.bringHome((_nextSeed() / 3) * 3);
            _checkBalances();
            _checkStays();
        }
    }

    function _reach(string memory action, function(uint256) external act) private {
        for (uint256 i = 0; i < ATTEMPTS && _handler.calls(action) == 0; ++i) act(_nextSeed());
        require(_handler.calls(action) > 0, string.concat("never done: ", action));
    }

    /* CHECKS */

    function _checkBalances() private view {
        for (uint256 currency = 0; currency < _handler.CURRENCIES(); ++currency) {
            int256 sum = 0;
            for (uint32 creditor = 1; creditor <= _handler.CLOUDS(); ++creditor) {
                for (uint32 debtor = 1; debtor <= _handler.CLOUDS(); ++debtor) {
                    if (creditor == debtor) continue;
                    int256 balance = _balanceOf(creditor, debtor, currency);
                    require(balance == _handler.owed(creditor, debtor, currency), "balance");
                    require(balance == -_balanceOf(debtor, creditor, currency), "INV-ZERO: debit is not credit");
                    sum += balance;
                }
            }
            require(sum == 0, "INV-ZERO");
        }
    }

    function _balanceOf(uint32 creditor, uint32 debtor, uint256 currency) private view returns (int256) {
        return _books.balanceOf(CloudId.wrap(creditor), CloudId.wrap(debtor), _handler.currencyAt(currency));
    }

    function _checkStays() private view {
        for (uint256 i = 0; i < _handler.stayCount(); ++i) {
            ChargingHandler.GhostStay memory stay = _handler.stayAt(i);
            (StayAccount memory account, uint96 posted) = _books.chargeOf(stay.vm, stay.sequence);
            require(posted == _handler.chargeAt(i), "INV-PURE");
            uint256 replaced = stay.replaced == 0 ? 0 : stay.startedAt + stay.replaced;
            require(account.replacedThrough == replaced, "INV-SETTLE: replaced");
            uint256 settled = stay.isKnown ? stay.startedAt + stay.settled : 0;
            require(account.settledThrough == settled, "INV-SETTLE: settled");
            for (uint32 window = 0; window < _handler.WINDOWS(); ++window) {
                require(_books.creditOf(stay.vm, stay.sequence, window) == _handler.creditAt(i, window), "INV-CREDIT");
            }
        }
    }
}
