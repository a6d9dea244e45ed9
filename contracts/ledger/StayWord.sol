// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";
import {DocumentKind, Stay} from "./IMigrationLedger.sol";

/// @notice A `Stay` in one word, as it is stored.
/// @dev From the lowest bit: startedAt 48, endedAt 48, host 32, site 16, agreement 32, noticeUntil 40, noticePeriod 32,
/// kind 8.
type StayWord is uint256;

using StayWords for StayWord global;

/// @title Fields and changes of a stored stay
library StayWords {
    uint256 private constant ENDED_AT = 48;
    uint256 private constant HOST = 96;
    uint256 private constant SITE = 128;
    uint256 private constant AGREEMENT = 144;
    uint256 private constant NOTICE_UNTIL = 176;
    uint256 private constant NOTICE_PERIOD = 216;
    uint256 private constant KIND = 248;

    /// @notice A stay that begins.
    function create(
        uint48 startedAt_,
        CloudId host_,
        uint16 site_,
        uint32 agreement_,
        uint32 noticePeriod_,
        DocumentKind kind_
    ) internal pure returns (StayWord) {
        return
            StayWord.wrap(
                uint256(startedAt_) |
                    (uint256(CloudId.unwrap(host_)) << HOST) |
                    (uint256(site_) << SITE) |
                    (uint256(agreement_) << AGREEMENT) |
                    (uint256(noticePeriod_) << NOTICE_PERIOD) |
                    (uint256(kind_) << KIND)
            );
    }

    /// @notice All fields by name.
    function unpack(StayWord stay) internal pure returns (Stay memory) {
        uint256 word = StayWord.unwrap(stay);
        // Every cast cuts the field out of the word.
        return
            Stay({
                startedAt: stay.startedAt(),
                endedAt: uint48(word >> ENDED_AT),
                host: CloudId.wrap(uint32(word >> HOST)),
                site: uint16(word >> SITE),
                agreement: uint32(word >> AGREEMENT),
                noticeUntil: stay.noticeUntil(),
                noticePeriod: uint32(word >> NOTICE_PERIOD),
                kind: DocumentKind(word >> KIND)
            });
    }

    /// @notice Field `startedAt`.
    function startedAt(StayWord stay) internal pure returns (uint48) {
        return uint48(StayWord.unwrap(stay));
    }

    /// @notice Field `endedAt`.
    function endedAt(StayWord stay) internal pure returns (uint48) {
        return uint48(StayWord.unwrap(stay) >> ENDED_AT);
    }

    /// @notice Field `noticeUntil`.
    function noticeUntil(StayWord stay) internal pure returns (uint40) {
        return uint40(StayWord.unwrap(stay) >> NOTICE_UNTIL);
    }

    /// @notice The stay, ended. It has no end yet: a stay ends once.
    function ended(StayWord stay, uint48 at) internal pure returns (StayWord) {
        return StayWord.wrap(StayWord.unwrap(stay) | (uint256(at) << ENDED_AT));
    }

    /// @notice The stay, under notice. It has none yet.
    function noticed(StayWord stay, uint40 until) internal pure returns (StayWord) {
        return StayWord.wrap(StayWord.unwrap(stay) | (uint256(until) << NOTICE_UNTIL));
    }
}
