import { type FileHandle, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import type { DocumentName } from "../documents/types.js";
import { BusError } from "../errors/busError.js";

/** A signature as it was made. */
export interface JournalEntry {
  /** When, by the clock of the desk, in milliseconds. */
  readonly at: number;
  readonly chainId: string;
  readonly genesisHash: string;
  /** Contract that takes the document. */
  readonly contract: string;
  /** For which cloud it was signed. */
  readonly cloud: number;
  readonly signer: string;
  readonly name: DocumentName;
  /** Struct hash of the document: what `revoke` takes. */
  readonly id: string;
  readonly digest: string;
  readonly signature: string;
  /** Last moment at which the document can be brought, in milliseconds. */
  readonly usableUntil: string;
  /** What the document speaks about: two documents about the same subject contradict each other. */
  readonly subjects: readonly string[];
  /** The document itself, integers as decimal strings. */
  readonly document: unknown;
}

/** Where a desk writes down what it signs. An entry that was appended must survive a crash. */
export interface Journal {
  /** Resolves when the entry is safe. Nothing is signed out before. */
  append(entry: JournalEntry): Promise<void>;
  /** Entries about a subject, in the order in which they were appended. */
  entriesAbout(subject: string): readonly JournalEntry[];
}

/** A journal in a file, which must be closed. */
export interface FileJournal extends Journal {
  /** All entries, in their order. */
  readonly entries: readonly JournalEntry[];
  close(): Promise<void>;
}

class Index {
  readonly entries: JournalEntry[] = [];
  readonly #about = new Map<string, JournalEntry[]>();

  add(entry: JournalEntry): void {
    this.entries.push(entry);
    for (const subject of entry.subjects) {
      const list = this.#about.get(subject) ?? [];
      list.push(entry);
      this.#about.set(subject, list);
    }
  }

  about(subject: string): readonly JournalEntry[] {
    return this.#about.get(subject) ?? [];
  }
}

/** A journal that forgets everything with the process: for tests and simulations, never for a key that matters. */
export function createMemoryJournal(): Journal & { readonly entries: readonly JournalEntry[] } {
  const index = new Index();
  return {
    entries: index.entries,
    append: (entry) => {
      index.add(entry);
      return Promise.resolve();
    },
    entriesAbout: (subject) => index.about(subject),
  };
}

/**
 * A journal in a file of JSON lines, only ever appended to, each entry flushed to the disk before it counts. The file
 * belongs to one process at a time. A last line that a crash cut off is dropped: its signature was never handed out.
 * @throws BusError `JOURNAL` if the file is in use, or holds what is no entry.
 */
export async function openFileJournal(path: string): Promise<FileJournal> {
  await mkdir(dirname(path), { recursive: true });
  const lock = `${path}.lock`;
  await takeLock(lock);
  let file: FileHandle | undefined;
  try {
    const index = new Index();
    const kept = await load(path, index);
    file = await open(path, "a");
    await file.truncate(kept);
    await flush(file, path);
    return fileJournal(path, file, index, lock);
  } catch (thrown) {
    await file?.close();
    await rm(lock, { force: true });
    throw thrown;
  }
}

function fileJournal(path: string, file: FileHandle, index: Index, lock: string): FileJournal {
  let isBroken = false;
  return {
    entries: index.entries,
    async append(entry) {
      if (isBroken) throw new BusError("JOURNAL", `${path}: an earlier entry could not be written`);
      try {
        await file.appendFile(`${JSON.stringify(entry)}\n`);
        await file.sync();
      } catch (thrown) {
        // How much was written is not known: only opening the file again tells.
        isBroken = true;
        throw new BusError("JOURNAL", `${path}: the entry could not be written`, { cause: thrown });
      }
      index.add(entry);
    },
    entriesAbout: (subject) => index.about(subject),
    async close() {
      isBroken = true;
      await file.close();
      await rm(lock, { force: true });
    },
  };
}

/** Flushes the file and the folder that names it. */
async function flush(file: FileHandle, path: string): Promise<void> {
  await file.sync();
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Reads all whole lines. Returns how many bytes they take. */
async function load(path: string, index: Index): Promise<number> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    if (codeOf(thrown) === "ENOENT") return Buffer.alloc(0);
    throw thrown;
  });
  const kept = bytes.lastIndexOf("\n") + 1;
  const lines = bytes.subarray(0, kept).toString("utf8").split("\n").slice(0, -1);
  lines.forEach((line, number) => {
    index.add(parseEntry(line, `${path}:${number + 1}`));
  });
  return kept;
}

function parseEntry(line: string, where: string): JournalEntry {
  try {
    const value: unknown = JSON.parse(line);
    if (isEntry(value)) return value;
  } catch (thrown) {
    throw new BusError("JOURNAL", `${where}: not JSON`, { cause: thrown });
  }
  throw new BusError("JOURNAL", `${where}: not an entry`);
}

function isEntry(value: unknown): value is JournalEntry {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as { readonly [name: string]: unknown };
  const texts = ["chainId", "genesisHash", "contract", "signer", "name", "id", "digest", "signature", "usableUntil"];
  const { subjects } = fields;
  return (
    texts.every((name) => typeof fields[name] === "string") &&
    Array.isArray(subjects) &&
    subjects.every((subject) => typeof subject === "string")
  );
}

async function takeLock(lock: string): Promise<void> {
  try {
    await writeFile(lock, `${process.pid}\n`, { flag: "wx" });
    return;
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw thrown;
  }
  const holder = Number(await readFile(lock, "utf8").catch(() => ""));
  if (isRunning(holder)) throw new BusError("JOURNAL", `${lock}: process ${holder} has the journal open`);
  // Left by a process that is gone.
  await rm(lock, { force: true });
  await takeLock(lock);
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === "EPERM";
  }
}

function codeOf(thrown: unknown): unknown {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
}
