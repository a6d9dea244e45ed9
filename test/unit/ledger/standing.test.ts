import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { CloudStatus, publicMove } from "../../../src/index.js";
import {
  DAY,
  HOST,
  HOUR,
  MINUTE,
  OTHER,
  SIZE,
  type World,
  abroad,
  agree,
  agreed,
  amend,
  amendmentOf,
  as,
  complete,
  evacuate,
  evacuationOf,
  expel,
  federation,
  moveOf,
  nowMs,
  offer,
  pass,
  record,
  recordOf,
  register,
  start,
  suspend,
  times,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;
/** The cloud whose standing is tried. As a home it is 4, and so it is as a host. */
const CLOUD = 4;
const SHORT = { noticeMs: BigInt(HOUR) * MS };

/** Prepares while the cloud is Active; what it gives back is done when it stands otherwise. */
type Act = (world: World) => Promise<() => Promise<unknown>>;

async function ownVmAbroad(world: World): Promise<string> {
  return abroad(world, HOST, { home: CLOUD });
}

/* Acts that a cloud with VMs abroad or foreign VMs cannot do after it left: it could not have left. */
const ACTS: Readonly<Record<string, { rights: Partial<Record<keyof typeof CloudStatus, boolean>>; act: Act }>> = {
  "be destination of a move": {
    rights: { Active: true, Suspended: false, Left: false, Expelled: false },
    act: async (world) => {
      const vm = await register(world);
      return async () => agree(world, await moveOf(world, [vm], { destination: CLOUD }));
    },
  },
  "be destination of a record": {
    rights: { Active: true, Suspended: false, Left: false, Expelled: false },
    act: async (world) => {
      const vm = await register(world);
      return async () => record(world, await recordOf(world, [vm], { destination: CLOUD }));
    },
  },
  "be destination of an evacuation": {
    rights: { Active: true, Suspended: false, Left: false, Expelled: false },
    act: async (world) => {
      const vm = await abroad(world);
      await as(world, 1).declareLost(vm);
      await pass(world, 15 * MINUTE);
      return async () => evacuate(world, await evacuationOf(world, [vm], { destination: CLOUD }));
    },
  },
  offer: {
    rights: { Active: true, Suspended: false, Left: false, Expelled: false },
    act: (world) => Promise.resolve(() => offer(world, CLOUD, { site: 1 })),
  },
  register: {
    rights: { Active: true, Suspended: false, Left: false, Expelled: false },
    act: (world) => Promise.resolve(() => as(world, CLOUD).register(CLOUD, id("local"), SIZE)),
  },
  "be home of a move to another cloud": {
    rights: { Active: true, Suspended: false, Left: false, Expelled: false },
    act: async (world) => {
      const vm = await register(world, CLOUD);
      return async () => agree(world, await moveOf(world, [vm]));
    },
  },
  "be home of a record to another cloud": {
    rights: { Active: true, Suspended: false, Left: false, Expelled: false },
    act: async (world) => {
      const vm = await register(world, CLOUD);
      return async () => record(world, await recordOf(world, [vm]));
    },
  },
  "amend upwards": {
    rights: { Active: true, Suspended: false, Expelled: false },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      return async () => amend(world, await amendmentOf(world, [vm], { line: { resources: times(2) } }));
    },
  },
  "amend downwards": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      return async () =>
        amend(world, await amendmentOf(world, [vm], { line: { resources: { ...SIZE, diskIops: 1 } } }));
    },
  },
  "bring its own VM home by a move": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      return async () => {
        const move = await agreed(world, [vm]);
        await start(world, move);
        await complete(world, move);
      };
    },
  },
  "bring its own VM home by a record": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      return async () => record(world, await recordOf(world, [vm]));
    },
  },
  "bring its own VM home by an evacuation": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      await as(world, CLOUD).declareLost(vm);
      await pass(world, 15 * MINUTE);
      return async () => evacuate(world, await evacuationOf(world, [vm], { destination: CLOUD }));
    },
  },
  "be source: start and hand over": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await abroad(world, CLOUD);
      const move = await agreed(world, [vm], { destination: OTHER });
      return async () => {
        await start(world, move);
        await complete(world, move);
      };
    },
  },
  "be source of a record": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await abroad(world, CLOUD);
      return async () => record(world, await recordOf(world, [vm], { destination: OTHER }));
    },
  },
  abort: {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const move = await agreed(world, [await register(world)], { destination: CLOUD });
      return () => as(world, CLOUD).abort(publicMove(move), CLOUD, 1);
    },
  },
  "give notice": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await abroad(world, CLOUD, SHORT);
      return async () => as(world, CLOUD).giveNotice([vm], (await nowMs(world)) + BigInt(DAY) * MS);
    },
  },
  release: {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await abroad(world, CLOUD, SHORT);
      await as(world, CLOUD).giveNotice([vm], (await nowMs(world)) + BigInt(2 * HOUR) * MS);
      await pass(world, 2 * HOUR);
      return () => as(world, CLOUD).release(vm);
    },
  },
  stop: {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      return () => as(world, CLOUD).stop(vm);
    },
  },
  restore: {
    rights: { Active: true, Suspended: true, Left: false, Expelled: true },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      await as(world, CLOUD).stop(vm);
      return () => as(world, CLOUD).restore(vm);
    },
  },
  terminate: {
    rights: { Active: true, Suspended: true, Left: false, Expelled: true },
    act: async (world) => {
      const vm = await register(world, CLOUD);
      return () => as(world, CLOUD).terminate(vm);
    },
  },
  "declare a loss and withdraw it": {
    rights: { Active: true, Suspended: true, Expelled: true },
    act: async (world) => {
      const vm = await ownVmAbroad(world);
      return async () => {
        await as(world, CLOUD).declareLost(vm);
        await as(world, CLOUD).withdrawLoss(vm);
      };
    },
  },
  "contest a loss": {
    rights: { Active: true, Suspended: false, Expelled: false },
    act: async (world) => {
      const vm = await abroad(world, CLOUD);
      await as(world, 1).declareLost(vm);
      return () => as(world, CLOUD).contestLoss(vm);
    },
  },
  // Who has left may still withdraw: what it signed long ago must not wake up when it comes back.
  revoke: {
    rights: { Active: true, Suspended: true, Left: true, Expelled: true },
    act: (world) => Promise.resolve(() => as(world, CLOUD).revoke(CLOUD, id("a document"))),
  },
};

