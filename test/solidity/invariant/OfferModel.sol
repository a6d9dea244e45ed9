// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Line} from "../../../contracts/documents/Agreement.sol";
import {IMigrationLedger} from "../../../contracts/ledger/IMigrationLedger.sol";
import {CloudId} from "../../../contracts/types/CloudId.sol";
import {ResourceVector} from "../../../contracts/types/ResourceVector.sol";
import {Lanes} from "../Lanes.sol";

/// @title Offers as they were made, and what fits into them, in plain numbers lane by lane
contract OfferModel {
    /// @notice An offer in plain numbers.
    struct GhostOffer {
        uint32[8] capacity;
        uint32[8] biggest;
        bool exists;
    }

    uint32 public constant CLOUDS = 4;
    uint16 public constant SITES = 2;

    IMigrationLedger private immutable LEDGER;

    mapping(uint32 cloud => mapping(uint16 site => GhostOffer)) private _offers;
    mapping(uint32 cloud => mapping(uint16 site => uint32[8])) private _committedBefore;

    constructor(IMigrationLedger ledger) {
        LEDGER = ledger;
    }

    /* OFFERS */

    function exists(uint32 cloud, uint16 site) external view returns (bool) {
        return _offers[cloud][site].exists;
    }

    function made(uint32 cloud, uint16 site, uint32[8] memory capacity, uint32[8] memory biggest) external {
        _offers[cloud][site] = GhostOffer({capacity: capacity, biggest: biggest, exists: true});
    }

    function withdrawn(uint32 cloud, uint16 site) external {
        delete _offers[cloud][site];
    }

    /* EACH ACTION */

    function noteCommitted() external {
        for (uint32 cloud = 1; cloud <= CLOUDS; ++cloud) {
            for (uint16 site = 0; site < SITES; ++site) {
                _committedBefore[cloud][site] = _committed(cloud, site);
            }
        }
    }

    /// @notice No lane has risen above the offered one since the last `noteCommitted`.
    function checkRoom() external view {
        for (uint32 cloud = 1; cloud <= CLOUDS; ++cloud) {
            for (uint16 site = 0; site < SITES; ++site) {
                uint32[8] memory before = _committedBefore[cloud][site];
                uint32[8] memory current = _committed(cloud, site);
                for (uint256 i = 0; i < Lanes.COUNT; ++i) {
                    bool hasRisen = current[i] > before[i];
                    require(!hasRisen || current[i] <= _offers[cloud][site].capacity[i], "INV-ROOM");
                }
            }
        }
    }

    /* ROOM */

    /// @notice Whether an offer has room for the lines of an agreement (INV-ROOM).
    /// @param promised What is promised there already.
    function hasRoom(
        uint32 cloud,
        uint16 site,
        uint256[8] memory promised,
        Line[] calldata lines
    ) external view returns (bool) {
        GhostOffer storage offered = _offers[cloud][site];
        if (!offered.exists) return false;
        for (uint256 i = 0; i < lines.length; ++i) {
            uint32[8] memory amounts = Lanes.amountsOf(lines[i].resources);
            for (uint256 j = 0; j < Lanes.COUNT; ++j) {
                if (amounts[j] > offered.biggest[j]) return false;
                promised[j] += amounts[j];
            }
        }
        for (uint256 j = 0; j < Lanes.COUNT; ++j) {
            if (promised[j] > offered.capacity[j]) return false;
        }
        return true;
    }

    /// @notice Whether an offer has room for VMs there to become what the lines say: only what grows must fit.
    /// @param promised What is promised there already, the VMs included.
    /// @param current What each VM has now.
    function canGrow(
        uint32 cloud,
        uint16 site,
        uint256[8] calldata promised,
        uint32[8][] calldata current,
        Line[] calldata lines
    ) external view returns (bool) {
        GhostOffer storage offered = _offers[cloud][site];
        uint256[8] memory sums = promised;
        bool isGrowing = false;
        for (uint256 i = 0; i < lines.length; ++i) {
            uint32[8] memory wanted = Lanes.amountsOf(lines[i].resources);
            for (uint256 j = 0; j < Lanes.COUNT; ++j) {
                sums[j] = sums[j] + wanted[j] - current[i][j];
                if (wanted[j] <= current[i][j]) continue;
                isGrowing = true;
                if (wanted[j] > offered.biggest[j]) return false;
            }
        }
        for (uint256 j = 0; j < Lanes.COUNT; ++j) {
            if (sums[j] > promised[j] && sums[j] > offered.capacity[j]) return false;
        }
        return !isGrowing || offered.exists;
    }

    function _committed(uint32 cloud, uint16 site) private view returns (uint32[8] memory) {
        return Lanes.split(ResourceVector.unwrap(LEDGER.committedVectorOf(CloudId.wrap(cloud), site)));
    }
}
