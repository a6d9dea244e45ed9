import { setTimeout as sleep } from "node:timers/promises";

import type { BaseWallet } from "ethers";

import { ask } from "../../chain/ask.js";
import { AgentScope } from "../../chain/enums.js";
import { type Federation, type Head, readHead } from "../../chain/federation.js";
import type { PublicAgreement } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { createSigningDesk } from "../../signing/desk.js";
import type { OracleConfig } from "../config.js";
import { NO_PAPERS, loadPapers } from "../papers.js";
import type { AnswerOptions } from "../peer/answer.js";
import { createPeerClient } from "../peer/client.js";
import { MAX_WINDOWS } from "../peer/protocol.js";
import { type Listening, servePeers } from "../peer/server.js";
import type { StayRow, WindowRow } from "../state/rows.js";
import { type Store, type StoreIdentity, openStore } from "../state/store.js";
import {
  type Bench,
  type Gate,
  type Plan,
  agreementOf,
  backOff,
  chunks,
  headMs,
  lineOf,
  nameOfWindow,
  postpone,
  witnessesOf,
} from "./bench.js";
import { type Checkpoint, NO_CHECKPOINT } from "./checkpoint.js";
import { type Decision, decide } from "./decide.js";
import { measureWindow } from "./measuring.js";
import { type Health, serveMonitor } from "./monitor.js";
import { createOutbox } from "./outbox.js";
import { propose } from "./proposing.js";
import { CHAIN_ACTIONS, transact } from "./reporting.js";
import { type SyncOptions, layWindows, refresh, sync } from "./sync.js";
import { type Telemetry, createTelemetry } from "./telemetry.js";

/** What an oracle needs. */
export interface OracleOptions {
  readonly config: OracleConfig;
  readonly federation: Federation;
  /** Signs reports and observations: the cloud's account, an agent that may report, or the witness. */
  readonly signer: BaseWallet;
  /** Sends transactions, and nobody else does with it: the signer if left out. */
  readonly sender?: BaseWallet | undefined;
  /** Measures and decides, but neither signs nor sends: says what it would have done. */
  readonly isDryRun?: boolean;
  /** Told of each thing that happens. */
  readonly log?: Bench["log"];
  /** The clock, in milliseconds since the epoch. */
  readonly now?: () => number;
  readonly checkpoint?: Checkpoint;
}

/** What an oracle serves. */
export interface Served {
  readonly peers: Listening | undefined;
  readonly monitor: Listening | undefined;
}

const WINDOWS_IN_ROUND = 256;
const REFRESH_AT_ONCE = 16;
/** Home checks and signs them one by one before it answers. */
const PROPOSALS_AT_ONCE = 16;
/** More rounds than any pass needs: what is left waits for the next one. */
const MAX_ROUNDS = 100;

/** Errors of a source as a whole: the next window would meet the same. */
const SOURCE_IS_DOWN: readonly string[] = ["SOURCE_UNREACHABLE", "SOURCE_TIMEOUT", "SOURCE_DIED"];

/** Whose database an oracle keeps. */
export function identityOf({ config, federation, signer }: OracleOptions): StoreIdentity {
  const { chainId, genesisHash, contracts } = federation.addressBook;
  return {
    chainId,
    genesisHash,
    oracle: contracts.SlaOracle.toLowerCase(),
    part: config.part,
    who: config.part === "party" ? String(config.cloud) : signer.address.toLowerCase(),
  };
}

/**
 * Makes an oracle, and opens its database.
 * @throws BusError `STORE`.
 */
export function createOracle(options: OracleOptions): Oracle {
  return new Oracle(options, openStore(options.config.state, identityOf(options)));
}

/** An oracle at work. It owns a database, and must be closed. */
export class Oracle {
  readonly #options: OracleOptions;
  readonly #bench: Bench;
  readonly #syncOptions: SyncOptions;
  #lastPassAtMs = 0;
  #lastError: string | undefined;

