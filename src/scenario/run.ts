import { formatUnits, id as hashOf } from "ethers";

import { setFeature } from "../actions/exchange/setFeature.js";
import { register } from "../actions/ledger/register.js";
import { balanceOf } from "../actions/questions/balanceOf.js";
import { creditOf } from "../actions/questions/creditOf.js";
import { hostAt } from "../actions/questions/hostAt.js";
import { scoreOf } from "../actions/questions/reputation.js";
import { responsibleDuring } from "../actions/questions/responsibleDuring.js";
import { vmIdOf } from "../actions/questions/vmIdOf.js";
import { vmOf } from "../actions/questions/vmOf.js";
import { resultOf } from "../actions/questions/windows.js";
import { CloudStatus, MoveState, VmState, nameOf } from "../chain/enums.js";
import { type Federation, asSender } from "../chain/federation.js";
import type { BusEvent, Sent } from "../chain/send.js";
import { BusError } from "../errors/busError.js";
import { unpackResources } from "../documents/build.js";
import { RESOURCE_NAMES, type Resources } from "../documents/types.js";
import { RevertError } from "../errors/revert.js";
import { accountsOf } from "./accounts.js";
import { missedBy } from "./claims.js";
import { type Scenario, type Step, durationMs } from "./format.js";
import { parseMoney } from "./money.js";
import { doStep, makeOffer } from "./steps.js";
import {
  type Chain,
  type CloudActor,
  type FederationRoles,
  type KeyRing,
  type VmActor,
  type World,
  cloudOf,
  documentOf,
  featureBits,
  labelOf,
  resourcesFrom,
  vmNamed,
} from "./world.js";

/** What became of a step. */
export interface StepFact {
  readonly index: number;
  readonly step: Step;
  /** The chain's time after it, in milliseconds. */
  readonly time: number;
  /** `done` where nothing was asked of the chain. */
  readonly outcome: "accepted" | "refused" | "done";
  /** Why it was refused. */
  readonly refusal: RevertError | undefined;
  /** Whether that is what the scenario says. */
  readonly isExpected: boolean;
  /** What is not as the scenario says, in words. */
  readonly missed: string | undefined;
  /** Transactions that were accepted. */
  readonly sent: readonly Sent[];
}

/** What the scenario expects of the end, and what the chain says. */
export interface ExpectationFact {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
  readonly isMet: boolean;
}

/** All facts of a run. */
export interface RunFacts {
  readonly world: World;
  readonly steps: readonly StepFact[];
  readonly expectations: readonly ExpectationFact[];
  readonly events: readonly BusEvent[];
}

/** What a runner needs beside the scenario. */
export interface Setting {
  readonly chain: Chain;
  readonly federation: Federation;
  readonly clouds: ReadonlyMap<string, CloudActor>;
  readonly keys: KeyRing;
  readonly roles: FederationRoles;
}

/** Prepares a federation for the timeline: feature names, offers, VMs. What was sent is in the world's `sent`. */
export async function prepare(scenario: Scenario, setting: Setting): Promise<World> {
  const { federation, chain } = setting;
  const vms = new Map<string, VmActor>();
  for (const spec of scenario.vms) {
    const home = setting.clouds.get(spec.home);
    if (!home) throw new BusError("BAD_SCENARIO", `${spec.name} has no home`);
    const localId = hashOf(`${setting.keys.salt("local ids")}/${spec.home}/${spec.name}`);
    vms.set(spec.name, {
      name: spec.name,
      home: spec.home,
      localId,
      vm: await vmIdOf(federation, home.cloud, localId),
      resources: resourcesFrom(scenario.instanceTypes?.[spec.type] ?? {}),
      features: featureBits(scenario, spec.features),
    });
  }
  const world: World = {
    ...setting,
    scenario,
    begin: 0,
    vms,
    documents: new Map(),
    agreements: new Map(),
    openings: new Map(),
    nettings: [],
    sent: [],
    salts: 0,
  };

  const governance = asSender(federation, setting.roles.governance);
  for (const [feature, bit] of Object.entries(scenario.features ?? {})) {
    world.sent.push(await setFeature(governance, bit, feature));
  }
  for (const spec of scenario.clouds) {
    const actor = setting.clouds.get(spec.label);
    if (!actor) continue;
    for (const offered of spec.offers ?? []) world.sent.push(await makeOffer(world, actor, offered));
  }
  for (const spec of scenario.vms) {
    const actor = vms.get(spec.name);
    const home = setting.clouds.get(spec.home);
    if (!actor || !home || spec.register === false) continue;
    const sender = asSender(federation, home.account);
    world.sent.push(await register(sender, home.cloud, actor.localId, actor.resources));
  }
  return { ...world, begin: await chain.now() };
}

