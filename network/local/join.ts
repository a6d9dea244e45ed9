import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { type BaseWallet, Wallet, getAddress, id, toQuantity } from "ethers";

import { activateValidator } from "../../src/actions/governance/activateValidator.js";
import { retireValidator } from "../../src/actions/governance/retireValidator.js";
import { FIRST_STATE, MIRROR_DEFAULTS, mirrorOnce } from "../../src/allowlists/mirror.js";
import { canonicalEnode } from "../../src/allowlists/enode.js";
import { parseNodes } from "../../src/allowlists/nodesFile.js";
import { ask } from "../../src/chain/ask.js";
import { KeyRole } from "../../src/chain/enums.js";
import { type Federation, asSender, readHead } from "../../src/chain/federation.js";
import { signDocument } from "../../src/documents/hash.js";
import { signActivation } from "../../src/governance/activation.js";
import { callOf } from "../../src/governance/proposal.js";
import { type LocalKeys, freshCloudKeys, labelOf } from "../founding/draft.js";
import { enodeOf } from "../founding/founders.js";
import { NetworkError } from "../networkError.js";
import { NODE_FILES, allowListsToml, besuOptions, commandLine, configToml } from "../nodes/besuOptions.js";
import {
  NETWORK_FILES,
  type NodesFile,
  asJson,
  nodeFolder,
  publicKeyOf,
  readIfThere,
  startScript,
  writeSecret,
} from "../nodes/folders.js";
import { type ChainClock, openOn, realClock } from "./chain.js";
import { decide } from "./decide.js";
import {
  type LocalNetwork,
  type LocalNode,
  addressBookOf,
  nodeOf,
  requireNetwork,
  rpcOf,
  runningNodes,
  saveNetwork,
  startNodes,
  stopNodes,
  waitUntilReady,
  writeCompose,
} from "./network.js";
import { KEYS_FILE, type Tell } from "./up.js";

/** A network on this machine with the keys of its clouds: it can decide. */
export interface OwnNetwork {
  readonly network: LocalNetwork;
  readonly federation: Federation;
  readonly clock: ChainClock;
  readonly keys: LocalKeys;
}

/**
 * Opens a network whose clouds' keys are in its folder.
 * @throws NetworkError `NO_NETWORK` if there is none, if none of its nodes runs, or if its keys are elsewhere.
 */
export async function openOwn(dir: string): Promise<OwnNetwork> {
  const network = await requireNetwork(dir);
  const running = runningNodes(dir, network);
  const asked = network.nodes.find(({ label }) => running.has(label));
  if (!asked) throw new NetworkError("NO_NETWORK", "no node runs: npm run network:up starts them");
  const text = await readIfThere(join(dir, KEYS_FILE));
  if (text === undefined) {
    throw new NetworkError(
      "NO_NETWORK",
      `the clouds' keys are not in ${dir}: their operators propose and vote themselves`,
    );
  }
  const federation = await openOn(`http://127.0.0.1:${asked.rpcPort}`, await addressBookOf(dir));
  return { network, federation, clock: realClock(federation.provider), keys: JSON.parse(text) as LocalKeys };
}

/** Accounts of the clouds, in the order of their ids, as far as their keys are here. */
export async function votersOf({ federation, keys }: OwnNetwork): Promise<readonly [BaseWallet, ...BaseWallet[]]> {
  const accounts = Object.values(keys.clouds).map(({ account }) => new Wallet(account));
  const members = await Promise.all(
    accounts.map(async (account) => {
      const cloud = await ask(federation.registry.cloudOfAccount(account.address));
      const status = await ask(federation.registry.statusOf(cloud));
      return status === 1n || status === 2n ? [account] : [];
    }),
  );
  const [first, ...others] = members.flat();
  if (!first) throw new NetworkError("NO_NETWORK", "none of the keys is a member's");
  return [first, ...others];
}

/** How long an acceptance is valid, in milliseconds. */
const ACCEPTANCE_MS = 3_600_000n;

/**
 * A further cloud, from the proposal to the first block that its node seals: the members vote it in, its node follows the
 * chain, and then it takes its seat.
 * @returns The network with the new node.
 */
