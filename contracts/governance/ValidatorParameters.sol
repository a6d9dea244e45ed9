// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IValidatorSet} from "./IValidatorSet.sol";

/// @title Hard limits of the validator set's parameters
/// @notice No vote can set a parameter outside of these.
library ValidatorParameters {
    /// @notice Reverts with the first parameter outside its hard limits.
    function requireWithinLimits(IValidatorSet.Parameters memory parameters) internal pure {
        _require("additionInterval", parameters.additionInterval, 1 minutes, 7 days);
        _require("returnWait", parameters.returnWait, 1 minutes, 30 days);
    }

    function _require(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        require(
            value >= least && value <= most,
            IValidatorSet.ValidatorSet_ParameterOutOfRange(name, value, least, most)
        );
    }
}
