// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Accrual} from "../charging/Accrual.sol";
import {Rates} from "../documents/Rates.sol";
import {Resources} from "../documents/Resources.sol";
import {Currencies, Currency} from "../types/Currency.sol";

/// @title Shows what the libraries of charging compute. For tests only.
contract AccrualProbe {
    /// @notice Rates of many, one for each pair.
    function ratesOf(
        Resources[] calldata resources,
        Rates[] calldata rates
    ) external pure returns (uint256[] memory sums) {
        sums = new uint256[](resources.length);
        for (uint256 i = 0; i < sums.length; ++i) sums[i] = Accrual.rateOf(resources[i], rates[i]);
    }

    /// @notice Charges of many, one for each pair; where one is refused, the highest number.
    function accruedOf(
        uint256[] calldata rates,
        uint256[] calldata elapsedMs
    ) external view returns (uint256[] memory charges) {
        charges = new uint256[](rates.length);
        for (uint256 i = 0; i < charges.length; ++i) {
            try this.accrued(rates[i], elapsedMs[i]) returns (uint96 charge) {
                charges[i] = charge;
            } catch {
                charges[i] = type(uint256).max;
            }
        }
    }

    /// @notice One charge, or its refusal.
    function accrued(uint256 rate, uint256 elapsedMs) external pure returns (uint96) {
        return Accrual.accrued(rate, elapsedMs);
    }

    /// @notice The currency that a text names, or its refusal.
    function currencyOf(string calldata text) external pure returns (Currency) {
        return Currencies.parse(text);
    }
}
