import { spawnSync } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { type NodeRpc, nodeRpc } from "../../src/allowlists/nodeRpc.js";
import { type AddressBook, parseAddressBook } from "../../src/chain/addressBook.js";
import { NetworkError } from "../networkError.js";
import {
  LOCAL_JAVA_OPTIONS,
  NODE_FILES,
  type NodePlace,
  type NodeSettings,
  besuOptions,
  commandLine,
} from "../nodes/besuOptions.js";
import { composeYaml } from "../nodes/compose.js";
import { NETWORK_FILES, asJson, nodeFolder, readIfThere } from "../nodes/folders.js";
import type { Runner } from "./besu.js";
import {
  type Daemon,
  findDaemons,
  isRunning,
  killDaemon,
  lastLines,
  requireFreePort,
  startDaemon,
  stopDaemon,
} from "./processes.js";
import type { AskedNode } from "./status.js";

/** A node of a network on this machine. */
export interface LocalNode extends AskedNode {
  /** Id of its cloud. */
  readonly cloud: number;
  readonly host: string;
  readonly p2pPort: number;
  readonly wsPort: number;
  /** Process id while it runs as a process; Docker keeps its own. */
  readonly pid?: number;
}

/** What is known of a network on this machine: `network.json` in its folder. */
export interface LocalNetwork {
  readonly runner: Runner;
  readonly settings: NodeSettings;
  readonly nodes: readonly LocalNode[];
}

const STATE = "network.json";

/** How long a node may take to end by itself before it is killed. */
const STOP_GRACE_MS = 30_000;
const POLL_MS = 250;
const LOG_LINES = 5;

/** The network of a folder; undefined if there is none. */
export async function loadNetwork(dir: string): Promise<LocalNetwork | undefined> {
  const text = await readIfThere(join(dir, STATE));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as LocalNetwork;
  } catch (cause) {
    throw new NetworkError(
      "BAD_STATE",
      `${join(dir, STATE)} cannot be read; npm run network:down -- --purge removes it`,
      {
        cause,
      },
    );
  }
}

/**
 * The network of a folder.
 * @throws NetworkError `NO_NETWORK`.
 */
export async function requireNetwork(dir: string): Promise<LocalNetwork> {
  const found = await loadNetwork(dir);
  if (!found) throw new NetworkError("NO_NETWORK", `no network in ${dir}: npm run network:up makes one`);
  return found;
}

/** Keeps what is known of a network. */
export async function saveNetwork(dir: string, network: LocalNetwork): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, STATE), asJson(network));
}

/** The node of a label. */
export function nodeOf(network: LocalNetwork, label: string): LocalNode {
  const found = network.nodes.find((node) => node.label === label);
  if (!found) {
    const known = network.nodes.map((node) => node.label).join(", ");
    throw new NetworkError("BAD_ARGUMENT", `--node: ${label} is no node of this network (${known})`);
  }
  return found;
}

/** Speaks with a node. */
export function rpcOf({ rpcPort }: Pick<LocalNode, "rpcPort">, timeoutMs?: number): NodeRpc {
  return nodeRpc(`http://127.0.0.1:${rpcPort}`, timeoutMs);
}

/** The address book of a network's folder. */
export async function addressBookOf(dir: string): Promise<AddressBook> {
  const text = await readIfThere(join(dir, NETWORK_FILES.addressBook));
  if (text === undefined) throw new NetworkError("NO_NETWORK", `no address book in ${dir}`);
  return parseAddressBook(JSON.parse(text));
}

function placeOf(dir: string, node: LocalNode): NodePlace {
  const { host, p2pPort, rpcPort, wsPort } = node;
  return { folder: resolve(nodeFolder(dir, node.label)), host, p2pPort, rpcPort, wsPort };
}

/** The node's folder is in its command line, and in nobody else's. */
function markerOf(dir: string, node: LocalNode): string {
  return `--data-path=${join(resolve(nodeFolder(dir, node.label)), NODE_FILES.data)} `;
}

function daemonOf(dir: string, node: LocalNode): Daemon | undefined {
  return node.pid === undefined ? undefined : { pid: node.pid, marker: markerOf(dir, node) };
}

