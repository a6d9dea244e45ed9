// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";
import {VmId} from "../types/VmId.sol";
import {Resources, ResourcesHash} from "./Resources.sol";

/// @notice One VM of an agreement.
/// @dev EIP-712 type `Line`.
/// @param vm The VM.
/// @param nonce The VM's nonce at the time of signing: any act on the VM voids this line.
/// @param features Feature bits that the destination's site must offer.
/// @param resources Amounts promised for the stay.
struct Line {
    VmId vm;
    uint32 nonce;
    uint256 features;
    Resources resources;
}

/// @notice Who moves which VMs from where to where, on what terms.
/// @dev EIP-712 type `Agreement`, with `witnesses` and `terms` given by their struct hashes: the chain never sees the
/// price. The agreement's id is its struct hash.
/// @param home Cloud that owns the VMs and pays.
/// @param source Cloud on which they run.
/// @param destination Cloud on which they shall run. Equal to `source` in an amendment.
/// @param site Site of the destination, 0 for no preference.
/// @param lines The VMs, 1 to 16, by strictly ascending id.
/// @param windowMs Length of an SLA window in milliseconds.
/// @param noticeMs Shortest notice the host may give, in milliseconds.
/// @param keepMs How long the source keeps its stopped copy after a move, in milliseconds.
/// @param digestKind What `stateDigest` covers: 0 none, 1 disks at rest, 2 migration stream, 3 RAM and device state.
/// @param witnesses EIP-712 struct hash of `Witnesses`.
/// @param terms EIP-712 struct hash of `Terms`.
/// @param charter Hash of the law outside the chain that the parties refer to.
/// @param agreeBy Last moment to bring the document to the ledger, in milliseconds since the epoch.
/// @param salt Random, so that equal terms have different ids.
struct Agreement {
    CloudId home;
    CloudId source;
    CloudId destination;
    uint16 site;
    Line[] lines;
    uint64 windowMs;
    uint64 noticeMs;
    uint64 keepMs;
    uint8 digestKind;
    bytes32 witnesses;
    bytes32 terms;
    bytes32 charter;
    uint64 agreeBy;
    bytes32 salt;
}

using AgreementHash for Agreement global;

/// @title EIP-712 hashes of `Line` and `Agreement`
library AgreementHash {
    bytes32 internal constant LINE_TYPEHASH = keccak256(
        "Line(bytes32 vm,uint32 nonce,uint256 features,Resources resources)"
        "Resources(uint32 vcpuMilli,uint32 memoryMiB,uint32 storageGiB,uint32 diskIops,uint32 networkMbps,"
        "uint32 gpus,uint32 spare1,uint32 spare2)"
    );

    bytes32 internal constant TYPEHASH = keccak256(
        "Agreement(uint32 home,uint32 source,uint32 destination,uint16 site,Line[] lines,uint64 windowMs,"
        "uint64 noticeMs,uint64 keepMs,uint8 digestKind,Witnesses witnesses,Terms terms,bytes32 charter,"
        "uint64 agreeBy,bytes32 salt)"
        "Line(bytes32 vm,uint32 nonce,uint256 features,Resources resources)"
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,"
        "uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)"
        "Price(string currency,Rates rates,uint8 settlement,bytes32 salt)"
        "Rates(uint64 vcpuMilli,uint64 memoryMiB,uint64 storageGiB,uint64 diskIops,uint64 networkMbps,"
        "uint64 gpus,uint64 spare1,uint64 spare2)"
        "Resources(uint32 vcpuMilli,uint32 memoryMiB,uint32 storageGiB,uint32 diskIops,uint32 networkMbps,"
        "uint32 gpus,uint32 spare1,uint32 spare2)"
        "Sla(Metrics thresholds,Tier[] availabilityTiers,uint16 otherMetricsBps,uint16 capBps,"
        "uint32 pauseBudgetMs,bytes32 salt)"
        "Terms(Price price,Sla sla)"
        "Tier(uint32 belowPpm,uint16 creditBps)"
        "Witnesses(address[] members,uint8 required)"
    );

    /// @notice EIP-712 struct hash: the agreement's id.
    /// @dev Hashes the words of the call as they came. A word with bits beyond its type gives a hash that nobody signed.
    function structHash(Agreement calldata agreement) internal pure returns (bytes32 hash) {
        bytes32 linesHash = _hashLines(agreement.lines);
        bytes32 typehash = TYPEHASH;
        // Assembly for the gas of every agreement: 14 words of the call, the fifth replaced by the hash of the lines.
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, typehash)
            calldatacopy(add(pointer, 0x20), agreement, 0x1c0)
            mstore(add(pointer, 0xa0), linesHash)
            hash := keccak256(pointer, 0x1e0)
        }
    }

    /// @dev A line is 11 words of the call: vm, nonce, features and the eight of its resources.
    function _hashLines(Line[] calldata lines) private pure returns (bytes32 hash) {
        bytes32 lineTypehash = LINE_TYPEHASH;
        bytes32 resourcesTypehash = ResourcesHash.TYPEHASH;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            let hashes := add(pointer, 0x140)
            let next := hashes
            let line := lines.offset
            for {
                let end := add(line, mul(lines.length, 0x160))
            } lt(line, end) {
                line := add(line, 0x160)
                next := add(next, 0x20)
            } {
                mstore(pointer, resourcesTypehash)
                calldatacopy(add(pointer, 0x20), add(line, 0x60), 0x100)
                mstore(add(pointer, 0x80), keccak256(pointer, 0x120))
                mstore(pointer, lineTypehash)
                calldatacopy(add(pointer, 0x20), line, 0x60)
                mstore(next, keccak256(pointer, 0xa0))
            }
            hash := keccak256(hashes, sub(next, hashes))
        }
    }
}
