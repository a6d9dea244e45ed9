import { readFileSync } from "node:fs";

import { expect } from "chai";
import { Wallet, id } from "ethers";
import { network } from "hardhat";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { NetworkConnection } from "hardhat/types/network";

import { type Metrics, buildMetrics } from "../../../src/index.js";
import { type World, federate, pass } from "../../fixtures/federation.js";
import {
  OBJECT_WITHIN,
  OBSERVE_WITHIN,
  claim,
  endedWindow,
  finalise,
  object,
  observe,
  reportAgreed,
  reportOf,
  resultOf,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create({ override: { accounts: { count: 60 } } });

const HONEST = buildMetrics({ availabilityPpm: 990_000 });
const FOR_THE_HOST = buildMetrics({ availabilityPpm: 1_000_000 });
const AGAINST_THE_HOST = buildMetrics({ availabilityPpm: 0 });

/** Federations of n clouds: 1 is home, 2 is the host, the others may be witnesses. */
function sized(count: number) {
  const make = async (connection: NetworkConnection): Promise<World> => {
    const signers = await connection.ethers.getSigners();
    const clouds = Array.from({ length: count }, (_, i) => {
      const key = signers[20 + i]!;
      return { id: i + 1, key, recovery: signers[40 + i]!, account: key.address };
    });
    return federate(connection, clouds);
  };
  return make;
}
// A fixture is found again by its function.
const FEDERATIONS = { 2: sized(2), 3: sized(3), 4: sized(4), 16: sized(16) } as const;
type Size = keyof typeof FEDERATIONS;

type Key = HardhatEthersSigner | Wallet;

/** Who of a federation can be named as a witness: the clouds that are not parties, seven at most. */
function others(world: World): Key[] {
  const keys = world.clouds.slice(2).map(({ key }) => key);
  return keys.slice(0, 7).sort((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1));
}

/** Home objects to the host's claim; each witness says something or is silent; then the time is over. */
async function dispute(
  world: World,
  keys: readonly Key[],
  required: number,
  said: readonly (Metrics | undefined)[],
): Promise<string> {
  const named = { members: keys.map(({ address }) => address), required };
  const stay = await endedWindow(world, { witnesses: named });
  await claim(world, stay);
  await object(world, stay);
  const heard = keys.flatMap((witness, i) => {
    const metrics = said[i];
    return metrics ? [{ witness: witness as Wallet, changes: { metrics } }] : [];
  });
  for (const { witness, changes } of heard) await observe(world, stay, witness, changes);
  await pass(world, OBSERVE_WITHIN + 1);
  await finalise(world, stay, heard);
  const { state, metrics } = await resultOf(world, stay);
  if (state === "Disputed") return "Disputed: no result, no money";
  const value = Number(metrics.availabilityPpm);
  return value === HONEST.availabilityPpm ? "Witnessed: the truth" : "Witnessed: the lie";
}

const repeat = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/** Clouds, what happens, what comes of it; and how it is played. */
const ROWS: readonly (readonly [Size, string, string, (world: World) => Promise<string>])[] = [
  ...([2, 3, 4, 16] as const).flatMap((size) => [
    [
      size,
      "both sign the result",
      "Agreed, at once",
      async (world: World) => {
        const stay = await endedWindow(world);
        await reportAgreed(world, reportOf(stay));
        const { state, isFinal } = await resultOf(world, stay);
        return isFinal ? `${state}, at once` : state;
      },
    ] as const,
    [
      size,
      "one side claims, the other is silent",
      "Claimed, final after the time to object",
      async (world: World) => {
        const stay = await endedWindow(world);
        await claim(world, stay, 1);
        await pass(world, OBJECT_WITHIN + 1);
        const { state, isFinal } = await resultOf(world, stay);
        return isFinal ? `${state}, final after the time to object` : state;
      },
    ] as const,
    [
      size,
      "one side objects, no witnesses are named",
      "Disputed: no result, no money",
      (world: World) => dispute(world, [], 0, []),
    ] as const,
  ]),
  [
    2,
    "one side objects, 1 of 1 outside witness measures",
    "Witnessed: the truth",
    (world) => dispute(world, [new Wallet(id("outside"))], 1, [HONEST]),
  ],
  [
    3,
    "one side objects, the third cloud (1 of 1) measures",
    "Witnessed: the truth",
    (world) => dispute(world, others(world), 1, [HONEST]),
  ],
  [
    3,
    "one side objects, the third cloud (1 of 1) is silent",
    "Disputed: no result, no money",
    (world) => dispute(world, others(world), 1, [undefined]),
  ],
  [
    3,
    "one side objects, the third cloud (1 of 1) lies",
    "Witnessed: the lie",
    (world) => dispute(world, others(world), 1, [AGAINST_THE_HOST]),
  ],
  [
    4,
    "one side objects, of two witnesses (1 of 2) one is silent",
    "Witnessed: the truth",
    (world) => dispute(world, others(world), 1, [undefined, HONEST]),
  ],
  [
    4,
    "one side objects, of two witnesses (2 of 2) one is silent",
    "Disputed: no result, no money",
    (world) => dispute(world, others(world), 2, [HONEST, undefined]),
  ],
  [
    4,
    "one side objects, of two witnesses (2 of 2) one lies against the host",
    "Witnessed: the truth",
    (world) => dispute(world, others(world), 2, [AGAINST_THE_HOST, HONEST]),
  ],
  [
    4,
    "one side objects, of two witnesses (2 of 2) one lies for the host",
    "Witnessed: the lie",
    (world) => dispute(world, others(world), 2, [HONEST, FOR_THE_HOST]),
  ],
  [
    16,
    "one side objects, of seven witnesses (4 of 7) three are silent",
    "Witnessed: the truth",
    (world) => dispute(world, others(world), 4, [...repeat(3, undefined), ...repeat(4, HONEST)]),
  ],
  [
    16,
    "one side objects, of seven witnesses (4 of 7) four are silent",
    "Disputed: no result, no money",
    (world) => dispute(world, others(world), 4, [...repeat(3, HONEST), ...repeat(4, undefined)]),
  ],
  [
    16,
    "one side objects, of seven witnesses (4 of 7) three lie",
    "Witnessed: the truth",
    (world) => dispute(world, others(world), 4, [...repeat(4, HONEST), ...repeat(3, AGAINST_THE_HOST)]),
  ],
  [
    16,
    "one side objects, of seven witnesses (4 of 7) four lie together",
    "Witnessed: the lie",
    (world) => dispute(world, others(world), 4, [...repeat(4, FOR_THE_HOST), ...repeat(3, HONEST)]),
  ],
];

describe("Federations of 2, 3, 4 and 16 clouds", function () {
  for (const [size, what, outcome, play] of ROWS) {
    it(`${size}: ${what}. ${outcome}`, async function () {
      const world = await networkHelpers.loadFixture(FEDERATIONS[size]);

      expect(await play(world)).to.equal(outcome);
    });
  }

  it("are described row by row in docs/federation-sizes.md", function () {
    const page = readFileSync("docs/federation-sizes.md", "utf8");
    const listed = page.split("\n").flatMap((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      return /^(2|3|4|16)$/.test(cells[1] ?? "") && cells.length === 5 ? [cells.slice(1, 4).join(" | ")] : [];
    });

    expect(listed).to.have.members(ROWS.map(([size, what, outcome]) => `${size} | ${what} | ${outcome}`));
  });
});
