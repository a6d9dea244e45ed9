import { expect } from "chai";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import type { ResultStateName } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import { HOME, type World, federation, pass } from "../../fixtures/federation.js";
import {
  OBJECT_WITHIN,
  OBSERVE_WITHIN,
  type OpenStay,
  WITNESSES,
  claim,
  claimedWindow,
  endedWindow,
  finalise,
  object,
  objectedWindow,
  observe,
  reportAgreed,
  reportOf,
  resultOf,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

interface Scene {
  readonly world: World;
  readonly stay: OpenStay;
}

const HEARD = WITNESSES.slice(0, 2).map((witness) => ({ witness }));

/* STATES: the columns. A claim before and after the time to object, an objection before and after that to observe */

const STATES = {
  None: (world: World) => endedWindow(world),
  Agreed: async (world: World) => {
    const stay = await endedWindow(world);
    await reportAgreed(world, reportOf(stay));
    return stay;
  },
  Claimed: (world: World) => claimedWindow(world),
  ClaimedFinal: async (world: World) => {
    const stay = await claimedWindow(world);
    await pass(world, OBJECT_WITHIN + 1);
    return stay;
  },
  Objected: (world: World) => objectedWindow(world),
  ObjectedHeard: async (world: World) => heard(world, await objectedWindow(world)),
  ObjectedOver: async (world: World) => {
    const stay = await objectedWindow(world);
    await pass(world, OBSERVE_WITHIN + 1);
    return stay;
  },
  ObjectedHeardOver: async (world: World) => {
    const stay = await heard(world, await objectedWindow(world));
    await pass(world, OBSERVE_WITHIN + 1);
    return stay;
  },
  Witnessed: async (world: World) => {
    const stay = await heard(world, await objectedWindow(world));
    await pass(world, OBSERVE_WITHIN + 1);
    await finalise(world, stay, HEARD);
    return stay;
  },
  Disputed: async (world: World) => {
    const stay = await objectedWindow(world);
    await pass(world, OBSERVE_WITHIN + 1);
    await finalise(world, stay);
    return stay;
  },
} as const;

type State = keyof typeof STATES;

async function heard(world: World, stay: OpenStay): Promise<OpenStay> {
  for (const { witness } of HEARD) await observe(world, stay, witness);
  return stay;
}

/** The stored state of a column, and what was heard in it. */
const stored = (state: State) =>
  /^(None|Agreed|Claimed|Objected|Witnessed|Disputed)/.exec(state)![0] as ResultStateName;
const heardIn = (state: State) => (state.includes("Heard") ? HEARD : []);
const NUMBER: { readonly [state in ResultStateName]: number } = {
  None: 0,
  Agreed: 1,
  Claimed: 2,
  Objected: 3,
  Witnessed: 4,
  Disputed: 5,
};

/* FUNCTIONS: the rows. Each is tried with everything else in order */

const FUNCTIONS = {
  reportAgreed: ({ world, stay }: Scene) => reportAgreed(world, reportOf(stay)),
  claimByHome: ({ world, stay }: Scene) => claim(world, stay, HOME),
  claimByHost: ({ world, stay }: Scene) => claim(world, stay),
  object: ({ world, stay }: Scene) => object(world, stay),
  observe: ({ world, stay }: Scene) => observe(world, stay, WITNESSES[2]!),
  finalise: ({ world, stay }: Scene, state: State) => finalise(world, stay, heardIn(state)),
} as const;

type Function = keyof typeof FUNCTIONS;

/** A cell is the state after (`>Agreed`), or the error; nothing stands for `WrongState`. */
const TABLE: Readonly<Record<Function, Partial<Record<State, string>>>> = {
  reportAgreed: {
    None: ">Agreed",
    Agreed: "AlreadyFinal",
    Claimed: ">Agreed",
    ClaimedFinal: "AlreadyFinal",
    Objected: ">Agreed",
    ObjectedHeard: ">Agreed",
    ObjectedOver: ">Agreed",
    ObjectedHeardOver: ">Agreed",
    Witnessed: "AlreadyFinal",
    Disputed: "AlreadyFinal",
  },
  claimByHome: claimRow(),
  claimByHost: claimRow(),
  object: { Claimed: ">Objected", ClaimedFinal: "ObjectionTooLate" },
  observe: {
    Objected: ">Objected",
    ObjectedHeard: ">Objected",
    ObjectedOver: "ObservationTooLate",
    ObjectedHeardOver: "ObservationTooLate",
  },
  finalise: {
    Objected: "StillObserving",
    ObjectedHeard: "StillObserving",
    ObjectedOver: ">Disputed",
    ObjectedHeardOver: ">Witnessed",
  },
};

function claimRow(): Partial<Record<State, string>> {
  const row = Object.keys(STATES).map((state) => [state, state === "None" ? ">Claimed" : "AlreadyReported"]);
  return Object.fromEntries(row) as Partial<Record<State, string>>;
}

const WITH_STATE = ["WrongState", "AlreadyFinal", "AlreadyReported"];

describe("Table of a window's result", function () {
  for (const state of Object.keys(STATES) as State[]) {
    async function scene(connection: NetworkConnection): Promise<Scene> {
      const world = await federation(connection);
      return { world, stay: await STATES[state](world) };
    }

    describe(state, function () {
      for (const name of Object.keys(FUNCTIONS) as Function[]) {
        const cell = TABLE[name][state] ?? "WrongState";
        it(`${name}: ${cell}`, async function () {
          const given = await networkHelpers.loadFixture(scene);
          const { world, stay } = given;
          const before = await resultOf(world, stay);
          expect(before.state).to.equal(stored(state));
          expect(before.isFinal, "isFinal").to.equal(/^(Agreed|ClaimedFinal|Witnessed|Disputed)$/.test(state));

          if (cell.startsWith(">")) {
            await FUNCTIONS[name](given, state);
            const after = await resultOf(world, stay);
            expect(after.state).to.equal(cell.slice(1));
            expect(before.isFinal, "a final result changed").to.equal(false);
            return;
          }
          const window = [stay.vm, stay.sequence, 0];
          const sent = FUNCTIONS[name](given, state);
          if (WITH_STATE.includes(cell)) {
            await expectRefusal(world, sent, `SlaOracle_${cell}`, ...window, NUMBER[stored(state)]);
          } else {
            await expect(sent).to.be.revertedWithCustomError(world.oracle, `SlaOracle_${cell}`);
          }
          expect(await resultOf(world, stay)).to.deep.equal(before);
        });
      }
    });
  }

  it("has a row for every function that acts on a window", async function () {
    const world = await networkHelpers.loadFixture(federation);
    const acting: string[] = [];
    world.oracle.interface.forEachFunction(({ name, constant }) => {
      if (!constant) acting.push(name);
    });
    const elsewhere = ["openWindows", "setPeriods", "setAuthority"];

    const rows = new Set(Object.keys(FUNCTIONS).map((name) => name.replace(/By(Home|Host)$/, "")));
    expect([...rows, ...elsewhere].sort()).to.deep.equal(acting.sort());
  });
});
