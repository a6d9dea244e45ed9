// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";
import {DocumentKind, Stay} from "./IMigrationLedger.sol";

/// @notice A stay in one word, as it is stored.
/// @dev From the lowest bit: startedAt 48, previousEndedAt 48, host 32, site 16, agreement 32, noticeUntil 40,
/// noticePeriod 32, kind 8. The end of a stay is stored with the next one, or with the VM if there is none: a handover
/// writes one word, not two.
type StayWord is uint256;

using StayWords for StayWord global;

/// @title Fields and changes of a stored stay
library StayWords {
    uint256 private constant PREVIOUS_ENDED_AT = 48;
    uint256 private constant HOST = 96;
    uint256 private constant SITE = 128;
    uint256 private constant AGREEMENT = 144;
    uint256 private constant NOTICE_UNTIL = 176;
    uint256 private constant NOTICE_PERIOD = 216;
    uint256 private constant KIND = 248;

    /// @notice A stay that begins.
    function create(
        uint48 startedAt_,
        uint48 previousEndedAt_,
        CloudId host_,
        uint16 site_,
        uint32 agreement_,
        uint32 noticePeriod_,
        DocumentKind kind_
    ) internal pure returns (StayWord) {
        return
            StayWord.wrap(
                uint256(startedAt_) |
                    (uint256(previousEndedAt_) << PREVIOUS_ENDED_AT) |
                    (uint256(CloudId.unwrap(host_)) << HOST) |
                    (uint256(site_) << SITE) |
                    (uint256(agreement_) << AGREEMENT) |
                    (uint256(noticePeriod_) << NOTICE_PERIOD) |
                    (uint256(kind_) << KIND)
            );
    }

    /// @notice All fields by name.
    /// @param endedAt When it ended, from the next stay or the VM; 0 while it runs.
    function unpack(StayWord stay, uint48 endedAt) internal pure returns (Stay memory) {
        uint256 word = StayWord.unwrap(stay);
        // Every cast cuts the field out of the word.
        return
            Stay({
                startedAt: stay.startedAt(),
                endedAt: endedAt,
                host: stay.host(),
                site: uint16(word >> SITE),
                agreement: stay.agreement(),
                noticeUntil: stay.noticeUntil(),
                noticePeriod: stay.noticePeriod(),
                kind: stay.kind()
            });
    }

    /// @notice Field `startedAt`.
    function startedAt(StayWord stay) internal pure returns (uint48) {
        return uint48(StayWord.unwrap(stay));
    }

    /// @notice When the stay before this one ended; 0 for the first one.
    function previousEndedAt(StayWord stay) internal pure returns (uint48) {
        return uint48(StayWord.unwrap(stay) >> PREVIOUS_ENDED_AT);
    }

    /// @notice Field `host`.
    function host(StayWord stay) internal pure returns (CloudId) {
        return CloudId.wrap(uint32(StayWord.unwrap(stay) >> HOST));
    }

    /// @notice Field `agreement`.
    function agreement(StayWord stay) internal pure returns (uint32) {
        return uint32(StayWord.unwrap(stay) >> AGREEMENT);
    }

    /// @notice Field `kind`.
    function kind(StayWord stay) internal pure returns (DocumentKind) {
        return DocumentKind(StayWord.unwrap(stay) >> KIND);
    }

    /// @notice Field `noticePeriod`.
    function noticePeriod(StayWord stay) internal pure returns (uint32) {
        return uint32(StayWord.unwrap(stay) >> NOTICE_PERIOD);
    }

    /// @notice Field `noticeUntil`.
    function noticeUntil(StayWord stay) internal pure returns (uint40) {
        return uint40(StayWord.unwrap(stay) >> NOTICE_UNTIL);
    }

    /// @notice The stay, under notice. It has none yet.
    function noticed(StayWord stay, uint40 until) internal pure returns (StayWord) {
        return StayWord.wrap(StayWord.unwrap(stay) | (uint256(until) << NOTICE_UNTIL));
    }
}
