// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {GovernorSuperQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorSuperQuorum.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId} from "../types/CloudId.sol";
import {Ballot, IFederationGovernor} from "./IFederationGovernor.sol";

/// @title One vote for each member
/// @notice Counts by cloud, not by address: who is a cloud's account when it votes casts the cloud's one vote, in place
/// of the one that the cloud cast before. The quorum is QBFT's, of all members when the proposal was made; only votes
/// in favour count, and the proposal is decided as soon as there are enough.
abstract contract CloudVotes is IFederationGovernor, GovernorSuperQuorum {
    /// @dev Votes on a proposal.
    struct Tally {
        // slot 0: 4 + 4 + 4 = 12 bytes
        uint32 against;
        uint32 inFavour;
        uint32 abstained;
        mapping(CloudId cloud => Ballot) ballots;
    }

    /// @inheritdoc IFederationGovernor
    ICloudRegistry public immutable REGISTRY;

    mapping(uint256 proposalId => Tally) private _tallies;

    /// @param registry The members.
    constructor(ICloudRegistry registry) {
        REGISTRY = registry;
    }

    /* THE CLOCK */

    /// @notice Seconds since the epoch.
    function clock() public view override returns (uint48) {
        // Cast is safe: uint48 seconds outlast the chain.
        return uint48(block.timestamp);
    }

    /// @notice The clock counts seconds (ERC-6372).
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /* COUNTING */

    /// @notice Votes in favour that a proposal made at a time needs: two thirds of all members, rounded up.
    function quorum(uint256 timepoint) public view override returns (uint256) {
        return _quorumOf(REGISTRY.memberCountAt(SafeCast.toUint48(timepoint)));
    }

    /// @notice The same: enough votes decide at once.
    function superQuorum(uint256 timepoint) public view override returns (uint256) {
        return quorum(timepoint);
    }

    /// @dev Where nobody is a member, nobody decides.
    function _quorumOf(uint256 members) private pure returns (uint256) {
        return members == 0 ? 1 : (2 * members + 2) / 3;
    }

    /// @inheritdoc GovernorSuperQuorum
    function proposalVotes(
        uint256 proposalId
    ) public view override returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes) {
        Tally storage tally = _tallies[proposalId];
        return (tally.against, tally.inFavour, tally.abstained);
    }

    /// @notice How votes are given and counted.
    // solhint-disable-next-line func-name-mixedcase
    function COUNTING_MODE() public pure override returns (string memory) {
        return "support=bravo&quorum=for";
    }

    /// @notice Whether the cloud whose account this is now has voted.
    function hasVoted(uint256 proposalId, address account) public view override returns (bool) {
        return _tallies[proposalId].ballots[REGISTRY.cloudOfAccount(account)] != Ballot.None;
    }

    /// @inheritdoc IFederationGovernor
    function ballotOf(uint256 proposalId, CloudId cloud) external view returns (Ballot) {
        return _tallies[proposalId].ballots[cloud];
    }

    function _quorumReached(uint256 proposalId) internal view override returns (bool) {
        return _tallies[proposalId].inFavour >= quorum(proposalSnapshot(proposalId));
    }

    /// @dev Two thirds in favour leave less than half against.
    function _voteSucceeded(uint256 proposalId) internal view override returns (bool) {
        return _quorumReached(proposalId);
    }

    function _getVotes(address account, uint256 timepoint, bytes memory) internal view override returns (uint256) {
        CloudId cloud = REGISTRY.cloudOfAccount(account);
        return cloud.isSet() && REGISTRY.isMemberAt(cloud, SafeCast.toUint48(timepoint)) ? 1 : 0;
    }

    function _countVote(
        uint256 proposalId,
        address account,
        uint8 support,
        uint256 weight,
        bytes memory
    ) internal override returns (uint256) {
        require(weight != 0, FederationGovernor_NoVote(proposalId, account));
        require(support <= 2, FederationGovernor_BadSupport(support));
        CloudId cloud = REGISTRY.cloudOfAccount(account);
        Tally storage tally = _tallies[proposalId];
        // Cast is safe: None comes before OpenZeppelin's three ways to vote, which keep their order.
        Ballot ballot = Ballot(support + 1);

        _count(tally, tally.ballots[cloud], false);
        _count(tally, ballot, true);
        tally.ballots[cloud] = ballot;

        emit CloudVoted({proposalId: proposalId, cloud: cloud, ballot: ballot});
        return weight;
    }

    function _count(Tally storage tally, Ballot ballot, bool isCast) private {
        if (ballot == Ballot.Against) tally.against = _changed(tally.against, isCast);
        else if (ballot == Ballot.For) tally.inFavour = _changed(tally.inFavour, isCast);
        else if (ballot == Ballot.Abstain) tally.abstained = _changed(tally.abstained, isCast);
    }

    function _changed(uint32 count, bool isCast) private pure returns (uint32) {
        return isCast ? count + 1 : count - 1;
    }

    /// @dev Every path to a vote ends here; who acts alone sends, so there is no signed form.
    function castVoteBySig(uint256, uint8, address, bytes memory) public pure override returns (uint256) {
        revert FederationGovernor_NoSignedForm();
    }

    /// @dev As `castVoteBySig`.
    function castVoteWithReasonAndParamsBySig(
        uint256,
        uint8,
        address,
        string calldata,
        bytes memory,
        bytes memory
    ) public pure override returns (uint256) {
        revert FederationGovernor_NoSignedForm();
    }
}
