import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { SigningKey, hexlify, randomBytes } from "ethers";

import { type CompleteFounders, type Founder, type Founders, enodeOf, foundingHash } from "../founding/founders.js";
import type { GenesisBundle } from "../genesis/federation.js";
import { NetworkError } from "../networkError.js";
import {
  NODE_FILES,
  type NodePlace,
  type NodeSettings,
  allowListsToml,
  besuOptions,
  commandLine,
  configToml,
} from "./besuOptions.js";
import { composeYaml } from "./compose.js";

/** First ports of a machine's nodes; each further node on the same machine takes the next ones. */
export const DEFAULT_PORTS = { rpc: 8545, ws: 8645 } as const;

/** Names of the files of a network's folder. */
export const NETWORK_FILES = {
  founders: "founders.json",
  genesis: "genesis.json",
  addressBook: "address-book.json",
  fingerprint: "fingerprint.json",
  compose: "compose.yaml",
  nodes: "nodes",
} as const;

/** Folder of a cloud's node inside a network's folder. */
export function nodeFolder(out: string, label: string): string {
  return join(out, NETWORK_FILES.nodes, label);
}

/** What a daemon beside a node reads: whose nodes are where, and which addresses may hold a role. */
export interface NodesFile {
  readonly nodes: readonly { readonly cloud: number; readonly enode: string }[];
  readonly roleHolders: readonly string[];
}

export function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Text of a file, undefined if it is not there. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}

/** Writes a file that only its owner may read. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600);
}

/** Public key of a node, 64 bytes, as a founding document has it. */
export function publicKeyOf(nodeKey: string): string {
  return `0x${new SigningKey(nodeKey).publicKey.slice(4)}`;
}

/**
 * Gives every founder's node a key: the one in its folder, or a fresh one that is put there. Nodes whose public key the
 * document names are left alone.
 */
export async function generateKeys(founders: Founders, out: string): Promise<CompleteFounders> {
  const clouds = [];
  for (const founder of founders.clouds) clouds.push(await withKey(founder, nodeFolder(out, founder.label)));
  return { ...founders, clouds };
}

async function withKey(founder: Founder, folder: string): Promise<CompleteFounders["clouds"][number]> {
  const { host, p2pPort, publicKey } = founder.node;
  if (publicKey !== undefined) return { ...founder, node: { publicKey, host, p2pPort } };
  const path = join(folder, NODE_FILES.key);
  let key = (await readIfThere(path))?.trim();
  if (key === undefined) {
    key = hexlify(randomBytes(32));
    await mkdir(folder, { recursive: true });
    await writeSecret(path, `${key}\n`);
  }
  return { ...founder, node: { publicKey: publicKeyOf(key), host, p2pPort } };
}

/**
 * Checks that a folder is free for a founding, or holds the same one.
 * @throws NetworkError `FOLDER_TAKEN`.
 */
export async function requireFolderFor(founders: CompleteFounders, out: string): Promise<void> {
  const before = await readIfThere(join(out, NETWORK_FILES.founders));
  if (before === undefined) return;
  const [there, wanted] = [foundingHash(JSON.parse(before) as Founders), foundingHash(founders)];
  if (there !== wanted) {
    throw new NetworkError("FOLDER_TAKEN", `${out} holds the federation founded as ${there}, not ${wanted}`);
  }
}

/** A key in a node's folder must be the one whose public part the document names, or the node would seal nothing. */
async function requireOwnKeys(founders: CompleteFounders, out: string): Promise<void> {
  for (const [i, { label, node }] of founders.clouds.entries()) {
    const path = join(nodeFolder(out, label), NODE_FILES.key);
    const key = (await readIfThere(path))?.trim();
    if (key !== undefined && publicKeyOf(key) !== node.publicKey) {
      throw new NetworkError("BAD_FOUNDERS", `/clouds/${i}/node/publicKey: is not that of ${path}`);
    }
  }
}

