import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { type LocalKeys, draftLocal } from "../founding/draft.js";
import { type CompleteFounders, type Founders, parseFounders, validatorOf } from "../founding/founders.js";
import { makeGenesis } from "../genesis/federation.js";
import { NetworkError } from "../networkError.js";
import {
  NETWORK_FILES,
  asJson,
  generateKeys,
  placesOf,
  readIfThere,
  requireFolderFor,
  writeNetwork,
  writeSecret,
} from "../nodes/folders.js";
import { type Runner, findRunner } from "./besu.js";
import {
  type LocalNetwork,
  loadNetwork,
  runningNodes,
  saveNetwork,
  startNodes,
  stopNodes,
  waitUntilReady,
  writeCompose,
} from "./network.js";
import { quorumOf } from "./turns.js";

/** File with the private keys of a local network's clouds. */
export const KEYS_FILE = "keys.json";

/** How a network is brought up. */
export interface UpOptions {
  /** How many clouds found it, if no founding document is given. */
  readonly count: number;
  /** Text of a founding document whose nodes are all on this machine. */
  readonly founders?: string;
  readonly hasAllowLists: boolean;
  readonly rpcPort: number;
  readonly wsPort: number;
  readonly p2pPort: number;
  readonly timeoutMs: number;
}

/** Tells an operator what happens. */
export type Tell = (line: string) => void;

/**
 * Brings a network up: finds the one that runs, starts what has ended, or makes a new one. When it returns, every node has
 * its peers and the chain makes blocks. When it fails, none of the processes that it started is left.
 * @throws NetworkError `NO_BESU`, `PORT_TAKEN`, `NODE_DIED`, `NOT_READY`, `BAD_FOUNDERS`, `DEPLOYMENT`.
 */
export async function bringUp(dir: string, options: UpOptions, tell: Tell): Promise<LocalNetwork> {
  const found = await loadNetwork(dir);
  return found ? continueNetwork(dir, found, options.timeoutMs, tell) : newNetwork(dir, options, tell);
}

const labelsOf = (network: LocalNetwork): string[] => network.nodes.map(({ label }) => label);

async function continueNetwork(
  dir: string,
  network: LocalNetwork,
  timeoutMs: number,
  tell: Tell,
): Promise<LocalNetwork> {
  const running = runningNodes(dir, network);
  const labels = labelsOf(network);
  const ended = labels.filter((label) => !running.has(label));
  if (ended.length === 0) {
    tell(`the network in ${dir} is up already: ${labels.join(", ")}`);
    return network;
  }
  if (running.size > 0 && running.size < quorumOf(labels.length)) {
    tell(`${ended.join(", ")} had ended, more than a third: all are started together, or their rounds back off`);
    return restartAll(dir, network, timeoutMs);
  }
  tell(`starting ${ended.join(", ")}`);
  return startAndWait(dir, network, ended, timeoutMs);
}

/** Stops every node, starts all of them at once, and waits until the chain makes blocks. */
export async function restartAll(dir: string, network: LocalNetwork, timeoutMs: number): Promise<LocalNetwork> {
  const labels = labelsOf(network);
  const stopped = await stopNodes(dir, network, labels);
  return startAndWait(dir, stopped, labels, timeoutMs);
}

async function newNetwork(dir: string, options: UpOptions, tell: Tell): Promise<LocalNetwork> {
  const runner = findRunner();
  tell(runner.kind === "besu" ? `Besu ${runner.version}: ${runner.program}` : `Docker: ${runner.program}`);
  const { founders, keys } = readOrDraft(options);
  await mkdir(dir, { recursive: true });
  const complete = await completeFounders(dir, founders, keys);
  const bundle = await makeGenesis(complete);
  const ports = { rpc: options.rpcPort, ws: options.wsPort };
  await writeNetwork(dir, complete, bundle, options.hasAllowLists, ports);
  const { chainId, genesisHash } = bundle.fingerprint;
  tell(`chain ${chainId}, block 0 ${genesisHash}, ${complete.clouds.length} founders`);
  const network = networkOf(complete, runner, { ...bundle.settings, hasAllowLists: options.hasAllowLists }, ports);
  await saveNetwork(dir, network);
  if (runner.kind === "docker") await writeCompose(dir, network);
  tell(`starting ${labelsOf(network).join(", ")}`);
  return startAndWait(dir, network, labelsOf(network), options.timeoutMs);
}

function readOrDraft({ founders, count, p2pPort }: UpOptions): { founders: Founders; keys: LocalKeys | undefined } {
  if (founders === undefined) return draftLocal(count, p2pPort);
  const parsed = parseFounders(founders);
  parsed.clouds.forEach(({ node: { host } }, i) => {
    if (!host.startsWith("127.")) {
      throw new NetworkError("BAD_FOUNDERS", `/clouds/${i}/node/host: ${host} is not this machine`);
    }
  });
  return { founders: parsed, keys: undefined };
}

/** A folder that was made before, and whose start failed, is used again: its keys are its chain. */
async function completeFounders(
  dir: string,
  founders: Founders,
  keys: LocalKeys | undefined,
): Promise<CompleteFounders> {
  const before = await readIfThere(join(dir, NETWORK_FILES.founders));
  if (keys !== undefined && before !== undefined) return generateKeys(parseFounders(before), dir);
  const complete = await generateKeys(founders, dir);
  await requireFolderFor(complete, dir);
  if (keys !== undefined) await writeSecret(join(dir, KEYS_FILE), asJson(keys));
  return complete;
}

function networkOf(
  founders: CompleteFounders,
  runner: Runner,
  settings: LocalNetwork["settings"],
  ports: { readonly rpc: number; readonly ws: number },
): LocalNetwork {
  const places = placesOf(founders, ports);
  return {
    runner,
    settings,
    nodes: founders.clouds.map(({ label, node }, i) => ({
      label,
      cloud: i + 1,
      validator: validatorOf(node.publicKey),
      host: node.host,
      p2pPort: node.p2pPort,
      rpcPort: places[i]?.rpcPort ?? ports.rpc + i,
      wsPort: places[i]?.wsPort ?? ports.ws + i,
    })),
  };
}

/** Starts nodes and waits for the chain; stops them again if it does not come, or if this program is interrupted. */
export async function startAndWait(
  dir: string,
  network: LocalNetwork,
  labels: readonly string[],
  timeoutMs: number,
): Promise<LocalNetwork> {
  let started = network;
  const interrupted = new AbortController();
  const onSignal = (): void => {
    interrupted.abort();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    started = await startNodes(dir, network, labels);
    const readiness = { peers: network.nodes.length - 1, height: 1, timeoutMs };
    await waitUntilReady(dir, started, labelsOf(started), readiness, interrupted.signal);
    return started;
  } catch (thrown) {
    await stopNodes(dir, started, labels);
    throw thrown;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}
