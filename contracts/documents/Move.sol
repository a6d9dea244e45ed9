// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement} from "./Agreement.sol";

/// @notice A two-phase migration in which the ledger is the switch.
/// @dev EIP-712 type `Move`. Signed by: home, destination.
/// @param agreement Who, which VMs, from where to where.
/// @param startBy Last moment at which the source may start, in milliseconds.
/// @param completeBy Last moment at which the move may complete, in milliseconds.
struct Move {
    Agreement agreement;
    uint64 startBy;
    uint64 completeBy;
}

using MoveHash for Move global;

/// @title EIP-712 hash of `Move`
library MoveHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Move(Agreement agreement,uint64 startBy,uint64 completeBy)"
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

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(Move calldata document) internal pure returns (bytes32) {
        return hashWith(document.agreement.structHash(), document);
    }

    /// @notice The same, where the agreement's hash is already known.
    function hashWith(bytes32 agreementId, Move calldata document) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, agreementId, document.startBy, document.completeBy));
    }
}
