import type { DatabaseSync } from "node:sqlite";

import { BusError } from "../errors/busError.js";

/**
 * Opens an SQLite database. The module is loaded here, so that a program that needs no database runs on a Node.js that
 * has none.
 * @param file Path, or `:memory:`.
 * @throws BusError `DATABASE` if this Node.js has no `node:sqlite`, or the file is none of its databases.
 */
export async function openDatabase(file: string): Promise<DatabaseSync> {
  const sqlite = await import("node:sqlite").catch((cause: unknown) => {
    throw new BusError("DATABASE", `Node.js ${process.version} has no node:sqlite: 22.13 or newer is needed`, {
      cause,
    });
  });
  try {
    const database = new sqlite.DatabaseSync(file);
    // Another process that holds the file is waited for; a crash of the process loses nothing that was committed.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON");
    return database;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BusError("DATABASE", `${file}: ${reason}`, { cause });
  }
}

/** Runs `work` as one transaction: all of it or nothing. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (thrown) {
    database.exec("ROLLBACK");
    throw thrown;
  }
}
