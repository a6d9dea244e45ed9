/** Commands around a Besu network: see docs/network.md. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { hexlify, isHexString, randomBytes } from "ethers";

import { nodeRpc } from "../src/allowlists/nodeRpc.js";
import { parseFounders, requireComplete, validatorOf } from "../network/founding/founders.js";
import { makeGenesis } from "../network/genesis/federation.js";
import type { GenesisFile } from "../network/genesis/genesis.js";
import { verifyGenesis } from "../network/genesis/verify.js";
import { addNode, removeNode } from "../network/local/join.js";
import { nodeOf, requireNetwork, takeDown } from "../network/local/network.js";
import { askOnTerminal, restartNode } from "../network/local/restart.js";
import { networkStatus, statusLines } from "../network/local/status.js";
import { bringUp, restartAll } from "../network/local/up.js";
import { NetworkError } from "../network/networkError.js";
import {
  NETWORK_FILES,
  generateKeys,
  publicKeyOf,
  readIfThere,
  writeNetwork,
  writeSecret,
} from "../network/nodes/folders.js";

const USAGE = `npm run network:key -- --out FILE                      makes a node's key, or reads it, and prints its public part
npm run network:genesis -- --founders FILE --out DIR   writes the genesis file of a founding document, and a folder for each node
  --generate-keys      makes the keys of nodes whose public key the document does not name, into their folders
  --no-allow-lists     without lists of permitted nodes and accounts
npm run network:verify -- --dir DIR [--rpc URL]        compares a running chain's block 0 with DIR, and DIR with its founding document
npm run network:up                                     starts a network on this machine, or finds the one that runs
  --founders FILE      ... of this founding document (a fresh one for --nodes 4 clouds)
  --allow-lists        ... whose nodes refuse nodes and senders that are not on their lists
  --rpc-port 8545, --ws-port 8645, --p2p-port 30303    first ports; each further node takes the next ones
npm run network:down [-- --purge]                      stops it; with --purge its keys and its chain go too
npm run network:status                                 height, validators, peers, rounds, missed turns, who is behind
npm run network:add-node [-- --node LABEL]             a further cloud, from its admission by vote to its first block
npm run network:remove-node -- --node LABEL            a validator gives up its seat and stops
npm run network:restart -- --node LABEL | --all        restarts one node, or all of them together
  --dir DIR            the network's folder (.federation)
  --timeout SECONDS    how long to wait for a chain (180)`;

type Values = ReturnType<typeof readValues>["values"];

function readValues() {
  return parseArgs({
    allowPositionals: true,
    options: {
      founders: { type: "string" },
      out: { type: "string" },
      dir: { type: "string", default: ".federation" },
      rpc: { type: "string", default: "http://127.0.0.1:8545" },
      node: { type: "string" },
      nodes: { type: "string", default: "4" },
      "generate-keys": { type: "boolean", default: false },
      "allow-lists": { type: "boolean", default: false },
      "no-allow-lists": { type: "boolean", default: false },
      "rpc-port": { type: "string", default: "8545" },
      "ws-port": { type: "string", default: "8645" },
      "p2p-port": { type: "string", default: "30303" },
      timeout: { type: "string", default: "180" },
      all: { type: "boolean", default: false },
      purge: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

function number(flag: string, text: string, most: number): number {
  if (!/^[0-9]+$/.test(text) || Number(text) < 1 || Number(text) > most) {
    throw new NetworkError("BAD_ARGUMENT", `--${flag}: ${text} is no whole number from 1 to ${most}`);
  }
  return Number(text);
}

function required(flag: string, value: string | undefined): string {
  if (value === undefined) throw new NetworkError("BAD_ARGUMENT", `--${flag} is missing; --help shows what there is`);
  return value;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new NetworkError("BAD_ARGUMENT", `${path} cannot be read`, { cause });
  }
}

/** The longest that can be waited for. */
const LONGEST_S = 86_400;

function timeoutOf(values: Values): number {
  return number("timeout", values.timeout, LONGEST_S) * 1_000;
}

async function key(values: Values): Promise<void> {
  const path = required("out", values.out);
  let nodeKey = (await readIfThere(path))?.trim();
  if (nodeKey === undefined) {
    nodeKey = hexlify(randomBytes(32));
    await writeSecret(path, `${nodeKey}\n`);
  }
  if (!isHexString(nodeKey, 32)) throw new NetworkError("BAD_ARGUMENT", `${path} holds no key: 0x and 64 digits`);
  const publicKey = publicKeyOf(nodeKey);
  tell(`publicKey ${publicKey}`);
  tell(`validator ${validatorOf(publicKey)}`);
}

