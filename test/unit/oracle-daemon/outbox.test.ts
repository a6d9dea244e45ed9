import { expect } from "chai";
import { network } from "hardhat";

import { RevertError, publicAgreement } from "../../../src/index.js";
import { NO_CHECKPOINT } from "../../../src/oracle/daemon/checkpoint.js";
import { type Call, createOutbox } from "../../../src/oracle/daemon/outbox.js";
import { type Store, openStore } from "../../../src/oracle/state/store.js";
import { Killer, type Watched, keyOf, watchedStay } from "../../fixtures/oracleDaemon.js";

const connection = await network.create();
const { networkHelpers, ethers } = connection;
const IDENTITY = { chainId: "1", genesisHash: "0x", oracle: "0x", part: "party", who: "2" };

describe("createOutbox", function () {
  let watched: Watched;
  let store: Store;
  let outcomes: string[];

  beforeEach(async function () {
    watched = await networkHelpers.loadFixture(watchedStay);
    store = openStore(":memory:", IDENTITY);
    outcomes = [];
  });

  afterEach(async function () {
    await ethers.provider.send("evm_setAutomine", [true]);
    store.close();
  });

  const outbox = (checkpoint = NO_CHECKPOINT, receiptMs = 0) =>
    createOutbox({
      federation: watched.found.federation,
      store,
      sender: keyOf(watched.host),
      receiptMs,
      checkpoint,
      onOutcome: (action, outcome) => outcomes.push(`${action} ${outcome}`),
    });
  const opening = (): Call => ({
    contract: watched.found.federation.oracle,
    name: "openWindows",
    args: [watched.vm, watched.sequence, publicAgreement(watched.agreement)],
    windows: [],
  });
  const isOpen = async () =>
    (await watched.found.federation.oracle.gridOf(watched.vm, watched.sequence)).windowMs !== 0n;
  const countOfHost = () => ethers.provider.getTransactionCount(keyOf(watched.host).address);

  it("sends, and knows what came of it", async function () {
    expect(await outbox().send(opening())).to.equal("mined");

    expect(await isOpen()).to.equal(true);
    expect(store.openTransaction()).to.equal(undefined);
    expect(outcomes).to.deep.equal(["openWindows mined"]);
  });

  it("sends nothing that the contract refuses", async function () {
    await outbox().send(opening());
    const before = await countOfHost();

    const thrown: unknown = await outbox()
      .send(opening())
      .catch((error: unknown) => error);

    expect(thrown).to.be.instanceOf(RevertError).with.property("errorName", "SlaOracle_AlreadyOpen");
    expect(await countOfHost()).to.equal(before);
    expect(store.openTransaction()).to.equal(undefined);
  });

  for (const point of ["before the transaction is sent", "after the transaction was sent", "mined"]) {
    it(`sends the same bytes again after it was killed: ${point}`, async function () {
      const before = await countOfHost();
      const killer = new Killer((name) => name === point);
      void outbox(killer.checkpoint).send(opening());
      await killer.killed;
      const row = store.openTransaction();
      expect(row?.nonce).to.equal(before);

      expect(await outbox().settle()).to.equal(true);

      expect(await isOpen()).to.equal(true);
      expect(await countOfHost()).to.equal(before + 1);
      expect(await ethers.provider.getTransactionReceipt(row!.hash)).to.include({ status: 1 });
      expect(outcomes).to.deep.equal(["openWindows mined"]);
    });
  }

  it("writes nothing of a transaction that was only signed", async function () {
    const killer = new Killer((name) => name === "before the transaction is written down");
    void outbox(killer.checkpoint).send(opening());
    await killer.killed;

    expect(store.openTransaction()).to.equal(undefined);
    expect(await isOpen()).to.equal(false);
  });

  it("waits for one that is on its way, and sends no other", async function () {
    await ethers.provider.send("evm_setAutomine", [false]);
    expect(await outbox().send(opening())).to.equal("pending");
    expect(await outbox().settle()).to.equal(false);

    await ethers.provider.send("evm_mine", []);

    expect(await outbox().settle()).to.equal(true);
    expect(outcomes).to.deep.equal(["openWindows mined"]);
  });

  it("gives one up whose nonce somebody else has used", async function () {
    const killer = new Killer((name) => name === "before the transaction is sent");
    void outbox(killer.checkpoint).send(opening());
    await killer.killed;
    await watched.host.account.sendTransaction({ to: keyOf(watched.host).address });

    expect(await outbox().settle()).to.equal(true);

    expect(outcomes).to.deep.equal(["openWindows superseded"]);
    expect(await isOpen()).to.equal(false);
  });

  it("knows of one that was mined and did nothing", async function () {
    await ethers.provider.send("evm_setAutomine", [false]);
    const { found, home } = watched;
    const first = await found.federation.oracle
      .connect(home.account)
      .openWindows(watched.vm, watched.sequence, publicAgreement(watched.agreement));
    expect(await outbox().send(opening())).to.equal("pending");
    await ethers.provider.send("evm_mine", []);
    await first.wait();

    expect(await outbox().settle()).to.equal(true);

    expect(outcomes).to.deep.equal(["openWindows reverted"]);
  });
});