/** Labels of the nodes that run now. */
export function runningNodes(dir: string, network: LocalNetwork): ReadonlySet<string> {
  if (network.runner.kind === "docker") {
    const { stdout } = compose(dir, network.runner.program, ["ps", "--services", "--status", "running"]);
    return new Set(stdout.split("\n").filter((line) => line !== ""));
  }
  return new Set(
    network.nodes
      .filter((node) => {
        const daemon = daemonOf(dir, node);
        return daemon !== undefined && isRunning(daemon);
      })
      .map(({ label }) => label),
  );
}

/**
 * Starts nodes, all at once: whoever waits for the others alone runs up its back-off. If one cannot be started, those
 * that were are stopped again.
 */
export async function startNodes(dir: string, network: LocalNetwork, labels: readonly string[]): Promise<LocalNetwork> {
  const wanted = network.nodes.filter(({ label }) => labels.includes(label));
  for (const node of wanted) {
    for (const [what, port] of [
      ["JSON-RPC", node.rpcPort],
      ["WebSocket", node.wsPort],
      ["peers", node.p2pPort],
    ] as const) {
      await requireFreePort(port, `${what} of ${node.label}`);
    }
  }
  if (network.runner.kind === "docker") {
    compose(dir, network.runner.program, ["up", "--detach", ...labels]);
    return network;
  }
  let started = network;
  try {
    for (const node of wanted) {
      const { pid } = await startProcess(dir, node, network.settings, network.runner.program);
      started = {
        ...started,
        nodes: started.nodes.map((other) => (other.label === node.label ? { ...other, pid } : other)),
      };
      // At once: an interruption must not leave a process that nobody knows.
      await saveNetwork(dir, started);
    }
  } catch (thrown) {
    await stopNodes(dir, started, labels);
    throw thrown;
  }
  return started;
}

async function startProcess(dir: string, node: LocalNode, settings: NodeSettings, program: string): Promise<Daemon> {
  const place = placeOf(dir, node);
  return startDaemon(program, commandLine(besuOptions(place, settings)), {
    cwd: place.folder,
    log: join(place.folder, NODE_FILES.log),
    marker: markerOf(dir, node),
    env: { ...process.env, BESU_OPTS: process.env.BESU_OPTS ?? LOCAL_JAVA_OPTIONS, MALLOC_ARENA_MAX: "2" },
  });
}

/** Stops nodes and waits until they have ended. */
export async function stopNodes(dir: string, network: LocalNetwork, labels: readonly string[]): Promise<LocalNetwork> {
  return endNodes(dir, network, labels, (daemon) => stopDaemon(daemon, STOP_GRACE_MS), "stop");
}

/** Kills nodes, as a power failure would. */
export async function killNodes(dir: string, network: LocalNetwork, labels: readonly string[]): Promise<LocalNetwork> {
  return endNodes(dir, network, labels, killDaemon, "kill");
}

async function endNodes(
  dir: string,
  network: LocalNetwork,
  labels: readonly string[],
  end: (daemon: Daemon) => Promise<void>,
  verb: "stop" | "kill",
): Promise<LocalNetwork> {
  if (network.runner.kind === "docker") {
    compose(dir, network.runner.program, [verb, ...labels]);
    return network;
  }
  const daemons = network.nodes
    .filter(({ label }) => labels.includes(label))
    .map((node) => daemonOf(dir, node))
    .filter((daemon) => daemon !== undefined);
  await Promise.all(daemons.map(end));
  const ended = {
    ...network,
    nodes: network.nodes.map((node) => {
      if (!labels.includes(node.label)) return node;
      const { label, rpcPort, validator, cloud, host, p2pPort, wsPort } = node;
      return { label, rpcPort, validator, cloud, host, p2pPort, wsPort };
    }),
  };
  await saveNetwork(dir, ended);
  return ended;
}

/**
 * Stops a network for good or for now, with what a command that was killed may have left. With `isPurged` its folder goes
 * too, keys and chain included; then the state need not be readable.
 */
export async function takeDown(dir: string, isPurged: boolean): Promise<void> {
  const network = await loadNetwork(dir).catch((thrown: unknown) => {
    if (isPurged && thrown instanceof NetworkError && thrown.code === "BAD_STATE") return undefined;
    throw thrown;
  });
  if (network) {
    await stopNodes(
      dir,
      network,
      network.nodes.map(({ label }) => label),
    );
    if (network.runner.kind === "docker") compose(dir, network.runner.program, ["down"]);
  }
  const left = findDaemons(`--data-path=${join(resolve(dir), NETWORK_FILES.nodes)}/`);
  await Promise.all(left.map((daemon) => stopDaemon(daemon, STOP_GRACE_MS)));
  if (isPurged) await purge(dir);
}