/** The places of the founders' nodes, files named relative to each node's folder. */
export function placesOf(founders: CompleteFounders, ports: { rpc: number; ws: number } = DEFAULT_PORTS): NodePlace[] {
  const onHost = new Map<string, number>();
  return founders.clouds.map(({ node: { host, p2pPort } }) => {
    const index = onHost.get(host) ?? 0;
    onHost.set(host, index + 1);
    return { folder: ".", host, p2pPort, rpcPort: ports.rpc + index, wsPort: ports.ws + index };
  });
}

/** Writes everything that the operators of a new federation need. The same arguments write the same bytes. */
export async function writeNetwork(
  out: string,
  founders: CompleteFounders,
  bundle: GenesisBundle,
  hasAllowLists: boolean,
  ports: { rpc: number; ws: number } = DEFAULT_PORTS,
): Promise<void> {
  await requireFolderFor(founders, out);
  await requireOwnKeys(founders, out);
  await mkdir(out, { recursive: true });
  const settings: NodeSettings = { ...bundle.settings, hasAllowLists };
  const places = placesOf(founders, ports);
  const enodes = founders.clouds.map(({ node }) => enodeOf(node));
  const nodes: NodesFile = {
    nodes: enodes.map((enode, i) => ({ cloud: i + 1, enode })),
    roleHolders: [founders.guardian, founders.attester],
  };
  const accounts = founders.clouds.flatMap(({ account, recovery }) => [account, recovery]);
  const shared = {
    [NODE_FILES.genesis]: bundle.genesisText,
    [NODE_FILES.addressBook]: asJson(bundle.addressBook),
  };
  // From the founding on these belong to the operator, the daemon and Besu: what is there stays.
  const first = {
    [NODE_FILES.staticNodes]: asJson(enodes),
    [NODE_FILES.nodes]: asJson(nodes),
    ...(hasAllowLists && {
      [NODE_FILES.allowLists]: allowListsToml(enodes, distinct([...accounts, founders.guardian, founders.attester])),
    }),
  };
  await writeAll(out, {
    [NETWORK_FILES.founders]: asJson(founders),
    [NETWORK_FILES.genesis]: bundle.genesisText,
    [NETWORK_FILES.addressBook]: asJson(bundle.addressBook),
    [NETWORK_FILES.fingerprint]: asJson(bundle.fingerprint),
    [NETWORK_FILES.compose]: composeYaml(
      founders.clouds.map(({ label }) => label),
      places,
      settings,
    ),
  });
  for (const [i, { label }] of founders.clouds.entries()) {
    const place = places[i];
    if (!place) continue;
    const options = besuOptions(place, settings);
    const folder = nodeFolder(out, label);
    await mkdir(folder, { recursive: true });
    await writeAll(folder, {
      ...shared,
      [NODE_FILES.config]: configToml(options),
      [NODE_FILES.start]: startScript(label, commandLine(options)),
    });
    for (const [name, text] of Object.entries(first)) {
      if ((await readIfThere(join(folder, name))) === undefined) await writeFile(join(folder, name), text);
    }
    await chmod(join(folder, NODE_FILES.start), 0o755);
  }
}

async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

function distinct(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map((address) => address.toLowerCase()))];
}

/** A shell script that starts one node in the foreground, for a service manager to look after. */
export function startScript(label: string, args: readonly string[]): string {
  const [profile = "", ...rest] = args;
  return `#!/bin/sh
# The node of ${label}. Besu 26.6.1 or newer, on Java 25.
cd "$(dirname "$0")" || exit 1
[ -f ${NODE_FILES.key} ] || { echo "${NODE_FILES.key} is missing: put the node's private key here" >&2; exit 1; }
export MALLOC_ARENA_MAX=2
exec "\${BESU_BIN:-besu}" ${profile} \\
${rest.map((arg) => `  '${arg}'`).join(" \\\n")}
`;
}
