// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";
import {ResourceVector} from "../types/ResourceVector.sol";
import {Rates} from "../documents/Rates.sol";
import {Resources} from "../documents/Resources.sol";
import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";

/// @title What clouds give to each other, and whether there is room for more
/// @notice Holds one offer per cloud and site, the governed meanings of feature bits, and answers whether given VMs
/// may be promised to a site. Ranking the sites that may is not done here.
/// @dev The exchange stores offers, not commitments: those are the ledger's, which passes them in. A change of an offer
/// never touches what is already promised; it only decides about what is added (INV-ROOM). All times are milliseconds
/// since the epoch, both ends inclusive; the chain's time is `block.timestamp * 1000`.
interface ICapacityExchange {
    /* TYPES */

    /// @notice What a cloud gives to others at a site.
    /// @param capacity All that may be promised at the site at one time. No amount of 2**31 or more.
    /// @param biggest The biggest single VM, lane by lane; within `capacity`.
    /// @param features When offering: bits 0 to 127, which the cloud declares. When read: these and the attested ones.
    /// @param validFrom First moment at which the offer holds, in milliseconds.
    /// @param validUntil Last moment at which the offer holds, in milliseconds.
    /// @param currency ISO 4217 code of the list prices; empty if none are given.
    /// @param rates List prices, for display only: what is owed stands in the agreement. All zero if none are given.
    struct Offer {
        Resources capacity;
        Resources biggest;
        uint256 features;
        uint64 validFrom;
        uint64 validUntil;
        string currency;
        Rates rates;
    }

    /// @notice What one VM needs of a site.
    /// @param resources Its amounts.
    /// @param features Feature bits that the site must have.
    struct Demand {
        ResourceVector resources;
        uint256 features;
    }

    /// @notice What governance said about a feature bit. A bit goes this way only, once.
    enum FeatureStatus {
        Unnamed,
        Named,
        Retired
    }

    /* EVENTS */

    /// @notice An offer was made, or took the place of the one before at the same site.
    /// @param cloud The cloud.
    /// @param site Its site. The first offer of a site lists it: the index is the number of sites listed before.
    /// @param offered The offer as it was made: its features are the declared ones.
    event OfferMade(CloudId indexed cloud, uint16 indexed site, Offer offered);

    /// @notice An offer was taken back. The site stays listed, with its attested features.
    /// @param cloud The cloud.
    /// @param site Its site.
    event OfferWithdrawn(CloudId indexed cloud, uint16 indexed site);

    /// @notice The attested features of a site were replaced.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param attested All attested bits from now on, each at 128 or above.
    /// @param attester Who attested.
    event FeaturesAttested(CloudId indexed cloud, uint16 indexed site, uint256 attested, address indexed attester);

    /// @notice A feature bit got its meaning, for good.
    /// @param bit The bit.
    /// @param name The meaning.
    event FeatureNamed(uint8 indexed bit, string name);

    /// @notice A feature bit is no longer to be used in new offers and attestations.
    /// @param bit The bit.
    /// @param name Its meaning, which it keeps.
    event FeatureRetired(uint8 indexed bit, string name);

    /* ERRORS: ROOM */

    /// @notice The site has no offer.
    /// @param cloud The cloud.
    /// @param site Its site.
    error CapacityExchange_NoOffer(CloudId cloud, uint16 site);

    /// @notice The offer does not hold now.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param validFrom First moment of the offer, in milliseconds.
    /// @param validUntil Last moment of the offer, in milliseconds.
    /// @param time The chain's time, in milliseconds.
    error CapacityExchange_OfferNotValid(CloudId cloud, uint16 site, uint64 validFrom, uint64 validUntil, uint64 time);

    /// @notice The site lacks features that a VM needs.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param missing The bits that are needed and not there.
    error CapacityExchange_FeaturesMissing(CloudId cloud, uint16 site, uint256 missing);

    /// @notice A VM is bigger than the offer's biggest.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param index Position of the VM in the demands.
    /// @param lane First lane that is too big, 0 to 7.
    /// @param asked The amount needed.
    /// @param biggest The amount offered to one VM.
    error CapacityExchange_VmTooBig(
        CloudId cloud,
        uint16 site,
        uint256 index,
        uint8 lane,
        uint32 asked,
        uint32 biggest
    );

    /// @notice The site's capacity would be exceeded.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param lane First lane without room, 0 to 7.
    /// @param wouldBe The amount that would be promised.
    /// @param capacity The amount offered.
    error CapacityExchange_NoRoom(CloudId cloud, uint16 site, uint8 lane, uint32 wouldBe, uint32 capacity);

