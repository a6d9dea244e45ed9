// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ValidatorActivation} from "../documents/ValidatorActivation.sol";
import {CloudStatus} from "../registry/ICloudRegistry.sol";
import {CloudId} from "../types/CloudId.sol";

/// @title The validators of the chain
/// @notice Who seals blocks. Besu calls `getValidators` on the state after each block: what it answers after block N
/// seals block N + 1. A member seats one validator of its own; governance lets in those of independent operators, who
/// have no vote. No act of one cloud, and none of the guardian, touches another cloud's validator.
/// @dev All times are seconds since the epoch. References run one way: this contract reads the registry.
interface IValidatorSet {
    /* TYPES */

    /// @notice A validator of the first block.
    /// @param cloud Whose it is; zero for an independent operator.
    /// @param validator The node's address.
    struct InitialValidator {
        CloudId cloud;
        address validator;
    }

    /// @notice What happened to a validator. Founded, Activated, Invited and Successor: it came in. Replaced, Retired,
    /// Pruned and Removed: it went out.
    enum ChangeKind {
        None,
        Founded,
        Activated,
        Invited,
        Successor,
        Replaced,
        Retired,
        Pruned,
        Removed
    }

    /// @notice One line of the set's history.
    /// @param validator The node's address.
    /// @param cloud Whose it is; zero for an independent operator.
    /// @param kind What happened.
    /// @param blockNumber The block in which it happened; zero for a validator of the first block.
    /// @param time That block's time, in seconds.
    struct Change {
        // slot 0: 20 + 4 + 1 = 25 bytes
        address validator;
        CloudId cloud;
        ChangeKind kind;
        // slot 1: 6 + 6 = 12 bytes
        uint48 blockNumber;
        uint48 time;
    }

    /// @notice What governance sets, in seconds.
    /// @param additionInterval Least time between two additions: a validator that does not run raises the quorum, and
    /// the operators must have time to see it.
    /// @param returnWait Least time until a cloud whose validator went out seats another one.
    struct Parameters {
        uint32 additionInterval;
        uint32 returnWait;
    }

    /* EVENTS */

    /// @notice The set of validators changed. Seals from the next block on.
    /// @param validator The node's address.
    /// @param cloud Whose it is; zero for an independent operator.
    /// @param kind What happened.
    /// @param count How many validators there are now.
    event ValidatorChanged(address indexed validator, CloudId indexed cloud, ChangeKind indexed kind, uint256 count);

    /// @notice Governance lets a node of an independent operator in, up to a time.
    /// @param validator The node's address.
    /// @param validUntil Last moment at which it may take its seat; zero if the invitation was withdrawn.
    event ValidatorInvited(address indexed validator, uint48 validUntil);

    /// @notice The parameters in force from now on.
    /// @param parameters The parameters.
    event ParametersSet(Parameters parameters);

    /* ERRORS */

    /// @notice A set without validators would stop the chain for good.
    error ValidatorSet_Empty();

    /// @notice A validator is the zero address.
    /// @param cloud The cloud.
    error ValidatorSet_ZeroValidator(CloudId cloud);

    /// @notice An address is a validator already.
    /// @param validator The address.
    /// @param cloud Whose it is.
    error ValidatorSet_AlreadySeated(address validator, CloudId cloud);

    /// @notice A cloud has a validator already.
    /// @param cloud The cloud.
    /// @param validator Its validator.
    error ValidatorSet_HasValidator(CloudId cloud, address validator);

    /// @notice A cloud has no validator.
    /// @param cloud The cloud.
    error ValidatorSet_NoValidator(CloudId cloud);

    /// @notice An address is no validator.
    /// @param validator The address.
    error ValidatorSet_NotSeated(address validator);

    /// @notice There are as many validators as there may be.
    /// @param count How many.
    error ValidatorSet_Full(uint256 count);

    /// @notice A cloud's standing does not allow this.
    /// @param cloud The cloud.
    /// @param status The status found.
    error ValidatorSet_WrongStatus(CloudId cloud, CloudStatus status);

    /// @notice An activation is for somebody else.
    /// @param expected The cloud that it should name.
    /// @param cloud The cloud that it names.
    error ValidatorSet_WrongCloud(CloudId expected, CloudId cloud);

    /// @notice An activation does not name the validator whose place it takes.
    /// @param expected The one it should name; zero if it takes nobody's place.
    /// @param replaces The one it names.
    error ValidatorSet_WrongReplacement(address expected, address replaces);

    /// @notice A block is not known: too old, not there yet, or of another chain.
    /// @param blockNumber Its number.
    /// @param blockHash The hash given.
    error ValidatorSet_UnknownBlock(uint256 blockNumber, bytes32 blockHash);

    /// @notice An activation was signed before the address last came into the set or went out of it.
    /// @param validator The address.
    /// @param blockNumber The block that it names.
    /// @param changedIn The block of the change.
    error ValidatorSet_StaleActivation(address validator, uint256 blockNumber, uint256 changedIn);

    /// @notice An activation was not signed by the node key.
    /// @param validator The node's address.
    /// @param recovered Who signed these values; zero if that cannot be told.
    error ValidatorSet_BadSignature(address validator, address recovered);

    /// @notice Another validator was added a short time ago.
    /// @param notBefore First moment at which the next one may be.
    /// @param time The block's time.
    error ValidatorSet_AddedRecently(uint256 notBefore, uint256 time);

