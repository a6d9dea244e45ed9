import { httpExchange } from "./exchange.js";
import type { RpcNode } from "./rpcPool.js";

/** Where a node is. */
export interface NodeAddress {
  readonly http: string;
  /** WebSocket, for the new heads. */
  readonly ws?: string;
  /** Sent along with every request, such as an authorization. */
  readonly headers?: Readonly<{ [name: string]: string }>;
}

/** A node at its address, or as it is. */
export function asNode(node: NodeAddress | RpcNode): RpcNode {
  return "http" in node ? { name: node.http, exchange: httpExchange(node.http, node.headers) } : node;
}
