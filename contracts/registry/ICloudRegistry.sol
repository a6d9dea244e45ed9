// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";

/// @notice Where a cloud stands. Active and Suspended clouds are members.
enum CloudStatus {
    None,
    Active,
    Suspended,
    Left,
    Expelled
}

/// @title The clouds of a federation, their keys and their standing
/// @notice Who is a member, which keys speak for a cloud, and since when. Every label and every address that was ever
/// bound to a cloud stays bound to it, an address in one role only; nothing is reused for another cloud.
/// @dev All times are milliseconds since the epoch, both ends inclusive, and the chain's time is `block.timestamp *
/// 1000`; only the functions for the governor speak in seconds, as its clock does. Suspension touches neither votes nor
/// exits: this contract only says that a cloud is suspended. The account may do everything; an agent what its scopes say.
interface ICloudRegistry {
    /* TYPES */

    /// @notice What a key does for its cloud. The value is the `role` of a `KeyAcceptance`.
    enum KeyRole {
        None,
        Account,
        Recovery,
        Agent
    }

    /// @notice Who suspended a cloud. Self: until its recovery address or governance lifts it. Guardian: seven days.
    /// Confirmed: until governance lifts it.
    enum SuspensionKind {
        None,
        Self,
        Guardian,
        Confirmed
    }

    /// @notice Why a cloud has another account. All but a rotation void every agent of the cloud.
    enum AccountChange {
        Rotation,
        Recovery,
        Replacement
    }

    /// @notice A cloud that is to become a member.
    /// @param label Unique name, `[a-z0-9-]{3,32}`.
    /// @param account Signing address: a plain key, or a contract that answers ERC-1271.
    /// @param recovery Offline address that can replace the account.
    /// @param endpoint URI at which the cloud talks with others, at most 256 bytes.
    /// @param spkiHash SHA-256 of the endpoint's public key (SubjectPublicKeyInfo).
    struct Candidate {
        string label;
        address account;
        address recovery;
        string endpoint;
        bytes32 spkiHash;
    }

    /// @notice A key's own signature under a `KeyAcceptance`. Good for one use.
    /// @param validUntil Last moment at which it may be brought, in milliseconds.
    /// @param signature ECDSA signature of 65 bytes, or what a contract's `isValidSignature` wants.
    struct Acceptance {
        uint64 validUntil;
        bytes signature;
    }

    /// @notice A cloud as it stands now.
    /// @param label Unique name.
    /// @param status Status; a lapsed suspension reads Active.
    /// @param suspension Who suspended it; None unless Suspended.
    /// @param suspendedUntil Last moment of the suspension; the highest uint48 if it has no end; 0 unless Suspended.
    /// @param account Signing address.
    /// @param isContract Whether the account was a contract when it was bound.
    /// @param recovery Recovery address.
    /// @param agentEpoch How often all agents were voided at once.
    /// @param guardianAgainAt First moment at which the guardian may suspend the cloud.
    /// @param endpoint URI.
    /// @param spkiHash SHA-256 of the endpoint's public key.
    struct CloudView {
        string label;
        CloudStatus status;
        SuspensionKind suspension;
        uint48 suspendedUntil;
        address account;
        bool isContract;
        address recovery;
        uint24 agentEpoch;
        uint48 guardianAgainAt;
        string endpoint;
        bytes32 spkiHash;
    }

    /// @notice An agent as it stands now.
    /// @param cloud Its cloud; zero if the address never was an agent.
    /// @param scopes What it may do; zero if it was revoked.
    /// @param validUntil Last moment at which it may act.
    /// @param agentEpoch The cloud's `agentEpoch` when it was bound. Voided if the cloud's is higher now.
    /// @param partners Clouds with which it may deal for MOVE_OUT and HOST, ascending. Empty: any.
    struct AgentView {
        CloudId cloud;
        uint8 scopes;
        uint48 validUntil;
        uint24 agentEpoch;
        uint32[] partners;
    }

