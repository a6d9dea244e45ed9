// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {KeyAcceptance} from "../documents/KeyAcceptance.sol";
import {CloudId, NOBODY} from "../types/CloudId.sol";
import {AgentScope} from "./AgentScope.sol";
import {CloudStatus, ICloudRegistry} from "./ICloudRegistry.sol";

/// @title CloudRegistry
/// @dev The two paths that every migration takes, `statusOf` and `requireSignature` by an account, read one slot.
contract CloudRegistry is ICloudRegistry, AccessManaged, EIP712 {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev A cloud as stored.
    struct Cloud {
        // slot 0: 20 + 1 + 1 + 1 + 6 + 3 = 32 bytes. All that a signature of the account needs
        address account;
        CloudStatus status;
        bool isContract;
        SuspensionKind suspension;
        uint48 suspendedUntil;
        uint24 agentEpoch;
        // slot 1: 20 + 6 = 26 bytes
        address recovery;
        uint48 guardianAgainAt;
        // slots 2, 3, 4
        bytes32 spkiHash;
        string label;
        string endpoint;
    }

    /// @dev To what an address is bound for ever, and what it may do now if it is an agent.
    struct Binding {
        // slot 0: 4 + 1 + 1 + 6 + 3 = 15 bytes
        CloudId cloud;
        KeyRole role;
        uint8 scopes;
        uint48 validUntil;
        uint24 agentEpoch;
    }

    /// @inheritdoc ICloudRegistry
    uint48 public constant ROTATION_DELAY_MS = 48 hours * 1000;
    /// @inheritdoc ICloudRegistry
    uint48 public constant REPLACEMENT_DELAY_MS = 7 days * 1000;
    /// @inheritdoc ICloudRegistry
    uint48 public constant GUARDIAN_SUSPENSION_MS = 7 days * 1000;
    /// @inheritdoc ICloudRegistry
    uint48 public constant GUARDIAN_INTERVAL_MS = 30 days * 1000;
    /// @inheritdoc ICloudRegistry
    uint48 public constant MAX_AGENT_MS = 365 days * 1000;
    /// @inheritdoc ICloudRegistry
    uint256 public constant MAX_PARTNERS = 16;
    /// @inheritdoc ICloudRegistry
    uint256 public constant MAX_ENDPOINT_BYTES = 256;
    /// @inheritdoc ICloudRegistry
    uint256 public constant ERC1271_GAS = 100_000;

    uint48 private constant NO_END = type(uint48).max;

    uint32 private _cloudCount;
    uint32 private _guardianHeld;

    mapping(CloudId cloud => Cloud) private _clouds;
    mapping(bytes32 labelHash => CloudId) private _labels;
    mapping(address key => Binding) private _bindings;
    mapping(address agent => uint32[]) private _partners;
    mapping(bytes32 digest => bool) private _usedAcceptances;
    mapping(CloudId cloud => PendingKeys) private _rotations;
    mapping(CloudId cloud => PendingKeys) private _recoveryChanges;
    mapping(CloudId cloud => PendingKeys) private _replacements;

    /// @dev Keys in milliseconds. Values: the account; scopes, expiry and epoch of an agent; a cloud's epoch.
    mapping(CloudId cloud => Checkpoints.Trace208) private _accountHistory;
    mapping(address agent => Checkpoints.Trace208) private _agentHistory;
    mapping(CloudId cloud => Checkpoints.Trace208) private _epochHistory;
    /// @dev Keys in seconds, for the governor. Values: 1 for a member; the number of members.
    mapping(CloudId cloud => Checkpoints.Trace208) private _membership;
    Checkpoints.Trace208 private _memberCounts;

    /// @param authority The AccessManager.
    /// @param founders The first members, with the ids 1, 2, ...: they consent by signing the hash of the genesis.
    constructor(address authority, Candidate[] memory founders) AccessManaged(authority) EIP712("BlockchainBus", "1") {
        for (uint256 i = 0; i < founders.length; ++i) {
            Candidate memory founder = founders[i];
            CloudId cloud = _nextCloud();
            _bind(cloud, founder.account, KeyRole.Account);
            emit KeyAccepted(cloud, founder.account, KeyRole.Account, 0);
            _bind(cloud, founder.recovery, KeyRole.Recovery);
            emit KeyAccepted(cloud, founder.recovery, KeyRole.Recovery, 0);
            _admit(cloud, founder);
        }
    }

    /* MEMBERSHIP */

    /// @inheritdoc ICloudRegistry
    function admit(
        CloudId cloud,
        Candidate calldata candidate,
        Acceptance calldata accountAcceptance,
        Acceptance calldata recoveryAcceptance
    ) external restricted {
        CloudId next = _nextCloud();
        require(cloud == next, CloudRegistry_NotNextCloud(cloud, next));
        _accept(cloud, candidate.account, KeyRole.Account, accountAcceptance);
        _accept(cloud, candidate.recovery, KeyRole.Recovery, recoveryAcceptance);
        _admit(cloud, candidate);
    }

    function _nextCloud() private view returns (CloudId) {
        return CloudId.wrap(_cloudCount + 1);
    }

    function _admit(CloudId cloud, Candidate memory candidate) private {
        bytes32 labelHash = _requireLabel(candidate.label);
        CloudId holder = _labels[labelHash];
        require(!holder.isSet(), CloudRegistry_LabelTaken(candidate.label, holder));

        ++_cloudCount;
        _labels[labelHash] = cloud;
        Cloud storage stored = _clouds[cloud];
        stored.status = CloudStatus.Active;
        stored.account = candidate.account;
        stored.isContract = _hasCode(candidate.account);
        stored.recovery = candidate.recovery;
        stored.label = candidate.label;
        _accountHistory[cloud].push(_nowMs(), uint160(candidate.account));
        _countMember(cloud, true);

        emit CloudAdmitted({
            cloud: cloud,
            label: candidate.label,
            account: candidate.account,
            isContract: stored.isContract,
            recovery: candidate.recovery
        });
        _setEndpoint(cloud, candidate.endpoint, candidate.spkiHash);
    }

    function _requireLabel(string memory label) private pure returns (bytes32) {
        bytes memory text = bytes(label);
        require(text.length >= 3 && text.length <= 32, CloudRegistry_BadLabel(label));
        for (uint256 i = 0; i < text.length; ++i) {
            bytes1 letter = text[i];
            require(
                (letter >= "a" && letter <= "z") || (letter >= "0" && letter <= "9") || letter == "-",
                CloudRegistry_BadLabel(label)
            );
        }
        return keccak256(text);
    }

    /// @inheritdoc ICloudRegistry
    function readmit(CloudId cloud, Acceptance calldata accountAcceptance) external restricted {
        Cloud storage stored = _known(cloud);
        CloudStatus status = stored.status;
        require(
            status == CloudStatus.Left || status == CloudStatus.Expelled,
            CloudRegistry_WrongStatus(cloud, _statusOf(stored))
        );
        _accept(cloud, stored.account, KeyRole.Account, accountAcceptance);

        stored.status = CloudStatus.Active;
        _countMember(cloud, true);

        emit CloudReadmitted(cloud);
    }

    /// @inheritdoc ICloudRegistry
    function expel(CloudId cloud) external restricted {
        _endMembership(cloud, CloudStatus.Expelled);

        emit CloudExpelled(cloud);
    }

    /// @inheritdoc ICloudRegistry
    function markLeft(CloudId cloud) external restricted {
        _endMembership(cloud, CloudStatus.Left);

        emit CloudLeft(cloud);
    }

    function _endMembership(CloudId cloud, CloudStatus next) private {
        Cloud storage stored = _member(cloud);
        _clearSuspension(stored);
        stored.status = next;
        _countMember(cloud, false);
    }

    function _countMember(CloudId cloud, bool isMember) private {
        uint208 count = _memberCounts.latest();
        // Counts clouds, of which there are fewer than 2**32.
        _memberCounts.push(_now(), isMember ? count + 1 : count - 1);
        _membership[cloud].push(_now(), isMember ? 1 : 0);
    }

    /// @inheritdoc ICloudRegistry
    function setEndpoint(CloudId cloud, string calldata endpoint, bytes32 spkiHash) external {
        _requireAccount(cloud, msg.sender);
        _setEndpoint(cloud, endpoint, spkiHash);
    }

    function _setEndpoint(CloudId cloud, string memory endpoint, bytes32 spkiHash) private {
        uint256 length = bytes(endpoint).length;
        require(length != 0 && length <= MAX_ENDPOINT_BYTES, CloudRegistry_BadEndpoint(length, MAX_ENDPOINT_BYTES));
        require(spkiHash != 0, CloudRegistry_NoSpkiHash(cloud));

        _clouds[cloud].endpoint = endpoint;
        _clouds[cloud].spkiHash = spkiHash;

        emit EndpointSet({cloud: cloud, endpoint: endpoint, spkiHash: spkiHash});
    }

    /* ACCOUNT AND RECOVERY */

    /// @inheritdoc ICloudRegistry
    function proposeRotation(CloudId cloud, address account, Acceptance calldata acceptance) external {
        Cloud storage stored = _requireAccountUnlessSuspended(cloud);
        require(account != stored.account, CloudRegistry_SameKey(cloud, account));
        _accept(cloud, account, KeyRole.Account, acceptance);

        uint48 readyAt = _nowMs() + ROTATION_DELAY_MS;
        _rotations[cloud] = PendingKeys({account: account, recovery: address(0), readyAt: readyAt});

        emit RotationProposed({cloud: cloud, account: account, isContract: _hasCode(account), readyAt: readyAt});
    }

    /// @inheritdoc ICloudRegistry
    function completeRotation(CloudId cloud) external {
        Cloud storage stored = _unlessSuspended(cloud);
        PendingKeys memory pending = _requireReady(cloud, _rotations[cloud]);

        delete _rotations[cloud];
        _changeAccount(cloud, stored, pending.account, AccountChange.Rotation);
    }

    /// @inheritdoc ICloudRegistry
    function cancelRotation(CloudId cloud) external {
        _requireAccountOrRecovery(cloud);
        address account = _rotations[cloud].account;
        require(account != address(0), CloudRegistry_NothingPending(cloud));

        _dropRotation(cloud);
    }

    /// @inheritdoc ICloudRegistry
    function recoverAccount(CloudId cloud, address account, Acceptance calldata acceptance) external {
        Cloud storage stored = _known(cloud);
        require(msg.sender == stored.recovery, CloudRegistry_NotAuthorized(cloud, msg.sender));
        require(account != stored.account, CloudRegistry_SameKey(cloud, account));
        _accept(cloud, account, KeyRole.Account, acceptance);

        _dropRotation(cloud);
        _dropRecoveryChange(cloud);
        _voidAgents(cloud, stored);
        _changeAccount(cloud, stored, account, AccountChange.Recovery);
    }

    /// @inheritdoc ICloudRegistry
    function proposeRecoveryChange(CloudId cloud, address recovery, Acceptance calldata acceptance) external {
        Cloud storage stored = _requireAccountUnlessSuspended(cloud);
        require(recovery != stored.recovery, CloudRegistry_SameKey(cloud, recovery));
        _accept(cloud, recovery, KeyRole.Recovery, acceptance);

        uint48 readyAt = _nowMs() + ROTATION_DELAY_MS;
        _recoveryChanges[cloud] = PendingKeys({account: address(0), recovery: recovery, readyAt: readyAt});

        emit RecoveryChangeProposed({cloud: cloud, recovery: recovery, readyAt: readyAt});
    }

    /// @inheritdoc ICloudRegistry
    function completeRecoveryChange(CloudId cloud) external {
        Cloud storage stored = _unlessSuspended(cloud);
        PendingKeys memory pending = _requireReady(cloud, _recoveryChanges[cloud]);

        delete _recoveryChanges[cloud];
        _changeRecovery(cloud, stored, pending.recovery);
    }

    /// @inheritdoc ICloudRegistry
    function cancelRecoveryChange(CloudId cloud) external {
        _requireAccountOrRecovery(cloud);
        require(_recoveryChanges[cloud].recovery != address(0), CloudRegistry_NothingPending(cloud));

        _dropRecoveryChange(cloud);
    }

    /// @inheritdoc ICloudRegistry
    function announceReplacement(
        CloudId cloud,
        address account,
        address recovery,
        Acceptance calldata accountAcceptance,
        Acceptance calldata recoveryAcceptance
    ) external restricted {
        Cloud storage stored = _known(cloud);
        require(account != stored.account, CloudRegistry_SameKey(cloud, account));
        require(recovery != stored.recovery, CloudRegistry_SameKey(cloud, recovery));
        _accept(cloud, account, KeyRole.Account, accountAcceptance);
        _accept(cloud, recovery, KeyRole.Recovery, recoveryAcceptance);

        uint48 readyAt = _nowMs() + REPLACEMENT_DELAY_MS;
        _replacements[cloud] = PendingKeys({account: account, recovery: recovery, readyAt: readyAt});

        emit ReplacementAnnounced({
            cloud: cloud,
            account: account,
            isContract: _hasCode(account),
            recovery: recovery,
            readyAt: readyAt
        });
    }

    /// @inheritdoc ICloudRegistry
    function executeReplacement(CloudId cloud) external {
        Cloud storage stored = _known(cloud);
        PendingKeys memory pending = _requireReady(cloud, _replacements[cloud]);

        delete _replacements[cloud];
        _dropRotation(cloud);
        _dropRecoveryChange(cloud);
        _voidAgents(cloud, stored);
        _changeAccount(cloud, stored, pending.account, AccountChange.Replacement);
        _changeRecovery(cloud, stored, pending.recovery);
    }

    /// @inheritdoc ICloudRegistry
    function cancelReplacement(CloudId cloud) external {
        _requireAccountOrRecovery(cloud);
        _cancelReplacement(cloud);
    }

    /// @inheritdoc ICloudRegistry
    function withdrawReplacement(CloudId cloud) external restricted {
        _known(cloud);
        _cancelReplacement(cloud);
    }

    function _cancelReplacement(CloudId cloud) private {
        require(_replacements[cloud].readyAt != 0, CloudRegistry_NothingPending(cloud));

        delete _replacements[cloud];

        emit ReplacementCancelled(cloud, msg.sender);
    }

    function _requireReady(CloudId cloud, PendingKeys memory pending) private view returns (PendingKeys memory) {
        require(pending.readyAt != 0, CloudRegistry_NothingPending(cloud));
        require(_nowMs() >= pending.readyAt, CloudRegistry_NotReady(cloud, pending.readyAt, _nowMs()));
        return pending;
    }

    function _dropRotation(CloudId cloud) private {
        address account = _rotations[cloud].account;
        if (account == address(0)) return;

        delete _rotations[cloud];

        emit RotationCancelled(cloud, account);
    }

    function _dropRecoveryChange(CloudId cloud) private {
        address recovery = _recoveryChanges[cloud].recovery;
        if (recovery == address(0)) return;

        delete _recoveryChanges[cloud];

        emit RecoveryChangeCancelled(cloud, recovery);
    }

    function _changeAccount(CloudId cloud, Cloud storage stored, address account, AccountChange change) private {
        address previous = stored.account;
        bool isContract = _hasCode(account);
        stored.account = account;
        stored.isContract = isContract;
        _accountHistory[cloud].push(_nowMs(), uint160(account));

        emit AccountChanged({
            cloud: cloud,
            previous: previous,
            account: account,
            isContract: isContract,
            change: change
        });
    }

    function _changeRecovery(CloudId cloud, Cloud storage stored, address recovery) private {
        address previous = stored.recovery;
        stored.recovery = recovery;

        emit RecoveryChanged({cloud: cloud, previous: previous, recovery: recovery});
    }

    /* AGENTS */

    /// @inheritdoc ICloudRegistry
    function setAgent(
        CloudId cloud,
        address agent,
        uint8 scopes,
        uint64 validUntil,
        uint32[] calldata partners,
        Acceptance calldata acceptance
    ) external {
        _requireAccount(cloud, msg.sender);
        require(scopes != 0 && scopes <= AgentScope.ALL, CloudRegistry_BadScopes(scopes));
        uint48 latest = _nowMs() + MAX_AGENT_MS;
        require(validUntil >= _nowMs() && validUntil <= latest, CloudRegistry_BadExpiry(validUntil, _nowMs(), latest));
        _requirePartners(partners);
        require(!_hasCode(agent), CloudRegistry_AgentIsContract(agent));
        _accept(cloud, agent, KeyRole.Agent, acceptance);

        // Cast is safe: not after `latest`.
        _storeAgent(_bindings[agent], agent, scopes, uint48(validUntil), _clouds[cloud].agentEpoch);
        _partners[agent] = partners;

        emit AgentSet({cloud: cloud, agent: agent, scopes: scopes, validUntil: uint48(validUntil), partners: partners});
    }

    function _requirePartners(uint32[] calldata partners) private pure {
        require(partners.length <= MAX_PARTNERS, CloudRegistry_TooManyPartners(partners.length, MAX_PARTNERS));
        uint32 previous = 0;
        for (uint256 i = 0; i < partners.length; ++i) {
            require(partners[i] > previous, CloudRegistry_PartnersNotAscending(i));
            previous = partners[i];
        }
    }

    /// @inheritdoc ICloudRegistry
    function revokeAgent(CloudId cloud, address agent) external {
        Cloud storage stored = _known(cloud);
        require(
            msg.sender == stored.account || msg.sender == stored.recovery || msg.sender == agent,
            CloudRegistry_NotAuthorized(cloud, msg.sender)
        );
        Binding storage binding = _bindings[agent];
        require(
            binding.cloud == cloud && binding.role == KeyRole.Agent && binding.scopes != 0,
            CloudRegistry_NotAnAgent(cloud, agent)
        );

        _storeAgent(binding, agent, 0, binding.validUntil, binding.agentEpoch);

        emit AgentRevoked({cloud: cloud, agent: agent, by: msg.sender});
    }

    /// @inheritdoc ICloudRegistry
    function revokeAllAgents(CloudId cloud) external {
        _requireAccountOrRecovery(cloud);
        _voidAgents(cloud, _clouds[cloud]);
    }

    function _storeAgent(
        Binding storage binding,
        address agent,
        uint8 scopes,
        uint48 validUntil,
        uint24 agentEpoch
    ) private {
        binding.scopes = scopes;
        binding.validUntil = validUntil;
        binding.agentEpoch = agentEpoch;
        _agentHistory[agent].push(_nowMs(), uint208(scopes) | (uint208(validUntil) << 8) | (uint208(agentEpoch) << 56));
    }

    function _voidAgents(CloudId cloud, Cloud storage stored) private {
        // Sixteen million times: checked arithmetic refuses the one after.
        uint24 agentEpoch = stored.agentEpoch + 1;
        stored.agentEpoch = agentEpoch;
        _epochHistory[cloud].push(_nowMs(), agentEpoch);

        emit AgentsVoided(cloud, agentEpoch);
    }

    /* SUSPENSION */

    /// @inheritdoc ICloudRegistry
    function suspendSelf(CloudId cloud) external {
        _requireAccount(cloud, msg.sender);
        Cloud storage stored = _clouds[cloud];
        _requireActive(cloud, stored);

        _clearSuspension(stored);
        _suspend(cloud, stored, SuspensionKind.Self, NO_END);
    }

    /// @inheritdoc ICloudRegistry
    function liftOwnSuspension(CloudId cloud) external {
        Cloud storage stored = _known(cloud);
        require(msg.sender == stored.recovery, CloudRegistry_NotAuthorized(cloud, msg.sender));
        require(stored.suspension == SuspensionKind.Self, CloudRegistry_NotOwnSuspension(cloud, stored.suspension));

        _lift(cloud, stored);
    }

    /// @inheritdoc ICloudRegistry
    function suspend(CloudId cloud) external restricted {
        Cloud storage stored = _known(cloud);
        _requireActive(cloud, stored);
        require(
            _nowMs() >= stored.guardianAgainAt,
            CloudRegistry_GuardianMustWait(cloud, stored.guardianAgainAt, _nowMs())
        );
        _clearSuspension(stored);
        uint256 limit = guardianLimit();
        require(_guardianHeld < limit, CloudRegistry_GuardianAtLimit(_guardianHeld, limit));

        ++_guardianHeld;
        stored.guardianAgainAt = _nowMs() + GUARDIAN_INTERVAL_MS;
        _suspend(cloud, stored, SuspensionKind.Guardian, _nowMs() + GUARDIAN_SUSPENSION_MS);
    }

    /// @inheritdoc ICloudRegistry
    function confirmSuspension(CloudId cloud) external restricted {
        Cloud storage stored = _member(cloud);
        require(stored.suspension != SuspensionKind.Confirmed, CloudRegistry_AlreadyConfirmed(cloud));

        _clearSuspension(stored);
        stored.guardianAgainAt = 0;
        _suspend(cloud, stored, SuspensionKind.Confirmed, NO_END);
    }

    /// @inheritdoc ICloudRegistry
    function liftSuspension(CloudId cloud) external restricted {
        Cloud storage stored = _known(cloud);
        require(stored.status == CloudStatus.Suspended, CloudRegistry_WrongStatus(cloud, _statusOf(stored)));

        _lift(cloud, stored);
    }

    /// @inheritdoc ICloudRegistry
    function endLapsedSuspension(CloudId cloud) external {
        Cloud storage stored = _known(cloud);
        require(
            stored.status == CloudStatus.Suspended && stored.suspendedUntil < _nowMs(),
            CloudRegistry_NotLapsed(cloud, stored.suspendedUntil, _nowMs())
        );

        _clearSuspension(stored);

        emit SuspensionLapsed(cloud);
    }

    function _suspend(CloudId cloud, Cloud storage stored, SuspensionKind kind, uint48 until) private {
        stored.status = CloudStatus.Suspended;
        stored.suspension = kind;
        stored.suspendedUntil = until;

        emit CloudSuspended({cloud: cloud, kind: kind, suspendedUntil: until, guardianAgainAt: stored.guardianAgainAt});
    }

    function _lift(CloudId cloud, Cloud storage stored) private {
        _clearSuspension(stored);

        emit SuspensionLifted({cloud: cloud, by: msg.sender});
    }

    /// @dev Takes a suspension away, lapsed or not, and off the guardian's count. Does nothing if there is none.
    function _clearSuspension(Cloud storage stored) private {
        if (stored.status != CloudStatus.Suspended) return;
        if (stored.suspension == SuspensionKind.Guardian) --_guardianHeld;
        stored.status = CloudStatus.Active;
        stored.suspension = SuspensionKind.None;
        stored.suspendedUntil = 0;
    }

    /* CHECKS FOR OTHER CONTRACTS */

    /// @inheritdoc ICloudRegistry
    function statusOf(CloudId cloud) external view returns (CloudStatus) {
        return _statusOf(_clouds[cloud]);
    }

    /// @inheritdoc ICloudRegistry
    function requireSignature(
        CloudId cloud,
        uint8 scope,
        CloudId partnerA,
        CloudId partnerB,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (CloudStatus status) {
        Cloud storage stored = _clouds[cloud];
        address account = stored.account;
        require(account != address(0), CloudRegistry_UnknownCloud(cloud));
        status = _statusOf(stored);

        (address recovered, , ) = ECDSA.tryRecoverCalldata(digest, signature);
        if (recovered == account) return status;
        if (recovered != address(0) && _isAgentOf(cloud, recovered)) {
            _requireAgent(cloud, stored.agentEpoch, recovered, scope, partnerA, partnerB);
            return status;
        }
        require(
            stored.isContract && _isSignedByContract(account, digest, signature),
            CloudRegistry_BadSignature(cloud, recovered)
        );
    }

    /// @inheritdoc ICloudRegistry
    function requireSender(
        CloudId cloud,
        uint8 scope,
        CloudId partnerA,
        CloudId partnerB,
        address sender
    ) external view {
        Cloud storage stored = _known(cloud);
        if (sender == stored.account) return;
        require(_isAgentOf(cloud, sender), CloudRegistry_NotAuthorized(cloud, sender));
        _requireAgent(cloud, stored.agentEpoch, sender, scope, partnerA, partnerB);
    }

    /// @inheritdoc ICloudRegistry
    function requireAccount(CloudId cloud, address sender) external view {
        _requireAccount(cloud, sender);
    }

    function _isAgentOf(CloudId cloud, address key) private view returns (bool) {
        Binding storage binding = _bindings[key];
        return binding.role == KeyRole.Agent && binding.cloud == cloud;
    }

    function _requireAgent(
        CloudId cloud,
        uint24 agentEpoch,
        address agent,
        uint8 scope,
        CloudId partnerA,
        CloudId partnerB
    ) private view {
        Binding memory binding = _bindings[agent];
        require(binding.scopes != 0 && binding.agentEpoch == agentEpoch, CloudRegistry_AgentRevoked(cloud, agent));
        require(_nowMs() <= binding.validUntil, CloudRegistry_AgentExpired(cloud, agent, binding.validUntil, _nowMs()));
        require(binding.scopes & scope != 0, CloudRegistry_ScopeMissing(cloud, agent, scope, binding.scopes));
        if (scope & AgentScope.WITH_PARTNERS != 0) _requirePartnersOf(cloud, agent, partnerA, partnerB);
    }

    function _requirePartnersOf(CloudId cloud, address agent, CloudId partnerA, CloudId partnerB) private view {
        uint32[] memory partners = _partners[agent];
        if (partners.length == 0) return;
        _requirePartner(cloud, agent, partners, partnerA);
        _requirePartner(cloud, agent, partners, partnerB);
    }

    function _requirePartner(CloudId cloud, address agent, uint32[] memory partners, CloudId partner) private pure {
        if (partner == NOBODY || partner == cloud) return;
        for (uint256 i = 0; i < partners.length; ++i) {
            if (partners[i] == CloudId.unwrap(partner)) return;
        }
        revert CloudRegistry_PartnerNotAllowed(cloud, agent, partner);
    }

    /// @dev ERC-1271 with bounded gas; anything but a clean word with the magic value is a no.
    function _isSignedByContract(
        address account,
        bytes32 digest,
        bytes calldata signature
    ) private view returns (bool isValid) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes4 magic = IERC1271.isValidSignature.selector;
        uint256 gasLimit = ERC1271_GAS;
        // A call in Solidity would copy all that comes back, at the caller's cost.
        assembly ("memory-safe") {
            let ok := staticcall(gasLimit, account, add(question, 0x20), mload(question), 0, 0x20)
            isValid := and(and(ok, gt(returndatasize(), 0x1f)), eq(mload(0), magic))
        }
    }

    /* KEYS */

    /// @dev Binds a key to a cloud and role, for ever, with the key's own acceptance.
    function _accept(CloudId cloud, address key, KeyRole role, Acceptance calldata acceptance) private {
        _bind(cloud, key, role);
        require(
            _nowMs() <= acceptance.validUntil,
            CloudRegistry_AcceptanceExpired(key, acceptance.validUntil, _nowMs())
        );
        bytes32 digest = _hashTypedDataV4(
            KeyAcceptance({cloud: cloud, key: key, role: uint8(role), validUntil: acceptance.validUntil}).structHash()
        );
        require(!_usedAcceptances[digest], CloudRegistry_AcceptanceUsed(key, digest));
        (address recovered, , ) = ECDSA.tryRecoverCalldata(digest, acceptance.signature);
        require(
            recovered == key || (_hasCode(key) && _isSignedByContract(key, digest, acceptance.signature)),
            CloudRegistry_BadAcceptance(key, recovered)
        );

        _usedAcceptances[digest] = true;

        emit KeyAccepted({cloud: cloud, key: key, role: role, validUntil: acceptance.validUntil});
    }

    function _bind(CloudId cloud, address key, KeyRole role) private {
        require(key != address(0), CloudRegistry_ZeroKey(cloud, role));
        Binding storage binding = _bindings[key];
        KeyRole bound = binding.role;
        require(
            bound == KeyRole.None || (bound == role && binding.cloud == cloud),
            CloudRegistry_KeyTaken(key, binding.cloud, bound)
        );
        if (bound == KeyRole.None) {
            binding.cloud = cloud;
            binding.role = role;
        }
    }

    function _hasCode(address key) private view returns (bool) {
        return key.code.length != 0;
    }

    /* WHO MAY */

    function _known(CloudId cloud) private view returns (Cloud storage stored) {
        stored = _clouds[cloud];
        require(stored.status != CloudStatus.None, CloudRegistry_UnknownCloud(cloud));
    }

    function _member(CloudId cloud) private view returns (Cloud storage stored) {
        stored = _known(cloud);
        CloudStatus status = stored.status;
        require(
            status == CloudStatus.Active || status == CloudStatus.Suspended,
            CloudRegistry_WrongStatus(cloud, status)
        );
    }

    /// @dev One slot. A suspension that has lapsed reads Active.
    function _statusOf(Cloud storage stored) private view returns (CloudStatus status) {
        status = stored.status;
        if (status == CloudStatus.Suspended && stored.suspendedUntil < _nowMs()) return CloudStatus.Active;
    }

    function _requireActive(CloudId cloud, Cloud storage stored) private view {
        CloudStatus status = _statusOf(stored);
        require(status == CloudStatus.Active, CloudRegistry_WrongStatus(cloud, status));
    }

    function _unlessSuspended(CloudId cloud) private view returns (Cloud storage stored) {
        stored = _known(cloud);
        CloudStatus status = _statusOf(stored);
        require(status != CloudStatus.Suspended, CloudRegistry_WrongStatus(cloud, status));
    }

    function _requireAccountUnlessSuspended(CloudId cloud) private view returns (Cloud storage) {
        _requireAccount(cloud, msg.sender);
        return _unlessSuspended(cloud);
    }

    function _requireAccount(CloudId cloud, address sender) private view {
        require(sender == _known(cloud).account, CloudRegistry_NotAuthorized(cloud, sender));
    }

    function _requireAccountOrRecovery(CloudId cloud) private view {
        Cloud storage stored = _known(cloud);
        require(
            msg.sender == stored.account || msg.sender == stored.recovery,
            CloudRegistry_NotAuthorized(cloud, msg.sender)
        );
    }

    /* TIME */

    /// @dev Cast is safe: uint48 milliseconds reach the year 10889.
    function _nowMs() private view returns (uint48) {
        return uint48(block.timestamp * 1000);
    }

    /// @dev Cast is safe: seconds are fewer than milliseconds.
    function _now() private view returns (uint48) {
        return uint48(block.timestamp);
    }

    function _requirePastMs(uint64 time) private view returns (uint48) {
        require(time <= _nowMs(), CloudRegistry_FutureLookup(time, _nowMs()));
        // Cast is safe: not after now.
        return uint48(time);
    }

    /* MEMBERS AT A TIME */

    /// @inheritdoc ICloudRegistry
    function memberCount() public view returns (uint256) {
        return _memberCounts.latest();
    }

    /// @inheritdoc ICloudRegistry
    function memberCountAt(uint48 time) external view returns (uint256) {
        require(time <= _now(), CloudRegistry_FutureLookup(time, _now()));
        return _memberCounts.upperLookupRecent(time);
    }

    /// @inheritdoc ICloudRegistry
    function isMemberAt(CloudId cloud, uint48 time) external view returns (bool) {
        require(time <= _now(), CloudRegistry_FutureLookup(time, _now()));
        return _membership[cloud].upperLookupRecent(time) != 0;
    }

    /// @inheritdoc ICloudRegistry
    function lastMembershipChangeAt() external view returns (uint48 time) {
        (, time, ) = _memberCounts.latestCheckpoint();
    }

    /// @inheritdoc ICloudRegistry
    function cloudOfAccount(address account) external view returns (CloudId) {
        CloudId cloud = _bindings[account].cloud;
        return account != address(0) && _clouds[cloud].account == account ? cloud : NOBODY;
    }

    /* VIEWS */

    /// @inheritdoc ICloudRegistry
    function cloudCount() external view returns (uint32) {
        return _cloudCount;
    }

    /// @inheritdoc ICloudRegistry
    function cloudOf(CloudId cloud) external view returns (CloudView memory) {
        Cloud storage stored = _known(cloud);
        CloudStatus status = _statusOf(stored);
        bool isSuspended = status == CloudStatus.Suspended;
        return
            CloudView({
                label: stored.label,
                status: status,
                suspension: isSuspended ? stored.suspension : SuspensionKind.None,
                suspendedUntil: isSuspended ? stored.suspendedUntil : 0,
                account: stored.account,
                isContract: stored.isContract,
                recovery: stored.recovery,
                agentEpoch: stored.agentEpoch,
                guardianAgainAt: stored.guardianAgainAt,
                endpoint: stored.endpoint,
                spkiHash: stored.spkiHash
            });
    }

    /// @inheritdoc ICloudRegistry
    function accountOf(CloudId cloud) external view returns (address) {
        return _known(cloud).account;
    }

    /// @inheritdoc ICloudRegistry
    function recoveryOf(CloudId cloud) external view returns (address) {
        return _known(cloud).recovery;
    }

    /// @inheritdoc ICloudRegistry
    function cloudOfLabel(string calldata label) external view returns (CloudId) {
        return _labels[keccak256(bytes(label))];
    }

    /// @inheritdoc ICloudRegistry
    function accountAt(CloudId cloud, uint64 time) external view returns (address) {
        _known(cloud);
        return address(uint160(_accountHistory[cloud].upperLookupRecent(_requirePastMs(time))));
    }

    /// @inheritdoc ICloudRegistry
    function agentOf(address agent) external view returns (AgentView memory) {
        Binding memory binding = _bindings[agent];
        if (binding.role != KeyRole.Agent) binding.cloud = NOBODY;
        return
            AgentView({
                cloud: binding.cloud,
                scopes: binding.scopes,
                validUntil: binding.validUntil,
                agentEpoch: binding.agentEpoch,
                partners: _partners[agent]
            });
    }

    /// @inheritdoc ICloudRegistry
    function agentAt(address agent, uint64 time) external view returns (CloudId cloud, uint8 scopes, bool isValid) {
        uint48 at = _requirePastMs(time);
        Binding storage binding = _bindings[agent];
        if (binding.role != KeyRole.Agent) return (NOBODY, 0, false);
        cloud = binding.cloud;
        uint208 word = _agentHistory[agent].upperLookupRecent(at);
        // Casts cut the fields out of the word, as `_storeAgent` put them there.
        scopes = uint8(word);
        uint24 epochThen = uint24(_epochHistory[cloud].upperLookupRecent(at));
        isValid = scopes != 0 && at <= uint48(word >> 8) && uint24(word >> 56) == epochThen;
    }

    /// @inheritdoc ICloudRegistry
    function bindingOf(address key) external view returns (CloudId cloud, KeyRole role) {
        Binding storage binding = _bindings[key];
        return (binding.cloud, binding.role);
    }

    /// @inheritdoc ICloudRegistry
    function isAcceptanceUsed(bytes32 digest) external view returns (bool) {
        return _usedAcceptances[digest];
    }

    /// @inheritdoc ICloudRegistry
    function pendingRotation(CloudId cloud) external view returns (PendingKeys memory) {
        return _rotations[cloud];
    }

    /// @inheritdoc ICloudRegistry
    function pendingRecoveryChange(CloudId cloud) external view returns (PendingKeys memory) {
        return _recoveryChanges[cloud];
    }

    /// @inheritdoc ICloudRegistry
    function pendingReplacement(CloudId cloud) external view returns (PendingKeys memory) {
        return _replacements[cloud];
    }

    /// @inheritdoc ICloudRegistry
    function guardianHeld() external view returns (uint256) {
        return _guardianHeld;
    }

    /// @inheritdoc ICloudRegistry
    function guardianLimit() public view returns (uint256) {
        uint256 others = memberCount() == 0 ? 0 : memberCount() - 1;
        return others < 6 ? 1 : others / 3;
    }
}
