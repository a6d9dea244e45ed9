import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import { type Move, VmState, publicMove } from "../../../src/index.js";
import { expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  HOUR,
  MINUTE,
  OTHER,
  SIZE,
  UNREGISTERED,
  type World,
  abortMutually,
  abroad,
  agree,
  agreed,
  amend,
  amendmentOf,
  as,
  call,
  complete,
  evacuate,
  evacuationOf,
  federation,
  handoverOf,
  moveOf,
  nowMs,
  pass,
  record,
  recordOf,
  register,
  sign,
  start,
  succeed,
  successionOf,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

/** What a test starts from: a VM in a state, with the document of its open move if there is one. */
interface Scene {
  readonly world: World;
  readonly vm: string;
  readonly move: Move;
}

/* STATES: the columns. Agreed and Started each on the way out of the home, and from a foreign host */

const SHORT = { noticeMs: BigInt(HOUR) * MS };

async function setting(connection: NetworkConnection): Promise<World> {
  const world = await federation(connection);
  await world.ledger.connect(world.governance).setSuccessor(world.guardian.address);
  return world;
}

async function hosted(world: World, isNoticed: boolean): Promise<string> {
  const vm = await abroad(world, HOST, SHORT);
  if (!isNoticed) return vm;
  await as(world, HOST).giveNotice([vm], (await nowMs(world)) + BigInt(2 * HOUR) * MS);
  await pass(world, 2 * HOUR);
  return vm;
}

const STATES = {
  None: async (world: World) => {
    const known = await register(world);
    return { vm: UNREGISTERED, move: await moveOf(world, [known], { line: { vm: UNREGISTERED } }) };
  },
  Home: async (world: World) => resting(world, await register(world)),
  Abroad: async (world: World, isNoticed: boolean) => resting(world, await hosted(world, isNoticed)),
  Lost: async (world: World, isNoticed: boolean) => {
    const vm = await hosted(world, isNoticed);
    await as(world, HOME).declareLost(vm);
    return resting(world, vm);
  },
  AgreedFromHome: async (world: World) => moving(world, await register(world), false),
  AgreedFromAbroad: async (world: World, isNoticed: boolean) => moving(world, await hosted(world, isNoticed), false),
  StartedFromHome: async (world: World) => moving(world, await register(world), true),
  StartedFromAbroad: async (world: World, isNoticed: boolean) => moving(world, await hosted(world, isNoticed), true),
  Stopped: async (world: World, isNoticed: boolean) => {
    const vm = await hosted(world, isNoticed);
    await as(world, HOME).stop(vm);
    return resting(world, vm);
  },
  Terminated: async (world: World) => {
    const vm = await register(world);
    await as(world, HOME).terminate(vm);
    return resting(world, vm);
  },
  Succeeded: async (world: World) => {
    const vm = await hosted(world, false);
    await succeed(world, await successionOf(world, vm, world.guardian.address));
    return resting(world, vm);
  },
} as const;

type State = keyof typeof STATES;

async function resting(world: World, vm: string) {
  return { vm, move: await moveOf(world, [vm]) };
}

async function moving(world: World, vm: string, isStarted: boolean) {
  const { host } = await vmOf(world, vm);
  const move = await agreed(world, [vm], { destination: Number(host) === HOME ? HOST : OTHER });
  if (isStarted) await start(world, move);
  return { vm, move };
}

/** The stored state of a column. */
const stored = (state: State): keyof typeof VmState =>
  state === "Lost" ? "Abroad" : (state.replace(/From(Home|Abroad)/, "") as keyof typeof VmState);

/* FUNCTIONS: the rows. Each is tried with everything else in order: signed, in time, noticed, waited for */

const draft = (scene: Scene) => ({ changes: scene.vm === UNREGISTERED ? { line: { vm: UNREGISTERED } } : {} });
/** A VM whose fields a document can be made from. */
const model = async ({ world, vm }: Scene) => (vm === UNREGISTERED ? await register(world) : vm);

const FUNCTIONS = {
  register: async ({ world, vm }: Scene) => {
    const known = await world.ledger.queryFilter(world.ledger.filters.VmRegistered(vm));
    return as(world, HOME).register(HOME, known[0]?.args.localId ?? id("new"), SIZE);
  },
  agree: async (scene: Scene) => {
    const { world } = scene;
    return agree(world, await moveOf(world, [await model(scene)], draft(scene).changes));
  },
  start: async ({ world, move }: Scene) => start(world, move),
  complete: async ({ world, move }: Scene) => complete(world, move, await handoverOf(world, move)),
  abort: async ({ world, move }: Scene) => as(world, HOME).abort(publicMove(move), HOME, 1),
  abortMutually: async ({ world, move }: Scene) => abortMutually(world, move),
  expire: async ({ world, move }: Scene) => {
    await pass(world, 4 * DAY);
    return world.ledger.expire(publicMove(move));
  },
  record: async (scene: Scene) => {
    const { world } = scene;
    return record(world, await recordOf(world, [await model(scene)], draft(scene).changes));
  },
  amend: async (scene: Scene) => {
    const { world } = scene;
    return amend(world, await amendmentOf(world, [await model(scene)], draft(scene).changes));
  },
  evacuate: async (scene: Scene) => {
    const { world } = scene;
    await pass(world, 15 * MINUTE);
    return evacuate(world, await evacuationOf(world, [await model(scene)], draft(scene).changes));
  },
  giveNotice: async ({ world, vm }: Scene) => as(world, HOST).giveNotice([vm], (await nowMs(world)) + BigInt(DAY) * MS),
  stop: async ({ world, vm }: Scene) => as(world, HOME).stop(vm),
  stopFromMove: async ({ world, vm, move }: Scene) => as(world, HOME).stopFromMove(vm, publicMove(move)),
  restore: async ({ world, vm }: Scene) => as(world, HOME).restore(vm),
  terminate: async ({ world, vm }: Scene) => {
    await pass(world, 30 * DAY);
    return as(world, HOME).terminate(vm);
  },
  declareLost: async ({ world, vm }: Scene) => as(world, HOME).declareLost(vm),
  contestLoss: async ({ world, vm }: Scene) => as(world, HOST).contestLoss(vm),
  withdrawLoss: async ({ world, vm }: Scene) => as(world, HOME).withdrawLoss(vm),
  succeedVm: async (scene: Scene) => {
    const { world, vm } = scene;
    const document = await successionOf(world, await model(scene), world.guardian.address, { vm });
    if (vm === UNREGISTERED) return world.ledger.succeedVm(document, await sign(world, "Succession", document, [HOME]));
    return succeed(world, document);
  },
  release: async ({ world, vm }: Scene) => call(world, HOST, "release", [vm]),
  releaseFromMove: async ({ world, vm, move }: Scene) => as(world, HOST).releaseFromMove(vm, publicMove(move)),
} as const;

type Function = keyof typeof FUNCTIONS;

const NEEDS_NOTICE: readonly Function[] = ["release", "releaseFromMove"];

/**
 * Design, section 9. A cell is the state after (`>Home`), or why not: nothing stands for `WrongState`, and for
 * `UnknownVm` in the first column.
 */
const TABLE: Readonly<Record<Function, Partial<Record<State, string>>>> = {
  register: {
    None: ">Home",
    Home: "AlreadyRegistered",
    Abroad: "AlreadyRegistered",
    Lost: "AlreadyRegistered",
    AgreedFromHome: "AlreadyRegistered",
    AgreedFromAbroad: "AlreadyRegistered",
    StartedFromHome: "AlreadyRegistered",
    StartedFromAbroad: "AlreadyRegistered",
    Stopped: "AlreadyRegistered",
    Terminated: "AlreadyRegistered",
    Succeeded: "AlreadyRegistered",
  },
  agree: { Home: ">Agreed", Abroad: ">Agreed", Lost: "DeclaredLost" },
  start: { AgreedFromHome: ">Started", AgreedFromAbroad: ">Started" },
  complete: { StartedFromHome: ">Abroad", StartedFromAbroad: ">Abroad" },
  abort: {
    AgreedFromHome: ">Home",
    AgreedFromAbroad: ">Abroad",
    StartedFromHome: ">Home",
    StartedFromAbroad: ">Abroad",
  },
  abortMutually: {
    AgreedFromHome: ">Home",
    AgreedFromAbroad: ">Abroad",
    StartedFromHome: ">Home",
    StartedFromAbroad: ">Abroad",
  },
  expire: {
    AgreedFromHome: ">Home",
    AgreedFromAbroad: ">Abroad",
    StartedFromHome: ">Home",
    StartedFromAbroad: ">Abroad",
  },
  record: { Home: ">Abroad", Abroad: ">Home", Lost: "DeclaredLost" },
  amend: { Home: "AtHome", Abroad: ">Abroad", Lost: "DeclaredLost" },
  evacuate: { Home: "NotDeclaredLost", Abroad: "NotDeclaredLost", Lost: ">Abroad" },
  giveNotice: {
    Abroad: ">Abroad",
    Lost: ">Abroad",
    AgreedFromHome: "NotAbroad",
    AgreedFromAbroad: ">Agreed",
    StartedFromHome: "NotAbroad",
    StartedFromAbroad: ">Started",
  },
  stop: { Abroad: ">Stopped", Lost: ">Stopped" },
  stopFromMove: { AgreedFromHome: "NotAbroad", AgreedFromAbroad: ">Stopped" },
  restore: { Stopped: ">Home" },
  terminate: { Home: ">Terminated", Stopped: ">Terminated" },
  declareLost: { Abroad: ">Abroad", Lost: "DeclaredLost" },
  contestLoss: { Abroad: "NotDeclaredLost", Lost: ">Abroad" },
  withdrawLoss: { Abroad: "NotDeclaredLost", Lost: ">Abroad" },
  succeedVm: { Home: ">Succeeded", Abroad: ">Succeeded", Lost: "DeclaredLost" },
  release: { Abroad: ">Stopped", Lost: ">Stopped" },
  releaseFromMove: { AgreedFromHome: "NotAbroad", AgreedFromAbroad: ">Stopped" },
};

describe("State table of a VM", function () {
  for (const state of Object.keys(STATES) as State[]) {
    async function scene(connection: NetworkConnection): Promise<Scene> {
      const world = await setting(connection);
      return { world, ...(await STATES[state](world, false)) };
    }

    async function sceneWithDueNotice(connection: NetworkConnection): Promise<Scene> {
      const world = await setting(connection);
      return { world, ...(await STATES[state](world, true)) };
    }

    describe(state, function () {
      for (const name of Object.keys(FUNCTIONS) as Function[]) {
        const cell = TABLE[name][state] ?? (state === "None" ? "UnknownVm" : "WrongState");
        it(`${name}: ${cell}`, async function () {
          const given = await networkHelpers.loadFixture(NEEDS_NOTICE.includes(name) ? sceneWithDueNotice : scene);
          const { world } = given;
          const known = await world.ledger.queryFilter(world.ledger.filters.VmRegistered());
          const vm = state === "None" && name === "register" ? await world.ledger.vmIdOf(HOME, id("new")) : given.vm;
          expect(known.some((event) => event.args.vm === vm)).to.equal(state !== "None");
          const before = state === "None" ? undefined : await vmOf(world, vm);

          if (cell.startsWith(">")) {
            await FUNCTIONS[name](given);
            await expectState(world, vm, cell.slice(1) as keyof typeof VmState);
            const after = await vmOf(world, vm);
            expect(after.nonce > (before?.nonce ?? 0n), "INV-NONCE").to.equal(true);
            return;
          }
          const args: unknown[] = [vm];
          if (cell === "WrongState") args.push(VmState[stored(state)]);
          if (cell === "DeclaredLost") args.push(before!.mark);
          await expectRefusal(world, FUNCTIONS[name](given), `MigrationLedger_${cell}`, ...args);
          if (before) expect(await vmOf(world, vm)).to.deep.equal(before);
        });
      }
    });
  }

  it("has a row for every function that acts on a VM", async function () {
    const world = await networkHelpers.loadFixture(setting);
    const withoutVm = ["leave", "revoke", "closeForNew", "setSuccessor", "pauseNew", "resumeNew", "setParameters"];
    const elsewhere = ["adopt"];
    const acting = world.ledger.interface.fragments
      .filter((fragment) => fragment.type === "function" && !("constant" in fragment && fragment.constant))
      .map((fragment) => ("name" in fragment ? String(fragment.name) : ""))
      .filter((name) => name !== "setAuthority" && ![...withoutVm, ...elsewhere].includes(name));

    expect(Object.keys(FUNCTIONS).sort()).to.deep.equal(acting.sort());
  });
});
