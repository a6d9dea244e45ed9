// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../documents/Metrics.sol";
import {SaltedMetrics} from "../documents/SaltedMetrics.sol";
import {IMigrationLedger} from "../ledger/IMigrationLedger.sol";
import {ResultState, WindowResult} from "../oracle/ISlaOracle.sol";
import {VmId} from "../types/VmId.sol";

/// @title An oracle that says what it was told, for tests of the contracts that ask it
/// @dev It has only the functions they ask.
contract OracleStub {
    IMigrationLedger private immutable LEDGER;

    mapping(VmId vm => mapping(uint32 sequence => mapping(uint32 window => WindowResult))) private _results;

    /// @notice There is no final result, or it is another one.
    error OracleStub_NotFinal(VmId vm, uint32 sequence, uint32 window);

    constructor(IMigrationLedger ledger_) {
        LEDGER = ledger_;
    }

    /// @notice Sets what is said of a window.
    function set(VmId vm, uint32 sequence, uint32 window, ResultState state, Metrics calldata metrics) external {
        WindowResult storage result = _results[vm][sequence][window];
        result.state = state;
        result.isFinal = state != ResultState.None && state != ResultState.Objected;
        result.metrics = metrics;
    }

    function resultOf(VmId vm, uint32 sequence, uint32 window) external view returns (WindowResult memory) {
        return _results[vm][sequence][window];
    }

    function requireFinal(VmId vm, uint32 sequence, uint32 window, SaltedMetrics calldata opening) external view {
        WindowResult storage result = _results[vm][sequence][window];
        bool isSame = keccak256(abi.encode(opening.values)) == keccak256(abi.encode(result.metrics));
        require(
            result.isFinal && result.state != ResultState.Disputed && isSame,
            OracleStub_NotFinal(vm, sequence, window)
        );
    }

    function ledger() external view returns (IMigrationLedger) {
        return LEDGER;
    }
}
