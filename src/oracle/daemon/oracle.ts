import type { Wallet } from "ethers";

import { ask } from "../../chain/ask.js";
import { AgentScope } from "../../chain/enums.js";
import { type Federation, type Head, readHead } from "../../chain/federation.js";
import { freshSalt } from "../../documents/build.js";
import { documentDigest, publicReport } from "../../documents/hash.js";
import type { AgreedReport, Observation, PublicAgreement, Witnesses } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { RevertError } from "../../errors/revert.js";
import { type SigningDesk, createSigningDesk } from "../../signing/desk.js";
import { WITNESSED_METRICS, metricBit } from "../../sla/metrics.js";
import { isReportSignature } from "../chain.js";
import type { OracleConfig } from "../config.js";
import { measuredNames, onlyMetrics } from "../measure/metricNames.js";
import { measure } from "../measure/measure.js";
import { samplesRoot } from "../measure/merkle.js";
import { NO_PAPERS, type Papers, loadPapers } from "../papers.js";
import type { AnswerOptions } from "../peer/answer.js";
import { type PeerClient, createPeerClient } from "../peer/client.js";
import { DEFINITE, MAX_WINDOWS, type Refused } from "../peer/protocol.js";
import { type Listening, servePeers } from "../peer/server.js";
import type { StayRow, WindowKey, WindowRow } from "../state/rows.js";
import { type Store, type WindowPatch, openStore } from "../state/store.js";
import { type Checkpoint, NO_CHECKPOINT } from "./checkpoint.js";
import { type Decision, decide } from "./decide.js";
import { type Health, serveMonitor } from "./monitor.js";
import { type Call, type Outbox, createOutbox } from "./outbox.js";
import { type SyncOptions, agreementOf, layWindows, refresh, sync } from "./sync.js";
import { type Telemetry, createTelemetry } from "./telemetry.js";

/** What an oracle needs. */
export interface OracleOptions {
  readonly config: OracleConfig;
  readonly federation: Federation;
  /** Signs reports and observations: the cloud's account, an agent that may report, or the witness. */
  readonly signer: Wallet;
  /** Sends transactions, and nobody else does with it. */
  readonly sender?: Wallet | undefined;
  /** Measures and decides, but neither signs nor sends: says what it would have done. */
  readonly isDryRun?: boolean;
  /** One line for each thing that happens. */
  readonly log?: (event: string, facts: { readonly [name: string]: unknown }) => void;
  /** The clock, in milliseconds since the epoch. */
  readonly now?: () => number;
  readonly checkpoint?: Checkpoint;
}

/** An oracle at work. */
export interface Oracle {
  readonly store: Store;
  readonly telemetry: Telemetry;
  /** One look at everything that is due. Resolves to whether there was anything to do. */
  pass(): Promise<boolean>;
  /** Passes until nothing is left that can be done now. */
  settle(): Promise<void>;
  /** Passes, for ever, until the signal ends it. What goes wrong in a pass is logged, and tried again in the next one. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Checks that a party's keys are its cloud's.
   * @throws RevertError with the registry's reason.
   */
  requireStanding(): Promise<void>;
  /** Starts what the configuration wants served: the peer protocol, the monitor. */
  serve(): Promise<{ readonly peers: Listening | undefined; readonly monitor: Listening | undefined }>;
  health(): Health;
  /** Closes the database. */
  close(): void;
}

type TransactionDecision = "bring" | "claim" | "object" | "observe" | "finalise";

const WINDOWS_IN_ROUND = 256;
const REFRESH_AT_ONCE = 16;
/** The home checks and signs them one by one before it answers. */
const PROPOSALS_AT_ONCE = 16;
/** More rounds than any pass needs: what is left waits for the next one. */
const MAX_ROUNDS = 100;

/** Errors of a source or a peer as a whole: the next window would meet the same. */
const NOT_ABOUT_ONE: readonly string[] = ["SOURCE_UNREACHABLE", "SOURCE_TIMEOUT", "SOURCE_DIED"];

/** Makes an oracle, and opens its database. */
export function createOracle(options: OracleOptions): Oracle {
  const { config, federation, signer } = options;
  const { chainId, genesisHash, contracts } = federation.addressBook;
  const store = openStore(config.state, {
    chainId,
    genesisHash,
    oracle: contracts.SlaOracle.toLowerCase(),
    part: config.part,
    who: config.part === "party" ? String(config.cloud) : signer.address.toLowerCase(),
  });
  return new Daemon(options, store);
}

