import { expect } from "chai";
import { AbiCoder, type Log, keccak256 } from "ethers";
import fc from "fast-check";
import { network } from "hardhat";

import {
  type Agreement,
  CloudStatus,
  RESOURCE_NAMES,
  type Resources,
  VmState,
  buildResources,
  packResources,
  publicDocumentId,
  publicMove,
} from "../../src/index.js";
import { DEFAULT_PARAMETERS } from "../../ignition/parameters.js";
import { type World, federation, nowSeconds, offer } from "../fixtures/federation.js";
import { bring } from "./chain.js";
import { BIGGEST, type Choice, type Papers, ROOM, SITES, choices, commandOf } from "./commands.js";
import { type TimedEvent, rebuild } from "./logs.js";
import {
  type Command,
  type Model,
  type VmModel,
  attempt,
  committedOf,
  fits,
  hostAt,
  obligationsOf,
  responsibleDuring,
  siteKey,
  vmViewOf,
} from "./model.js";

const connection = await network.create();
const { networkHelpers } = connection;

const COMMANDS = Number(process.env.MODEL_COMMANDS ?? 2_000);
const SEED = Number(process.env.MODEL_SEED ?? 20_261_124);
/** After so many commands the whole state is compared. */
const COMPARE_EVERY = 200;
/** Hardhat starts a test with two minutes; longer histories need more. */
const TIMEOUT_MS = 120_000 + COMMANDS * 100;
const MEMBERS = [1, 2, 3, 4, 5, 6];
const PLACES = MEMBERS.flatMap((cloud) => SITES.map((site) => ({ cloud, site })));

type Topic = "outcome" | "state" | "host" | "seq" | "nonce" | "cap" | "room" | "lane" | "once" | "group";

interface History {
  readonly world: World;
  readonly model: Model;
  readonly firstBlock: number;
  /** Where ledger and rules differ, by topic. */
  readonly findings: { readonly [topic in Topic]: string[] };
  /** By command: how often it succeeded, and which errors it met. */
  readonly seen: Map<string, { succeeded: number; readonly refusals: Set<string> }>;
  /** Signed papers that had their effect. */
  readonly spent: Set<object>;
}

/* THE HISTORY: lived once, looked at by every test */

async function lived(): Promise<History> {
  const world = await federation(connection);
  for (const { cloud, site } of PLACES) {
    await offer(world, cloud, { site, capacity: ROOM, biggest: BIGGEST, validUntil: 2n ** 48n - 1n });
  }
  const history: History = {
    world,
    model: await emptyModel(world),
    firstBlock: 0,
    findings: {
      outcome: [],
      state: [],
      host: [],
      seq: [],
      nonce: [],
      cap: [],
      room: [],
      lane: [],
      once: [],
      group: [],
    },
    seen: new Map(),
    spent: new Set(),
  };
  const papers: Papers = { brought: [], shelved: [], serial: 0 };
  const drawn = fc.sample(choices, { seed: SEED, numRuns: COMMANDS });
  for (const [index, choice] of drawn.entries()) {
    // A history that cannot go on is told once, with its place; the tests look at what there is.
    await live(history, papers, index, choice).catch((error: unknown) => {
      history.findings.outcome.push(`${index} ${choice.kind}: ${error instanceof Error ? error.stack : String(error)}`);
    });
    if (history.findings.outcome.length > 0) break;
    const isLast = index === drawn.length - 1;
    if (isLast || index % COMPARE_EVERY === COMPARE_EVERY - 1) await look(history, isLast);
  }
  return history;
}

