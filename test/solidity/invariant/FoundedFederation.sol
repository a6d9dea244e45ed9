// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Parameters} from "../../../contracts/ledger/IMigrationLedger.sol";
import {ICloudRegistry} from "../../../contracts/registry/ICloudRegistry.sol";
import {cheats} from "../Cheats.sol";

/// @title What the invariant tests begin with: registry, exchange and ledger of a few clouds, and seeds for their acts
abstract contract FoundedFederation {
    uint256 internal constant START = 1_700_000_000;

    uint256 private _seeds;

    /// @dev By their names: to compile all of them into each test again would take minutes. No role is needed here: the
    /// test is the authority.
    function _found(uint256 clouds) internal returns (address registry, address exchange, address ledger) {
        cheats.warp(START);
        ICloudRegistry.Candidate[] memory founders = new ICloudRegistry.Candidate[](clouds);
        for (uint256 i = 0; i < founders.length; ++i) {
            founders[i] = ICloudRegistry.Candidate({
                label: string.concat("cloud-", string(abi.encodePacked(bytes1(uint8(0x61 + i))))),
                account: cheats.addr(0xB105 + i + 1),
                recovery: cheats.addr(0xB205 + i + 1),
                endpoint: "https://cloud.example",
                spkiHash: bytes32(i + 1)
            });
        }
        address authority = address(this);
        registry = _deploy("CloudRegistry.sol:CloudRegistry", abi.encode(authority, founders));
        exchange = _deploy("CapacityExchange.sol:CapacityExchange", abi.encode(authority, registry));
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
        ledger = _deploy(
            "MigrationLedger.sol:MigrationLedger",
            bytes.concat(shared, abi.encode(exits, changes, parameters))
        );
    }

    function _deploy(string memory artifact, bytes memory arguments) internal returns (address deployed) {
        bytes memory code = bytes.concat(cheats.getCode(artifact), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        require(deployed != address(0), artifact);
    }

    function _nextSeed() internal returns (uint256) {
        return uint256(keccak256(abi.encode("seed", ++_seeds)));
    }
}
