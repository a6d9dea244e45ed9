// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AgreedReport, AgreedReportHash} from "../../../contracts/documents/AgreedReport.sol";
import {Agreement, AgreementHash, Line} from "../../../contracts/documents/Agreement.sol";
import {Amendment, AmendmentHash} from "../../../contracts/documents/Amendment.sol";
import {Evacuation, EvacuationHash} from "../../../contracts/documents/Evacuation.sol";
import {Handover, HandoverHash} from "../../../contracts/documents/Handover.sol";
import {JointSettlement, JointSettlementHash} from "../../../contracts/documents/JointSettlement.sol";
import {KeyAcceptance, KeyAcceptanceHash} from "../../../contracts/documents/KeyAcceptance.sol";
import {Metrics, MetricsHash} from "../../../contracts/documents/Metrics.sol";
import {Move, MoveHash} from "../../../contracts/documents/Move.sol";
import {MutualAbort, MutualAbortHash} from "../../../contracts/documents/MutualAbort.sol";
import {Note, NoteHash} from "../../../contracts/documents/Note.sol";
import {Price, PriceHash} from "../../../contracts/documents/Price.sol";
import {RatesHash} from "../../../contracts/documents/Rates.sol";
import {Observation, ObservationHash} from "../../../contracts/documents/Observation.sol";
import {Receipt, ReceiptHash} from "../../../contracts/documents/Receipt.sol";
import {Record, RecordHash} from "../../../contracts/documents/Record.sol";
import {Release, ReleaseHash} from "../../../contracts/documents/Release.sol";
import {Resources, ResourcesHash} from "../../../contracts/documents/Resources.sol";
import {SaltedMetrics, SaltedMetricsHash} from "../../../contracts/documents/SaltedMetrics.sol";
import {Sla, SlaHash} from "../../../contracts/documents/Sla.sol";
import {Succession, SuccessionHash} from "../../../contracts/documents/Succession.sol";
import {Witnesses, WitnessesHash} from "../../../contracts/documents/Witnesses.sol";
import {ValidatorActivation, ValidatorActivationHash} from "../../../contracts/documents/ValidatorActivation.sol";

