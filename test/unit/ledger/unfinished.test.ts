import { network } from "hardhat";

import { AbortReason, publicMove } from "../../../src/index.js";
import { expectUnfinished } from "../../fixtures/expectations.js";
import {
  HOME,
  HOST,
  HOUR,
  OTHER,
  type World,
  abortMutually,
  abroad,
  agreed,
  as,
  expel,
  federation,
  nextBlockAt,
  nowMs,
  noticed,
  register,
  start,
  suspend,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

/** Where a move goes from and to. The home is 1. */
const ROUTES = {
  out: { from: HOME, to: HOST },
  onward: { from: HOST, to: OTHER },
  back: { from: HOST, to: HOME },
} as const;

type Route = keyof typeof ROUTES;
type Phase = "Agreed" | "Started";

interface Case {
  readonly route: Route;
  readonly phase: Phase;
  /** Who is not Active when the move ends. */
  readonly down?: readonly number[];
  /** Whom it counts for. */
  readonly counts: readonly number[];
}

async function open(world: World, { route, phase }: Pick<Case, "route" | "phase">, lead = 4 * HOUR) {
  const { from, to } = ROUTES[route];
  const vm = from === HOME ? await register(world) : await abroad(world, from);
  const startBy = (await nowMs(world)) + BigInt(lead) * MS;
  const move = await agreed(world, [vm], { destination: to, startBy });
  if (phase === "Started") await start(world, move);
  return { move, number: (await vmOf(world, vm)).move, vm };
}

const titleOf = ({ route, phase, down = [], counts }: Case) =>
  `${phase}, ${route}${down.length > 0 ? `, ${down.join(" and ")} not Active` : ""}: ${
    counts.length > 0 ? counts.join(" and ") : "nobody"
  }`;

async function takeDown(world: World, down: readonly number[] = []) {
  for (const [index, cloud] of down.entries()) await (index % 2 === 0 ? suspend : expel)(world, cloud);
}

describe("Unfinished moves (design, section 4)", function () {
  describe("expire: the source that never started although it had the lead time; source and destination after the start", function () {
    const cases: readonly Case[] = [
      { route: "onward", phase: "Agreed", counts: [HOST] },
      { route: "back", phase: "Agreed", counts: [HOST] },
      // Not for the home before the start.
      { route: "out", phase: "Agreed", counts: [] },
      // Not when the counterparty is not Active.
      { route: "onward", phase: "Agreed", down: [HOME], counts: [] },
      { route: "onward", phase: "Agreed", down: [OTHER], counts: [] },
      { route: "back", phase: "Agreed", down: [HOME], counts: [] },
      // Its own standing excuses nobody.
      { route: "onward", phase: "Agreed", down: [HOST], counts: [HOST] },
      { route: "onward", phase: "Started", counts: [HOST, OTHER] },
      { route: "out", phase: "Started", counts: [HOME, HOST] },
      { route: "back", phase: "Started", counts: [HOME, HOST] },
      { route: "onward", phase: "Started", down: [OTHER], counts: [OTHER] },
      { route: "onward", phase: "Started", down: [HOST], counts: [HOST] },
      { route: "onward", phase: "Started", down: [HOST, OTHER], counts: [] },
      { route: "onward", phase: "Started", down: [HOME], counts: [HOST, OTHER] },
    ];
    for (const each of cases) {
      it(titleOf(each), async function () {
        const world = await networkHelpers.loadFixture(federation);
        const { move, number } = await open(world, each);
        await takeDown(world, each.down);
        await nextBlockAt(world, (each.phase === "Agreed" ? move.startBy : move.completeBy) / MS + 1n);

        await world.ledger.expire(publicMove(move));

        await expectUnfinished(world, number, ...each.counts);
      });
    }

    for (const [far, counts] of [
      [-1, []],
      [0, [HOST]],
      [1, [HOST]],
    ] as const) {
      it(`a lead of an hour and ${far} s: ${counts.length > 0 ? "the source" : "nobody"}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world);
        const at = (await nowMs(world)) / MS + 20n;
        const startBy = (at + BigInt(HOUR + far)) * MS;
        await networkHelpers.time.setNextBlockTimestamp(at);
        const move = await agreed(world, [vm], { destination: OTHER, startBy });
        const { move: number } = await vmOf(world, vm);
        await nextBlockAt(world, startBy / MS + 1n);

        await world.ledger.expire(publicMove(move));

        await expectUnfinished(world, number, ...counts);
      });
    }
  });

  describe("abort alone: whoever did it", function () {
    const cases: readonly (Case & { readonly by: number })[] = [
      { route: "onward", phase: "Agreed", by: HOST, counts: [HOST] },
      { route: "onward", phase: "Agreed", by: OTHER, counts: [OTHER] },
      { route: "onward", phase: "Started", by: HOST, counts: [HOST] },
      { route: "onward", phase: "Started", by: OTHER, counts: [OTHER] },
      { route: "out", phase: "Agreed", by: HOST, counts: [HOST] },
      { route: "out", phase: "Started", by: HOST, counts: [HOST] },
      { route: "back", phase: "Agreed", by: HOST, counts: [HOST] },
      { route: "back", phase: "Started", by: HOST, counts: [HOST] },
      // Not for the home before the start, on whichever side it is; after it, yes.
      { route: "onward", phase: "Agreed", by: HOME, counts: [] },
      { route: "out", phase: "Agreed", by: HOME, counts: [] },
      { route: "back", phase: "Agreed", by: HOME, counts: [] },
      { route: "onward", phase: "Started", by: HOME, counts: [HOME] },
      { route: "out", phase: "Started", by: HOME, counts: [HOME] },
      { route: "back", phase: "Started", by: HOME, counts: [HOME] },
      // Not when another party is not Active.
      { route: "onward", phase: "Started", by: HOST, down: [OTHER], counts: [] },
      { route: "onward", phase: "Started", by: HOST, down: [HOME], counts: [] },
      { route: "onward", phase: "Started", by: OTHER, down: [HOST], counts: [] },
      { route: "onward", phase: "Started", by: OTHER, down: [HOME], counts: [] },
      { route: "onward", phase: "Started", by: HOME, down: [HOST], counts: [] },
      { route: "onward", phase: "Started", by: HOME, down: [OTHER], counts: [] },
      { route: "out", phase: "Started", by: HOST, down: [HOME], counts: [] },
      { route: "back", phase: "Agreed", by: HOST, down: [HOME], counts: [] },
      // Its own standing excuses nobody.
      { route: "onward", phase: "Started", by: HOST, down: [HOST], counts: [HOST] },
      { route: "onward", phase: "Started", by: OTHER, down: [OTHER], counts: [OTHER] },
    ];
    for (const each of cases) {
      it(`by ${each.by}, ${titleOf(each)}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const { move, number } = await open(world, each);
        await takeDown(world, each.down);

        await as(world, each.by).abort(publicMove(move), each.by, AbortReason.Unspecified);

        await expectUnfinished(world, number, ...each.counts);
      });
    }
  });

  describe("nobody", function () {
    for (const phase of ["Agreed", "Started"] as const) {
      it(`with a mutual abort, ${phase}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const { move, number } = await open(world, { route: "onward", phase });

        await abortMutually(world, move);

        await expectUnfinished(world, number);
      });
    }

    it("when a due notice is released, or the home stops the VM", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stoppedOne = await open(world, { route: "onward", phase: "Agreed" });
      await as(world, HOME).stopFromMove(stoppedOne.vm, publicMove(stoppedOne.move));
      await expectUnfinished(world, stoppedOne.number);

      const { vm, until } = await noticed(world);
      const move = await agreed(world, [vm], { destination: OTHER });
      const { move: number } = await vmOf(world, vm);
      await nextBlockAt(world, until);
      await as(world, HOST).releaseFromMove(vm, publicMove(move));
      await expectUnfinished(world, number);
    });

    it("while the suspension by the guardian lasts, and somebody again when it has lapsed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const first = await open(world, { route: "onward", phase: "Started" });
      await world.registry.connect(world.guardian).suspend(OTHER);
      await as(world, HOST).abort(publicMove(first.move), HOST, AbortReason.Unspecified);
      await expectUnfinished(world, first.number);

      await networkHelpers.time.increase(8 * 24 * HOUR);
      const second = await open(world, { route: "onward", phase: "Started" });
      await as(world, HOST).abort(publicMove(second.move), HOST, AbortReason.Unspecified);
      await expectUnfinished(world, second.number, HOST);
    });
  });
});
