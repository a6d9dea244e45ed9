// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Amendment} from "../documents/Amendment.sol";
import {Evacuation} from "../documents/Evacuation.sol";
import {Handover} from "../documents/Handover.sol";
import {Move} from "../documents/Move.sol";
import {MutualAbort} from "../documents/MutualAbort.sol";
import {Record} from "../documents/Record.sol";
import {Resources} from "../documents/Resources.sol";
import {Succession} from "../documents/Succession.sol";
import {ICapacityExchange} from "../exchange/ICapacityExchange.sol";
import {ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId} from "../types/CloudId.sol";
import {ResourceVector} from "../types/ResourceVector.sol";
import {VmId} from "../types/VmId.sol";

/// @notice Where a VM stands.
/// @custom:value0 Nothing is known of the VM.
/// @custom:value1 It runs at its home.
/// @custom:value2 It runs on another cloud.
/// @custom:value3 It runs where it was; a move is agreed.
/// @custom:value4 The source has started the move.
/// @custom:value5 It runs nowhere; the last host keeps its disks for the retention period.
/// @custom:value6 It is gone for good.
/// @custom:value7 It continues on the successor of this ledger.
enum VmState {
    None,
    Home,
    Abroad,
    Agreed,
    Started,
    Stopped,
    Terminated,
    Succeeded
}

/// @notice How far a move has come.
enum MoveState {
    None,
    Agreed,
    Started,
    Completed,
    Aborted,
    Expired
}

/// @notice What kind of document stands under an agreement number.
enum DocumentKind {
    None,
    Move,
    Record,
    Amendment,
    Evacuation,
    Adoption
}

/// @notice Why a move was given up.
enum AbortReason {
    None,
    Unspecified,
    Capacity,
    Incompatible,
    TransferFailed,
    Maintenance,
    Security,
    NoticeDue,
    HomeStopped
}

/// @notice Whether a cloud answers for a stretch of time as host or for the gap between two stays.
enum Duty {
    None,
    Hosting,
    Pause
}

/// @notice A VM as stored.
/// @param home Cloud that owns it.
/// @param host Cloud on which it runs; the last one while it is stopped.
/// @param site Site of the host.
/// @param nonce Rises by one with every act on the VM.
/// @param sequence Number of the current or last stay, counted from 1.
/// @param move Agreement number of the last agreed move; open while `state` is Agreed or Started.
/// @param state Where it stands.
/// @param hadLead While a move is open: the source was given the governed lead time.
/// @param mark In seconds. Agreed: last moment to start. Started: when it started. Abroad: when its loss was declared, else 0.
/// @param completeIn Agreed, Started: seconds from `mark` to the last moment to complete.
struct Vm {
    // slot 0: 4 + 4 + 2 + 4 + 4 + 4 + 1 + 1 + 5 + 3 = 32 bytes
    CloudId home;
    CloudId host;
    uint16 site;
    uint32 nonce;
    uint32 sequence;
    uint32 move;
    VmState state;
    bool hadLead;
    uint40 mark;
    uint24 completeIn;
}

/// @notice One interval of a VM on one host under one agreement.
/// @param startedAt In milliseconds.
/// @param endedAt In milliseconds; 0 while it runs.
/// @param host Cloud on which it runs.
/// @param site Site of the host.
/// @param agreement Agreement number; 0 where none (registered or restored at home).
/// @param noticeUntil In seconds: deadline of the host's notice, 0 where none was given.
/// @param noticePeriod In seconds: shortest notice the host may give.
/// @param kind What began the stay; None for registration and restoration at home.
struct Stay {
    // slot 0: 6 + 6 + 4 + 2 + 4 + 5 + 4 + 1 = 32 bytes
    uint48 startedAt;
    uint48 endedAt;
    CloudId host;
    uint16 site;
    uint32 agreement;
    uint40 noticeUntil;
    uint32 noticePeriod;
    DocumentKind kind;
}

/// @notice What a contract needs of a stay that measures it, charges for it or remembers it.
/// @param home Cloud that owns the VM.
/// @param host Cloud on which it runs.
/// @param startedAt In milliseconds.
/// @param endedAt In milliseconds; 0 while it runs.
/// @param previousEndedAt End of the stay before, in milliseconds; 0 for the first one on this ledger.
/// @param kind What began the stay.
/// @param agreement Agreement id, 0 for none.
struct StayFacts {
    CloudId home;
    CloudId host;
    uint48 startedAt;
    uint48 endedAt;
    uint48 previousEndedAt;
    DocumentKind kind;
    bytes32 agreement;
}