    /// @notice A change of keys that waits for its delay. All zero if nothing waits.
    /// @param account The next account; zero if it does not change.
    /// @param recovery The next recovery address; zero if it does not change.
    /// @param readyAt First moment at which anyone may complete it.
    struct PendingKeys {
        address account;
        address recovery;
        uint48 readyAt;
    }

    /* EVENTS */

    /// @notice A cloud became a member for the first time. `EndpointSet` and two `KeyAccepted` come with it.
    /// @param cloud Its id.
    /// @param label Its label.
    /// @param account Its account.
    /// @param isContract Whether the account is a contract.
    /// @param recovery Its recovery address.
    event CloudAdmitted(
        CloudId indexed cloud,
        string label,
        address indexed account,
        bool isContract,
        address indexed recovery
    );

    /// @notice A cloud that had left or was expelled is a member again.
    /// @param cloud The cloud.
    event CloudReadmitted(CloudId indexed cloud);

    /// @notice A member was expelled.
    /// @param cloud The cloud.
    event CloudExpelled(CloudId indexed cloud);

    /// @notice A member left.
    /// @param cloud The cloud.
    event CloudLeft(CloudId indexed cloud);

    /// @notice A cloud is reached elsewhere.
    /// @param cloud The cloud.
    /// @param endpoint URI.
    /// @param spkiHash SHA-256 of the endpoint's public key.
    event EndpointSet(CloudId indexed cloud, string endpoint, bytes32 spkiHash);

    /// @notice A key's acceptance was used. From the first one on the key is bound.
    /// @param cloud The cloud.
    /// @param key The key.
    /// @param role The role, for ever.
    /// @param validUntil The acceptance's; zero for a founder, who signs the hash of the genesis instead.
    event KeyAccepted(CloudId indexed cloud, address indexed key, KeyRole indexed role, uint64 validUntil);

    /// @notice The account wants to be followed by another one. Takes the place of an earlier wish.
    /// @param cloud The cloud.
    /// @param account The next account.
    /// @param isContract Whether it is a contract.
    /// @param readyAt First moment at which it can take effect.
    event RotationProposed(CloudId indexed cloud, address indexed account, bool isContract, uint48 readyAt);

    /// @notice The waiting rotation will not take effect.
    /// @param cloud The cloud.
    /// @param account The account that would have been next.
    event RotationCancelled(CloudId indexed cloud, address indexed account);

    /// @notice A cloud has another account.
    /// @param cloud The cloud.
    /// @param previous The account before.
    /// @param account The account now.
    /// @param isContract Whether it is a contract.
    /// @param change Why.
    event AccountChanged(
        CloudId indexed cloud,
        address indexed previous,
        address indexed account,
        bool isContract,
        AccountChange change
    );

    /// @notice The account wants another recovery address. Takes the place of an earlier wish.
    /// @param cloud The cloud.
    /// @param recovery The next recovery address.
    /// @param readyAt First moment at which it can take effect.
    event RecoveryChangeProposed(CloudId indexed cloud, address indexed recovery, uint48 readyAt);

    /// @notice The waiting change of the recovery address will not take effect.
    /// @param cloud The cloud.
    /// @param recovery The address that would have been next.
    event RecoveryChangeCancelled(CloudId indexed cloud, address indexed recovery);

    /// @notice A cloud has another recovery address.
    /// @param cloud The cloud.
    /// @param previous The address before.
    /// @param recovery The address now.
    event RecoveryChanged(CloudId indexed cloud, address indexed previous, address indexed recovery);

    /// @notice Governance wants to replace a cloud's keys. Takes the place of an earlier announcement.
    /// @param cloud The cloud.
    /// @param account The next account.
    /// @param isContract Whether it is a contract.
    /// @param recovery The next recovery address.
    /// @param readyAt First moment at which it can take effect.
    event ReplacementAnnounced(
        CloudId indexed cloud,
        address indexed account,
        bool isContract,
        address indexed recovery,
        uint48 readyAt
    );

