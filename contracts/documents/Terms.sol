// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title EIP-712 hash of `Terms`
/// @notice Price and SLA of an agreement. No contract takes both as one struct: each is opened by itself, with the
/// struct hash of the other.
library TermsHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Terms(Price price,Sla sla)"
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,"
        "uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)"
        "Price(string currency,Rates rates,uint8 settlement,bytes32 salt)"
        "Rates(uint64 vcpuMilli,uint64 memoryMiB,uint64 storageGiB,uint64 diskIops,uint64 networkMbps,"
        "uint64 gpus,uint64 spare1,uint64 spare2)"
        "Sla(Metrics thresholds,Tier[] availabilityTiers,uint16 otherMetricsBps,uint16 capBps,"
        "uint32 pauseBudgetMs,bytes32 salt)"
        "Tier(uint32 belowPpm,uint16 creditBps)"
    );

    /// @notice EIP-712 struct hash.
    /// @param price Struct hash of the price.
    /// @param sla Struct hash of the SLA.
    function hashWith(bytes32 price, bytes32 sla) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, price, sla));
    }
}
