import { readFileSync } from "node:fs";

import { expect } from "chai";
import { network } from "hardhat";

import { CloudStatus } from "../../../src/index.js";
import {
  type Governed,
  acceptance,
  byCloud,
  callOf,
  decide,
  enact,
  expectProposal,
  expectValid,
  expulsion,
  first,
  leave,
  propose,
  quorumOf,
  recoveryKey,
  replace,
  senderOf,
  sixClouds,
  voteAll,
  wait,
} from "../../fixtures/governance.js";
import { keyOf } from "../../fixtures/registry.js";
import { nodeKey } from "../../fixtures/validators.js";

const { networkHelpers } = await network.create();

const DAY = 86_400;
const node = (cloud: number): string => nodeKey(cloud).address;

/** Whether the validators whose nodes run can seal a block. */
async function seals(world: Governed, running: readonly string[]): Promise<boolean> {
  const set = await expectValid(world);
  return set.filter((validator) => running.includes(validator)).length >= quorumOf(set.length);
}

/** Whether these clouds alone can decide anything. */
async function decides(world: Governed, voters: readonly number[]): Promise<boolean> {
  const proposal = await propose(world, [await removal(world, 1)], voters[0]);
  const needed = Number((await world.governor.proposalOf(proposal.id)).votesNeeded);
  for (const cloud of voters.slice(0, needed)) {
    await (await byCloud(world, cloud, world.governor)).castVote(proposal.id, 1);
  }
  const isDecided = (await world.governor.state(proposal.id)) === 4n;
  if (!isDecided) {
    await wait(world, 7 * DAY + 1);
    await expectProposal(world, proposal, "Defeated");
  }
  return isDecided;
}

const removal = (world: Governed, cloud: number) => callOf(world.validators, "removeValidator", [node(cloud)]);

/** What a row of the page promises. The clouds with the highest numbers are the lost ones. */
const ROWS: Readonly<Record<string, (world: Governed) => Promise<void>>> = {
  "one, with keys": async (world) => {
    expect(await seals(world, first(5).map(node)), "chain").to.equal(true);
    expect(await decides(world, first(6)), "votes").to.equal(true);

    await replace(world, 6, nodeKey("elsewhere"));

    expect(await seals(world, [...first(3).map(node), nodeKey("elsewhere").address]), "chain").to.equal(true);
  },

  "one, without keys": async (world) => {
    expect(await seals(world, first(5).map(node)), "chain").to.equal(true);
    expect(await decides(world, first(5)), "votes").to.equal(true);

    const recovered = keyOf("recovered");
    const recovery = world.registry.connect(await senderOf(world, recoveryKey(6).address));
    await recovery.recoverAccount(6, recovered.address, await acceptance(world, recovered, 6, "Account"));
    expect(await world.registry.accountOf(6)).to.equal(recovered.address);

    await enact(world, [await removal(world, 6)], first(4));
    expect(await seals(world, first(4).map(node)), "one more may fail").to.equal(true);
    const [account, box] = [keyOf("replaced"), keyOf("replaced recovery")];
    const announcement = await callOf(world.registry, "announceReplacement", [
      6,
      account.address,
      box.address,
      await acceptance(world, account, 6, "Account"),
      await acceptance(world, box, 6, "Recovery"),
    ]);
    await enact(world, [announcement], first(4));
    await wait(world, 7 * DAY);
    await world.registry.executeReplacement(6);
    expect(await world.registry.accountOf(6)).to.equal(account.address);
    expect(await decides(world, [3, 4, 5, 6]), "its vote is back").to.equal(true);
  },

  "a third, with keys": async (world) => {
    expect(await seals(world, first(4).map(node)), "chain").to.equal(true);
    expect(await seals(world, first(3).map(node)), "chain, one more lost").to.equal(false);
    expect(await decides(world, first(6)), "votes").to.equal(true);

    await replace(world, 5, nodeKey("elsewhere 5"));
    await replace(world, 6, nodeKey("elsewhere 6"));

    const running = ["elsewhere 5", "elsewhere 6"].map((name) => nodeKey(name).address);
    expect(await seals(world, [...first(2).map(node), ...running]), "chain").to.equal(true);
  },

  "a third, without keys": async (world) => {
    expect(await seals(world, first(4).map(node)), "chain").to.equal(true);
    expect(await decides(world, first(3)), "three of six").to.equal(false);
    expect(await decides(world, first(4)), "four of six").to.equal(true);

    await enact(world, [await removal(world, 5), await removal(world, 6)], first(4));
    expect(await seals(world, first(3).map(node)), "three of the remaining four").to.equal(true);
    await enact(world, [await expulsion(world, 5), await expulsion(world, 6)], first(4));

    expect(await world.registry.memberCount()).to.equal(4n);
    expect(await decides(world, first(3)), "three of four").to.equal(true);
  },

  "half, with keys": async (world) => {
    expect(await seals(world, first(3).map(node)), "chain").to.equal(false);
    expect(await seals(world, first(6).map(node)), "with the node keys elsewhere").to.equal(true);

    for (const cloud of [4, 5, 6]) await replace(world, cloud, nodeKey(`elsewhere ${cloud}`));

    expect(await decides(world, first(6)), "votes").to.equal(true);
  },

  "half, without keys": async (world) => {
    expect(await seals(world, first(3).map(node)), "chain").to.equal(false);
    expect(await decides(world, first(3)), "votes").to.equal(false);

    // Somebody else keeps the chain going: every exit works.
    await leave(world, 3);
    await world.validators.pruneValidator(3);
    expect(await world.registry.statusOf(3)).to.equal(CloudStatus.Left);
    expect(await decides(world, first(2)), "two of five").to.equal(false);
  },
};

describe("When clouds are lost", function () {
  it("has a test for every row of docs/governance.md, and no other", function () {
    const page = readFileSync(new URL("../../../docs/governance.md", import.meta.url), "utf8");
    const section = page.split(/^## /m).find((part) => part.startsWith("When clouds are lost")) ?? "";
    const rows = section
      .split("\n")
      .filter((line) => line.startsWith("| ") && !/^\| (lost|---) /.test(line))
      .map((line) => line.split("|")[1]!.trim());

    expect(rows).to.deep.equal(Object.keys(ROWS));
  });

  for (const [name, happens] of Object.entries(ROWS)) {
    it(name, async function () {
      await happens(await networkHelpers.loadFixture(sixClouds));
    });
  }

  it("of any number, votes are live exactly when the chain is: the same number of clouds suffices for both", async function () {
    const world = await networkHelpers.loadFixture(sixClouds);
    for (let present = 1; present <= 6; ++present) {
      const snapshot = await networkHelpers.takeSnapshot();
      const isLive = await seals(world, first(present).map(node));
      expect(await decides(world, first(present)), `${present} of 6`).to.equal(isLive);
      await snapshot.restore();
    }
  });

  it("a proposal that was decided before the loss is executed by anyone who is left", async function () {
    const world = await networkHelpers.loadFixture(sixClouds);
    const proposal = await decide(world, [await removal(world, 6)]);
    await world.governor.connect(world.stranger).execute(...proposal.hashed);
    await voteAll(world, await propose(world, [await removal(world, 5)]), [1, 2, 3, 4]);
    expect(await expectValid(world)).to.have.length(5);
  });
});