/// @notice How a move ended that did not complete, and for whom it counts as unfinished.
/// @param state Aborted or Expired; None for a move that is open or completed.
/// @param reason Why it was aborted.
/// @param endedAt In seconds.
/// @param unfinishedA A cloud for which it counts as unfinished, or nobody.
/// @param unfinishedB A second one, or nobody.
struct MoveOutcome {
    MoveState state;
    AbortReason reason;
    uint40 endedAt;
    CloudId unfinishedA;
    CloudId unfinishedB;
}

/// @notice A stretch of time and who answers for it.
/// @param cloud Who answers: the host; for a pause the host after it.
/// @param from Begin, inclusive, in milliseconds.
/// @param to End, exclusive, in milliseconds.
/// @param duty As host, or for a pause.
struct Responsibility {
    CloudId cloud;
    uint64 from;
    uint64 to;
    Duty duty;
}

/// @notice A line as the event of an agreed move tells it.
/// @param vm The VM.
/// @param nonce The nonce that was signed.
/// @param features Feature bits asked for.
/// @param resources Amounts promised, packed.
struct AgreedLine {
    VmId vm;
    uint32 nonce;
    uint256 features;
    ResourceVector resources;
}

/// @notice A `Move` as its event tells it: all that was signed. Whoever lost the document makes it again from this.
/// @param parties From the lowest bit: home 32, source 32, destination 32, site 16, digestKind 8.
/// @param periods From the lowest bit: windowMs 64, noticeMs 64, keepMs 64.
/// @param deadlines From the lowest bit: agreeBy 64, startBy 64, completeBy 64.
/// @param witnesses Struct hash of the witnesses.
/// @param terms Struct hash of the terms.
/// @param charter Hash of the law outside the chain.
/// @param salt The agreement's salt.
/// @param lines The lines.
struct AgreedMove {
    uint256 parties;
    uint256 periods;
    uint256 deadlines;
    bytes32 witnesses;
    bytes32 terms;
    bytes32 charter;
    bytes32 salt;
    AgreedLine[] lines;
}

/// @notice Governed time limits, in seconds. Each has hard limits that governance cannot pass.
/// @param agreeWithin Longest time between bringing an agreement and its `agreeBy`.
/// @param startWithin Longest time between agreeing and `startBy`.
/// @param completeWithin Longest time between agreeing and `completeBy`.
/// @param startLead Time a source must have been given before its silence counts as unfinished.
/// @param tolerance How far back the times of a record may lie.
/// @param lossWait Time between a declaration of loss and the evacuation.
/// @param retention How long the last host keeps the disks of a stopped VM.
struct Parameters {
    uint24 agreeWithin;
    uint24 startWithin;
    uint24 completeWithin;
    uint24 startLead;
    uint24 tolerance;
    uint24 lossWait;
    uint32 retention;
}

/// @title Interface of the migration ledger
/// @notice VMs, where they run and ran, under which agreement, and the procedures by which they move.
/// @dev Every signed time is in milliseconds since the epoch; the chain's time is `block.timestamp * 1000`. Deadlines are
/// inclusive. Signatures come in the order given at each function, each distinct cloud once.
interface IMigrationLedger {
    /* EVENTS */

    /// @notice A VM was registered; its first stay begins at home.
    /// @param vm Its id.
    /// @param home The cloud that owns it.
    /// @param localId The salted local id it was made from.
    event VmRegistered(VmId indexed vm, CloudId indexed home, bytes32 localId);

    /// @notice A stay began and with it the former one ended.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param host Where it runs.
    /// @param site Site of the host.
    /// @param agreement Agreement number, 0 for none.
    /// @param startedAt In milliseconds.
    /// @param previousEndedAt End of the former stay in milliseconds, 0 for the first one on this ledger.
    /// @param resources What was promised, packed.
    /// @param stateDigest Digest of the state that was handed over, 0 where none.
    event StayBegan(
        VmId indexed vm,
        uint32 indexed sequence,
        CloudId indexed host,
        uint16 site,
        uint32 agreement,
        uint48 startedAt,
        uint48 previousEndedAt,
        ResourceVector resources,
        bytes32 stateDigest
    );

