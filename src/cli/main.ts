#!/usr/bin/env node
import { nodeIo } from "./nodeIo.js";
import { runCommand } from "./program.js";

// A reader that has seen enough (`| head`) is no mistake.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await runCommand(process.argv.slice(2), nodeIo());