  constructor(options: OracleOptions, store: Store) {
    const { config, federation, signer, sender = signer } = options;
    const { checkpoint = NO_CHECKPOINT, now = Date.now, log = () => undefined } = options;
    const telemetry = createTelemetry();
    this.#options = options;
    this.#bench = {
      config,
      federation,
      store,
      telemetry,
      checkpoint,
      now,
      log,
      signer: signer.address,
      isDryRun: options.isDryRun ?? false,
      papers: NO_PAPERS,
      head: { number: 0, timeMs: 0n },
      desk: createSigningDesk({
        signer,
        cloud: config.cloud,
        trusted: [federation.addressBook],
        journal: store.journal,
        maxHeadAgeMs: config.timing.headAgeMs,
        now,
      }),
      outbox: createOutbox({
        federation,
        store,
        sender,
        receiptMs: config.timing.receiptMs,
        checkpoint,
        onOutcome: (action, outcome) => {
          telemetry.transactions.inc({ action, outcome });
          log("transaction", { action, outcome });
        },
      }),
      peers: createPeerClient(federation, { peers: config.peers, timeoutMs: config.timing.peerTimeoutMs }),
    };
    this.#syncOptions = {
      federation,
      store,
      fromBlock: config.fromBlock,
      agreementOf: (stay) => agreementOf(this.#bench, stay),
      concerns: (stay, agreement) => this.#concerns(stay, agreement),
      checkpoint,
    };
  }

  get store(): Store {
    return this.#bench.store;
  }

  get telemetry(): Telemetry {
    return this.#bench.telemetry;
  }

  /* PASSES */

  /**
   * One look at everything that is due.
   * @returns Whether there was anything to do.
   * @throws BusError what keeps it from looking at all: `STALE_HEAD`, a node that does not answer.
   */
  async pass(): Promise<boolean> {
    const end = this.telemetry.passSeconds.startTimer();
    try {
      const wasBusy = await this.#passOnce();
      this.#lastPassAtMs = this.#bench.now();
      this.#lastError = undefined;
      this.telemetry.lastPass.set(this.#lastPassAtMs / 1_000);
      return wasBusy;
    } catch (thrown) {
      this.#lastError = lineOf(thrown);
      this.telemetry.errors.inc({ code: thrown instanceof BusError ? thrown.code : "OTHER" });
      throw thrown;
    } finally {
      end();
    }
  }

  /** Passes until nothing is left that can be done now. */
  async settle(): Promise<void> {
    while (await this.pass());
  }

  /** Passes until the signal ends it. What goes wrong in a pass is logged, and tried again in the next one. */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, retryMs, maxRetryMs } = this.#bench.config.timing;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.pass();
        failures = 0;
      } catch (thrown) {
        failures += 1;
        this.#bench.log("pass failed", { error: lineOf(thrown) });
      }
      const pauseMs = failures === 0 ? everyMs : Math.max(everyMs, backOff(failures, retryMs, maxRetryMs));
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #passOnce(): Promise<boolean> {
    const bench = this.#bench;
    const { timing, papers } = bench.config;
    bench.head = await this.#readFreshHead();
    if (papers !== undefined) bench.papers = await loadPapers(papers);
    await sync(this.#syncOptions, bench.head);
    const laid = await layWindows(this.#syncOptions, headMs(bench) - timing.graceMs);
    const canSend = bench.isDryRun || (await bench.outbox.settle());
    const worked = await this.#work({ canSend, canMeasure: true });
    this.store.pruneSamples(headMs(bench) - timing.keepSamplesMs);
    this.#count();
    return laid > 0 || worked;
  }

  async #readFreshHead(): Promise<Head> {
    const { federation, now, config } = this.#bench;
    const head = await readHead(federation.provider);
    const ageMs = now() - Number(head.timeMs);
    const { headAgeMs } = config.timing;
    if (Math.abs(ageMs) > headAgeMs) {
      throw new BusError("STALE_HEAD", `the head is ${ageMs} ms old; ${headAgeMs} ms either way are allowed`);
    }
    return head;
  }

  /** A party's stays are those of its cloud; a witness's those whose agreement names it. */
  #concerns({ home, host }: Pick<StayRow, "home" | "host">, agreement?: PublicAgreement): boolean | undefined {
    const { config, papers, signer } = this.#bench;
    if (config.part === "party") return home === config.cloud || host === config.cloud;
    const witnesses = agreement && papers.witnesses.get(agreement.witnesses);
    return witnesses?.members.some((member) => member.toLowerCase() === signer.toLowerCase());
  }

  async #work(gate: Gate): Promise<boolean> {
    let worked = false;
    for (let round = 0; round < MAX_ROUNDS; ++round) {
      const due = this.store.dueWindows(headMs(this.#bench), this.#bench.now(), WINDOWS_IN_ROUND);
      if ((await this.#round(due, gate)) === 0) break;
      worked = true;
    }
    return worked;
  }

  /** Everything that is due, once. Resolves to how many windows got on. */
  async #round(due: readonly WindowRow[], gate: Gate): Promise<number> {
    const bench = this.#bench;
    const plans = due.map((window) => this.#planFor(window));
    const having = (wanted: Decision["do"]) => plans.filter(({ decision }) => decision.do === wanted);
    let done = 0;
    this.store.atomically(() => {
      for (const { window, decision } of plans) {
        if (decision.do === "wait") this.store.patchWindow(window, { wakeAtMs: decision.untilMs });
        else if (decision.do === "close") this.#close(window, decision.outcome);
        else continue;
        done += 1;
      }
    });
    for (const some of chunks(having("refresh"), REFRESH_AT_ONCE)) {
      await Promise.all(some.map(({ window }) => refresh(bench.federation, this.store, window)));
      done += some.length;
    }
    for (const plan of having("measure")) {
      if (!gate.canMeasure) break;
      done += await this.#attempt([plan.window], gate, () => measureWindow(bench, plan));
    }
    const proposing = having("propose");
    for (const home of new Set(proposing.map(({ stay }) => stay.home))) {
      const windows = proposing.filter(({ stay }) => stay.home === home).map(({ window }) => window);
      for (const some of chunks(windows, PROPOSALS_AT_ONCE)) {
        done += await this.#attempt(some, gate, () => propose(bench, home, some));
      }
    }
    for (const action of CHAIN_ACTIONS) {
      for (const some of chunks(having(action), action === "bring" ? MAX_WINDOWS : 1)) {
        if (!gate.canSend) break;
        done += await transact(bench, action, some, gate);
      }
    }
    return done;
  }

  #planFor(window: WindowRow): Plan & { readonly decision: Decision } {
    const bench = this.#bench;
    const { part, cloud, timing, tolerances } = bench.config;
    const stay = this.store.stay(window.vm, window.sequence);
    if (!stay) throw new BusError("STORE", `${this.store.path}: there is no stay ${window.sequence} of ${window.vm}`);
    const isObserved = window.state === "Objected";
    const heard = isObserved ? this.store.observations(window) : [];
    const decision = decide(window, stay, {
      nowMs: headMs(bench),
      part,
      cloud,
      timing,
      tolerances,
      members: isObserved ? witnessesOf(bench, stay)?.members.length : undefined,
      isHeard: heard.some(({ witness }) => witness.toLowerCase() === bench.signer.toLowerCase()),
    });
    return { window, stay, decision };
  }

  #close(window: WindowRow, outcome: WindowRow["outcome"]): void {
    this.store.patchWindow(window, { outcome });
    this.#bench.log("window closed", { ...nameOfWindow(window), outcome });
  }

  /**
   * Does something about windows; when it fails, they are left for later, each time for longer.
   * @returns How many it succeeded for.
   */
  async #attempt(windows: readonly WindowRow[], gate: Gate, work: () => Promise<number>): Promise<number> {
    try {
      return await work();
    } catch (thrown) {
      // What is no error of the library is a mistake in this program, or a node that does not answer: the pass ends.
      if (!(thrown instanceof BusError)) throw thrown;
      if (SOURCE_IS_DOWN.includes(thrown.code)) gate.canMeasure = false;
      this.telemetry.errors.inc({ code: thrown.code });
      for (const window of windows) postpone(this.#bench, window, lineOf(thrown));
      return 0;
    }
  }

  /* SERVING */

  /**
   * Checks that a party's keys are its cloud's and may report.
   * @throws RevertError with the registry's reason.
   */
  async requireStanding(): Promise<void> {
    const { config, federation } = this.#bench;
    if (config.part === "witness") return;
    const { signer, sender = signer } = this.#options;
    for (const { address } of [signer, sender]) {
      await ask(federation.registry.requireSender(config.cloud, AgentScope.REPORT, 0, 0, address));
    }
  }

  /** Starts what the configuration wants served: the peer protocol, the monitor. */
  async serve(): Promise<Served> {
    const { listen, monitor } = this.#bench.config;
    return {
      peers: listen && (await servePeers(listen, this.#answerOptions())),
      monitor: monitor && (await serveMonitor(monitor, this.telemetry, () => this.health())),
    };
  }

  #answerOptions(): AnswerOptions {
    const { config, federation, store, desk, checkpoint, telemetry } = this.#bench;
    const { cloud, tolerances, trusted } = config;
    return {
      federation,
      store,
      desk,
      cloud,
      tolerances,
      trusted,
      checkpoint,
      onAnswer: (outcome) => {
        telemetry.answers.inc({ outcome });
      },
    };
  }

  /** How it is: whether passes succeed, and stays that cannot be measured. */
  health(): Health {
    const { config, now } = this.#bench;
    const { everyMs, maxRetryMs } = config.timing;
    const ageMs = now() - this.#lastPassAtMs;
    const problems = [
      ...(this.#lastError === undefined ? [] : [this.#lastError]),
      ...(ageMs > 3 * everyMs + maxRetryMs ? [`the last pass without an error ended ${ageMs} ms ago`] : []),
      ...this.store.stays().flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
    ];
    return { isHealthy: problems.length === 0, problems, lastPassAtMs: this.#lastPassAtMs };
  }

  #count(): void {
    const { telemetry, store } = this;
    const timeMs = headMs(this.#bench);
    telemetry.headBlock.set(this.#bench.head.number);
    telemetry.headTime.set(timeMs / 1_000);
    telemetry.syncedBlock.set(store.cursor() ?? 0);
    const oldestMs = store.oldestUnreportedMs();
    telemetry.oldestUnreported.set(oldestMs === undefined ? 0 : Math.max(0, (timeMs - oldestMs) / 1_000));
    telemetry.windows.reset();
    for (const [state, count] of store.countWindows()) telemetry.windows.set({ state }, count);
    const stays = store.stays();
    const running = stays.filter(({ endedAtMs }) => endedAtMs === 0).length;
    telemetry.stays.set({ state: "running" }, running);
    telemetry.stays.set({ state: "ended" }, stays.length - running);
    telemetry.stays.set({ state: "problem" }, stays.filter(({ problem }) => problem !== undefined).length);
  }

  /** Closes the database. */
  close(): void {
    this.store.close();
  }
}
