// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;
library AgentScope {
    uint8 internal constant RELAY = 1;
    uint8 internal constant OFFER = 2;
    uint8 internal constant MOVE_OUT = 4;
    uint8 internal constant HOST = 8;
    uint8 internal constant REPORT = 16;
    uint8 internal constant VALIDATOR = 32;
}
