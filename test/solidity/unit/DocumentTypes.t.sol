// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AgreedReportHash} from "../../../contracts/documents/AgreedReport.sol";
import {AgreementHash} from "../../../contracts/documents/Agreement.sol";
import {AmendmentHash} from "../../../contracts/documents/Amendment.sol";
import {EvacuationHash} from "../../../contracts/documents/Evacuation.sol";
import {HandoverHash} from "../../../contracts/documents/Handover.sol";
import {JointSettlementHash} from "../../../contracts/documents/JointSettlement.sol";
import {KeyAcceptanceHash} from "../../../contracts/documents/KeyAcceptance.sol";
import {MetricsHash} from "../../../contracts/documents/Metrics.sol";
import {MoveHash} from "../../../contracts/documents/Move.sol";
import {MutualAbortHash} from "../../../contracts/documents/MutualAbort.sol";
import {NoteHash} from "../../../contracts/documents/Note.sol";
import {PriceHash} from "../../../contracts/documents/Price.sol";
import {RatesHash} from "../../../contracts/documents/Rates.sol";
import {ObservationHash} from "../../../contracts/documents/Observation.sol";
import {ReceiptHash} from "../../../contracts/documents/Receipt.sol";
import {RecordHash} from "../../../contracts/documents/Record.sol";
import {ReleaseHash} from "../../../contracts/documents/Release.sol";
import {ResourcesHash} from "../../../contracts/documents/Resources.sol";
import {SaltedMetricsHash} from "../../../contracts/documents/SaltedMetrics.sol";
import {SlaHash} from "../../../contracts/documents/Sla.sol";
import {SuccessionHash} from "../../../contracts/documents/Succession.sol";
import {TermsHash} from "../../../contracts/documents/Terms.sol";
import {WitnessesHash} from "../../../contracts/documents/Witnesses.sol";
import {ValidatorActivationHash} from "../../../contracts/documents/ValidatorActivation.sol";

/// @title Type hashes of the documents against type strings put together from their parts
/// @dev That they are EIP-712 as wallets know it is shown in `test/unit/documents`, against ethers.
contract DocumentTypesTest {
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
    string private constant NOTE =
        "Note(bytes32 refersTo,uint32 creditor,uint32 debtor,string currency,uint96 amount,bytes32 vm,uint32 sequence,uint64 through,uint16 reason,uint64 validUntil,bytes32 salt)";
    string private constant SALTED_METRICS = "SaltedMetrics(Metrics values,bytes32 salt)";
    string private constant RELEASE = "Release(bytes32 vm,bytes32 stateDigest,uint64 releasedAt)";
    string private constant RECEIPT = "Receipt(bytes32 vm,bytes32 stateDigest,uint64 releasedAt,uint64 runningAt)";

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
        _requireType(NoteHash.TYPEHASH, NOTE);
        _requireType(
            JointSettlementHash.TYPEHASH,
            "JointSettlement(bytes32 vm,uint32 sequence,uint64 to,uint64 validUntil)"
        );
        _requireType(RatesHash.TYPEHASH, RATES);
        _requireType(PriceHash.TYPEHASH, string.concat(PRICE, RATES));
        _requireType(TermsHash.TYPEHASH, string.concat(TERMS, nested, SLA, TIER));
        _requireType(MetricsHash.TYPEHASH, METRICS);
        _requireType(SaltedMetricsHash.TYPEHASH, string.concat(SALTED_METRICS, METRICS));
        _requireType(WitnessesHash.TYPEHASH, WITNESSES);
        _requireType(SlaHash.TIER_TYPEHASH, TIER);
        _requireType(SlaHash.TYPEHASH, string.concat(SLA, METRICS, TIER));
        _requireType(
            AgreedReportHash.TYPEHASH,
            string.concat(
                "AgreedReport(bytes32 vm,uint32 sequence,uint32 window,SaltedMetrics metrics)",
                METRICS,
                SALTED_METRICS
            )
        );
        _requireType(
            ObservationHash.TYPEHASH,
            string.concat(
                "Observation(bytes32 vm,uint32 sequence,uint32 window,Metrics metrics,bytes32 samplesRoot)",
                METRICS
            )
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

    function _requireType(bytes32 typehash, string memory text) private pure {
        require(typehash == keccak256(bytes(text)), text);
    }
}
