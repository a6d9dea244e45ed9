/**
 * Measures a part of the gas benchmark anew and compares it with what is committed in bench/results/gas.json.
 * Fails when a figure differs by more than 1 %, in whichever direction: a better figure is to be committed as well.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface GasRow {
  readonly operation: string;
  readonly lines: number;
  readonly registered: number;
  readonly gas: number;
}

const BENCH = "bench/gas.ts";
const COMMITTED = "bench/results/gas.json";
const TOLERANCE = 0.01;

function readRows(path: string): GasRow[] {
  return (JSON.parse(readFileSync(path, "utf8")) as { rows: GasRow[] }).rows;
}

/** The rows of the smallest federation, measured now. */
function measure(): GasRow[] {
  const folder = mkdtempSync(join(tmpdir(), "gas-"));
  const file = join(folder, "gas.json");
  try {
    const { status, stdout, stderr } = spawnSync("tsx", [BENCH, "--quick", "--json", file], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${stdout}${stderr}\n${BENCH} --quick failed`);
    return readRows(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is wrong with a measured row, or undefined. */
function problemOf(row: GasRow, committed: ReadonlyMap<string, number>): string | undefined {
  const before = committed.get(key(row));
  if (before === undefined) return `${key(row)}: ${row.gas}, not in ${COMMITTED}`;
  const change = (row.gas - before) / before;
  return Math.abs(change) > TOLERANCE
    ? `${key(row)}: ${before} -> ${row.gas} (${(change * 100).toFixed(1)} %)`
    : undefined;
}

function key({ operation, lines, registered }: GasRow): string {
  return `${operation}, ${lines} lines, ${registered} VMs`;
}

function main(): void {
  const missing = [BENCH, COMMITTED].filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`Gas is not checked: ${missing.join(" and ")} missing`);

  const committed = new Map(readRows(COMMITTED).map((row) => [key(row), row.gas]));
  const measured = measure();
  if (measured.length === 0) throw new Error(`Gas is not checked: ${BENCH} --quick measured nothing`);

  const problems = measured.map((row) => problemOf(row, committed)).filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    throw new Error(`${problems.join("\n")}\nIf that is meant, run \`npm run bench:gas\` and commit ${COMMITTED}.`);
  }
  console.log(`${measured.length} gas figures are within 1 % of ${COMMITTED}`);
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
