import { type Interface, type Result, getAddress, toBeHex, toQuantity } from "ethers";

import type { AddressBook } from "../chain/addressBook.js";
import { CloudStatus, VmState } from "../chain/enums.js";
import { type LogFilter, type RawLog, readLogs } from "../chain/logs.js";
import { BusError } from "../errors/busError.js";
import { AccessManager__factory } from "../typechain/factories/@openzeppelin/contracts/access/manager/AccessManager__factory.js";
import { ChargingLedger__factory } from "../typechain/factories/contracts/charging/ChargingLedger__factory.js";
import { ValidatorSet__factory } from "../typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { MigrationLedger__factory } from "../typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { CloudRegistry__factory } from "../typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { parseEnode } from "./enode.js";
import type { NodeRpc } from "./nodeRpc.js";
import type { NodesFile } from "./nodesFile.js";

const REGISTRY = CloudRegistry__factory.createInterface();
const LEDGER = MigrationLedger__factory.createInterface();
const CHARGING = ChargingLedger__factory.createInterface();
const AUTHORITY = AccessManager__factory.createInterface();
const VALIDATORS = ValidatorSet__factory.createInterface();

/** What the chain says at one block. */
export interface Wanted {
  readonly block: number;
  /** Addresses of the validators. */
  readonly validators: ReadonlySet<string>;
  /** Enode URLs to let in, canonical. */
  readonly nodes: ReadonlySet<string>;
  /** Addresses to let in, with checksum. */
  readonly accounts: ReadonlySet<string>;
  /** Validators of which the file of nodes does not know where they are. */
  readonly unplaced: readonly string[];
}

/** VMs that a cloud has registered or adopted and that have not ended, and the last block that was looked at for more. */
export interface Home {
  readonly block: number;
  readonly vms: readonly string[];
}

/** Balances of a cloud that are not zero, and the last block that was looked at for more. */
export interface Balances {
  readonly block: number;
  /** As `creditor/debtor/currency`, the currency as the contract has it. */
  readonly pairs: readonly string[];
}

/** What was found in events so far: only the events of new blocks are asked for. Plain JSON. */
export interface EventMemory {
  /** The last block whose events are in. */
  readonly block: number;
  /** Addresses that were bound as agents at any time. */
  readonly agents: readonly string[];
  /** Account and role, as `account/role`, that were granted at any time. */
  readonly grants: readonly string[];
  /** By the ids of clouds that are no members any more. */
  readonly homes: Readonly<Record<string, Home>>;
  /** By the ids of clouds that are no members any more. */
  readonly balances: Readonly<Record<string, Balances>>;
}

/** Nothing is known yet. */
export const NO_EVENTS: EventMemory = { block: -1, agents: [], grants: [], homes: {}, balances: {} };

/** Questions to a federation's contracts at one block. */
interface Reader {
  readonly block: string;
  call(contract: keyof AddressBook["contracts"], abi: Interface, name: string, ...args: unknown[]): Promise<Result>;
}

function readerAt(rpc: NodeRpc, book: AddressBook, number: number): Reader {
  const block = toQuantity(number);
  return {
    block,
    async call(contract, abi, name, ...args) {
      const to = book.contracts[contract];
      const answer = await rpc.send<string>("eth_call", { to, data: abi.encodeFunctionData(name, args) }, block);
      try {
        return abi.decodeFunctionResult(name, answer);
      } catch (cause) {
        throw new BusError("BAD_ANSWER", `${contract} at ${to} does not answer ${name}`, { cause });
      }
    },
  };
}

function logsOf(
  rpc: NodeRpc,
  address: string,
  topics: LogFilter["topics"] & object,
  from: number,
  to: number,
): Promise<readonly RawLog[]> {
  return readLogs((method, params) => rpc.send(method, ...params), { address, topics }, from, to);
}

function topicOf(abi: Interface, event: string): string {
  const found = abi.getEvent(event);
  if (!found) throw new BusError("BAD_ANSWER", `no event ${event}`);
  return found.topicHash;
}

/** Adds what the events up to a block tell. */
export async function rememberEvents(
  rpc: NodeRpc,
  book: AddressBook,
  memory: EventMemory,
  block: number,
): Promise<EventMemory> {
  const [agentLogs, grantLogs] = await Promise.all([
    logsOf(rpc, book.contracts.CloudRegistry, [topicOf(REGISTRY, "AgentSet")], memory.block + 1, block),
    logsOf(rpc, book.contracts.AccessManager, [topicOf(AUTHORITY, "RoleGranted")], memory.block + 1, block),
  ]);
  const agents = new Set(memory.agents);
  for (const log of agentLogs) {
    const event = REGISTRY.parseLog(log);
    if (event) agents.add(String(event.args.agent));
  }
  const grants = new Set(memory.grants);
  for (const log of grantLogs) {
    const event = AUTHORITY.parseLog(log);
    if (event) grants.add(`${String(event.args.account)}/${String(event.args.roleId)}`);
  }
  return { ...memory, block, agents: [...agents], grants: [...grants] };
}

