import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { deflateSync, inflateSync } from "node:zlib";

import type { Metrics } from "../../documents/types.js";
import type { Observed } from "../../actions/oracle/finalise.js";
import { BusError } from "../../errors/busError.js";
import type { Journal, JournalEntry } from "../../signing/journal.js";
import { METRIC_NAMES } from "../../sla/metrics.js";
import { metricNumber } from "../measure/metricNames.js";
import type { LaneSample } from "../measure/measure.js";
import {
  STAY_COLUMNS,
  type StayRow,
  TRANSACTION_COLUMNS,
  type TransactionRow,
  WINDOW_COLUMNS,
  type WindowKey,
  type WindowRow,
  fromRow,
  toColumns,
} from "./rows.js";

/** Whose state it is. A database never changes hands. */
export interface StoreIdentity {
  readonly chainId: string;
  readonly genesisHash: string;
  /** Address of the oracle contract. */
  readonly oracle: string;
  readonly part: string;
  /** Number of the cloud, or the witness's address. */
  readonly who: string;
}

/** Rises when the tables change. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE agreements (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE stays (
    vm TEXT, sequence INTEGER, home INTEGER, host INTEGER, started_at_ms INTEGER, ended_at_ms INTEGER,
    agreement_id TEXT, window_ms INTEGER, claim_within_ms INTEGER, object_within_ms INTEGER, observe_within_ms INTEGER,
    is_open INTEGER, next_window INTEGER, is_laid INTEGER, problem TEXT,
    PRIMARY KEY (vm, sequence)
  ) WITHOUT ROWID;
  CREATE TABLE windows (
    vm TEXT, sequence INTEGER, number INTEGER, from_ms INTEGER, to_ms INTEGER, metrics TEXT, samples_root TEXT,
    their_measured INTEGER, report TEXT, own_signature TEXT, their_signature TEXT, is_refused INTEGER,
    observation TEXT, observation_signature TEXT,
    state TEXT, is_final INTEGER, claimant INTEGER, since INTEGER, observations INTEGER, claimed TEXT, is_stale INTEGER,
    wake_at_ms INTEGER, retry_at_ms INTEGER, attempts INTEGER, problem TEXT, outcome TEXT,
    PRIMARY KEY (vm, sequence, number)
  ) WITHOUT ROWID;
  CREATE INDEX windows_open ON windows (wake_at_ms, to_ms) WHERE outcome IS NULL;
  CREATE INDEX windows_by_name ON windows (coalesce(outcome, lower(state)));
  CREATE TABLE samples (
    vm TEXT, sequence INTEGER, number INTEGER, to_ms INTEGER, data BLOB NOT NULL,
    PRIMARY KEY (vm, sequence, number)
  ) WITHOUT ROWID;
  CREATE INDEX samples_by_time ON samples (to_ms);
  CREATE TABLE observations (
    vm TEXT, sequence INTEGER, number INTEGER, witness TEXT, metrics TEXT NOT NULL, samples_root TEXT NOT NULL,
    PRIMARY KEY (vm, sequence, number, witness)
  ) WITHOUT ROWID;
  CREATE TABLE transactions (
    id INTEGER PRIMARY KEY, action TEXT NOT NULL, windows TEXT NOT NULL, nonce INTEGER NOT NULL, raw TEXT NOT NULL,
    hash TEXT NOT NULL, outcome TEXT
  );
  CREATE INDEX transactions_open ON transactions (id) WHERE outcome IS NULL;
  CREATE TABLE signatures (id INTEGER PRIMARY KEY, entry TEXT NOT NULL);
  CREATE TABLE subjects (subject TEXT, signature INTEGER, PRIMARY KEY (subject, signature)) WITHOUT ROWID;
`;

/** Fields of a window that may be changed. */
export type WindowPatch = Partial<Omit<WindowRow, keyof WindowKey>>;

/** The oracle's memory: what it meant to do, before it did it, and what came of it. */
export interface Store {
  readonly path: string;
  /** Signatures, for a desk. */
  readonly journal: Journal;
  /** All of it, or nothing of it. */
  atomically<T>(work: () => T): T;

