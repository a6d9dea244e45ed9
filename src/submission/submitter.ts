import { randomUUID } from "node:crypto";

import { type Signer, getAddress, keccak256 } from "ethers";

import { BusError } from "../errors/busError.js";
import { decodeRevert, findRevertData } from "../errors/revert.js";
import { SYSTEM_CLOCK, type Clock } from "./clock.js";
import { HeadTracker, type Socket } from "./heads.js";
import { type NodeAddress, asNode } from "./nodeAddress.js";
import { verdictOf } from "./nodeAnswers.js";
import {
  type SubmissionDraft,
  FILLER,
  type SubmissionFailure,
  Outbox,
  type RawReceipt,
  type Settlement,
  type SignedTransaction,
  type Submission,
} from "./outbox.js";
import { MAX_BATCH, type RpcAnswer, type RpcNode, RpcPool, type TrustedChain, fieldOf } from "./rpcPool.js";
import { findNonceUse } from "./takenNonce.js";

/** What a {@link Submitter} needs. */
export interface SubmitterOptions {
  readonly chain: TrustedChain;
  /** Nodes of the chain: the first one that answers is used, the others when it does not. */
  readonly nodes: readonly (NodeAddress | RpcNode)[];
  /** File of the outbox; several processes of one machine may share it. `:memory:` is lost with the process. */
  readonly outbox: string | Outbox;
  /** Keys whose submissions of earlier runs go on at once. Others go on when their key is used. */
  readonly signers?: readonly Signer[];
  /** How many transactions of one sender are on their way at most: 128, since a node's pool keeps 200. */
  readonly window?: number;
  /** How long a node may take for an answer. */
  readonly timeoutMs?: number;
  /** How often a node without WebSocket is asked for a block that is due. */
  readonly pollMs?: number;
  /** How long settled submissions, and with them their ids, are kept: 90 days. */
  readonly keepMs?: number;
  /** Told of what went wrong in the background and will be tried again. */
  readonly onTrouble?: (trouble: unknown) => void;
  readonly clock?: Clock;
  readonly connect?: (url: string) => Socket;
}

/** A call of a contract. */
export interface SubmittedCall {
  readonly to: string;
  readonly data: string;
  readonly gasLimit: bigint;
  /** Taken instead if the call runs out of gas with the other. */
  readonly spareGasLimit?: bigint;
  /** What is called, for people. */
  readonly name: string;
}

/** How a call is handed over. */
export interface SubmitOptions {
  /** Handing over the same call under the same id again has no second effect: it tells what became of the first. */
  readonly id?: string;
  /** Whether the call is tried on the head before it is signed, so that a refusal costs no transaction: yes, if not told. */
  readonly isChecked?: boolean;
}

interface Incoming {
  readonly draft: SubmissionDraft;
  /** Whether it passed its check, or needs none. */
  readonly isReady: boolean;
  readonly resolve: (submission: Submission) => void;
  readonly reject: (reason: unknown) => void;
}

/** All that concerns one sender. */
interface Lane {
  readonly sender: string;
  signer: Signer | undefined;
  readonly incoming: Incoming[];
  /** The chain's own count of the sender's transactions, when it was last asked. */
  base: number | undefined;
  flushing: Promise<void> | undefined;
  isFlushDue: boolean;
  sending: Promise<void>;
  /** Hashes whose first sending has not been answered yet, and since when. */
  readonly unanswered: Map<string, number>;
  isInspecting: boolean;
  /** The comparison of the outbox with the chain, which is made once. */
  comparing: Promise<void> | undefined;
  /** Node that the transactions were last sent to. */
  node: number;
  /** Newest block that was searched for receipts. */
  searchedTo: number | undefined;
  inspectAt: number;
  /** Block that was the newest when something was last sent, or made way. */
  sentAtBlock: number | undefined;
  patienceMs: number;
  /** Since when the chain waits for a nonce that nobody here has given out. */
  gap: { readonly nonce: number; readonly since: number } | undefined;
}

interface PendingCheck {
  readonly draft: SubmissionDraft;
  /** Gas limit for a second try. */
  readonly spare: bigint | undefined;
  readonly resolve: (check: Check) => void;
}

type Check = { readonly outcome: "passed"; readonly gasLimit: bigint } | { readonly outcome: "unknown" } | Refused;
interface Refused {
  readonly outcome: "refused";
  readonly failure: SubmissionFailure;
}

interface Waiter {
  readonly resolve: (submission: Submission) => void;
  readonly reject: (reason: unknown) => void;
}

/** Most transactions of one sender on their way. */
export const MAX_WINDOW = 128;

const TICK_MS = 500;
const BEAT_MS = 2_000;
const SILENT_MS = 10_000;
/** If a sender has more on their way, it is asked first how many of them are mined. */
const FEW = 4;
/** Signed before the first of them is sent: while more is signed these are on their way. */
const SIGNED_AT_ONCE = 32;
const FORGET_MS = 3_600_000;
const DAY_MS = 86_400_000;
const FILLER_GAS = 21_000n;
const FIRST_PATIENCE_BLOCKS = 3;
const LONGEST_PATIENCE_MS = 30_000;
const UNKNOWN_PERIOD_MS = 1_000;
const CHECK_TRIES = 3;

