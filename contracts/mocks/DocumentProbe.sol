// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Amendment} from "../documents/Amendment.sol";
import {Agreement} from "../documents/Agreement.sol";
import {Evacuation} from "../documents/Evacuation.sol";
import {Handover} from "../documents/Handover.sol";
import {KeyAcceptance} from "../documents/KeyAcceptance.sol";
import {Move} from "../documents/Move.sol";
import {MutualAbort} from "../documents/MutualAbort.sol";
import {Record} from "../documents/Record.sol";
import {Succession} from "../documents/Succession.sol";
import {ValidatorActivation} from "../documents/ValidatorActivation.sol";

/// @title Shows the hashes that the contracts make of signed documents. For tests only.
contract DocumentProbe is EIP712 {
    constructor() EIP712("BlockchainBus", "1") {}

    function hashAgreement(Agreement calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashMove(Move calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashHandover(Handover calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashMutualAbort(MutualAbort calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashRecord(Record calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashAmendment(Amendment calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashEvacuation(Evacuation calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashSuccession(Succession calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashKeyAcceptance(KeyAcceptance calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashValidatorActivation(
        ValidatorActivation calldata document
    ) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function _both(bytes32 structHash) private view returns (bytes32, bytes32) {
        return (structHash, _hashTypedDataV4(structHash));
    }
}
