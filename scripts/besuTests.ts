/**
 * Runs the live tests on networks of Besu that it starts itself: first one that takes everybody, with the faults; then one
 * whose nodes keep allow-lists.
 */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { glob } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findRunner } from "../network/local/besu.js";
import { takeDown } from "../network/local/network.js";
import { bringUp } from "../network/local/up.js";
import { NetworkError } from "../network/networkError.js";

/** How long four nodes may take until block 1: half a minute on two cores. */
const START_MS = 300_000;

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** First of so many ports in a row that nobody listens on. */
async function freePorts(count: number): Promise<number> {
  const isFree = (port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const server = createServer();
      server.once("error", () => {
        resolve(false);
      });
      server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
        server.close(() => {
          resolve(true);
        }),
      );
    });
  for (let first = 20_000 + Math.floor(Math.random() * 20_000); first < 60_000; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
  throw new NetworkError("PORT_TAKEN", `no ${count} free ports in a row`);
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...env } });
    child.once("error", reject);
    child.once("exit", (code) => {
      resolve(code ?? 1);
    });
  });
}

/** Room for the four founders and those who join. */
const PORTS = 8;

async function onNetwork(hasAllowLists: boolean): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "federation-"));
  const ports = { rpcPort: await freePorts(PORTS), wsPort: await freePorts(PORTS), p2pPort: await freePorts(PORTS) };
  const stop = (): void => {
    void takeDown(dir, false).then(() => process.exit(130));
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  let code = 1;
  try {
    const { nodes } = await bringUp(dir, { count: 4, hasAllowLists, timeoutMs: START_MS, ...ports }, tell);
    const files: string[] = [];
    for await (const file of glob("test/live/*.live.test.ts")) files.push(file);
    // The faults last: they leave another network than they found.
    files.sort((a, b) => Number(a.includes("faults")) - Number(b.includes("faults")) || (a < b ? -1 : 1));
    code = await run("hardhat", ["test", "mocha", "--no-compile", ...files], {
      FEDERATION_RPC_URL: `http://127.0.0.1:${nodes[0]?.rpcPort ?? 0}`,
      FEDERATION_DIR: dir,
    });
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    await takeDown(dir, code === 0);
    if (code !== 0) tell(`logs: ${join(dir, "nodes")}`);
  }
  return code;
}

async function main(): Promise<number> {
  if (!process.env.BESU_BIN) {
    throw new NetworkError("NO_BESU", "BESU_BIN is not set: the program besu (26.6.1 or newer, Java 25) is needed");
  }
  findRunner();
  const built = await run("hardhat", ["build"]);
  if (built !== 0) return built;
  const open = await onNetwork(false);
  const permissioned = await onNetwork(true);
  return open || permissioned;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
