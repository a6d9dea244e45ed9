// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {AgreedReport} from "../documents/AgreedReport.sol";
import {Amendment} from "../documents/Amendment.sol";
import {Agreement} from "../documents/Agreement.sol";
import {Evacuation} from "../documents/Evacuation.sol";
import {Handover} from "../documents/Handover.sol";
import {JointSettlement} from "../documents/JointSettlement.sol";
import {KeyAcceptance} from "../documents/KeyAcceptance.sol";
import {Move} from "../documents/Move.sol";
import {MutualAbort} from "../documents/MutualAbort.sol";
import {Note} from "../documents/Note.sol";
import {Observation} from "../documents/Observation.sol";
import {Price} from "../documents/Price.sol";
import {Record} from "../documents/Record.sol";
import {Sla} from "../documents/Sla.sol";
import {Succession} from "../documents/Succession.sol";
import {TermsHash} from "../documents/Terms.sol";
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

    function hashAgreedReport(AgreedReport calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashObservation(Observation calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashNote(Note calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashJointSettlement(JointSettlement calldata document) external view returns (bytes32 id, bytes32 digest) {
        return _both(document.structHash());
    }

    function hashTerms(
        Price calldata price,
        Sla calldata sla
    ) external pure returns (bytes32 priceHash, bytes32 slaHash, bytes32 termsHash) {
        (priceHash, slaHash) = (price.structHash(), sla.structHash());
        termsHash = TermsHash.hashWith(priceHash, slaHash);
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
