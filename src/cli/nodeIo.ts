import { spawn } from "node:child_process";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

import { BusError } from "../errors/busError.js";
import type { Io } from "./io.js";

/** The streams and the environment of this process. */
export function nodeIo(): Io {
  return {
    env: process.env,
    isTty: {
      stdin: process.stdin.isTTY,
      stdout: process.stdout.isTTY,
      stderr: process.stderr.isTTY,
    },
    stdout(text) {
      process.stdout.write(text);
    },
    stderr(text) {
      process.stderr.write(text);
    },
    prompt: (question, options) => ask(question, options?.isHidden === true),
    now: () => Date.now(),
    run: runProgram,
  };
}

/** Swallows what a reader would echo. */
function nowhere(): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
}

async function ask(question: string, isHidden: boolean): Promise<string> {
  // The reader echoes what is typed, and takes its own line to be its own: so a hidden question is written past it.
  if (isHidden) process.stderr.write(question);
  const output = isHidden ? nowhere() : process.stderr;
  const reader = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once("close", () => {
        reject(new BusError("NOT_CONFIRMED", "not answered: nothing was done"));
      });
      reader.question(isHidden ? "" : question).then(resolve, reject);
    });
  } finally {
    reader.close();
    if (isHidden) process.stderr.write("\n");
  }
}

function runProgram(command: string, args: readonly string[], env: Io["env"]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env: { ...env }, shell: process.platform === "win32" });
    child.once("error", reject);
    child.once("close", (code) => {
      resolve(code ?? 1);
    });
  });
}