    /// @notice The cloud may not do this in its status.
    /// @param cloud The cloud.
    /// @param status Its status.
    error CapacityExchange_CloudNotActive(CloudId cloud, CloudStatus status);

    /// @notice An amendment has not one present vector per wanted one.
    /// @param current Number of present vectors.
    /// @param wanted Number of wanted ones.
    error CapacityExchange_LengthMismatch(uint256 current, uint256 wanted);

    /// @notice The gas did not suffice to find out whether there is room.
    error CapacityExchange_NoAnswer();

    /* ERRORS: OFFERS */

    /// @notice An offer with which no VM could be hosted: capacity or biggest VM is all zero.
    /// @param cloud The cloud.
    /// @param site Its site.
    error CapacityExchange_EmptyOffer(CloudId cloud, uint16 site);

    /// @notice The biggest VM does not fit within the capacity.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param lane First lane that does not fit, 0 to 7.
    /// @param biggest The amount for one VM.
    /// @param capacity The amount for all.
    error CapacityExchange_BiggestOverCapacity(CloudId cloud, uint16 site, uint8 lane, uint32 biggest, uint32 capacity);

    /// @notice An offer that ends before it begins, is over already, or does not end within 48 bits of milliseconds.
    /// @param validFrom First moment of the offer, in milliseconds.
    /// @param validUntil Last moment of the offer, in milliseconds.
    /// @param time The chain's time, in milliseconds.
    error CapacityExchange_BadValidity(uint64 validFrom, uint64 validUntil, uint64 time);

    /// @notice The currency is not three capital letters, or list prices came without one.
    /// @param currency What was given.
    error CapacityExchange_BadCurrency(string currency);

    /// @notice The cloud has as many sites as a cloud may have. Listed sites can be offered again.
    /// @param cloud The cloud.
    /// @param limit The most sites of a cloud.
    error CapacityExchange_TooManySites(CloudId cloud, uint256 limit);

    /// @notice There is no such position in a cloud's list of sites.
    /// @param cloud The cloud.
    /// @param index The position asked for.
    /// @param count Number of listed sites.
    error CapacityExchange_NoSuchSite(CloudId cloud, uint256 index, uint256 count);

    /* ERRORS: FEATURES */

    /// @notice A cloud cannot declare features that must be attested, and an attester not those that are declared.
    /// @param bits The bits on the wrong side of 128.
    error CapacityExchange_FeaturesMisplaced(uint256 bits);

    /// @notice Feature bits without a meaning, or retired.
    /// @param bits The bits that may not be used.
    error CapacityExchange_FeaturesNotInUse(uint256 bits);

    /// @notice The bit already has a meaning, which it keeps even when retired.
    /// @param bit The bit.
    /// @param name Its meaning.
    error CapacityExchange_FeatureHasName(uint8 bit, string name);

    /// @notice Another bit in use already has this name.
    /// @param name The name.
    /// @param bit The bit that has it.
    error CapacityExchange_NameTaken(string name, uint8 bit);

    /// @notice A feature's name is not 1 to 64 visible ASCII characters without blanks.
    /// @param name What was given.
    error CapacityExchange_BadName(string name);

    /// @notice The bit has no meaning, or is retired already.
    /// @param bit The bit.
    /// @param status What was found.
    error CapacityExchange_FeatureNotInUse(uint8 bit, FeatureStatus status);

    /// @notice No bit in use has this name.
    /// @param name The name.
    error CapacityExchange_NoSuchFeature(string name);

    /// @notice Features are attested of known clouds only.
    /// @param cloud The cloud.
    error CapacityExchange_UnknownCloud(CloudId cloud);

    /* OFFERS */

    /// @notice Makes an offer for a site, or replaces the one there.
    /// @dev Sent by the cloud's account, or an agent with scope OFFER; the cloud must be Active. An offer may be lower
    /// than what is already promised: nothing is added then until enough has left.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param offered The offer. Its features are declared ones, each with a meaning and not retired.
    function offer(CloudId cloud, uint16 site, Offer calldata offered) external;

    /// @notice Takes an offer back. What is already promised stays promised.
    /// @dev Sent by the cloud's account, or an agent with scope OFFER. Works in every status: it is an exit.
    /// @param cloud The cloud.
    /// @param site Its site.
    function withdrawOffer(CloudId cloud, uint16 site) external;

    /* FEATURES */

    /// @notice Gives a feature bit its meaning. A bit is named once; a mistake is retired and another bit named.
    /// @dev Restricted: governance.
    /// @param bit The bit: 0 to 127 are declared by clouds, 128 to 255 attested.
    /// @param name The meaning, 1 to 64 visible ASCII characters; not that of another bit in use.
    function setFeature(uint8 bit, string calldata name) external;