const STANDING: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  Active: () => Promise.resolve(),
  Suspended: (world) => suspend(world, CLOUD),
  Left: (world) => as(world, CLOUD).leave(CLOUD),
  Expelled: (world) => expel(world, CLOUD),
};

describe("Who may, by standing (design, section 4)", function () {
  for (const [name, { rights, act }] of Object.entries(ACTS)) {
    for (const [status, may] of Object.entries(rights)) {
      it(`${status}: ${may ? "may" : "may not"} ${name}${may && status !== "Active" ? " (INV-EXIT)" : ""}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const go = await act(world);
        await STANDING[status]!(world);
        expect(await world.registry.statusOf(CLOUD)).to.equal(CloudStatus[status as keyof typeof CloudStatus]);

        if (may) {
          await go();
          return;
        }
        const isOffer = name === "offer";
        await expect(go())
          .to.be.revertedWithCustomError(
            isOffer ? world.exchange : world.ledger,
            isOffer ? "CapacityExchange_CloudNotActive" : "MigrationLedger_StatusForbids",
          )
          .withArgs(CLOUD, CloudStatus[status as keyof typeof CloudStatus]);
      });
    }
  }

  it("lets nobody leave whom an act of the table would still concern", async function () {
    const world = await networkHelpers.loadFixture(federation);
    await ownVmAbroad(world);
    await abroad(world, OTHER);
    for (const cloud of [CLOUD, HOST, OTHER, 1]) {
      await expect(as(world, cloud).leave(cloud)).to.be.revertedWithCustomError(
        world.ledger,
        "MigrationLedger_HasObligations",
      );
    }
  });
});
