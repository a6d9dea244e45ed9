/**
 * Runs `hardhat test` with all its output, and ends with one plain line: how many passed and failed.
 * Exit code: that of the run; 1 as well when no test ran at all.
 */
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

const colour = process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
const run = spawn("hardhat", ["test", ...process.argv.slice(2)], {
  stdio: ["inherit", "pipe", "inherit"],
  env: { ...process.env, ...colour },
  shell: process.platform === "win32",
});

/**
 * Counts are taken from Hardhat's sum over all runners ("12 passing (5 solidity, 7 mocha)", at the start of the line), and where it
 * prints none, because one runner was named, from that runner's own ("  7 passing (2s)").
 */
const sums = { passing: undefined, failing: undefined, skipped: undefined };
const runners = { passing: 0, failing: 0, skipped: 0 };

function count(line) {
  const match = /^(\s*)(\d+) (passing|failing|skipped|pending)\b(.*)$/.exec(stripVTControlCharacters(line));
  if (match === null) return;
  const [, indent, number, word, rest] = match;
  const kind = word === "pending" ? "skipped" : word;
  if (indent === "" && /^ \(\d+ (solidity|mocha)\b/.test(rest)) sums[kind] = Number(number);
  else runners[kind] += Number(number);
}

let unfinished = "";
run.stdout.on("data", (chunk) => {
  process.stdout.write(chunk);
  const lines = (unfinished + chunk.toString()).split("\n");
  unfinished = lines.pop() ?? "";
  lines.forEach(count);
});

run.on("error", (error) => {
  console.error(`hardhat could not be started: ${error.message}`);
  process.exit(1);
});

run.on("close", (code) => {
  count(unfinished);
  const hasSums = Object.values(sums).some((sum) => sum !== undefined);
  const { passing = 0, failing = 0, skipped = 0 } = hasSums ? sums : runners;
  console.log(`${passing} passed, ${failing} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exit(code === 0 && passing + failing === 0 ? 1 : (code ?? 1) || (failing > 0 ? 1 : 0));
});