    /// @notice The announced replacement will not take effect.
    /// @param cloud The cloud.
    /// @param by Who cancelled it: the cloud's account or recovery address, or governance.
    event ReplacementCancelled(CloudId indexed cloud, address indexed by);

    /// @notice An agent was bound, or its powers took the place of those before.
    /// @param cloud The cloud.
    /// @param agent The agent.
    /// @param scopes Bits of `AgentScope`.
    /// @param validUntil Last moment at which it may act.
    /// @param partners Clouds with which it may deal for MOVE_OUT and HOST. Empty: any.
    event AgentSet(CloudId indexed cloud, address indexed agent, uint8 scopes, uint48 validUntil, uint32[] partners);

    /// @notice An agent may do nothing any more.
    /// @param cloud The cloud.
    /// @param agent The agent.
    /// @param by Who revoked it: account, recovery address, or the agent itself.
    event AgentRevoked(CloudId indexed cloud, address indexed agent, address indexed by);

    /// @notice No agent that was bound before may do anything any more.
    /// @param cloud The cloud.
    /// @param agentEpoch The cloud's epoch now.
    event AgentsVoided(CloudId indexed cloud, uint24 agentEpoch);

    /// @notice A cloud is suspended, or its suspension has another kind now.
    /// @param cloud The cloud.
    /// @param kind Who suspended it.
    /// @param suspendedUntil Last moment of it; the highest uint48 if it has no end.
    /// @param guardianAgainAt First moment at which the guardian may suspend the cloud again.
    event CloudSuspended(
        CloudId indexed cloud,
        SuspensionKind indexed kind,
        uint48 suspendedUntil,
        uint48 guardianAgainAt
    );

    /// @notice A suspension was lifted.
    /// @param cloud The cloud.
    /// @param by The cloud's recovery address, or governance.
    event SuspensionLifted(CloudId indexed cloud, address indexed by);

    /// @notice A guardian's suspension that had lapsed was taken off its count. The status had read Active before.
    /// @param cloud The cloud.
    event SuspensionLapsed(CloudId indexed cloud);

    /* ERRORS */

    /// @notice There is no cloud of this id.
    /// @param cloud The id.
    error CloudRegistry_UnknownCloud(CloudId cloud);

    /// @notice An admission names another id than the next one, for which its acceptances were not signed.
    /// @param cloud The id given.
    /// @param next The next id.
    error CloudRegistry_NotNextCloud(CloudId cloud, CloudId next);

    /// @notice A label is not 3 to 32 of `a-z`, `0-9` and `-`.
    /// @param label The label.
    error CloudRegistry_BadLabel(string label);

    /// @notice A label is bound to a cloud.
    /// @param label The label.
    /// @param holder The cloud.
    error CloudRegistry_LabelTaken(string label, CloudId holder);

    /// @notice An endpoint is empty or too long.
    /// @param length Its length in bytes.
    /// @param longest The longest allowed.
    error CloudRegistry_BadEndpoint(uint256 length, uint256 longest);

    /// @notice The hash of the endpoint's public key is missing.
    /// @param cloud The cloud.
    error CloudRegistry_NoSpkiHash(CloudId cloud);

    /// @notice A key is the zero address.
    /// @param cloud The cloud.
    /// @param role The role it should serve in.
    error CloudRegistry_ZeroKey(CloudId cloud, KeyRole role);

    /// @notice A key is bound: to another cloud, or in another role.
    /// @param key The key.
    /// @param cloud The cloud it is bound to.
    /// @param role The role it is bound in.
    error CloudRegistry_KeyTaken(address key, CloudId cloud, KeyRole role);

    /// @notice A change would change nothing.
    /// @param cloud The cloud.
    /// @param key The key that serves already.
    error CloudRegistry_SameKey(CloudId cloud, address key);