/** Runs the timeline. Every step is told as it happens. */
export async function runTimeline(world: World, onStep: (fact: StepFact) => void): Promise<RunFacts> {
  const steps: StepFact[] = [];
  for (const [index, step] of world.scenario.timeline.entries()) {
    if (step.at !== undefined) await world.chain.waitUntil(world.begin + durationMs(step.at));
    const fact = await runStep(world, step, index);
    steps.push(fact);
    onStep(fact);
  }
  const expectations = await checkExpectations(world);
  return { world, steps, expectations, events: world.sent.flatMap((sent) => sent.events) };
}

async function runStep(world: World, step: Step, index: number): Promise<StepFact> {
  const sent: Sent[] = [];
  let refusal: RevertError | undefined;
  try {
    await doStep(world, step, (one) => {
      sent.push(one);
      world.sent.push(one);
    });
  } catch (thrown) {
    if (!(thrown instanceof RevertError)) throw thrown;
    refusal = thrown;
  }
  return {
    index,
    step,
    time: await world.chain.now(),
    outcome: refusal ? "refused" : sent.length > 0 ? "accepted" : "done",
    refusal,
    isExpected: missedBy(world, step, refusal) === undefined,
    missed: missedBy(world, step, refusal),
    sent,
  };
}

async function checkExpectations(world: World): Promise<ExpectationFact[]> {
  const { scenario, federation, begin } = world;
  const {
    hosts = [],
    states = [],
    responsible = [],
    rooms = [],
    statuses = [],
    outcomes = [],
    results = [],
    credits = [],
    balances = [],
    reputation = [],
  } = scenario.expectations ?? {};
  const facts = [
    ...hosts.map(async ({ vm, at, host }) => {
      const found = await hostAt(federation, vmNamed(world, vm).vm, BigInt(begin + durationMs(at)));
      return fact(`host of ${vm} at ${at}`, host ?? "-", labelOf(world, found));
    }),
    ...states.map(async ({ vm, state }) => {
      const found = await vmOf(federation, vmNamed(world, vm).vm);
      return fact(`state of ${vm}`, state, nameOf(VmState, found.state));
    }),
    ...responsible.map(async ({ vm, from, to, clouds }) => {
      const [begins, ends] = [BigInt(begin + durationMs(from)), BigInt(begin + durationMs(to))];
      const found = await responsibleDuring(federation, vmNamed(world, vm).vm, begins, ends);
      const labels = found.map((part) => labelOf(world, part.cloud)).filter((label, i, all) => label !== all[i - 1]);
      return fact(`responsible for ${vm} from ${from} to ${to}`, clouds.join(", "), labels.join(", "));
    }),
    ...statuses.map(async ({ cloud, status }) => {
      const found = await federation.registry.statusOf(cloudOf(world, cloud).cloud);
      return fact(`status of ${cloud}`, status, nameOf(CloudStatus, found));
    }),
    ...rooms.map((expected) => roomFact(world, expected)),
    ...outcomes.map((expected) => outcomeFact(world, expected)),
    ...results.map(async ({ vm, stay, window, state }) => {
      const found = await resultOf(federation, vmNamed(world, vm).vm, stay, window);
      return fact(`result of ${vm}, stay ${stay}, window ${window}`, state, found.state);
    }),
    ...credits.map(async ({ vm, stay, window, amount }) => {
      const found = await creditOf(federation, vmNamed(world, vm).vm, stay, window);
      const what = `credit for ${vm}, stay ${stay}, window ${window}`;
      return fact(what, sayMoney(parseMoney(amount)), sayMoney(found));
    }),
    ...balances.map(async ({ creditor, debtor, currency = "EUR", amount }) => {
      const [a, b] = [cloudOf(world, creditor).cloud, cloudOf(world, debtor).cloud];
      const found = await balanceOf(federation, a, b, currency);
      return fact(`what ${debtor} owes ${creditor} in ${currency}`, sayMoney(parseMoney(amount)), sayMoney(found));
    }),
    ...reputation.map(async ({ cloud, above = 0, below = 1 }) => {
      const score = Number(await scoreOf(federation, cloudOf(world, cloud).cloud)) / 1e18;
      const isWithin = score > above && score < below;
      const expected = `above ${above} and below ${below}`;
      return fact(`reputation of ${cloud}`, expected, isWithin ? expected : score.toFixed(4));
    }),
    ...accountsOf(world).map(async ({ creditor, debtor, currency, balance }) => {
      const found = await balanceOf(federation, creditor, debtor, currency);
      const what = `books of ${labelOf(world, debtor)} and ${labelOf(world, creditor)}: the sum of the lines`;
      return fact(what, sayMoney(balance), sayMoney(found));
    }),
  ];
  return Promise.all(facts);
}

