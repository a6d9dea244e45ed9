import { FetchRequest, JsonRpcProvider } from "ethers";

import { BusError } from "../errors/busError.js";
import { readChainId } from "./federation.js";

const CHAIN_ID_REQUEST = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
const DEFAULT_TIMEOUT_MS = 15_000;

/**
 * A provider at the first of some nodes that answers. Call its `destroy` at the end.
 * @param urls JSON-RPC over HTTP, tried in their order.
 * @throws BusError `UNKNOWN_CHAIN` if none answers.
 */
export async function openProvider(
  urls: readonly string[],
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<JsonRpcProvider> {
  let cause: unknown;
  for (const url of urls) {
    try {
      return await openOne(url, timeoutMs);
    } catch (thrown) {
      cause = thrown;
    }
  }
  throw new BusError("UNKNOWN_CHAIN", `no node answers at ${urls.join(", ")}`, { cause });
}

async function openOne(url: string, timeoutMs: number): Promise<JsonRpcProvider> {
  // Asked first without ethers, whose provider complains on the screen for as long as nobody answers.
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { "content-type": "application/json" };
  await fetch(url, { method: "POST", headers, body: CHAIN_ID_REQUEST, signal });
  const request = new FetchRequest(url);
  request.timeout = timeoutMs;
  const provider = new JsonRpcProvider(request, undefined, { cacheTimeout: -1, batchMaxCount: 1, staticNetwork: true });
  try {
    await readChainId(provider);
    return provider;
  } catch (thrown) {
    provider.destroy();
    throw thrown;
  }
}
