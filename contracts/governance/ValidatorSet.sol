// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ValidatorActivation} from "../documents/ValidatorActivation.sol";
import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {IValidatorSet} from "./IValidatorSet.sol";
import {ValidatorParameters} from "./ValidatorParameters.sol";

/// @title ValidatorSet
/// @dev The list is kept as Besu wants it, so that the call at every block only copies it. Loops run over at most
/// `MAX_VALIDATORS` entries. Nothing written by the constructor depends on the block: a genesis file may hold it.
contract ValidatorSet is IValidatorSet, AccessManaged, EIP712 {
    /// @dev An address that is or was a validator.
    struct Seat {
        // slot 0: 4 + 1 + 6 = 11 bytes
        CloudId cloud;
        bool isSeated;
        uint48 changedIn;
    }

    /// @notice Most validators: QBFT's messages grow with the square of their number.
    uint256 public constant MAX_VALIDATORS = 64;
    /// @notice A cloud that stays may take its validator out while so many remain: fewer tolerate no fault.
    uint256 public constant MIN_REMAINING = 4;
    /// @notice How long an independent operator may use an invitation, in seconds.
    uint256 public constant INVITATION_PERIOD = 30 days;

    /// @notice The members.
    ICloudRegistry public immutable REGISTRY;

    Parameters private _parameters;
    uint48 private _lastAdditionAt;
    address[] private _validators;
    Change[] private _changes;
    mapping(address validator => Seat) private _seats;
    mapping(CloudId cloud => address) private _validatorOf;
    mapping(CloudId cloud => uint48) private _wentOutAt;
    mapping(address validator => uint48) private _invitedUntil;

    /// @param authority The AccessManager.
    /// @param registry The members.
    /// @param initial The validators of the first block: at most one for each member, and independent operators.
    /// @param initialParameters The parameters, within their hard limits.
    constructor(
        address authority,
        ICloudRegistry registry,
        InitialValidator[] memory initial,
        Parameters memory initialParameters
    ) AccessManaged(authority) EIP712("BlockchainBus", "1") {
        require(initial.length != 0, ValidatorSet_Empty());
        REGISTRY = registry;
        _setParameters(initialParameters);
        for (uint256 i = 0; i < initial.length; ++i) {
            CloudId cloud = initial[i].cloud;
            if (cloud.isSet()) {
                CloudStatus status = registry.statusOf(cloud);
                require(status == CloudStatus.Active, ValidatorSet_WrongStatus(cloud, status));
            }
            _seat(cloud, initial[i].validator, ChangeKind.Founded, 0);
        }
    }

    /* FOR BESU */

    /// @inheritdoc IValidatorSet
    function getValidators() external view returns (address[] memory) {
        return _validators;
    }

    /* A CLOUD'S OWN VALIDATOR */

    /// @inheritdoc IValidatorSet
    function activateValidator(
        CloudId cloud,
        ValidatorActivation calldata activation,
        bytes calldata signature
    ) external {
        REGISTRY.requireAccount(cloud, msg.sender);
        CloudStatus status = REGISTRY.statusOf(cloud);
        require(status == CloudStatus.Active, ValidatorSet_WrongStatus(cloud, status));
        uint256 notBefore = returnAgainAt(cloud);
        require(block.timestamp >= notBefore, ValidatorSet_MustWait(cloud, notBefore, block.timestamp));

        _add(cloud, activation, signature, ChangeKind.Activated);
    }

    /// @inheritdoc IValidatorSet
    function replaceValidator(
        CloudId cloud,
        ValidatorActivation calldata activation,
        bytes calldata signature
    ) external {
        REGISTRY.requireAccount(cloud, msg.sender);
        address previous = _requireValidatorOf(cloud);
        _requireNotSeated(activation.validator);
        _requireActivation(cloud, previous, activation, signature);

        _unseat(previous, ChangeKind.Replaced);
        _seat(cloud, activation.validator, ChangeKind.Successor, block.number);
    }

    /// @inheritdoc IValidatorSet
    function retireValidator(CloudId cloud) external {
        REGISTRY.requireAccount(cloud, msg.sender);
        address validator = _requireValidatorOf(cloud);

        _takeOut(validator, ChangeKind.Retired, MIN_REMAINING);
    }

    /* ANYONE */

    /// @inheritdoc IValidatorSet
    function pruneValidator(CloudId cloud) external {
        address validator = _requireValidatorOf(cloud);
        CloudStatus status = REGISTRY.statusOf(cloud);
        require(status == CloudStatus.Left || status == CloudStatus.Expelled, ValidatorSet_WrongStatus(cloud, status));

        _takeOut(validator, ChangeKind.Pruned, 1);
    }

    /// @inheritdoc IValidatorSet
    function seatInvited(ValidatorActivation calldata activation, bytes calldata signature) external {
        address validator = activation.validator;
        uint48 validUntil = _invitedUntil[validator];
        require(block.timestamp <= validUntil, ValidatorSet_NotInvited(validator, validUntil));

        delete _invitedUntil[validator];
        _add(NOBODY, activation, signature, ChangeKind.Invited);
    }

    /* GOVERNANCE */

    /// @inheritdoc IValidatorSet
    function inviteValidator(address validator) external restricted {
        require(validator != address(0), ValidatorSet_ZeroValidator(NOBODY));
        _requireNotSeated(validator);

        // Cast is safe: uint48 seconds outlast the chain.
        uint48 validUntil = uint48(block.timestamp + INVITATION_PERIOD);
        _invitedUntil[validator] = validUntil;

        emit ValidatorInvited(validator, validUntil);
    }

    /// @inheritdoc IValidatorSet
    function withdrawInvitation(address validator) external restricted {
        require(_invitedUntil[validator] != 0, ValidatorSet_NotInvited(validator, 0));

        delete _invitedUntil[validator];

        emit ValidatorInvited(validator, 0);
    }

    /// @inheritdoc IValidatorSet
    function removeValidator(address validator) external restricted {
        require(_seats[validator].isSeated, ValidatorSet_NotSeated(validator));

        _takeOut(validator, ChangeKind.Removed, 1);
    }

    /// @inheritdoc IValidatorSet
    function setParameters(Parameters calldata next) external restricted {
        _setParameters(next);
    }

    function _setParameters(Parameters memory next) private {
        ValidatorParameters.requireWithinLimits(next);

        _parameters = next;

        emit ParametersSet(next);
    }

    /* IN AND OUT */

    /// @dev Adds a validator that takes nobody's place: few at a time.
    function _add(
        CloudId cloud,
        ValidatorActivation calldata activation,
        bytes calldata signature,
        ChangeKind kind
    ) private {
        uint256 notBefore = additionAgainAt();
        require(block.timestamp >= notBefore, ValidatorSet_AddedRecently(notBefore, block.timestamp));
        _requireActivation(cloud, address(0), activation, signature);

        // Cast is safe: uint48 seconds outlast the chain.
        _lastAdditionAt = uint48(block.timestamp);
        _seat(cloud, activation.validator, kind, block.number);
    }

    /// @dev The hash shows that the node follows this chain, and dates the signature: after an address came in or went
    /// out, what its key signed before is worth nothing.
    function _requireActivation(
        CloudId cloud,
        address replaces,
        ValidatorActivation calldata activation,
        bytes calldata signature
    ) private view {
        require(activation.cloud == cloud, ValidatorSet_WrongCloud(cloud, activation.cloud));
        require(activation.replaces == replaces, ValidatorSet_WrongReplacement(replaces, activation.replaces));
        bytes32 blockHash = activation.blockHash;
        require(
            blockHash != 0 && blockhash(activation.blockNumber) == blockHash,
            ValidatorSet_UnknownBlock(activation.blockNumber, blockHash)
        );
        address validator = activation.validator;
        uint256 changedIn = _seats[validator].changedIn;
        require(
            activation.blockNumber >= changedIn,
            ValidatorSet_StaleActivation(validator, activation.blockNumber, changedIn)
        );
        (address recovered, , ) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(activation.structHash()), signature);
        require(recovered != address(0) && recovered == validator, ValidatorSet_BadSignature(validator, recovered));
    }

    function _seat(CloudId cloud, address validator, ChangeKind kind, uint256 blockNumber) private {
        require(validator != address(0), ValidatorSet_ZeroValidator(cloud));
        _requireNotSeated(validator);
        require(_validators.length < MAX_VALIDATORS, ValidatorSet_Full(_validators.length));
        if (cloud.isSet()) {
            require(_validatorOf[cloud] == address(0), ValidatorSet_HasValidator(cloud, _validatorOf[cloud]));
            _validatorOf[cloud] = validator;
        }

        // Cast is safe: uint48 blocks outlast the chain.
        _seats[validator] = Seat({cloud: cloud, isSeated: true, changedIn: uint48(blockNumber)});
        _insert(validator);
        _note(cloud, validator, kind, blockNumber);
    }

    function _takeOut(address validator, ChangeKind kind, uint256 least) private {
        uint256 count = _validators.length;
        require(count > least, ValidatorSet_TooFew(count, least));

        // Cast is safe: uint48 seconds outlast the chain.
        _wentOutAt[_seats[validator].cloud] = uint48(block.timestamp);
        _unseat(validator, kind);
    }

    function _unseat(address validator, ChangeKind kind) private {
        Seat storage seat = _seats[validator];
        CloudId cloud = seat.cloud;
        seat.isSeated = false;
        // Cast is safe: uint48 blocks outlast the chain.
        seat.changedIn = uint48(block.number);
        delete _validatorOf[cloud];
        _drop(validator);
        _note(cloud, validator, kind, block.number);
    }

    function _note(CloudId cloud, address validator, ChangeKind kind, uint256 blockNumber) private {
        // Casts are safe: uint48 blocks and seconds outlast the chain.
        _changes.push(
            Change({
                validator: validator,
                cloud: cloud,
                kind: kind,
                blockNumber: uint48(blockNumber),
                time: uint48(block.timestamp)
            })
        );

        emit ValidatorChanged({validator: validator, cloud: cloud, kind: kind, count: _validators.length});
    }

    /* THE LIST */

    function _insert(address validator) private {
        uint256 i = _validators.length;
        _validators.push(validator);
        for (; i != 0 && _validators[i - 1] > validator; --i) {
            _validators[i] = _validators[i - 1];
        }
        _validators[i] = validator;
    }

    function _drop(address validator) private {
        uint256 last = _validators.length - 1;
        uint256 i = 0;
        while (_validators[i] != validator) ++i;
        for (; i < last; ++i) {
            _validators[i] = _validators[i + 1];
        }
        _validators.pop();
    }

    function _requireValidatorOf(CloudId cloud) private view returns (address validator) {
        validator = _validatorOf[cloud];
        require(validator != address(0), ValidatorSet_NoValidator(cloud));
    }

    function _requireNotSeated(address validator) private view {
        Seat storage seat = _seats[validator];
        require(!seat.isSeated, ValidatorSet_AlreadySeated(validator, seat.cloud));
    }

    /* VIEWS */

    /// @inheritdoc IValidatorSet
    function validatorCount() external view returns (uint256) {
        return _validators.length;
    }

    /// @inheritdoc IValidatorSet
    function validatorOf(CloudId cloud) external view returns (address) {
        return _validatorOf[cloud];
    }

    /// @inheritdoc IValidatorSet
    function seatOf(address validator) external view returns (bool isSeated, CloudId cloud, uint256 changedIn) {
        Seat storage seat = _seats[validator];
        return (seat.isSeated, seat.cloud, seat.changedIn);
    }

    /// @inheritdoc IValidatorSet
    function invitedUntil(address validator) external view returns (uint256) {
        return _invitedUntil[validator];
    }

    /// @inheritdoc IValidatorSet
    function additionAgainAt() public view returns (uint256) {
        return _lastAdditionAt == 0 ? 0 : _lastAdditionAt + _parameters.additionInterval;
    }

    /// @inheritdoc IValidatorSet
    function returnAgainAt(CloudId cloud) public view returns (uint256) {
        return _wentOutAt[cloud] == 0 ? 0 : _wentOutAt[cloud] + _parameters.returnWait;
    }

    /// @inheritdoc IValidatorSet
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc IValidatorSet
    function changeCount() external view returns (uint256) {
        return _changes.length;
    }

    /// @inheritdoc IValidatorSet
    function changes(uint256 from, uint256 count) external view returns (Change[] memory lines) {
        uint256 total = _changes.length;
        uint256 left = from < total ? total - from : 0;
        lines = new Change[](count < left ? count : left);
        for (uint256 i = 0; i < lines.length; ++i) {
            lines[i] = _changes[from + i];
        }
    }

    /// @inheritdoc IValidatorSet
    function validatorsAfter(uint256 blockNumber) external view returns (address[] memory validators) {
        require(blockNumber <= block.number, ValidatorSet_UnknownBlock(blockNumber, 0));
        address[] memory list = new address[](MAX_VALIDATORS + 1);
        uint256 count = 0;
        for (uint256 line = 0; line < _changes.length && _changes[line].blockNumber <= blockNumber; ++line) {
            Change storage change = _changes[line];
            count =
                change.kind < ChangeKind.Replaced
                    ? _inserted(list, count, change.validator)
                    : _dropped(list, count, change.validator);
        }
        validators = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            validators[i] = list[i];
        }
    }

    function _inserted(address[] memory list, uint256 count, address validator) private pure returns (uint256) {
        uint256 i = count;
        for (; i != 0 && list[i - 1] > validator; --i) {
            list[i] = list[i - 1];
        }
        list[i] = validator;
        return count + 1;
    }

    function _dropped(address[] memory list, uint256 count, address validator) private pure returns (uint256) {
        uint256 i = 0;
        while (list[i] != validator) ++i;
        for (; i + 1 < count; ++i) {
            list[i] = list[i + 1];
        }
        return count - 1;
    }
}
