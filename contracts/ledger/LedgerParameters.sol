// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IMigrationLedger, Parameters} from "./IMigrationLedger.sol";

/// @title Hard limits of the ledger's governed parameters
/// @notice No vote can set a parameter outside of these.
library LedgerParameters {
    /// @notice Reverts with the first parameter outside its hard limits.
    function requireWithinLimits(Parameters memory parameters) internal pure {
        _require("agreeWithin", parameters.agreeWithin, 1 minutes, 24 hours);
        _require("startWithin", parameters.startWithin, 1 minutes, 72 hours);
        _require("completeWithin", parameters.completeWithin, 1 minutes, 14 days);
        _require("startLead", parameters.startLead, 10 minutes, 24 hours);
        _require("tolerance", parameters.tolerance, 1 minutes, 24 hours);
        _require("lossWait", parameters.lossWait, 5 minutes, 24 hours);
        _require("retention", parameters.retention, 1 days, 365 days);
    }

    function _require(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        require(
            value >= least && value <= most,
            IMigrationLedger.MigrationLedger_ParameterOutOfRange(name, value, least, most)
        );
    }
}