async function emptyModel(world: World): Promise<Model> {
  const registry = await world.registry.getAddress();
  return {
    now: await nowSeconds(world),
    limits: DEFAULT_PARAMETERS,
    status: new Map(MEMBERS.map((cloud) => [cloud, "Active"])),
    offers: new Map(PLACES.map(({ cloud, site }) => [siteKey(cloud, site), { capacity: ROOM, biggest: BIGGEST }])),
    vms: new Map(),
    agreements: new Map(),
    moves: new Map(),
    outcomes: new Map(),
    revoked: new Set(),
    pausedAt: 0,
    pausedUntil: 0,
    isClosed: false,
    vmIdOf: (home, localId) =>
      keccak256(
        AbiCoder.defaultAbiCoder().encode(
          ["uint256", "address", "uint32", "bytes32"],
          [world.chainId, registry, home, localId],
        ),
      ),
  };
}

/** One command on both sides. */
async function live(history: History, papers: Papers, index: number, choice: Choice): Promise<void> {
  const { world, model, findings, seen, spent } = history;
  const command = commandOf(model, choice, papers);
  const place = placeOf(command);
  const before = place && (await committedAt(world, place));
  const due = attempt(model, command);
  const met = await bring(world, command);
  const label = `${index} ${told(command)}`;
  const isAsDue = met === undefined ? due.size === 0 : due.has(met);
  if (!isAsDue) {
    findings.outcome.push(`${label}: the ledger ${met ?? "accepts"}, the rules ${[...due].join(" ") || "accept"}`);
  }
  const tally = seen.get(command.name) ?? { succeeded: 0, refusals: new Set() };
  seen.set(command.name, tally);
  if (met !== undefined) {
    tally.refusals.add(met);
    return;
  }
  tally.succeeded += 1;
  const paper = paperOf(command);
  if (paper && spent.has(paper)) findings.once.push(`${label}: accepted twice`);
  if (paper) spent.add(paper);
  if (!place || !before) return;
  const after = await committedAt(world, place);
  const capacity = model.offers.get(siteKey(place.destination, place.site))?.capacity ?? buildResources({});
  for (const name of RESOURCE_NAMES) {
    if (after[name] > before[name] && after[name] > capacity[name]) findings.room.push(`${label}: ${name}`);
  }
}

