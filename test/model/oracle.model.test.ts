import { expect } from "chai";
import { type Wallet, id } from "ethers";
import fc from "fast-check";
import { network } from "hardhat";

import {
  type AgreedReport,
  type Metrics,
  type ResultStateName,
  type Witnesses,
  METRIC_NAMES,
  RevertError,
  WITNESSED_METRICS,
  asRevert,
  buildMetrics,
  medianOf,
  publicReport,
  saltedMetricsHash,
} from "../../src/index.js";
import {
  type World,
  FOURTH,
  HOME,
  HOST,
  HOUR,
  OTHER,
  as,
  federation,
  nextBlockAt,
  nowSeconds,
} from "../fixtures/federation.js";
import {
  CLAIM_WITHIN,
  OBJECT_WITHIN,
  OBSERVE_WITHIN,
  type OpenStay,
  WINDOW,
  WITNESSES,
  asAnswer,
  claim,
  finalise,
  object,
  observe,
  openStay,
  resultOf,
  signReport,
  witnesses,
} from "../fixtures/oracle.js";

const connection = await network.create();
const { networkHelpers } = connection;

const COMMANDS = Number(process.env.MODEL_COMMANDS ?? 400);
const SEED = Number(process.env.MODEL_SEED ?? 20_261_126);
const TIMEOUT_MS = 120_000 + COMMANDS * 100;
/** After so many commands the whole state is compared. */
const COMPARE_EVERY = 25;
const WINDOWS = 12;

/* THE RULES, in plain numbers */

interface WindowModel {
  state: ResultStateName;
  byHost: boolean;
  /** In seconds. */
  since: number;
  metrics: Metrics;
  commitment: bigint;
  readonly heard: Map<Wallet, Metrics>;
}

interface StayModel extends OpenStay {
  readonly home: number;
  readonly host: number;
  readonly named: Witnesses;
  readonly windows: WindowModel[];
  /** In seconds; 0 while it runs. */
  endedAt: number;
}

const NOTHING = buildMetrics({});
const untouched = (): WindowModel => ({
  state: "None",
  byHost: false,
  since: 0,
  metrics: NOTHING,
  commitment: 0n,
  heard: new Map(),
});

function isFinal({ state, since }: WindowModel, now: number): boolean {
  if (state === "Claimed") return now > since + OBJECT_WITHIN;
  return state !== "None" && state !== "Objected";
}

/** Why a claim comes at the wrong time. */
function untimely(stay: StayModel, window: number, now: number): string | undefined {
  const begin = stay.startedAt + window * WINDOW;
  if (stay.endedAt !== 0 && begin >= stay.endedAt) return "SlaOracle_NoSuchWindow";
  const to = stay.endedAt === 0 ? begin + WINDOW : Math.min(begin + WINDOW, stay.endedAt);
  return outside(to, now);
}

function outside(to: number, now: number): string | undefined {
  if (now < to) return "SlaOracle_WindowNotOver";
  return now > to + CLAIM_WITHIN ? "SlaOracle_ReportTooLate" : undefined;
}

/** The same for what both sign: a window whose full length has passed is over. */
function untimelyForBoth(stay: StayModel, window: number, now: number): string | undefined {
  const to = stay.startedAt + (window + 1) * WINDOW;
  return now < to ? untimely(stay, window, now) : outside(to, now);
}

function malformed({ members, required }: Witnesses): string | undefined {
  if (members.length > 7) return "SlaOracle_TooManyWitnesses";
  return required === 0 || required > members.length ? "SlaOracle_RequiredOutOfRange" : undefined;
}

/* COMMANDS */

interface Choice {
  readonly kind: "agree" | "claim" | "object" | "observe" | "finalise" | "stop";
  readonly stay: number;
  readonly window: number;
  /** Picks a side, a witness, the number of reports. */
  readonly pick: number;
  readonly values: readonly number[];
  readonly measured: number;
  /** Seconds to the last command; beyond a day a deadline is likely to pass. */
  readonly step: number;
}

const choices: fc.Arbitrary<Choice> = fc.record({
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant("agree" as const) },
    { weight: 10, arbitrary: fc.constant("claim" as const) },
    { weight: 12, arbitrary: fc.constant("object" as const) },
    { weight: 30, arbitrary: fc.constant("observe" as const) },
    { weight: 8, arbitrary: fc.constant("finalise" as const) },
    { weight: 1, arbitrary: fc.constant("stop" as const) },
  ),
  stay: fc.nat({ max: 4 }),
  window: fc.nat({ max: WINDOWS - 1 }),
  pick: fc.nat({ max: 1_000 }),
  values: fc.array(fc.nat({ max: 1_000_000 }), { minLength: 7, maxLength: 7 }),
  measured: fc.nat({ max: 127 }),
  step: fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min: 1, max: HOUR }) },
    { weight: 1, arbitrary: fc.integer({ min: OBJECT_WITHIN, max: OBJECT_WITHIN + 2 }) },
  ),
});