  /** The last block whose events are in here. */
  cursor(): number | undefined;
  setCursor(block: number): void;

  /** An agreement's public form as JSON, if it was seen. */
  agreement(id: string): string | undefined;
  addAgreement(id: string, document: string): void;

  stay(vm: string, sequence: number): StayRow | undefined;
  /** All stays, or those of a VM. */
  stays(vm?: string): StayRow[];
  addStay(row: StayRow): void;
  patchStay(stay: Pick<StayRow, "vm" | "sequence">, fields: Partial<StayRow>): void;

  /** Forgets a stay that turned out to be others'. */
  dropStay(stay: Pick<StayRow, "vm" | "sequence">): void;

  window(key: WindowKey): WindowRow | undefined;
  /** A stay's windows, or those that end after a time. */
  windowsOf(stay: Pick<StayRow, "vm" | "sequence">, afterMs?: number): WindowRow[];
  /** All windows, in the order of their ends. */
  windows(): IterableIterator<WindowRow>;
  /** Open windows about which something may be done, those that ended first in front. */
  dueWindows(chainMs: number, clockMs: number, limit: number): WindowRow[];
  addWindow(row: WindowRow): void;
  patchWindow(key: WindowKey, fields: WindowPatch): void;
  /** Whether a window is open and nobody has reported it: the oldest end of such, in milliseconds. */
  oldestUnreportedMs(): number | undefined;
  countWindows(): ReadonlyMap<string, number>;

  samples(key: WindowKey): LaneSample[];
  setSamples(key: WindowKey, toMs: number, samples: readonly LaneSample[]): void;
  /** Forgets samples of windows that ended before a time, but for those under an observation. */
  pruneSamples(beforeMs: number): number;

  observations(key: WindowKey): Observed[];
  addObservation(key: WindowKey, witness: string, metrics: Metrics, samplesRoot: string): void;

  /** The transaction that is on its way, if one is. */
  openTransaction(): TransactionRow | undefined;
  addTransaction(row: Omit<TransactionRow, "id">): TransactionRow;
  /** What came of it. */
  settleTransaction(id: number, outcome: "mined" | "reverted" | "superseded"): void;
  /** How many transactions came to what; those on their way are "open". */
  countOutcomes(): ReadonlyMap<string, number>;

  /** Writes a copy to a path where nothing is. */
  copyTo(path: string): void;
  close(): void;
}

/** What SQLite says when another process has the database. */
const BUSY = /database is locked|SQLITE_BUSY/;

/**
 * Opens the database, or makes it. One process at a time has it.
 * @param path A file, or `:memory:`.
 * @throws BusError `STORE` if it is in use, damaged, of a newer version, or of somebody else.
 */
export function openStore(path: string, identity: StoreIdentity): Store {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    // Each commit is on the disk before what follows from it: an intent must survive the machine.
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    prepare(db, path, identity);
    return storeOn(db, path);
  } catch (thrown) {
    db?.close();
    if (thrown instanceof BusError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const found = BUSY.test(reason) ? "another process has it open" : reason;
    throw new BusError("STORE", `${path}: ${found}`, { cause: thrown });
  }
}

function prepare(db: DatabaseSync, path: string, identity: StoreIdentity): void {
  db.exec("BEGIN EXCLUSIVE");
  const version = Number(db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new BusError("STORE", `${path}: version ${version}, and this program knows none above ${SCHEMA_VERSION}`);
  }
  if (version === 0) {
    db.exec(SCHEMA);
    const insert = db.prepare("INSERT INTO meta VALUES (?, ?)");
    for (const [name, value] of Object.entries(identity)) insert.run(name, String(value));
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  }
  for (const [name, wanted] of Object.entries(identity)) {
    const found = db.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.value;
    if (found !== wanted) throw new BusError("STORE", `${path}: ${name} is ${String(found)}, not ${String(wanted)}`);
  }
  db.exec("COMMIT");
}

