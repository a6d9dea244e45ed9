#!/usr/bin/env node
import { nodeIo } from "./nodeIo.js";
import { runCommand } from "./program.js";

// A reader that has seen enough (`| head`) is no mistake.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// Node.js 22 calls its SQLite experimental. That is nothing that an operator could do something about.
process.removeAllListeners("warning").on("warning", ({ name, message }) => {
  if (name !== "ExperimentalWarning") process.stderr.write(`${name}: ${message}\n`);
});

process.exitCode = await runCommand(process.argv.slice(2), nodeIo());