    /// @notice A move was agreed. The document is needed again by whoever acts on the open move.
    /// @param number Agreement number: short for its id, unique on this ledger, in no order.
    /// @param agreement Agreement id.
    /// @param move Id of the move.
    /// @param document All that was signed.
    event MoveAgreed(uint32 indexed number, bytes32 indexed agreement, bytes32 indexed move, AgreedMove document);

    /// @notice The source started an agreed move.
    /// @param number Agreement number.
    event MoveStarted(uint32 indexed number);

    /// @notice A move completed: the destination may run the VMs.
    /// @param number Agreement number.
    /// @param handover Id of the handover.
    event MoveCompleted(uint32 indexed number, bytes32 indexed handover);

    /// @notice A move was given up; the VMs are as before.
    /// @param number Agreement number.
    /// @param by Who gave it up; nobody where both sides did.
    /// @param reason Why.
    /// @param unfinishedA A cloud for which it counts as unfinished, or nobody.
    event MoveAborted(uint32 indexed number, CloudId indexed by, AbortReason reason, CloudId unfinishedA);

    /// @notice A deadline of a move passed; the VMs are as before.
    /// @param number Agreement number.
    /// @param unfinishedA A cloud for which it counts as unfinished, or nobody.
    /// @param unfinishedB A second one, or nobody.
    event MoveExpired(uint32 indexed number, CloudId unfinishedA, CloudId unfinishedB);

    /// @notice A document other than a move was accepted; the stays it begins follow or precede in the same transaction.
    /// @param number Agreement number.
    /// @param agreement Agreement id.
    /// @param document Id of the signed document.
    /// @param kind What kind of document.
    /// @param noticePeriod Shortest notice the host may give, in seconds.
    event DocumentAccepted(
        uint32 indexed number,
        bytes32 indexed agreement,
        bytes32 indexed document,
        DocumentKind kind,
        uint32 noticePeriod
    );

    /// @notice A cloud withdrew its signature.
    /// @param cloud The cloud.
    /// @param document Id (EIP-712 struct hash) of the document.
    event Revoked(CloudId indexed cloud, bytes32 indexed document);

    /// @notice The host wants the VM gone.
    /// @param vm The VM.
    /// @param sequence The stay the notice is bound to.
    /// @param host Who gave it.
    /// @param until Its deadline in milliseconds.
    event NoticeGiven(VmId indexed vm, uint32 indexed sequence, CloudId indexed host, uint64 until);

    /// @notice The VM was stopped; the last host keeps its disks for the retention period.
    /// @param vm The VM.
    /// @param sequence The stay that ended.
    /// @param by The home (stop) or the host (release).
    /// @param endedAt In milliseconds.
    event VmStopped(VmId indexed vm, uint32 indexed sequence, CloudId indexed by, uint48 endedAt);

    /// @notice The home declared the VM's host gone.
    /// @param vm The VM.
    /// @param host Its host.
    /// @param declaredAt Time of the declaration, in seconds.
    event LossDeclared(VmId indexed vm, CloudId indexed host, uint40 declaredAt);

    /// @notice The host showed that it is still there.
    /// @param vm The VM.
    /// @param host Its host.
    event LossContested(VmId indexed vm, CloudId indexed host);

    /// @notice The home took its declaration back.
    /// @param vm The VM.
    /// @param host Its host.
    event LossWithdrawn(VmId indexed vm, CloudId indexed host);

    /// @notice The VM is gone for good.
    /// @param vm The VM.
    /// @param endedAt End of its last stay in milliseconds.
    event VmTerminated(VmId indexed vm, uint48 endedAt);

    /// @notice The VM continues on the successor.
    /// @param vm The VM.
    /// @param successor The ledger.
    /// @param endedAt End of its stay here, in milliseconds.
    event VmSucceeded(VmId indexed vm, address indexed successor, uint48 endedAt);

    /// @notice A VM of the predecessor was taken over.
    /// @param vm The VM.
    /// @param home The cloud that owns it.
    /// @param nonce Its nonce after the act.
    event VmAdopted(VmId indexed vm, CloudId indexed home, uint32 nonce);

    /// @notice The guardian paused new business.
    /// @param until Until when, in seconds.
    event NewPaused(uint40 until);

    /// @notice New business goes on before the pause has run out.
    event NewResumed();

    /// @notice This ledger takes no new business any more.
    event ClosedForNew();

    /// @notice Governance named the successor.
    /// @param successor The ledger.
    event SuccessorSet(address indexed successor);

