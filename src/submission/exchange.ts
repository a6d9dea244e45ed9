import type { RpcProvider } from "../chain/federation.js";
import { findRevertData } from "../errors/revert.js";
import { fieldOf } from "./rpcPool.js";

/**
 * Carries one JSON-RPC text to a node and its answer back. It rejects when no whole answer came; what it resolves to may
 * still be anything.
 */
export type Exchange = (request: string) => Promise<string>;

/** What fetch says when a connection that was kept open turns out to be closed. */
const CLOSED = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"];

/**
 * Over HTTP, on connections that stay open. If one was closed by the other side just then, the request is made once more:
 * nothing that the pipeline asks for does any harm twice.
 */
export function httpExchange(url: string, headers: Readonly<{ [name: string]: string }> = {}): Exchange {
  const exchange: Exchange = async (request) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: request,
    });
    const text = await response.text();
    // A node may answer an error of JSON-RPC with another status than 200; a proxy's error page is no JSON at all.
    if (!response.ok && !text.startsWith("{") && !text.startsWith("[")) {
      throw new Error(`${url} answers ${response.status}`);
    }
    return text;
  };
  return (request) =>
    exchange(request).catch((thrown: unknown) => {
      const code = thrown instanceof Error ? fieldOf(thrown.cause, "code") : undefined;
      if (typeof code === "string" && CLOSED.includes(code)) return exchange(request);
      throw thrown;
    });
}

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: unknown[];
}

/** Through a provider that is there already, such as that of a simulator inside this process. */
export function providerExchange(provider: Pick<RpcProvider, "send">): Exchange {
  const answer = async ({ id, method, params }: Request) => {
    try {
      return { jsonrpc: "2.0", id, result: await provider.send(method, params) };
    } catch (thrown) {
      const data = findRevertData(thrown);
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      return { jsonrpc: "2.0", id, error: { code: data === undefined ? -32_000 : 3, message, data } };
    }
  };
  return async (request) => {
    const parsed = JSON.parse(request) as Request | Request[];
    return JSON.stringify(Array.isArray(parsed) ? await Promise.all(parsed.map(answer)) : await answer(parsed));
  };
}