function told(command: Command): string {
  return JSON.stringify(command, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
}

/** The site at which a command may raise what is committed. */
function placeOf(command: Command): Pick<Agreement, "destination" | "site"> | undefined {
  if (command.name === "agree") return command.move.agreement;
  if (command.name === "record") return command.record.agreement;
  if (command.name === "amend") return command.amendment.agreement;
  if (command.name === "evacuate") return command.evacuation.agreement;
  return undefined;
}

/** The signed paper that a command brings. */
function paperOf(command: Command): object | undefined {
  if (command.name === "agree") return command.move;
  if (command.name === "complete") return command.handover;
  if (command.name === "abortMutually") return command.consent;
  if (command.name === "record") return command.record;
  if (command.name === "amend") return command.amendment;
  if (command.name === "evacuate") return command.evacuation;
  return undefined;
}

async function committedAt(world: World, { destination, site }: Pick<Agreement, "destination" | "site">) {
  return plainResources(await world.ledger.committedOf(destination, site));
}

function plainResources(found: { readonly [name in keyof Resources]: bigint }): Resources {
  return buildResources(Object.fromEntries(RESOURCE_NAMES.map((name) => [name, Number(found[name])])));
}

/* LOOKING: the views against the model */

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Notes where two values differ. */
function compare(findings: string[], what: string, found: unknown, due: unknown): void {
  if (!same(found, due)) findings.push(`${what}: found ${JSON.stringify(found)}, due ${JSON.stringify(due)}`);
}

async function look({ world, model, findings }: History, isLast: boolean): Promise<void> {
  compare(findings.state, "time", await nowSeconds(world), model.now);
  for (const vm of model.vms.values()) await lookAtVm(world, model, findings, vm, isLast);
  for (const { cloud, site } of PLACES) {
    const found = plainResources(await world.ledger.committedOf(cloud, site));
    compare(findings.cap, `committed at ${cloud}/${site}`, found, committedOf(model, cloud, site));
    const packed = await world.ledger.committedVectorOf(cloud, site);
    compare(findings.lane, `lanes at ${cloud}/${site}`, packed.toString(), packResources(found).toString());
    if (!fits(found, buildResources(Object.fromEntries(RESOURCE_NAMES.map((name) => [name, 2 ** 31 - 1]))))) {
      findings.lane.push(`${cloud}/${site} has a lane with its top bit set`);
    }
  }
  for (const cloud of MEMBERS) {
    const [away, sitesInUse] = await world.ledger.obligationsOf(cloud);
    const found = { away: Number(away), sitesInUse: Number(sitesInUse) };
    compare(findings.cap, `obligations of ${cloud}`, found, obligationsOf(model, cloud, SITES));
    const status = Number(await world.registry.statusOf(cloud));
    compare(findings.state, `status of ${cloud}`, status, CloudStatus[model.status.get(cloud)!]);
  }
  for (const move of model.moves.values()) {
    const states = await Promise.all(
      move.document.agreement.lines.map(async ({ vm }) => {
        const [found] = await world.ledger.vmOf(vm);
        return `${found.state} ${found.move}`;
      }),
    );
    if (new Set(states).size !== 1) findings.group.push(`move ${move.number}: ${states.join(", ")}`);
  }
  compare(findings.state, "pause", Number(await world.ledger.newPausedUntil()), model.pausedUntil);
  if (!isLast) return;
  for (const number of model.agreements.keys()) {
    const due = model.outcomes.get(number) ?? NO_OUTCOME;
    compare(findings.once, `outcome of ${number}`, await outcomeAt(world, number), due);
  }
}

const NO_OUTCOME = { state: 0, reason: 0, endedAt: 0, unfinishedA: 0, unfinishedB: 0 };

async function outcomeAt(world: World, number: number): Promise<typeof NO_OUTCOME> {
  const found = await world.ledger.outcomeOf(number);
  return {
    state: Number(found.state),
    reason: Number(found.reason),
    endedAt: Number(found.endedAt),
    unfinishedA: Number(found.unfinishedA),
    unfinishedB: Number(found.unfinishedB),
  };
}

async function vmAt(world: World, vm: string) {
  const [found, resources] = await world.ledger.vmOf(vm);
  return {
    stored: {
      home: Number(found.home),
      host: Number(found.host),
      site: Number(found.site),
      nonce: Number(found.nonce),
      sequence: Number(found.sequence),
      move: Number(found.move),
      state: Number(found.state),
      hadLead: found.hadLead,
      mark: Number(found.mark),
      completeIn: Number(found.completeIn),
    },
    resources: plainResources(resources),
  };
}

async function staysOf(world: World, vm: string) {
  const found = await world.ledger.stays(vm, 1, 10_000);
  return found.map((stay) => ({
    startedAt: Number(stay.startedAt),
    endedAt: Number(stay.endedAt),
    host: Number(stay.host),
    site: Number(stay.site),
    agreement: Number(stay.agreement),
    noticeUntil: Number(stay.noticeUntil),
    noticePeriod: Number(stay.noticePeriod),
    kind: Number(stay.kind),
  }));
}

/** Fields of a stay, in the order in which they are compared. */
const stayView = (stay: VmModel["stays"][number]) => ({
  startedAt: stay.startedAt,
  endedAt: stay.endedAt,
  host: stay.host,
  site: stay.site,
  agreement: stay.agreement,
  noticeUntil: stay.noticeUntil,
  noticePeriod: stay.noticePeriod,
  kind: stay.kind,
});

async function lookAtVm(
  world: World,
  model: Model,
  findings: History["findings"],
  vm: VmModel,
  isLast: boolean,
): Promise<void> {
  const { stored, resources } = await vmAt(world, vm.id);
  const due = vmViewOf(model, vm);
  compare(findings.seq, `sequence of ${vm.id}`, stored.sequence, due.sequence);
  compare(findings.nonce, `nonce of ${vm.id}`, stored.nonce, due.nonce);
  compare(findings.state, vm.id, stored, due);
  compare(findings.state, `resources of ${vm.id}`, resources, vm.resources);
  const stays = await staysOf(world, vm.id);
  compare(findings.host, `stays of ${vm.id}`, stays, vm.stays.map(stayView));
  checkStays(findings, vm.id, stored.state, stays);
  const now = model.now * 1_000;
  const begun = vm.stays[0]!.startedAt;
  const edges = vm.stays.flatMap(({ startedAt, endedAt }) => [
    startedAt - 1,
    startedAt,
    (endedAt || now) - 1,
    endedAt || now,
  ]);
  const middle = Math.floor((begun + now) / 2);
  const times = isLast ? [...edges, middle] : [...edges.slice(-3), middle];
  for (const time of times) {
    const host = Number(await world.ledger.hostAt(vm.id, time));
    compare(findings.host, `host of ${vm.id} at ${time}`, host, hostAt(vm, time));
  }
  for (const [from, to] of [
    [begun - 5_000, now],
    [middle, Math.floor((middle + now) / 2)],
    [begun, middle],
  ] as const) {
    if (from >= to) continue;
    const found = await world.ledger.responsibleDuring(vm.id, from, to);
    const parts = found.map((part) => ({
      cloud: Number(part.cloud),
      from: Number(part.from),
      to: Number(part.to),
      duty: Number(part.duty),
    }));
    compare(findings.host, `who answers for ${vm.id}`, parts, responsibleDuring(vm, from, to));
  }
}

/** INV-HOST on what the ledger itself tells. */
function checkStays(
  findings: History["findings"],
  vm: string,
  state: number,
  stays: readonly { readonly startedAt: number; readonly endedAt: number }[],
): void {
  stays.forEach(({ startedAt, endedAt }, i) => {
    const isOpen = endedAt === 0;
    const isRunning = i === stays.length - 1 && state < VmState.Stopped;
    if (isOpen !== isRunning) findings.host.push(`stay ${i + 1} of ${vm} is ${isOpen ? "open" : "ended"}`);
    if (!isOpen && endedAt < startedAt) findings.host.push(`stay ${i + 1} of ${vm} ends before it starts`);
    const previous = stays[i - 1];
    if (previous && previous.endedAt > startedAt) findings.host.push(`stays ${i} and ${i + 1} of ${vm} overlap`);
  });
}

/* THE STATE FROM THE LOGS */

async function eventsOf({ world, firstBlock }: History): Promise<TimedEvent[]> {
  const { provider } = connection.ethers;
  const logs = await provider.getLogs({ address: await world.ledger.getAddress(), fromBlock: firstBlock });
  const times = new Map<number, number>();
  for (const number of new Set(logs.map((log: Log) => log.blockNumber))) {
    times.set(number, (await provider.getBlock(number))!.timestamp);
  }
  return logs.flatMap((log: Log) => {
    const event = world.ledger.interface.parseLog(log);
    return event ? [{ event, time: times.get(log.blockNumber)! }] : [];
  });
}

describe("model: the ledger does what the rules say", function () {
  this.timeout(TIMEOUT_MS);

  const finds = (topic: Topic) => async () => {
    const { findings } = await networkHelpers.loadFixture(lived);
    expect(findings[topic].slice(0, 5)).to.deep.equal([]);
  };

  it("accepts what the rules allow, and refuses everything else with an error that they name", finds("outcome"));

  it("tried every command with success and with refusals", async () => {
    const { seen } = await networkHelpers.loadFixture(lived);
    const neverDone = [...seen].filter(([name, { succeeded }]) => succeeded === 0 && name !== "leave");
    const neverRefused = [...seen].filter(([, { refusals }]) => refusals.size === 0);
    expect(
      neverDone.map(([name]) => name),
      "never succeeded",
    ).to.deep.equal([]);
    expect(
      neverRefused.map(([name]) => name),
      "never refused",
    ).to.deep.equal([]);
    expect(seen.size, "kinds of commands").to.equal(27);
    expect(new Set([...seen.values()].flatMap(({ refusals }) => [...refusals])).size).to.be.greaterThan(40);
  });

  it("stores of every VM what the rules say", finds("state"));
  it("INV-HOST: at most one host, stays in order and open exactly while the VM runs", finds("host"));
  it("INV-SEQ: every stay has the next number", finds("seq"));
  it("INV-NONCE: every act raises the nonce by one", finds("nonce"));
  it("INV-CAP: committed is the sum of what foreign VMs hosted and expected were promised", finds("cap"));
  it("INV-ROOM: nothing raises a committed lane above the offered one", finds("room"));
  it("INV-LANE: no lane carries into the next", finds("lane"));
  it("INV-ONCE: a move ends once, and no signed paper has its effect twice", finds("once"));
  it("INV-GROUP: all lines of an open move are in the same state", finds("group"));

  it("events alone rebuild the state: VMs, stays, commitments, open moves, outcomes, revocations, limits", async () => {
    const history = await networkHelpers.loadFixture(lived);
    const { world, model } = history;
    const { ledger } = world;
    const state = rebuild(await eventsOf(history));

    expect([...state.vms.keys()].sort()).to.deep.equal([...model.vms.keys()].sort());
    for (const [vm, rebuilt] of state.vms) {
      const { stored, resources } = await vmAt(world, vm);
      expect(rebuilt, vm).to.deep.equal(stored);
      expect(state.resources.get(vm), vm).to.deep.equal(resources);
      expect(state.stays.get(vm), vm).to.deep.equal(await staysOf(world, vm));
    }
    for (const { cloud, site } of PLACES) {
      const committed = await ledger.committedVectorOf(cloud, site);
      expect(state.committed.get(`${cloud}/${site}`) ?? 0n, `${cloud}/${site}`).to.equal(committed);
    }
    for (const cloud of MEMBERS) {
      const own = [...state.vms.values()].filter((vm) => vm.home === cloud);
      const away = own.filter((vm) => (vm.state < VmState.Stopped && vm.host !== cloud) || isMoving(vm.state)).length;
      const sitesInUse = SITES.filter((site) => (state.committed.get(`${cloud}/${site}`) ?? 0n) !== 0n).length;
      expect([BigInt(away), BigInt(sitesInUse)]).to.deep.equal([...(await ledger.obligationsOf(cloud))]);
    }
    expect([...state.agreements.keys()].sort()).to.deep.equal([...model.agreements.keys()].sort());
    for (const [number, { id }] of state.agreements) {
      expect(id, String(number)).to.equal(await ledger.agreementAt(number));
      expect(state.outcomes.get(number) ?? NO_OUTCOME, String(number)).to.deep.equal(await outcomeAt(world, number));
    }
    expect(state.openMoves.size, "open moves").to.equal(model.moves.size);
    for (const [number, move] of state.openMoves) {
      expect(publicDocumentId("Agreement", move.agreement)).to.equal(await ledger.agreementAt(number));
      expect(move).to.deep.equal(publicMove(model.moves.get(number)!.document));
    }
    expect(state.revoked.size, "revocations").to.equal(model.revoked.size);
    for (const entry of state.revoked) {
      const [cloud, document] = entry.split(" ") as [string, string];
      expect(await ledger.isRevoked(cloud, document), entry).to.equal(true);
    }
    const parameters = await ledger.parameters();
    expect(state.parameters).to.deep.equal(
      Object.fromEntries(
        Object.keys(DEFAULT_PARAMETERS).map((name) => [name, Number(parameters[name as "retention"])]),
      ),
    );
    expect(state.pausedUntil, "pause").to.equal(Number(await ledger.newPausedUntil()));
    expect(state.isClosed, "closed").to.equal(await ledger.isClosed());
    expect(state.successor, "successor").to.equal(await ledger.successor());
  });
});

const isMoving = (state: number): boolean => state === VmState.Agreed || state === VmState.Started;