    /// @notice Governed limits changed.
    /// @param parameters The limits in force from now on.
    event ParametersSet(Parameters parameters);

    /* ERRORS */

    /// @notice The VM is not known.
    /// @dev Register it, or correct the id.
    /// @param vm The VM.
    error MigrationLedger_UnknownVm(VmId vm);

    /// @notice A VM of this id is registered already.
    /// @param vm The VM.
    error MigrationLedger_AlreadyRegistered(VmId vm);

    /// @notice The VM is in a state in which this is not possible.
    /// @param vm The VM.
    /// @param found The state it is in.
    error MigrationLedger_WrongState(VmId vm, VmState found);

    /// @notice The VM runs at its home: there is no foreign host that could give notice, release, or be stopped.
    /// @param vm The VM.
    error MigrationLedger_NotAbroad(VmId vm);

    /// @notice The cloud's status does not allow this part.
    /// @param cloud The cloud.
    /// @param status Its status, as the number of `CloudStatus`.
    error MigrationLedger_StatusForbids(CloudId cloud, uint8 status);

    /// @notice New business is paused until the given time in seconds.
    /// @param until Until when, in seconds.
    error MigrationLedger_NewPaused(uint40 until);

    /// @notice This ledger takes no new business; use the successor.
    /// @param successor The ledger that governance has set, or zero.
    error MigrationLedger_Closed(address successor);

    /// @notice This ledger takes no new business before its predecessor is closed: both would promise the same room.
    /// @param predecessor The ledger before, which governance has to close.
    error MigrationLedger_PredecessorOpen(address predecessor);

    /// @notice An agreement has 1 to 16 lines.
    /// @param count How many were given.
    error MigrationLedger_LineCount(uint256 count);

    /// @notice Lines must be in strictly ascending order of their VM's id: no VM twice.
    /// @param previous The line before.
    /// @param next The line that is not above it.
    error MigrationLedger_LinesNotAscending(VmId previous, VmId next);

    /// @notice A line promises nothing.
    /// @param vm The VM.
    error MigrationLedger_EmptyResources(VmId vm);

    /// @notice Source and destination of a move are the same cloud.
    /// @param cloud The cloud.
    error MigrationLedger_HostIsDestination(CloudId cloud);

    /// @notice An amendment names the host both as source and destination.
    /// @param source The source named.
    /// @param destination The destination named.
    error MigrationLedger_NotSameHost(CloudId source, CloudId destination);

    /// @notice An amendment concerns VMs on another cloud; this one runs at home.
    /// @param vm The VM.
    error MigrationLedger_AtHome(VmId vm);

    /// @notice The document names another home than the VM's.
    /// @param vm The VM.
    /// @param home Its home.
    /// @param named What the document names.
    error MigrationLedger_WrongHome(VmId vm, CloudId home, CloudId named);

    /// @notice The document names another host than the VM's.
    /// @param vm The VM.
    /// @param host Its host.
    /// @param named What the document names.
    error MigrationLedger_WrongHost(VmId vm, CloudId host, CloudId named);

    /// @notice Something has happened to the VM since the document was made.
    /// @param vm The VM.
    /// @param nonce Its nonce.
    /// @param named What the document names.
    error MigrationLedger_StaleNonce(VmId vm, uint32 nonce, uint32 named);

    /// @notice The VM's loss is declared.
    /// @param vm The VM.
    /// @param declaredAt When, in seconds.
    error MigrationLedger_DeclaredLost(VmId vm, uint40 declaredAt);

    /// @notice The VM's loss is not declared.
    /// @param vm The VM.
    error MigrationLedger_NotDeclaredLost(VmId vm);

    /// @notice The document came after its time.
    /// @param deadline The deadline, in milliseconds.
    /// @param time The block's time, in milliseconds.
    error MigrationLedger_TooLate(uint64 deadline, uint64 time);

    /// @notice The time has not come yet.
    /// @param earliest The earliest allowed, in milliseconds.
    /// @param time The block's time, in milliseconds.
    error MigrationLedger_TooEarly(uint64 earliest, uint64 time);

    /// @notice A deadline lies further in the future than governance allows.
    /// @param deadline The deadline, in milliseconds.
    /// @param latest The latest allowed, in milliseconds.
    error MigrationLedger_TooFar(uint64 deadline, uint64 latest);

