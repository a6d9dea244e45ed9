import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Command } from "commander";

import { BusError } from "../../errors/busError.js";
import { type Runner, act } from "../command.js";
import type { Io } from "../io.js";
import { mistake } from "../values.js";

/** Commands that need more of the repository than the package brings: they hand over to its scripts. */

/** Where this file's repository would be: `src/cli/commands` and `dist/cli/commands` are as deep. */
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Runs a script of the checkout in which the program is.
 * @param root Where the checkout would be.
 * @returns The script's exit code.
 * @throws BusError `NEEDS_CHECKOUT` if there is none.
 */
export async function handOver(io: Io, script: string, args: readonly string[], root = ROOT): Promise<number> {
  const path = join(root, "scripts", script);
  const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
  if (!existsSync(path) || !existsSync(tsx)) {
    throw new BusError("NEEDS_CHECKOUT", `scripts/${script} is not here: this command needs a checkout, with npm ci`);
  }
  // Node.js of the checkout: the daemon's database needs a newer one than the package does.
  const bin = join(root, "node_modules", ".bin");
  const own = join(bin, "node");
  const node = existsSync(own) ? own : process.execPath;
  const env = { ...io.env, PATH: [bin, dirname(process.execPath), io.env.PATH ?? ""].join(delimiter) };
  return io.run(node, ["--disable-warning=ExperimentalWarning", tsx, path, ...args], env);
}

interface Script {
  readonly script: string;
  /** Arguments before those that are typed. */
  readonly before: readonly string[];
  readonly description: string;
  readonly sample: string;
}

const SCRIPTS: { readonly [command: string]: Script } = {
  oracle: {
    script: "oracle.ts",
    before: [],
    description: "the oracle's daemon: measures, reports, answers",
    sample: "oracle --config oracle.json --once",
  },
  network: {
    script: "network.ts",
    before: [],
    description: "a network of Besu nodes: up, down, status, add-node, restart",
    sample: "network status",
  },
  genesis: {
    script: "network.ts",
    before: ["genesis"],
    description: "the genesis file of a founding document",
    sample: "genesis --founders founders.json --out network",
  },
};

/**
 * What is to be handed over: everything after the command is the script's, options included.
 * @returns Undefined where the command is another one, or its own help is wanted.
 */
export function handedOver(argv: readonly string[]): { readonly script: string; readonly args: string[] } | undefined {
  const [name = "", ...rest] = argv;
  const found = Object.hasOwn(SCRIPTS, name) ? SCRIPTS[name] : undefined;
  if (!found || rest[0] === "--help" || rest[0] === "-h") return undefined;
  const args = rest[0] === "--" ? rest.slice(1) : rest;
  return { script: found.script, args: [...found.before, ...args] };
}

/** Adds `oracle`, `network` and `genesis`, so that help and completion know of them. */
export function addCheckout(program: Command, run: Runner): void {
  for (const [name, { description, sample }] of Object.entries(SCRIPTS)) {
    act(
      program
        .command(name)
        .description(`${description} (in a checkout of the repository)`)
        .argument("[args...]", "what the script takes; -- --help asks the script itself")
        .allowUnknownOption(),
      run,
      sample,
      () => mistake(`${name} comes first: all that follows is its script's`),
    );
  }
}
