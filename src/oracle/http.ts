import { createHash } from "node:crypto";
import { type IncomingMessage, type RequestOptions, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { isIP } from "node:net";
import { type TLSSocket, connect } from "node:tls";

/** How an exchange over HTTP failed before there was an answer to judge. */
export type HttpFailureKind = "unreachable" | "timeout" | "died" | "too long" | "wrong key";

/** There is no whole answer. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";

  constructor(
    readonly kind: HttpFailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A request to another program. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
  /** From the first byte sent to the last byte received. */
  readonly timeoutMs: number;
  /** A longer answer is not read to its end. */
  readonly maxBytes: number;
  /** SHA-256 of the server's public key: trusted instead of certificate authorities. */
  readonly spkiHash?: string | undefined;
}

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a request and reads its answer. Redirects are not followed: nobody asked the other address.
 * @throws HttpFailure
 */
export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(request.timeoutMs);
  try {
    return await answerTo(request, signal);
  } catch (thrown) {
    if (thrown instanceof HttpFailure) throw thrown;
    const where = `${request.url.origin}${request.url.pathname}`;
    if (signal.aborted) {
      throw new HttpFailure("timeout", `${where} did not answer within ${request.timeoutMs} ms`, { cause: thrown });
    }
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new HttpFailure("unreachable", `${where} cannot be reached: ${reason}`, { cause: thrown });
  }
}

async function answerTo(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const { url, method, body, headers = {}, spkiHash } = request;
  const options: RequestOptions = { method, signal, headers: { ...headers, ...lengthOf(body), connection: "close" } };
  const isPinned = url.protocol === "https:" && spkiHash !== undefined;
  if (isPinned) {
    const socket = await connectPinned(url, spkiHash, signal);
    return read(request, (answer) =>
      requestPlain(url, { ...options, ...OVER_TLS, createConnection: () => socket }, answer),
    );
  }
  const send = url.protocol === "https:" ? requestSecure : requestPlain;
  return read(request, (answer) => send(url, { ...options, agent: false }, answer));
}

/** The socket speaks TLS already: what goes over it is plain HTTP. */
const OVER_TLS: RequestOptions = { protocol: "http:" };

function lengthOf(body: string | undefined): { readonly [name: string]: string } {
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}

/** The name for a server that has several: an address is none. */
function nameOf({ hostname }: URL): { readonly servername?: string } {
  return isIP(hostname) === 0 ? { servername: hostname } : {};
}

/** A TLS connection to who has a key. Nothing is sent before that is known. */
function connectPinned(url: URL, spkiHash: string, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const port = url.port === "" ? 443 : Number(url.port);
    // The key itself is checked below: no authority has to vouch for it.
    const socket = connect({ host: url.hostname, port, ...nameOf(url), rejectUnauthorized: false });
    const giveUp = () => socket.destroy(new Error("too late"));
    signal.addEventListener("abort", giveUp, { once: true });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
      const found = key ? `0x${createHash("sha256").update(key).digest("hex")}` : "none";
      if (found === spkiHash.toLowerCase()) {
        socket.removeListener("error", reject);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new HttpFailure("wrong key", `${url.origin} has the key ${found}, not ${spkiHash}`));
    });
  });
}

type Send = (answer: (message: IncomingMessage) => void) => ReturnType<typeof requestPlain>;

function read({ url, body, maxBytes }: HttpRequest, send: Send): Promise<HttpAnswer> {
  const where = `${url.origin}${url.pathname}`;
  return new Promise((resolve, reject) => {
    const sent = send((message) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      message.on("data", (part: Buffer) => {
        bytes += part.length;
        parts.push(part);
        if (bytes <= maxBytes) return;
        sent.destroy();
        reject(new HttpFailure("too long", `${where} answers with more than ${maxBytes} bytes`));
      });
      message.once("end", () => {
        resolve({ status: message.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") });
      });
      message.once("error", (cause) => {
        // A deadline ends an answer as well: the caller tells the two apart.
        if (cause.name === "AbortError") reject(cause);
        else reject(new HttpFailure("died", `${where} broke off in the middle of its answer`, { cause }));
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
