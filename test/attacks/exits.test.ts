import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import { AbortReason, publicMove } from "../../src/index.js";
import { expectCommitted, expectState } from "../fixtures/expectations.js";
import {
  CONTRACT,
  DAY,
  FIFTH,
  HOME,
  HOST,
  HOUR,
  MINUTE,
  OTHER,
  SIZE,
  type World,
  abortMutually,
  abroad,
  agreed,
  amend,
  amendmentOf,
  as,
  complete,
  evacuate,
  evacuationOf,
  expel,
  federation,
  handoverOf,
  lost,
  noticed,
  nowMs,
  nowSeconds,
  pass,
  record,
  recordOf,
  register,
  sign,
  start,
  started,
  stopped,
  succeed,
  successionOf,
  suspend,
} from "../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

/** Each way out, prepared while all is well; what comes back is done under the darkness below. */
const EXITS: Readonly<Record<string, (world: World) => Promise<() => Promise<unknown>>>> = {
  abort: async (world) => {
    const move = await started(world, [await abroad(world)], { destination: OTHER });
    return () => as(world, HOME).abort(publicMove(move), HOME, AbortReason.Security);
  },
  abortMutually: async (world) => {
    const move = await started(world, [await abroad(world)], { destination: OTHER });
    return () => abortMutually(world, move);
  },
  expire: async (world) => {
    const move = await started(world, [await abroad(world)], { destination: OTHER });
    return async () => {
      await pass(world, DAY + HOUR);
      return world.ledger.expire(publicMove(move));
    };
  },
  "start and complete a return home": async (world) => {
    const vm = await abroad(world);
    return async () => {
      const move = await agreed(world, [vm]);
      await start(world, move);
      const handover = await handoverOf(world, move);
      await complete(world, move, handover, await sign(world, "Handover", handover, [HOME, HOST]));
      await expectState(world, vm, "Home");
    };
  },
  "record a return home": async (world) => {
    const vm = await abroad(world);
    return async () => record(world, await recordOf(world, [vm]));
  },
  "evacuate home": async (world) => {
    const vm = await lost(world);
    await pass(world, 15 * MINUTE);
    return async () => evacuate(world, await evacuationOf(world, [vm], { destination: HOME }));
  },
  "declareLost and withdrawLoss": async (world) => {
    const vm = await abroad(world);
    return async () => {
      await as(world, HOME).declareLost(vm);
      await as(world, HOME).withdrawLoss(vm);
    };
  },
  "amend downwards": async (world) => {
    const vm = await abroad(world);
    return async () => amend(world, await amendmentOf(world, [vm], { line: { resources: { ...SIZE, diskIops: 1 } } }));
  },
  giveNotice: async (world) => {
    const vm = await abroad(world);
    return async () => as(world, HOST).giveNotice([vm], (await nowMs(world)) + 8n * BigInt(DAY) * MS);
  },
  release: async (world) => {
    const { vm, until } = await noticed(world);
    await pass(world, until - (await nowSeconds(world)));
    return () => as(world, HOST).release(vm);
  },
  releaseFromMove: async (world) => {
    const { vm, until } = await noticed(world);
    await pass(world, until - (await nowSeconds(world)));
    const move = await agreed(world, [vm], { destination: OTHER });
    return () => as(world, HOST).releaseFromMove(vm, publicMove(move));
  },
  stop: async (world) => {
    const vm = await abroad(world);
    return () => as(world, HOME).stop(vm);
  },
  stopFromMove: async (world) => {
    const vm = await abroad(world);
    const move = await agreed(world, [vm], { destination: OTHER });
    return () => as(world, HOME).stopFromMove(vm, publicMove(move));
  },
  restore: async (world) => {
    const vm = await stopped(world);
    return () => as(world, HOME).restore(vm);
  },
  terminate: async (world) => {
    const vm = await register(world);
    return () => as(world, HOME).terminate(vm);
  },
  revoke: (world) => Promise.resolve(() => as(world, HOME).revoke(HOME, `0x${"ab".repeat(32)}`)),
  succeedVm: async (world) => {
    const vm = await abroad(world);
    await world.ledger.connect(world.governance).setSuccessor(world.guardian.address);
    return async () => succeed(world, await successionOf(world, vm, world.guardian.address));
  },
};

/** Everything that can be paused, closed, suspended or expelled, and what cannot be had any more. */
const DARKNESS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  "paused and closed, everybody suspended": async (world) => {
    await shut(world);
    for (const { id } of world.clouds) await suspend(world, id);
  },
  "paused and closed, everybody expelled": async (world) => {
    await shut(world);
    for (const { id } of world.clouds) await expel(world, id);
  },
  "without any offer, features or capacity": async (world) => {
    for (const { id, key } of world.clouds) {
      if (id === CONTRACT) continue;
      for (const site of [0, 1]) await world.exchange.connect(key).withdrawOffer(id, site);
    }
  },
  "with an exchange that is gone": async (world) => {
    await networkHelpers.setCode(await world.exchange.getAddress(), "0xfe");
  },
};

async function shut(world: World): Promise<void> {
  await world.ledger.connect(world.guardian).pauseNew(72 * HOUR);
  await world.ledger.connect(world.governance).closeForNew();
}

async function world(connection: NetworkConnection): Promise<World> {
  return federation(connection);
}

describe("Every way out (INV-EXIT, INV-FREE)", function () {
  for (const [darkness, darken] of Object.entries(DARKNESS)) {
    describe(darkness, function () {
      for (const [exit, prepare] of Object.entries(EXITS)) {
        // Room for an amendment is the exchange's affair, growing or not: the ledger asks it.
        if (darkness.includes("gone") && exit === "amend downwards") continue;
        it(`${exit} works`, async function () {
          const given = await networkHelpers.loadFixture(world);
          const go = await prepare(given);
          await darken(given);

          await go();
        });
      }
    });
  }

  it("leave works while suspended, paused and closed, and with the exchange gone", async function () {
    const given = await networkHelpers.loadFixture(world);
    await shut(given);
    await suspend(given, FIFTH);
    await networkHelpers.setCode(await given.exchange.getAddress(), "0xfe");

    await as(given, FIFTH).leave(FIFTH);
  });

  it("in a row: a federation that fell apart ends with no VM abroad and no room promised (INV-CAP)", async function () {
    const given = await networkHelpers.loadFixture(world);
    const vms = [await abroad(given), await abroad(given, OTHER), await abroad(given)];
    const move = await agreed(given, [vms[2]!], { destination: OTHER });
    await shut(given);
    for (const { id } of given.clouds) await expel(given, id);

    await as(given, HOME).stop(vms[0]!);
    await as(given, HOME).stop(vms[1]!);
    await as(given, HOME).stopFromMove(vms[2]!, publicMove(move));
    for (const vm of vms) {
      await as(given, HOME).restore(vm);
      await expectState(given, vm, "Home");
    }
    await expectCommitted(given, HOST, 0);
    await expectCommitted(given, OTHER, 0);
  });
});
