import type { DatabaseSync, StatementSync } from "node:sqlite";

import { id as hashOf } from "ethers";

import { CONTRACT_NAMES } from "../chain/addressBook.js";
import { type Federation, requireChain } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import { type EventPlans, type RawLog, eventPlans } from "./abi.js";
import { mayHaveLogs } from "./bloom.js";
import { checkSample } from "./check.js";
import { inTransaction, openDatabase } from "./database.js";
import { type Projectors, eventId, projectorsOf } from "./project.js";
import { type Header, readHeader, readLogs, readReceiptLogs } from "./source.js";
import { DERIVED_INDEXES, DERIVED_NAMES, DERIVED_SCHEMA, PROJECTIONS, SCHEMA } from "./tables.js";

/** How the index is doing. */
export interface IndexState {
  /**
   * `rebuilding`: reads the chain from the beginning or from where it agrees with it. `following`: holds all up to the head
   * it last saw. `stalled`: the node does not answer, or its answers do not fit together; `cause` says what.
   */
  readonly phase: "rebuilding" | "following" | "stalled";
  /** The last block that is indexed; −1 for none. */
  readonly block: number;
  /** Its hash; empty for none. */
  readonly hash: string;
  /** Its time in milliseconds; 0 for none. */
  readonly timeMs: number;
  /** When the node last confirmed that this is its chain, by this machine's clock, in milliseconds; 0 for never. */
  readonly confirmedAtMs: number;
  /** Why it was last rebuilt, or why it is stalled. */
  readonly cause: { readonly code: string; readonly message: string } | undefined;
  /** How often it was rebuilt or repaired since it was opened. */
  readonly repairs: number;
}

/** What an index is made from. */
export interface IndexOptions {
  /** Where the database is; in memory if it is left out. */
  readonly file?: string;
  /** The first block with an event of the contracts. */
  readonly startBlock?: number;
  /** Most blocks asked for at once; halved where the node refuses. */
  readonly chunk?: number;
  /** VMs, stays and agreements that are compared with the contracts after a rebuild and every `checkEvery` blocks. */
  readonly sample?: number;
  /** Blocks between two comparisons. */
  readonly checkEvery?: number;
  /** How long a node may be behind the index, in milliseconds, before its chain is taken to be another one. */
  readonly patienceMs?: number;
}

const DEFAULT_CHUNK = 5_000;
/** Blocks asked for first; more or less then, so that an answer holds some thousand logs. */
const FIRST_CHUNK = 500;
const FEW_LOGS = 5_000;
const MANY_LOGS = 20_000;
const DEFAULT_SAMPLE = 8;
const DEFAULT_CHECK_EVERY = 600;
const DEFAULT_PATIENCE_MS = 30_000;
/** Up to this distance from the head each block's bloom filter is compared with the logs that came. */
const CLOSE = 16;
/** Longest pause between two attempts that fail. */
const MOST_WAIT_MS = 10_000;
/** Rows replayed in one go when the derived tables are made again. */
const REPLAY_ROWS = 20_000;

interface Statements {
  readonly insert: StatementSync;
  readonly checkpoint: StatementSync;
}

/** An index over a federation's events, in SQLite. Must be closed. */
export class EventIndex {
  readonly #federation: Federation;
  readonly #options: Required<Omit<IndexOptions, "file">>;
  readonly #addresses: readonly string[];
  readonly #statements: Statements;
  readonly #projectors: Projectors;
  readonly #listeners = new Set<(state: IndexState) => void>();
  #state: IndexState;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checkedAt = -1;
  /** Since when the node has been behind the index. */
  #behindSince: number | undefined;
  #isClosed = false;

