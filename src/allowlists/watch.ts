import { setTimeout as sleep } from "node:timers/promises";

import type { AddressBook } from "../chain/addressBook.js";
import { readLogs } from "../chain/logs.js";
import { type MirrorOptions, type MirrorState, type Tell, mirrorOnce } from "./mirror.js";
import type { NodeRpc } from "./nodeRpc.js";
import type { NodesFile } from "./nodesFile.js";

/** When a node is mirrored. */
export interface WatchOptions extends MirrorOptions {
  /** How often new blocks are asked for, in milliseconds. */
  readonly pollMs: number;
  /** After how long the lists are compared even when nothing happened: agents expire without an event. */
  readonly intervalMs: number;
}

/** Every two seconds for events, every five minutes in any case. */
export const WATCH_DEFAULTS = { pollMs: 2_000, intervalMs: 300_000 } as const;

/** Where the state is kept, so that a restart neither reads all events again nor begins every entry's time anew. */
export interface StateStore {
  load(): Promise<MirrorState>;
  save(state: MirrorState): Promise<void>;
}

/**
 * Mirrors the chain into a node's lists until told to stop: at once, whenever a contract that decides about them has an
 * event, and on a timer. What goes wrong is told, and tried again; the lists stay as they are until it goes well.
 * @param readNodes The file of nodes, read anew each time: an operator may write a line while this runs.
 */
export async function watchChain(
  rpc: NodeRpc,
  book: AddressBook,
  readNodes: () => Promise<NodesFile>,
  store: StateStore,
  options: WatchOptions,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const { AccessManager, ChargingLedger, CloudRegistry, MigrationLedger, ValidatorSet } = book.contracts;
  const watched = [AccessManager, ChargingLedger, CloudRegistry, MigrationLedger, ValidatorSet];
  let state = await store.load();
  let dueAt = 0;
  let isDue = true;
  let trouble = "";
  while (!signal.aborted) {
    try {
      isDue ||= Date.now() >= dueAt || (await hasEvents(rpc, watched, state.events.block));
      if (isDue) {
        const { state: next, fixedNodes } = await mirrorOnce(rpc, book, await readNodes(), state, options, tell);
        state = next;
        // A static node stays listed until the node is restarted: said once, not at every pass.
        if (fixedNodes.length > 0) state = { ...state, unwanted: postponed(state.unwanted, fixedNodes) };
        if (!options.isDryRun) await store.save(state);
        dueAt = Date.now() + options.intervalMs;
        isDue = false;
      }
      if (trouble !== "") tell("the chain is mirrored again");
      trouble = "";
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      if (message !== trouble) tell(`the lists stay as they are: ${message}`);
      trouble = message;
      isDue = true;
    }
    await sleep(options.pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The entries' time begins anew. */
function postponed(unwanted: MirrorState["unwanted"], entries: readonly string[]): MirrorState["unwanted"] {
  return { ...unwanted, ...Object.fromEntries(entries.map((entry) => [entry, Date.now()])) };
}

async function hasEvents(rpc: NodeRpc, address: readonly string[], after: number): Promise<boolean> {
  const head = Number(await rpc.send<string>("eth_blockNumber"));
  if (head <= after) return false;
  const logs = await readLogs((method, params) => rpc.send(method, ...params), { address }, after + 1, head);
  return logs.length > 0;
}