export async function addNode(dir: string, timeoutMs: number, tell: Tell, label?: string): Promise<LocalNetwork> {
  const own = await openOwn(dir);
  const { network, federation } = own;
  const name = label ?? freeLabel(network);
  if (network.nodes.some((node) => node.label === name)) {
    throw new NetworkError("BAD_ARGUMENT", `${name} is a node of this network already`);
  }
  const keys = freshCloudKeys();
  const nodeKey = Wallet.createRandom();

  const cloud = await admitCloud(own, name, keys, tell);
  const saved: LocalKeys = {
    ...own.keys,
    clouds: {
      ...own.keys.clouds,
      [name]: { account: keys.account.privateKey, recovery: keys.recovery.privateKey },
    },
  };
  await writeSecret(join(dir, KEYS_FILE), asJson(saved));

  const node = nextNode(network, name, cloud, nodeKey.address);
  const extended = { ...network, nodes: [...network.nodes, node] };
  await writeFolder(dir, extended, node, nodeKey.privateKey);
  await saveNetwork(dir, extended);
  if (network.runner.kind === "docker") await writeCompose(dir, extended);
  if (network.settings.hasAllowLists) await letIn(dir, extended, tell);

  const started = await startNodes(dir, extended, [name]);
  tell(`${name} runs, and follows the chain`);
  const height = (await readHead(federation.provider)).number;
  await waitUntilReady(dir, started, [name], { peers: 1, height, timeoutMs });
  if (network.settings.hasAllowLists) await letIn(dir, started, tell);

  await activate(own, cloud, keys.account, nodeKey, tell);
  const block = await firstBlockOf(federation, nodeKey.address, timeoutMs);
  tell(`${name} proposed block ${block}`);
  return started;
}

function freeLabel(network: LocalNetwork): string {
  for (let index = network.nodes.length; ; index++) {
    if (!network.nodes.some(({ label }) => label === labelOf(index))) return labelOf(index);
  }
}

function nextNode(network: LocalNetwork, label: string, cloud: number, validator: string): LocalNode {
  const next = (port: (node: LocalNode) => number): number => Math.max(...network.nodes.map(port)) + 1;
  return {
    label,
    cloud,
    validator,
    host: "127.0.0.1",
    p2pPort: next(({ p2pPort }) => p2pPort),
    rpcPort: next(({ rpcPort }) => rpcPort),
    wsPort: next(({ wsPort }) => wsPort),
  };
}

async function admitCloud(
  own: OwnNetwork,
  label: string,
  { account, recovery }: { readonly account: BaseWallet; readonly recovery: BaseWallet },
  tell: Tell,
): Promise<number> {
  const { federation, clock } = own;
  const cloud = Number(await ask(federation.registry.cloudCount())) + 1;
  const validUntil = (await readHead(federation.provider)).timeMs + ACCEPTANCE_MS;
  const accept = async (key: BaseWallet, role: number): Promise<readonly [bigint, string]> => [
    validUntil,
    await signDocument(key, federation.registryDomain, "KeyAcceptance", { cloud, key: key.address, role, validUntil }),
  ];
  const candidate = [
    label,
    account.address,
    recovery.address,
    `https://${label}.example`,
    id(`${label}/endpoint key`),
  ] as const;
  const args = [cloud, candidate, await accept(account, KeyRole.Account), await accept(recovery, KeyRole.Recovery)];
  tell(`proposing to admit ${label} as cloud ${cloud}`);
  await decide(
    federation,
    clock,
    await votersOf(own),
    [await callOf(federation.registry, "admit", args)],
    `Admit ${label} as cloud ${cloud} (${account.address})`,
  );
  tell(`${label} is a member`);
  return cloud;
}

