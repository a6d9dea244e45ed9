/**
 * Runs the tests with all their output, and ends with one plain line: how many passed and failed.
 *
 * Without arguments: all tests, in groups of which three run at once, since one process leaves other cores idle and some wait for
 * programs that they start; the output of each is shown when it has ended. With arguments: `hardhat test` with them.
 * Exit code: 0 if all went well; 1 as well when no test ran at all.
 */
import { spawn, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

const shell = process.platform === "win32";
const env = { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}) };

/** Groups of test files, each in a process of its own; what takes longest comes first, and the last one takes all the rest. */
const GROUPS = [
  /^test[/\\]integration[/\\]/,
  /^test[/\\]unit[/\\](charging|exchange|governance|ledger|oracle|registry|reputation)[/\\]/,
  /^test[/\\]unit[/\\](cli|event-index|gateway)[/\\]/,
  /^test[/\\](attacks|live|model)[/\\]/,
  /^test[/\\]unit[/\\]/,
  /^test[/\\]/,
];
const AT_ONCE = 3;

/**
 * Counts are taken from Hardhat's sum over all runners ("12 passing (5 solidity, 7 mocha)", at the start of the line), and where it
 * prints none, because one runner was named, from that runner's own ("  7 passing (2s)").
 */
function counter() {
  const sums = { passing: undefined, failing: undefined, skipped: undefined };
  const runners = { passing: 0, failing: 0, skipped: 0 };
  let unfinished = "";
  const count = (line) => {
    const match = /^(\s*)(\d+) (passing|failing|skipped|pending)\b(.*)$/.exec(stripVTControlCharacters(line));
    if (match === null) return;
    const [, indent, number, word, rest] = match;
    const kind = word === "pending" ? "skipped" : word;
    if (indent === "" && /^ \(\d+ (solidity|mocha)\b/.test(rest)) sums[kind] = Number(number);
    else runners[kind] += Number(number);
  };
  return {
    take(chunk) {
      const lines = (unfinished + chunk).split("\n");
      unfinished = lines.pop() ?? "";
      lines.forEach(count);
    },
    result() {
      count(unfinished);
      const {
        passing = 0,
        failing = 0,
        skipped = 0,
      } = Object.values(sums).some((sum) => sum !== undefined) ? sums : runners;
      return { passing, failing, skipped };
    },
  };
}

/** Runs `hardhat test` and hands on what it prints. */
function run(args, print) {
  return new Promise((resolve, reject) => {
    const child = spawn("hardhat", ["test", ...args], { stdio: ["inherit", "pipe", "pipe"], env, shell });
    const { take, result } = counter();
    child.stdout.on("data", (chunk) => {
      take(chunk.toString());
      print(chunk);
    });
    child.stderr.on("data", print);
    child.on("error", (error) => reject(new Error(`hardhat could not be started: ${error.message}`)));
    child.on("close", (code) => resolve({ ...result(), code: code ?? 1 }));
  });
}

const show = (chunk) => process.stdout.write(chunk);

/** The test files of each group. */
function grouped() {
  const left = new Set(globSync("test/**/*.test.ts").sort());
  return GROUPS.map((kind) => {
    const own = [...left].filter((file) => kind.test(file));
    for (const file of own) left.delete(file);
    return own;
  }).filter((files) => files.length > 0);
}

async function runAll() {
  const built = spawnSync("hardhat", ["build"], { stdio: "inherit", env, shell });
  if (built.status !== 0) return [{ passing: 0, failing: 0, skipped: 0, code: built.status ?? 1 }];
  const done = [await run(["solidity", "--no-compile"], show)];
  const waiting = grouped();
  const work = async () => {
    for (let files = waiting.shift(); files !== undefined; files = waiting.shift()) {
      const output = [];
      done.push(await run(["mocha", "--no-compile", ...files], (chunk) => output.push(chunk)));
      output.forEach(show);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return done;
}

try {
  const args = process.argv.slice(2);
  const done = args.length > 0 ? [await run(args, show)] : await runAll();
  const sum = (kind) => done.reduce((total, one) => total + one[kind], 0);
  const [passed, failed, skipped] = ["passing", "failing", "skipped"].map(sum);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  const isWell = done.every(({ code }) => code === 0) && failed === 0 && passed > 0;
  process.exitCode = isWell ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