    /// @notice The cloud's validator went out a short time ago.
    /// @param cloud The cloud.
    /// @param notBefore First moment at which it may seat another one.
    /// @param time The block's time.
    error ValidatorSet_MustWait(CloudId cloud, uint256 notBefore, uint256 time);

    /// @notice Too few validators would remain.
    /// @param count How many there are.
    /// @param least How many must remain.
    error ValidatorSet_TooFew(uint256 count, uint256 least);

    /// @notice Governance does not let this node in, or does not any more.
    /// @param validator The node's address.
    /// @param validUntil Last moment at which it could take its seat; zero if it was never invited.
    error ValidatorSet_NotInvited(address validator, uint256 validUntil);

    /// @notice A parameter is outside its hard limits.
    /// @param parameter Its name.
    /// @param value The value given.
    /// @param least The least allowed.
    /// @param most The most allowed.
    error ValidatorSet_ParameterOutOfRange(string parameter, uint256 value, uint256 least, uint256 most);

    /* FOR BESU */

    /// @notice The validators.
    /// @dev Never reverts, never empty, ascending, no duplicate, no zero address, at most `MAX_VALIDATORS`. Reads this
    /// contract's own storage only, neither the block nor the sender.
    /// @return The addresses.
    function getValidators() external view returns (address[] memory);

    /* A CLOUD'S OWN VALIDATOR: THE ACCOUNT SENDS */

    /// @notice Seats the cloud's validator. The cloud is Active and has none.
    /// @param cloud The cloud.
    /// @param activation What the node key signed; replaces nobody.
    /// @param signature The node key's signature.
    function activateValidator(
        CloudId cloud,
        ValidatorActivation calldata activation,
        bytes calldata signature
    ) external;

    /// @notice Puts another node in the place of the cloud's validator, in one step. Allowed whatever the cloud's
    /// standing, as long as it has a validator.
    /// @param cloud The cloud.
    /// @param activation What the new node key signed; replaces the cloud's validator.
    /// @param signature The new node key's signature.
    function replaceValidator(
        CloudId cloud,
        ValidatorActivation calldata activation,
        bytes calldata signature
    ) external;

    /// @notice Takes the cloud's validator out. At least `MIN_REMAINING` validators remain.
    /// @param cloud The cloud.
    function retireValidator(CloudId cloud) external;

    /* ANYONE */

    /// @notice Takes out the validator of a cloud that left or was expelled, unless it is the last one. Anyone may call.
    /// @param cloud The cloud.
    function pruneValidator(CloudId cloud) external;

    /// @notice Seats an independent operator's validator that governance let in. Anyone may bring it.
    /// @param activation What the node key signed; names no cloud and replaces nobody.
    /// @param signature The node key's signature.
    function seatInvited(ValidatorActivation calldata activation, bytes calldata signature) external;

    /* GOVERNANCE */

    /// @notice Lets a node of an independent operator in, for `INVITATION_PERIOD`: its key must sign. Restricted.
    /// @param validator The node's address.
    function inviteValidator(address validator) external;

    /// @notice Takes an invitation back. Restricted.
    /// @param validator The node's address.
    function withdrawInvitation(address validator) external;

    /// @notice Takes a validator out, whoever it belongs to, unless it is the last one. Restricted.
    /// @param validator The node's address.
    function removeValidator(address validator) external;

    /// @notice Sets the parameters, within their hard limits. Restricted.
    /// @param next The parameters in force from now on.
    function setParameters(Parameters calldata next) external;

    /* VIEWS */

    /// @notice How many validators there are.
    /// @return The number.
    function validatorCount() external view returns (uint256);

    /// @notice A cloud's validator.
    /// @param cloud The cloud.
    /// @return The node's address; zero if it has none.
    function validatorOf(CloudId cloud) external view returns (address);

    /// @notice Whether an address is a validator, and whose.
    /// @param validator The address.
    /// @return isSeated Whether it is.
    /// @return cloud Whose it is, or was last; zero for an independent operator.
    /// @return changedIn The block in which it last came in or went out; zero for the first block or never.
    function seatOf(address validator) external view returns (bool isSeated, CloudId cloud, uint256 changedIn);

    /// @notice Until when a node is invited.
    /// @param validator The node's address.
    /// @return Last moment at which it may take its seat; zero if it is not invited.
    function invitedUntil(address validator) external view returns (uint256);

    /// @notice When the next validator may be added.
    /// @return First moment.
    function additionAgainAt() external view returns (uint256);

    /// @notice When a cloud whose validator went out may seat another one.
    /// @param cloud The cloud.
    /// @return First moment; zero if none ever went out.
    function returnAgainAt(CloudId cloud) external view returns (uint256);

    /// @notice The parameters in force.
    /// @return The parameters.
    function parameters() external view returns (Parameters memory);

    /// @notice How many lines the history has.
    /// @return The number.
    function changeCount() external view returns (uint256);

    /// @notice Lines of the history, oldest first.
    /// @param from The first one, counted from zero.
    /// @param count How many at most.
    /// @return The lines; fewer at the end.
    function changes(uint256 from, uint256 count) external view returns (Change[] memory);

    /// @notice The validators after a block: those that seal the one after it.
    /// @dev Reads the whole history up to there: a question for auditors, not for other contracts.
    /// @param blockNumber The block, not in the future.
    /// @return The addresses, ascending.
    function validatorsAfter(uint256 blockNumber) external view returns (address[] memory);
}