interface Act {
  readonly due: string | undefined;
  send(): Promise<unknown>;
  apply(): void;
}

/** Mostly a window in a state; the one chosen if there is none. */
function windowIn(stays: readonly StayModel[], choice: Choice, state: ResultStateName) {
  const stay = stays[choice.stay % stays.length]!;
  const all = stays.flatMap((one) => one.windows.map((_, window) => ({ stay: one, window })));
  const found = all.filter((at) => at.stay.windows[at.window]!.state === state);
  if (choice.pick % 11 === 0 || found.length === 0) return { stay, window: choice.window };
  return found[choice.pick % found.length]!;
}

function metricsOf({ values, measured }: Choice, names: typeof METRIC_NAMES | typeof WITNESSED_METRICS): Metrics {
  const kept = METRIC_NAMES.map((name, i) => [name, values[i]] as const).filter(
    ([name], i) => names.includes(name) && (measured & (1 << i)) !== 0,
  );
  return buildMetrics(Object.fromEntries(kept));
}

const ACTS: {
  readonly [kind in Choice["kind"]]: (world: World, stays: StayModel[], choice: Choice, now: number) => Act;
} = {
  agree(world, stays, choice, now) {
    const stay = stays[choice.stay % stays.length]!;
    const reports = Array.from({ length: 1 + (choice.pick % 3) }, (_, i): AgreedReport => {
      const window = (choice.window + i) % WINDOWS;
      const metrics = { values: metricsOf(choice, METRIC_NAMES), salt: id(`${choice.pick} ${i}`) };
      return { vm: stay.vm, sequence: stay.sequence, window, metrics };
    });
    const refusals = reports.map(({ window }) => {
      const found = stay.windows[window]!;
      if (isFinal(found, now)) return "SlaOracle_AlreadyFinal";
      return found.state === "None" ? untimelyForBoth(stay, window, now) : undefined;
    });
    return {
      due: refusals.find((refusal) => refusal !== undefined),
      async send() {
        const signed = reports.map((report) => signReport(world, report, [stay.home, stay.host]));
        return world.oracle.reportAgreed(reports.map(publicReport), (await Promise.all(signed)).flat());
      },
      apply() {
        for (const { window, metrics } of reports) {
          const commitment = BigInt(saltedMetricsHash(metrics)) & (2n ** 248n - 1n);
          stay.windows[window] = { ...untouched(), state: "Agreed", commitment };
        }
      },
    };
  },
  claim(world, stays, choice, now) {
    const { stay, window } = windowIn(stays, choice, "None");
    const byHost = choice.pick % 2 === 0;
    const isForeign = choice.pick % 17 === 0;
    const by = isForeign ? FOURTH : byHost ? stay.host : stay.home;
    const metrics = metricsOf(choice, METRIC_NAMES);
    const { state } = stay.windows[window]!;
    const due = isForeign
      ? "SlaOracle_NotAParty"
      : metrics.measured === 0
        ? "SlaOracle_NothingMeasured"
        : state !== "None"
          ? "SlaOracle_AlreadyReported"
          : untimely(stay, window, now);
    return {
      due,
      send: () => claim(world, stay, by, metrics, window),
      apply() {
        stay.windows[window] = { ...untouched(), state: "Claimed", byHost, since: now, metrics };
      },
    };
  },
  object(world, stays, choice, now) {
    const { stay, window } = windowIn(stays, choice, "Claimed");
    const found = stay.windows[window]!;
    const isTheClaimant = choice.pick % 13 === 0;
    const by = found.byHost === isTheClaimant ? stay.host : stay.home;
    const due =
      found.state !== "Claimed"
        ? "SlaOracle_WrongState"
        : isTheClaimant
          ? "CloudRegistry_NotAuthorized"
          : now > found.since + OBJECT_WITHIN
            ? "SlaOracle_ObjectionTooLate"
            : undefined;
    return {
      due,
      send: () => object(world, stay, by, window),
      apply() {
        stay.windows[window] = { ...found, state: "Objected", since: now };
      },
    };
  },
  observe(world, stays, choice, now) {
    const { stay, window } = windowIn(stays, choice, "Objected");
    const found = stay.windows[window]!;
    // One more than are named: a stranger.
    const witness = WITNESSES[choice.pick % Math.min(stay.named.members.length + 1, WITNESSES.length)]!;
    const metrics = metricsOf(choice, WITNESSED_METRICS);
    const due =
      found.state !== "Objected"
        ? "SlaOracle_WrongState"
        : now > found.since + OBSERVE_WITHIN
          ? "SlaOracle_ObservationTooLate"
          : (malformed(stay.named) ??
            (!stay.named.members.includes(witness.address)
              ? "SlaOracle_NotAWitness"
              : found.heard.has(witness)
                ? "SlaOracle_AlreadyObserved"
                : undefined));
    return {
      due,
      send: () => observe(world, stay, witness, { window, metrics }),
      apply() {
        found.heard.set(witness, metrics);
      },
    };
  },
  finalise(world, stays, choice, now) {
    const { stay, window } = windowIn(stays, choice, "Objected");
    const found = stay.windows[window]!;
    const heard = [...found.heard].sort(([a], [b]) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1));
    const isComplete = heard.length !== 0 && heard.length === stay.named.members.length;
    const due =
      found.state !== "Objected"
        ? "SlaOracle_WrongState"
        : !isComplete && now <= found.since + OBSERVE_WITHIN
          ? "SlaOracle_StillObserving"
          : undefined;
    const given = heard.map(([witness, metrics]) => ({ witness, changes: { metrics } }));
    return {
      due,
      send: () => finalise(world, stay, given, { window, named: stay.named }),
      apply() {
        const observed = heard.map(([, metrics]) => metrics);
        const metrics = observed.length === 0 ? NOTHING : medianOf(observed, stay.named.required);
        const state = metrics.measured === 0 ? "Disputed" : "Witnessed";
        stay.windows[window] = { ...untouched(), state, metrics };
      },
    };
  },
  stop(world, stays, choice, now) {
    const stay = stays[choice.stay % stays.length]!;
    return {
      due: stay.endedAt === 0 ? undefined : "MigrationLedger_WrongState",
      send: () => as(world, stay.home).stop(stay.vm),
      apply() {
        stay.endedAt = now;
      },
    };
  },
};

