// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Metrics} from "../../../contracts/documents/Metrics.sol";
import {GridWord, GridWords} from "../../../contracts/oracle/GridWord.sol";
import {Grid, ResultState} from "../../../contracts/oracle/ISlaOracle.sol";
import {ResultWord, ResultWords} from "../../../contracts/oracle/ResultWord.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";

/// @title The words in which the oracle stores grids and results: every field comes back, none touches another
contract OracleWordsTest {
    /* GRID */

    function testFuzz_pack_comesBack_ofGrid(Grid memory grid) external pure {
        if (CloudId.unwrap(grid.home) == 0) grid.home = CloudId.wrap(1);
        grid.periods.claimWithin %= 2 ** 24;
        grid.periods.objectWithin %= 2 ** 24;
        grid.periods.observeWithin %= 2 ** 24;

        GridWord word = GridWords.pack(grid);

        require(keccak256(abi.encode(word.unpack())) == keccak256(abi.encode(grid)), "grid");
        require(word.isOpen(), "a grid with a home is open");
        require(!GridWord.wrap(0).isOpen(), "nothing is open");
    }

    function testFuzz_beginOf_isExact(uint48 startedAt, uint48 windowMs, uint32 window) external pure {
        Grid memory grid;
        (grid.startedAt, grid.windowMs) = (startedAt, windowMs);

        require(GridWords.pack(grid).beginOf(window) == uint256(startedAt) + uint256(window) * windowMs, "begin");
    }

    /* RESULT */

    function testFuzz_claimed_comesBack(Metrics memory metrics, bool byHost, uint40 since, uint40 later) external pure {
        _bound(metrics);

        ResultWord result = ResultWords.claimed(metrics, byHost, since);
        require(result.state() == ResultState.Claimed && result.since() == since, "claimed");
        require(result.isByHost() == byHost && result.observations() == 0, "claimant");
        require(_same(result.metrics(), metrics), "metrics of a claim");

        result = result.objected(later);
        require(result.state() == ResultState.Objected && result.since() == later, "objected");
        require(result.isByHost() == byHost && result.observations() == 0, "claimant of what is objected to");
        require(_same(result.metrics(), metrics), "metrics of what is objected to");

        for (uint8 count = 1; count <= 7; ++count) {
            result = result.observed();
            require(result.observations() == count, "observations");
        }
        require(result.state() == ResultState.Objected && result.since() == later, "observed");
        require(result.isByHost() == byHost && _same(result.metrics(), metrics), "observed");
    }

    function testFuzz_witnessed_comesBack(Metrics memory metrics) external pure {
        _bound(metrics);

        ResultWord result = ResultWords.witnessed(metrics);

        require(result.state() == ResultState.Witnessed && _same(result.metrics(), metrics), "witnessed");
        require(ResultWords.disputed().state() == ResultState.Disputed, "disputed");
    }

    function testFuzz_agreed_keepsAllButTheHighestByte(bytes32 hash) external pure {
        ResultWord result = ResultWords.agreed(hash);

        require(result.state() == ResultState.Agreed, "agreed");
        require(uint256(result.commitment()) == uint256(hash) % 2 ** 248, "commitment");
    }

    function _bound(Metrics memory metrics) private pure {
        metrics.availabilityPpm %= 1_000_001;
        metrics.cpuReadyPpm %= 1_000_001;
        metrics.lossPpm %= 1_000_001;
        metrics.measured %= 128;
    }

    function _same(Metrics memory a, Metrics memory b) private pure returns (bool) {
        return keccak256(abi.encode(a)) == keccak256(abi.encode(b));
    }
}
