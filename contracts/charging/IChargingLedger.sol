// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Agreement} from "../documents/Agreement.sol";
import {JointSettlement} from "../documents/JointSettlement.sol";
import {Note} from "../documents/Note.sol";
import {Price} from "../documents/Price.sol";
import {SaltedMetrics} from "../documents/SaltedMetrics.sol";
import {Sla} from "../documents/Sla.sol";
import {IMigrationLedger} from "../ledger/IMigrationLedger.sol";
import {ISlaOracle} from "../oracle/ISlaOracle.sol";
import {ICloudRegistry} from "../registry/ICloudRegistry.sol";
import {CloudId} from "../types/CloudId.sol";
import {Currency} from "../types/Currency.sol";
import {VmId} from "../types/VmId.sol";

/// @notice What is booked of a stay's charge: all of it up to `settledThrough`, less what notes have replaced.
/// @param rate Price of all its resources together, in 1e-12 currency units per hour; known once it was settled.
/// @param currency Currency of its price; zero until it was settled.
/// @param settledThrough Up to when it is charged, in milliseconds; 0 if it never was settled.
/// @param replacedThrough Up to when a note stands for the charge, in milliseconds; 0 if none does.
struct StayAccount {
    // slot 0: 13 + 3 + 6 + 6 = 28 bytes
    uint104 rate;
    Currency currency;
    uint48 settledThrough;
    uint48 replacedThrough;
}

/// @title Interface of the charging ledger
/// @notice Who owes whom how much, in double entry: every line names a creditor, a debtor, a currency and an amount, and
/// moves the one balance of the two. Charges and credits are pure functions of what the migration ledger and the oracle
/// know, and of the price and the SLA that a party opens; notes are what both sides sign; payments happen outside and are
/// acknowledged by who was paid.
/// @dev Amounts are in 1e-9 currency units, times in milliseconds, deadlines inclusive. A cloud's status never matters
/// here. Whoever settles opens the price to the chain; parties that settle outside post notes only.
interface IChargingLedger {
    /* EVENTS */

    /// @notice The charge booked of a stay changed.
    /// @param vm The VM.
    /// @param creditor Its host.
    /// @param debtor Its home.
    /// @param sequence Number of the stay.
    /// @param currency Currency of its price.
    /// @param amount What the debtor owes more from now on; negative where less is charged than before.
    /// @param startedAt Start of the stay.
    /// @param settledThrough Up to when it is charged now.
    /// @param replacedThrough Up to when a note stands for the charge now.
    /// @param rate Price of all its resources together, in 1e-12 currency units per hour.
    event StaySettled(
        VmId indexed vm,
        CloudId indexed creditor,
        CloudId indexed debtor,
        uint32 sequence,
        Currency currency,
        int128 amount,
        uint48 startedAt,
        uint48 settledThrough,
        uint48 replacedThrough,
        uint104 rate
    );

    /// @notice The credit booked for a window changed.
    /// @param vm The VM.
    /// @param creditor Its home.
    /// @param debtor Its host.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param currency Currency of the price.
    /// @param amount What the debtor owes more from now on; negative where a credit is taken back.
    /// @param credit What is given back for the window now, in all.
    /// @param from Begin of the window.
    /// @param to Its end, cut at the stay's end.
    /// @param creditBps Share of the window's charge, in hundredths of a percent.
    /// @param missed Bit i: metric i was missed.
    event CreditSettled(
        VmId indexed vm,
        CloudId indexed creditor,
        CloudId indexed debtor,
        uint32 sequence,
        uint32 window,
        Currency currency,
        int128 amount,
        uint96 credit,
        uint48 from,
        uint48 to,
        uint16 creditBps,
        uint8 missed
    );

    /// @notice A note was posted.
    /// @param note Its id.
    /// @param creditor Cloud to which more is owed from now on.
    /// @param debtor Cloud that owes it.
    /// @param currency The currency.
    /// @param amount How much more.
    /// @param refersTo The line it corrects, or the round of its netting; zero for neither.
    /// @param vm VM of the stay whose charge it replaces; zero for none.
    /// @param sequence Number of that stay.
    /// @param through Up to when.
    /// @param reason What it is for.
    event NotePosted(
        bytes32 indexed note,
        CloudId indexed creditor,
        CloudId indexed debtor,
        Currency currency,
        uint96 amount,
        bytes32 refersTo,
        VmId vm,
        uint32 sequence,
        uint64 through,
        uint16 reason
    );

    /// @notice A creditor says that it was paid.
    /// @param creditor Who was paid.
    /// @param debtor Who paid.
    /// @param payment The creditor's reference of the payment.
    /// @param currency The currency.
    /// @param amount What the debtor owes less from now on.
    event PaymentAcknowledged(
        CloudId indexed creditor,
        CloudId indexed debtor,
        bytes32 indexed payment,
        Currency currency,
        uint96 amount
    );

    /// @notice A cloud withdrew its signature under a note or a joint settlement.
    /// @param cloud The cloud.
    /// @param document Id (EIP-712 struct hash) of the document.
    event SignatureWithdrawn(CloudId indexed cloud, bytes32 indexed document);

