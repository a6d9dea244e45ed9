// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement} from "../documents/Agreement.sol";
import {SaltedMetrics} from "../documents/SaltedMetrics.sol";
import {Sla} from "../documents/Sla.sol";
import {IMigrationLedger} from "../ledger/IMigrationLedger.sol";
import {ISlaOracle} from "../oracle/ISlaOracle.sol";
import {CloudId} from "../types/CloudId.sol";
import {VmId} from "../types/VmId.sol";
import {Evidence} from "./Evidence.sol";

/// @notice How much a resource weighs, in millionths of a resource for one unit of the lane.
/// @param vcpuMilli Of a thousandth of a virtual CPU.
/// @param memoryMiB Of a MiB of memory.
/// @param storageGiB Of a GiB of storage.
/// @param diskIops Of a disk operation per second.
/// @param networkMbps Of a Mbit/s.
/// @param gpus Of a GPU.
/// @param spare1 Of a unit of the first spare lane.
/// @param spare2 Of a unit of the second spare lane.
struct EvidenceWeights {
    // slot 0: 8 * 3 = 24 bytes
    uint24 vcpuMilli;
    uint24 memoryMiB;
    uint24 storageGiB;
    uint24 diskIops;
    uint24 networkMbps;
    uint24 gpus;
    uint24 spare1;
    uint24 spare2;
}

/// @notice The governed rules of reputation. Each has hard limits that governance cannot pass.
/// @param weights How much a VM weighs: an hour of one resource is a resource-hour.
/// @param capHours The most that one counterparty counts for in a month, and the most of a single fact, in resource-hours.
/// @param moveHours What a move counts for, completed or unfinished, in resource-hours.
/// @param newcomerHours What the largest counterparty of a month may count for beyond all others together.
/// @param confidenceHours Evidence at which the confidence is one half.
struct ReputationRules {
    // slot 0: 24 bytes; slot 1: 4 * 4 = 16 bytes
    EvidenceWeights weights;
    uint32 capHours;
    uint32 moveHours;
    uint32 newcomerHours;
    uint32 confidenceHours;
}

/// @notice A cloud's month: the sum over its counterparties, each scaled to the cap.
/// @param kept Promises kept, in millionths of a resource-hour.
/// @param broken Promises broken.
/// @param unfinished Moves unfinished.
/// @param largest The counterparty that counts for most; of several, the one with the lowest number.
struct MonthRecord {
    // slot 0: 9 + 9 + 9 + 4 = 31 bytes
    uint72 kept;
    uint72 broken;
    uint72 unfinished;
    CloudId largest;
}

/// @title Interface of the reputation ledger
/// @notice What clouds kept and broke of what they promised each other, by calendar month (UTC), and what follows from
/// it: a score and how much it is worth. Facts are final results and moves; each is posted once, by anyone, in any order.
/// @dev Statuses never matter here. A cloud keeps its record under its number, whether it leaves and comes back or not.
/// Months are counted from January 1970, which is 0. Evidence is in millionths of a resource-hour.
interface IReputationLedger {
    /* EVENTS */

    /// @notice The result of a window was posted.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param missed Bit i: metric i was promised, measured and missed; 0 where the promise was kept.
    event ResultPosted(VmId indexed vm, uint32 indexed sequence, uint32 indexed window, uint8 missed);

    /// @notice A completed move was posted.
    /// @param number Agreement number.
    /// @param source Where the VMs ran before.
    /// @param destination Where they ran then.
    event MovePosted(uint32 indexed number, CloudId indexed source, CloudId indexed destination);

    /// @notice A move that did not complete was posted.
    /// @param number Agreement number.
    event UnfinishedPosted(uint32 indexed number);

    /// @notice Evidence was added to a cloud's month. All evidence is the sum of these.
    /// @param cloud Of whom it speaks.
    /// @param counterparty Towards whom.
    /// @param month The month to which it belongs.
    /// @param added How much, each fact cut to the cap, before any cap on the sum.
    event EvidenceAdded(CloudId indexed cloud, CloudId indexed counterparty, uint32 indexed month, Evidence added);

