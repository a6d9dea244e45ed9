// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {CloudId, NOBODY} from "../types/CloudId.sol";
import {ResourceVector, ResourceVectors} from "../types/ResourceVector.sol";
import {Rates} from "../documents/Rates.sol";
import {AgentScope} from "../registry/AgentScope.sol";
import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {ICapacityExchange} from "./ICapacityExchange.sol";

/// @title CapacityExchange
/// @dev No exit of the federation depends on this contract, and `withdrawOffer` asks the registry for the sender only.
contract CapacityExchange is ICapacityExchange, AccessManaged {
    /// @dev An offer as the hot path reads it: three slots, the fourth only if a VM needs an attested feature.
    struct StoredOffer {
        // slot 0: 32 bytes
        ResourceVector capacity;
        // slot 1: 32 bytes
        ResourceVector biggest;
        // slot 2: 6 + 6 + 1 + 16 = 29 bytes; milliseconds. An offer exists if `validUntil` is not zero
        uint48 validFrom;
        uint48 validUntil;
        bool isListed;
        uint128 declared;
        // slot 3: 16 bytes; the attested bits from 128 on, which live with the site and not with the offer
        uint128 attested;
    }

    /// @dev List prices, which no check reads.
    struct StoredPrice {
        // slots 0 and 1: 8 * 8 = 64 bytes
        Rates rates;
        // slot 2: 3 bytes; zero if no list prices are given
        bytes3 currency;
    }

    /// @dev What governance said about a feature bit.
    struct Feature {
        FeatureStatus status;
        string name;
    }

    /// @inheritdoc ICapacityExchange
    uint256 public constant MAX_SITES = 64;

    /// @dev Bits that a cloud declares itself. The others are attested.
    uint256 private constant DECLARED = type(uint128).max;

    uint256 private constant MAX_NAME_BYTES = 64;

    /// @inheritdoc ICapacityExchange
    ICloudRegistry public immutable REGISTRY;

    mapping(CloudId cloud => mapping(uint16 site => StoredOffer)) private _offers;
    mapping(CloudId cloud => mapping(uint16 site => StoredPrice)) private _prices;
    mapping(CloudId cloud => uint16[] sites) private _sites;
    mapping(uint8 bit => Feature) private _features;
    /// @dev Bits in use by name, each plus one: zero is no bit.
    mapping(bytes32 nameHash => uint256 bitPlusOne) private _bitsByName;
    uint256 private _featuresInUse;

    /// @notice Ties the exchange to its registry for good.
    /// @param authority The access manager.
    /// @param registry The registry that knows the clouds.
    constructor(address authority, ICloudRegistry registry) AccessManaged(authority) {
        REGISTRY = registry;
    }

    /* OFFERS */

    /// @inheritdoc ICapacityExchange
    function offer(CloudId cloud, uint16 site, Offer calldata offered) external {
        REGISTRY.requireSender(cloud, AgentScope.OFFER, NOBODY, NOBODY, msg.sender);
        _requireActive(cloud);
        ResourceVector capacity = ResourceVectors.pack(offered.capacity);
        ResourceVector biggest = ResourceVectors.pack(offered.biggest);
        require(!capacity.isZero() && !biggest.isZero(), CapacityExchange_EmptyOffer(cloud, site));
        if (!biggest.fitsWithin(capacity)) {
            (uint8 lane, uint32 one, uint32 all) = biggest.exceedingLane(capacity);
            revert CapacityExchange_BiggestOverCapacity(cloud, site, lane, one, all);
        }
        _requireUsable(offered.features, DECLARED);
        _requireValidity(offered.validFrom, offered.validUntil);
        bytes3 currency = _toCurrency(offered);

        StoredOffer storage stored = _offers[cloud][site];
        if (!stored.isListed) {
            require(_sites[cloud].length < MAX_SITES, CapacityExchange_TooManySites(cloud, MAX_SITES));
            _sites[cloud].push(site);
            stored.isListed = true;
        }
        stored.capacity = capacity;
        stored.biggest = biggest;
        // Casts are safe: the features are declared ones, and the validity was found to end within 48 bits.
        stored.declared = uint128(offered.features);
        stored.validFrom = uint48(offered.validFrom);
        stored.validUntil = uint48(offered.validUntil);
        _prices[cloud][site] = StoredPrice({rates: offered.rates, currency: currency});

        emit OfferMade({cloud: cloud, site: site, offered: offered});
    }

    /// @inheritdoc ICapacityExchange
    function withdrawOffer(CloudId cloud, uint16 site) external {
        REGISTRY.requireSender(cloud, AgentScope.OFFER, NOBODY, NOBODY, msg.sender);
        StoredOffer storage stored = _offerAt(cloud, site);

        stored.capacity = ResourceVector.wrap(0);
        stored.biggest = ResourceVector.wrap(0);
        stored.declared = 0;
        stored.validFrom = 0;
        stored.validUntil = 0;
        delete _prices[cloud][site];

        emit OfferWithdrawn({cloud: cloud, site: site});
    }

    /* FEATURES */

    /// @inheritdoc ICapacityExchange
    function setFeature(uint8 bit, string calldata name) external restricted {
        Feature storage feature = _features[bit];
        if (feature.status != FeatureStatus.Unnamed) revert CapacityExchange_FeatureHasName(bit, feature.name);
        require(_isName(bytes(name)), CapacityExchange_BadName(name));
        bytes32 nameHash = keccak256(bytes(name));
        uint256 taken = _bitsByName[nameHash];
        // The cast is safe: what is stored is a bit plus one.
        if (taken != 0) revert CapacityExchange_NameTaken(name, uint8(taken - 1));

        feature.status = FeatureStatus.Named;
        feature.name = name;
        _bitsByName[nameHash] = uint256(bit) + 1;
        _featuresInUse |= 1 << bit;

        emit FeatureNamed({bit: bit, name: name});
    }

    /// @inheritdoc ICapacityExchange
    function retireFeature(uint8 bit) external restricted {
        Feature storage feature = _features[bit];
        require(feature.status == FeatureStatus.Named, CapacityExchange_FeatureNotInUse(bit, feature.status));

        feature.status = FeatureStatus.Retired;
        delete _bitsByName[keccak256(bytes(feature.name))];
        _featuresInUse &= ~(1 << bit);

        emit FeatureRetired({bit: bit, name: feature.name});
    }

    /// @inheritdoc ICapacityExchange
    function attestFeatures(CloudId cloud, uint16 site, uint256 bits) external restricted {
        require(REGISTRY.statusOf(cloud) != CloudStatus.None, CapacityExchange_UnknownCloud(cloud));
        _requireUsable(bits, ~DECLARED);

        // Cast is safe: the bits are 256.
        _offers[cloud][site].attested = uint128(bits >> 128);

        emit FeaturesAttested({cloud: cloud, site: site, attested: bits, attester: msg.sender});
    }

    /* ROOM */

    /// @inheritdoc ICapacityExchange
    function checkHost(
        CloudId cloud,
        uint16 site,
        ResourceVector committed,
        Demand[] calldata demands
    ) external view returns (ResourceVector committedAfter) {
        StoredOffer storage stored = _offers[cloud][site];
        _requireValid(cloud, site, stored);

        uint256 needed = 0;
        for (uint256 i = 0; i < demands.length; ++i) {
            needed |= demands[i].features;
        }
        _requireFeatures(cloud, site, stored, needed);

        ResourceVector biggest = stored.biggest;
        for (uint256 i = 0; i < demands.length; ++i) {
            _requireVmFits(cloud, site, i, demands[i].resources, biggest);
        }

        committedAfter = committed;
        for (uint256 i = 0; i < demands.length; ++i) {
            committedAfter = committedAfter.plus(demands[i].resources);
        }
        _requireRoom(cloud, site, committedAfter, stored.capacity);
    }

    /// @inheritdoc ICapacityExchange
    function checkGrowth(
        CloudId cloud,
        uint16 site,
        ResourceVector committed,
        ResourceVector[] calldata current,
        Demand[] calldata wanted
    ) external view returns (ResourceVector committedAfter) {
        require(current.length == wanted.length, CapacityExchange_LengthMismatch(current.length, wanted.length));

        // All that goes first, then all that comes: a sum that fits in the end is not refused on the way.
        committedAfter = committed;
        for (uint256 i = 0; i < current.length; ++i) {
            committedAfter = committedAfter.minus(current[i]);
        }
        bool isGrowing = false;
        uint256 needed = 0;
        for (uint256 i = 0; i < wanted.length; ++i) {
            committedAfter = committedAfter.plus(wanted[i].resources);
            if (!wanted[i].resources.risesAbove(current[i]).isZero()) {
                isGrowing = true;
                needed |= wanted[i].features;
            }
        }
        if (!isGrowing) return committedAfter;

        StoredOffer storage stored = _offers[cloud][site];
        _requireValid(cloud, site, stored);
        _requireFeatures(cloud, site, stored, needed);
        ResourceVector biggest = stored.biggest;
        for (uint256 i = 0; i < wanted.length; ++i) {
            _requireVmFits(cloud, site, i, wanted[i].resources.risesAbove(current[i]), biggest);
        }
        _requireRoom(cloud, site, committedAfter.risesAbove(committed), stored.capacity);
    }

    /// @inheritdoc ICapacityExchange
    function canHost(
        CloudId cloud,
        uint16 site,
        ResourceVector committed,
        Demand[] calldata demands
    ) external view returns (bytes memory refusal) {
        CloudStatus status = REGISTRY.statusOf(cloud);
        if (status != CloudStatus.Active) {
            return abi.encodeWithSelector(CapacityExchange_CloudNotActive.selector, cloud, status);
        }

        try this.checkHost(cloud, site, committed, demands) {
            return "";
        } catch (bytes memory reason) {
            // Every refusal is a typed error. No data means that the inner call ran out of gas, which is no yes.
            require(reason.length != 0, CapacityExchange_NoAnswer());
            return reason;
        }
    }

    /* VIEWS */

    /// @inheritdoc ICapacityExchange
    function offerOf(CloudId cloud, uint16 site) external view returns (Offer memory) {
        StoredOffer storage stored = _offerAt(cloud, site);
        StoredPrice storage price = _prices[cloud][site];
        return
            Offer({
                capacity: stored.capacity.unpack(),
                biggest: stored.biggest.unpack(),
                features: _featuresAt(stored),
                validFrom: stored.validFrom,
                validUntil: stored.validUntil,
                currency: price.currency == 0 ? "" : string(abi.encodePacked(price.currency)),
                rates: price.rates
            });
    }

    /// @inheritdoc ICapacityExchange
    function hasOffer(CloudId cloud, uint16 site) external view returns (bool) {
        return _offers[cloud][site].validUntil != 0;
    }

    /// @inheritdoc ICapacityExchange
    function featuresOf(CloudId cloud, uint16 site) external view returns (uint256) {
        return _featuresAt(_offers[cloud][site]);
    }

    /// @inheritdoc ICapacityExchange
    function siteCount(CloudId cloud) external view returns (uint256) {
        return _sites[cloud].length;
    }

    /// @inheritdoc ICapacityExchange
    function siteAt(CloudId cloud, uint256 index) external view returns (uint16) {
        uint256 count = _sites[cloud].length;
        require(index < count, CapacityExchange_NoSuchSite(cloud, index, count));
        return _sites[cloud][index];
    }

    /// @inheritdoc ICapacityExchange
    function featuresInUse() external view returns (uint256) {
        return _featuresInUse;
    }

    /// @inheritdoc ICapacityExchange
    function featureOf(uint8 bit) external view returns (FeatureStatus status, string memory name) {
        Feature storage feature = _features[bit];
        return (feature.status, feature.name);
    }

    /// @inheritdoc ICapacityExchange
    function featureBit(string calldata name) external view returns (uint8) {
        uint256 bitPlusOne = _bitsByName[keccak256(bytes(name))];
        require(bitPlusOne != 0, CapacityExchange_NoSuchFeature(name));
        // The cast is safe: what is stored is a bit plus one.
        return uint8(bitPlusOne - 1);
    }

    /* HELPERS */

    function _offerAt(CloudId cloud, uint16 site) private view returns (StoredOffer storage stored) {
        stored = _offers[cloud][site];
        require(stored.validUntil != 0, CapacityExchange_NoOffer(cloud, site));
    }

    function _requireActive(CloudId cloud) private view {
        CloudStatus status = REGISTRY.statusOf(cloud);
        require(status == CloudStatus.Active, CapacityExchange_CloudNotActive(cloud, status));
    }

    /// @dev Refuses bits outside the side they belong to, and bits that are not in use.
    function _requireUsable(uint256 bits, uint256 side) private view {
        uint256 misplaced = bits & ~side;
        require(misplaced == 0, CapacityExchange_FeaturesMisplaced(misplaced));
        uint256 unusable = bits & ~_featuresInUse;
        require(unusable == 0, CapacityExchange_FeaturesNotInUse(unusable));
    }

    function _requireValidity(uint64 validFrom, uint64 validUntil) private view {
        uint64 time = _timeMs();
        require(
            validFrom <= validUntil && time <= validUntil && validUntil <= type(uint48).max,
            CapacityExchange_BadValidity(validFrom, validUntil, time)
        );
    }

    function _requireValid(CloudId cloud, uint16 site, StoredOffer storage stored) private view {
        (uint64 validFrom, uint64 validUntil) = (stored.validFrom, stored.validUntil);
        require(validUntil != 0, CapacityExchange_NoOffer(cloud, site));
        uint64 time = _timeMs();
        require(
            validFrom <= time && time <= validUntil,
            CapacityExchange_OfferNotValid(cloud, site, validFrom, validUntil, time)
        );
    }

    function _featuresAt(StoredOffer storage stored) private view returns (uint256) {
        return (uint256(stored.attested) << 128) | stored.declared;
    }

    /// @dev The slot of the attested features is read only when some are needed.
    function _requireFeatures(CloudId cloud, uint16 site, StoredOffer storage stored, uint256 needed) private view {
        uint256 missing = needed & ~uint256(stored.declared);
        if (missing == 0) return;
        missing = needed & ~_featuresAt(stored);
        require(missing == 0, CapacityExchange_FeaturesMissing(cloud, site, missing));
    }

    function _requireVmFits(
        CloudId cloud,
        uint16 site,
        uint256 index,
        ResourceVector asked,
        ResourceVector biggest
    ) private pure {
        if (asked.fitsWithin(biggest)) return;
        (uint8 lane, uint32 amount, uint32 limit) = asked.exceedingLane(biggest);
        revert CapacityExchange_VmTooBig(cloud, site, index, lane, amount, limit);
    }

    function _requireRoom(CloudId cloud, uint16 site, ResourceVector sum, ResourceVector capacity) private pure {
        if (sum.fitsWithin(capacity)) return;
        (uint8 lane, uint32 amount, uint32 limit) = sum.exceedingLane(capacity);
        revert CapacityExchange_NoRoom(cloud, site, lane, amount, limit);
    }

    /// @dev Three capital letters, or nothing at all: no currency and no rate.
    function _toCurrency(Offer calldata offered) private pure returns (bytes3 currency) {
        bytes calldata letters = bytes(offered.currency);
        if (letters.length == 0) {
            require(_isFree(offered.rates), CapacityExchange_BadCurrency(offered.currency));
            return 0;
        }
        require(letters.length == 3, CapacityExchange_BadCurrency(offered.currency));
        for (uint256 i = 0; i < 3; ++i) {
            require(letters[i] >= "A" && letters[i] <= "Z", CapacityExchange_BadCurrency(offered.currency));
        }
        return bytes3(letters);
    }

    function _isFree(Rates calldata rates) private pure returns (bool) {
        return
            (rates.vcpuMilli |
                rates.memoryMiB |
                rates.storageGiB |
                rates.diskIops |
                rates.networkMbps |
                rates.gpus |
                rates.spare1 |
                rates.spare2) == 0;
    }

    /// @dev Visible ASCII without blanks: two names that look alike are alike.
    function _isName(bytes calldata name) private pure returns (bool) {
        if (name.length == 0 || name.length > MAX_NAME_BYTES) return false;
        for (uint256 i = 0; i < name.length; ++i) {
            if (name[i] < 0x21 || name[i] > 0x7e) return false;
        }
        return true;
    }

    /// @dev The cast is safe: 64 bits of milliseconds are 584 million years.
    function _timeMs() private view returns (uint64) {
        return uint64(block.timestamp * 1000);
    }
}