/// @title Struct hashes against a reference that encodes field by field
/// @dev That both are EIP-712 as wallets know it is shown in `test/unit/documents`, against ethers.
contract DocumentsTest {
    /* CALLS, SO THAT DOCUMENTS ARE CALLDATA */

    function hashResources(Resources calldata resources) external pure returns (bytes32) {
        return resources.structHash();
    }

    function hashAgreement(Agreement calldata agreement) external pure returns (bytes32) {
        return agreement.structHash();
    }

    function hashMove(Move calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashRecord(Record calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashAmendment(Amendment calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashEvacuation(Evacuation calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashHandover(Handover calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashMutualAbort(MutualAbort calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashSuccession(Succession calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashNote(Note calldata document, bytes32 refersTo) external pure returns (bytes32 id, bytes32 other) {
        return (document.structHash(), document.hashWith(refersTo));
    }

    function hashJointSettlement(JointSettlement calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashPrice(Price calldata price) external pure returns (bytes32) {
        return price.structHash();
    }

    function hashMetrics(Metrics calldata metrics) external pure returns (bytes32) {
        return metrics.structHash();
    }

    function hashSaltedMetrics(SaltedMetrics calldata metrics) external pure returns (bytes32) {
        return metrics.structHash();
    }

    function hashAgreedReport(AgreedReport calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashObservation(Observation calldata document) external pure returns (bytes32) {
        return document.structHash();
    }

    function hashWitnesses(Witnesses calldata witnesses) external pure returns (bytes32) {
        return witnesses.structHash();
    }

    function hashSla(Sla calldata sla) external pure returns (bytes32) {
        return sla.structHash();
    }

    /* HASHES */

    function testFuzz_structHash_matchesReference_ofResources(Resources memory resources) external view {
        require(this.hashResources(resources) == _hashOf(resources), "Resources");
    }

    function testFuzz_structHash_matchesReference_ofAgreement(
        Agreement memory agreement,
        Line[16] memory lines,
        uint8 count
    ) external view {
        agreement.lines = _firstLines(lines, count);

        require(this.hashAgreement(agreement) == _hashOf(agreement), "Agreement");
    }

    function testFuzz_structHash_matchesReference_ofMove(Move memory document) external view {
        bytes32 expected = keccak256(
            abi.encode(MoveHash.TYPEHASH, _hashOf(document.agreement), document.startBy, document.completeBy)
        );

        require(this.hashMove(document) == expected, "Move");
    }

    function testFuzz_structHash_matchesReference_ofRecord(
        Agreement memory agreement,
        Receipt[16] memory receipts,
        uint8 count
    ) external view {
        Record memory document = Record({agreement: agreement, receipts: new Receipt[](count % 17)});
        bytes memory hashes;
        for (uint256 i = 0; i < document.receipts.length; ++i) {
            Receipt memory receipt = receipts[i];
            document.receipts[i] = receipt;
            hashes = bytes.concat(
                hashes,
                keccak256(
                    abi.encode(
                        ReceiptHash.TYPEHASH,
                        receipt.vm,
                        receipt.stateDigest,
                        receipt.releasedAt,
                        receipt.runningAt
                    )
                )
            );
        }

        bytes32 expected = keccak256(abi.encode(RecordHash.TYPEHASH, _hashOf(agreement), keccak256(hashes)));
        require(this.hashRecord(document) == expected, "Record");
    }

    function testFuzz_structHash_matchesReference_ofHandover(
        bytes32 move,
        Release[16] memory releases,
        uint8 count,
        uint64 validUntil
    ) external view {
        Handover memory document = Handover({move: move, releases: new Release[](count % 17), validUntil: validUntil});
        bytes memory hashes;
        for (uint256 i = 0; i < document.releases.length; ++i) {
            document.releases[i] = releases[i];
            hashes = bytes.concat(
                hashes,
                keccak256(
                    abi.encode(ReleaseHash.TYPEHASH, releases[i].vm, releases[i].stateDigest, releases[i].releasedAt)
                )
            );
        }

        bytes32 expected = keccak256(abi.encode(HandoverHash.TYPEHASH, move, keccak256(hashes), validUntil));
        require(this.hashHandover(document) == expected, "Handover");
    }

    function testFuzz_structHash_matchesReference_ofAmendmentAndEvacuation(Agreement memory agreement) external view {
        bytes32 id = _hashOf(agreement);

        bytes32 amendment = this.hashAmendment(Amendment({agreement: agreement}));
        bytes32 evacuation = this.hashEvacuation(Evacuation({agreement: agreement}));

        require(amendment == keccak256(abi.encode(AmendmentHash.TYPEHASH, id)), "Amendment");
        require(evacuation == keccak256(abi.encode(EvacuationHash.TYPEHASH, id)), "Evacuation");
        require(amendment != evacuation && amendment != id, "INV-ONCE: one hash for two functions");
    }

    function testFuzz_structHash_matchesReference_ofMutualAbort(MutualAbort memory document) external view {
        bytes32 expected = keccak256(
            abi.encode(MutualAbortHash.TYPEHASH, document.move, document.reason, document.validUntil)
        );

        require(this.hashMutualAbort(document) == expected, "MutualAbort");
    }

    function testFuzz_structHash_matchesReference_ofSuccession(Succession memory document) external view {
        bytes32 expected = keccak256(
            abi.encode(SuccessionHash.TYPEHASH, document.vm, document.nonce, document.successor, document.validUntil)
        );

        require(this.hashSuccession(document) == expected, "Succession");
    }

    function testFuzz_structHash_matchesReference_ofNote(Note memory document, bytes32 refersTo) external view {
        (bytes32 id, bytes32 other) = this.hashNote(document, refersTo);

        require(id == _hashOf(document, document.refersTo), "Note");
        require(other == _hashOf(document, refersTo), "Note with another line");
    }

    function testFuzz_structHash_matchesReference_ofJointSettlement(JointSettlement memory document) external view {
        bytes32 expected = keccak256(
            abi.encode(JointSettlementHash.TYPEHASH, document.vm, document.sequence, document.to, document.validUntil)
        );

        require(this.hashJointSettlement(document) == expected, "JointSettlement");
    }

    function testFuzz_structHash_matchesReference_ofPrice(Price memory price) external view {
        bytes32 rates = keccak256(abi.encode(RatesHash.TYPEHASH, price.rates));
        bytes32 expected = keccak256(
            abi.encode(PriceHash.TYPEHASH, keccak256(bytes(price.currency)), rates, price.settlement, price.salt)
        );

        require(this.hashPrice(price) == expected, "Price");
    }

    function testFuzz_structHash_matchesReference_ofKeyAcceptance(KeyAcceptance memory document) external pure {
        bytes32 expected = keccak256(
            abi.encode(KeyAcceptanceHash.TYPEHASH, document.cloud, document.key, document.role, document.validUntil)
        );

        require(document.structHash() == expected, "KeyAcceptance");
    }

    function testFuzz_structHash_matchesReference_ofMetrics(Metrics memory metrics, bytes32 salt) external view {
        require(this.hashMetrics(metrics) == _hashOf(metrics), "Metrics");
        bytes32 salted = keccak256(abi.encode(SaltedMetricsHash.TYPEHASH, _hashOf(metrics), salt));
        require(this.hashSaltedMetrics(SaltedMetrics({values: metrics, salt: salt})) == salted, "SaltedMetrics");
    }

    function testFuzz_structHash_matchesReference_ofAgreedReport(AgreedReport memory document) external view {
        bytes32 expected = keccak256(
            abi.encode(AgreedReportHash.TYPEHASH, document.vm, document.sequence, document.window, document.metrics)
        );

        require(this.hashAgreedReport(document) == expected, "AgreedReport");
    }

    function testFuzz_structHash_matchesReference_ofObservation(Observation memory document) external view {
        bytes32 expected = keccak256(
            abi.encode(
                ObservationHash.TYPEHASH,
                document.vm,
                document.sequence,
                document.window,
                _hashOf(document.metrics),
                document.samplesRoot
            )
        );

        require(this.hashObservation(document) == expected, "Observation");
    }

    function testFuzz_structHash_matchesReference_ofWitnesses(Witnesses memory witnesses) external view {
        bytes memory words;
        for (uint256 i = 0; i < witnesses.members.length; ++i) {
            words = bytes.concat(words, abi.encode(witnesses.members[i]));
        }

        bytes32 expected = keccak256(abi.encode(WitnessesHash.TYPEHASH, keccak256(words), witnesses.required));
        require(this.hashWitnesses(witnesses) == expected, "Witnesses");
    }

    function testFuzz_structHash_matchesReference_ofSla(Sla memory sla) external view {
        bytes memory hashes;
        for (uint256 i = 0; i < sla.availabilityTiers.length; ++i) {
            bytes32 tier = keccak256(
                abi.encode(SlaHash.TIER_TYPEHASH, sla.availabilityTiers[i].belowPpm, sla.availabilityTiers[i].creditBps)
            );
            hashes = bytes.concat(hashes, tier);
        }

        bytes32 expected = keccak256(
            abi.encode(
                SlaHash.TYPEHASH,
                _hashOf(sla.thresholds),
                keccak256(hashes),
                sla.otherMetricsBps,
                sla.capBps,
                sla.pauseBudgetMs,
                sla.salt
            )
        );
        require(this.hashSla(sla) == expected, "Sla");
    }

    function testFuzz_structHash_matchesReference_ofValidatorActivation(
        ValidatorActivation memory document
    ) external pure {
        bytes32 expected = keccak256(
            abi.encode(
                ValidatorActivationHash.TYPEHASH,
                document.cloud,
                document.validator,
                document.replaces,
                document.blockNumber,
                document.blockHash
            )
        );

        require(document.structHash() == expected, "ValidatorActivation");
    }

    /* WORDS WITH BITS BEYOND THEIR TYPE */

    /// @dev Sequence and window are the second and the third word of a report.
    function testFuzz_structHash_isNobodysOrReverts_whenReportHasDirtyWord(
        AgreedReport memory document,
        bool isWindow,
        uint256 dirt
    ) external view {
        bytes memory data = abi.encodeCall(this.hashAgreedReport, (document));
        _dirty(data, 4 + (isWindow ? 2 : 1) * 0x20, (dirt | 1) << 32);

        _requireAnotherHash(data, this.hashAgreedReport(document));
    }

    /// @dev The narrow fields of an agreement stand at the words 0 to 3, 5 to 8 and 12 of its head.
    function testFuzz_structHash_isNobodysOrReverts_whenAgreementHasDirtyWord(
        Agreement memory agreement,
        uint8 at,
        uint256 dirt
    ) external view {
        uint8[9] memory narrow = [0, 1, 2, 3, 5, 6, 7, 8, 12];
        uint256 word = narrow[at % narrow.length];
        bytes memory data = abi.encodeCall(this.hashAgreement, (agreement));
        // 4 bytes of selector and the offset of the struct come before its head. No narrow field is wider than 64 bits.
        _dirty(data, 4 + 0x20 + word * 0x20, (dirt | 1) << 64);

        _requireAnotherHash(data, _hashOf(agreement));
    }

    /// @dev A line is 11 words: its nonce is the second, its amounts are the last eight.
    function testFuzz_structHash_isNobodysOrReverts_whenLineHasDirtyWord(
        Agreement memory agreement,
        Line memory line,
        uint8 at,
        uint256 dirt
    ) external view {
        agreement.lines = new Line[](1);
        agreement.lines[0] = line;
        uint256 word = at % 9 == 0 ? 1 : 2 + (at % 9);
        bytes memory data = abi.encodeCall(this.hashAgreement, (agreement));
        // Head of 14 words, then the number of lines, then the first line.
        _dirty(data, 4 + 0x20 + 15 * 0x20 + word * 0x20, (dirt | 1) << 64);

        _requireAnotherHash(data, _hashOf(agreement));
    }

    function testFuzz_structHash_isNobodysOrReverts_whenReleaseHasDirtyWord(
        Release memory item,
        uint64 validUntil,
        uint256 dirt
    ) external view {
        Handover memory document = Handover({move: 0, releases: new Release[](1), validUntil: validUntil});
        document.releases[0] = item;
        bytes memory data = abi.encodeCall(this.hashHandover, (document));
        // Head of 3 words, the number of releases, then vm, digest and the time.
        _dirty(data, 4 + 0x20 + 6 * 0x20, (dirt | 1) << 64);

        _requireAnotherHash(data, this.hashHandover(document));
    }

    /* REFERENCES */

    function _hashOf(Resources memory resources) private pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    ResourcesHash.TYPEHASH,
                    resources.vcpuMilli,
                    resources.memoryMiB,
                    resources.storageGiB,
                    resources.diskIops,
                    resources.networkMbps,
                    resources.gpus,
                    resources.spare1,
                    resources.spare2
                )
            );
    }

    function _hashOf(Note memory note, bytes32 refersTo) private pure returns (bytes32) {
        bytes memory parties = abi.encode(
            NoteHash.TYPEHASH,
            refersTo,
            note.creditor,
            note.debtor,
            keccak256(bytes(note.currency)),
            note.amount
        );
        bytes memory rest = abi.encode(note.vm, note.sequence, note.through, note.reason, note.validUntil, note.salt);
        return keccak256(bytes.concat(parties, rest));
    }

    function _hashOf(Metrics memory metrics) private pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    MetricsHash.TYPEHASH,
                    metrics.availabilityPpm,
                    metrics.cpuReadyPpm,
                    metrics.diskLatencyUs,
                    metrics.diskIops,
                    metrics.throughputKbps,
                    metrics.networkLatencyUs,
                    metrics.lossPpm,
                    metrics.measured
                )
            );
    }

    function _hashOf(Agreement memory agreement) private pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < agreement.lines.length; ++i) {
            Line memory line = agreement.lines[i];
            hashes = bytes.concat(
                hashes,
                keccak256(
                    abi.encode(AgreementHash.LINE_TYPEHASH, line.vm, line.nonce, line.features, _hashOf(line.resources))
                )
            );
        }
        bytes memory parties = abi.encode(
            AgreementHash.TYPEHASH,
            agreement.home,
            agreement.source,
            agreement.destination,
            agreement.site,
            keccak256(hashes)
        );
        bytes memory conditions = abi.encode(
            agreement.windowMs,
            agreement.noticeMs,
            agreement.keepMs,
            agreement.digestKind,
            agreement.witnesses,
            agreement.terms,
            agreement.charter,
            agreement.agreeBy,
            agreement.salt
        );
        return keccak256(bytes.concat(parties, conditions));
    }

    function _firstLines(Line[16] memory lines, uint8 count) private pure returns (Line[] memory first) {
        first = new Line[](count % 17);
        for (uint256 i = 0; i < first.length; ++i) {
            first[i] = lines[i];
        }
    }

    /// @dev Sets bits in the word at a position of the call.
    function _dirty(bytes memory data, uint256 position, uint256 bits) private pure {
        assembly ("memory-safe") {
            let word := add(add(data, 0x20), position)
            mstore(word, or(mload(word), bits))
        }
    }

    /// @dev The signed hash must not come out of words that nobody could sign.
    function _requireAnotherHash(bytes memory data, bytes32 hash) private view {
        (bool success, bytes memory answer) = address(this).staticcall(data);
        require(!success || abi.decode(answer, (bytes32)) != hash, "a dirty word was taken for a clean one");
    }
}