/**
 * Sees calls through: what {@link submit} has taken is found `final`, with one effect, or `failed`, with none, whatever
 * becomes of nodes, connections and this process in between. See docs/submission.md.
 */
export class Submitter {
  readonly #outbox: Outbox;
  readonly #pool: RpcPool;
  readonly #heads: HeadTracker;
  readonly #clock: Clock;
  readonly #chainId: bigint;
  readonly #window: number;
  readonly #onTrouble: (trouble: unknown) => void;
  readonly #keepMs: number;
  readonly #lanes = new Map<string, Lane>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #underway = new Map<string, Promise<Submission>>();
  #checks: PendingCheck[] = [];
  #searching: Promise<void> | undefined;
  #isSearchDue = false;
  #beatAt = 0;
  #forgetAt = 0;
  #isClosed = false;

  /** @throws BusError `OUTBOX` if the outbox cannot be opened; `NO_NODE` if no node is named. */
  constructor(options: SubmitterOptions) {
    const window = options.window ?? MAX_WINDOW;
    if (!(Number.isInteger(window) && window >= 1 && window <= MAX_WINDOW)) {
      throw new BusError("OUTBOX", `a window of ${window} is not between 1 and ${MAX_WINDOW}`);
    }
    this.#window = window;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#chainId = BigInt(options.chain.chainId);
    this.#onTrouble = options.onTrouble ?? (() => undefined);
    this.#pool = new RpcPool(options.nodes.map(asNode), options.chain, this.#clock, options.timeoutMs ?? 5_000);
    const { outbox } = options;
    this.#outbox = typeof outbox === "string" ? new Outbox(outbox, options.chain) : outbox;
    this.#keepMs = options.keepMs ?? 90 * DAY_MS;
    this.#heads = new HeadTracker(this.#pool, {
      sockets: options.nodes.map((node) => ("http" in node ? node.ws : undefined)),
      pollMs: options.pollMs ?? 25,
      clock: this.#clock,
      ...(options.connect && { connect: options.connect }),
    });
    this.#heads.onHead(() => {
      this.#search();
    });
    this.#run(options.signers ?? []).catch(this.#onTrouble);
  }

  /* WHAT CALLERS SEE */

  /** RPC calls and posts made so far, and failed posts. */
  get rpc(): Readonly<RpcPool["counts"]> {
    return { ...this.#pool.counts };
  }

  /** When the next head should be seen here, in milliseconds since the epoch; undefined while that is not known. */
  get nextHeadAt(): number | undefined {
    return this.#heads.nextAt;
  }

  /** How many submissions are in each state. */
  counts(): ReturnType<Outbox["counts"]> {
    return this.#outbox.counts();
  }

  /** What is known under an id. */
  find(id: string): Submission | undefined {
    return this.#outbox.find(id);
  }

  /** Submissions in a state, the newest first. */
  list(state: Submission["state"], limit = 100): Submission[] {
    return this.#outbox.list(state, limit);
  }

  /**
   * Hands a call over. When this resolves it is in the outbox, on the disk, and will be seen through.
   * @returns How it stands then; `failed` if the contract refuses it already.
   * @throws BusError `SUBMISSION_CONFLICT` if the id stands for another call; `OUTBOX` if the chain was begun anew; what the
   * signer throws.
   */
  async submit(signer: Signer, call: SubmittedCall, options: SubmitOptions = {}): Promise<Submission> {
    this.#requireOpen();
    const draft: SubmissionDraft = {
      id: options.id ?? randomUUID(),
      sender: getAddress(await signer.getAddress()),
      to: getAddress(call.to),
      data: call.data.toLowerCase(),
      gasLimit: call.gasLimit,
      name: call.name,
      isChecked: options.isChecked ?? true,
    };
    const underway = this.#underway.get(draft.id);
    const known = underway ? await underway : this.#outbox.find(draft.id);
    if (known) return requireSame(known, draft);
    const submitting = this.#handOver(signer, draft, call.spareGasLimit);
    this.#underway.set(draft.id, submitting);
    try {
      return await submitting;
    } finally {
      this.#underway.delete(draft.id);
    }
  }

  /** Goes on with what waits in the outbox for this key. */
  async resume(signer: Signer): Promise<void> {
    this.#requireOpen();
    const lane = this.#laneOf(getAddress(await signer.getAddress()), signer);
    await (lane.comparing ??= this.#requireSameChain(lane));
    this.#flush(lane);
  }

  /**
   * Waits until a submission is settled.
   * @returns It, `final` or `failed`.
   * @throws BusError `TIMEOUT`: it is still in the outbox, and goes on; `OUTBOX` if there is none of this id.
   */
  async settled(id: string, timeoutMs = 60_000): Promise<Submission> {
    this.#requireOpen();
    const now = this.#outbox.find(id);
    if (!now) throw new BusError("OUTBOX", `there is no submission ${id}`);
    if (isSettled(now)) return now;
    let waiter: Waiter | undefined;
    const waiting = new Promise<Submission>((resolve, reject) => {
      waiter = { resolve, reject };
      const all = this.#waiters.get(id) ?? new Set();
      all.add(waiter);
      this.#waiters.set(id, all);
    });
    this.#showInterest();
    const late = this.#clock.sleep(timeoutMs, true).then(() => {
      throw new BusError("TIMEOUT", `submission ${id} is not settled in time; it stays in the outbox`);
    });
    late.catch(() => undefined);
    waiting.catch(() => undefined);
    try {
      return await Promise.race([waiting, late]);
    } finally {
      const all = this.#waiters.get(id);
      if (all && waiter) all.delete(waiter);
      if (all?.size === 0) this.#waiters.delete(id);
    }
  }

  /** Stops. What is not settled goes on when the outbox is opened again, by this or another process. */
  async close(): Promise<void> {
    if (this.#ended()) return;
    this.#isClosed = true;
    this.#heads.close();
    const closed = new BusError("OUTBOX", "the submitter is closed");
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(closed);
    for (const lane of this.#lanes.values()) for (const incoming of lane.incoming.splice(0)) incoming.reject(closed);
    await Promise.allSettled(
      [...this.#lanes.values()].flatMap(({ flushing, sending }) => [flushing ?? sending, sending]),
    );
    await this.#searching;
    this.#outbox.close();
  }

  /* HANDING OVER */

  async #handOver(signer: Signer, draft: SubmissionDraft, spare: bigint | undefined): Promise<Submission> {
    const lane = this.#laneOf(draft.sender, signer);
    await (lane.comparing ??= this.#requireSameChain(lane));
    const check: Check = draft.isChecked
      ? await this.#check(draft, spare)
      : { outcome: "passed", gasLimit: draft.gasLimit };
    this.#requireOpen();
    if (check.outcome === "refused") {
      this.#outbox.writeFailed(draft, check.failure, this.#clock.now());
      return requireSame(this.#found(draft.id), draft);
    }
    const isReady = check.outcome === "passed";
    const gasLimit = isReady ? check.gasLimit : (spare ?? draft.gasLimit);
    return new Promise((resolve, reject) => {
      lane.incoming.push({ draft: { ...draft, gasLimit }, isReady, resolve, reject });
      this.#flush(lane);
    });
  }

  /**
   * A chain that was begun anew from the same genesis would wait for nonces that the outbox has given out on the old one.
   * @throws BusError `OUTBOX` if the block of the sender's newest final submission is another one now.
   */
  async #requireSameChain(lane: Lane): Promise<void> {
    const newest = this.#outbox.newestFinal(lane.sender);
    if (!newest?.receipt) return;
    const { blockNumber, blockHash } = newest.receipt;
    let hash: unknown;
    try {
      hash = fieldOf((await this.#pool.call("eth_getBlockByNumber", [blockNumber, false])).result, "hash");
    } catch (thrown) {
      this.#onTrouble(thrown);
    }
    if (isHash(hash, blockHash)) return;
    // Nobody answers, or has come that far yet: compared again with the next call.
    lane.comparing = undefined;
    if (typeof hash !== "string") return;
    throw new BusError(
      "OUTBOX",
      `block ${Number(blockNumber)} of submission ${newest.id} was ${blockHash} and is ${hash}: ` +
        "the chain was begun anew, and needs a new outbox",
    );
  }

  /** Tries a call on the head. Calls of the same moment share a post. */
  #check(draft: SubmissionDraft, spare: bigint | undefined): Promise<Check> {
    return new Promise((resolve) => {
      this.#checks.push({ draft, spare, resolve });
      if (this.#checks.length > 1) return;
      queueMicrotask(() => {
        const all = this.#checks;
        this.#checks = [];
        for (let first = 0; first < all.length; first += MAX_BATCH) {
          void this.#checkAll(all.slice(first, first + MAX_BATCH));
        }
      });
    });
  }

  async #checkAll(batch: readonly PendingCheck[]): Promise<void> {
    let answers: readonly RpcAnswer[];
    try {
      answers = await this.#pool.batch(batch.map(({ draft }) => callOf(draft, draft.gasLimit)));
    } catch (thrown) {
      this.#onTrouble(thrown);
      for (const { resolve } of batch) resolve({ outcome: "unknown" });
      return;
    }
    await Promise.all(
      batch.map(async ({ draft, spare, resolve }, index) => {
        const answer = answers[index];
        if (answer && !answer.error) resolve({ outcome: "passed", gasLimit: draft.gasLimit });
        else resolve(await this.#checkAlone(draft, spare).catch((): Check => ({ outcome: "unknown" })));
      }),
    );
  }

  /** A refusal counts only when it was given to this call alone: answers of a batch may have been mixed up. */
  async #checkAlone(draft: SubmissionDraft, spare: bigint | undefined): Promise<Check> {
    let message = "";
    for (let attempt = 0; attempt < CHECK_TRIES; ++attempt) {
      const { error } = await this.#pool.call("eth_call", callOf(draft, draft.gasLimit).params);
      if (!error) return { outcome: "passed", gasLimit: draft.gasLimit };
      const data = findRevertData(error);
      if (data === "0x" || (data === undefined && /out of gas/i.test(error.message))) {
        if (spare !== undefined && !(await this.#pool.call("eth_call", callOf(draft, spare).params)).error) {
          return { outcome: "passed", gasLimit: spare };
        }
      }
      if (data !== undefined) return { outcome: "refused", failure: reverted(data) };
      message = error.message;
      await this.#clock.sleep(TICK_MS);
    }
    return { outcome: "refused", failure: { code: "NOT_ACCEPTED", message } };
  }

  /* SIGNING AND SENDING */

  #laneOf(sender: string, signer?: Signer): Lane {
    const known = this.#lanes.get(sender);
    if (known) {
      known.signer ??= signer;
      return known;
    }
    const lane: Lane = {
      sender,
      signer,
      incoming: [],
      base: undefined,
      flushing: undefined,
      isFlushDue: false,
      sending: Promise.resolve(),
      unanswered: new Map(),
      isInspecting: false,
      comparing: undefined,
      node: this.#pool.current,
      searchedTo: undefined,
      inspectAt: Infinity,
      sentAtBlock: undefined,
      patienceMs: 0,
      gap: undefined,
    };
    this.#lanes.set(sender, lane);
    return lane;
  }

  /** Signs and sends what there is room for. Runs once at a time for each sender. */
  #flush(lane: Lane): void {
    lane.isFlushDue = true;
    if (lane.flushing || this.#ended()) return;
    const run = async () => {
      try {
        while (lane.isFlushDue && !this.#ended()) {
          lane.isFlushDue = false;
          if (!(await this.#flushOnce(lane))) continue;
          lane.isFlushDue = true;
          await this.#clock.sleep(0);
        }
      } catch (thrown) {
        this.#fail(lane, thrown);
      } finally {
        lane.flushing = undefined;
      }
    };
    lane.flushing = run();
  }

  /** One batch. True if another should follow at once. */
  async #flushOnce(lane: Lane): Promise<boolean> {
    const outbox = this.#outbox;
    const room = Math.min(this.#window - outbox.countInFlight(lane.sender), SIGNED_AT_ONCE);
    const queued = outbox.queued(lane.sender, MAX_BATCH);
    if (lane.incoming.length === 0 && (queued.length === 0 || room <= 0 || !lane.signer)) return false;

    const base = await this.#baseOf(lane);
    if (this.#ended()) return false;
    const canSign = base !== undefined && lane.signer !== undefined && room > 0;
    const waiting = canSign ? await this.#checkAgain(queued.slice(0, room)) : { ready: [], isOver: false };
    if (this.#ended()) return false;
    const incoming = lane.incoming.splice(0, Math.max(room, SIGNED_AT_ONCE));
    // Those that wait already come first. While some do, new ones queue up behind them.
    const free = canSign && queued.length <= room ? room - waiting.ready.length : 0;
    const fresh = incoming.filter(({ isReady }) => isReady).slice(0, Math.max(0, free));
    const later = incoming.filter((each) => !fresh.includes(each));
    const drafts = [...waiting.ready, ...fresh.map(({ draft }) => draft)];
    try {
      const first = Math.max(base ?? 0, outbox.nonceAfter(lane.sender) ?? 0);
      const signed = await Promise.all(drafts.map((draft, index) => this.#sign(lane, draft, first + index)));
      this.#requireOpen();
      const isFirst = outbox.countInFlight(lane.sender) === 0 || lane.inspectAt === Infinity;
      const isWritten = outbox.write(
        waiting.ready.map(({ id }, index) => ({ id, signed: signed[index] })),
        [
          ...fresh.map(({ draft }, index) => ({ draft, signed: signed[waiting.ready.length + index] })),
          ...later.map(({ draft }) => ({ draft, signed: undefined })),
        ],
        this.#clock.now(),
      );
      if (!isWritten) {
        // Another process was quicker: again, with what is so now.
        lane.incoming.unshift(...incoming.filter((each) => !this.#isKnown(each)));
        return true;
      }
      if (isFirst && signed.length > 0) this.#startWatching(lane);
      for (const each of incoming) each.resolve(this.#found(each.draft.id));
      this.#showInterest();
      if (signed.length > 0) this.#sendLater(lane, signed, true);
      const isMore = outbox.queued(lane.sender, 1).length > 0 && outbox.countInFlight(lane.sender) < this.#window;
      return lane.incoming.length > 0 || (isMore && (signed.length > 0 || waiting.isOver));
    } catch (thrown) {
      for (const each of incoming) each.reject(thrown);
      throw thrown;
    }
  }

  /** Answers who brought a call that another process has written down meanwhile. */
  #isKnown({ draft, resolve, reject }: Incoming): boolean {
    const known = this.#outbox.find(draft.id);
    if (!known) return false;
    try {
      resolve(requireSame(known, draft));
    } catch (thrown) {
      reject(thrown);
    }
    return true;
  }

  /** From now on the lane's transactions are looked for: not in blocks that were there before them. */
  #startWatching(lane: Lane): void {
    lane.sentAtBlock = this.#heads.latest?.number;
    lane.searchedTo = this.#heads.latest?.number;
    lane.patienceMs = FIRST_PATIENCE_BLOCKS * (this.#heads.period ?? UNKNOWN_PERIOD_MS);
    lane.inspectAt = this.#clock.now() + lane.patienceMs;
  }

  /** Calls that waited are tried again: the chain went on meanwhile. */
  async #checkAgain(
    queued: readonly Submission[],
  ): Promise<{ readonly ready: readonly Submission[]; readonly isOver: boolean }> {
    const checks = await Promise.all(
      queued.map((each): Promise<Check> =>
        each.isChecked ? this.#check(each, undefined) : Promise.resolve({ outcome: "passed", gasLimit: each.gasLimit }),
      ),
    );
    let isOver = false;
    const ready = queued.filter((each, index) => {
      const check = checks[index];
      if (check?.outcome !== "refused") return check?.outcome === "passed";
      if (!this.#ended() && this.#outbox.giveUp(each, check.failure, this.#clock.now())) this.#tell(each.id);
      isOver = true;
      return false;
    });
    return { ready, isOver };
  }

  /** How many transactions of the sender the chain has, or its pool; asked once. */
  async #baseOf(lane: Lane): Promise<number | undefined> {
    if (lane.base !== undefined) return lane.base;
    try {
      const [latest, pending] = await this.#pool.batch(
        ["latest", "pending"].map((block) => ({ method: "eth_getTransactionCount", params: [lane.sender, block] })),
      );
      // A node need not know what is pending.
      lane.base = countOf(pending) ?? countOf(latest);
    } catch (thrown) {
      this.#onTrouble(thrown);
    }
    return lane.base;
  }

  async #sign(
    lane: Lane,
    { to, data, gasLimit }: SubmissionDraft | Submission,
    nonce: number,
  ): Promise<SignedTransaction> {
    if (!lane.signer) throw new BusError("NO_SIGNER", `the key of ${lane.sender} is not there`);
    const chainId = this.#chainId;
    const raw = await lane.signer.signTransaction({ to, data, gasLimit, gasPrice: 0n, type: 0, nonce, chainId });
    return { nonce, raw, hash: keccak256(raw) };
  }

  #sendLater(lane: Lane, signed: readonly SignedTransaction[], isFirst: boolean): void {
    for (const { hash } of signed) if (isFirst) lane.unanswered.set(hash, this.#clock.now());
    lane.sending = lane.sending
      .then(() => this.#send(lane, signed, isFirst))
      .catch((thrown: unknown) => {
        this.#fail(lane, thrown);
      })
      .finally(() => {
        for (const { hash } of signed) lane.unanswered.delete(hash);
        // It may be mined already, on a chain that makes a block for it.
        if (!this.#heads.isSteady) {
          lane.searchedTo = undefined;
          this.#search();
        }
      });
  }

  async #send(lane: Lane, signed: readonly SignedTransaction[], isFirst: boolean): Promise<void> {
    if (this.#ended()) return;
    const answers = await this.#pool.batch(
      signed.map(({ raw }) => ({ method: "eth_sendRawTransaction", params: [raw] })),
    );
    lane.node = this.#pool.current;
    const isMixedUp = answers.some(({ error, result }, index) => !error && !isHash(result, signed[index]?.hash));
    if (isMixedUp) {
      this.#pool.distrust();
      lane.inspectAt = this.#clock.now();
      return;
    }
    for (const [index, { error }] of answers.entries()) {
      const one = signed[index];
      if (!error || !one || this.#ended()) continue;
      const verdict = verdictOf(error);
      if (verdict === "known") continue;
      if (verdict === "refused" && isFirst) await this.#refused(lane, one, error.message);
      // Whatever else it is, the chain knows.
      else lane.inspectAt = Math.min(lane.inspectAt, this.#clock.now() + (verdict === "stale" ? 0 : TICK_MS));
    }
  }

  /** A node takes the transaction in no case. It failed if every node says so, and none was silent. */
  async #refused(lane: Lane, { hash, raw, nonce }: SignedTransaction, message: string): Promise<void> {
    const call = { method: "eth_sendRawTransaction", params: [raw] };
    for (let node = 0; node < this.#pool.size; ++node) {
      const [answer] = await this.#pool.batchFrom(node, [call]).catch(() => []);
      if (!answer?.error || verdictOf(answer.error) !== "refused") {
        lane.inspectAt = Math.min(lane.inspectAt, this.#clock.now() + TICK_MS);
        return;
      }
    }
    if (this.#ended()) return;
    const submission = this.#outbox.inFlight(lane.sender, true, this.#window * 2).find((each) => each.hash === hash);
    const failure: SubmissionFailure = { code: "NOT_ACCEPTED", message };
    if (!submission || !this.#outbox.refuse(submission, failure, this.#clock.now())) return;
    // Later ones may wait for the nonce that is open now.
    lane.gap = { nonce, since: -Infinity };
    lane.inspectAt = this.#clock.now();
    this.#tell(submission.id);
  }

  /* LOOKING FOR RECEIPTS */

  /** Looks for receipts of what is on its way. Runs once at a time. */
  #search(): void {
    this.#isSearchDue = true;
    if (this.#searching || this.#ended()) return;
    const run = async () => {
      try {
        while (this.#isSearchDue && !this.#ended()) {
          this.#isSearchDue = false;
          await this.#searchOnce();
        }
      } catch (thrown) {
        this.#onTrouble(thrown);
      } finally {
        this.#searching = undefined;
        this.#showInterest();
      }
    };
    this.#searching = run();
  }

  async #searchOnce(): Promise<void> {
    const head = this.#heads.latest;
    const lanes = [...this.#lanes.values()].flatMap((lane) => {
      const isNext = head !== undefined && lane.searchedTo === head.number - 1;
      const isSeen = head !== undefined && lane.searchedTo === head.number;
      // A block that used no gas holds none of them.
      if (isSeen || (isNext && head.gasUsed === 0n)) {
        lane.searchedTo = head.number;
        return [];
      }
      const open = this.#outbox.inFlight(lane.sender, true, MAX_WINDOW);
      const likely = open.filter(({ hash = "" }) => !this.#isTooFresh(lane.unanswered.get(hash)));
      // What is left out is looked for in the next block in any case.
      lane.searchedTo = likely.length === open.length ? head?.number : undefined;
      return likely.length === 0 ? [] : [{ lane, likely }];
    });
    const mined = await this.#onlyMined(lanes);
    for (let first = 0; first < mined.length; first += MAX_BATCH) {
      const some = mined.slice(first, first + MAX_BATCH);
      const answers = await this.#pool.batch(some.map(({ submission }) => receiptOf(submission)));
      if (this.#ended()) return;
      const found = await this.#take(some.map(({ submission }, index) => ({ submission, answer: answers[index] })));
      for (const lane of new Set(some.flatMap(({ lane }, index) => (found[index] === true ? [lane] : [])))) {
        this.#progress(lane);
      }
    }
  }

  /** Of many on their way, those that the chain has counted: nonces are used in their order. */
  async #onlyMined(
    lanes: readonly { readonly lane: Lane; readonly likely: readonly Submission[] }[],
  ): Promise<{ readonly lane: Lane; readonly submission: Submission }[]> {
    const many = lanes.filter(({ likely }) => likely.length > FEW);
    const counts = new Map<Lane, number>();
    for (let first = 0; first < many.length; first += MAX_BATCH) {
      const some = many.slice(first, first + MAX_BATCH);
      const answers = await this.#pool.batch(
        some.map(({ lane }) => ({ method: "eth_getTransactionCount", params: [lane.sender, "latest"] })),
      );
      for (const [index, { lane }] of some.entries()) counts.set(lane, countOf(answers[index]) ?? Infinity);
    }
    return lanes.flatMap(({ lane, likely }) => {
      const count = counts.get(lane) ?? Infinity;
      return likely.flatMap((submission) => ((submission.nonce ?? 0) < count ? [{ lane, submission }] : []));
    });
  }

  /** A node that has not even answered has hardly put it into the block that it tells of meanwhile. */
  #isTooFresh(sentAt: number | undefined): boolean {
    const period = this.#heads.period ?? UNKNOWN_PERIOD_MS;
    return sentAt !== undefined && this.#clock.now() - sentAt < period / 2;
  }

  #progress(lane: Lane): void {
    lane.sentAtBlock = this.#heads.latest?.number;
    lane.patienceMs = FIRST_PATIENCE_BLOCKS * (this.#heads.period ?? UNKNOWN_PERIOD_MS);
    lane.inspectAt = this.#clock.now() + lane.patienceMs;
    this.#flush(lane);
  }

  /** Settles the submissions whose answers are their receipts. Tells of each whether it was settled. */
  async #take(
    asked: readonly { readonly submission: Submission; readonly answer: RpcAnswer | undefined }[],
  ): Promise<boolean[]> {
    const settlements = await Promise.all(
      asked.map(async ({ submission, answer }): Promise<Settlement | undefined> => {
        if (!answer || answer.error || answer.result === null) return undefined;
        const receipt = readReceipt(answer.result);
        if (!receipt || !isHash(receipt.transactionHash, submission.hash)) {
          this.#pool.distrust();
          return undefined;
        }
        const isReverted = BigInt(receipt.status) === 0n;
        const failure = isReverted ? await this.#reasonOf(submission, receipt, answer.result) : undefined;
        return { submission, receipt, failure };
      }),
    );
    const known = settlements.filter((each) => each !== undefined);
    if (this.#ended() || known.length === 0) return asked.map(() => false);
    const changed = this.#outbox.settle(known, this.#clock.now());
    const settled = new Set(known.filter((_each, index) => changed[index]).map(({ submission }) => submission.id));
    for (const id of settled) this.#tell(id);
    return asked.map(({ submission }) => settled.has(submission.id));
  }

  /** Why a mined transaction failed: from the receipt where the node tells it, else by calling again at its block. */
  async #reasonOf(
    { sender, to, data, gasLimit }: Submission,
    receipt: RawReceipt,
    raw: unknown,
  ): Promise<SubmissionFailure> {
    const told = findRevertData(raw);
    if (told !== undefined) return reverted(told);
    const call = { from: sender, to, data, gas: `0x${gasLimit.toString(16)}` };
    const { error } = await this.#pool.call("eth_call", [call, receipt.blockNumber]);
    const found = error ? (findRevertData(error) ?? "0x") : "0x";
    const isEmpty = found === "0x" && BigInt(receipt.gasUsed) === gasLimit;
    return isEmpty ? { ...reverted(found), message: `out of gas with a limit of ${gasLimit}` } : reverted(found);
  }

  /* WHEN NOTHING COMES */

  /**
   * Finds out why the lowest transaction of a lane is not mined, and does something about it: sends again what a pool has
   * lost, fills a nonce that is nobody's, and gives a call another nonce when its own is proven to be used.
   */
  async #inspect(lane: Lane): Promise<void> {
    const [lowest] = this.#outbox.inFlight(lane.sender, false, 1);
    if (!lowest) {
      lane.inspectAt = Infinity;
      return;
    }
    lane.patienceMs = Math.min(Math.max(lane.patienceMs, TICK_MS) * 2, LONGEST_PATIENCE_MS);
    lane.inspectAt = this.#clock.now() + lane.patienceMs;

    const [latest, head] = await this.#pool.batch([
      { method: "eth_getTransactionCount", params: [lane.sender, "latest"] },
      { method: "eth_blockNumber", params: [] },
    ]);
    const count = countOf(latest);
    if (this.#ended() || count === undefined) return;
    lane.base = Math.max(lane.base ?? 0, count);

    const mined = this.#outbox.inFlight(lane.sender, true, MAX_BATCH).filter(({ nonce = 0 }) => nonce < count);
    if (mined.length > 0) {
      const answers = await this.#pool.batch(mined.map(receiptOf));
      const taken = await this.#take(mined.map((submission, index) => ({ submission, answer: answers[index] })));
      if (this.#ended()) return;
      if (taken.includes(true)) this.#progress(lane);
      for (const [index, submission] of mined.entries()) {
        if (taken[index] === true || submission.nonce === undefined) continue;
        await this.#resolveUsed(lane, submission, submission.nonce);
        if (this.#ended()) return;
      }
    }
    if (lowest.nonce !== undefined && lowest.nonce > count) await this.#fillGap(lane, count);
    else lane.gap = undefined;
    if (this.#ended()) return;
    // While there were no blocks since it was sent, nothing is lost: the chain is slow.
    const number = countOf(head);
    const isDue = number === undefined || lane.sentAtBlock === undefined || number > lane.sentAtBlock;
    if (!isDue && lane.patienceMs < LONGEST_PATIENCE_MS) return;
    const lost = this.#outbox.inFlight(lane.sender, false, MAX_BATCH).filter(({ nonce = 0 }) => nonce >= count);
    if (lost.length === 0) return;
    lane.sentAtBlock = number;
    this.#sendLater(lane, lost.flatMap(signedOf), false);
  }

  /** The chain is past this nonce, and the node has no receipt. */
  async #resolveUsed(lane: Lane, submission: Submission, nonce: number): Promise<void> {
    const use = await findNonceUse(this.#pool, lane.sender, nonce);
    if (!use || this.#ended()) return;
    if (isHash(use.hash, submission.hash)) {
      const answer = await this.#pool.call("eth_getTransactionReceipt", [use.hash]);
      if ((await this.#take([{ submission, answer }])).includes(true)) this.#progress(lane);
    } else if (this.#outbox.displace(submission, use.hash, this.#clock.now())) {
      this.#tell(submission.id);
      this.#flush(lane);
    }
  }

  /** The chain waits for a nonce that no submission has: nothing above it will be mined until somebody uses it. */
  async #fillGap(lane: Lane, nonce: number): Promise<void> {
    // Asked for only now: a simulator makes a whole block to find out.
    const pending = countOf(await this.#pool.call("eth_getTransactionCount", [lane.sender, "pending"])) ?? nonce;
    const now = this.#clock.now();
    // Another program's transaction is on its way: it has the right of way.
    if (this.#ended() || pending > nonce) return;
    if (lane.gap?.nonce !== nonce) lane.gap = { nonce, since: now };
    const patience = FIRST_PATIENCE_BLOCKS * (this.#heads.period ?? UNKNOWN_PERIOD_MS);
    if (now - lane.gap.since < patience || !lane.signer) {
      lane.inspectAt = Math.min(lane.inspectAt, lane.gap.since + patience);
      return;
    }
    const id = `filler/${randomUUID()}`;
    const { sender } = lane;
    const draft = { id, sender, to: sender, data: "0x", gasLimit: FILLER_GAS, name: FILLER, isChecked: false };
    const signed = await this.#sign(lane, draft, nonce);
    if (this.#ended()) return;
    this.#outbox.write([], [{ draft, signed }], now);
  }

  /* RUNNING */

  async #run(signers: readonly Signer[]): Promise<void> {
    for (const signer of signers) this.#laneOf(getAddress(await signer.getAddress()), signer);
    while (!this.#ended()) {
      try {
        this.#tick();
      } catch (thrown) {
        this.#onTrouble(thrown);
      }
      await this.#clock.sleep(TICK_MS, true);
    }
  }

  #tick(): void {
    const now = this.#clock.now();
    if (now >= this.#beatAt) {
      this.#beatAt = now + BEAT_MS;
      this.#outbox.beat(now, SILENT_MS);
    }
    if (now >= this.#forgetAt) {
      this.#forgetAt = now + FORGET_MS;
      this.#outbox.forgetBefore(now - this.#keepMs);
    }
    for (const sender of this.#outbox.senders()) {
      const isNew = !this.#lanes.has(sender);
      const lane = this.#laneOf(sender);
      if (isNew || lane.inspectAt === Infinity) lane.inspectAt = now;
    }
    for (const id of this.#waiters.keys()) this.#tell(id);
    for (const lane of this.#lanes.values()) {
      this.#flush(lane);
      if (lane.node !== this.#pool.current) {
        // Another node need not have heard of what the first one was given.
        lane.inspectAt = Math.min(lane.inspectAt, now);
        lane.sentAtBlock = undefined;
      }
      lane.node = this.#pool.current;
      if (lane.inspectAt > now || lane.isInspecting) continue;
      lane.isInspecting = true;
      void this.#inspect(lane)
        .catch((thrown: unknown) => {
          this.#fail(lane, thrown);
        })
        .finally(() => {
          lane.isInspecting = false;
        });
    }
    this.#showInterest();
  }

  #fail(lane: Lane, thrown: unknown): void {
    if (this.#ended()) return;
    lane.inspectAt = Math.min(lane.inspectAt, this.#clock.now() + TICK_MS);
    this.#onTrouble(thrown);
  }

  /** Heads are asked for while somebody waits, or something is on its way. */
  #showInterest(): void {
    if (this.#ended()) return;
    try {
      this.#heads.want(this.#waiters.size > 0 || this.#outbox.senders().length > 0);
    } catch (thrown) {
      this.#onTrouble(thrown);
    }
  }

  /** Tells those who wait for a submission, if it is settled. */
  #tell(id: string): void {
    const waiters = this.#waiters.get(id);
    if (!waiters) return;
    const submission = this.#outbox.find(id);
    if (!submission || !isSettled(submission)) return;
    for (const waiter of waiters) waiter.resolve(submission);
  }

  #found(id: string): Submission {
    const submission = this.#outbox.find(id);
    if (!submission) throw new BusError("OUTBOX", `submission ${id} is gone`);
    return submission;
  }

  /** Asked anew after every wait: the answer changes meanwhile. */
  #ended(): boolean {
    return this.#isClosed;
  }

  #requireOpen(): void {
    if (this.#ended()) throw new BusError("OUTBOX", "the submitter is closed");
  }
}

/**
 * What went wrong with a failed submission, as an error to throw.
 * @returns A `RevertError` if a contract refused, otherwise a BusError `NOT_ACCEPTED`.
 */
export function errorOf({ code, message, data }: SubmissionFailure): BusError {
  return code === "REVERTED" && data !== undefined ? decodeRevert(data) : new BusError(code, message);
}

function isSettled({ state }: Submission): boolean {
  return state === "final" || state === "failed";
}

function requireSame(known: Submission, { id, sender, to, data }: SubmissionDraft): Submission {
  if (known.sender === sender && known.to === to && known.data === data) return known;
  throw new BusError("SUBMISSION_CONFLICT", `submission ${id} is ${known.name} by ${known.sender}, another call`);
}

function callOf({ sender, to, data }: SubmissionDraft, gasLimit: bigint) {
  const call = { from: sender, to, data, gas: `0x${gasLimit.toString(16)}` };
  return { method: "eth_call", params: [call, "latest"] };
}

function receiptOf({ hash }: Submission) {
  return { method: "eth_getTransactionReceipt", params: [hash] };
}

function reverted(data: string): SubmissionFailure {
  return { code: "REVERTED", message: decodeRevert(data).message, data };
}

function signedOf({ nonce, hash, raw }: Submission): SignedTransaction[] {
  return nonce === undefined || hash === undefined || raw === undefined ? [] : [{ nonce, hash, raw }];
}

function countOf(answer: RpcAnswer | undefined): number | undefined {
  const count = typeof answer?.result === "string" ? Number(answer.result) : NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

function isHash(value: unknown, hash: string | undefined): boolean {
  return typeof value === "string" && value.toLowerCase() === hash?.toLowerCase();
}

/** The parts of a receipt that are kept; undefined if it is none. */
function readReceipt(value: unknown): RawReceipt | undefined {
  const texts = ["transactionHash", "blockNumber", "blockHash", "gasUsed", "status"] as const;
  const [transactionHash, blockNumber, blockHash, gasUsed, status] = texts.map((name) => fieldOf(value, name));
  const logs = fieldOf(value, "logs");
  if (
    typeof transactionHash !== "string" ||
    typeof blockNumber !== "string" ||
    typeof blockHash !== "string" ||
    typeof gasUsed !== "string" ||
    typeof status !== "string" ||
    !Array.isArray(logs)
  ) {
    return undefined;
  }
  return { transactionHash, blockNumber, blockHash, gasUsed, status, logs: logs as RawReceipt["logs"] };
}
