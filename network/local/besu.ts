import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

import { NetworkError } from "../networkError.js";
import { findProgram } from "./processes.js";

/** How nodes are run. */
export type Runner =
  | { readonly kind: "besu"; readonly program: string; readonly version: string }
  | { readonly kind: "docker"; readonly program: string };

/** The oldest Besu on which the validators' contract, Cancun rules and free gas work together. */
const OLDEST = [26, 6, 1] as const;

const NEEDED =
  "needed: Besu 26.6.1 or newer with Java 25, on the PATH or named by BESU_BIN; or Docker with Compose, and the image hyperledger/besu";

/**
 * Finds what can run nodes: `BESU_BIN`, else `besu` on the PATH, else Docker with Compose and a daemon that answers.
 * @throws NetworkError `NO_BESU` with what is needed.
 */
export function findRunner(env: NodeJS.ProcessEnv = process.env): Runner {
  const named = env.BESU_BIN;
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) throw new NetworkError("NO_BESU", `BESU_BIN: ${named} is not there; ${NEEDED}`);
    return besuAt(named, env);
  }
  const besu = findProgram("besu", env);
  if (besu !== undefined) return besuAt(besu, env);
  const docker = findProgram("docker", env);
  if (docker !== undefined && answers(docker, ["info"], env) && answers(docker, ["compose", "version"], env)) {
    return { kind: "docker", program: docker };
  }
  throw new NetworkError("NO_BESU", NEEDED);
}

function answers(program: string, args: readonly string[], env: NodeJS.ProcessEnv): boolean {
  return spawnSync(program, args, { env, stdio: "ignore", timeout: 20_000 }).status === 0;
}

function besuAt(program: string, env: NodeJS.ProcessEnv): Runner {
  const ran = spawnSync(program, ["--version"], {
    env,
    encoding: "utf8",
    timeout: 60_000,
  });
  if (ran.error) throw new NetworkError("NO_BESU", `${program} cannot be run: ${ran.error.message}; ${NEEDED}`);
  const said = `${ran.stdout}${ran.stderr}`.trim();
  const [, ...found] = /besu\/v(\d+)\.(\d+)\.(\d+)/.exec(said) ?? /(\d+)\.(\d+)\.(\d+)/.exec(said) ?? [];
  if (ran.status !== 0 || found.length !== 3) {
    const reason = (said.split("\n")[0] ?? "").slice(0, 200);
    throw new NetworkError("NO_BESU", `${program} --version fails: ${reason}; ${NEEDED}`);
  }
  const version = found.map(Number);
  const older = OLDEST.findIndex((part, i) => part !== version[i]);
  if (older >= 0 && (version[older] ?? 0) < (OLDEST[older] ?? 0)) {
    throw new NetworkError("NO_BESU", `${program} is Besu ${version.join(".")}; ${NEEDED}`);
  }
  return { kind: "besu", program, version: version.join(".") };
}
