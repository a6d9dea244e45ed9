// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;
import {CloudId} from "../types/CloudId.sol";
enum CloudStatus { None, Active, Suspended, Left, Expelled }
interface ICloudRegistry {
    function statusOf(CloudId cloud) external view returns (CloudStatus);
    function requireSignature(CloudId cloud, uint8 scope, CloudId partnerA, CloudId partnerB, bytes32 digest, bytes calldata signature) external view;
    function requireSender(CloudId cloud, uint8 scope, CloudId partnerA, CloudId partnerB, address sender) external view;
    function requireAccount(CloudId cloud, address sender) external view;
    function markLeft(CloudId cloud) external;
}