    /// @notice A key's acceptance came too late.
    /// @param key The key.
    /// @param validUntil Last moment at which it could be brought.
    /// @param time The block's time.
    error CloudRegistry_AcceptanceExpired(address key, uint64 validUntil, uint64 time);

    /// @notice A key's acceptance was used before.
    /// @param key The key.
    /// @param digest What it signed.
    error CloudRegistry_AcceptanceUsed(address key, bytes32 digest);

    /// @notice A key's acceptance was not signed by the key, or not for this cloud, role and time.
    /// @param key The key.
    /// @param recovered Who signed these values; zero if that cannot be told.
    error CloudRegistry_BadAcceptance(address key, address recovered);

    /// @notice A sender may not do this for a cloud.
    /// @param cloud The cloud.
    /// @param sender The sender.
    error CloudRegistry_NotAuthorized(CloudId cloud, address sender);

    /// @notice A signature is neither by the account of a cloud nor by an agent of it.
    /// @param cloud The cloud.
    /// @param recovered Who signed; zero if that cannot be told.
    error CloudRegistry_BadSignature(CloudId cloud, address recovered);

    /// @notice A cloud's status does not allow this.
    /// @param cloud The cloud.
    /// @param status The status found.
    error CloudRegistry_WrongStatus(CloudId cloud, CloudStatus status);

    /// @notice No such change of keys waits.
    /// @param cloud The cloud.
    error CloudRegistry_NothingPending(CloudId cloud);

    /// @notice A change of keys has to wait longer.
    /// @param cloud The cloud.
    /// @param readyAt First moment at which it can take effect.
    /// @param time The block's time.
    error CloudRegistry_NotReady(CloudId cloud, uint48 readyAt, uint64 time);

    /// @notice Scopes are none, or not bits of `AgentScope`.
    /// @param scopes The scopes.
    error CloudRegistry_BadScopes(uint8 scopes);

    /// @notice An agent's expiry is past or too far.
    /// @param validUntil The expiry.
    /// @param earliest The earliest allowed: the block's time.
    /// @param latest The latest allowed.
    error CloudRegistry_BadExpiry(uint64 validUntil, uint64 earliest, uint64 latest);

    /// @notice An agent's list of partners is too long.
    /// @param count Its length.
    /// @param most The most allowed.
    error CloudRegistry_TooManyPartners(uint256 count, uint256 most);

    /// @notice An agent's partners are not strictly ascending.
    /// @param index The first that is not above the one before.
    error CloudRegistry_PartnersNotAscending(uint256 index);

    /// @notice An agent has code. Agents are plain keys.
    /// @param agent The agent.
    error CloudRegistry_AgentIsContract(address agent);

    /// @notice An address is not a serving agent of a cloud.
    /// @param cloud The cloud.
    /// @param agent The address.
    error CloudRegistry_NotAnAgent(CloudId cloud, address agent);

    /// @notice An agent was revoked, alone or with all others.
    /// @param cloud The cloud.
    /// @param agent The agent.
    error CloudRegistry_AgentRevoked(CloudId cloud, address agent);

    /// @notice An agent has expired.
    /// @param cloud The cloud.
    /// @param agent The agent.
    /// @param validUntil Last moment at which it could act.
    /// @param time The block's time.
    error CloudRegistry_AgentExpired(CloudId cloud, address agent, uint48 validUntil, uint64 time);

    /// @notice An agent has not the scope. Where no scope is enough, `needed` is zero.
    /// @param cloud The cloud.
    /// @param agent The agent.
    /// @param needed The scope needed.
    /// @param scopes The scopes it has.
    error CloudRegistry_ScopeMissing(CloudId cloud, address agent, uint8 needed, uint8 scopes);

    /// @notice An agent may not deal with a cloud.
    /// @param cloud The agent's cloud.
    /// @param agent The agent.
    /// @param partner The other cloud.
    error CloudRegistry_PartnerNotAllowed(CloudId cloud, address agent, CloudId partner);