    /// @notice Deadlines must satisfy agreeBy <= startBy <= completeBy.
    /// @param agreeBy As named, in milliseconds.
    /// @param startBy As named, in milliseconds.
    /// @param completeBy As named, in milliseconds.
    error MigrationLedger_DeadlinesUnordered(uint64 agreeBy, uint64 startBy, uint64 completeBy);

    /// @notice The notice period must be 1 hour to 90 days.
    /// @param noticeMs The period named, in milliseconds.
    error MigrationLedger_NoticePeriod(uint64 noticeMs);

    /// @notice The SLA window must be longer than zero.
    error MigrationLedger_NoWindow();

    /// @notice Unknown kind of digest.
    /// @param kind The kind named.
    error MigrationLedger_DigestKind(uint8 kind);

    /// @notice Another number of signatures is needed.
    /// @param needed How many are needed.
    /// @param given How many were given.
    error MigrationLedger_SignatureCount(uint256 needed, uint256 given);

    /// @notice A signer has withdrawn its signature.
    /// @param cloud The cloud.
    /// @param document Id of the document.
    error MigrationLedger_Revoked(CloudId cloud, bytes32 document);

    /// @notice The document is not the one under which the VM is moving.
    /// @param agreement The agreement id given.
    /// @param open The agreement id of its open move.
    error MigrationLedger_NotTheOpenMove(bytes32 agreement, bytes32 open);

    /// @notice The deadlines of the document are not those that were agreed.
    /// @param startBy As named, in milliseconds.
    /// @param completeBy As named, in milliseconds.
    error MigrationLedger_OtherDeadlines(uint64 startBy, uint64 completeBy);

    /// @notice The signed paper belongs to another move.
    /// @param move Id of the move given.
    /// @param named What the document names.
    error MigrationLedger_OtherMove(bytes32 move, bytes32 named);

    /// @notice There must be one receipt for each line.
    /// @param lines Number of lines.
    /// @param receipts Number of receipts.
    error MigrationLedger_ReceiptCount(uint256 lines, uint256 receipts);

    /// @notice Receipts must be in the order of the lines.
    /// @param line The VM of the line.
    /// @param receipt The VM of the receipt.
    error MigrationLedger_ReceiptOrder(VmId line, VmId receipt);

    /// @notice A receipt's time lies outside what is possible.
    /// @param vm The VM.
    /// @param time The receipt's time, in milliseconds.
    /// @param earliest The earliest allowed, in milliseconds.
    /// @param latest The latest allowed, in milliseconds.
    error MigrationLedger_TimeOutOfRange(VmId vm, uint64 time, uint64 earliest, uint64 latest);

    /// @notice The cloud has no part in the move.
    /// @param cloud The cloud.
    error MigrationLedger_NotAParty(CloudId cloud);

    /// @notice A reason must be given.
    error MigrationLedger_NoReason();

    /// @notice The reason does not exist.
    /// @param reason The number given.
    error MigrationLedger_UnknownReason(uint8 reason);

    /// @notice The notice is shorter than the agreement's.
    /// @param vm The VM.
    /// @param until The deadline given, in milliseconds.
    /// @param earliest The earliest allowed, in milliseconds.
    error MigrationLedger_NoticeTooShort(VmId vm, uint64 until, uint64 earliest);

    /// @notice Notice has been given for this stay already.
    /// @param vm The VM.
    /// @param until Until when, in seconds.
    error MigrationLedger_NoticeGiven(VmId vm, uint40 until);

    /// @notice No notice was given for this stay.
    /// @param vm The VM.
    error MigrationLedger_NoNotice(VmId vm);

    /// @notice The VM is not part of the move.
    /// @param vm The VM.
    error MigrationLedger_NotInMove(VmId vm);

    /// @notice The VM belongs to no predecessor of this ledger, or did not choose this ledger.
    /// @param vm The VM.
    error MigrationLedger_NotSucceeding(VmId vm);

    /// @notice No successor, or another one, is named.
    /// @param successor The ledger that governance has set, or zero.
    /// @param named What the document names.
    error MigrationLedger_WrongSuccessor(address successor, address named);

    /// @notice A parameter lies outside its hard limits.
    /// @param name The parameter.
    /// @param value The value given.
    /// @param least The least allowed.
    /// @param most The most allowed.
    error MigrationLedger_ParameterOutOfRange(string name, uint256 value, uint256 least, uint256 most);