    /* ERRORS */

    /// @notice A stay at home costs nothing.
    /// @dev Nothing needs to be done: home and host are one cloud.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    error ChargingLedger_AtHome(VmId vm, uint32 sequence);

    /// @notice The cloud that settles is neither home nor host of the stay.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param cloud The cloud.
    error ChargingLedger_NotAParty(VmId vm, uint32 sequence, CloudId cloud);

    /// @notice The agreement is not the one under which the stay runs.
    /// @param given Id of the agreement that was brought.
    /// @param wanted Id of the stay's agreement.
    error ChargingLedger_WrongAgreement(bytes32 given, bytes32 wanted);

    /// @notice Price and SLA are not those of the agreement.
    /// @param given Hash of the terms that were brought.
    /// @param wanted Hash of the agreement's terms.
    error ChargingLedger_WrongTerms(bytes32 given, bytes32 wanted);

    /// @notice The price asks for a settlement by home and host together.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    error ChargingLedger_JointOnly(VmId vm, uint32 sequence);

    /// @notice The time is not after the stay's start: nothing can be charged.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param to The time.
    /// @param startedAt Start of the stay.
    error ChargingLedger_BeforeStay(VmId vm, uint32 sequence, uint64 to, uint48 startedAt);

    /// @notice Nothing is charged in advance.
    /// @param to The time that was given.
    /// @param time The chain's time.
    error ChargingLedger_InFuture(uint64 to, uint48 time);

    /// @notice The stay ended before this window began.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param endedAt End of the stay.
    error ChargingLedger_NoSuchWindow(VmId vm, uint32 sequence, uint32 window, uint48 endedAt);

    /// @notice The window has not ended yet.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param endsAt Its end.
    error ChargingLedger_WindowNotOver(VmId vm, uint32 sequence, uint32 window, uint256 endsAt);

    /// @notice Where only both together settle, a credit comes after the charge of its window.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @param settledThrough Up to when the stay is settled.
    error ChargingLedger_NotYetSettled(VmId vm, uint32 sequence, uint32 window, uint48 settledThrough);

    /// @notice A deadline that was signed has passed.
    /// @param validUntil The deadline.
    /// @param time The chain's time.
    error ChargingLedger_TooLate(uint64 validUntil, uint48 time);

    /// @notice There are too few or too many signatures.
    /// @param wanted How many there should be.
    /// @param given How many there are.
    error ChargingLedger_SignatureCount(uint256 wanted, uint256 given);

    /// @notice A signer has withdrawn its signature.
    /// @param cloud The signer.
    /// @param document Id of the document.
    error ChargingLedger_Withdrawn(CloudId cloud, bytes32 document);

    /// @notice No notes, or more than can be posted at once.
    /// @param count How many.
    error ChargingLedger_NoteCount(uint256 count);

    /// @notice The note was posted before.
    /// @param note Its id.
    error ChargingLedger_NoteAlreadyPosted(bytes32 note);

    /// @notice A cloud cannot owe itself.
    /// @param cloud The cloud.
    error ChargingLedger_SameCloud(CloudId cloud);

    /// @notice A line is about more than nothing.
    error ChargingLedger_NoAmount();

    /// @notice A payment needs a reference.
    error ChargingLedger_NoPaymentReference();

    /// @notice The cloud is not known.
    /// @param cloud The cloud.
    error ChargingLedger_UnknownCloud(CloudId cloud);

    /// @notice A note names VM, stay and time, or none of them.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param through The time.
    error ChargingLedger_StayHalfNamed(VmId vm, uint32 sequence, uint64 through);

    /// @notice The stay that a note names is not between its creditor and its debtor.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param home Its home.
    /// @param host Its host.
    error ChargingLedger_NotTheirStay(VmId vm, uint32 sequence, CloudId home, CloudId host);

    /// @notice A note replaces the charge up to a time within the stay, and not in advance.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param through The time.
    /// @param startedAt Start of the stay: it must be later.
    /// @param latest End of the stay, or the chain's time: it must not be later.
    error ChargingLedger_OutsideStay(VmId vm, uint32 sequence, uint64 through, uint48 startedAt, uint48 latest);

    /// @notice A note of a netting counts with all notes of its round only, in their order.
    /// @param note Its id.
    /// @param refersTo The round it was signed for.
    /// @param round The round that was brought.
    error ChargingLedger_NotItsRound(bytes32 note, bytes32 refersTo, bytes32 round);

    /// @notice The creditor acknowledged a payment with this reference before.
    /// @param creditor The creditor.
    /// @param payment The reference.
    error ChargingLedger_AlreadyAcknowledged(CloudId creditor, bytes32 payment);

    /* CHARGES */

