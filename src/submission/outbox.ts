import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type * as Sqlite from "node:sqlite";

import { BusError } from "../errors/busError.js";
import type { TrustedChain } from "./rpcPool.js";

/**
 * Where a submission stands: `queued`, written down but not signed; `sent`, signed, and perhaps on its way; `final`,
 * mined, and it did what it should; `failed`, it has had no effect and never will.
 */
export type SubmissionState = "queued" | "sent" | "final" | "failed";

/** Why a submission failed. */
export interface SubmissionFailure {
  /** `REVERTED`: the contract refused. `NOT_ACCEPTED`: no node takes the transaction. */
  readonly code: "REVERTED" | "NOT_ACCEPTED";
  readonly message: string;
  /** Revert data in hex, if it is `REVERTED`. */
  readonly data?: string;
}

/** A log as nodes give it. */
export interface RawLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly transactionHash: string;
  readonly transactionIndex: string;
  readonly logIndex: string;
}

/** What is kept of a receipt. */
export interface RawReceipt {
  readonly transactionHash: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly gasUsed: string;
  readonly status: string;
  readonly logs: readonly RawLog[];
}

/** A call that was handed over, and what became of it. */
export interface Submission {
  /** Given by the caller, or random. Under one id there is one effect at most. */
  readonly id: string;
  readonly state: SubmissionState;
  readonly sender: string;
  readonly to: string;
  readonly data: string;
  readonly gasLimit: bigint;
  /** What is called, for people. */
  readonly name: string;
  /** Whether a call comes before the transaction. */
  readonly isChecked: boolean;
  readonly nonce: number | undefined;
  readonly hash: string | undefined;
  /** The signed transaction. */
  readonly raw: string | undefined;
  readonly receipt: RawReceipt | undefined;
  readonly failure: SubmissionFailure | undefined;
  /** How often its nonce was taken by another transaction. */
  readonly displaced: number;
  /** Milliseconds since the epoch. */
  readonly queuedAt: number;
  readonly sentAt: number | undefined;
  readonly endedAt: number | undefined;
}

/** What is written down when a call is handed over. */
export interface SubmissionDraft {
  readonly id: string;
  readonly sender: string;
  readonly to: string;
  readonly data: string;
  readonly gasLimit: bigint;
  readonly name: string;
  readonly isChecked: boolean;
}

/** A signed transaction. */
export interface SignedTransaction {
  readonly nonce: number;
  readonly hash: string;
  readonly raw: string;
}

/** How a sent submission ended. */
export interface Settlement {
  readonly submission: Submission;
  readonly receipt: RawReceipt;
  readonly failure: SubmissionFailure | undefined;
}

/** Name of a transaction that does nothing but use up a nonce that somebody else left open. */
export const FILLER = "(fills a nonce)";

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE submission (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    chain TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'final', 'failed')),
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    data TEXT NOT NULL,
    gas_limit TEXT NOT NULL,
    name TEXT NOT NULL,
    is_checked INTEGER NOT NULL,
    nonce INTEGER,
    hash TEXT,
    raw TEXT,
    receipt TEXT,
    failure TEXT,
    displaced INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER NOT NULL,
    sent_at INTEGER,
    ended_at INTEGER,
    UNIQUE (chain, id),
    UNIQUE (chain, sender, nonce),
    CHECK (state <> 'queued' OR nonce IS NULL),
    CHECK (state <> 'sent' OR (nonce IS NOT NULL AND hash IS NOT NULL AND raw IS NOT NULL)),
    CHECK (state <> 'final' OR receipt IS NOT NULL),
    CHECK (state <> 'failed' OR failure IS NOT NULL)
  ) STRICT;
  CREATE TABLE past_attempt (
    submission INTEGER NOT NULL REFERENCES submission (seq) ON DELETE CASCADE,
    nonce INTEGER NOT NULL,
    hash TEXT NOT NULL,
    raw TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('displaced', 'refused')),
    taken_by TEXT,
    ended_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE process (id TEXT PRIMARY KEY, pid INTEGER NOT NULL, seen_at INTEGER NOT NULL) STRICT;
