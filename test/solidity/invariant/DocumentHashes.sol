// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Amendment} from "../../../contracts/documents/Amendment.sol";
import {Evacuation} from "../../../contracts/documents/Evacuation.sol";
import {Handover} from "../../../contracts/documents/Handover.sol";
import {Move} from "../../../contracts/documents/Move.sol";
import {MutualAbort} from "../../../contracts/documents/MutualAbort.sol";
import {Record} from "../../../contracts/documents/Record.sol";

/// @title Struct hashes of documents that a test holds in memory: the contracts hash calldata
contract DocumentHashes {
    function moveId(Move calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function handoverId(Handover calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function mutualAbortId(MutualAbort calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function recordId(Record calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function amendmentId(Amendment calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function evacuationId(Evacuation calldata document) external pure returns (bytes32) {
        return document.structHash();
    }
}
