import { expect } from "chai";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import {
  type Federation,
  DocumentKind,
  agreementId,
  asSender,
  blockAt,
  complete,
  documentId,
  historyOf,
  readHead,
  start,
} from "../../../src/index.js";
import { eventsIn } from "../../../src/oracle/chain.js";
import { agreedMove, chainTime, newVm, offeringFederation, signaturesOf } from "../../fixtures/library.js";
import { narrow } from "../../fixtures/narrow.js";

const connection = await network.create();
const { networkHelpers } = connection;

/** More blocks than are asked for at once. */
const LONG = 5_100;

/** A VM of cloud 1 that moved to cloud 2, thousands of blocks after the first one and as many before the last. */
async function movedLongAgo(link: NetworkConnection) {
  const found = await offeringFederation(link);
  const [home, destination] = found.members;
  await networkHelpers.mine(LONG);
  const vm = await newVm(found, home);
  const move = await agreedMove(found, { home, source: home, destination }, [vm]);
  const by = asSender(found.federation, home.account);
  await start(by, move);
  const releasedAt = await chainTime(found.federation);
  const releases = [{ vm, stateDigest: `0x${"22".repeat(32)}`, releasedAt }];
  const handover = { move: documentId("Move", move), releases, validUntil: releasedAt + 200_000n };
  const signatures = await signaturesOf(found, "Handover", handover, destination, home);
  const { blockNumber } = await complete(by, move, handover, signatures);
  await networkHelpers.mine(2 * LONG);
  return { ...found, vm, move, completedIn: blockNumber };
}

describe("questions about a long chain", function () {
  it("find what a stay rests on, whatever range of blocks the node looks through", async function () {
    const { federation, vm, move, members } = await networkHelpers.loadFixture(movedLongAgo);
    const keys = await Promise.all(members.slice(0, 2).map(({ account }) => account.getAddress()));
    for (const most of [LONG, 1_000, 900]) {
      const limited = narrow(federation, most);

      const [registered, moved] = await historyOf(limited.federation, vm);

      expect(registered).to.deep.include({ host: 1, agreementId: undefined, signers: [], handoverSigners: [] });
      expect(moved).to.deep.include({ host: 2, kind: DocumentKind.Move, agreementId: agreementId(move.agreement) });
      expect(moved?.signers.map(({ key }) => key)).to.have.members(keys);
      expect(moved?.handoverSigners.map(({ key }) => key)).to.have.members(keys);
      expect(limited.refused() > 0).to.equal(most < LONG);
    }
  });

  it("read the oracle daemon's events in smaller ranges where the node refuses", async function () {
    const { federation, completedIn } = await networkHelpers.loadFixture(movedLongAgo);
    const namesIn = async (from: Federation) =>
      (await eventsIn(from, completedIn - 40, completedIn)).map(({ name }) => name);
    const all = await namesIn(federation);
    const limited = narrow(federation);

    expect(await namesIn(limited.federation)).to.deep.equal(all);
    expect(all).to.include.members(["MoveAgreed", "MoveCompleted", "StayBegan"]);
    expect(limited.refused()).to.be.above(0);
  });

  it("find the block of a time", async function () {
    const { federation, completedIn } = await networkHelpers.loadFixture(movedLongAgo);
    const { provider } = federation;
    const head = await readHead(provider);
    for (const number of [1, completedIn, head.number - 1]) {
      const block = await provider.getBlock(number);
      const timeMs = BigInt(block!.timestamp) * 1_000n;
      expect(await blockAt(provider, timeMs - 1n)).to.equal(number - 1);
      expect(await blockAt(provider, timeMs)).to.equal(number);
      expect(await blockAt(provider, timeMs + 1n)).to.equal(number);
    }
    expect(await blockAt(provider, 0n)).to.equal(0);
    expect(await blockAt(provider, head.timeMs + 1n)).to.equal(head.number);
  });
});