/** Names of what the network tools put into a folder. */
const OURS: readonly string[] = [STATE, "keys.json", ...Object.values(NETWORK_FILES)];

/** Removes what is ours, and the folder if nothing else is in it: `--dir` may have been a slip. */
async function purge(dir: string): Promise<void> {
  for (const name of OURS) await rm(join(dir, name), { recursive: true, force: true });
  const left = await readdir(dir).catch(() => undefined);
  if (left?.length === 0) await rm(dir, { recursive: true });
}

function compose(dir: string, program: string, args: readonly string[]): { readonly stdout: string } {
  const user = `${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}`;
  const { status, stdout, stderr } = spawnSync(
    program,
    ["compose", "--project-directory", resolve(dir), "--file", join(resolve(dir), NETWORK_FILES.compose), ...args],
    { encoding: "utf8", env: { ...process.env, BESU_USER: process.env.BESU_USER ?? user } },
  );
  if (status !== 0) {
    throw new NetworkError(
      "NODE_DIED",
      `docker compose ${args.join(" ")} fails: ${stderr.trim().split("\n").at(-1) ?? ""}`,
    );
  }
  return { stdout };
}

/** Writes the Compose file anew, when a node came or went. */
export async function writeCompose(dir: string, network: LocalNetwork): Promise<void> {
  const labels = network.nodes.map(({ label }) => label);
  const places = network.nodes.map((node) => placeOf(dir, node));
  await writeFile(join(dir, NETWORK_FILES.compose), composeYaml(labels, places, network.settings));
}

/** What a network must have reached to be ready. */
export interface Readiness {
  /** Peers of every node. */
  readonly peers: number;
  /** Height of every node. */
  readonly height: number;
  readonly timeoutMs: number;
}

/**
 * Waits until every node serves this chain, has its peers and has reached a height. Asks again and again, and gives up at
 * once when a node's process ends.
 * @throws NetworkError `NODE_DIED` with the last lines of its log, `NOT_READY` with who lacks what, `NOT_THIS_CHAIN`.
 */
export async function waitUntilReady(
  dir: string,
  network: LocalNetwork,
  labels: readonly string[],
  readiness: Readiness,
  signal?: AbortSignal,
): Promise<void> {
  const book = await addressBookOf(dir);
  const deadline = Date.now() + readiness.timeoutMs;
  const nodes = network.nodes.filter(({ label }) => labels.includes(label));
  for (;;) {
    const lacks = (await Promise.all(nodes.map((node) => lacking(node, book, readiness)))).flat();
    if (lacks.length === 0) return;
    const running = runningNodes(dir, network);
    for (const { label } of nodes) {
      if (running.has(label)) continue;
      const log = lastLines(join(nodeFolder(dir, label), NODE_FILES.log), LOG_LINES);
      throw new NetworkError("NODE_DIED", `${label} has ended; its log ends with:\n${log}`);
    }
    if (signal?.aborted) throw new NetworkError("NOT_READY", "interrupted");
    if (Date.now() > deadline) throw new NetworkError("NOT_READY", `not ready in time: ${lacks.join(", ")}`);
    await sleep(POLL_MS);
  }
}

async function lacking(node: LocalNode, book: AddressBook, wanted: Readiness): Promise<string[]> {
  const rpc = rpcOf(node, 2_000);
  try {
    const [zero, peers, height] = await Promise.all([
      rpc.send<{ readonly hash: string } | null>("eth_getBlockByNumber", "0x0", false),
      rpc.send<string>("net_peerCount").then(Number),
      rpc.send<string>("eth_blockNumber").then(Number),
    ]);
    if (zero && zero.hash.toLowerCase() !== book.genesisHash) {
      throw new NetworkError("NOT_THIS_CHAIN", `${node.label} serves the chain ${zero.hash}, not ${book.genesisHash}`);
    }
    return [
      ...(peers < wanted.peers ? [`${node.label} has ${peers} of ${wanted.peers} peers`] : []),
      ...(height < wanted.height ? [`${node.label} is at block ${height} of ${wanted.height}`] : []),
    ];
  } catch (thrown) {
    if (thrown instanceof NetworkError) throw thrown;
    return [`${node.label} does not answer`];
  }
}