/** Roles of the AccessManager that a plain key may have been given in block 0, where there are no events. */
const FIRST_ROLES = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n];

/**
 * Whom the chain lets in at a block. Nodes: those of the validators and of the members, Active or Suspended. Accounts:
 * accounts, recovery addresses and agents of every member and of every other cloud that has a VM, an open move or a
 * balance, and whoever holds a role.
 * @throws BusError `BAD_ANSWER` if the chain names no validator: that is never so, and nothing is to be done by it.
 */
export async function readWanted(
  rpc: NodeRpc,
  book: AddressBook,
  nodes: NodesFile,
  memory: EventMemory,
): Promise<{ readonly wanted: Wanted; readonly memory: EventMemory }> {
  const reader = readerAt(rpc, book, memory.block);
  const [seated] = await reader.call("ValidatorSet", VALIDATORS, "getValidators");
  const validators = new Set((seated as readonly string[]).map((address) => getAddress(address)));
  if (validators.size === 0) throw new BusError("BAD_ANSWER", `no validator at block ${memory.block}`);

  const [count] = await reader.call("CloudRegistry", REGISTRY, "cloudCount");
  const ids = Array.from({ length: Number(count) }, (_, i) => i + 1);
  const clouds = await Promise.all(ids.map((cloud) => readCloud(rpc, book, reader, cloud, memory)));
  const members = new Set(clouds.filter(({ isMember }) => isMember).map(({ cloud }) => cloud));
  const served = clouds.filter(({ isMember, hasBusiness }) => isMember || hasBusiness);

  const accounts = new Set(served.flatMap(({ account, recovery }) => [account, recovery]));
  const epochs = new Map(served.map(({ cloud, agentEpoch }) => [cloud, agentEpoch]));
  const [agents, holders] = await Promise.all([
    readAgents(rpc, reader, memory.agents, epochs),
    readHolders(reader, nodes.roleHolders, memory.grants),
  ]);
  for (const address of [...agents, ...holders]) accounts.add(address);

  const known = nodes.nodes.map(({ cloud, enode }) => ({
    cloud,
    enode,
    validator: parseEnode(enode)?.validator ?? "",
  }));
  const placed = new Set(known.map(({ validator }) => validator));
  const wanted = {
    block: memory.block,
    validators,
    nodes: new Set(
      known.filter(({ cloud, validator }) => members.has(cloud) || validators.has(validator)).map(({ enode }) => enode),
    ),
    accounts,
    unplaced: [...validators].filter((address) => !placed.has(address)),
  };
  const homes = Object.fromEntries(clouds.flatMap(({ cloud, home }) => (home ? [[cloud, home] as const] : [])));
  const balances = Object.fromEntries(
    clouds.flatMap(({ cloud, balances: found }) => (found ? [[cloud, found] as const] : [])),
  );
  return { wanted, memory: { ...memory, homes, balances } };
}

interface CloudFacts {
  readonly cloud: number;
  readonly isMember: boolean;
  readonly hasBusiness: boolean;
  readonly account: string;
  readonly recovery: string;
  readonly agentEpoch: bigint;
  /** Of a cloud that is no member any more. */
  readonly home: Home | undefined;
  /** Of a cloud that is no member any more. */
  readonly balances: Balances | undefined;
}

async function readCloud(
  rpc: NodeRpc,
  book: AddressBook,
  reader: Reader,
  cloud: number,
  memory: EventMemory,
): Promise<CloudFacts> {
  const [view] = await reader.call("CloudRegistry", REGISTRY, "cloudOf", cloud);
  const { status, account, recovery, agentEpoch } = view as Result & {
    readonly status: bigint;
    readonly account: string;
    readonly recovery: string;
    readonly agentEpoch: bigint;
  };
  const facts = { cloud, account, recovery, agentEpoch };
  const isMember = Number(status) === CloudStatus.Active || Number(status) === CloudStatus.Suspended;
  if (isMember) return { ...facts, isMember, hasBusiness: true, home: undefined, balances: undefined };
  const home = await readHome(rpc, book, reader, cloud, memory);
  const [away, sitesInUse] = await reader.call("MigrationLedger", LEDGER, "obligationsOf", cloud);
  const balances = await readBalances(rpc, book, reader, cloud, memory);
  // It needs its way out: with a VM of its own, with a foreign one, with an open move, and with a balance to be settled.
  const isBusy = home.vms.length > 0 || away !== 0n || sitesInUse !== 0n || balances.pairs.length > 0;
  return { ...facts, isMember, hasBusiness: isBusy, home, balances };
}

