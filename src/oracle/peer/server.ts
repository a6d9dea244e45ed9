import { readFileSync } from "node:fs";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";

import { BusError } from "../../errors/busError.js";
import type { Listen } from "../config.js";
import { type AnswerOptions, answerMeasured, answerReports } from "./answer.js";
import { PATHS, parseMeasuredRequest, parseReportsRequest } from "./protocol.js";

const MAX_BODY = 1024 * 1024;
const MAX_CONNECTIONS = 64;
const REQUEST_MS = 15_000;

/** A server that listens. */
export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the peer protocol: this cloud as home. */
export async function servePeers(place: Listen, options: AnswerOptions): Promise<Listening> {
  return listen(place, (request, response) => void answer(options, request, response));
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Opens a server that drops connections which do not get on. */
export async function listen({ host = "127.0.0.1", port, tls }: Listen, handler: Handler): Promise<Listening> {
  const server = tls
    ? createSecureServer({ key: readFileSync(tls.key), cert: readFileSync(tls.certificate) }, handler)
    : createServer(handler);
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return { url: `${tls ? "https" : "http"}://${host}:${portOf(server)}`, close: () => closeServer(server) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

/** Sends JSON. */
export function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function answer(options: AnswerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path !== PATHS.measured && path !== PATHS.agreedReports) {
      respond(response, 404, { error: "NOT_FOUND" });
      return;
    }
    if (request.method !== "POST") {
      respond(response, 405, { error: "METHOD_NOT_ALLOWED" });
      return;
    }
    const body = await readBody(request);
    if (body === undefined) {
      respond(response, 413, { error: "TOO_LONG" });
      return;
    }
    const answers =
      path === PATHS.measured
        ? answerMeasured(options, parseMeasuredRequest(body))
        : await answerReports(options, parseReportsRequest(body));
    respond(response, 200, answers);
  } catch (thrown) {
    if (!(thrown instanceof BusError)) {
      // What is wrong here is nobody else's business.
      respond(response, 500, { error: "INTERNAL" });
      return;
    }
    const isTheirs = thrown.code === "BAD_REQUEST" || thrown.code === "UNKNOWN_CONTRACT";
    respond(response, isTheirs ? 400 : 503, { error: thrown.code, message: isTheirs ? thrown.message : "not now" });
  }
}

/** The body as text; undefined if it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
