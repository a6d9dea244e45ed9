import { SYSTEM_CLOCK, type Clock } from "./clock.js";
import { type RpcPool, fieldOf } from "./rpcPool.js";

/** A new head, as it was seen. */
export interface SeenHead {
  readonly number: number;
  /** Zero: no transaction is in it. */
  readonly gasUsed: bigint;
  /** When this process saw it, in milliseconds. */
  readonly seenAt: number;
}

/** What {@link HeadTracker} needs of a WebSocket. The platform's own fits. */
export interface Socket {
  send(text: string): void;
  close(): void;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

/** How heads are followed. */
export interface HeadOptions {
  /** WebSocket addresses, one for each node of the pool, where it has one. */
  readonly sockets: readonly (string | undefined)[];
  /** How often a node is asked when a block is due, in milliseconds. */
  readonly pollMs: number;
  readonly clock?: Clock;
  readonly connect?: (url: string) => Socket;
}

const SUBSCRIBE = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] });
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;
/** A subscription that is silent for so many block times is doubted, and a node that is late is asked less often. */
const SILENT_PERIODS = 3;
const MOST_PATIENT_MS = 1_000;
/** Without a beat a node is asked all the time at first, and then less and less. */
const EAGER_MS = 2_000;
/** So many heads on time in a row, and the chain is taken to have a beat. */
const STEADY = 2;

/**
 * Follows the head of the chain: by one subscription to `newHeads` where the node has a WebSocket, otherwise, and while
 * that is down, by asking in step with the blocks, and only while somebody waits for one.
 */
export class HeadTracker {
  readonly #pool: RpcPool;
  readonly #options: HeadOptions;
  readonly #clock: Clock;
  readonly #listeners = new Set<(head: SeenHead) => void>();
  #latest: SeenHead | undefined;
  /** Estimate of the time between two blocks, in milliseconds. */
  #period: number | undefined;
  /** How many heads in a row came when they were due. */
  #onTime = 0;
  /** How long after its own timestamp a head is seen here, in milliseconds: what the clocks differ in, too. */
  #lag: number | undefined;
  /** When the next head should be seen. */
  #dueAt = 0;
  /** When a node was last asked and had no new head. */
  #lastAskedAt = 0;
  #isWanted = false;
  #wantedSince = 0;
  #isPolling = false;
  #isClosed = false;
  #socket: Socket | undefined;
  #isSubscribed = false;
  #endSocket: () => void = () => undefined;
  #retryMs = FIRST_RETRY_MS;

  constructor(pool: RpcPool, options: HeadOptions) {
    this.#pool = pool;
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    if (options.sockets.some((url) => url !== undefined)) this.#subscribe();
  }

  /** The newest head that was seen. */
  get latest(): SeenHead | undefined {
    return this.#latest;
  }

  /** Time between two blocks in milliseconds, as far as it is known. */
  get period(): number | undefined {
    return this.#period;
  }

  /** Whether blocks come at equal intervals, as far as that is known. */
  get isSteady(): boolean {
    return this.#onTime >= STEADY;
  }

