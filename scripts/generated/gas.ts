import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";

import type { GeneratedFile } from "./file.js";

interface GasRow {
  readonly operation: string;
  readonly lines: number;
  readonly gas: number;
}

const MEASURED = "bench/results/gas.json";
const PATH = "src/submission/measuredGas.ts";

/** The action that a row of the benchmark measures: `agreeBetweenHosts` is `agree`, `record2` is `record`. */
function actionOf(operation: string, actions: readonly string[]): string | undefined {
  const fitting = actions.filter(
    (action) => operation.startsWith(action) && /^([A-Z0-9].*)?$/.test(operation.slice(action.length)),
  );
  return fitting.sort((a, b) => b.length - a.length)[0];
}

/** A straight line above all measured points: gas of one line, and of each further one if groups were measured. */
function lineAbove(points: readonly GasRow[]): string {
  const first = Math.max(...points.filter(({ lines }) => lines === 1).map(({ gas }) => gas));
  const slopes = points.filter(({ lines }) => lines > 1).map(({ gas, lines }) => (gas - first) / (lines - 1));
  const further = slopes.length === 0 ? "" : `, further: ${format(Math.ceil(Math.max(0, ...slopes)))}`;
  return `{ first: ${format(first)}${further} }`;
}

/** The gas that each action was measured to use, for the limits of what is sent. */
export function measuredGas(): GeneratedFile {
  const actions = globSync("src/actions/{exchange,ledger,registry,oracle,charging,reputation,governance}/*.ts").map(
    (path) => basename(path, ".ts"),
  );
  const { rows } = JSON.parse(readFileSync(MEASURED, "utf8")) as { rows: GasRow[] };
  const byAction = new Map<string, GasRow[]>();
  for (const row of rows) {
    const action = actionOf(row.operation, actions);
    if (action !== undefined) byAction.set(action, [...(byAction.get(action) ?? []), row]);
  }
  const entries = [...byAction]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([action, points]) => `  ${action}: ${lineAbove(points)},\n`);
  const content = `// Made from ${MEASURED} by \`npm run generate\`: not to be edited.

/** Gas of an action in the steady state: with one line, and for each further one where groups were measured. */
export const MEASURED_GAS: { readonly [action: string]: { readonly first: number; readonly further?: number } } = {
${entries.join("")}};
`;
  return { path: PATH, content };
}

function format(amount: number): string {
  return String(amount).replace(/\B(?=(\d{3})+$)/g, "_");
}