    /// @notice The guardian may pause once in 30 days.
    /// @param next First moment at which it may pause again, in seconds.
    error MigrationLedger_PausedRecently(uint40 next);

    /// @notice New business is not paused.
    error MigrationLedger_NotPaused();

    /// @notice The gas did not suffice to find out whether the move can be agreed.
    error MigrationLedger_NoAnswer();

    /// @notice A time of the future was asked for.
    /// @param time The time asked for, in milliseconds.
    /// @param now_ The block's time, in milliseconds.
    error MigrationLedger_TimeInFuture(uint64 time, uint64 now_);

    /// @notice The asked interval is empty or reversed.
    /// @param from Its begin, in milliseconds.
    /// @param to Its end, in milliseconds.
    error MigrationLedger_EmptyInterval(uint64 from, uint64 to);

    /// @notice There is no such stay.
    /// @param vm The VM.
    /// @param sequence The number asked for.
    error MigrationLedger_UnknownStay(VmId vm, uint32 sequence);

    /// @notice The cloud has own VMs abroad or in an open move, or sites at which foreign VMs are hosted or agreed.
    /// @dev Bring own VMs home, abort open moves, and end the stays of foreign VMs first.
    /// @param cloud The cloud.
    /// @param ledger The ledger on which it has them: this one or its predecessor.
    /// @param away Number of own VMs abroad or in an open move.
    /// @param sitesInUse Number of its sites at which capacity is committed.
    error MigrationLedger_HasObligations(CloudId cloud, address ledger, uint256 away, uint256 sitesInUse);

    /// @notice An amendment leaves a VM at its site.
    /// @param vm The VM.
    /// @param site Its site.
    /// @param named What the document names.
    error MigrationLedger_WrongSite(VmId vm, uint16 site, uint16 named);

    /// @notice VMs have gone to the successor already: it cannot be changed any more.
    /// @param successor The ledger that governance has set, or zero.
    error MigrationLedger_SuccessorInUse(address successor);

    /// @notice A part of the ledger's code was deployed for another registry, exchange or predecessor.
    /// @param part The part.
    error MigrationLedger_WrongPart(address part);

    /* REGISTRATION */

    /// @notice Registers a VM at its home; its first stay begins now.
    /// @param home The cloud that owns it: Active, its account or an agent with MOVE_OUT sends.
    /// @param localId The home's own id of the VM, salted and hashed so that nobody can guess it.
    /// @param resources What it has at home.
    /// @return vm Its id.
    function register(CloudId home, bytes32 localId, Resources calldata resources) external returns (VmId vm);

    /* MOVES */

    /// @notice Agrees a move. Anyone may bring it.
    /// @param document The move.
    /// @param signatures Of home, then destination.
    /// @return number Agreement number.
    function agree(Move calldata document, bytes[] calldata signatures) external returns (uint32 number);

    /// @notice The source starts an agreed move, until `startBy`. Its account or an agent with HOST sends.
    /// @param document The move.
    function start(Move calldata document) external;

    /// @notice Completes a started move, until `completeBy`: the switch. Anyone may bring it.
    /// @param document The move.
    /// @param handover What was handed over.
    /// @param signatures Of destination, then source.
    function complete(Move calldata document, Handover calldata handover, bytes[] calldata signatures) external;

    /// @notice A party gives up an open move; the VMs are as before.
    /// @param document The move.
    /// @param by Home (account or MOVE_OUT), source or destination (account or HOST).
    /// @param reason Why.
    function abort(Move calldata document, CloudId by, AbortReason reason) external;

    /// @notice Source and destination give up an open move together: it counts for nobody. Anyone may bring it.
    /// @param document The move.
    /// @param consent What they signed.
    /// @param signatures Of source, then destination.
    function abortMutually(Move calldata document, MutualAbort calldata consent, bytes[] calldata signatures) external;

    /// @notice Ends a move whose deadline has passed: `startBy` if not started, `completeBy` if started. Anyone may.
    /// @param document The move.
    function expire(Move calldata document) external;

    /* RECORDS AND AMENDMENTS */

    /// @notice Records a migration that already happened. Anyone may bring it.
    /// @param document The record.
    /// @param signatures Of home, source, destination, each distinct cloud once.
    /// @return number Agreement number.
    function record(Record calldata document, bytes[] calldata signatures) external returns (uint32 number);

