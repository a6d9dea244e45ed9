import { randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";

import { openDatabase } from "../event-index/database.js";

/** A request that was made with an idempotency key, as it is remembered. */
export interface KeptRequest {
  /** Hash of what was asked for. */
  readonly asked: string;
  /** Its id in the outbox, where it need not have come yet. */
  readonly submission: string;
  /** The answer, if there is one. */
  readonly answer: KeptAnswer | undefined;
}

/** An answer as it was given. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS nonces_expires ON nonces (expires_at);
  CREATE TABLE IF NOT EXISTS requests (
    caller TEXT NOT NULL, key TEXT NOT NULL, asked TEXT NOT NULL, submission TEXT NOT NULL, status INTEGER, body TEXT,
    created_at INTEGER NOT NULL, PRIMARY KEY (caller, key)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS requests_created ON requests (created_at);
`;

/** A commit survives a crash of the machine. */
const FLUSHED = "PRAGMA synchronous = FULL";
/** A commit survives a crash of the process. */
const UNFLUSHED = "PRAGMA synchronous = NORMAL";

/** What a gateway must not forget when it is started again: used nonces, idempotency keys. Must be closed. */
export class GatewayStore {
  /** Seals the nonces of this gateway. */
  readonly secret: Uint8Array;
  readonly #database: DatabaseSync;
  readonly #statements: {
    readonly [name in "find" | "note" | "finish" | "forget" | "nonce"]: StatementSync;
  };

  private constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(`${UNFLUSHED}; ${SCHEMA}`);
    database.prepare("INSERT OR IGNORE INTO secrets (name, value) VALUES ('nonces', ?)").run(randomBytes(32));
    const secret = database.prepare("SELECT value FROM secrets WHERE name = 'nonces'").get()?.value;
    this.secret = secret instanceof Uint8Array ? secret : randomBytes(32);
    const where = "WHERE caller = ? AND key = ?";
    this.#statements = {
      find: database.prepare(`SELECT asked, submission, status, body FROM requests ${where}`),
      note: database.prepare(
        "INSERT OR REPLACE INTO requests (caller, key, asked, submission, created_at) VALUES (?, ?, ?, ?, ?)",
      ),
      finish: database.prepare(`UPDATE requests SET status = ?, body = ? ${where}`),
      forget: database.prepare(`DELETE FROM requests ${where}`),
      nonce: database.prepare("INSERT OR IGNORE INTO nonces (nonce, expires_at) VALUES (?, ?)"),
    };
  }

  /** @param file Path, or `:memory:`. */
  static async open(file: string): Promise<GatewayStore> {
    const database = await openDatabase(file);
    try {
      return new GatewayStore(database);
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  }

  /** Marks a nonce as used. False if it was before. */
  useNonce(nonce: string, expiresAtMs: number): boolean {
    return this.#statements.nonce.run(nonce, expiresAtMs).changes === 1;
  }

  /** What is known of a caller's key. */
  findRequest(caller: string, key: string): KeptRequest | undefined {
    const row = this.#statements.find.get(caller, key);
    if (!row) return undefined;
    const { asked, submission, status, body } = row;
    return {
      asked: String(asked),
      submission: String(submission),
      answer: typeof status === "number" && typeof body === "string" ? { status, body } : undefined,
    };
  }

  /**
   * Remembers what a key stands for. On the disk when it returns: this is before anything is handed over. Everything else can
   * be found out again from the outbox, so that only this waits for the disk.
   */
  noteRequest(caller: string, key: string, asked: string, submission: string, nowMs: number): void {
    this.#database.exec(FLUSHED);
    this.#statements.note.run(caller, key, asked, submission, nowMs);
    this.#database.exec(UNFLUSHED);
  }

  /** Remembers the answer to a key. */
  finishRequest(caller: string, key: string, { status, body }: KeptAnswer): void {
    this.#statements.finish.run(status, body, caller, key);
  }

  /** Forgets a key whose request had no effect and never will. */
  forgetRequest(caller: string, key: string): void {
    this.#statements.forget.run(caller, key);
  }

  /** Forgets keys that are older than this, and nonces that could not be used any more. */
  purge(requestsBeforeMs: number, nowMs: number): void {
    this.#database.prepare("DELETE FROM requests WHERE created_at < ?").run(requestsBeforeMs);
    this.#database.prepare("DELETE FROM nonces WHERE expires_at < ?").run(nowMs);
  }

  close(): void {
    this.#database.close();
  }
}