    /// @notice The guardian holds as many clouds suspended as it may.
    /// @param held How many.
    /// @param limit How many it may.
    error CloudRegistry_GuardianAtLimit(uint256 held, uint256 limit);

    /// @notice The guardian suspended this cloud not long ago, and governance has not confirmed it.
    /// @param cloud The cloud.
    /// @param notBefore First moment at which it may be suspended again.
    /// @param time The block's time.
    error CloudRegistry_GuardianMustWait(CloudId cloud, uint48 notBefore, uint64 time);

    /// @notice A cloud's suspension is not its own.
    /// @param cloud The cloud.
    /// @param kind Who suspended it.
    error CloudRegistry_NotOwnSuspension(CloudId cloud, SuspensionKind kind);

    /// @notice A suspension is confirmed already.
    /// @param cloud The cloud.
    error CloudRegistry_AlreadyConfirmed(CloudId cloud);

    /// @notice A suspension has not lapsed.
    /// @param cloud The cloud.
    /// @param suspendedUntil Last moment of it; the highest uint48 if it has no end.
    /// @param time The block's time.
    error CloudRegistry_NotLapsed(CloudId cloud, uint48 suspendedUntil, uint64 time);

    /// @notice The past was asked for something that is not past.
    /// @param time The time given, in the function's unit.
    /// @param latest The latest that can be asked for.
    error CloudRegistry_FutureLookup(uint64 time, uint64 latest);

    /* MEMBERSHIP */

    /// @notice Makes a cloud a member, under the next id. Restricted: governance.
    /// @param cloud The next id, for which the acceptances were signed.
    /// @param candidate The cloud.
    /// @param accountAcceptance The account's acceptance.
    /// @param recoveryAcceptance The recovery address's acceptance.
    function admit(
        CloudId cloud,
        Candidate calldata candidate,
        Acceptance calldata accountAcceptance,
        Acceptance calldata recoveryAcceptance
    ) external;

    /// @notice Makes a cloud that left or was expelled a member again, under its id and with its keys. Restricted:
    /// governance.
    /// @param cloud The cloud.
    /// @param accountAcceptance A new acceptance of its account: nobody is made a member who does not want it.
    function readmit(CloudId cloud, Acceptance calldata accountAcceptance) external;

    /// @notice Expels a member. Its keys still work: it can bring its VMs home, claim and settle. Restricted: governance.
    /// @param cloud The cloud.
    function expel(CloudId cloud) external;

    /// @notice Records that a member left. Restricted: the ledger, which knows that nothing is open.
    /// @param cloud The cloud.
    function markLeft(CloudId cloud) external;

    /// @notice Says where a cloud is reached. The account only: whoever answers there is believed to be the cloud.
    /// @param cloud The cloud.
    /// @param endpoint URI, at most 256 bytes.
    /// @param spkiHash SHA-256 of the endpoint's public key.
    function setEndpoint(CloudId cloud, string calldata endpoint, bytes32 spkiHash) external;

    /* ACCOUNT AND RECOVERY */

    /// @notice The account names its follower, which takes effect after `ROTATION_DELAY_MS`. Not while Suspended.
    /// @param cloud The cloud.
    /// @param account The next account. It is bound from now on, also if this is cancelled.
    /// @param acceptance Its acceptance.
    function proposeRotation(CloudId cloud, address account, Acceptance calldata acceptance) external;

    /// @notice Puts the waiting rotation into effect. Anyone may call; not while Suspended. Agents stay.
    /// @param cloud The cloud.
    function completeRotation(CloudId cloud) external;

    /// @notice Stops the waiting rotation. Account or recovery address.
    /// @param cloud The cloud.
    function cancelRotation(CloudId cloud) external;

    /// @notice The recovery address replaces the account at once, whatever the status. Stops a waiting rotation and a
    /// waiting change of the recovery address, and voids all agents: whoever had the account may have bound them.
    /// @param cloud The cloud.
    /// @param account The account from now on.
    /// @param acceptance Its acceptance.
    function recoverAccount(CloudId cloud, address account, Acceptance calldata acceptance) external;