class Daemon implements Oracle {
  readonly telemetry = createTelemetry();
  readonly #config: OracleConfig;
  readonly #federation: Federation;
  readonly #desk: SigningDesk;
  readonly #outbox: Outbox;
  readonly #peers: PeerClient;
  readonly #checkpoint: Checkpoint;
  readonly #now: () => number;
  readonly #sender: Wallet;
  #papers: Papers = NO_PAPERS;
  #lastPassAtMs = 0;
  #lastError: string | undefined;
  #head: Head = { number: 0, timeMs: 0n };

  constructor(
    private readonly options: OracleOptions,
    readonly store: Store,
  ) {
    const { config, federation, signer, sender = signer, checkpoint = NO_CHECKPOINT, now = Date.now } = options;
    this.#config = config;
    this.#federation = federation;
    this.#checkpoint = checkpoint;
    this.#now = now;
    this.#sender = sender;
    this.#desk = createSigningDesk({
      signer,
      cloud: config.cloud,
      trusted: [federation.addressBook],
      journal: store.journal,
      maxHeadAgeMs: config.timing.headAgeMs,
      now,
    });
    this.#outbox = createOutbox({
      federation,
      store,
      sender,
      receiptMs: config.timing.receiptMs,
      checkpoint,
      onOutcome: (action, outcome) => {
        this.telemetry.transactions.inc({ action, outcome });
        this.#log("transaction", { action, outcome });
      },
    });
    this.#peers = createPeerClient(federation, { peers: config.peers, timeoutMs: config.timing.peerTimeoutMs });
  }

  /* PASSES */

  async pass(): Promise<boolean> {
    const end = this.telemetry.passSeconds.startTimer();
    try {
      const wasBusy = await this.#passOnce();
      this.#lastPassAtMs = this.#now();
      this.#lastError = undefined;
      this.telemetry.lastPass.set(this.#lastPassAtMs / 1_000);
      return wasBusy;
    } catch (thrown) {
      this.#lastError = lineOf(thrown);
      this.telemetry.errors.inc({ code: codeOf(thrown) });
      throw thrown;
    } finally {
      end();
    }
  }

  async settle(): Promise<void> {
    while (await this.pass());
  }

  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, retryMs, maxRetryMs } = this.#config.timing;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.pass();
        failures = 0;
      } catch (thrown) {
        failures += 1;
        this.#log("pass failed", { error: lineOf(thrown) });
      }
      await sleep(failures === 0 ? everyMs : Math.max(everyMs, backOff(failures, retryMs, maxRetryMs)), signal);
    }
  }

  async #passOnce(): Promise<boolean> {
    const { timing } = this.#config;
    this.#head = await this.#readFreshHead();
    await this.#readPapers();
    const syncOptions = this.#syncOptions();
    await sync(syncOptions, this.#head);
    const laid = await layWindows({ ...syncOptions, graceMs: timing.graceMs }, this.#headMs);
    const canSend = await this.#outbox.settle();
    const worked = await this.#work(canSend);
    this.store.pruneSamples(this.#headMs - timing.keepSamplesMs);
    this.#count();
    return laid > 0 || worked;
  }

  get #headMs(): number {
    return Number(this.#head.timeMs);
  }

  async #readFreshHead(): Promise<Head> {
    const head = await readHead(this.#federation.provider);
    const ageMs = this.#now() - Number(head.timeMs);
    const { headAgeMs } = this.#config.timing;
    if (Math.abs(ageMs) > headAgeMs) {
      throw new BusError("STALE_HEAD", `the head is ${ageMs} ms old; ${headAgeMs} ms either way are allowed`);
    }
    return head;
  }

  async #readPapers(): Promise<void> {
    const { papers } = this.#config;
    if (papers !== undefined) this.#papers = await loadPapers(papers);
  }

  #syncOptions(): SyncOptions {
    return {
      federation: this.#federation,
      store: this.store,
      fromBlock: this.#config.fromBlock,
      paperOf: (id) => this.#papers.agreements.get(id),
      concerns: (stay, agreement) => this.#concerns(stay, agreement),
      checkpoint: this.#checkpoint,
    };
  }

  #concerns(
    { home, host }: Pick<StayRow, "home" | "host">,
    agreement: PublicAgreement | undefined,
  ): boolean | undefined {
    const { part, cloud } = this.#config;
    if (part === "party") return home === cloud || host === cloud;
    const witnesses = agreement && this.#papers.witnesses.get(agreement.witnesses);
    const own = this.options.signer.address.toLowerCase();
    return witnesses?.members.some((member) => member.toLowerCase() === own);
  }

  /* WINDOWS */

  async #work(canSend: boolean): Promise<boolean> {
    let worked = false;
    const isOpen: Gate = { canSend, canMeasure: true };
    for (let round = 0; round < MAX_ROUNDS; ++round) {
      const due = this.store.dueWindows(this.#headMs, this.#now(), WINDOWS_IN_ROUND);
      const progressed = await this.#round(due, isOpen);
      if (!progressed) break;
      worked = true;
    }
    return worked;
  }

  /** Everything due once. Resolves to whether anything was done about any of it. */
  async #round(due: readonly WindowRow[], gate: Gate): Promise<boolean> {
    const plans = due.map((window) => ({ window, ...this.#decide(window) }));
    const having = (wanted: Decision["do"]) => plans.filter(({ decision }) => decision.do === wanted);
    let done = 0;

    for (const { window, decision } of plans) {
      if (decision.do === "wait") this.store.patchWindow(window, { wakeAtMs: decision.untilMs });
      else if (decision.do === "close") this.#close(window, decision.outcome);
      else continue;
      done += 1;
    }
    for (const some of chunks(having("refresh"), REFRESH_AT_ONCE)) {
      await Promise.all(some.map(({ window }) => refresh(this.#federation, this.store, window)));
      done += some.length;
    }
    for (const { window, stay } of having("measure")) {
      if (!gate.canMeasure) break;
      await this.#attempt([window], () => this.#measure(stay, window), gate);
      done += 1;
    }
    const proposing = having("propose");
    for (const home of new Set(proposing.map(({ stay }) => stay.home))) {
      const plansOfHome = proposing.filter(({ stay }) => stay.home === home);
      for (const some of chunks(plansOfHome, PROPOSALS_AT_ONCE)) {
        const windows = some.map(({ window }) => window);
        await this.#attempt(windows, () => this.#propose(home, windows), gate);
        done += some.length;
      }
    }
    for (const action of ["object", "observe", "bring", "claim", "finalise"] as const) {
      const size = action === "bring" ? MAX_WINDOWS : 1;
      for (const some of chunks(having(action), size)) {
        if (!gate.canSend) break;
        await this.#transact(action, some, gate);
        done += some.length;
      }
    }
    return done > 0;
  }

  #decide(window: WindowRow): { readonly stay: StayRow; readonly decision: Decision } {
    const { part, cloud, timing, tolerances } = this.#config;
    const stay = this.store.stay(window.vm, window.sequence);
    if (!stay) throw new BusError("STORE", `${this.store.path}: there is no stay ${window.sequence} of ${window.vm}`);
    const own = this.options.signer.address.toLowerCase();
    const decision = decide(window, stay, {
      nowMs: this.#headMs,
      part,
      cloud,
      timing,
      tolerances,
      members: this.#witnessesOf(stay)?.members.length,
      isHeard:
        window.state === "Objected" &&
        this.store.observations(window).some(({ witness }) => witness.toLowerCase() === own),
    });
    return { stay, decision };
  }

  #close(window: WindowRow, outcome: WindowRow["outcome"]): void {
    this.store.patchWindow(window, { outcome });
    this.#log("window closed", { ...nameOfWindow(window), outcome });
  }

  /** Does something about windows; when it fails, they are left for later, each time for longer. */
  async #attempt(windows: readonly WindowRow[], work: () => Promise<void>, gate: Gate): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      // What is no error of ours or of those we talk to is a mistake in this program.
      if (!(thrown instanceof BusError)) throw thrown;
      if (NOT_ABOUT_ONE.includes(thrown.code)) gate.canMeasure = false;
      this.telemetry.errors.inc({ code: thrown.code });
      for (const window of windows) this.#postpone(window, lineOf(thrown));
    }
  }

  #postpone(window: WindowKey, problem: string): void {
    const { retryMs, maxRetryMs } = this.#config.timing;
    const attempts = (this.store.window(window)?.attempts ?? 0) + 1;
    const retryAtMs = this.#now() + backOff(attempts, retryMs, maxRetryMs);
    this.store.patchWindow(window, { attempts, retryAtMs, problem });
    this.#log("postponed", { ...nameOfWindow(window), attempts, problem });
  }

  /** A step succeeded: the next failure is the first again. */
  #record(window: WindowKey, fields: WindowPatch): void {
    this.store.patchWindow(window, { ...fields, attempts: 0, retryAtMs: 0, problem: undefined });
  }

  /* MEASURING */

  async #measure(stay: StayRow, window: WindowRow): Promise<void> {
    const { source, labels, rules, timing, part } = this.#config;
    const { vm, sequence, fromMs, toMs } = window;
    try {
      const series = await source.read({
        vm,
        sequence,
        startedAtMs: stay.startedAtMs,
        window: { fromMs, toMs },
        labels: labels[vm] ?? {},
      });
      await this.#checkpoint("after reading the source");
      const found = measure(series, { fromMs, toMs }, source.stepMs, rules);
      const isPatient = this.#headMs < toMs + timing.graceMs + timing.patienceMs;
      const gaps = found.gaps.map(({ lane, expected, present }) => `${lane} ${present} of ${expected}`).join(", ");
      if (gaps !== "" && isPatient) throw new BusError("NO_SAMPLES", `samples are missing: ${gaps}`);

      const metrics = part === "witness" ? onlyMetrics(found.metrics, WITNESSED_METRICS) : found.metrics;
      const names = measuredNames(metrics);
      const samples = found.samples.filter(({ lane }) => names.includes(lane));
      this.store.atomically(() => {
        this.store.setSamples(window, toMs, samples);
        this.#record(window, { metrics, samplesRoot: samples.length > 0 ? samplesRoot(samples) : undefined });
        if (gaps !== "") this.store.patchWindow(window, { problem: `NO_SAMPLES: ${gaps}` });
      });
      const outcome = metrics.measured === 0 ? "empty" : gaps === "" ? "complete" : "gaps";
      this.telemetry.measurements.inc({ outcome });
      this.#log("measured", { ...nameOfWindow(window), outcome, ...metrics });
      await this.#checkpoint("after a measurement was written down");
    } catch (thrown) {
      if (thrown instanceof BusError) this.telemetry.measurements.inc({ outcome: "failed" });
      throw thrown;
    }
  }

  /* PROPOSING: host asks home */

  async #propose(home: number, windows: readonly WindowRow[]): Promise<void> {
    if (this.options.isDryRun) {
      this.#wouldDo("propose", windows);
      return;
    }
    const ready = await this.#learnTheirs(home, windows);
    for (const window of ready) await this.#signReport(window);
    const proposals = ready.flatMap((window) => this.#proposalOf(window));
    if (proposals.length === 0) return;
    await this.#checkpoint("before proposing");
    const { answers } = await this.#peers.countersign(
      home,
      proposals.map(({ report, signature }) => ({ report, signature })),
    );
    await this.#checkpoint("after proposing");
    for (const [index, { window, report }] of proposals.entries()) {
      const answer = answers[index];
      if (!answer) continue;
      if ("refusal" in answer) this.#takeRefusal(window, answer);
      else await this.#takeSignature(home, window, report, answer.signature);
    }
  }

  /** Home's own metrics, so that nothing is signed that home cannot compare. Resolves to the windows that can be proposed. */
  async #learnTheirs(home: number, windows: readonly WindowRow[]): Promise<WindowRow[]> {
    const asked = windows.filter(({ theirMeasured, report }) => theirMeasured === undefined && report === undefined);
    if (asked.length > 0) {
      const { answers } = await this.#peers.measured(
        home,
        asked.map(({ vm, sequence, number }) => ({ vm, sequence, window: number })),
      );
      for (const [index, window] of asked.entries()) {
        const answer = answers[index];
        if (!answer) continue;
        if ("refusal" in answer) this.#takeRefusal(window, answer);
        else this.#record(window, { theirMeasured: answer.measured });
      }
    }
    return windows
      .map((window) => this.store.window(window) ?? window)
      .filter(({ theirMeasured, report }) => theirMeasured !== undefined || report !== undefined);
  }

  /** Writes down what is proposed, then signs it. There is one report of a window, however often this is done. */
  async #signReport(window: WindowRow): Promise<void> {
    const { vm, sequence, number, metrics, theirMeasured = 0 } = window;
    if (!metrics) return;
    const names = measuredNames(metrics).filter((name) => (theirMeasured & metricBit(name)) !== 0);
    if (!window.report && names.length === 0) {
      this.store.patchWindow(window, {
        isRefused: true,
        problem: "NOTHING_IN_COMMON: home measured none of the metrics that were measured here",
      });
      return;
    }
    const report: AgreedReport = window.report ?? {
      vm,
      sequence,
      window: number,
      metrics: { values: onlyMetrics(metrics, names), salt: freshSalt() },
    };
    if (!window.report) this.store.patchWindow(window, { report });
    await this.#checkpoint("before a report is signed");
    if (window.ownSignature !== undefined) return;
    const { signature } = await this.#desk.sign(this.#federation, "AgreedReport", report);
    this.store.patchWindow(window, { ownSignature: signature });
    await this.#checkpoint("after a report was signed");
  }

  #proposalOf(key: WindowKey): Proposed[] {
    const window = this.store.window(key);
    if (!window?.report || window.ownSignature === undefined || window.isRefused) return [];
    return [{ window, report: window.report, signature: window.ownSignature }];
  }

  #takeRefusal(window: WindowRow, { refusal, metrics = [] }: Refused): void {
    this.telemetry.proposals.inc({ outcome: refusal });
    const problem = `home refuses: ${[refusal, ...metrics].join(" ")}`;
    if (DEFINITE.includes(refusal)) {
      this.store.patchWindow(window, { isRefused: true, problem });
      this.#log("refused", { ...nameOfWindow(window), refusal, metrics });
    } else {
      // Something may have happened on the chain meanwhile.
      if (refusal === "FINAL") this.store.patchWindow(window, { isStale: true });
      this.#postpone(window, problem);
    }
  }

  async #takeSignature(home: number, window: WindowRow, report: AgreedReport, signature: string): Promise<void> {
    const digest = documentDigest(this.#federation.oracleDomain, "AgreedReport", report);
    if (await isReportSignature(this.#federation, home, digest, signature)) {
      this.telemetry.proposals.inc({ outcome: "SIGNED" });
      this.#record(window, { theirSignature: signature });
      await this.#checkpoint("after a countersignature was written down");
      return;
    }
    this.telemetry.proposals.inc({ outcome: "BAD_SIGNATURE" });
    this.#postpone(window, "PEER_NONSENSE: what home answered is not its signature");
  }

  /* TRANSACTIONS */

  async #transact(action: TransactionDecision, plans: readonly Plan[], gate: Gate): Promise<void> {
    const windows = plans.map(({ window }) => window);
    if (this.options.isDryRun) {
      this.#wouldDo(action, windows);
      return;
    }
    try {
      await this.#openStays(plans, gate);
      if (!gate.canSend) return;
      const [first] = plans;
      if (!first) return;
      const call = action === "bring" ? this.#bringing(plans) : await this.#callFor(action, first);
      await this.#send(call, gate);
    } catch (thrown) {
      if (!(thrown instanceof BusError)) throw thrown;
      await this.#afterRefusal(action, plans, gate, thrown);
    }
  }

  async #send(call: Call, gate: Gate): Promise<void> {
    const outcome = await this.#outbox.send(call);
    if (outcome === "pending") gate.canSend = false;
    else this.#head = await this.#readFreshHead();
  }

  /** The contract said no, or something is missing here. */
  async #afterRefusal(
    action: TransactionDecision,
    plans: readonly Plan[],
    gate: Gate,
    thrown: BusError,
  ): Promise<void> {
    this.telemetry.errors.inc({ code: thrown.code });
    if (plans.length > 1) {
      // One of them spoils the others: each for itself.
      for (const plan of plans) {
        if (gate.canSend) await this.#transact(action, [plan], gate);
      }
      return;
    }
    for (const { window } of plans) {
      const isKeyChanged =
        action === "bring" && thrown instanceof RevertError && thrown.errorName.startsWith("CloudRegistry_");
      // A key that signed is no longer its cloud's: both sign again, with the keys they have now.
      const fields = isKeyChanged ? { ownSignature: undefined, theirSignature: undefined } : {};
      this.store.patchWindow(window, { isStale: true, ...fields });
      this.#postpone(window, lineOf(thrown));
    }
  }

  /** Opens the grids that what follows needs. */
  async #openStays(plans: readonly Plan[], gate: Gate): Promise<void> {
    for (const { vm, sequence, isOpen } of new Set(plans.map(({ stay }) => stay))) {
      if (isOpen || this.store.stay(vm, sequence)?.isOpen) continue;
      if (!gate.canSend) return;
      const stay = this.store.stay(vm, sequence);
      if (!stay) continue;
      const args = [vm, sequence, this.#requireAgreement(stay)];
      try {
        await this.#send({ contract: this.#federation.oracle, name: "openWindows", args, windows: [] }, gate);
      } catch (thrown) {
        // The other side was faster.
        const isThere = thrown instanceof RevertError && thrown.errorName === "SlaOracle_AlreadyOpen";
        if (!isThere) throw thrown;
      }
      this.store.patchStay(stay, { isOpen: true });
    }
  }

  #bringing(plans: readonly Plan[]): Call {
    const reports: AgreedReport<string>[] = [];
    const signatures: string[] = [];
    for (const { window, stay } of plans) {
      const { report, ownSignature = "0x", theirSignature = "0x" } = window;
      if (!report) continue;
      reports.push(publicReport(report));
      const isHost = stay.host === this.#config.cloud;
      signatures.push(...(isHost ? [theirSignature, ownSignature] : [ownSignature, theirSignature]));
    }
    const windows = plans.map(({ window }) => keyOf(window));
    return { contract: this.#federation.oracle, name: "reportAgreed", args: [reports, signatures], windows };
  }

  async #callFor(action: Exclude<TransactionDecision, "bring">, { window, stay }: Plan): Promise<Call> {
    const { oracle } = this.#federation;
    const { vm, sequence, number } = window;
    const call = (args: readonly unknown[]): Call => ({
      contract: oracle,
      name: action,
      args,
      windows: [keyOf(window)],
    });
    switch (action) {
      case "claim":
        return call([vm, sequence, number, this.#config.cloud, window.metrics]);
      case "object":
        return call([vm, sequence, number, this.#requireAgreement(stay)]);
      case "observe": {
        const { observation, signature } = await this.#signObservation(window);
        return call([observation, this.#requireWitnesses(stay), signature]);
      }
      case "finalise": {
        const heard = this.store.observations(window).sort((a, b) => (BigInt(a.witness) < BigInt(b.witness) ? -1 : 1));
        const witnesses = heard.length === 0 ? { members: [], required: 0 } : this.#requireWitnesses(stay);
        const observers = heard.map(({ witness }) => witness);
        return call([vm, sequence, number, witnesses, observers, heard.map(({ observation }) => observation)]);
      }
    }
  }

  /** Writes down what was observed, then signs it. */
  async #signObservation(
    window: WindowRow,
  ): Promise<{ readonly observation: Observation; readonly signature: string }> {
    const { vm, sequence, number, metrics, samplesRoot: root } = window;
    if (!metrics || root === undefined) throw new BusError("NO_SAMPLES", "nothing was measured");
    const observation = window.observation ?? { vm, sequence, window: number, metrics, samplesRoot: root };
    if (!window.observation) this.store.patchWindow(window, { observation });
    await this.#checkpoint("before an observation is signed");
    if (window.observationSignature !== undefined) return { observation, signature: window.observationSignature };
    const { signature } = await this.#desk.sign(this.#federation, "Observation", observation);
    this.store.patchWindow(window, { observationSignature: signature });
    await this.#checkpoint("after an observation was signed");
    return { observation, signature };
  }

  #requireAgreement(stay: StayRow): PublicAgreement {
    const found = agreementOf(this.#syncOptions(), stay.agreementId);
    if (found) return found;
    throw new BusError("UNKNOWN_AGREEMENT", `${stay.agreementId} is neither on the chain nor a paper`);
  }

  #witnessesOf(stay: StayRow): Witnesses | undefined {
    const agreement = agreementOf(this.#syncOptions(), stay.agreementId);
    return agreement && this.#papers.witnesses.get(agreement.witnesses);
  }

  #requireWitnesses(stay: StayRow): Witnesses {
    const found = this.#witnessesOf(stay);
    if (found) return found;
    throw new BusError("UNKNOWN_WITNESSES", `the witnesses of agreement ${stay.agreementId} are not a paper`);
  }

  #wouldDo(action: string, windows: readonly WindowRow[]): void {
    for (const window of windows) {
      this.#log("would do", { action, ...nameOfWindow(window) });
      this.store.patchWindow(window, { retryAtMs: Number.MAX_SAFE_INTEGER });
    }
  }

  /* SERVING */

  async serve(): Promise<{ readonly peers: Listening | undefined; readonly monitor: Listening | undefined }> {
    const { listen, monitor } = this.#config;
    return {
      peers: listen && (await servePeers(listen, this.#answerOptions())),
      monitor: monitor && (await serveMonitor(monitor, this.telemetry, () => this.health())),
    };
  }

  #answerOptions(): AnswerOptions {
    const { cloud, tolerances, trusted } = this.#config;
    return {
      federation: this.#federation,
      store: this.store,
      desk: this.#desk,
      cloud,
      tolerances,
      trusted,
      checkpoint: this.#checkpoint,
      onAnswer: (outcome) => {
        this.telemetry.answers.inc({ outcome });
      },
    };
  }

  health(): Health {
    const { everyMs, maxRetryMs } = this.#config.timing;
    const ageMs = this.#now() - this.#lastPassAtMs;
    const problems = [
      ...(this.#lastError === undefined ? [] : [this.#lastError]),
      ...(ageMs > 3 * everyMs + maxRetryMs ? [`the last pass without an error ended ${ageMs} ms ago`] : []),
      ...this.store.stays().flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
    ];
    return { isHealthy: problems.length === 0, problems, lastPassAtMs: this.#lastPassAtMs };
  }

  #count(): void {
    const { telemetry, store } = this;
    telemetry.headBlock.set(this.#head.number);
    telemetry.headTime.set(this.#headMs / 1_000);
    telemetry.syncedBlock.set(store.cursor() ?? 0);
    const oldestMs = store.oldestUnreportedMs();
    telemetry.oldestUnreported.set(oldestMs === undefined ? 0 : Math.max(0, (this.#headMs - oldestMs) / 1_000));
    telemetry.windows.reset();
    for (const [state, count] of store.countWindows()) telemetry.windows.set({ state }, count);
    const stays = store.stays();
    const withProblem = stays.filter(({ problem }) => problem !== undefined).length;
    const running = stays.filter(({ endedAtMs }) => endedAtMs === 0).length;
    telemetry.stays.set({ state: "running" }, running);
    telemetry.stays.set({ state: "ended" }, stays.length - running);
    telemetry.stays.set({ state: "problem" }, withProblem);
  }

  #log(event: string, facts: { readonly [name: string]: unknown }): void {
    this.options.log?.(event, facts);
  }

  async requireStanding(): Promise<void> {
    const { part, cloud } = this.#config;
    if (part === "witness") return;
    const { registry } = this.#federation;
    for (const { address } of [this.options.signer, this.#sender]) {
      await ask(registry.requireSender(cloud, AgentScope.REPORT, 0, 0, address));
    }
  }

  close(): void {
    this.store.close();
  }
}

interface Plan {
  readonly window: WindowRow;
  readonly stay: StayRow;
}

interface Proposed {
  readonly window: WindowRow;
  readonly report: AgreedReport;
  readonly signature: string;
}

/** What is still worth trying in this pass. */
interface Gate {
  canSend: boolean;
  canMeasure: boolean;
}

function keyOf({ vm, sequence, number }: WindowKey): WindowKey {
  return { vm, sequence, number };
}

function nameOfWindow({ vm, sequence, number }: WindowKey): { readonly [name: string]: unknown } {
  return { vm, sequence, window: number };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const found: T[][] = [];
  for (let from = 0; from < items.length; from += size) found.push(items.slice(from, from + size));
  return found;
}

/** Twice as long each time, up to a limit. */
export function backOff(attempts: number, firstMs: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(attempts - 1, 40));
}

function lineOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const line = message.split("\n")[0] ?? "";
  return thrown instanceof BusError ? `${thrown.code}: ${line}` : line;
}

function codeOf(thrown: unknown): string {
  return thrown instanceof BusError ? thrown.code : "OTHER";
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