function storeOn(db: DatabaseSync, path: string): Store {
  const prepared = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  const statement = (sql: string) => {
    const found = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, found);
    return found;
  };
  const run = (sql: string, ...values: readonly SQLInputValue[]) => statement(sql).run(...values);
  const all = (sql: string, ...values: readonly SQLInputValue[]) => statement(sql).all(...values);
  const one = (sql: string, ...values: readonly SQLInputValue[]) => statement(sql).get(...values);
  const id = ({ vm, sequence, number }: WindowKey) => [vm, sequence, number] as const;
  const insert = (table: string, { names, values }: ReturnType<typeof toColumns>) => {
    const places = names.map(() => "?").join(", ");
    return run(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${places})`, ...values);
  };
  const isWindow = "vm = ? AND sequence = ? AND number = ?";

  // A savepoint is a transaction, and may stand in another one.
  const atomically = <T>(work: () => T): T => {
    db.exec("SAVEPOINT work");
    try {
      const result = work();
      db.exec("RELEASE work");
      return result;
    } catch (thrown) {
      db.exec("ROLLBACK TO work; RELEASE work");
      throw thrown;
    }
  };

  return {
    path,
    atomically,
    journal: {
      append(entry) {
        atomically(() => {
          const { lastInsertRowid } = run("INSERT INTO signatures (entry) VALUES (?)", JSON.stringify(entry));
          for (const subject of entry.subjects) run("INSERT INTO subjects VALUES (?, ?)", subject, lastInsertRowid);
        });
        return Promise.resolve();
      },
      entriesAbout(subject) {
        const rows = all(
          "SELECT entry FROM subjects JOIN signatures ON id = signature WHERE subject = ? ORDER BY id",
          subject,
        );
        return rows.map(({ entry }) => JSON.parse(String(entry)) as JournalEntry);
      },
    },
    cursor() {
      const found = one("SELECT value FROM meta WHERE name = 'cursor'")?.value;
      return found === undefined ? undefined : Number(found);
    },
    setCursor(block) {
      run(
        "INSERT INTO meta VALUES ('cursor', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        String(block),
      );
    },

    agreement(agreementId) {
      const found = one("SELECT document FROM agreements WHERE id = ?", agreementId)?.document;
      return typeof found === "string" ? found : undefined;
    },
    addAgreement(agreementId, document) {
      run("INSERT OR IGNORE INTO agreements VALUES (?, ?)", agreementId, document);
    },

    stay(vm, sequence) {
      const row = one("SELECT * FROM stays WHERE vm = ? AND sequence = ?", vm, sequence);
      return row && fromRow(STAY_COLUMNS, row);
    },
    stays(vm) {
      const rows =
        vm === undefined
          ? all("SELECT * FROM stays ORDER BY vm, sequence")
          : all("SELECT * FROM stays WHERE vm = ? ORDER BY sequence", vm);
      return rows.map((row) => fromRow(STAY_COLUMNS, row));
    },
    addStay(row) {
      insert("stays", toColumns(STAY_COLUMNS, row));
    },
    patchStay({ vm, sequence }, fields) {
      const { names, values } = toColumns(STAY_COLUMNS, fields);
      run(
        `UPDATE stays SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE vm = ? AND sequence = ?`,
        ...values,
        vm,
        sequence,
      );
    },

    dropStay({ vm, sequence }) {
      run("DELETE FROM stays WHERE vm = ? AND sequence = ?", vm, sequence);
    },

    window(key) {
      const row = one(`SELECT * FROM windows WHERE ${isWindow}`, ...id(key));
      return row && fromRow(WINDOW_COLUMNS, row);
    },
    windowsOf({ vm, sequence }, afterMs = -1) {
      const sql = "SELECT * FROM windows WHERE vm = ? AND sequence = ? AND to_ms > ? ORDER BY number";
      const rows = all(sql, vm, sequence, afterMs);
      return rows.map((row) => fromRow(WINDOW_COLUMNS, row));
    },
    *windows() {
      // A statement of its own: the caller may stop in the middle.
      for (const row of db.prepare("SELECT * FROM windows ORDER BY to_ms, vm, sequence, number").iterate()) {
        yield fromRow(WINDOW_COLUMNS, row);
      }
    },
    dueWindows(chainMs, clockMs, limit) {
      const rows = all(
        "SELECT * FROM windows WHERE outcome IS NULL AND (wake_at_ms <= ? OR is_stale = 1) AND retry_at_ms <= ? ORDER BY to_ms, vm, sequence, number LIMIT ?",
        chainMs,
        clockMs,
        limit,
      );
      return rows.map((row) => fromRow(WINDOW_COLUMNS, row));
    },
    addWindow(row) {
      insert("windows", toColumns(WINDOW_COLUMNS, row));
    },
    patchWindow(key, fields) {
      const { names, values } = toColumns(WINDOW_COLUMNS, fields);
      run(
        `UPDATE windows SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE ${isWindow}`,
        ...values,
        ...id(key),
      );
    },
    oldestUnreportedMs() {
      const found = one("SELECT min(to_ms) AS oldest FROM windows WHERE outcome IS NULL AND state = 'None'")?.oldest;
      return typeof found === "number" ? found : undefined;
    },
    countWindows() {
      const rows = all("SELECT coalesce(outcome, lower(state)) AS name, count(*) AS count FROM windows GROUP BY 1");
      return new Map(rows.map(({ name, count }) => [String(name), Number(count)]));
    },

    samples(key) {
      const data = one(`SELECT data FROM samples WHERE ${isWindow}`, ...id(key))?.data;
      return data instanceof Uint8Array ? unpack(data) : [];
    },
    setSamples(key, toMs, samples) {
      run("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)", ...id(key), toMs, pack(samples));
    },
    pruneSamples(beforeMs) {
      const { changes } = run(
        `DELETE FROM samples WHERE to_ms < ? AND NOT EXISTS (
           SELECT 1 FROM windows w WHERE w.vm = samples.vm AND w.sequence = samples.sequence
             AND w.number = samples.number AND w.observation IS NOT NULL)`,
        beforeMs,
      );
      return Number(changes);
    },

    observations(key) {
      const rows = all(`SELECT * FROM observations WHERE ${isWindow}`, ...id(key));
      return rows.map(({ witness, metrics, samples_root }) => ({
        witness: String(witness),
        observation: {
          vm: key.vm,
          sequence: key.sequence,
          window: key.number,
          metrics: JSON.parse(String(metrics)) as Metrics,
          samplesRoot: String(samples_root),
        },
      }));
    },
    addObservation(key, witness, metrics, samplesRoot) {
      run(
        "INSERT OR IGNORE INTO observations VALUES (?, ?, ?, ?, ?, ?)",
        ...id(key),
        witness,
        JSON.stringify(metrics),
        samplesRoot,
      );
    },

    openTransaction() {
      const row = one("SELECT * FROM transactions WHERE outcome IS NULL ORDER BY id LIMIT 1");
      return row && fromRow(TRANSACTION_COLUMNS, row);
    },
    addTransaction(row) {
      const { lastInsertRowid } = insert("transactions", toColumns(TRANSACTION_COLUMNS, row));
      return { id: Number(lastInsertRowid), ...row };
    },
    settleTransaction(transaction, outcome) {
      run("UPDATE transactions SET outcome = ? WHERE id = ?", outcome, transaction);
    },
    countOutcomes() {
      const rows = all("SELECT coalesce(outcome, 'open') AS name, count(*) AS count FROM transactions GROUP BY 1");
      return new Map(rows.map(({ name, count }) => [String(name), Number(count)]));
    },

    copyTo(copy) {
      run("VACUUM INTO ?", copy);
    },
    close() {
      if (db.isOpen) db.close();
    },
  };
}

/* SAMPLES: compressed, as they are many and alike */

function pack(samples: readonly LaneSample[]): Uint8Array {
  const rows = samples.map(({ lane, timeMs, value }) => [metricNumber(lane), timeMs, value.toString()]);
  return deflateSync(JSON.stringify(rows));
}

function unpack(data: Uint8Array): LaneSample[] {
  const rows = JSON.parse(inflateSync(data).toString("utf8")) as [number, number, string][];
  return rows.map(([number, timeMs, value]) => {
    const lane = METRIC_NAMES[number];
    if (lane === undefined) throw new BusError("STORE", `there is no metric ${number}`);
    return { lane, timeMs, value: BigInt(value) };
  });
}