    /// @notice The account names another recovery address, which takes effect after `ROTATION_DELAY_MS`. Not while
    /// Suspended. Until then the recovery address that is in office can stop it.
    /// @param cloud The cloud.
    /// @param recovery The next recovery address. It is bound from now on, also if this is cancelled.
    /// @param acceptance Its acceptance.
    function proposeRecoveryChange(CloudId cloud, address recovery, Acceptance calldata acceptance) external;

    /// @notice Puts the waiting change of the recovery address into effect. Anyone may call; not while Suspended.
    /// @param cloud The cloud.
    function completeRecoveryChange(CloudId cloud) external;

    /// @notice Stops the waiting change of the recovery address. Account or recovery address.
    /// @param cloud The cloud.
    function cancelRecoveryChange(CloudId cloud) external;

    /// @notice Governance announces other keys for a cloud whose keys are gone. Takes effect after
    /// `REPLACEMENT_DELAY_MS`. Restricted: governance.
    /// @param cloud The cloud.
    /// @param account The next account.
    /// @param recovery The next recovery address.
    /// @param accountAcceptance The account's acceptance.
    /// @param recoveryAcceptance The recovery address's acceptance.
    function announceReplacement(
        CloudId cloud,
        address account,
        address recovery,
        Acceptance calldata accountAcceptance,
        Acceptance calldata recoveryAcceptance
    ) external;

    /// @notice Puts the announced keys into effect. Anyone may call, whatever the status. Stops what waits and voids all
    /// agents.
    /// @param cloud The cloud.
    function executeReplacement(CloudId cloud) external;

    /// @notice Stops the announced replacement: the keys are not gone. Account or recovery address.
    /// @param cloud The cloud.
    function cancelReplacement(CloudId cloud) external;

    /// @notice Takes the announced replacement back. Restricted: governance.
    /// @param cloud The cloud.
    function withdrawReplacement(CloudId cloud) external;

    /* AGENTS */

    /// @notice The account binds an agent, or gives one other powers.
    /// @param cloud The cloud.
    /// @param agent A plain key.
    /// @param scopes Bits of `AgentScope`.
    /// @param validUntil Last moment at which it may act, at most `MAX_AGENT_MS` from now.
    /// @param partners Clouds with which it may deal for MOVE_OUT and HOST: at most 16, ascending. Empty: any.
    /// @param acceptance Its acceptance.
    function setAgent(
        CloudId cloud,
        address agent,
        uint8 scopes,
        uint64 validUntil,
        uint32[] calldata partners,
        Acceptance calldata acceptance
    ) external;

    /// @notice Takes all powers from an agent, at once. Account, recovery address, or the agent itself.
    /// @param cloud The cloud.
    /// @param agent The agent.
    function revokeAgent(CloudId cloud, address agent) external;

    /// @notice Takes all powers from all agents of a cloud, at once. Account or recovery address.
    /// @param cloud The cloud.
    function revokeAllAgents(CloudId cloud) external;

    /* SUSPENSION */

    /// @notice The account suspends its own cloud, until its recovery address or governance lifts it.
    /// @param cloud The cloud.
    function suspendSelf(CloudId cloud) external;

    /// @notice The recovery address lifts its cloud's own suspension.
    /// @param cloud The cloud.
    function liftOwnSuspension(CloudId cloud) external;

    /// @notice Suspends an Active cloud for `GUARDIAN_SUSPENSION_MS`, after which it lapses by itself. At most
    /// `guardianLimit()` at a time; the same cloud again only `GUARDIAN_INTERVAL_MS` after the last time, unless
    /// governance confirmed that. Restricted: guardian.
    /// @param cloud The cloud.
    function suspend(CloudId cloud) external;

    /// @notice Suspends a member until governance lifts it: makes a suspension of the guardian, lapsed or not, or of the
    /// cloud itself last. It does not count as the guardian's any more. Restricted: governance.
    /// @param cloud The cloud.
    function confirmSuspension(CloudId cloud) external;

