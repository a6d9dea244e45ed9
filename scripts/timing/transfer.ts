import { fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { join } from "node:path";

import type { TransferResult } from "./results.js";
import { tenth } from "./statistics.js";

const CHUNK = 64 * 1024;
const BITS = 8;

/** What the receiving process tells. */
export interface Received {
  readonly bytes: number;
  readonly digest: string;
}

/**
 * Sends so many bytes over loopback to another process, at a rate at most, and compares the digests of both sides.
 * @param mbitPerSecond Not shaped if undefined.
 * @throws Error if something else arrived than was sent.
 */
export async function transfer(bytes: number, mbitPerSecond: number | undefined): Promise<TransferResult> {
  const receiver = fork(join(import.meta.dirname, "receiver.ts"), { execArgv: ["--import", "tsx"] });
  const [port] = (await once(receiver, "message")) as [number];
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const told = once(receiver, "message") as Promise<[Received]>;

  const begin = performance.now();
  const sentDigest = await send(socket, bytes, mbitPerSecond);
  const [received] = await told;
  const ms = performance.now() - begin;
  if (received.digest !== sentDigest || received.bytes !== bytes) {
    throw new Error(`${received.bytes} of ${bytes} bytes arrived, with digest ${received.digest}, not ${sentDigest}`);
  }
  return {
    wantedMbitPerSecond: mbitPerSecond,
    bytes,
    ms: tenth(ms),
    achievedMbitPerSecond: tenth((bytes * BITS) / ms / 1_000),
    sentDigest,
    receivedDigest: received.digest,
  };
}

/** A bucket of tokens: what the rate allows until now may be sent at once, a chunk at a time. */
async function send(socket: Socket, bytes: number, mbitPerSecond: number | undefined): Promise<string> {
  const hash = createHash("sha256");
  const chunk = randomBytes(CHUNK);
  const bytesPerMs = mbitPerSecond === undefined ? Infinity : (mbitPerSecond * 1_000) / BITS;
  const begin = performance.now();
  for (let sent = 0; sent < bytes;) {
    const early = (sent + CHUNK) / bytesPerMs - (performance.now() - begin);
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    // No two chunks are the same.
    chunk.writeUInt32LE(sent / CHUNK, 0);
    const part = Buffer.from(chunk.subarray(0, Math.min(CHUNK, bytes - sent)));
    hash.update(part);
    sent += part.length;
    if (!socket.write(part)) await once(socket, "drain");
  }
  socket.end();
  return hash.digest("hex");
}
