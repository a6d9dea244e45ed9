import { DocumentKind, MoveState, NoteReason, VmState } from "../chain/enums.js";
import type { ContractName } from "./abi.js";

/**
 * The index's tables. `events` are the logs as the node gave them, in their order; all other tables follow from them and
 * are made again from them. An event's id is its block's number times 2^20 plus its position in the block.
 */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS checkpoints (block INTEGER PRIMARY KEY, hash TEXT NOT NULL, time INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, event INTEGER NOT NULL, topics TEXT NOT NULL, data TEXT NOT NULL, tx TEXT NOT NULL
  );
`;

/**
 * Tables that follow from the events. A VM is known by a short number of the index's own in all of them but `vms`: what is
 * looked up with every event is small.
 */
export const DERIVED_SCHEMA = `
  CREATE TABLE IF NOT EXISTS vms (
    id INTEGER PRIMARY KEY, vm TEXT NOT NULL UNIQUE, home INTEGER NOT NULL, host INTEGER NOT NULL, site INTEGER NOT NULL,
    state INTEGER NOT NULL, sequence INTEGER, move INTEGER NOT NULL DEFAULT 0, lost_at INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE IF NOT EXISTS stays (
    vm INTEGER NOT NULL, sequence INTEGER NOT NULL, host INTEGER NOT NULL, site INTEGER NOT NULL,
    agreement INTEGER NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL DEFAULT 0, resources TEXT NOT NULL,
    state_digest TEXT NOT NULL, notice_until INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (vm, sequence)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS agreements (
    number INTEGER PRIMARY KEY, agreement TEXT NOT NULL, document TEXT NOT NULL, kind INTEGER NOT NULL,
    state INTEGER NOT NULL, home INTEGER NOT NULL DEFAULT 0, source INTEGER NOT NULL DEFAULT 0,
    destination INTEGER NOT NULL DEFAULT 0, site INTEGER NOT NULL DEFAULT 0, start_by INTEGER NOT NULL DEFAULT 0,
    complete_by INTEGER NOT NULL DEFAULT 0, handover TEXT NOT NULL DEFAULT '', aborted_by INTEGER NOT NULL DEFAULT 0,
    reason INTEGER NOT NULL DEFAULT 0, unfinished_a INTEGER NOT NULL DEFAULT 0, unfinished_b INTEGER NOT NULL DEFAULT 0,
    event INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS lines (
    number INTEGER NOT NULL, vm INTEGER NOT NULL, nonce INTEGER NOT NULL, PRIMARY KEY (number, vm)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS bookings (
    event INTEGER PRIMARY KEY, kind INTEGER NOT NULL, creditor INTEGER NOT NULL, debtor INTEGER NOT NULL,
    currency TEXT NOT NULL, sign INTEGER NOT NULL, limb0 INTEGER NOT NULL, limb1 INTEGER NOT NULL,
    limb2 INTEGER NOT NULL, limb3 INTEGER NOT NULL
  );
`;

/** Made after the rows of a rebuild, which is quicker than with them. */
export const DERIVED_INDEXES = `
  CREATE INDEX IF NOT EXISTS events_event ON events (event);
  CREATE INDEX IF NOT EXISTS vms_host ON vms (host, vm);
  CREATE INDEX IF NOT EXISTS vms_home ON vms (home, vm);
  CREATE INDEX IF NOT EXISTS vms_state ON vms (state, vm);
  CREATE INDEX IF NOT EXISTS stays_host ON stays (host, started_at);
  CREATE INDEX IF NOT EXISTS stays_time ON stays (started_at);
  CREATE INDEX IF NOT EXISTS stays_agreement ON stays (agreement);
  CREATE INDEX IF NOT EXISTS agreements_state ON agreements (state, event);
  CREATE INDEX IF NOT EXISTS agreements_event ON agreements (event);
  CREATE INDEX IF NOT EXISTS agreements_id ON agreements (agreement);
  CREATE INDEX IF NOT EXISTS bookings_creditor ON bookings (creditor, event);
  CREATE INDEX IF NOT EXISTS bookings_debtor ON bookings (debtor, event);
`;

/** Names of the indexes and tables above, in the order in which they can be dropped. */
export const DERIVED_NAMES = {
  indexes: [
    "events_event",
    "vms_host",
    "vms_home",
    "vms_state",
    "stays_host",
    "stays_time",
    "stays_agreement",
    "agreements_state",
    "agreements_event",
    "agreements_id",
    "bookings_creditor",
    "bookings_debtor",
  ],
  tables: ["bookings", "lines", "agreements", "stays", "vms"],
} as const;

/**
 * What an event changes, as SQL with the event's arguments in it:
 *
 *     :name               an argument of the event; :name.part a part of it
 *     :name@shift+width   some bits of it, counted from the lowest
 *     :.part              a part of the element, with `each`
 *     :name#, :.part#     the index's own number of the VM whose id this is
 *     $event              the event's id
 *
 * Whole numbers up to 64 bits are stored as such (above 2^63 − 1 as 2^63 − 1), wider ones as 64 hex digits with `0x`.
 */
export interface Projection {
  readonly sql: string;
  /** An argument that is a list: the statement runs once for each of its elements. */
  readonly each?: string;
  /** The statement must change so many rows. Otherwise an event before this one is missing: `INDEX_GAP`. */
  readonly expect?: number;
}

/** Ends the last stay of a VM, unless it has ended. */
const END_STAY = `
  UPDATE stays SET ended_at = :endedAt
   WHERE vm = :vm# AND sequence = (SELECT sequence FROM vms WHERE id = :vm#) AND ended_at = 0`;

const RESTING = `CASE WHEN home = host THEN ${VmState.Home} ELSE ${VmState.Abroad} END`;

const AT_REST_AGAIN = `
  UPDATE vms SET state = ${RESTING}
   WHERE id IN (SELECT vm FROM lines WHERE number = :number) AND state IN (${VmState.Agreed}, ${VmState.Started})`;

/** Of what kind a line of the books is: in `bookings`. A netting is a note with that reason. */
export const BookingKind = { charge: 1, credit: 2, note: 3, netting: 4, payment: 5 } as const;

/**
 * A line of the books. Amounts have more bits than SQLite's integers: they are stored as the four parts of 32 bits of
 * their two's complement, of which each can be summed up alone. The debtor owes `sign` times the amount more.
 */
function booking(kind: string, sign: 1 | -1 = 1): Projection {
  return {
    sql: `INSERT INTO bookings (event, kind, creditor, debtor, currency, sign, limb0, limb1, limb2, limb3)
            VALUES ($event, ${kind}, :creditor, :debtor, :currency, ${sign}, :amount@0+32, :amount@32+32,
                    :amount@64+32, :amount@96+32)`,
  };
}

/** What each event of each contract changes. Events that are not here are kept, and change no other table. */
export const PROJECTIONS: {
  readonly [contract in ContractName]?: { readonly [event: string]: readonly Projection[] };
} = {
  MigrationLedger: {
    VmRegistered: [
      {
        sql: `INSERT INTO vms (vm, home, host, site, state, sequence)
                VALUES (:vm, :home, :home, 0, ${VmState.None}, 0)`,
        expect: 1,
      },
    ],
    // Its sequence goes on from the ledger before, and is told by the stay that begins with it.
    VmAdopted: [
      {
        sql: `INSERT INTO vms (vm, home, host, site, state, sequence)
                VALUES (:vm, :home, :home, 0, ${VmState.None}, NULL)`,
        expect: 1,
      },
    ],
    StayBegan: [
      {
        sql: `UPDATE stays SET ended_at = :previousEndedAt
                 WHERE vm = :vm# AND sequence = :sequence - 1 AND ended_at = 0`,
      },
      {
        sql: `INSERT INTO stays (vm, sequence, host, site, agreement, started_at, resources, state_digest)
                VALUES (:vm#, :sequence, :host, :site, :agreement, :startedAt, :resources, :stateDigest)`,
      },
      {
        sql: `UPDATE vms SET host = :host, site = :site, sequence = :sequence, lost_at = 0,
                       state = CASE WHEN home = :host THEN ${VmState.Home} ELSE ${VmState.Abroad} END
                 WHERE id = :vm# AND (sequence IS NULL OR sequence = :sequence - 1)`,
        expect: 1,
      },
    ],
    MoveAgreed: [
      {
        sql: `INSERT INTO agreements (number, agreement, document, kind, state, home, source, destination, site, start_by,
                                        complete_by, event)
                VALUES (:number, :agreement, :move, ${DocumentKind.Move}, ${MoveState.Agreed}, :document.parties@0+32,
                        :document.parties@32+32, :document.parties@64+32, :document.parties@96+16,
                        :document.deadlines@64+64, :document.deadlines@128+64, $event)`,
      },
      {
        each: "document.lines",
        sql: `INSERT INTO lines (number, vm, nonce) VALUES (:number, :.vm#, :.nonce)`,
      },
      {
        each: "document.lines",
        sql: `UPDATE vms SET state = ${VmState.Agreed}, move = :number WHERE id = :.vm#`,
        expect: 1,
      },
    ],
    MoveStarted: [
      {
        sql: `UPDATE agreements SET state = ${MoveState.Started}, event = $event
                 WHERE number = :number AND state = ${MoveState.Agreed}`,
        expect: 1,
      },
      {
        sql: `UPDATE vms SET state = ${VmState.Started}
                 WHERE id IN (SELECT vm FROM lines WHERE number = :number)`,
      },
    ],
    MoveCompleted: [
      {
        sql: `UPDATE agreements SET state = ${MoveState.Completed}, handover = :handover, event = $event
                 WHERE number = :number AND state = ${MoveState.Started}`,
        expect: 1,
      },
    ],
    MoveAborted: [
      {
        sql: `UPDATE agreements SET state = ${MoveState.Aborted}, aborted_by = :by, reason = :reason,
                       unfinished_a = :unfinishedA, event = $event
                 WHERE number = :number AND state IN (${MoveState.Agreed}, ${MoveState.Started})`,
        expect: 1,
      },
      { sql: AT_REST_AGAIN },
    ],
    MoveExpired: [
      {
        sql: `UPDATE agreements SET state = ${MoveState.Expired}, unfinished_a = :unfinishedA,
                       unfinished_b = :unfinishedB, event = $event
                 WHERE number = :number AND state IN (${MoveState.Agreed}, ${MoveState.Started})`,
        expect: 1,
      },
      { sql: AT_REST_AGAIN },
    ],
    DocumentAccepted: [
      {
        sql: `INSERT INTO agreements (number, agreement, document, kind, state, event)
                VALUES (:number, :agreement, :document, :kind, ${MoveState.None}, $event)`,
      },
    ],
    NoticeGiven: [
      {
        sql: "UPDATE stays SET notice_until = :until WHERE vm = :vm# AND sequence = :sequence",
        expect: 1,
      },
    ],
    VmStopped: [
      { sql: END_STAY, expect: 1 },
      { sql: `UPDATE vms SET state = ${VmState.Stopped}, lost_at = 0 WHERE id = :vm#`, expect: 1 },
    ],
    VmTerminated: [
      // A stopped VM's last stay has its end already.
      { sql: END_STAY },
      { sql: `UPDATE vms SET state = ${VmState.Terminated} WHERE id = :vm#`, expect: 1 },
    ],
    VmSucceeded: [
      { sql: END_STAY, expect: 1 },
      { sql: `UPDATE vms SET state = ${VmState.Succeeded}, lost_at = 0 WHERE id = :vm#`, expect: 1 },
    ],
    LossDeclared: [{ sql: "UPDATE vms SET lost_at = :declaredAt WHERE id = :vm#", expect: 1 }],
    LossContested: [{ sql: "UPDATE vms SET lost_at = 0 WHERE id = :vm#", expect: 1 }],
    LossWithdrawn: [{ sql: "UPDATE vms SET lost_at = 0 WHERE id = :vm#", expect: 1 }],
  },
  ChargingLedger: {
    StaySettled: [booking(`${BookingKind.charge}`)],
    CreditSettled: [booking(`${BookingKind.credit}`)],
    NotePosted: [
      booking(`CASE :reason WHEN ${NoteReason.NETTING} THEN ${BookingKind.netting} ELSE ${BookingKind.note} END`),
    ],
    PaymentAcknowledged: [booking(`${BookingKind.payment}`, -1)],
  },
};
