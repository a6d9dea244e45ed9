import { type Signer, hexlify, randomBytes } from "ethers";

import { BusError } from "../errors/busError.js";
import { domainOfUri, signInMessage } from "./signInMessage.js";

/** What a gateway's problem document says: see `schema/openapi.json`. */
export interface GatewayProblem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** A contract refused: its error. */
  readonly error?: string;
  /** The error's arguments by name, integers as decimal strings. */
  readonly args?: Readonly<{ [name: string]: unknown }>;
  /** Hash of the transaction that was sent. */
  readonly transaction?: string;
}

/** A gateway did not do what it was asked for. Branch on `problem.error` and `problem.type`. */
export class GatewayError extends BusError {
  override readonly name = "GatewayError";

  constructor(readonly problem: GatewayProblem) {
    super("GATEWAY", problem.detail ?? problem.title);
  }
}

/** What a gateway answers about a transaction. */
export interface GatewaySent {
  readonly transaction: string;
  readonly blockNumber: number;
  readonly gasUsed: string;
  readonly events: readonly { readonly contract: string; readonly name: string; readonly args: object }[];
}

/** A caller at a gateway, who signs in, at this gateway only, when it is needed. */
export interface GatewayClient {
  /**
   * Asks for an action, by the library's name and the contract's arguments; bigints are sent as decimal strings.
   * @param idempotencyKey What makes a repetition harmless; a fresh one if it is left out.
   * @throws GatewayError
   */
  act(action: string, params: object, idempotencyKey?: string): Promise<GatewaySent>;
  /**
   * Asks a question of the library. Integers of more than 32 bits come as decimal strings.
   * @throws GatewayError
   */
  ask(question: string, params: object): Promise<unknown>;
  /**
   * Reads a path, `/v1/vms?host=2` for one.
   * @throws GatewayError
   */
  read(path: string): Promise<unknown>;
}

/** How a gateway is reached. */
export interface GatewayClientOptions {
  /**
   * The gateway's URI, for which messages are signed; `base` if it is left out. A gateway that asks for a signature for
   * another place is refused: it might bring it there.
   */
  readonly uri?: string;
}

/** A token is renewed when it has less than this left, in milliseconds. */
const RENEW_MS = 5_000;

const toJson = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) => (typeof part === "bigint" ? part.toString() : part));

async function answerOf(response: Response): Promise<unknown> {
  const json: unknown = await response.json();
  // A gateway answers with a problem document whenever the status says so.
  if (!response.ok) throw new GatewayError(json as GatewayProblem);
  return json;
}

/**
 * A client of a gateway.
 * @param base Where it is reached: `https://cloud-1.example`.
 * @param signer The caller's key: account or agent of an Active cloud.
 */
export function openGatewayClient(base: string, signer: Signer, options: GatewayClientOptions = {}): GatewayClient {
  const expected = options.uri ?? base;
  let token = "";
  let expiresAtMs = 0;

  const post = (path: string, body: string, headers: Readonly<{ [name: string]: string }>): Promise<unknown> =>
    fetch(base + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body }).then(
      answerOf,
    );

  const signIn = async (): Promise<void> => {
    const asked = (await answerOf(await fetch(`${base}/v1/auth/nonce`, { method: "POST" }))) as {
      readonly [name in "domain" | "uri" | "chainId" | "nonce"]: string;
    };
    if (asked.uri !== expected || asked.domain !== domainOfUri(expected)) {
      throw new BusError("FORBIDDEN", `the gateway at ${base} asks for a signature for ${asked.uri}, not ${expected}`);
    }
    const address = await signer.getAddress();
    const chainId = BigInt(asked.chainId);
    const message = signInMessage({ ...asked, address, chainId, reach: "gateway", issuedAt: new Date().toISOString() });
    const body = toJson({ message, signature: await signer.signMessage(message) });
    const issued = (await post("/v1/auth/token", body, {})) as { readonly token: string; readonly expiresAtMs: number };
    ({ token, expiresAtMs } = issued);
  };

  const authorization = async (): Promise<{ readonly authorization: string }> => {
    if (expiresAtMs - Date.now() < RENEW_MS) await signIn();
    return { authorization: `Bearer ${token}` };
  };

  return {
    act: async (action, params, idempotencyKey = hexlify(randomBytes(16))) => {
      const headers = { ...(await authorization()), "idempotency-key": idempotencyKey };
      return (await post(`/v1/actions/${action}`, toJson(params), headers)) as GatewaySent;
    },
    ask: async (question, params) => post(`/v1/questions/${question}`, toJson(params), await authorization()),
    read: async (path) => fetch(base + path, { headers: await authorization() }).then(answerOf),
  };
}