/* THE HISTORY: lived once, looked at by every test */

interface History {
  readonly world: World;
  readonly stays: StayModel[];
  readonly firstBlock: number;
  readonly now: number;
  readonly findings: string[];
  /** By command: how often it succeeded, and which errors it met. */
  readonly seen: Map<string, { succeeded: number; readonly refusals: Set<string> }>;
}

async function lived(): Promise<History> {
  const world = await federation(connection);
  const firstBlock = await connection.ethers.provider.getBlockNumber();
  const places: readonly (readonly [number, number, Witnesses])[] = [
    [HOME, HOST, witnesses(3)],
    [HOST, OTHER, witnesses(1)],
    [OTHER, HOME, witnesses(5, 2)],
    [HOME, OTHER, { members: [], required: 0 }],
    [HOST, HOME, witnesses(3, 4)],
  ];
  const stays: StayModel[] = [];
  for (const [home, host, named] of places) {
    const stay = await openStay(world, { home, destination: host, witnesses: named });
    stays.push({ ...stay, home, host, named, endedAt: 0, windows: Array.from({ length: WINDOWS }, untouched) });
  }
  const findings: string[] = [];
  const seen: History["seen"] = new Map();
  let now = await nowSeconds(world);
  for (const [index, choice] of fc.sample(choices, { seed: SEED, numRuns: COMMANDS }).entries()) {
    now += choice.step;
    await nextBlockAt(world, now);
    const act = ACTS[choice.kind](world, stays, choice, now);
    const met = await refusalOf(act.send());
    if (met !== act.due)
      findings.push(`${index} ${choice.kind}: ${met ?? "accepted"}, the rules ${act.due ?? "accept"}`);
    if (findings.length > 0) break;
    const tally = seen.get(choice.kind) ?? { succeeded: 0, refusals: new Set() };
    seen.set(choice.kind, tally);
    if (met === undefined) {
      act.apply();
      ++tally.succeeded;
    } else {
      tally.refusals.add(met);
      await networkHelpers.mine();
    }
    if (index % COMPARE_EVERY !== COMPARE_EVERY - 1 && index !== COMMANDS - 1) continue;
    for (const stay of stays) {
      findings.push(...(await differences(world, stay, now)).map((text) => `${index}: ${text}`));
    }
  }
  return { world, stays, firstBlock, now, findings, seen };
}

async function refusalOf(sent: Promise<unknown>): Promise<string | undefined> {
  try {
    await sent;
    return undefined;
  } catch (thrown) {
    const reason = asRevert(thrown);
    if (reason instanceof RevertError) return reason.errorName;
    throw thrown;
  }
}

