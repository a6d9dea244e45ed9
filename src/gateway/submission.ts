import { createHash, randomUUID } from "node:crypto";

import { type Federation, withSubmitter } from "../chain/federation.js";
import { type Sent, sentFrom } from "../chain/send.js";
import type { Submission as Submitted } from "../submission/outbox.js";
import type { Submitter } from "../submission/submitter.js";
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

/** JSON in which the order of fields does not count. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, part]) => `${JSON.stringify(name)}:${canonical(part)}`).join(",")}}`;
}

/** How {@link Submissions} works. */
export interface SubmissionsOptions {
  /** How long a request waits until its transaction is mined, in milliseconds. */
  readonly timeoutMs: number;
  /** An answer's JSON. */
  readonly describe: (sent: Sent) => unknown;
}

/**
 * Does what each request asks for once, also when the answer is lost or the gateway dies: what a key stands for in the outbox
 * is written down before it is handed over, and a repetition of the request asks the outbox what became of it.
 */
export class Submissions {
  readonly #federation: Federation;
  readonly #submitter: Submitter;
  readonly #store: GatewayStore;
  readonly #options: SubmissionsOptions;
  readonly #running = new Set<string>();

  constructor(federation: Federation, submitter: Submitter, store: GatewayStore, options: SubmissionsOptions) {
    this.#federation = withSubmitter(federation, submitter);
    this.#submitter = submitter;
    this.#store = store;
    this.#options = options;
  }

  /** How many requests are under way. */
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
      const id = kept?.submission ?? randomUUID();
      if (!kept) this.#store.noteRequest(caller, key, asked, id, Date.now());
      return { ...(await this.#run(submission, id)), isReplayed: false };
    } finally {
      this.#running.delete(lane);
    }
  }

  async #run(submission: Submission, id: string): Promise<KeptAnswer> {
    const { action, params } = submission;
    const { timeoutMs, describe } = this.#options;
    try {
      const sent = this.#submitter.find(id)
        ? sentFrom(this.#federation, await this.#submitter.settled(id, timeoutMs))
        : await action.run(this.#federation, params, { id, timeoutMs });
      return this.#keep(submission, 200, describe(sent));
    } catch (thrown) {
      return this.#failed(submission, this.#submitter.find(id), thrown);
    }
  }

  /** Keeps a mined refusal as the answer, forgets what never left, and leaves everything else open for the next request. */
  #failed(submission: Submission, known: Submitted | undefined, thrown: unknown): KeptAnswer {
    const { caller, key } = submission;
    if (!known || (known.state === "failed" && !known.receipt)) {
      this.#store.forgetRequest(caller, key);
      throw thrown;
    }
    const { hash } = known;
    const told = { ...problemOf(thrown), ...(hash === undefined ? {} : { transaction: hash }) };
    if (known.state === "failed") return this.#keep(submission, told.status, told);
    throw new ProblemError(told, { cause: thrown });
  }

  #keep({ caller, key }: Submission, status: number, body: unknown): KeptAnswer {
    const answer = { status, body: encode(body) };
    this.#store.finishRequest(caller, key, answer);
    return answer;
  }
}
