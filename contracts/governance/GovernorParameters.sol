// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFederationGovernor} from "./IFederationGovernor.sol";

/// @title Hard limits of governance's own parameters
/// @notice No vote can set a parameter outside of these. Only a federation that was founded for tests may hurry.
library GovernorParameters {
    /// @notice Reverts with the first parameter outside its hard limits.
    function requireWithinLimits(IFederationGovernor.Parameters memory parameters, bool isTest) internal pure {
        _require("slowDelay", parameters.slowDelay, isTest ? 1 seconds : 24 hours, 14 days);
        _require("votingPeriod", parameters.votingPeriod, isTest ? 10 seconds : 24 hours, 30 days);
        _require("executeWithin", parameters.executeWithin, isTest ? 1 minutes : 7 days, 90 days);
    }

    function _require(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        require(
            value >= least && value <= most,
            IFederationGovernor.FederationGovernor_ParameterOutOfRange(name, value, least, most)
        );
    }
}
