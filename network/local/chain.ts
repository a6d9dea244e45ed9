import { setTimeout as sleep } from "node:timers/promises";

import { JsonRpcProvider, Network } from "ethers";

import type { AddressBook } from "../../src/chain/addressBook.js";
import { type Federation, type RpcProvider, openFederation, readHead } from "../../src/chain/federation.js";

/** A chain whose time goes on by itself, or is told to. */
export interface ChainClock {
  readonly provider: RpcProvider;
  /** Waits until the newest block's time is at least this, in seconds. */
  waitUntil(seconds: bigint): Promise<void>;
}

const POLL_MS = 100;

/** A provider for one chain: it asks nothing on its own, and keeps no answer. */
export function openProvider(url: string, chainId: bigint): RpcProvider {
  return new JsonRpcProvider(url, Network.from(chainId), { staticNetwork: true, cacheTimeout: -1, batchMaxCount: 1 });
}

/** Connects with a federation, after checking that the node serves its chain. */
export function openOn(url: string, book: AddressBook): Promise<Federation> {
  return openFederation(openProvider(url, BigInt(book.chainId)), book);
}

/** The clock of a real chain: it can only be waited for. */
export function realClock(provider: RpcProvider): ChainClock {
  return {
    provider,
    async waitUntil(seconds) {
      while ((await readHead(provider)).timeMs < seconds * 1_000n) await sleep(POLL_MS);
    },
  };
}
