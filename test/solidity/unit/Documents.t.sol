// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement, AgreementHash, Line} from "../../../contracts/documents/Agreement.sol";
import {Amendment, AmendmentHash} from "../../../contracts/documents/Amendment.sol";
import {Evacuation, EvacuationHash} from "../../../contracts/documents/Evacuation.sol";
import {Handover, HandoverHash} from "../../../contracts/documents/Handover.sol";
import {KeyAcceptance, KeyAcceptanceHash} from "../../../contracts/documents/KeyAcceptance.sol";
import {Move, MoveHash} from "../../../contracts/documents/Move.sol";
import {MutualAbort, MutualAbortHash} from "../../../contracts/documents/MutualAbort.sol";
import {Receipt, ReceiptHash} from "../../../contracts/documents/Receipt.sol";
import {Record, RecordHash} from "../../../contracts/documents/Record.sol";
import {Release, ReleaseHash} from "../../../contracts/documents/Release.sol";
import {Resources, ResourcesHash} from "../../../contracts/documents/Resources.sol";
import {Succession, SuccessionHash} from "../../../contracts/documents/Succession.sol";
import {ValidatorActivation, ValidatorActivationHash} from "../../../contracts/documents/ValidatorActivation.sol";

/// @title Struct hashes against a reference that encodes field by field, and type strings put together from their parts
/// @dev That both are EIP-712 as wallets know it is shown in `test/unit/documents`, against ethers.
contract DocumentsTest {
    string private constant LINE = "Line(bytes32 vm,uint32 nonce,uint256 features,Resources resources)";
    string private constant RESOURCES =
        "Resources(uint32 vcpuMilli,uint32 memoryMiB,uint32 storageGiB,uint32 diskIops,uint32 networkMbps,uint32 gpus,uint32 spare1,uint32 spare2)";
    string private constant AGREEMENT =
        "Agreement(uint32 home,uint32 source,uint32 destination,uint16 site,Line[] lines,uint64 windowMs,uint64 noticeMs,uint64 keepMs,uint8 digestKind,Witnesses witnesses,Terms terms,bytes32 charter,uint64 agreeBy,bytes32 salt)";
    string private constant METRICS =
        "Metrics(uint32 availabilityPpm,uint32 cpuReadyPpm,uint32 diskLatencyUs,uint32 diskIops,uint32 throughputKbps,uint32 networkLatencyUs,uint32 lossPpm,uint32 measured)";
    string private constant PRICE = "Price(string currency,Rates rates,uint8 settlement,bytes32 salt)";
    string private constant RATES =
        "Rates(uint64 vcpuMilli,uint64 memoryMiB,uint64 storageGiB,uint64 diskIops,uint64 networkMbps,uint64 gpus,uint64 spare1,uint64 spare2)";
    string private constant SLA =
        "Sla(Metrics thresholds,Tier[] availabilityTiers,uint16 otherMetricsBps,uint16 capBps,uint32 pauseBudgetMs,bytes32 salt)";
    string private constant TERMS = "Terms(Price price,Sla sla)";
    string private constant TIER = "Tier(uint32 belowPpm,uint16 creditBps)";
    string private constant WITNESSES = "Witnesses(address[] members,uint8 required)";
    string private constant RELEASE = "Release(bytes32 vm,bytes32 stateDigest,uint64 releasedAt)";
    string private constant RECEIPT = "Receipt(bytes32 vm,bytes32 stateDigest,uint64 releasedAt,uint64 runningAt)";

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

    /* TYPES */

    function test_TYPEHASH_isOfItsText() external pure {
        string memory nested = string.concat(METRICS, PRICE, RATES);
        string memory tail = string.concat(RESOURCES, SLA, TERMS, TIER, WITNESSES);
        string memory agreement = string.concat(AGREEMENT, LINE, nested, tail);
        // Referred types follow by name: a record's `Receipt` stands between `Rates` and `Resources`.
        string memory withReceipt = string.concat(AGREEMENT, LINE, nested, RECEIPT, tail);

        _requireType(ResourcesHash.TYPEHASH, RESOURCES);
        _requireType(AgreementHash.LINE_TYPEHASH, string.concat(LINE, RESOURCES));
        _requireType(AgreementHash.TYPEHASH, agreement);
        _requireType(ReleaseHash.TYPEHASH, RELEASE);
        _requireType(ReceiptHash.TYPEHASH, RECEIPT);
        _requireType(
            MoveHash.TYPEHASH,
            string.concat("Move(Agreement agreement,uint64 startBy,uint64 completeBy)", agreement)
        );
        _requireType(RecordHash.TYPEHASH, string.concat("Record(Agreement agreement,Receipt[] receipts)", withReceipt));
        _requireType(AmendmentHash.TYPEHASH, string.concat("Amendment(Agreement agreement)", agreement));
        _requireType(EvacuationHash.TYPEHASH, string.concat("Evacuation(Agreement agreement)", agreement));
        _requireType(
            HandoverHash.TYPEHASH,
            string.concat("Handover(bytes32 move,Release[] releases,uint64 validUntil)", RELEASE)
        );
        _requireType(MutualAbortHash.TYPEHASH, "MutualAbort(bytes32 move,uint8 reason,uint64 validUntil)");
        _requireType(
            SuccessionHash.TYPEHASH,
            "Succession(bytes32 vm,uint32 nonce,address successor,uint64 validUntil)"
        );
        _requireType(
            KeyAcceptanceHash.TYPEHASH,
            "KeyAcceptance(uint32 cloud,address key,uint8 role,uint64 validUntil)"
        );
        _requireType(
            ValidatorActivationHash.TYPEHASH,
            "ValidatorActivation(uint32 cloud,address validator,address replaces,uint256 blockNumber,bytes32 blockHash)"
        );
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

    function testFuzz_structHash_matchesReference_ofKeyAcceptance(KeyAcceptance memory document) external pure {
        bytes32 expected = keccak256(
            abi.encode(KeyAcceptanceHash.TYPEHASH, document.cloud, document.key, document.role, document.validUntil)
        );

        require(document.structHash() == expected, "KeyAcceptance");
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

    function _requireType(bytes32 typehash, string memory text) private pure {
        require(typehash == keccak256(bytes(text)), text);
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