    /// @notice New resources or terms for VMs on the same host. Anyone may bring it.
    /// @param document The amendment.
    /// @param signatures Of home, then host.
    /// @return number Agreement number.
    function amend(Amendment calldata document, bytes[] calldata signatures) external returns (uint32 number);

    /// @notice Withdraws a cloud's signature under a document that is not accepted yet.
    /// @param by The cloud: its account or an agent with MOVE_OUT or HOST sends.
    /// @param document Id (EIP-712 struct hash) of the document.
    function revoke(CloudId by, bytes32 document) external;

    /* NOTICE, RELEASE, STOP */

    /// @notice The host gives notice for VMs it runs, 1 to 16. Its account or an agent with HOST sends.
    /// @param vms The VMs, all on the same host.
    /// @param until Deadline in milliseconds, not sooner than each agreement's notice period.
    function giveNotice(VmId[] calldata vms, uint64 until) external;

    /// @notice The host ends the stay of a VM that is abroad after its notice has run out.
    /// @param vm The VM.
    function release(VmId vm) external;

    /// @notice The same for a VM whose move is agreed but not started: the move is aborted for all its VMs.
    /// @param vm The VM.
    /// @param document The move.
    function releaseFromMove(VmId vm, Move calldata document) external;

    /// @notice The home ends the stay of a VM that is abroad. Its account or an agent with MOVE_OUT sends.
    /// @param vm The VM.
    function stop(VmId vm) external;

    /// @notice The same for a VM whose move is agreed but not started: the move is aborted for all its VMs.
    /// @param vm The VM.
    /// @param document The move.
    function stopFromMove(VmId vm, Move calldata document) external;

    /// @notice The home takes a stopped VM up again, at home.
    /// @param vm The VM.
    function restore(VmId vm) external;

    /// @notice The home's account ends a VM for good: at home, or stopped and after the retention period.
    /// @param vm The VM.
    function terminate(VmId vm) external;

    /* LOSS */

    /// @notice The home declares that the host of its VM is gone.
    /// @param vm The VM.
    function declareLost(VmId vm) external;

    /// @notice The host, if Active, shows that it is still there.
    /// @param vm The VM.
    function contestLoss(VmId vm) external;

    /// @notice The home takes its declaration back.
    /// @param vm The VM.
    function withdrawLoss(VmId vm) external;

    /// @notice Takes VMs of a lost host up elsewhere, after the governed wait (none if the host is Suspended or
    /// Expelled) and at most 24 hours after the declaration. Anyone may bring it.
    /// @param document The evacuation.
    /// @param signatures Of home, then destination.
    /// @return number Agreement number.
    function evacuate(Evacuation calldata document, bytes[] calldata signatures) external returns (uint32 number);

    /* SUCCESSION AND LEAVING */

    /// @notice Ends a VM here so that it continues on the successor. Anyone may bring it.
    /// @param document The succession.
    /// @param signatures Of home, then host.
    function succeedVm(Succession calldata document, bytes[] calldata signatures) external;

    /// @notice Takes over a VM that its predecessor ended by `succeedVm`. Anyone may call.
    /// @param vm The VM.
    function adopt(VmId vm) external;

    /// @notice A cloud leaves the federation. Its account sends. It must host no foreign VM, have no own VM abroad and
    /// no open move, here and on all ledgers before. Once a successor is named, clouds leave through that one.
    /// @param cloud The cloud.
    function leave(CloudId cloud) external;

    /* GOVERNANCE */

    /// @notice Refuses new business for good; exits go on. Restricted.
    function closeForNew() external;

    /// @notice Names the ledger that may take over VMs. Restricted.
    /// @param successor The ledger.
    function setSuccessor(address successor) external;

    /// @notice Refuses new business for 72 hours at most, once in 30 days. Restricted to the guardian.
    /// @param duration In seconds.
    function pauseNew(uint40 duration) external;

    /// @notice Ends a pause early. Restricted.
    function resumeNew() external;

    /// @notice Sets the governed limits. Restricted.
    /// @param parameters The limits in force from now on.
    function setParameters(Parameters calldata parameters) external;

    /* QUESTIONS */

    /// @notice The id a VM has or would have.
    /// @param home The cloud that owns it.
    /// @param localId The salted hash under which the home knows it.
    function vmIdOf(CloudId home, bytes32 localId) external view returns (VmId);

    /// @notice A VM as stored, and its resources. Reverts for an unknown one.
    /// @param vm The VM.
    function vmOf(VmId vm) external view returns (Vm memory, Resources memory);

