#!/usr/bin/env node
/** The daemon beside a node: keeps the node's allow-lists as the chain wants them. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { MIRROR_DEFAULTS, type MirrorState, FIRST_STATE, mirrorOnce } from "../allowlists/mirror.js";
import { type NodeRpc, nodeRpc } from "../allowlists/nodeRpc.js";
import { type NodesFile, parseNodes } from "../allowlists/nodesFile.js";
import { NO_EVENTS } from "../allowlists/wanted.js";
import { type StateStore, WATCH_DEFAULTS, type WatchOptions, watchChain } from "../allowlists/watch.js";
import { type AddressBook, parseAddressBook } from "../chain/addressBook.js";
import { BusError } from "../errors/busError.js";

const USAGE = `npm run allowlists -- --rpc URL --folder DIR     mirrors the chain into the node's allow-lists until stopped
  --rpc URL          the node beside which this runs, with the APIs ETH, NET and PERM (http://127.0.0.1:8545)
  --folder DIR       the node's folder: address-book.json, nodes.json; allow-lists.state.json is written there (.)
  --addresses FILE   ... or another address book
  --nodes FILE       ... or another file of nodes
  --dry-run          shows the difference and writes nothing
  --once             compares once and ends; exit code 1 if that cannot be done
  --grace SECONDS    how long an entry must have been unwanted before it goes (${MIRROR_DEFAULTS.graceMs / 1_000})
  --removals N       how many entries go at once (${MIRROR_DEFAULTS.removalsAtOnce})
  --interval SECONDS how often the lists are compared when nothing happens (${WATCH_DEFAULTS.intervalMs / 1_000})
  --head-age SECONDS the oldest head that is believed (${MIRROR_DEFAULTS.headAgeMs / 1_000})`;

interface Options {
  readonly rpc: NodeRpc;
  readonly addresses: string;
  readonly nodes: string;
  readonly state: string;
  readonly isOnce: boolean;
  readonly watch: WatchOptions;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      rpc: { type: "string", default: "http://127.0.0.1:8545" },
      folder: { type: "string", default: "." },
      addresses: { type: "string" },
      nodes: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      once: { type: "boolean", default: false },
      grace: { type: "string" },
      removals: { type: "string" },
      interval: { type: "string" },
      "head-age": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    rpc: nodeRpc(values.rpc),
    addresses: values.addresses ?? join(values.folder, "address-book.json"),
    nodes: values.nodes ?? join(values.folder, "nodes.json"),
    state: join(values.folder, "allow-lists.state.json"),
    isOnce: values.once,
    watch: {
      graceMs: seconds("--grace", values.grace, MIRROR_DEFAULTS.graceMs),
      removalsAtOnce: number("--removals", values.removals, MIRROR_DEFAULTS.removalsAtOnce),
      headAgeMs: seconds("--head-age", values["head-age"], MIRROR_DEFAULTS.headAgeMs),
      intervalMs: seconds("--interval", values.interval, WATCH_DEFAULTS.intervalMs),
      pollMs: WATCH_DEFAULTS.pollMs,
      isDryRun: values["dry-run"],
    },
  };
}

function number(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[0-9]+$/.test(text)) throw new BusError("BAD_NODES", `${flag}: ${text} is no whole number`);
  return Number(text);
}

function seconds(flag: string, text: string | undefined, otherwiseMs: number): number {
  return text === undefined ? otherwiseMs : number(flag, text, 0) * 1_000;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new BusError("BAD_NODES", `${path} cannot be read`, { cause });
  }
}

async function readBook(path: string): Promise<AddressBook> {
  const text = await read(path);
  try {
    return parseAddressBook(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BusError("BAD_ADDRESS_BOOK", `${path}: ${reason}`, { cause });
  }
}

/**
 * Keeps the state in a file, for one chain. A file that cannot be read, or is another chain's, begins everything anew:
 * nothing goes early by that.
 */
function storeIn(path: string, genesisHash: string): StateStore {
  return {
    async load() {
      try {
        const json = JSON.parse(await readFile(path, "utf8")) as MirrorState & { readonly genesisHash: string };
        if (json.genesisHash !== genesisHash) return FIRST_STATE;
        return { events: { ...NO_EVENTS, ...json.events }, unwanted: { ...json.unwanted } };
      } catch {
        return FIRST_STATE;
      }
    },
    async save(state) {
      await writeFile(`${path}.new`, `${JSON.stringify({ genesisHash, ...state }, null, 2)}\n`);
      await rename(`${path}.new`, path);
    },
  };
}

function tell(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (!options) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const { rpc, watch } = options;
  const book = await readBook(options.addresses);
  const readNodes = async (): Promise<NodesFile> => parseNodes(await read(options.nodes));
  const nodes = await readNodes();
  const store = storeIn(options.state, book.genesisHash);
  if (options.isOnce) {
    const pass = await mirrorOnce(rpc, book, nodes, await store.load(), watch, tell);
    if (!watch.isDryRun) await store.save(pass.state);
    tell(`compared with block ${pass.wanted.block}${watch.isDryRun ? ", nothing written" : ""}`);
    return;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop.abort();
    });
  }
  await watchChain(rpc, book, readNodes, store, watch, tell, stop.signal);
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown)}\n`);
  process.exitCode = 1;
}
