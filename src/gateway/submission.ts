import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";

import type { TransactionReceipt } from "ethers";
import { Transaction } from "ethers";

import { type Federation, type RpcProvider, connectFederation } from "../chain/federation.js";
import { type SendOptions, type Sent, parseLog } from "../chain/send.js";
import { BusError } from "../errors/busError.js";
import { asRevert } from "../errors/revert.js";
import type { Action } from "./actions.js";
import { ProblemError, problem, problemOf } from "./problem.js";
import { encode } from "./schema.js";
import type { GatewayStore, KeptAnswer } from "./store.js";

/** One request to send something. */
export interface Submission {
  readonly action: Action;
  /** As it came: what is compared with the next request under the same key. */
  readonly body: unknown;
  /** As the library takes it. */
  readonly params: Readonly<{ [name: string]: unknown }>;
  /** Whose key it is. Two callers do not share their keys. */
  readonly caller: string;
  readonly key: string;
}

/** The answer to a submission. */
export interface SubmissionAnswer extends KeptAnswer {
  /** Whether it had been given before. */
  readonly isReplayed: boolean;
}

/** What the transaction of a request is told to before it leaves. */
type Note = (raw: string) => void;

/** JSON in which the order of fields does not count. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, part]) => `${JSON.stringify(name)}:${canonical(part)}`).join(",")}}`;
}

/**
 * Sends each request once, also when the answer is lost or the gateway dies: a signed transaction is written down before it
 * leaves, and a repetition of the request first looks what became of it.
 */
export class Submissions {
  readonly #federation: Federation;
  readonly #store: GatewayStore;
  readonly #options: SendOptions;
  readonly #notes = new AsyncLocalStorage<Note>();
  readonly #running = new Set<string>();
  readonly #describe: (sent: Sent) => unknown;

  /** @param describe An answer's JSON. */
  constructor(federation: Federation, store: GatewayStore, options: SendOptions, describe: (sent: Sent) => unknown) {
    const provider = this.#noting(federation.provider);
    this.#federation = connectFederation(provider, federation.addressBook, federation.signer);
    this.#store = store;
    this.#options = options;
    this.#describe = describe;
  }

  /** How many are under way. */
  get pending(): number {
    return this.#running.size;
  }

  /**
   * Does what is asked for, or tells what came of it before.
   * @throws ProblemError `in-progress`, `key-reused`, and for what is not known to have had an effect.
   */
  async submit(submission: Submission): Promise<SubmissionAnswer> {
    const { action, body, caller, key } = submission;
    const asked = createHash("sha256")
      .update(`${action.name}\n${canonical(body)}`)
      .digest("hex");
    const lane = `${caller} ${key}`;
    const kept = this.#store.findRequest(caller, key);
    if (kept && kept.asked !== asked) throw new ProblemError(problem("key-reused"));
    if (kept?.answer) return { ...kept.answer, isReplayed: true };
    if (this.#running.has(lane)) throw new ProblemError(problem("in-progress"));
    this.#running.add(lane);
    try {
      const before = kept && (await this.#resume(submission, kept.raw));
      return { ...(before ?? (await this.#run(submission, asked))), isReplayed: false };
    } finally {
      this.#running.delete(lane);
    }
  }

  async #run(submission: Submission, asked: string): Promise<KeptAnswer> {
    const { action, params, caller, key } = submission;
    const noted: string[] = [];
    const note: Note = (raw) => {
      this.#store.noteTransaction(caller, key, asked, raw, Date.now());
      noted.push(raw);
    };
    try {
      const sent = await this.#notes.run(note, () => action.run(this.#federation, params, this.#options));
      return this.#keep(submission, 200, this.#describe(sent));
    } catch (thrown) {
      const raw = noted.at(-1);
      // Nothing has left: the same key may try again.
      if (raw === undefined) throw thrown;
      return this.#failed(submission, raw, thrown);
    }
  }

  /** Keeps a mined refusal as the answer; leaves everything else open, to be looked up with the next request. */
  #failed(submission: Submission, raw: string, thrown: unknown): KeptAnswer {
    const transaction = Transaction.from(raw).hash;
    const told = { ...this.#problemOf(thrown), ...(transaction === null ? {} : { transaction }) };
    if (thrown instanceof BusError && thrown.code === "REVERTED") return this.#keep(submission, told.status, told);
    throw new ProblemError(told, { cause: thrown });
  }

  #problemOf(thrown: unknown) {
    const known = problemOf(thrown);
    return known.status === 500 ? problem("node-failed") : known;
  }

  #keep({ caller, key }: Submission, status: number, body: unknown): KeptAnswer {
    const answer = { status, body: encode(body) };
    this.#store.finishRequest(caller, key, answer);
    return answer;
  }

  /** What became of a transaction that was signed before; undefined if it can never be mined, and nothing was done. */
  async #resume(submission: Submission, raw: string): Promise<KeptAnswer | undefined> {
    const { provider } = this.#federation;
    const { hash, from, nonce } = Transaction.from(raw);
    if (hash === null || from === null) return undefined;
    const deadline = Date.now() + (this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      for (;;) {
        // The nonce first: if it is used up and there is still no receipt, another transaction has used it.
        const used = Number(await provider.send("eth_getTransactionCount", [from, "latest"]));
        const receipt = await provider.getTransactionReceipt(hash);
        if (receipt) return await this.#settled(submission, receipt);
        if (used > nonce) {
          this.#store.forgetRequest(submission.caller, submission.key);
          return undefined;
        }
        if (Date.now() > deadline) throw new BusError("TIMEOUT", `no receipt of ${hash} in time`);
        // The node may have forgotten it. If it has not, it says so, and nothing is lost.
        await provider.send("eth_sendRawTransaction", [raw]).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, this.#options.pollMs ?? DEFAULT_POLL_MS));
      }
    } catch (thrown) {
      return this.#failed(submission, raw, thrown);
    }
  }

  async #settled(submission: Submission, receipt: TransactionReceipt): Promise<KeptAnswer> {
    const { hash, blockNumber, gasUsed, logs } = receipt;
    if (receipt.status === 0) throw await this.#reasonOf(receipt);
    const events = logs.flatMap((log) => parseLog(this.#federation, log));
    return this.#keep(submission, 200, this.#describe({ hash, blockNumber, gasUsed, events }));
  }

  async #reasonOf({ hash, blockNumber }: TransactionReceipt): Promise<unknown> {
    const { provider } = this.#federation;
    const sent = await provider.getTransaction(hash);
    if (!sent) return new BusError("TIMEOUT", `the node does not know ${hash} any more`);
    const { from, to, data } = sent;
    try {
      await provider.send("eth_call", [{ from, to, data }, `0x${blockNumber.toString(16)}`]);
      return new BusError("REVERTED", `${hash} failed, and the node does not tell why`);
    } catch (thrown) {
      return asRevert(thrown);
    }
  }

  #noting(provider: RpcProvider): RpcProvider {
    const notes = this.#notes;
    const send: RpcProvider["send"] = (method, params) => {
      if (method === "eth_sendRawTransaction") notes.getStore()?.(String(params[0]));
      return provider.send(method, params);
    };
    return new Proxy(provider, {
      get(target, name) {
        if (name === "send") return send;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      },
    });
  }
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_POLL_MS = 50;
