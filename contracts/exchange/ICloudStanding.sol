// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";

enum CloudStatus {
    None,
    Active,
    Suspended,
    Left,
    Expelled
}

uint8 constant SCOPE_OFFER = 2;

interface ICloudRegistry {
    function statusOf(CloudId cloud) external view returns (CloudStatus);

    function requireSender(
        CloudId cloud,
        uint8 scope,
        CloudId partnerA,
        CloudId partnerB,
        address sender
    ) external view;
}
