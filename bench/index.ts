/**
 * How fast the event index is rebuilt, beside ethers' `parseLog` on the same logs in the same run.
 *
 *     tsx bench/index.ts             writes bench/results/index.json
 *     --events N                     how many events (300,000)
 *     --json FILE                    writes there instead
 *
 * The logs are those of a federation in use: VMs registered, recorded abroad and moved, as a node gives them, in JSON.
 * What is timed is all that a rebuild does but the network: parsing the JSON, decoding, writing three tables to a file.
 * ethers is timed on `parseLog` alone, without the parsing of JSON and without a database.
 */
import { mkdtempSync, rmSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { ZeroHash, hexlify, toBeHex } from "ethers";

import { type AddressBook, CONTRACT_NAMES } from "../src/chain/addressBook.js";
import { DocumentKind } from "../src/chain/enums.js";
import { type RpcProvider, connectFederation } from "../src/chain/federation.js";
import { buildResources, packResources } from "../src/documents/build.js";
import { CONTRACT_INTERFACES, type RawLog } from "../src/event-index/abi.js";
import { EventIndex } from "../src/event-index/eventIndex.js";

const LEDGER = CONTRACT_INTERFACES.MigrationLedger;
const CHAIN_ID = "1337";
const CLOUDS = 16;
const EVENTS_PER_BLOCK = 150;
const BLOCKS_PER_CHUNK = 100;
/** ethers is slow enough for a part of the logs to tell its speed. */
const ETHERS_SHARE = 10;

const addressOf = (index: number): string => `0x${(0xbb00 + index).toString(16).padStart(40, "0")}`;

const addressBook: AddressBook = {
  chainId: CHAIN_ID,
  genesisHash: ZeroHash,
  contracts: Object.fromEntries(
    CONTRACT_NAMES.map((name, index) => [name, addressOf(index)]),
  ) as unknown as AddressBook["contracts"],
};

/** Numbers that are the same in every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = numbers(1);
const below = (limit: number): number => Math.floor(random() * limit);
const hash = (): string => hexlify(Uint8Array.from({ length: 32 }, () => below(256)));

const RESOURCES = packResources(buildResources({ vcpuMilli: 2_000, memoryMiB: 4_096, storageGiB: 40 }));

interface Vm {
  readonly id: string;
  readonly home: number;
  host: number;
  sequence: number;
}

type Emit = (name: string, values: readonly unknown[]) => void;

function beginStay(emit: Emit, vm: Vm, host: number, agreement: number, time: number): void {
  const previousEnd = vm.sequence === 0 ? 0 : time - 10;
  vm.sequence += 1;
  vm.host = host;
  emit("StayBegan", [vm.id, vm.sequence, host, 1, agreement, time, previousEnd, RESOURCES, hash()]);
}

/** The events of one act: a VM registered, recorded at another cloud, or moved there, half of it each. */
function act(emit: Emit, vms: Vm[], number: number, time: number): void {
  const kind = random();
  if (vms.length < 10 || kind < 0.1) {
    const home = 1 + below(CLOUDS);
    const vm: Vm = { id: hash(), home, host: home, sequence: 0 };
    vms.push(vm);
    emit("VmRegistered", [vm.id, home, hash()]);
    beginStay(emit, vm, home, 0, time);
    return;
  }
  const vm = vms[below(vms.length)];
  if (!vm) return;
  const [source, destination] = [vm.host, 1 + ((vm.host + below(CLOUDS - 1)) % CLOUDS)];
  if (kind < 0.55) {
    emit("DocumentAccepted", [number, hash(), hash(), DocumentKind.Record, 604_800]);
    beginStay(emit, vm, destination, number, time);
    return;
  }
  const parties = BigInt(vm.home) | (BigInt(source) << 32n) | (BigInt(destination) << 64n) | (1n << 96n);
  const deadlines = BigInt(time) | (BigInt(time + 1) << 64n) | (BigInt(time + 2) << 128n);
  const lines = [[vm.id, vm.sequence, 0n, RESOURCES]];
  emit("MoveAgreed", [number, hash(), hash(), [parties, 300_000n, deadlines, hash(), hash(), ZeroHash, hash(), lines]]);
  emit("MoveStarted", [number]);
  emit("MoveCompleted", [number, hash()]);
  beginStay(emit, vm, destination, number, time);
}

/** Logs in blocks, the blocks in chunks, each chunk as the JSON of an answer. */
function chunksOf(count: number): string[] {
  const vms: Vm[] = [];
  const logs: RawLog[] = [];
  let made = 0;
  const emit: Emit = (name, values) => {
    const event = LEDGER.getEvent(name);
    if (!event) throw new Error(`no event ${name}`);
    const block = 1 + Math.floor(made / EVENTS_PER_BLOCK);
    logs.push({
      address: addressBook.contracts.MigrationLedger,
      ...LEDGER.encodeEventLog(event, [...values]),
      blockNumber: `0x${block.toString(16)}`,
      blockHash: toBeHex(block, 32),
      logIndex: `0x${(made % EVENTS_PER_BLOCK).toString(16)}`,
      transactionHash: hash(),
    });
    made += 1;
  };
  for (let number = 1; made < count; number += 1) act(emit, vms, number, 1_760_000_000_000 + number);
  const size = EVENTS_PER_BLOCK * BLOCKS_PER_CHUNK;
  return Array.from({ length: Math.ceil(logs.length / size) }, (_, index) =>
    JSON.stringify(logs.slice(index * size, (index + 1) * size)),
  );
}

/** A node that only says which chain it is. */
const provider = {
  send: (method: string) =>
    Promise.resolve(method === "eth_chainId" ? `0x${Number(CHAIN_ID).toString(16)}` : { hash: ZeroHash }),
} as unknown as RpcProvider;

function parse(chunk: string): RawLog[] {
  return JSON.parse(chunk) as RawLog[];
}

/** Time that went by, and time of the processor: they differ on a machine that is busy with other things. */
interface Spent {
  seconds: number;
  cpuSeconds: number;
}

const NOTHING = (): Spent => ({ seconds: 0, cpuSeconds: 0 });

function spend<T>(spent: Spent, work: () => T): T {
  const [begin, cpu] = [performance.now(), process.cpuUsage()];
  const result = work();
  const { user, system } = process.cpuUsage(cpu);
  spent.seconds += (performance.now() - begin) / 1000;
  spent.cpuSeconds += (user + system) / 1e6;
  return result;
}

function parseWithEthers(logs: readonly RawLog[]): number {
  let parsed = 0;
  for (const { topics, data } of logs) if (LEDGER.parseLog({ topics: [...topics], data })) parsed += 1;
  return parsed;
}

interface Timed {
  readonly events: number;
  readonly spent: Spent;
}

/** Rebuilds from chunks, with ethers in turn, so that whatever else the machine does falls on both alike. */
async function time(
  chunks: readonly string[],
  file: string,
): Promise<{ readonly index: Timed; readonly ethers: Timed }> {
  const index = await EventIndex.open(connectFederation(provider, addressBook), { file });
  try {
    const [own, others] = [NOTHING(), NOTHING()];
    let parsed = 0;
    for (const [position, chunk] of chunks.entries()) {
      const number = (position + 1) * BLOCKS_PER_CHUNK;
      spend(own, () => {
        index.apply(parse(chunk), { number, hash: toBeHex(number, 32), timeMs: 0 });
      });
      const some = parse(chunk).filter((_, at) => at % ETHERS_SHARE === 0);
      parsed += spend(others, () => parseWithEthers(some));
    }
    spend(own, () => {
      index.finishRebuild();
    });
    const events = Number(index.database.prepare("SELECT count(*) AS count FROM events").get()?.count);
    return { index: { events, spent: own }, ethers: { events: parsed, spent: others } };
  } finally {
    await index.close();
  }
}

const rateOf = ({ events, spent }: Timed) => ({
  eventsPerSecond: Math.round(events / spent.seconds),
  eventsPerCpuSecond: Math.round(events / spent.cpuSeconds),
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      events: { type: "string", default: "300000" },
      json: { type: "string", default: "bench/results/index.json" },
    },
  });
  const chunks = chunksOf(Number(values.events));
  const folder = mkdtempSync(join(tmpdir(), "bench-index-"));
  try {
    // Once before, so that both are timed with compiled code.
    await time(chunks.slice(0, 2), join(folder, "warm.sqlite"));
    const { index, ethers } = await time(chunks, join(folder, "index.sqlite"));
    const [own, others] = [rateOf(index), rateOf(ethers)];
    const result = {
      machine: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, Node.js ${process.version}`,
      events: index.events,
      rebuild: own,
      ethersParseLog: others,
      ratio: Number((own.eventsPerSecond / others.eventsPerSecond).toFixed(1)),
    };
    mkdirSync(dirname(values.json), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
    const line = (name: string, { eventsPerSecond, eventsPerCpuSecond }: typeof own) =>
      `${name.padEnd(10)} ${eventsPerSecond.toLocaleString("en")} events/s, ${eventsPerCpuSecond.toLocaleString("en")} a second of the processor`;
    console.log(line("rebuild", own));
    console.log(`${line("parseLog", others)} (ethers, decoding alone)`);
    console.log(`ratio      ${result.ratio}`);
    if (own.eventsPerSecond < 50_000 || result.ratio < 10) {
      console.error("bounds: 50,000 events/s, 10 times parseLog");
      process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main();