async function genesis(values: Values): Promise<void> {
  const path = required("founders", values.founders);
  const out = required("out", values.out);
  const founders = parseFounders(await read(path));
  const complete = values["generate-keys"] ? await generateKeys(founders, out) : requireComplete(founders);
  const bundle = await makeGenesis(complete);
  await writeNetwork(out, complete, bundle, !values["no-allow-lists"]);
  const { fingerprint } = bundle;
  tell(`${out}: genesis.json, address-book.json, and a folder for each of ${complete.clouds.length} nodes`);
  if (complete.clouds.length < 4)
    tell("! fewer than four validators: the chain stops, or lies, when one of them fails");
  for (const [name, value] of Object.entries(fingerprint)) tell(`${name.padEnd(13)} ${String(value)}`);
  tell("Each founder makes this from the same document, and compares these lines with the others' before it starts.");
}

async function verify(values: Values): Promise<number> {
  const text = await read(join(values.dir, NETWORK_FILES.genesis));
  const founders = requireComplete(parseFounders(await read(join(values.dir, NETWORK_FILES.founders))));
  const rebuilt = await makeGenesis(founders);
  if (rebuilt.genesisText !== text) {
    tell(`! ${join(values.dir, NETWORK_FILES.genesis)} is not what its founding document gives`);
    return 1;
  }
  tell("genesis.json is what its founding document gives, byte for byte");
  const validators = founders.clouds.map(({ node }) => validatorOf(node.publicKey));
  const differences = await verifyGenesis(nodeRpc(values.rpc), JSON.parse(text) as GenesisFile, validators);
  for (const { what, inFile, onChain } of differences)
    tell(`! ${what}: ${onChain} on the chain, ${inFile} in the file`);
  if (differences.length === 0) tell(`block 0 of ${values.rpc} is that of genesis.json: code, storage, validators`);
  return differences.length === 0 ? 0 : 1;
}

async function up(values: Values): Promise<void> {
  await bringUp(
    values.dir,
    {
      count: number("nodes", values.nodes, 16),
      ...(values.founders !== undefined && { founders: await read(values.founders) }),
      hasAllowLists: values["allow-lists"],
      rpcPort: number("rpc-port", values["rpc-port"], 65_535),
      wsPort: number("ws-port", values["ws-port"], 65_535),
      p2pPort: number("p2p-port", values["p2p-port"], 65_535),
      timeoutMs: timeoutOf(values),
    },
    tell,
  );
  await status(values);
}

async function status(values: Values): Promise<void> {
  const { nodes } = await requireNetwork(values.dir);
  const found = await networkStatus(nodes);
  for (const line of statusLines(found)) tell(line);
  for (const { label, rpcPort, wsPort } of nodes) {
    tell(
      `${label}: http://127.0.0.1:${rpcPort}, ws://127.0.0.1:${wsPort}, log ${join(values.dir, "nodes", label, "besu.log")}`,
    );
  }
}

async function restart(values: Values): Promise<void> {
  const timeoutMs = timeoutOf(values);
  if (values.all) {
    await restartAll(values.dir, await requireNetwork(values.dir), timeoutMs);
    tell("all nodes run again, and the chain makes blocks");
    return;
  }
  const label = required("node", values.node);
  nodeOf(await requireNetwork(values.dir), label);
  await restartNode(values.dir, label, timeoutMs, tell, askOnTerminal);
}

async function main(): Promise<number> {
  const { values, positionals } = readValues();
  const [command] = positionals;
  if (values.help || command === undefined) {
    tell(USAGE);
    return 0;
  }
  switch (command) {
    case "key":
      await key(values);
      return 0;
    case "genesis":
      await genesis(values);
      return 0;
    case "verify":
      return verify(values);
    case "up":
      await up(values);
      return 0;
    case "down":
      await takeDown(values.dir, values.purge);
      tell(values.purge ? "the network is gone" : "the network is down; npm run network:up goes on with it");
      return 0;
    case "status":
      await status(values);
      return 0;
    case "add-node":
      await addNode(values.dir, timeoutOf(values), tell, values.node);
      return 0;
    case "remove-node":
      await removeNode(values.dir, required("node", values.node), timeoutOf(values), tell);
      return 0;
    case "restart":
      await restart(values);
      return 0;
    default:
      throw new NetworkError("BAD_ARGUMENT", `${command} is no command; --help shows what there is`);
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
