import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "chai";

import { parseFounders, requireComplete, validatorOf } from "../../network/founding/founders.js";
import type { GenesisFile } from "../../network/genesis/genesis.js";
import { verifyGenesis } from "../../network/genesis/verify.js";
import { addNode, openOwn, removeNode, votersOf } from "../../network/local/join.js";
import {
  killNodes,
  requireNetwork,
  rpcOf,
  runningNodes,
  startNodes,
  waitUntilReady,
} from "../../network/local/network.js";
import { networkStatus } from "../../network/local/status.js";
import { decide } from "../../network/local/decide.js";
import { bringUp } from "../../network/local/up.js";
import { CloudStatus, callOf } from "../../src/index.js";
import { OWN_NETWORK, describeOwn } from "./context.js";

const MINUTE_MS = 60_000;

/** Nothing is started anew in these tests: the ports are those of the network that runs. */
const UP = { count: 4, hasAllowLists: false, rpcPort: 1, wsPort: 1, p2pPort: 1, timeoutMs: 5 * MINUTE_MS };

describeOwn("a network of Besu with faults", false, function () {
  this.timeout(10 * MINUTE_MS);
  const tell = (): void => undefined;

  const height = async (label: string): Promise<number> => {
    const { nodes } = await requireNetwork(OWN_NETWORK);
    const node = nodes.find((other) => other.label === label);
    return Number(await rpcOf(node ?? { rpcPort: 0 }).send<string>("eth_blockNumber"));
  };
  const risesBy = async (label: string, blocks: number): Promise<void> => {
    const goal = (await height(label)) + blocks;
    while ((await height(label)) < goal) await sleep(500);
  };

  it("begins with the block 0 of its genesis file: header, code, storage, validators", async function () {
    const text = async (name: string) => readFile(join(OWN_NETWORK, name), "utf8");
    const founders = requireComplete(parseFounders(await text("founders.json")));
    const genesis = JSON.parse(await text("genesis.json")) as GenesisFile;
    const validators = founders.clouds.map(({ node }) => validatorOf(node.publicKey));
    const { nodes } = await requireNetwork(OWN_NETWORK);

    expect(await verifyGenesis(rpcOf(nodes[0]!), genesis, validators)).to.deep.equal([]);
    expect(await verifyGenesis(rpcOf(nodes[0]!), genesis, validators.slice(1))).to.have.length(1);
  });

  it("lets the founders decide, by the state that block 0 brought (INV-VOTE)", async function () {
    const own = await openOwn(OWN_NETWORK);
    const { registry } = own.federation;
    const voters = await votersOf(own);
    const decideTo = async (name: string) =>
      decide(own.federation, own.clock, voters, [await callOf(registry, name, [4])], `${name} 4`);
    await decideTo("confirmSuspension");
    expect(Number(await registry.statusOf(4))).to.equal(CloudStatus.Suspended);
    await decideTo("liftSuspension");
    expect(Number(await registry.statusOf(4))).to.equal(CloudStatus.Active);
  });

  it("goes on when one validator is killed, counts its missed turns, and takes it back", async function () {
    const network = await requireNetwork(OWN_NETWORK);
    const killed = await killNodes(OWN_NETWORK, network, ["delta-grid"]);
    await risesBy("aurora", 9);
    const status = await networkStatus(killed.nodes, 12);
    const gone = status.nodes.find(({ label }) => label === "delta-grid");
    expect(gone?.height).to.equal(undefined);
    expect(gone?.missed).to.be.greaterThan(0);

    const started = await startNodes(OWN_NETWORK, killed, ["delta-grid"]);
    const readiness = { peers: 3, height: await height("aurora"), timeoutMs: 5 * MINUTE_MS };
    await waitUntilReady(OWN_NETWORK, started, ["delta-grid"], readiness);
    await risesBy("delta-grid", 3);
  });

  it("stands when two of four are killed, still answers, and goes on when all are started together", async function () {
    const network = await requireNetwork(OWN_NETWORK);
    await killNodes(OWN_NETWORK, network, ["cumulus", "delta-grid"]);
    // What was agreed on may still arrive.
    await sleep(5_000);
    const before = await height("aurora");
    await sleep(10_000);
    expect(await height("aurora")).to.equal(before);
    const { federation } = await openOwn(OWN_NETWORK);
    expect(await federation.registry.memberCount()).to.equal(4);
    const { nodes } = await requireNetwork(OWN_NETWORK);
    expect((await networkStatus(nodes)).warnings.join()).to.include("no block until 3 are there");

    const told: string[] = [];
    await bringUp(OWN_NETWORK, UP, (line) => told.push(line));
    expect(told.join()).to.include("all are started together");
    await risesBy("aurora", 5);
  });

  it("takes a fifth cloud in, from the proposal to its first block", async function () {
    const network = await addNode(OWN_NETWORK, 5 * MINUTE_MS, tell);
    const { federation } = await openOwn(OWN_NETWORK);
    expect(await federation.validators.validatorCount()).to.equal(5);
    expect(network.nodes).to.have.length(5);
    await risesBy("equinox", 5);
  });

  it("goes on with four when one leaves", async function () {
    await removeNode(OWN_NETWORK, "borealis", 5 * MINUTE_MS, tell);
    const network = await requireNetwork(OWN_NETWORK);
    expect(runningNodes(OWN_NETWORK, network).size).to.equal(4);
    await risesBy("equinox", 6);
    const { warnings, validators } = await networkStatus(network.nodes, 4);
    expect(validators).to.have.length(4);
    expect(warnings).to.deep.equal([]);
  });
});