  /** Whether heads come by a subscription just now. */
  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  /** When the next head should be seen, as far as that is known. */
  get nextAt(): number | undefined {
    const period = this.#period;
    if (period === undefined || this.#dueAt === 0) return undefined;
    const missed = Math.ceil((this.#clock.now() - this.#dueAt) / period);
    return this.#dueAt + Math.max(0, missed) * period;
  }

  /** Calls back on every new head. Returns what ends that. */
  onHead(listener: (head: SeenHead) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says whether anybody waits for a head. */
  want(isWanted: boolean): void {
    if (isWanted && !this.#isWanted) this.#wantedSince = this.#clock.now();
    this.#isWanted = isWanted;
    if (isWanted && !this.#isPolling && !this.#isClosed) void this.#poll();
  }

  /** Ends all of it. */
  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
    this.#listeners.clear();
  }

  /** @param isPrompt Whether it was seen as soon as it was there. */
  #saw(number: number, gasUsed: bigint, timeMs: number, isPrompt: boolean): void {
    const before = this.#latest;
    const seenAt = this.#clock.now();
    if (this.#isClosed || (before && number <= before.number)) {
      this.#lastAskedAt = seenAt;
      return;
    }
    if (before) {
      const apart = (seenAt - before.seenAt) / (number - before.number);
      const isOnTime = this.#period !== undefined && Math.abs(apart - this.#period) <= this.#period / 2;
      this.#onTime = isOnTime ? this.#onTime + 1 : 0;
      this.#period = this.#period === undefined ? apart : this.#period * 0.75 + apart * 0.25;
    }
    this.#lag = isPrompt || seenAt - this.#lastAskedAt <= 2 * this.#options.pollMs ? seenAt - timeMs : this.#lag;
    this.#dueAt = this.#period === undefined || this.#lag === undefined ? 0 : timeMs + this.#lag + this.#period;
    this.#latest = { number, gasUsed, seenAt };
    for (const listener of [...this.#listeners]) listener(this.#latest);
  }

  #sawHeader(header: unknown, isPrompt: boolean): boolean {
    const number = fieldOf(header, "number");
    const gasUsed = fieldOf(header, "gasUsed");
    const timestamp = fieldOf(header, "timestamp");
    if (typeof number !== "string" || typeof gasUsed !== "string" || typeof timestamp !== "string") return false;
    this.#saw(Number(number), BigInt(gasUsed), Number(timestamp) * 1_000, isPrompt);
    return true;
  }

  /* ASKING */

  async #poll(): Promise<void> {
    this.#isPolling = true;
    try {
      while (this.#isWanted && !this.#isClosed) {
        await this.#clock.sleep(this.#pause());
        if (!this.#mayAsk()) continue;
        const known = this.#latest?.number;
        const answer = await this.#pool.call("eth_getBlockByNumber", ["latest", false]).catch(() => undefined);
        // A node that does not answer is asked again; to say so is for whoever sends.
        if (answer === undefined || answer.error || !this.#sawHeader(answer.result, false)) {
          await this.#clock.sleep(this.#options.pollMs);
        } else if (this.#isSubscribed && this.#latest?.number !== known) {
          // The chain went on and the subscription did not tell: its connection is dead without knowing it.
          this.#socket?.close();
          this.#endSocket();
        }
      }
    } finally {
      this.#isPolling = false;
    }
  }

  #mayAsk(): boolean {
    return this.#isWanted && !this.#isClosed && (!this.#isSubscribed || this.#isSilent());
  }

  #isSilent(): boolean {
    const last = this.#latest?.seenAt ?? 0;
    return this.#clock.now() - last > SILENT_PERIODS * (this.#period ?? MOST_PATIENT_MS);
  }

  /** How long to wait before the node is asked again. */
  #pause(): number {
    const { pollMs } = this.#options;
    const period = this.#period ?? MOST_PATIENT_MS;
    if (this.#isSubscribed && !this.#isSilent()) return period;
    if (!this.isSteady) {
      // A chain that makes a block when there is something for it has no beat to wait for.
      const waited = this.#clock.now() - Math.max(this.#wantedSince, this.#latest?.seenAt ?? 0);
      return waited <= EAGER_MS ? pollMs : Math.min(Math.max(pollMs, waited / 8), MOST_PATIENT_MS);
    }
    // One step early: the head before was seen up to one step late.
    const left = this.#dueAt - this.#clock.now() - pollMs;
    if (left > 0) return Math.min(left, period);
    return this.#isSilent() ? Math.min(Math.max(pollMs, period / 4), MOST_PATIENT_MS) : pollMs;
  }

  /* SUBSCRIPTION */

  #subscribe(): void {
    if (this.#isClosed) return;
    const url = this.#options.sockets[this.#pool.current] ?? this.#options.sockets.find((each) => each !== undefined);
    if (url === undefined) return;
    let socket: Socket;
    try {
      socket = (this.#options.connect ?? ((address) => new WebSocket(address)))(url);
    } catch {
      this.#retry();
      return;
    }
    this.#socket = socket;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      this.#isSubscribed = false;
      this.#retry();
    };
    this.#endSocket = end;
    socket.addEventListener("open", () => {
      socket.send(SUBSCRIBE);
    });
    socket.addEventListener("error", end);
    socket.addEventListener("close", end);
    socket.addEventListener("message", ({ data }) => {
      if (!isOver && !this.#read(String(data))) {
        socket.close();
        end();
      }
    });
  }

  #retry(): void {
    if (this.#isClosed) return;
    const pause = this.#retryMs;
    this.#retryMs = Math.min(pause * 2, LONGEST_RETRY_MS);
    void this.#clock.sleep(pause, true).then(() => {
      this.#subscribe();
    });
  }

  /** Reads one message. False if it is none of those that were asked for. */
  #read(text: string): boolean {
    const message = parsed(text);
    if (fieldOf(message, "id") === 1) {
      if (typeof fieldOf(message, "result") !== "string") return false;
      this.#isSubscribed = true;
      this.#retryMs = FIRST_RETRY_MS;
      return true;
    }
    return this.#sawHeader(fieldOf(fieldOf(message, "params"), "result"), true);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