    /// @notice What a VM was promised, packed: at home, what it has there.
    /// @param vm The VM.
    function resourcesOf(VmId vm) external view returns (ResourceVector);

    /// @notice Where a VM ran at a time.
    /// @dev Final for times older than the tolerance, and before the start of an open move. O(log n) in the stays.
    /// @param vm The VM.
    /// @param time In milliseconds, not in the future.
    /// @return The host, or nobody: before registration, in a pause, while stopped.
    function hostAt(VmId vm, uint64 time) external view returns (CloudId);

    /// @notice Stays by their number.
    /// @param vm The VM.
    /// @param from First sequence wanted, from 1.
    /// @param count At most so many.
    function stays(VmId vm, uint32 from, uint32 count) external view returns (Stay[] memory);

    /// @notice What a contract needs of a stay that measures it, charges for it or remembers it.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    function stayOf(VmId vm, uint32 sequence) external view returns (StayFacts memory);

    /// @notice Under which agreement a stay runs or ran.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @return number Agreement number, 0 for none.
    /// @return agreement Agreement id, 0 for none.
    function agreementOf(VmId vm, uint32 sequence) external view returns (uint32 number, bytes32 agreement);

    /// @notice Agreement id under a number; 0 if there is none.
    /// @param number Agreement number.
    function agreementAt(uint32 number) external view returns (bytes32);

    /// @notice Who answered for a VM in an interval, in order; times in which nobody did (stopped,
    /// or lost until the evacuation) are left out.
    /// @param vm The VM.
    /// @param from In milliseconds, inclusive.
    /// @param to In milliseconds, exclusive, not in the future.
    function responsibleDuring(VmId vm, uint64 from, uint64 to) external view returns (Responsibility[] memory);

    /// @notice The first refusal that `agree` would give for a document, its signatures left aside.
    /// @param document The move.
    /// @return refusal Revert data of the very error; empty if there is none.
    function canAgree(Move calldata document) external view returns (bytes memory refusal);

    /// @notice Reverts with the first refusal that `agree` would give, its signatures left aside.
    /// @param document The move.
    function checkAgree(Move calldata document) external view;

    /// @notice The first refusal for VMs at a site as committed now.
    /// @param cloud The cloud.
    /// @param site Its site.
    /// @param demands Resources and features of each VM.
    /// @return refusal Revert data of the very error; empty if there is none.
    function canHost(
        CloudId cloud,
        uint16 site,
        ICapacityExchange.Demand[] calldata demands
    ) external view returns (bytes memory refusal);

    /// @notice Capacity promised to foreign VMs at a site, hosted or agreed.
    /// @param cloud The cloud.
    /// @param site Its site.
    function committedOf(CloudId cloud, uint16 site) external view returns (Resources memory);

    /// @notice The same, packed.
    /// @param cloud The cloud.
    /// @param site Its site.
    function committedVectorOf(CloudId cloud, uint16 site) external view returns (ResourceVector);

    /// @notice How a move ended that did not complete.
    /// @param number Agreement number.
    function outcomeOf(uint32 number) external view returns (MoveOutcome memory);

    /// @notice What keeps a cloud from leaving.
    /// @param cloud The cloud.
    /// @return away Number of own VMs that are abroad or in an open move.
    /// @return sitesInUse Number of its sites at which capacity is committed to foreign VMs.
    function obligationsOf(CloudId cloud) external view returns (uint256 away, uint256 sitesInUse);

    /// @notice Whether a cloud has withdrawn its signature under a document.
    /// @param cloud The cloud.
    /// @param document Id (EIP-712 struct hash) of the document.
    function isRevoked(CloudId cloud, bytes32 document) external view returns (bool);

    /// @notice Governed limits in force.
    function parameters() external view returns (Parameters memory);

    /// @notice Until when new business is paused, in seconds; 0 or past if it is not.
    function newPausedUntil() external view returns (uint40);

    /// @notice Whether this ledger takes new business at all.
    function isClosed() external view returns (bool);

    /// @notice The ledger that may take over VMs, or zero.
    function successor() external view returns (address);

    /// @notice The ledger from which VMs may be taken over, or zero.
    function predecessor() external view returns (IMigrationLedger);

    /// @notice The registry of clouds.
    function registry() external view returns (ICloudRegistry);

    /// @notice The exchange of capacity.
    function exchange() external view returns (ICapacityExchange);
}