const OVER: readonly number[] = [VmState.None, VmState.Terminated, VmState.Succeeded];

/** The VMs of a cloud that have not ended. */
async function readHome(
  rpc: NodeRpc,
  book: AddressBook,
  reader: Reader,
  cloud: number,
  memory: EventMemory,
): Promise<Home> {
  const { block, vms } = memory.homes[cloud] ?? { block: -1, vms: [] };
  const known = new Set(vms);
  for (const event of ["VmRegistered", "VmAdopted"]) {
    const topics = [topicOf(LEDGER, event), null, toBeHex(cloud, 32)];
    for (const log of await logsOf(rpc, book.contracts.MigrationLedger, topics, block + 1, memory.block)) {
      if (log.topics[1] !== undefined) known.add(log.topics[1]);
    }
  }
  const judged = await Promise.all(
    [...known].map(async (vm) => {
      const [stored] = await reader.call("MigrationLedger", LEDGER, "vmOf", vm);
      return OVER.includes(Number((stored as Result).state)) ? [] : [vm];
    }),
  );
  return { block: memory.block, vms: judged.flat() };
}

/** The balances of a cloud that are not zero. One that is zero is found again by the event that changes it. */
async function readBalances(
  rpc: NodeRpc,
  book: AddressBook,
  reader: Reader,
  cloud: number,
  memory: EventMemory,
): Promise<Balances> {
  const { block, pairs } = memory.balances[cloud] ?? { block: -1, pairs: [] };
  const known = new Set(pairs);
  const id = toBeHex(cloud, 32);
  const booked = ["StaySettled", "CreditSettled", "NotePosted"].map((event) => topicOf(CHARGING, event));
  const paid = topicOf(CHARGING, "PaymentAcknowledged");
  for (const topics of [
    [booked, null, id],
    [booked, null, null, id],
    [paid, id],
    [paid, null, id],
  ]) {
    for (const log of await logsOf(rpc, book.contracts.ChargingLedger, topics, block + 1, memory.block)) {
      const args = CHARGING.parseLog(log)?.args;
      if (args) known.add([args.creditor, args.debtor, args.currency].map(String).join("/"));
    }
  }
  const judged = await Promise.all(
    [...known].map(async (pair) => {
      const [balance] = await reader.call("ChargingLedger", CHARGING, "balanceOf", ...pair.split("/"));
      return balance === 0n ? [] : [pair];
    }),
  );
  return { block: memory.block, pairs: judged.flat() };
}

/** Agents of the served clouds that may act: bound, not revoked, not voided, not expired at the block's time. */
async function readAgents(
  rpc: NodeRpc,
  reader: Reader,
  everBound: readonly string[],
  epochs: ReadonlyMap<number, bigint>,
): Promise<readonly string[]> {
  const { timestamp } = await rpc.send<{ readonly timestamp: string }>("eth_getBlockByNumber", reader.block, false);
  const nowMs = BigInt(timestamp) * 1_000n;
  const judged = await Promise.all(
    everBound.map(async (agent) => {
      const [view] = await reader.call("CloudRegistry", REGISTRY, "agentOf", agent);
      const { cloud, scopes, validUntil, agentEpoch } = view as Result & {
        readonly cloud: bigint;
        readonly scopes: bigint;
        readonly validUntil: bigint;
        readonly agentEpoch: bigint;
      };
      const mayAct = scopes !== 0n && validUntil >= nowMs && epochs.get(Number(cloud)) === agentEpoch;
      return mayAct ? [agent] : [];
    }),
  );
  return judged.flat();
}

async function readHolders(
  reader: Reader,
  candidates: readonly string[],
  grants: readonly string[],
): Promise<readonly string[]> {
  const asked = new Set([
    ...grants,
    ...candidates.flatMap((account) => FIRST_ROLES.map((role) => `${account}/${role}`)),
  ]);
  const judged = await Promise.all(
    [...asked].map(async (grant) => {
      const [account = "", role = ""] = grant.split("/");
      const [isMember] = await reader.call("AccessManager", AUTHORITY, "hasRole", role, account);
      return isMember === true ? [account] : [];
    }),
  );
  return judged.flat();
}
