import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { getAddress } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";

import { CONTRACT_MODE_EXTRA_DATA } from "../../network/genesis/extraData.js";
import type { GenesisFile } from "../../network/genesis/genesis.js";
import { openOn } from "../../network/local/chain.js";
import { addNode, removeNode } from "../../network/local/join.js";
import { addressBookOf, requireNetwork, runningNodes, takeDown } from "../../network/local/network.js";
import { networkStatus } from "../../network/local/status.js";
import { bringUp } from "../../network/local/up.js";
import type { NodeRpc } from "../../src/allowlists/nodeRpc.js";
import { ValidatorSet__factory } from "../../src/typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { chainFrom } from "../fixtures/network.js";
import { type PermissionedNode, permissionedNode, serve } from "../fixtures/permissionedNode.js";
import { freePorts } from "../fixtures/ports.js";

const FAKE = fileURLToPath(new URL("../fixtures/fake-besu", import.meta.url));

/**
 * A simulated chain that looks as a QBFT chain does from outside: block 0 by its hash, validators by block, extra data.
 * Nobody agrees on its blocks; whoever is told to proposes them.
 */
function asQbft(
  node: PermissionedNode,
  book: { genesisHash: string; contracts: { ValidatorSet: string } },
): PermissionedNode {
  const validators = ValidatorSet__factory.createInterface();
  const rpc: NodeRpc = {
    url: "",
    async send<T>(method: string, ...params: readonly unknown[]): Promise<T> {
      if (method === "qbft_getValidatorsByBlockNumber") {
        const data = validators.encodeFunctionData("getValidators");
        const answer = await node.rpc.send<string>("eth_call", { to: book.contracts.ValidatorSet, data }, params[0]);
        return [...(validators.decodeFunctionResult("getValidators", answer)[0] as string[])] as T;
      }
      const answer = await node.rpc.send<T>(method, ...params);
      if (method !== "eth_getBlockByNumber") return answer;
      const isFirst = Number((answer as { readonly number: string }).number) === 0;
      return { ...answer, extraData: CONTRACT_MODE_EXTRA_DATA, ...(isFirst && { hash: book.genesisHash }) };
    },
  };
  return { ...node, rpc };
}

