import { randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";

import { openDatabase } from "../event-index/database.js";

/** A request that was made with an idempotency key, as it is remembered. */
export interface KeptRequest {
  /** Hash of what was asked for. */
  readonly asked: string;
  /** The signed transaction, if one was made; it may have been sent. */
  readonly raw: string | undefined;
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
    caller TEXT NOT NULL, key TEXT NOT NULL, asked TEXT NOT NULL, raw TEXT, status INTEGER, body TEXT,
    created_at INTEGER NOT NULL, PRIMARY KEY (caller, key)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS requests_created ON requests (created_at);
`;

/** What a gateway must not forget when it is started again: used nonces, idempotency keys. Must be closed. */
export class GatewayStore {
  /** Seals the nonces of this gateway. */
  readonly secret: Uint8Array;
  readonly #database: DatabaseSync;
  readonly #statements: {
    readonly [name in "find" | "begin" | "sending" | "finish" | "forget" | "nonce"]: StatementSync;
  };

  private constructor(database: DatabaseSync) {
    this.#database = database;
    // What was promised to a caller outlives a crash of the machine.
    database.exec(`PRAGMA synchronous = FULL; ${SCHEMA}`);
    database.prepare("INSERT OR IGNORE INTO secrets (name, value) VALUES ('nonces', ?)").run(randomBytes(32));
    const secret = database.prepare("SELECT value FROM secrets WHERE name = 'nonces'").get()?.value;
    this.secret = secret instanceof Uint8Array ? secret : randomBytes(32);
    const where = "WHERE caller = ? AND key = ?";
    this.#statements = {
      find: database.prepare(`SELECT asked, raw, status, body FROM requests ${where}`),
      begin: database.prepare("INSERT INTO requests (caller, key, asked, created_at) VALUES (?, ?, ?, ?)"),
      sending: database.prepare(`UPDATE requests SET raw = ? ${where}`),
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
    const { asked, raw, status, body } = row;
    return {
      asked: String(asked),
      raw: typeof raw === "string" ? raw : undefined,
      answer: typeof status === "number" && typeof body === "string" ? { status, body } : undefined,
    };
  }

  /** Remembers a key before anything is done for it. */
  beginRequest(caller: string, key: string, asked: string, nowMs: number): void {
    this.#statements.begin.run(caller, key, asked, nowMs);
  }

  /** Remembers the transaction of a key before it leaves this machine; null once it is known that it never can be mined. */
  noteTransaction(caller: string, key: string, raw: string | null): void {
    this.#statements.sending.run(raw, caller, key);
  }

  /** Remembers the answer to a key. */
  finishRequest(caller: string, key: string, { status, body }: KeptAnswer): void {
    this.#statements.finish.run(status, body, caller, key);
  }

  /** Forgets a key for which nothing was sent. */
  forgetRequest(caller: string, key: string): void {
    this.#statements.forget.run(caller, key);
  }

  /** Forgets answered keys that are older than this, and nonces that could not be used any more. */
  purge(requestsBeforeMs: number, nowMs: number): void {
    this.#database.prepare("DELETE FROM requests WHERE created_at < ? AND status IS NOT NULL").run(requestsBeforeMs);
    this.#database.prepare("DELETE FROM nonces WHERE expires_at < ?").run(nowMs);
  }

  close(): void {
    this.#database.close();
  }
}