/** What of a stay's results is not as the rules say. */
async function differences(world: World, stay: StayModel, now: number): Promise<string[]> {
  const found = await Promise.all(stay.windows.map((_, window) => resultOf(world, stay, window)));
  return stay.windows.flatMap((model, window) => {
    const isOpen = model.state === "Claimed" || model.state === "Objected";
    const wanted = {
      state: model.state,
      isFinal: isFinal(model, now),
      claimant: BigInt(isOpen ? (model.byHost ? stay.host : stay.home) : 0),
      since: BigInt(model.since),
      observations: BigInt(model.heard.size),
      metrics: asAnswer(model.metrics),
      commitment: `0x${model.commitment.toString(16).padStart(64, "0")}`,
    };
    const [is, should] = [told(found[window]), told(wanted)];
    return is === should ? [] : [`window ${window} of ${stay.vm} is ${is}, should be ${should}`];
  });
}

function told(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? part.toString() : part));
}

/* THE STATE FROM THE LOGS */

async function rebuilt({ world, firstBlock }: History): Promise<Map<string, WindowModel>> {
  const { provider } = connection.ethers;
  const windows = new Map<string, WindowModel>();
  const hosts = new Map<string, bigint>();
  for (const log of await provider.getLogs({ address: await world.oracle.getAddress(), fromBlock: firstBlock })) {
    const event = world.oracle.interface.parseLog(log)!;
    const since = (await provider.getBlock(log.blockNumber))!.timestamp;
    const { vm } = event.args as unknown as { vm: string };
    if (event.name === "WindowsOpened") hosts.set(vm, event.args.host as bigint);
    if (event.name === "WindowsOpened" || event.name === "PeriodsSet") continue;
    const key = `${vm}/${event.args.window as bigint}`;
    const before = windows.get(key) ?? untouched();
    const metrics = () => plain(event.args.metrics as { [name in keyof Metrics]: bigint });
    switch (event.name) {
      case "WindowAgreed": {
        const commitment = BigInt(event.args.metrics as string) & (2n ** 248n - 1n);
        windows.set(key, { ...untouched(), state: "Agreed", commitment });
        break;
      }
      case "WindowClaimed": {
        const byHost = (event.args.claimant as bigint) === hosts.get(vm);
        windows.set(key, { ...untouched(), state: "Claimed", byHost, since, metrics: metrics() });
        break;
      }
      case "WindowObjected":
        windows.set(key, { ...before, state: "Objected", since });
        break;
      case "WindowObserved":
        before.heard.set(
          WITNESSES.find(({ address }) => address === event.args.witness)!,
          metrics(),
        );
        break;
      case "WindowWitnessed":
        windows.set(key, { ...untouched(), state: "Witnessed", metrics: metrics() });
        break;
      case "WindowDisputed":
        windows.set(key, { ...untouched(), state: "Disputed" });
        break;
      default:
        throw new Error(`an event that nothing is known of: ${event.name}`);
    }
  }
  return windows;
}

function plain(metrics: { [name in keyof Metrics]: bigint }): Metrics {
  const names = Object.keys(NOTHING) as (keyof Metrics)[];
  return Object.fromEntries(names.map((name) => [name, Number(metrics[name])])) as unknown as Metrics;
}

describe("model: the oracle does what the rules say", function () {
  this.timeout(TIMEOUT_MS);

  it("accepts what the rules allow, refuses everything else as they do, and stores what they say", async function () {
    const { findings } = await networkHelpers.loadFixture(lived);

    expect(findings.slice(0, 3)).to.deep.equal([]);
  });

  it("tried every command with success and with refusals, and came to every state", async function () {
    const { seen, stays } = await networkHelpers.loadFixture(lived);

    for (const [kind, { succeeded, refusals }] of seen) {
      expect(succeeded, `${kind} succeeded`).to.be.greaterThan(0);
      if (kind !== "stop") expect(refusals.size, `${kind} refused`).to.be.greaterThan(0);
    }
    expect([...seen.keys()].sort()).to.deep.equal(Object.keys(ACTS).sort());
    const states = new Set(stays.flatMap(({ windows }) => windows.map(({ state }) => state)));
    expect(states).to.include.keys("Agreed", "Claimed", "Witnessed", "Disputed");
  });

  it("events alone rebuild the state of every window", async function () {
    const history = await networkHelpers.loadFixture(lived);
    const windows = await rebuilt(history);

    for (const stay of history.stays) {
      const fromLogs = stay.windows.map((_, window) => windows.get(`${stay.vm}/${window}`) ?? untouched());
      expect(await differences(history.world, { ...stay, windows: fromLogs }, history.now)).to.deep.equal([]);
    }
  });
});