    /// @notice Charges a stay up to a time, or to its end where that is earlier. Home or host sends (account or agent with
    /// REPORT), unless the price asks for both. Posts the difference to what is booked: nothing if that is all, a negative
    /// amount where the stay's end was moved back. Any order, any number of times, comes to the same.
    /// @param vm The VM.
    /// @param sequence Number of the stay, on another cloud than home.
    /// @param to Up to when: after the stay's start, not in the future.
    /// @param by Who settles: home or host.
    /// @param agreement The stay's agreement.
    /// @param price The price of its terms.
    /// @param sla Struct hash of the SLA of its terms.
    function settle(
        VmId vm,
        uint32 sequence,
        uint64 to,
        CloudId by,
        Agreement calldata agreement,
        Price calldata price,
        bytes32 sla
    ) external;

    /// @notice The same where home and host have signed together. Anyone may bring it, whatever the price asks for.
    /// @param document What they signed.
    /// @param agreement The stay's agreement.
    /// @param price The price of its terms.
    /// @param sla Struct hash of the SLA of its terms.
    /// @param signatures Of home, then host: accounts or agents with REPORT.
    function settleJointly(
        JointSettlement calldata document,
        Agreement calldata agreement,
        Price calldata price,
        bytes32 sla,
        bytes[] calldata signatures
    ) external;

    /// @notice Credits a window by its final result: floor(charge of the window * share / 10,000), of that part of the
    /// window whose charge no note has replaced. Home or host sends (account or agent with REPORT). Posts the difference to
    /// what is booked for the window: nothing the second time; after a note, after the stay's end was moved back, or once
    /// window 0 has a result, as much as it changes. Works before the charge is settled, unless the price asks for both.
    /// @dev Window 0 needs no result where the pause before the stay exceeds its budget, and none that is Disputed.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window, from 0.
    /// @param by Who settles: home or host.
    /// @param agreement The stay's agreement.
    /// @param price The price of its terms.
    /// @param sla The SLA of its terms.
    /// @param result The window's result: opened where it was agreed, as it stands with a salt of zero otherwise.
    function settleCredit(
        VmId vm,
        uint32 sequence,
        uint32 window,
        CloudId by,
        Agreement calldata agreement,
        Price calldata price,
        Sla calldata sla,
        SaltedMetrics calldata result
    ) external;

    /* NOTES */

    /// @notice Posts notes, all or none. Anyone may bring them. A note that names a stay replaces the stay's charge up to
    /// `through`: what is booked of it is taken back, and it is not charged again.
    /// @dev `refersTo` is kept as it is, but of a netting it must be the round that is brought: nobody can post only those
    /// notes that suit it.
    /// @param notes 1 to 16 notes.
    /// @param signatures For each note of the creditor's, then the debtor's account. No agent can sign a note.
    function postNotes(Note[] calldata notes, bytes[] calldata signatures) external;

    /// @notice A cloud withdraws its signature under a note or a joint settlement that was not brought yet.
    /// @param cloud The cloud: its account sends, or an agent with REPORT.
    /// @param document Id (EIP-712 struct hash) of the document.
    function withdrawSignature(CloudId cloud, bytes32 document) external;

    /* PAYMENTS */

    /// @notice The creditor's account says that it was paid. Once for each reference.
    /// @param creditor Who was paid.
    /// @param debtor Who paid: any cloud but the creditor.
    /// @param currency ISO 4217 code.
    /// @param amount More than zero. It may be more than is owed: the creditor then owes the rest.
    /// @param payment The creditor's reference of the payment, not zero.
    function acknowledge(
        CloudId creditor,
        CloudId debtor,
        string calldata currency,
        uint96 amount,
        bytes32 payment
    ) external;

    /* QUESTIONS */

    /// @notice What one cloud owes another; negative where it is the other way round.
    /// @param creditor To whom.
    /// @param debtor Who.
    /// @param currency The currency.
    /// @return In 1e-9 currency units: the negative of what the two get when they are exchanged.
    function balanceOf(CloudId creditor, CloudId debtor, Currency currency) external view returns (int256);

    /// @notice What is booked of a stay's charge.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @return account Rate, currency and times.
    /// @return posted What its host has booked for it, in 1e-9 currency units.
    function chargeOf(VmId vm, uint32 sequence) external view returns (StayAccount memory account, uint96 posted);

    /// @notice What is booked as credit for a window.
    /// @param vm The VM.
    /// @param sequence Number of the stay.
    /// @param window Number of the window.
    /// @return In 1e-9 units of the stay's currency.
    function creditOf(VmId vm, uint32 sequence, uint32 window) external view returns (uint96);

    /// @notice Whether a note was posted.
    /// @param note Its id.
    function isPosted(bytes32 note) external view returns (bool);

    /// @notice Whether a cloud has withdrawn its signature under a document.
    /// @param cloud The cloud.
    /// @param document Id of the document.
    function isWithdrawn(CloudId cloud, bytes32 document) external view returns (bool);

    /// @notice Whether a creditor acknowledged a payment.
    /// @param creditor The creditor.
    /// @param payment Its reference.
    function isAcknowledged(CloudId creditor, bytes32 payment) external view returns (bool);

    /// @notice The oracle whose results count here.
    function oracle() external view returns (ISlaOracle);

    /// @notice The migration ledger whose stays are charged here.
    function ledger() external view returns (IMigrationLedger);

    /// @notice The registry of clouds.
    function registry() external view returns (ICloudRegistry);
}