type Expectations = NonNullable<Scenario["expectations"]>;

async function roomFact(world: World, expected: NonNullable<Expectations["rooms"]>[number]): Promise<ExpectationFact> {
  const { cloud: label, site = 0, free } = expected;
  const { exchange, ledger } = world.federation;
  const { cloud } = cloudOf(world, label);
  const committed = unpackResources(await ledger.committedVectorOf(cloud, site));
  const offered = (await exchange.hasOffer(cloud, site)) ? (await exchange.offerOf(cloud, site)).capacity : undefined;
  const lanes = RESOURCE_NAMES.filter((lane) => free[lane] !== undefined);
  const say = (amount: (lane: keyof Resources) => number) => lanes.map((lane) => `${lane} ${amount(lane)}`).join(", ");
  return fact(
    `free at ${label} site ${site}`,
    say((lane) => free[lane] ?? 0),
    say((lane) => Math.max(0, Number(offered?.[lane] ?? 0) - committed[lane])),
  );
}

async function outcomeFact(
  world: World,
  expected: NonNullable<Expectations["outcomes"]>[number],
): Promise<ExpectationFact> {
  const { move, state, unfinished } = expected;
  const number = numberOf(world, documentOf(world, move).id);
  const found = await world.federation.ledger.outcomeOf(number);
  const counted = [found.unfinishedA, found.unfinishedB].filter((cloud) => cloud !== 0n);
  const say = (what: string, clouds: readonly string[] | undefined) =>
    clouds ? `${what}, unfinished for ${[...clouds].sort().join(", ") || "nobody"}` : what;
  const labels = counted.map((cloud) => labelOf(world, Number(cloud)));
  return fact(`outcome of ${move}`, say(state, unfinished), say(nameOf(MoveState, found.state), unfinished && labels));
}

/** Agreement number of a move that was agreed in this run; 0 if it was not. */
function numberOf(world: World, move: string): bigint {
  const agreed = world.sent
    .flatMap((sent) => sent.events)
    .find((event) => event.name === "MoveAgreed" && event.args.getValue("move") === move);
  return agreed ? BigInt(String(agreed.args.getValue("number"))) : 0n;
}

function sayMoney(amount: bigint): string {
  return formatUnits(amount, 9);
}

function fact(what: string, expected: string, found: string): ExpectationFact {
  return { what, expected, found, isMet: expected === found };
}