describe("a cloud that joins and one that leaves, with a fake besu before a simulated chain", function () {
  this.timeout(180_000);
  let dir: string;
  let connection: NetworkConnection;
  let server: Server;
  let node: PermissionedNode;
  const told: string[] = [];
  const tell = (line: string): void => {
    told.push(line);
  };
  const before_ = process.env.BESU_BIN;

  before(async function () {
    if (process.platform !== "linux") this.skip();
    dir = await mkdtemp(join(tmpdir(), "membership-"));
    const [rpcPort, wsPort, p2pPort, chainPort] = [
      await freePorts(5),
      await freePorts(5),
      await freePorts(5),
      await freePorts(1),
    ];
    process.env.BESU_BIN = FAKE;
    process.env.FAKE_BESU_CHAIN = `http://127.0.0.1:${chainPort}`;
    const up = bringUp(dir, { count: 4, hasAllowLists: true, rpcPort, wsPort, p2pPort, timeoutMs: 60_000 }, tell);
    while (!(await stat(join(dir, "network.json")).catch(() => undefined))) await sleep(50);

    const genesis = JSON.parse(await readFile(join(dir, "genesis.json"), "utf8")) as GenesisFile;
    connection = await chainFrom(genesis, new Date());
    node = permissionedNode(connection);
    const toml = await readFile(join(dir, "nodes", "aurora", "allow-lists.toml"), "utf8");
    const [nodes, accounts] = toml
      .split("\n")
      .map((line) => JSON.parse(line.split("=").slice(1).join("=") || "[]") as string[]);
    node.nodes = nodes ?? [];
    node.accounts = accounts ?? [];
    ({ server } = await serve(asQbft(node, await addressBookOf(dir)), chainPort));
    await connection.provider.request({ method: "evm_setIntervalMining", params: [200] });
    await up;
  });

  after(async function () {
    if (before_ === undefined) Reflect.deleteProperty(process.env, "BESU_BIN");
    else process.env.BESU_BIN = before_;
    Reflect.deleteProperty(process.env, "FAKE_BESU_CHAIN");
    await takeDown(dir, true);
    server.close();
    server.closeAllConnections();
    await connection.close();
    await rm(dir, { recursive: true, force: true });
  });

  it("brings a fifth cloud from the proposal to its first block", async function () {
    const listed = [node.nodes.length, node.accounts.length];
    const adding = addNode(dir, 60_000, tell);
    // The simulated chain's blocks are whose it is told: from the seat on, the new validator's.
    const federation = await openOn(
      `http://127.0.0.1:${(await requireNetwork(dir)).nodes[0]!.rpcPort}`,
      await addressBookOf(dir),
    );
    const proposing = (async () => {
      const founders = new Set((await requireNetwork(dir)).nodes.map(({ validator }) => getAddress(validator)));
      for (;;) {
        const joined = [...(await federation.validators.getValidators())].find((address) => !founders.has(address));
        if (joined !== undefined) {
          await connection.provider.request({ method: "hardhat_setCoinbase", params: [joined] });
          return joined;
        }
        await sleep(100);
      }
    })();
    const network = await adding;
    const joined = await proposing;

    expect(network.nodes.map(({ label }) => label)).to.deep.equal([
      "aurora",
      "borealis",
      "cumulus",
      "delta-grid",
      "equinox",
    ]);
    expect(network.nodes[4]).to.include({ cloud: 5, validator: joined });
    expect(runningNodes(dir, network).has("equinox")).to.equal(true);
    expect(told.at(-1)).to.match(/^equinox proposed block \d+$/);
    expect(await federation.registry.cloudOfLabel("equinox")).to.equal(5);
    expect(node.nodes.length - listed[0]!, "nodes let in").to.equal(1);
    expect(node.accounts.length - listed[1]!, "account and recovery address let in").to.equal(2);
    const status = await networkStatus(network.nodes, 5);
    expect(status.quorum).to.equal(4);
    expect(status.nodes[4]?.isValidator).to.equal(true);
  });

  it("lets a validator give up its seat, and stops its node", async function () {
    const before = await requireNetwork(dir);
    const left = await removeNode(dir, "borealis", 60_000, tell);

    expect(left.nodes.map(({ label }) => label)).to.deep.equal(["aurora", "cumulus", "delta-grid", "equinox"]);
    expect(runningNodes(dir, before)).to.deep.equal(new Set(["aurora", "cumulus", "delta-grid", "equinox"]));
    expect(told.at(-1)).to.equal("borealis is stopped; the chain goes on with 4 validators");
    const nodes = JSON.parse(await readFile(join(dir, "nodes", "aurora", "nodes.json"), "utf8")) as {
      readonly nodes: readonly { readonly cloud: number }[];
    };
    expect(nodes.nodes.map(({ cloud }) => cloud)).to.deep.equal([1, 3, 4, 5]);
  });

  it("refuses when fewer than four would remain, and the node goes on", async function () {
    const thrown: unknown = await removeNode(dir, "aurora", 60_000, tell).catch((reason: unknown) => reason);
    expect(thrown).to.include({ errorName: "ValidatorSet_TooFew" });
    expect(runningNodes(dir, await requireNetwork(dir)).has("aurora")).to.equal(true);
  });

  it("refuses to admit where the clouds' keys are elsewhere", async function () {
    const keys = join(dir, "keys.json");
    const text = await readFile(keys, "utf8");
    await rm(keys);
    const thrown: unknown = await addNode(dir, 60_000, tell).catch((reason: unknown) => reason);
    await writeFile(keys, text);
    expect(String(thrown)).to.include("their operators propose and vote themselves");
    expect(Object.keys((JSON.parse(text) as { clouds: object }).clouds)).to.include("equinox");
  });
});