    /// @notice Lifts a suspension, whoever made it. Restricted: governance.
    /// @param cloud The cloud.
    function liftSuspension(CloudId cloud) external;

    /// @notice Takes a lapsed suspension off the guardian's count. Anyone may call.
    /// @param cloud The cloud.
    function endLapsedSuspension(CloudId cloud) external;

    /* CHECKS FOR OTHER CONTRACTS */

    /// @notice The status of a cloud: None if it is unknown; Active if its suspension has lapsed.
    /// @param cloud The cloud.
    /// @return The status.
    function statusOf(CloudId cloud) external view returns (CloudStatus);

    /// @notice Reverts unless a cloud's account, or an agent with the scope, signed.
    /// @dev Judged by the keys of this moment; the status is not looked at. ECDSA first (65 bytes). A contract account is
    /// asked by ERC-1271 with `ERC1271_GAS` if the signer is none of the cloud's agents: an agent's limits decide even
    /// where its key could also speak for the contract.
    /// @param cloud The cloud.
    /// @param scope The scope that an agent needs. Zero: the account only.
    /// @param partnerA Another cloud that the document names, or zero. The cloud itself is skipped.
    /// @param partnerB One more, or zero.
    /// @param digest What was signed.
    /// @param signature The signature.
    /// @return status The cloud's status, as `statusOf` tells it: read anyway, and the caller judges it.
    function requireSignature(
        CloudId cloud,
        uint8 scope,
        CloudId partnerA,
        CloudId partnerB,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (CloudStatus status);

    /// @notice Reverts unless the sender is a cloud's account, or an agent with the scope.
    /// @param cloud The cloud.
    /// @param scope The scope that an agent needs. Zero: the account only.
    /// @param partnerA Another cloud that is concerned, or zero. The cloud itself is skipped.
    /// @param partnerB One more, or zero.
    /// @param sender The sender.
    function requireSender(
        CloudId cloud,
        uint8 scope,
        CloudId partnerA,
        CloudId partnerB,
        address sender
    ) external view;

    /// @notice Reverts unless the sender is a cloud's account.
    /// @param cloud The cloud.
    /// @param sender The sender.
    function requireAccount(CloudId cloud, address sender) external view;

    /* MEMBERS AT A TIME: FOR THE GOVERNOR, IN SECONDS */

    /// @notice How many members there are now.
    /// @return The number.
    function memberCount() external view returns (uint256);

    /// @notice How many members there were at a time.
    /// @dev Final only for times before this block's: a later transaction of the block may change its own answer.
    /// @param time Seconds since the epoch, not in the future.
    /// @return The number.
    function memberCountAt(uint48 time) external view returns (uint256);

    /// @notice Whether a cloud was a member at a time. False for an unknown cloud.
    /// @dev Final only for times before this block's.
    /// @param cloud The cloud.
    /// @param time Seconds since the epoch, not in the future.
    /// @return Whether it was.
    function isMemberAt(CloudId cloud, uint48 time) external view returns (bool);

    /// @notice When somebody last became a member or ceased to be one.
    /// @return Seconds since the epoch; zero if there never was a member.
    function lastMembershipChangeAt() external view returns (uint48);

    /// @notice The cloud whose account an address is now.
    /// @param account The address.
    /// @return The cloud, whatever its status; zero if it is no cloud's account now.
    function cloudOfAccount(address account) external view returns (CloudId);

    /* VIEWS */

    /// @notice How many clouds were ever admitted: ids are 1 to this.
    /// @return The number.
    function cloudCount() external view returns (uint32);

    /// @notice A cloud as it stands now.
    /// @param cloud The cloud.
    /// @return What is known of it.
    function cloudOf(CloudId cloud) external view returns (CloudView memory);

    /// @notice A cloud's account now.
    /// @param cloud The cloud.
    /// @return The account.
    function accountOf(CloudId cloud) external view returns (address);

    /// @notice A cloud's recovery address now.
    /// @param cloud The cloud.
    /// @return The recovery address.
    function recoveryOf(CloudId cloud) external view returns (address);

    /// @notice The cloud with a label.
    /// @param label The label.
    /// @return The cloud; zero if there is none.
    function cloudOfLabel(string calldata label) external view returns (CloudId);

    /// @notice A cloud's account at a time.
    /// @param cloud The cloud.
    /// @param time Milliseconds since the epoch, not in the future.
    /// @return The account; zero before the admission.
    function accountAt(CloudId cloud, uint64 time) external view returns (address);

    /// @notice An agent as it stands now.
    /// @param agent The address.
    /// @return What is known of it.
    function agentOf(address agent) external view returns (AgentView memory);

    /// @notice An agent at a time.
    /// @param agent The address.
    /// @param time Milliseconds since the epoch, not in the future.
    /// @return cloud The cloud to which it is bound as an agent now; zero if to none.
    /// @return scopes The scopes it had been given by then; zero if it was revoked or not yet bound.
    /// @return isValid Whether it could act then: not revoked, alone or with all others, and not expired.
    function agentAt(address agent, uint64 time) external view returns (CloudId cloud, uint8 scopes, bool isValid);

    /// @notice To which cloud and in which role an address is bound for ever.
    /// @param key The address.
    /// @return cloud The cloud; zero if it is not bound.
    /// @return role The role. Whether it is in office is another question.
    function bindingOf(address key) external view returns (CloudId cloud, KeyRole role);

    /// @notice Whether an acceptance was used.
    /// @param digest Its EIP-712 digest.
    /// @return Whether it was.
    function isAcceptanceUsed(bytes32 digest) external view returns (bool);

    /// @notice The waiting rotation of a cloud.
    /// @param cloud The cloud.
    /// @return What waits.
    function pendingRotation(CloudId cloud) external view returns (PendingKeys memory);

    /// @notice The waiting change of a cloud's recovery address.
    /// @param cloud The cloud.
    /// @return What waits.
    function pendingRecoveryChange(CloudId cloud) external view returns (PendingKeys memory);

    /// @notice The announced replacement of a cloud's keys.
    /// @param cloud The cloud.
    /// @return What waits.
    function pendingReplacement(CloudId cloud) external view returns (PendingKeys memory);

    /// @notice How many suspensions count as the guardian's now.
    /// @return The number, with lapsed ones that nobody has ended.
    function guardianHeld() external view returns (uint256);

    /// @notice How many clouds the guardian may hold suspended: a third of the others, at least one.
    /// @return The number.
    function guardianLimit() external view returns (uint256);

    /// @notice Delay of a cloud's own change of keys: 48 hours.
    /// @return Milliseconds.
    function ROTATION_DELAY_MS() external view returns (uint48);

    /// @notice Delay of a replacement by governance: 7 days.
    /// @return Milliseconds.
    function REPLACEMENT_DELAY_MS() external view returns (uint48);

    /// @notice How long a suspension by the guardian lasts: 7 days.
    /// @return Milliseconds.
    function GUARDIAN_SUSPENSION_MS() external view returns (uint48);

    /// @notice How long after a suspension's beginning the guardian may not repeat it: 30 days.
    /// @return Milliseconds.
    function GUARDIAN_INTERVAL_MS() external view returns (uint48);

    /// @notice The furthest expiry of an agent: 365 days.
    /// @return Milliseconds.
    function MAX_AGENT_MS() external view returns (uint48);

    /// @notice The most partners of an agent.
    /// @return The number.
    function MAX_PARTNERS() external view returns (uint256);

    /// @notice The longest endpoint URI.
    /// @return Bytes.
    function MAX_ENDPOINT_BYTES() external view returns (uint256);

    /// @notice The gas that a contract account gets to judge a signature.
    /// @return Gas.
    function ERC1271_GAS() external view returns (uint256);
}