async function writeFolder(dir: string, network: LocalNetwork, node: LocalNode, nodeKey: string): Promise<void> {
  const folder = nodeFolder(dir, node.label);
  const first = network.nodes[0];
  if (!first) throw new NetworkError("BAD_STATE", "the network has no node");
  const sibling = nodeFolder(dir, first.label);
  const [nodesText, genesis, book] = await Promise.all([
    readIfThere(join(sibling, NODE_FILES.nodes)),
    readIfThere(join(dir, NETWORK_FILES.genesis)),
    readIfThere(join(dir, NETWORK_FILES.addressBook)),
  ]);
  if (nodesText === undefined || genesis === undefined || book === undefined) {
    throw new NetworkError("BAD_STATE", `${dir} is not complete`);
  }
  const { nodes, roleHolders } = parseNodes(nodesText);
  const { host, p2pPort, cloud } = node;
  const enode = enodeOf({ publicKey: publicKeyOf(nodeKey), host, p2pPort });
  const file: NodesFile = { nodes: [...nodes, { cloud, enode }], roleHolders };
  const options = besuOptions(
    { folder: ".", host, p2pPort, rpcPort: node.rpcPort, wsPort: node.wsPort },
    network.settings,
  );
  await mkdir(folder, { recursive: true });
  await writeSecret(join(folder, NODE_FILES.key), `${nodeKey}\n`);
  const enodes = file.nodes.map((entry) => entry.enode);
  const files: Readonly<Record<string, string>> = {
    [NODE_FILES.genesis]: genesis,
    [NODE_FILES.addressBook]: book,
    [NODE_FILES.staticNodes]: asJson(enodes),
    [NODE_FILES.config]: configToml(options),
    [NODE_FILES.start]: startScript(node.label, commandLine(options)),
    // Its own daemon fills the accounts in; nodes it must know to find the others.
    ...(network.settings.hasAllowLists && { [NODE_FILES.allowLists]: allowListsToml(enodes, []) }),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  // The others' daemons learn where the new node is.
  for (const { label } of network.nodes) {
    await writeFile(join(nodeFolder(dir, label), NODE_FILES.nodes), asJson(file));
  }
}

/** What the daemons beside the nodes would do within seconds: the new node and its keys come onto every node's lists. */
async function letIn(dir: string, network: LocalNetwork, tell: Tell): Promise<void> {
  const book = await addressBookOf(dir);
  const running = runningNodes(dir, network);
  for (const node of network.nodes.filter(({ label }) => running.has(label))) {
    const nodes = parseNodes((await readIfThere(join(nodeFolder(dir, node.label), NODE_FILES.nodes))) ?? "");
    await mirrorOnce(rpcOf(node), book, nodes, FIRST_STATE, MIRROR_DEFAULTS, (line) => {
      tell(`${node.label}: ${line}`);
    });
  }
}

async function activate(
  { federation, clock }: OwnNetwork,
  cloud: number,
  account: BaseWallet,
  nodeKey: BaseWallet,
  tell: Tell,
): Promise<void> {
  const { validators, provider } = federation;
  const againAt = await ask(validators.additionAgainAt());
  const now = (await readHead(provider)).timeMs / 1_000n;
  if (againAt > now) tell(`the last addition is not long ago: waiting ${againAt - now} s`);
  await clock.waitUntil(againAt);
  const activation = await signActivation(federation, nodeKey, cloud);
  await activateValidator(asSender(federation, account), cloud, activation);
  tell(`validator ${nodeKey.address} has its seat`);
}

const POLL_MS = 250;

/** The first block that a validator proposed from now on. */
async function firstBlockOf({ provider }: Federation, validator: string, timeoutMs: number): Promise<number> {
  const deadline = Date.now() + timeoutMs;
  let { number } = await readHead(provider);
  for (;;) {
    const head = (await readHead(provider)).number;
    for (; number <= head; number++) {
      const block = (await provider.send("eth_getBlockByNumber", [toQuantity(number), false])) as {
        readonly miner: string;
      };
      if (getAddress(block.miner) === getAddress(validator)) return number;
    }
    if (Date.now() > deadline) throw new NetworkError("NOT_READY", `${validator} proposed no block in time`);
    await sleep(POLL_MS);
  }
}

/**
 * Takes a node out of the network: its cloud gives up its seat, and when the next blocks are sealed without it, the node
 * is stopped. Its cloud stays a member; its folder stays.
 */
export async function removeNode(dir: string, label: string, timeoutMs: number, tell: Tell): Promise<LocalNetwork> {
  const own = await openOwn(dir);
  const { network, federation, keys } = own;
  const node = nodeOf(network, label);
  const { validators, provider } = federation;
  const key = keys.clouds[label];
  if (!key) throw new NetworkError("NO_NETWORK", `the account of ${label} is not in ${join(dir, KEYS_FILE)}`);
  if ((await ask(validators.validatorOf(node.cloud))) === getAddress(node.validator)) {
    await retireValidator(asSender(federation, new Wallet(key.account)), node.cloud);
    tell(`${label} gave up its seat`);
  }
  const { number } = await readHead(provider);
  const others = network.nodes.filter((other) => other.label !== label);
  const running = runningNodes(dir, network);
  const asked = others.filter((other) => running.has(other.label)).map((other) => other.label);
  await waitUntilReady(dir, network, asked, { peers: 1, height: number + 2, timeoutMs });
  const stopped = await stopNodes(dir, network, [label]);
  const left = { ...stopped, nodes: stopped.nodes.filter((other) => other.label !== label) };
  await saveNetwork(dir, left);
  if (network.runner.kind === "docker") await writeCompose(dir, left);
  await forget(dir, left, node);
  tell(`${label} is stopped; the chain goes on with ${(await ask(validators.getValidators())).length} validators`);
  return left;
}

/** Takes a node off the files of those that stay. A static node cannot be taken off a running node. */
async function forget(dir: string, network: LocalNetwork, gone: LocalNode): Promise<void> {
  for (const { label } of network.nodes) {
    const folder = nodeFolder(dir, label);
    const nodes = await readIfThere(join(folder, NODE_FILES.nodes));
    const fixed = await readIfThere(join(folder, NODE_FILES.staticNodes));
    if (nodes === undefined || fixed === undefined) continue;
    const parsed = parseNodes(nodes);
    const kept = parsed.nodes.filter(({ cloud }) => cloud !== gone.cloud);
    const enodes = new Set(kept.map(({ enode }) => enode));
    const before = JSON.parse(fixed) as readonly string[];
    await writeFile(join(folder, NODE_FILES.nodes), asJson({ nodes: kept, roleHolders: parsed.roleHolders }));
    await writeFile(
      join(folder, NODE_FILES.staticNodes),
      asJson(before.filter((enode) => enodes.has(canonicalEnode(enode)))),
    );
  }
}