    /// @notice Takes a feature bit out of use. Offers and attestations that have it keep it; new ones may not use it.
    /// @dev Restricted: governance. The bit keeps its meaning; the name may be given to another bit.
    /// @param bit The bit.
    function retireFeature(uint8 bit) external;

    /// @notice Replaces the attested features of a site. An attestation needs no offer, and outlives one.
    /// @dev Restricted: attesters. Nothing that runs is touched when a feature is taken away.
    /// @param cloud The cloud, in any status.
    /// @param site Its site.
    /// @param bits All features that are attested from now on, each at 128 or above, with a meaning and not retired.
    function attestFeatures(CloudId cloud, uint16 site, uint256 bits) external;

    /* ROOM */

    /// @notice What a site will have promised when the given VMs are added. Reverts with the first refusal: no offer,
    /// not valid now, features missing, a VM too big, a lane that overflows, no room.
    /// @dev Does not ask for the cloud's status and knows nothing of the commitment: both are the caller's. Reads four
    /// slots at most, no price among them.
    /// @param cloud The cloud that shall host.
    /// @param site Its site.
    /// @param committed What is promised there now.
    /// @param demands What is to be added.
    /// @return committedAfter What is promised then.
    function checkHost(
        CloudId cloud,
        uint16 site,
        ResourceVector committed,
        Demand[] calldata demands
    ) external view returns (ResourceVector committedAfter);

    /// @notice What a site will have promised when VMs that it hosts change their amounts. Only lanes that grow are
    /// checked: a VM's against the biggest VM, the sum's against the capacity. Without a growing VM nothing is checked,
    /// not even that there is an offer.
    /// @dev If a VM grows, the offer must be valid now and have the features that this VM wants.
    /// @param cloud The host.
    /// @param site Its site.
    /// @param committed What is promised there now, the current amounts included.
    /// @param current What the VMs have now.
    /// @param wanted What they shall have, in the same order.
    /// @return committedAfter What is promised then.
    function checkGrowth(
        CloudId cloud,
        uint16 site,
        ResourceVector committed,
        ResourceVector[] calldata current,
        Demand[] calldata wanted
    ) external view returns (ResourceVector committedAfter);

    /// @notice Whether a site may take the given VMs: empty if so, otherwise the refusal.
    /// @dev Reverts with `CapacityExchange_NoAnswer` if the gas did not suffice, so that an empty answer always means
    /// yes.
    /// @param cloud The cloud that shall host.
    /// @param site Its site.
    /// @param committed What is promised there now.
    /// @param demands What is to be added.
    /// @return refusal The revert data of `checkHost`, or of `CapacityExchange_CloudNotActive` before it.
    function canHost(
        CloudId cloud,
        uint16 site,
        ResourceVector committed,
        Demand[] calldata demands
    ) external view returns (bytes memory refusal);

    /* VIEWS */

    /// @notice The registry that knows the clouds.
    function REGISTRY() external view returns (ICloudRegistry);

    /// @notice The most sites of one cloud.
    function MAX_SITES() external view returns (uint256);

    /// @notice The offer of a site, valid now or not. Reverts if there is none.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @return offered The offer, with declared and attested features.
    function offerOf(CloudId cloud, uint16 site) external view returns (Offer memory offered);

    /// @notice Whether a site has an offer, valid now or not.
    /// @param cloud The cloud.
    /// @param site Its site.
    function hasOffer(CloudId cloud, uint16 site) external view returns (bool);

    /// @notice The features of a site: declared with its offer, and attested.
    /// @param cloud The cloud.
    /// @param site Its site.
    function featuresOf(CloudId cloud, uint16 site) external view returns (uint256);

    /// @notice Number of sites for which a cloud has ever made an offer. A site stays listed, because what was promised
    /// there may outlive the offer.
    /// @param cloud The cloud.
    function siteCount(CloudId cloud) external view returns (uint256);

    /// @notice A listed site, in the order of their first offers.
    /// @param cloud The cloud.
    /// @param index Position, from 0.
    function siteAt(CloudId cloud, uint256 index) external view returns (uint16);

    /// @notice The bits that new offers and attestations may use.
    function featuresInUse() external view returns (uint256);

    /// @notice The meaning of a feature bit.
    /// @param bit The bit.
    /// @return status Whether it has one, and is in use.
    /// @return name The meaning; empty if it has none.
    function featureOf(uint8 bit) external view returns (FeatureStatus status, string memory name);

    /// @notice The bit in use that has a name. Reverts if there is none.
    /// @param name The name.
    function featureBit(string calldata name) external view returns (uint8);
}