`;

/**
 * What is open is found without looking at all that is over. SQLite uses such an index only where the query has the very
 * words of its condition.
 */
const INDEXES = `
  DROP INDEX IF EXISTS open_submission;
  CREATE INDEX IF NOT EXISTS queued_submission ON submission (chain, sender, seq) WHERE state = 'queued';
  CREATE INDEX IF NOT EXISTS sent_submission ON submission (chain, sender, nonce) WHERE state = 'sent';
  CREATE INDEX IF NOT EXISTS unsettled_submission ON submission (chain, owner, sender) WHERE state IN ('queued', 'sent');
`;

interface Row {
  readonly id: string;
  readonly state: SubmissionState;
  readonly sender: string;
  readonly recipient: string;
  readonly data: string;
  readonly gas_limit: string;
  readonly name: string;
  readonly is_checked: number;
  readonly nonce: number | null;
  readonly hash: string | null;
  readonly raw: string | null;
  readonly receipt: string | null;
  readonly failure: string | null;
  readonly displaced: number;
  readonly queued_at: number;
  readonly sent_at: number | null;
  readonly ended_at: number | null;
}

function readRow(row: Row): Submission {
  return {
    id: row.id,
    state: row.state,
    sender: row.sender,
    to: row.recipient,
    data: row.data,
    gasLimit: BigInt(row.gas_limit),
    name: row.name,
    isChecked: row.is_checked === 1,
    nonce: row.nonce ?? undefined,
    hash: row.hash ?? undefined,
    raw: row.raw ?? undefined,
    receipt: row.receipt === null ? undefined : (JSON.parse(row.receipt) as RawReceipt),
    failure: row.failure === null ? undefined : (JSON.parse(row.failure) as SubmissionFailure),
    displaced: row.displaced,
    queuedAt: row.queued_at,
    sentAt: row.sent_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
  };
}

/** The driver is part of Node.js from 22.13 on. It is not asked for by who does without an outbox. */
function driver(): typeof Sqlite {
  try {
    return createRequire(import.meta.url)("node:sqlite") as typeof Sqlite;
  } catch (cause) {
    throw new BusError("OUTBOX", `an outbox needs Node.js 22.13 or newer, this is ${process.version}`, { cause });
  }
}

/** Whether this Node.js can have an outbox. */
export function canHaveOutbox(): boolean {
  try {
    driver();
    return true;
  } catch {
    return false;
  }
}

/**
 * What was handed over, in a SQLite file that several processes of one machine may use at once. Every change is one
 * transaction, on the disk before it counts.
 */
export class Outbox {
  readonly #path: string;
  readonly #db: Sqlite.DatabaseSync;
  readonly #chain: string;
  readonly #statements = new Map<string, Sqlite.StatementSync>();
  /** This process, as the owner of what it handles. */
  readonly owner = randomBytes(8).toString("hex");

  /**
   * @param path A file, made if it is not there; `:memory:` for one that dies with the process.
   * @throws BusError `OUTBOX` if it cannot be opened, or belongs to another version.
   */
  constructor(path: string, chain: TrustedChain) {
    this.#path = path;
    this.#chain = `${chain.chainId}/${chain.genesisHash.toLowerCase()}`;
    const { DatabaseSync } = driver();
    try {
      if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
      this.#db = new DatabaseSync(path, { timeout: 10_000 });
      // FULL: a transaction must not leave the machine before the disk knows of it, even if the power goes.
      this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
      this.#transaction(() => {
        this.#prepareSchema();
        this.#db.exec(INDEXES);
      });
    } catch (cause) {
      if (cause instanceof BusError) throw cause;
      throw new BusError("OUTBOX", `${path} cannot be opened as an outbox`, { cause });
    }
  }

  #prepareSchema(): void {
    const { user_version: version } = this.#db.prepare("PRAGMA user_version").get() as {
      readonly user_version: number;
    };
    if (version === SCHEMA_VERSION) return;
    if (version !== 0) throw new BusError("OUTBOX", `${this.#path} has version ${version}, not ${SCHEMA_VERSION}`);
    this.#db.exec(`${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION};`);
  }

  #transaction<T>(act: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = act();
      this.#db.exec("COMMIT");
      return result;
    } catch (thrown) {
      this.#db.exec("ROLLBACK");
      throw thrown;
    }
  }

  #statement(sql: string): Sqlite.StatementSync {
    const known = this.#statements.get(sql) ?? this.#db.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  #run(sql: string, ...values: Sqlite.SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #all(sql: string, ...values: Sqlite.SQLInputValue[]): Submission[] {
    return (this.#statement(sql).all(...values) as unknown as Row[]).map(readRow);
  }

  #number(sql: string, ...values: Sqlite.SQLInputValue[]): number | undefined {
    const row = this.#statement(sql).get(...values) as { readonly value: number | null } | undefined;
    return row?.value ?? undefined;
  }

  /* READING */

  /** A submission by its id. */
  find(id: string): Submission | undefined {
    return this.#all("SELECT * FROM submission WHERE chain = ? AND id = ?", this.#chain, id)[0];
  }

  /** Submissions in a state, fillers left out, the newest first. */
  list(state: SubmissionState, limit: number): Submission[] {
    return this.#all(
      "SELECT * FROM submission WHERE chain = ? AND state = ? AND name <> ? ORDER BY seq DESC LIMIT ?",
      this.#chain,
      state,
      FILLER,
      limit,
    );
  }

  /** How many submissions there are in each state, fillers left out. */
  counts(): { readonly [S in SubmissionState]: number } {
    const rows = this.#statement(
      "SELECT state, count(*) AS value FROM submission WHERE chain = ? AND name <> ? GROUP BY state",
    ).all(this.#chain, FILLER) as { readonly state: SubmissionState; readonly value: number }[];
    const counts = { queued: 0, sent: 0, final: 0, failed: 0 };
    for (const { state, value } of rows) counts[state] = value;
    return counts;
  }

  /** What is sent and not settled, of all processes or of this one, in the order of the nonces. */
  inFlight(sender: string, isOwn: boolean, limit: number): Submission[] {
    return this.#all(
      `SELECT * FROM submission WHERE chain = ? AND sender = ? AND state = 'sent' AND (owner = ? OR ?)
       ORDER BY nonce LIMIT ?`,
      this.#chain,
      sender,
      this.owner,
      isOwn ? 0 : 1,
      limit,
    );
  }

  /** How many are sent and not settled, of all processes. */
  countInFlight(sender: string): number {
    return (
      this.#number(
        "SELECT count(*) AS value FROM submission WHERE chain = ? AND sender = ? AND state = 'sent'",
        this.#chain,
        sender,
      ) ?? 0
    );
  }

  /** What waits to be signed by this process, the oldest first. */
  queued(sender: string, limit: number): Submission[] {
    return this.#all(
      "SELECT * FROM submission WHERE chain = ? AND sender = ? AND state = 'queued' AND owner = ? ORDER BY seq LIMIT ?",
      this.#chain,
      sender,
      this.owner,
      limit,
    );
  }

  /** Senders of what this process has to see through. */
  senders(): string[] {
    const rows = this.#statement(
      "SELECT DISTINCT sender FROM submission WHERE chain = ? AND state IN ('queued', 'sent') AND owner = ?",
    ).all(this.#chain, this.owner) as { readonly sender: string }[];
    return rows.map(({ sender }) => sender);
  }

  /** The first nonce above all that were given out, if any was. */
  nonceAfter(sender: string): number | undefined {
    return this.#number(
      "SELECT max(nonce) + 1 AS value FROM submission WHERE chain = ? AND sender = ?",
      this.#chain,
      sender,
    );
  }

  /** The submission with the highest nonce of those that are final. */
  newestFinal(sender: string): Submission | undefined {
    return this.#all(
      "SELECT * FROM submission WHERE chain = ? AND sender = ? AND state = 'final' ORDER BY nonce DESC LIMIT 1",
      this.#chain,
      sender,
    )[0];
  }

  /* WRITING */

  /**
   * Gives queued calls their signed transactions, and writes new ones down: those with a transaction as `sent`, the
   * others as `queued`. All, or none: false if another process was there first, with a nonce, an id or a queued call.
   */
  write(
    queued: readonly { readonly id: string; readonly signed: SignedTransaction | undefined }[],
    fresh: readonly { readonly draft: SubmissionDraft; readonly signed: SignedTransaction | undefined }[],
    now: number,
  ): boolean {
    return this.#transaction(() => {
      if (fresh.some(({ draft, signed }) => this.find(draft.id) !== undefined || this.#isTaken(draft.sender, signed))) {
        return false;
      }
      for (const { id, signed } of queued) {
        const known = this.find(id);
        if (known?.state !== "queued" || !signed || this.#isTaken(known.sender, signed)) return false;
      }
      for (const { id, signed } of queued) {
        this.#run(
          "UPDATE submission SET state = 'sent', nonce = ?, hash = ?, raw = ?, sent_at = ? WHERE chain = ? AND id = ?",
          signed?.nonce ?? null,
          signed?.hash ?? null,
          signed?.raw ?? null,
          now,
          this.#chain,
          id,
        );
      }
      for (const { draft, signed } of fresh) this.#insert(draft, signed, undefined, now);
      return true;
    });
  }

  /** Writes a call down that the contract refuses already. False if there is one of its id. */
  writeFailed(draft: SubmissionDraft, failure: SubmissionFailure, now: number): boolean {
    return this.#transaction(() => {
      if (this.find(draft.id)) return false;
      this.#insert(draft, undefined, failure, now);
      return true;
    });
  }

  #insert(
    draft: SubmissionDraft,
    signed: SignedTransaction | undefined,
    failure: SubmissionFailure | undefined,
    now: number,
  ): void {
    this.#run(
      `INSERT INTO submission (id, chain, owner, state, sender, recipient, data, gas_limit, name, is_checked,
         nonce, hash, raw, failure, queued_at, sent_at, ended_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      draft.id,
      this.#chain,
      this.owner,
      failure ? "failed" : signed ? "sent" : "queued",
      draft.sender,
      draft.to,
      draft.data,
      draft.gasLimit.toString(),
      draft.name,
      draft.isChecked ? 1 : 0,
      signed?.nonce ?? null,
      signed?.hash ?? null,
      signed?.raw ?? null,
      failure ? JSON.stringify(failure) : null,
      now,
      signed ? now : null,
      failure ? now : null,
    );
  }

  #isTaken(sender: string, signed: SignedTransaction | undefined): boolean {
    if (!signed) return false;
    const sql = "SELECT 1 AS value FROM submission WHERE chain = ? AND sender = ? AND nonce = ?";
    return this.#number(sql, this.#chain, sender, signed.nonce) !== undefined;
  }

  /**
   * Settles sent submissions, in one change: of many that one block has settled each would otherwise wait for the disk.
   * @returns For each whether it was; not if it was settled before, or is sent under another nonce now.
   */
  settle(settlements: readonly Settlement[], now: number): boolean[] {
    return this.#transaction(() =>
      settlements.map(
        ({ submission, receipt, failure }) =>
          this.#run(
            `UPDATE submission SET state = ?, receipt = ?, failure = ?, ended_at = ?
             WHERE chain = ? AND id = ? AND state = 'sent' AND hash = ?`,
            failure ? "failed" : "final",
            JSON.stringify(receipt),
            failure ? JSON.stringify(failure) : null,
            now,
            this.#chain,
            submission.id,
            submission.hash ?? "",
          ) === 1,
      ),
    );
  }

  /** Gives up a submission that was never signed. */
  giveUp(submission: Submission, failure: SubmissionFailure, now: number): boolean {
    return this.#transaction(
      () =>
        this.#run(
          "UPDATE submission SET state = 'failed', failure = ?, ended_at = ? WHERE chain = ? AND id = ? AND state = 'queued'",
          JSON.stringify(failure),
          now,
          this.#chain,
          submission.id,
        ) === 1,
    );
  }

  /**
   * Another transaction was mined under the submission's nonce, so its own never will be: it goes back to the queue.
   * @param takenBy Hash of that transaction.
   */
  displace(submission: Submission, takenBy: string, now: number): boolean {
    return this.#endAttempt(submission, "displaced", takenBy, undefined, now);
  }

  /** Every node refused the submission's transaction for good at the first try. Its nonce is free again. */
  refuse(submission: Submission, failure: SubmissionFailure, now: number): boolean {
    return this.#endAttempt(submission, "refused", undefined, failure, now);
  }

  #endAttempt(
    submission: Submission,
    outcome: "displaced" | "refused",
    takenBy: string | undefined,
    failure: SubmissionFailure | undefined,
    now: number,
  ): boolean {
    const { id, hash = "" } = submission;
    return this.#transaction(() => {
      const isOwn = this.#run(
        `INSERT INTO past_attempt SELECT seq, nonce, hash, raw, ?, ?, ? FROM submission
         WHERE chain = ? AND id = ? AND state = 'sent' AND hash = ? AND owner = ?`,
        outcome,
        takenBy ?? null,
        now,
        this.#chain,
        id,
        hash,
        this.owner,
      );
      if (isOwn === 0) return false;
      const isFiller = submission.name === FILLER;
      this.#run(
        `UPDATE submission SET state = ?, failure = ?, ended_at = ?, nonce = NULL, hash = NULL, raw = NULL, sent_at = NULL,
           displaced = displaced + ? WHERE chain = ? AND id = ?`,
        failure || isFiller ? "failed" : "queued",
        failure || isFiller
          ? JSON.stringify(failure ?? { code: "NOT_ACCEPTED", message: `the nonce is used by ${takenBy ?? "another"}` })
          : null,
        failure || isFiller ? now : null,
        outcome === "displaced" ? 1 : 0,
        this.#chain,
        id,
      );
      return true;
    });
  }

  /* PROCESSES */

  /** Says that this process is alive, and takes over what belongs to processes that are not. */
  beat(now: number, silentMs: number): void {
    this.#transaction(() => {
      this.#run(
        "INSERT INTO process VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        this.owner,
        process.pid,
        now,
      );
      const others = this.#statement("SELECT id, pid, seen_at AS seenAt FROM process WHERE id <> ?").all(
        this.owner,
      ) as unknown as { readonly id: string; readonly pid: number; readonly seenAt: number }[];
      for (const { id, pid, seenAt } of others) {
        if (isAlive(pid) && seenAt + silentMs > now) continue;
        this.#run("DELETE FROM process WHERE id = ?", id);
      }
      this.#run(
        `UPDATE submission SET owner = ? WHERE chain = ? AND state IN ('queued', 'sent')
           AND owner NOT IN (SELECT id FROM process)`,
        this.owner,
        this.#chain,
      );
    });
  }

  /** Forgets what was settled before a moment. Its ids can be used again from then on. */
  forgetBefore(moment: number): number {
    return this.#transaction(() =>
      this.#run(
        `DELETE FROM submission WHERE chain = ? AND state IN ('final', 'failed') AND ended_at < ?
           AND seq NOT IN (SELECT seq FROM submission AS latest WHERE latest.nonce IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM submission AS later WHERE later.chain = latest.chain AND later.sender = latest.sender
               AND later.nonce > latest.nonce))`,
        this.#chain,
        moment,
      ),
    );
  }

  /** Closes the file. What is open in it is taken over by whoever opens it next. */
  close(): void {
    if (!this.#db.isOpen) return;
    this.#run("DELETE FROM process WHERE id = ?", this.owner);
    this.#statements.clear();
    this.#db.close();
  }
}

/** Whether a process of this machine is there. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // EPERM: there is one, of another user.
    return (thrown as { readonly code?: unknown }).code === "EPERM";
  }
}
