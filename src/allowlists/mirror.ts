import type { AddressBook } from "../chain/addressBook.js";
import { BusError } from "../errors/busError.js";
import {
  type Difference,
  type Lists,
  type Pace,
  type Unwanted,
  differenceLines,
  differenceOf,
  isSettled,
} from "./difference.js";
import { type NodeRpc, RpcError } from "./nodeRpc.js";
import type { NodesFile } from "./nodesFile.js";
import { type EventMemory, NO_EVENTS, type Wanted, readWanted, rememberEvents } from "./wanted.js";

/** What is kept from one pass to the next, and over a restart. Plain JSON. */
export interface MirrorState {
  readonly events: EventMemory;
  readonly unwanted: Unwanted;
}

/** Before the first pass. */
export const FIRST_STATE: MirrorState = { events: NO_EVENTS, unwanted: {} };

/** How a node is mirrored. */
export interface MirrorOptions extends Pace {
  /** The chain's head must not be older, in milliseconds: an old one may hide what has changed. */
  readonly headAgeMs: number;
  /** Whether nothing is written. */
  readonly isDryRun: boolean;
}

/** Defaults: an hour until an entry goes, five at a time; a head of at most a minute. */
export const MIRROR_DEFAULTS: MirrorOptions = {
  graceMs: 3_600_000,
  removalsAtOnce: 5,
  headAgeMs: 60_000,
  isDryRun: false,
};

/** What a pass found and did. */
export interface Pass {
  readonly state: MirrorState;
  readonly wanted: Wanted;
  readonly difference: Difference;
  /** Nodes that Besu does not take off at run time: they must leave `static-nodes.json`, and the node be restarted. */
  readonly fixedNodes: readonly string[];
}

/** Where a pass tells what it does, before it does it. */
export type Tell = (line: string) => void;

/**
 * One comparison of the chain with the node's own lists, and the calls that make them equal: additions first. If anything
 * is wrong with the chain or the node, the lists stay as they are.
 * @param now Milliseconds since the epoch.
 * @throws BusError `UNKNOWN_CHAIN`, `WRONG_GENESIS`, `STALE_HEAD`, `BAD_ANSWER`, `UNREACHABLE`; RpcError as the node gives it.
 */
export async function mirrorOnce(
  rpc: NodeRpc,
  book: AddressBook,
  nodes: NodesFile,
  state: MirrorState,
  options: MirrorOptions,
  tell: Tell,
  now = Date.now(),
): Promise<Pass> {
  await requireBook(rpc, book);
  const head = await requireFreshHead(rpc, options.headAgeMs, now);
  const events = await rememberEvents(rpc, book, state.events.block <= head ? state.events : NO_EVENTS, head);
  const { wanted, memory } = await readWanted(rpc, book, nodes, events);
  const lists = await readLists(rpc);
  const difference = differenceOf(wanted, lists, state.unwanted, now, options);
  for (const validator of wanted.unplaced) tell(`! validator ${validator} is in no line of the file of nodes`);
  for (const line of differenceLines(difference)) tell(line);

  const isWritten = !options.isDryRun && !isSettled(difference);
  const fixedNodes = isWritten ? await apply(rpc, difference) : [];
  for (const enode of fixedNodes) tell(`! ${enode} is a static node: take it out of static-nodes.json and restart`);
  return { state: { events: memory, unwanted: difference.unwanted }, wanted, difference, fixedNodes };
}

async function requireBook(rpc: NodeRpc, book: AddressBook): Promise<void> {
  const [chainId, zero] = await Promise.all([
    rpc.send<string>("eth_chainId"),
    rpc.send<{ readonly hash: string } | null>("eth_getBlockByNumber", "0x0", false),
  ]);
  if (BigInt(chainId).toString() !== book.chainId) {
    throw new BusError("UNKNOWN_CHAIN", `the node's chain id is ${BigInt(chainId)}, not ${book.chainId}`);
  }
  if (zero?.hash.toLowerCase() !== book.genesisHash) {
    throw new BusError(
      "WRONG_GENESIS",
      `the node's genesis hash is ${zero?.hash ?? "nothing"}, not ${book.genesisHash}`,
    );
  }
}

async function requireFreshHead(rpc: NodeRpc, headAgeMs: number, now: number): Promise<number> {
  const syncing = await rpc.send<unknown>("eth_syncing");
  if (syncing !== false) throw new BusError("STALE_HEAD", "the node is still catching up");
  const head = await rpc.send<{ readonly number: string; readonly timestamp: string }>(
    "eth_getBlockByNumber",
    "latest",
    false,
  );
  const age = now - Number(head.timestamp) * 1_000;
  if (age > headAgeMs) {
    throw new BusError(
      "STALE_HEAD",
      `the newest block is ${Math.round(age / 1_000)} s old: the lists stay as they are`,
    );
  }
  return Number(head.number);
}

/** The node's own lists. */
export async function readLists(rpc: NodeRpc): Promise<Lists> {
  const nodes = await listOf(rpc, "perm_getNodesAllowlist");
  const accounts = await listOf(rpc, "perm_getAccountsAllowlist");
  if (nodes === undefined && accounts === undefined) {
    throw new BusError("BAD_ANSWER", "the node keeps no allow-list: start it with permissions and the PERM API");
  }
  return { nodes, accounts };
}

/** Besu says that a list is not kept in words, under the code of every other failure. */
async function listOf(rpc: NodeRpc, method: string): Promise<readonly string[] | undefined> {
  try {
    return await rpc.send<readonly string[]>(method);
  } catch (thrown) {
    if (thrown instanceof RpcError && /not been enabled|not enabled/i.test(thrown.message)) return undefined;
    throw thrown;
  }
}

/**
 * Sends the difference: `perm_*` fails as a whole for one entry that is there already, and a static node cannot be taken
 * off while the node runs, so removals of nodes go one by one.
 * @returns Nodes that stay because they are fixed.
 */
async function apply(rpc: NodeRpc, difference: Difference): Promise<readonly string[]> {
  const { addNodes, addAccounts, removeNodes, removeAccounts } = difference;
  if (addNodes.length > 0) await rpc.send("perm_addNodesToAllowlist", addNodes);
  if (addAccounts.length > 0) await rpc.send("perm_addAccountsToAllowlist", addAccounts);
  if (removeAccounts.length > 0) await rpc.send("perm_removeAccountsFromAllowlist", removeAccounts);
  const fixed: string[] = [];
  for (const enode of removeNodes) {
    try {
      await rpc.send("perm_removeNodesFromAllowlist", [enode]);
    } catch (thrown) {
      if (!(thrown instanceof RpcError) || !/fixed node/i.test(thrown.message)) throw thrown;
      fixed.push(enode);
    }
  }
  return fixed;
}
