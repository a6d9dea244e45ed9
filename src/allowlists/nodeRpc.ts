import { BusError } from "../errors/busError.js";

/** A JSON-RPC error as the node gave it. */
export class RpcError extends Error {
  override readonly name = "RpcError";

  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
  }
}

/** Speaks JSON-RPC with one node over HTTP. */
export interface NodeRpc {
  readonly url: string;
  /**
   * Sends one request.
   * @throws RpcError if the node refuses; BusError `UNREACHABLE` if it does not answer.
   */
  send<T>(method: string, ...params: readonly unknown[]): Promise<T>;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Connects with a node; nothing is asked yet. */
export function nodeRpc(url: string, timeoutMs = DEFAULT_TIMEOUT_MS): NodeRpc {
  let id = 0;
  return {
    url,
    async send<T>(method: string, ...params: readonly unknown[]): Promise<T> {
      const answer = await post(url, { jsonrpc: "2.0", id: ++id, method, params }, timeoutMs);
      if (answer.error) throw new RpcError(answer.error.code, answer.error.message, answer.error.data);
      // What a method answers is known to who calls it.
      return answer.result as T;
    },
  };
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

async function post(url: string, request: unknown, timeoutMs: number): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return (await response.json()) as Answer;
  } catch (cause) {
    throw new BusError("UNREACHABLE", `no node answers at ${url}`, { cause });
  }
}
