// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

import {CloudStatus, ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId} from "../types/CloudId.sol";
import {IValidatorSet} from "./IValidatorSet.sol";

/// @notice What a cloud voted. The value is OpenZeppelin's `support` plus one.
enum Ballot {
    None,
    Against,
    For,
    Abstain
}

/// @title The federation's votes
/// @notice Active clouds propose; members vote, each cloud once; two thirds of all members, rounded up, decide as soon as
/// they agree. What was decided waits for the slow delay, so that who disagrees can fetch its VMs and leave; only what
/// the chain's health needs (suspensions, seating and removing validators, cancelling) does not wait. Anyone may queue
/// and execute. A change of membership ends every vote in progress.
/// @dev The contract has OpenZeppelin's `IGovernor`, too. All times are seconds since the epoch.
interface IFederationGovernor {
    /* TYPES */

    /// @notice What governance sets about itself, in seconds.
    /// @param slowDelay From queueing to execution of what is not prompt.
    /// @param votingPeriod How long a proposal can be voted on.
    /// @param executeWithin How long a decision can be executed (or, if it must wait, queued) before it expires.
    struct Parameters {
        uint32 slowDelay;
        uint32 votingPeriod;
        uint32 executeWithin;
    }

    /// @notice How a proposal stands.
    /// @param proposer The cloud that made it.
    /// @param state OpenZeppelin's state.
    /// @param isPrompt Whether it needs no delay, nor queueing.
    /// @param snapshot When it was made: who was a member then may vote.
    /// @param deadline Last moment of the vote.
    /// @param decidedAt When there were enough votes; zero until then.
    /// @param executableAt First moment of its execution; zero until that is known.
    /// @param expiresAt Last moment of its execution, or of its queueing if it waits for that; zero until decided.
    /// @param votesFor Votes in favour.
    /// @param votesNeeded Votes in favour that it needs.
    /// @param members Clouds that may vote.
    struct ProposalView {
        CloudId proposer;
        IGovernor.ProposalState state;
        bool isPrompt;
        uint256 snapshot;
        uint256 deadline;
        uint256 decidedAt;
        uint256 executableAt;
        uint256 expiresAt;
        uint256 votesFor;
        uint256 votesNeeded;
        uint256 members;
    }

    /* EVENTS */

    /// @notice Which cloud made a proposal. Comes with OpenZeppelin's `ProposalCreated`.
    /// @param proposalId The proposal.
    /// @param cloud The cloud.
    /// @param isPrompt Whether it needs no delay.
    event CloudProposed(uint256 indexed proposalId, CloudId indexed cloud, bool isPrompt);

    /// @notice A cloud voted, in place of what it voted before. Comes with OpenZeppelin's `VoteCast`.
    /// @param proposalId The proposal.
    /// @param cloud The cloud.
    /// @param ballot Its vote.
    event CloudVoted(uint256 indexed proposalId, CloudId indexed cloud, Ballot indexed ballot);

    /// @notice A proposal has the votes it needs.
    /// @param proposalId The proposal.
    event ProposalDecided(uint256 indexed proposalId);

    /// @notice The parameters in force from now on.
    /// @param parameters The parameters.
    event ParametersSet(Parameters parameters);

    /* ERRORS */

    /// @notice An address is no cloud's account.
    /// @param account The address.
    error FederationGovernor_NotACloud(address account);

    /// @notice A cloud's standing does not allow it to propose.
    /// @param cloud The cloud.
    /// @param status The status found.
    error FederationGovernor_WrongStatus(CloudId cloud, CloudStatus status);

    /// @notice An address has no vote on a proposal: it is no cloud's account now, or its cloud was no member when the
    /// proposal was made.
    /// @param proposalId The proposal.
    /// @param account The address.
    error FederationGovernor_NoVote(uint256 proposalId, address account);

    /// @notice A vote is neither against (0), for (1) nor abstention (2).
    /// @param support The vote given.
    error FederationGovernor_BadSupport(uint8 support);

    /// @notice Votes are sent by the account, not signed.
    error FederationGovernor_NoSignedForm();

    /// @notice A proposal has too many calls.
    /// @param count How many.
    /// @param most The most allowed.
    error FederationGovernor_TooManyCalls(uint256 count, uint256 most);

    /// @notice A proposal would send currency. There is none.
    /// @param index Which call.
    /// @param value What it would send.
    error FederationGovernor_HasValue(uint256 index, uint256 value);

    /// @notice A call names no function, or no contract: it would do nothing.
    /// @param index Which call.
    /// @param target Its target.
    error FederationGovernor_NotACall(uint256 index, address target);

    /// @notice No vote can do this: it would take governance's own power away, or open or close what is fixed.
    /// @param index Which call.
    /// @param target Its target.
    /// @param selector Its function.
    error FederationGovernor_Forbidden(uint256 index, address target, bytes4 selector);

    /// @notice A decision has to wait longer.
    /// @param proposalId The proposal.
    /// @param executableAt First moment of its execution.
    /// @param time The block's time.
    error FederationGovernor_NotReady(uint256 proposalId, uint256 executableAt, uint256 time);

    /// @notice A parameter is outside its hard limits.
    /// @param parameter Its name.
    /// @param value The value given.
    /// @param least The least allowed.
    /// @param most The most allowed.
    error FederationGovernor_ParameterOutOfRange(string parameter, uint256 value, uint256 least, uint256 most);

    /* GOVERNANCE */

    /// @notice Ends a proposal, whatever it waits for. By a vote that needs no delay.
    /// @param targets As in the proposal.
    /// @param values As in the proposal.
    /// @param calldatas As in the proposal.
    /// @param descriptionHash As in the proposal.
    function cancelByVote(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) external;

    /// @notice Sets the parameters, within their hard limits. By a vote.
    /// @param next The parameters in force from now on.
    function setParameters(Parameters calldata next) external;

    /* VIEWS */

    /// @notice The members.
    /// @return The registry.
    function REGISTRY() external view returns (ICloudRegistry);

    /// @notice The validators.
    /// @return The validator set.
    function VALIDATORS() external view returns (IValidatorSet);

    /// @notice Who may call what.
    /// @return The AccessManager.
    function AUTHORITY() external view returns (address);

    /// @notice Whether this federation is for tests: its delays may be shorter than a real one's.
    /// @return Whether it is.
    function IS_TEST() external view returns (bool);

    /// @notice The parameters in force.
    /// @return The parameters.
    function parameters() external view returns (Parameters memory);

    /// @notice Whether calls need no delay: every one of them is about a suspension, a validator, or cancelling.
    /// @param targets The calls' targets.
    /// @param calldatas The calls.
    /// @return Whether they are.
    function isPrompt(address[] memory targets, bytes[] memory calldatas) external view returns (bool);

    /// @notice What a cloud voted.
    /// @param proposalId The proposal.
    /// @param cloud The cloud.
    /// @return Its vote.
    function ballotOf(uint256 proposalId, CloudId cloud) external view returns (Ballot);

    /// @notice How a proposal stands. Reverts for an unknown one.
    /// @param proposalId The proposal.
    /// @return How it stands.
    function proposalOf(uint256 proposalId) external view returns (ProposalView memory);
}
