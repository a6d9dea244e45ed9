import { createInterface } from "node:readline/promises";

import { BusError } from "../src/errors/busError.js";
import { runGovernance } from "./governance/run.js";

/** No terminal, no answer: then nothing is sent without `--yes`. */
async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new BusError("BAD_COMMAND", "nobody can be asked here: give --yes");
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await reader.question(`${question} [y/N] `)).trim());
  } finally {
    reader.close();
  }
}

try {
  await runGovernance(process.argv.slice(2), {
    env: process.env,
    print: (line) => process.stdout.write(`${line}\n`),
    confirm,
  });
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message.split("\n")[0] : String(thrown)}\n`);
  process.exitCode = 1;
}
