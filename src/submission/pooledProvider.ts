import { JsonRpcApiProvider, type JsonRpcError, type JsonRpcPayload, type JsonRpcResult, Network } from "ethers";

import { SYSTEM_CLOCK } from "./clock.js";
import { type NodeAddress, asNode } from "./nodeAddress.js";
import { type RpcAnswer, type RpcNode, RpcPool, type TrustedChain } from "./rpcPool.js";

/** How long a node may take for an answer before the next one is asked. */
const DEFAULT_TIMEOUT_MS = 15_000;

/**
 * A provider over several nodes of one chain: each request goes to the node that answered last, and to the others if it
 * does not answer. A node of another chain is never listened to. Call `destroy` at the end.
 *
 * Requests reject with BusError `NO_NODE` if no node answers, `UNKNOWN_CHAIN` or `WRONG_GENESIS` if those that do are
 * another chain, otherwise as ethers' own providers do.
 */
export class PooledProvider extends JsonRpcApiProvider {
  readonly #pool: RpcPool;

  /** @throws BusError `NO_NODE` if no node is named. */
  constructor(nodes: readonly (NodeAddress | RpcNode)[], chain: TrustedChain, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    const network = Network.from(BigInt(chain.chainId));
    super(network, { staticNetwork: network, cacheTimeout: -1, batchMaxCount: 1 });
    this.#pool = new RpcPool(nodes.map(asNode), chain, SYSTEM_CLOCK, timeoutMs);
  }

  override async send(method: string, params: unknown[] | Record<string, unknown>): Promise<unknown> {
    this._start();
    return (await super.send(method, params)) as unknown;
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<(JsonRpcResult | JsonRpcError)[]> {
    const payloads = Array.isArray(payload) ? payload : [payload];
    const calls = payloads.map(({ method, params }) => ({ method, params: params as readonly unknown[] }));
    const answers = await this.#pool.batch(calls);
    return payloads.map(({ id }, index) => toEthers(id, answers[index]));
  }
}

function toEthers(id: number, answer: RpcAnswer | undefined): JsonRpcResult | JsonRpcError {
  if (!answer) throw new Error(`no answer to request ${id}`);
  const { error, result } = answer;
  return error ? { id, error: { ...error } } : { id, result };
}