    /// @notice Governed rules changed.
    /// @param fromMonth First month to which they apply.
    /// @param rules The rules.
    event ReputationRulesSet(uint32 indexed fromMonth, ReputationRules rules);

    /* ERRORS */

    /// @notice Too few or too many results at once.
    /// @dev Post 1 to 64 results of a stay at once.
    /// @param count How many were given.
    /// @param most How many are allowed.
    error ReputationLedger_ResultCount(uint256 count, uint256 most);

    /// @notice Another number of openings is needed.
    /// @dev Give one opening for each window, in their order.
    /// @param needed How many are needed.
    /// @param given How many were given.
    error ReputationLedger_OpeningCount(uint256 needed, uint256 given);

    /// @notice The result of this window was posted already.
    /// @dev Nothing needs to be done: every fact counts once.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    error ReputationLedger_ResultKnown(VmId vm, uint32 sequence, uint32 window);

    /// @notice The stay still runs, and its end may yet be set before the end of the window.
    /// @dev Post the result a day after the window's end; while a move of the VM is open, or its loss is declared, when
    /// that has been decided.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param to End of the window, in milliseconds.
    /// @param settled Up to when the stay cannot change any more, in milliseconds.
    error ReputationLedger_NotSettled(VmId vm, uint32 sequence, uint32 window, uint48 to, uint256 settled);

    /// @notice Nothing that was promised was measured: the window says nothing of the host.
    /// @dev Nothing needs to be posted.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param promised Bit i: metric i is promised.
    /// @param measured Bit i: metric i was measured.
    error ReputationLedger_NothingJudged(VmId vm, uint32 sequence, uint32 window, uint32 promised, uint32 measured);

    /// @notice The window weighs nothing: it is too short, or none of the VM's resources has a weight.
    /// @dev Nothing needs to be posted.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    error ReputationLedger_NoEvidence(VmId vm, uint32 sequence, uint32 window);

    /// @notice The SLA, or the price's hash, is not that of the agreement.
    /// @dev Open the SLA that was signed, with the struct hash of the price that was signed with it.
    /// @param agreed Hash of the terms in the agreement.
    /// @param given Hash of the terms that were brought.
    error ReputationLedger_OtherTerms(bytes32 agreed, bytes32 given);

    /// @notice This move was posted already.
    /// @dev Nothing needs to be done: every fact counts once. The VMs of a group moved in one move.
    /// @param number Agreement number.
    error ReputationLedger_MoveKnown(uint32 number);

    /// @notice The stay was not begun by a move.
    /// @dev Post stays of kind Move only: a record, an amendment or an evacuation is not a move that was kept.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    error ReputationLedger_NotAMove(VmId vm, uint32 sequence);

    /// @notice The move counts for nobody as unfinished: it is open, completed, or ended without fault.
    /// @dev Nothing needs to be posted.
    /// @param number Agreement number.
    error ReputationLedger_NotUnfinished(uint32 number);

    /// @notice The agreement is not the one that was meant.
    /// @dev Bring the agreement as it was signed, in its public form.
    /// @param expected Id of the agreement that was meant, 0 if there is none.
    /// @param given Id of the one that was brought.
    error ReputationLedger_OtherAgreement(bytes32 expected, bytes32 given);

    /// @notice A rule is outside its hard limits.
    /// @dev Choose a value within the limits named.
    /// @param name Which one.
    /// @param value What was asked for.
    /// @param least The least allowed.
    /// @param most The most allowed.
    error ReputationLedger_RuleOutOfRange(string name, uint256 value, uint256 least, uint256 most);

    /// @notice The predecessor is not the reputation ledger of the migration ledger's predecessor.
    /// @dev Deploy with the reputation ledger that belongs to the migration ledger before, or with none.
    /// @param expected The migration ledger before this one's.
    /// @param found The migration ledger of the predecessor that was given.
    error ReputationLedger_WrongPredecessor(address expected, address found);

    /* FACTS */

