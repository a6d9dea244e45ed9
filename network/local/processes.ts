import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { NetworkError } from "../networkError.js";

/** A process that outlives this program: known by its id, and by a word of its command line that nobody else's has. */
export interface Daemon {
  readonly pid: number;
  readonly marker: string;
}

/** Starts a program that goes on when this one ends, its output in a file. It leads a process group of its own. */
export async function startDaemon(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly log: string; readonly env: NodeJS.ProcessEnv; readonly marker: string },
): Promise<Daemon> {
  const log = openSync(options.log, "a");
  try {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ["ignore", log, log],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once("error", (cause) => {
        reject(new NetworkError("NO_BESU", `${program} cannot be started: ${cause.message}`, { cause }));
      });
      child.once("spawn", () => {
        resolve(child.pid ?? 0);
      });
    });
    child.unref();
    return { pid, marker: options.marker };
  } finally {
    closeSync(log);
  }
}

/** How often a command line is read again that is empty, a millisecond apart. */
const READ_AGAIN = 200;

/**
 * Command line of a process; undefined if there is no such process, or if it has ended and waits to be collected.
 *
 * Besu's start script becomes `java` by `exec`, and in between the command line is empty, as it is for a process that has
 * ended: the state tells which.
 */
function commandOf(pid: number): string | undefined {
  if (!existsSync("/proc/self/cmdline")) {
    const { status, stdout } = spawnSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
    return status === 0 ? stdout : undefined;
  }
  try {
    for (let attempt = 0; ; attempt++) {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      if (line !== "" || attempt === READ_AGAIN || hasEnded(pid)) return line;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  } catch {
    return undefined;
  }
}

/** Whether a process is a zombie or dead: the letter after its name, which may have brackets of its own. */
function hasEnded(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
}

/** Whether the process runs still, and is the one that was started: ids are used again. */
export function isRunning({ pid, marker }: Daemon): boolean {
  return commandOf(pid)?.includes(marker) ?? false;
}

function readOnce(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/**
 * Processes whose command line has a marker, whoever started them: what a command that was killed left behind.
 * @param marker A word that nobody else's command line has.
 */
export function findDaemons(marker: string): Daemon[] {
  const lines = existsSync("/proc/self/cmdline")
    ? readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .map((name) => [Number(name), readOnce(`/proc/${name}/cmdline`).replaceAll("\0", " ")] as const)
    : spawnSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
        .stdout.split("\n")
        .map((line) => [Number.parseInt(line, 10), line] as const);
  return lines.filter(([pid, line]) => pid !== process.pid && line.includes(marker)).map(([pid]) => ({ pid, marker }));
}

const POLL_MS = 50;

/** Ends a process and its group: asks first, and kills what has not ended after the grace period. */
export async function stopDaemon(daemon: Daemon, graceMs: number): Promise<void> {
  if (!isRunning(daemon)) return;
  signal(daemon.pid, "SIGTERM");
  const deadline = Date.now() + graceMs;
  while (isRunning(daemon)) {
    if (Date.now() > deadline) {
      signal(daemon.pid, "SIGKILL");
      while (isRunning(daemon)) await sleep(POLL_MS);
      return;
    }
    await sleep(POLL_MS);
  }
}

/** Kills a process at once, as a power failure would. */
export async function killDaemon(daemon: Daemon): Promise<void> {
  if (isRunning(daemon)) signal(daemon.pid, "SIGKILL");
  while (isRunning(daemon)) await sleep(POLL_MS);
}

function signal(pid: number, name: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, name);
      return;
    } catch (thrown) {
      // It leads no group, or has ended in between.
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH")) throw thrown;
    }
  }
}

/** How long a port may stay taken: a killed process is gone from the list of processes before the system closes its ports. */
const CLOSING_MS = 2_000;

/**
 * Waits until nobody listens on a port of the loopback interface, for as long as a process that has just ended may need.
 * @throws NetworkError `PORT_TAKEN`.
 */
export async function requireFreePort(port: number, what: string): Promise<void> {
  const deadline = Date.now() + CLOSING_MS;
  for (;;) {
    const cause = await listenOnce(port);
    if (!cause) return;
    if (Date.now() > deadline) throw new NetworkError("PORT_TAKEN", `port ${port}, for ${what}, is taken`, { cause });
    await sleep(POLL_MS);
  }
}

/** Why one cannot listen on a port; undefined if one can. */
function listenOnce(port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

/** The path of a program on the PATH; undefined if it is not there. */
export function findProgram(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder !== "" && existsSync(path)) return path;
  }
  return undefined;
}

/** The last lines of a file, for a message about why a process ended. */
export function lastLines(path: string, count: number): string {
  if (!existsSync(path)) return "";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-count).join("\n");
}