  private constructor(
    federation: Federation,
    /** For queries: see `queries.ts`. Nobody else writes to it. */
    readonly database: DatabaseSync,
    /** How events are read. */
    readonly plans: EventPlans,
    options: IndexOptions,
  ) {
    this.#federation = federation;
    this.#options = {
      startBlock: options.startBlock ?? 0,
      chunk: options.chunk ?? DEFAULT_CHUNK,
      sample: options.sample ?? DEFAULT_SAMPLE,
      checkEvery: options.checkEvery ?? DEFAULT_CHECK_EVERY,
      patienceMs: options.patienceMs ?? DEFAULT_PATIENCE_MS,
    };
    this.#addresses = CONTRACT_NAMES.map((name) => federation.addressBook.contracts[name]);
    database.exec(SCHEMA);
    const cause = this.#prepare();
    this.#statements = {
      insert: database.prepare("INSERT INTO events (id, event, topics, data, tx) VALUES (?, ?, ?, ?, ?)"),
      checkpoint: database.prepare("INSERT OR REPLACE INTO checkpoints (block, hash, time) VALUES (?, ?, ?)"),
    };
    this.#projectors = projectorsOf(database, plans);
    this.#state = { ...this.#tip(), phase: "rebuilding", confirmedAtMs: 0, cause, repairs: 0 };
  }

  /**
   * Opens the index of a federation. What is in the file is used if it was made from the same chain and contracts;
   * otherwise it is emptied, and `state.cause` is `INDEX_RESET`.
   * @throws BusError `DATABASE`; `UNKNOWN_CHAIN`, `WRONG_GENESIS` if the node serves another chain than the address book's.
   */
  static async open(federation: Federation, options: IndexOptions = {}): Promise<EventIndex> {
    await requireChain(federation.provider, federation.addressBook);
    const database = await openDatabase(options.file ?? ":memory:");
    try {
      // What is lost in a crash of the machine is read from the chain again.
      database.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000");
      return new EventIndex(federation, database, eventPlans(federation.addressBook), options);
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  }

  /** How it is doing. */
  get state(): IndexState {
    return this.#state;
  }

  /** Calls `listener` whenever the index has caught up with a block, or its phase changes. Returns how to stop that. */
  onChange(listener: (state: IndexState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Catches up with the node's head. Notices that the chain was reset and that events are missing, and repairs itself.
   * @throws BusError `INDEX_GAP`, `INDEX_MISMATCH` if the node's answers do not fit together after a rebuild either;
   * `STALE_HEAD` if the node is behind the index; `WRONG_GENESIS`, `UNKNOWN_CHAIN` if the node serves another chain; whatever
   * the provider throws.
   */
  async sync(): Promise<void> {
    this.#running ??= this.#syncOnce().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /**
   * Follows the head until closed. Failures do not end it: they show as `stalled`, and it tries again less and less often.
   * @param pollMs How often the node is asked for its head.
   */
  follow(pollMs: number): void {
    let waitMs = pollMs;
    const step = async (): Promise<void> => {
      // A node that goes on answering what does not fit together is not asked for everything again at once.
      waitMs = await this.sync().then(
        () => pollMs,
        () => Math.min(waitMs * 2, MOST_WAIT_MS),
      );
      if (!this.#isClosed) this.#timer = setTimeout(() => void step(), waitMs);
    };
    void step();
  }

  /**
   * Makes the index again from a block on: older events are kept and replayed, younger ones are read from the node.
   * @param from First block to be read again; the start block if it is left out.
   */
  async rebuild(from = this.#options.startBlock): Promise<void> {
    while (this.#running) await this.#running.catch(() => undefined);
    this.#running = this.#rebuildOnce(from).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #rebuildOnce(from: number): Promise<void> {
    const last = await readHeader(this.#federation.provider, Math.max(0, from - 1));
    if (last && from > this.#options.startBlock && last.number <= this.#state.block) this.#markEnd(last);
    this.#rollback(from - 1);
    await this.#syncOnce();
  }

  #markEnd({ number, hash, timeMs }: Pick<Header, "number" | "hash" | "timeMs">): void {
    this.#statements.checkpoint.run(number, hash, timeMs);
  }

  /**
   * Adds logs in their order, as they came from a node; all or none.
   * @throws BusError `INDEX_GAP` for blocks that are not behind the last one, and for an event that does not follow.
   */
  apply(logs: readonly RawLog[], end: Pick<Header, "number" | "hash" | "timeMs">): void {
    const [first] = logs;
    if (end.number <= this.#state.block || (first && Number.parseInt(first.blockNumber, 16) <= this.#state.block)) {
      throw new BusError("INDEX_GAP", `block ${this.#state.block} is indexed: logs before it came late`);
    }
    this.#transact(() => {
      const { insert } = this.#statements;
      for (const log of logs) {
        const event = this.plans.numberOf(log);
        if (event === undefined) continue;
        const id = eventId(Number.parseInt(log.blockNumber, 16), Number.parseInt(log.logIndex, 16));
        insert.run(id, event, log.topics.join(" "), log.data, log.transactionHash);
        this.#projectors.all[event]?.(id, log.topics, log.data);
      }
      this.#markEnd(end);
    });
    this.#state = { ...this.#state, block: end.number, hash: end.hash, timeMs: end.timeMs };
  }

  #transact(work: () => void): void {
    try {
      inTransaction(this.database, work);
    } catch (thrown) {
      this.#projectors.forget();
      throw thrown;
    }
  }

  /** Makes the indexes of the tables, if they are not there: quicker once than with each row of a rebuild. */
  finishRebuild(): void {
    this.database.exec(DERIVED_INDEXES);
  }

  /** Stops following, waits for what is under way, and closes the database. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    await this.#running?.catch(() => undefined);
    this.database.close();
  }

  /** Empties the database if it was made from something else; makes the tables. Returns why it was emptied. */
  #prepare(): IndexState["cause"] {
    const { addressBook } = this.#federation;
    const wanted = JSON.stringify({
      chainId: addressBook.chainId,
      genesisHash: addressBook.genesisHash,
      contracts: addressBook.contracts,
      startBlock: this.#options.startBlock,
      format: hashOf(
        JSON.stringify([
          SCHEMA,
          DERIVED_SCHEMA,
          PROJECTIONS,
          this.plans.all.map(({ fragment }) => fragment.format("full")),
        ]),
      ),
    });
    const database = this.database;
    const found = database.prepare("SELECT value FROM meta WHERE name = 'made-from'").get()?.value;
    if (found !== wanted) {
      inTransaction(database, () => {
        dropDerived(database);
        database.exec(`DELETE FROM events; DELETE FROM checkpoints; ${DERIVED_SCHEMA}`);
        database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('made-from', ?)").run(wanted);
      });
    }
    database.exec(DERIVED_SCHEMA);
    if (found === undefined || found === wanted) return undefined;
    return {
      code: "INDEX_RESET",
      message: "the index was made from another chain, other contracts or another version",
    };
  }

  #tip(): Pick<IndexState, "block" | "hash" | "timeMs"> {
    const row = this.database.prepare("SELECT block, hash, time FROM checkpoints ORDER BY block DESC LIMIT 1").get();
    if (!row) return { block: this.#options.startBlock - 1, hash: "", timeMs: 0 };
    return { block: Number(row.block), hash: String(row.hash), timeMs: Number(row.time) };
  }

  async #syncOnce(): Promise<void> {
    try {
      await this.#attempt();
    } catch (thrown) {
      if (!isInconsistency(thrown)) return this.#stall(thrown);
      try {
        this.#repair(this.#options.startBlock - 1, thrown);
        await this.#attempt();
      } catch (again) {
        this.#stall(again);
      }
    }
  }

  #stall(thrown: unknown): never {
    const code = thrown instanceof BusError ? thrown.code : "NODE";
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    this.#change({ phase: "stalled", cause: { code, message } });
    throw thrown;
  }

  #change(change: Partial<IndexState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener(this.#state);
  }

  async #attempt(): Promise<void> {
    const { provider } = this.#federation;
    const head = await readHeader(provider, "latest");
    if (!head) throw new BusError("STALE_HEAD", "the node has no newest block");
    await this.#requireSameChain(head);
    this.#behindSince = undefined;
    const before = this.#state;
    if (head.number - before.block > CLOSE && before.phase !== "rebuilding") this.#change({ phase: "rebuilding" });
    await this.#readUpTo(head);
    if (this.#isCheckDue()) {
      await checkSample(this.#federation, this.database, this.#state, this.#options.sample);
      this.#checkedAt = this.#state.block;
    }
    this.finishRebuild();
    const isNews = before.block !== this.#state.block || before.phase !== "following";
    this.#state = { ...this.#state, phase: "following", confirmedAtMs: Date.now() };
    if (isNews) this.#change({});
  }

  #isCheckDue(): boolean {
    if (this.#options.sample === 0) return false;
    return this.#checkedAt < 0 || this.#state.block - this.#checkedAt >= this.#options.checkEvery;
  }

  /** Goes back to the last block on which index and node agree, if the node's chain is another one now. */
  async #requireSameChain(head: Header): Promise<void> {
    const { block, hash } = this.#state;
    if (hash === "" || head.hash === hash || (head.number === block + 1 && head.parentHash === hash)) return;
    const { provider, addressBook } = this.#federation;
    const now = head.number < block ? undefined : await readHeader(provider, block);
    if (now?.hash === hash) return;
    await requireChain(provider, addressBook);
    if (!now && (await this.#isBehind(head))) {
      throw new BusError("STALE_HEAD", `the node is at block ${head.number}, and block ${block} is indexed`);
    }
    const found = now ? `has the hash ${now.hash}` : "is not there";
    const reset = new BusError("INDEX_RESET", `block ${block}, indexed with the hash ${hash}, ${found}`);
    this.#repair(await this.#lastAgreed(), reset);
  }

  /** Whether the node may only be late, as another one is at first that is asked because the one before does not answer. */
  async #isBehind({ number }: Header): Promise<boolean> {
    this.#behindSince ??= Date.now();
    if (Date.now() - this.#behindSince > this.#options.patienceMs) return false;
    const row = this.database
      .prepare("SELECT block, hash FROM checkpoints WHERE block <= ? ORDER BY block DESC LIMIT 1")
      .get(number);
    return row !== undefined && (await readHeader(this.#federation.provider, Number(row.block)))?.hash === row.hash;
  }

  async #lastAgreed(): Promise<number> {
    const rows = this.database.prepare("SELECT block, hash FROM checkpoints ORDER BY block DESC LIMIT 64").all();
    for (const row of rows) {
      const block = Number(row.block);
      const header = await readHeader(this.#federation.provider, block);
      if (header?.hash === row.hash) return block;
    }
    return this.#options.startBlock - 1;
  }

  #repair(last: number, reason: BusError): void {
    this.#change({
      phase: "rebuilding",
      cause: { code: reason.code, message: reason.message },
      repairs: this.#state.repairs + 1,
    });
    this.#rollback(last);
  }

  /** Drops what is younger than a block, and makes the derived tables again from the events before. */
  #rollback(last: number): void {
    const database = this.database;
    this.#projectors.forget();
    this.#transact(() => {
      for (const name of DERIVED_NAMES.indexes) database.exec(`DROP INDEX IF EXISTS ${name}`);
      for (const name of DERIVED_NAMES.tables) database.exec(`DELETE FROM ${name}`);
      database.prepare("DELETE FROM checkpoints WHERE block > ?").run(last);
      // Up to a checkpoint the events are whole; behind the last one they are read again.
      database.prepare("DELETE FROM events WHERE id >= ?").run(eventId(this.#tip().block + 1, 0));
      const page = database.prepare("SELECT id, event, topics, data FROM events WHERE id > ? ORDER BY id LIMIT ?");
      for (let after = -1; ;) {
        const rows = page.all(after, REPLAY_ROWS);
        for (const row of rows) {
          after = Number(row.id);
          this.#projectors.all[Number(row.event)]?.(after, String(row.topics).split(" "), String(row.data));
        }
        if (rows.length < REPLAY_ROWS) break;
      }
    });
    this.#checkedAt = -1;
    this.#state = { ...this.#state, ...this.#tip() };
  }

  async #readUpTo(head: Header): Promise<void> {
    let size = Math.min(this.#options.chunk, FIRST_CHUNK);
    let pending: Promise<Chunk> | undefined;
    while (this.#state.block < head.number && !this.#isClosed) {
      const from = this.#state.block + 1;
      const to = Math.min(from + size - 1, head.number);
      try {
        const chunk = await (pending ?? this.#fetch(from, to, head));
        if (chunk.logs.length < FEW_LOGS) size = Math.min(size * 2, this.#options.chunk);
        else if (chunk.logs.length > MANY_LOGS) size = Math.ceil(size / 2);
        // The next chunk is on its way while this one is stored.
        const next = chunk.end.number + 1;
        pending = next > head.number ? undefined : this.#fetch(next, Math.min(next + size - 1, head.number), head);
        pending?.catch(() => undefined);
        this.apply(chunk.logs, chunk.end);
      } catch (thrown) {
        // Nodes limit what they answer at once, each in its own words.
        if (thrown instanceof BusError || to === from) throw thrown;
        pending = undefined;
        size = Math.ceil((to - from + 1) / 4);
      }
    }
  }

  async #fetch(from: number, to: number, head: Header): Promise<Chunk> {
    const { provider } = this.#federation;
    if (head.number - from >= CLOSE) {
      const [logs, end] = await Promise.all([
        readLogs(provider, this.#addresses, from, to),
        to === head.number ? Promise.resolve(head) : readHeader(provider, to),
      ]);
      if (!end) throw new BusError("INDEX_GAP", `the node has no block ${to}`);
      requireBlock(
        end,
        logs.filter(({ blockNumber }) => Number.parseInt(blockNumber, 16) === to),
      );
      return { logs, end };
    }
    const blocks = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    const [logs, headers] = await Promise.all([
      readLogs(provider, this.#addresses, from, to),
      Promise.all(blocks.map((block) => (block === head.number ? Promise.resolve(head) : readHeader(provider, block)))),
    ]);
    const checked = await Promise.all(
      headers.map(async (header, index) => {
        if (!header) throw new BusError("INDEX_GAP", `the node has no block ${from + index}`);
        const own = logs.filter(({ blockNumber }) => Number.parseInt(blockNumber, 16) === header.number);
        return this.#complete(header, own);
      }),
    );
    return { logs: checked.flat(), end: headers.at(-1) ?? head };
  }

  /** A block's logs; asked for in another way if the block's header says that there should be more. */
  async #complete(header: Header, logs: readonly RawLog[]): Promise<readonly RawLog[]> {
    requireBlock(header, logs);
    const silent = this.#addresses.filter(
      (address) =>
        mayHaveLogs(header.logsBloom, address) &&
        !logs.some((log) => log.address.toLowerCase() === address.toLowerCase()),
    );
    return silent.length === 0 ? logs : readReceiptLogs(this.#federation.provider, this.#addresses, header.number);
  }
}

interface Chunk {
  readonly logs: readonly RawLog[];
  readonly end: Header;
}

function requireBlock(header: Header, logs: readonly RawLog[]): void {
  if (logs.every(({ blockHash }) => blockHash.toLowerCase() === header.hash)) return;
  throw new BusError("INDEX_GAP", `block ${header.number}: its logs are of another block than its header`);
}

function dropDerived(database: DatabaseSync): void {
  for (const name of DERIVED_NAMES.indexes) database.exec(`DROP INDEX IF EXISTS ${name}`);
  for (const name of DERIVED_NAMES.tables) database.exec(`DROP TABLE IF EXISTS ${name}`);
}

function isInconsistency(thrown: unknown): thrown is BusError {
  return thrown instanceof BusError && (thrown.code === "INDEX_GAP" || thrown.code === "INDEX_MISMATCH");
}
