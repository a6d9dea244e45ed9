import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect } from "chai";
import { type BaseWallet, Wallet } from "ethers";

import { addNode, openOwn } from "../../network/local/join.js";
import { addressBookOf, requireNetwork, rpcOf } from "../../network/local/network.js";
import { FIRST_STATE, MIRROR_DEFAULTS, mirrorOnce, readLists } from "../../src/allowlists/mirror.js";
import { RpcError } from "../../src/allowlists/nodeRpc.js";
import { parseNodes } from "../../src/allowlists/nodesFile.js";
import { AgentScope, KeyRole, asSender, revokeAgent, setAgent, signDocument, suspendSelf } from "../../src/index.js";
import { chainTime } from "../fixtures/library.js";
import { OWN_NETWORK, describeOwn } from "./context.js";

const MINUTE_MS = 60_000;

describeOwn("a network of Besu whose nodes keep allow-lists", true, function () {
  this.timeout(10 * MINUTE_MS);

  /** What the daemon beside each node does, once; lines that it tells. */
  const mirrorAll = async (graceMs = MIRROR_DEFAULTS.graceMs): Promise<string[]> => {
    const book = await addressBookOf(OWN_NETWORK);
    const told: string[] = [];
    for (const node of (await requireNetwork(OWN_NETWORK)).nodes) {
      const nodes = parseNodes(await readFile(join(OWN_NETWORK, "nodes", node.label, "nodes.json"), "utf8"));
      await mirrorOnce(rpcOf(node), book, nodes, FIRST_STATE, { ...MIRROR_DEFAULTS, graceMs }, (line) =>
        told.push(line),
      );
    }
    return told;
  };
  const firstNode = async () => rpcOf((await requireNetwork(OWN_NETWORK)).nodes[0]!);
  const keyOf = async (label: string): Promise<string> => (await openOwn(OWN_NETWORK)).keys.clouds[label]!.account;
  /** Sends an empty transaction straight to a node; the node's refusal if it refuses. */
  const submit = async (key: BaseWallet): Promise<RpcError | undefined> => {
    const rpc = await firstNode();
    const { chainId } = await addressBookOf(OWN_NETWORK);
    const nonce = Number(await rpc.send<string>("eth_getTransactionCount", key.address, "pending"));
    const raw = await key.signTransaction({
      to: key.address,
      nonce,
      gasLimit: 21_000n,
      gasPrice: 0n,
      type: 0,
      chainId: BigInt(chainId),
    });
    const thrown: unknown = await rpc.send("eth_sendRawTransaction", raw).catch((reason: unknown) => reason);
    return thrown instanceof RpcError ? thrown : undefined;
  };

  it("begins with the lists that the chain wants: nothing differs", async function () {
    expect(await mirrorAll()).to.deep.equal([]);
  });

  it("refuses a sender that is not listed, and takes one that is", async function () {
    expect((await submit(Wallet.createRandom()))?.code).to.equal(-32007);
    expect(await submit(new Wallet(await keyOf("aurora")))).to.equal(undefined);
  });

  it("refuses a list of which one entry is there already, as a whole", async function () {
    const rpc = await firstNode();
    const { accounts = [] } = await readLists(rpc);
    const added = [accounts[0], Wallet.createRandom().address];
    const thrown: unknown = await rpc.send("perm_addAccountsToAllowlist", added).catch((reason: unknown) => reason);
    expect(thrown).to.include({ name: "RpcError", code: -32000 });
    expect((await readLists(rpc)).accounts).to.have.length(accounts.length);
  });

  it("keeps a static node on its list, and says so", async function () {
    const rpc = await firstNode();
    const { nodes = [] } = await readLists(rpc);
    const thrown: unknown = await rpc
      .send("perm_removeNodesFromAllowlist", [nodes.at(-1)])
      .catch((reason: unknown) => reason);
    expect(String(thrown)).to.match(/fixed node/i);
  });

  it("takes an agent's transactions when every node mirrors its binding, and refuses them after", async function () {
    const { federation } = await openOwn(OWN_NETWORK);
    const aurora = asSender(federation, new Wallet(await keyOf("aurora")));
    const agent = Wallet.createRandom();
    const validUntil = (await chainTime(federation)) + 3_600_000n;
    const document = { cloud: 1, key: agent.address, role: KeyRole.Agent, validUntil };
    const signature = await signDocument(
      new Wallet(agent.privateKey),
      federation.registryDomain,
      "KeyAcceptance",
      document,
    );
    await setAgent(aurora, 1, agent.address, AgentScope.OFFER, validUntil, [], { validUntil, signature });
    const key = new Wallet(agent.privateKey);
    expect((await submit(key))?.code).to.equal(-32007);

    expect(await mirrorAll()).to.include(`+ account ${agent.address}`);
    expect(await submit(key)).to.equal(undefined);

    await revokeAgent(aurora, 1, agent.address);
    await mirrorAll(0);
    expect((await submit(key))?.code).to.equal(-32007);
  });

  it("leaves a suspended cloud its way out (INV-EXIT)", async function () {
    const { federation } = await openOwn(OWN_NETWORK);
    const key = new Wallet(await keyOf("borealis"));
    await suspendSelf(asSender(federation, key), 2);
    expect(await mirrorAll(0)).to.deep.equal([]);
    expect(await submit(key)).to.equal(undefined);
  });

  it("lets a fifth cloud's node and keys in by its admission", async function () {
    const network = await addNode(OWN_NETWORK, 5 * MINUTE_MS, () => undefined);
    expect(network.nodes).to.have.length(5);
    expect(await submit(new Wallet(await keyOf("equinox")))).to.equal(undefined);
  });
});
