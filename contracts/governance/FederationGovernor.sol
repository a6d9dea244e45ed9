// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";

import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId} from "../types/CloudId.sol";
import {CloudVotes} from "./CloudVotes.sol";
import {GovernorParameters} from "./GovernorParameters.sol";
import {IFederationGovernor} from "./IFederationGovernor.sol";
import {IValidatorSet} from "./IValidatorSet.sol";

/// @title FederationGovernor
/// @dev OpenZeppelin's Governor with its own queue: the governor holds its roles in the AccessManager without a delay and
/// keeps the slow one itself, where its hard limits are and no grant can change it.
contract FederationGovernor is CloudVotes {
    using Bytes for bytes;

    /// @dev What is stored beside OpenZeppelin's own.
    struct Matter {
        // slot 0: 4 + 1 + 6 + 4 = 15 bytes
        CloudId proposer;
        bool isPrompt;
        uint48 decidedAt;
        uint32 executeWithin;
    }

    /// @notice Most calls in a proposal.
    uint256 public constant MAX_CALLS = 16;

    /// @inheritdoc IFederationGovernor
    address public immutable AUTHORITY;
    /// @inheritdoc IFederationGovernor
    IValidatorSet public immutable VALIDATORS;
    /// @inheritdoc IFederationGovernor
    bool public immutable IS_TEST;

    /// @dev The AccessManager's roles that are governance itself.
    uint64 private constant ADMIN_ROLE = 0;
    uint64 private constant GOVERNANCE_ROLE = 1;
    /// @dev The AccessManager's role of everybody.
    uint64 private constant PUBLIC_ROLE = type(uint64).max;

    Parameters private _parameters;
    mapping(uint256 proposalId => Matter) private _matters;

    /// @param authority The AccessManager.
    /// @param registry The members.
    /// @param validators The validators.
    /// @param initialParameters The parameters, within their hard limits.
    /// @param isTest Whether the federation is for tests, so that its delays may be short.
    constructor(
        address authority,
        ICloudRegistry registry,
        IValidatorSet validators,
        Parameters memory initialParameters,
        bool isTest
    ) Governor("BlockchainBus") CloudVotes(registry) {
        AUTHORITY = authority;
        VALIDATORS = validators;
        IS_TEST = isTest;
        GovernorParameters.requireWithinLimits(initialParameters, isTest);
        _setParameters(initialParameters);
    }

    /* PROPOSING */

    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal override returns (uint256 proposalId) {
        CloudId cloud = REGISTRY.cloudOfAccount(proposer);
        require(cloud.isSet(), FederationGovernor_NotACloud(proposer));
        CloudStatus status = REGISTRY.statusOf(cloud);
        require(status == CloudStatus.Active, FederationGovernor_WrongStatus(cloud, status));
        proposalId = super._propose(targets, values, calldatas, description, proposer);
        require(targets.length <= MAX_CALLS, FederationGovernor_TooManyCalls(targets.length, MAX_CALLS));
        for (uint256 i = 0; i < targets.length; ++i) {
            require(values[i] == 0, FederationGovernor_HasValue(i, values[i]));
            _requireAllowed(i, targets[i], calldatas[i]);
        }

        bool prompt = isPrompt(targets, calldatas);
        _matters[proposalId] = Matter({
            proposer: cloud,
            isPrompt: prompt,
            decidedAt: 0,
            executeWithin: _parameters.executeWithin
        });

        emit CloudProposed({proposalId: proposalId, cloud: cloud, isPrompt: prompt});
    }

    /// @dev What no vote may do. Of the AccessManager's functions only those that give and take roles: closing a target or
    /// giving it another authority would stop exits, and `multicall` and `execute` would hide what they do. Governance
    /// keeps its own roles; the functions of registry and validators keep theirs.
    function _requireAllowed(uint256 index, address target, bytes memory data) private view {
        require(data.length >= 4 && target.code.length != 0, FederationGovernor_NotACall(index, target));
        bytes4 selector = bytes4(data);
        if (target != AUTHORITY) return;
        // Three words, whatever is there: what is short or dirty, the AccessManager refuses when it is called.
        bytes memory arguments = bytes.concat(data.slice(4), new bytes(96));
        (uint256 first, uint256 second, uint256 third) = abi.decode(arguments, (uint256, uint256, uint256));
        require(
            _isAllowedOnAuthority(selector, first, second, third),
            FederationGovernor_Forbidden(index, target, selector)
        );
    }

    function _isAllowedOnAuthority(
        bytes4 selector,
        uint256 first,
        uint256 second,
        uint256 third
    ) private view returns (bool) {
        if (selector == IAccessManager.setTargetFunctionRole.selector) {
            address target = address(uint160(first));
            return
                target != address(REGISTRY) &&
                target != address(VALIDATORS) &&
                target != AUTHORITY &&
                uint64(third) != PUBLIC_ROLE;
        }
        bool isOwnRole =
            address(uint160(second)) == address(this) &&
                (uint64(first) == ADMIN_ROLE || uint64(first) == GOVERNANCE_ROLE);
        return
            selector == IAccessManager.labelRole.selector ||
            ((selector == IAccessManager.grantRole.selector || selector == IAccessManager.revokeRole.selector) &&
                !isOwnRole);
    }

    /* PROMPT OR SLOW */

    /// @inheritdoc IFederationGovernor
    function isPrompt(address[] memory targets, bytes[] memory calldatas) public view returns (bool) {
        for (uint256 i = 0; i < targets.length; ++i) {
            if (!_isPromptCall(targets[i], bytes4(calldatas[i]))) return false;
        }
        return true;
    }

    function _isPromptCall(address target, bytes4 selector) private view returns (bool) {
        if (target == address(REGISTRY)) {
            return
                selector == ICloudRegistry.confirmSuspension.selector ||
                selector == ICloudRegistry.liftSuspension.selector ||
                selector == ICloudRegistry.withdrawReplacement.selector;
        }
        if (target == address(VALIDATORS)) {
            return
                selector == IValidatorSet.inviteValidator.selector ||
                selector == IValidatorSet.withdrawInvitation.selector ||
                selector == IValidatorSet.removeValidator.selector;
        }
        return target == address(this) && selector == IFederationGovernor.cancelByVote.selector;
    }

    /// @notice Whether a proposal must be queued: unless it is prompt.
    function proposalNeedsQueuing(uint256 proposalId) public view override returns (bool) {
        return !_matters[proposalId].isPrompt;
    }

    function _queueOperations(
        uint256,
        address[] memory,
        uint256[] memory,
        bytes[] memory,
        bytes32
    ) internal view override returns (uint48) {
        return clock() + _parameters.slowDelay;
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override {
        uint256 executableAt = proposalEta(proposalId);
        require(
            block.timestamp >= executableAt,
            FederationGovernor_NotReady(proposalId, executableAt, block.timestamp)
        );
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    /* THE COURSE OF A PROPOSAL */

    /// @notice OpenZeppelin's state, decided as soon as there are enough votes. A change of membership defeats what was
    /// not decided; what was decided and not executed in time expires.
    function state(uint256 proposalId) public view override returns (ProposalState current) {
        current = super.state(proposalId);
        if (current == ProposalState.Pending || current == ProposalState.Active) {
            if (REGISTRY.lastMembershipChangeAt() > proposalSnapshot(proposalId)) return ProposalState.Defeated;
        } else if (current == ProposalState.Succeeded || current == ProposalState.Queued) {
            if (block.timestamp > _expiresAt(proposalId)) return ProposalState.Expired;
        }
    }

    function _expiresAt(uint256 proposalId) private view returns (uint256) {
        Matter storage matter = _matters[proposalId];
        uint256 executableAt = proposalEta(proposalId);
        return (executableAt == 0 ? matter.decidedAt : executableAt) + matter.executeWithin;
    }

    function _tallyUpdated(uint256 proposalId) internal override {
        if (!_quorumReached(proposalId)) return;

        // No vote comes after the one that decides: the proposal is not Active any more.
        _matters[proposalId].decidedAt = clock();

        emit ProposalDecided(proposalId);
    }

    /// @dev The cloud that made a proposal may take it back, by its account of now, until it is decided.
    function _validateCancel(uint256 proposalId, address caller) internal view override returns (bool) {
        ProposalState current = state(proposalId);
        return
            (current == ProposalState.Pending || current == ProposalState.Active) &&
            REGISTRY.cloudOfAccount(caller) == _matters[proposalId].proposer;
    }

    /// @inheritdoc IFederationGovernor
    function cancelByVote(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) external onlyGovernance {
        _cancel(targets, values, calldatas, descriptionHash);
    }

    /// @dev Would make any call without being seen by `_requireAllowed`.
    function relay(address target, uint256, bytes calldata) public payable override {
        revert FederationGovernor_Forbidden(0, target, Governor.relay.selector);
    }

    /* PARAMETERS */

    /// @inheritdoc IFederationGovernor
    function setParameters(Parameters calldata next) external onlyGovernance {
        GovernorParameters.requireWithinLimits(next, IS_TEST);
        _setParameters(next);
    }

    function _setParameters(Parameters memory next) private {
        _parameters = next;

        emit ParametersSet(next);
    }

    /* VIEWS */

    /// @inheritdoc IFederationGovernor
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @notice None: a proposal can be voted on from the next second on.
    function votingDelay() public pure override returns (uint256) {
        return 0;
    }

    /// @notice How long a proposal can be voted on, in seconds.
    function votingPeriod() public view override returns (uint256) {
        return _parameters.votingPeriod;
    }

    /// @inheritdoc IFederationGovernor
    function proposalOf(uint256 proposalId) external view returns (ProposalView memory proposal) {
        Matter storage matter = _matters[proposalId];
        uint256 snapshot = proposalSnapshot(proposalId);
        // Cast is safe: a snapshot is a clock's time.
        uint256 members = REGISTRY.memberCountAt(uint48(snapshot));
        (, uint256 votesFor, ) = proposalVotes(proposalId);
        proposal = ProposalView({
            proposer: matter.proposer,
            state: state(proposalId),
            isPrompt: matter.isPrompt,
            snapshot: snapshot,
            deadline: proposalDeadline(proposalId),
            decidedAt: matter.decidedAt,
            executableAt: matter.isPrompt ? matter.decidedAt : proposalEta(proposalId),
            expiresAt: matter.decidedAt == 0 ? 0 : _expiresAt(proposalId),
            votesFor: votesFor,
            votesNeeded: quorum(snapshot),
            members: members
        });
    }
}