    /// @notice Posts final results of windows of one stay, all or none: each is kept for the host towards the home if
    /// nothing was missed that was promised and measured, else broken. In window 0 a pause beyond its budget counts as
    /// unavailability. A result weighs the VM's resources times the length of the window, in the month in which the window
    /// ends. Anyone may.
    /// @dev Needs results by `ISlaOracle.requireFinal`; a window without one counts for nothing. A stay that still runs
    /// must have outlived the window by a day: its end may be set back until then.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param agreement The stay's agreement, of which the VM's resources are taken.
    /// @param sla The SLA of its terms.
    /// @param price Struct hash of the price of its terms, which stays closed.
    /// @param windows Numbers of the windows, 1 to 64.
    /// @param openings The metrics of each: see `ISlaOracle.requireFinal`.
    function postResults(
        VmId vm,
        uint32 sequence,
        Agreement calldata agreement,
        Sla calldata sla,
        bytes32 price,
        uint32[] calldata windows,
        SaltedMetrics[] calldata openings
    ) external;

    /// @notice Posts a completed move: kept for source and destination, towards each other. Anyone may. The VMs of a group
    /// moved in one move: it counts once.
    /// @param vm One of its VMs.
    /// @param sequence Number of the stay that began with it.
    function postMove(VmId vm, uint32 sequence) external;

    /// @notice Posts a move that did not complete: unfinished for those for whom the migration ledger says so. Anyone may.
    /// Source and destination are each other's counterparty; the destination is that of a home that is neither.
    /// @param number Agreement number.
    /// @param agreement The agreement, which names the parties.
    function postUnfinished(uint32 number, Agreement calldata agreement) external;

    /* GOVERNANCE */

    /// @notice Sets the rules for months that begin from now on; no month that has begun is judged otherwise. Restricted.
    /// @param rules The rules.
    function setReputationRules(ReputationRules calldata rules) external;

    /* QUESTIONS */

    /// @notice The expected share of promises that a cloud will keep, times 1e18, strictly between 0 and 1e18: beta
    /// reputation over 24 months with decay. A cloud of which nothing is known has one half.
    /// @param cloud The cloud.
    function scoreOf(CloudId cloud) external view returns (uint256);

    /// @notice How much the score is worth: n / (n + n0), times 1e18, for n resource-hours after decay; below 1e18.
    /// @param cloud The cloud.
    function confidenceOf(CloudId cloud) external view returns (uint256);

    /// @notice What counts of a cloud's month: every counterparty up to the cap, the largest for at most as much as all
    /// others together and `newcomerHours` more. Before decay; on the ledgers before this one, too.
    /// @param cloud The cloud.
    /// @param month The month.
    function countedOf(CloudId cloud, uint32 month) external view returns (Evidence memory);

    /// @notice A cloud's month as stored on this ledger.
    /// @param cloud The cloud.
    /// @param month The month.
    function monthOf(CloudId cloud, uint32 month) external view returns (MonthRecord memory);

    /// @notice What is known of a cloud from one counterparty in a month on this ledger, before any cap.
    /// @param cloud The cloud.
    /// @param month The month.
    /// @param counterparty The counterparty.
    function evidenceOf(CloudId cloud, uint32 month, CloudId counterparty) external view returns (Evidence memory);

    /// @notice Whether the result of a window was posted.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    function isResultPosted(VmId vm, uint32 sequence, uint32 window) external view returns (bool);

    /// @notice Whether a move was posted, completed or unfinished.
    /// @param number Agreement number.
    function isMovePosted(uint32 number) external view returns (bool);

    /// @notice The rules for a month.
    /// @param month The month.
    function rulesOf(uint32 month) external view returns (ReputationRules memory);

    /// @notice The month of the block.
    function currentMonth() external view returns (uint32);

    /// @notice The oracle that knows the results.
    function oracle() external view returns (ISlaOracle);

    /// @notice The migration ledger.
    function ledger() external view returns (IMigrationLedger);

    /// @notice The reputation ledger of the migration ledger before this one's, or zero.
    function predecessor() external view returns (IReputationLedger);
}
