import { globSync, readFileSync } from "node:fs";

import type { GeneratedFile } from "./file.js";

const RULES_PATH = "docs/invariants.rules.json";
const TESTS = "test/**/*.{test.ts,sol}";

const HEAD = `# Invariants

What holds in every reachable state, whoever does what. Each test that proves a rule has the rule's id in its title or its message.
Model and invariant tests try random histories; \`npm run generate\` makes this page from \`${RULES_PATH}\` and from the tests.
`;

/** Which test files name an id. */
function namedIn(ids: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>(ids.map((id) => [id, []]));
  const unknown: string[] = [];
  for (const path of globSync(TESTS)
    .map((file) => file.replaceAll("\\", "/"))
    .sort()) {
    for (const id of new Set(readFileSync(path, "utf8").match(/INV-[A-Z]+(-[A-Z]+)*/g))) {
      const files = found.get(id);
      if (files === undefined) unknown.push(`${id} in ${path}`);
      else files.push(path);
    }
  }
  if (unknown.length > 0) throw new Error(`Not in ${RULES_PATH}: ${unknown.join(", ")}`);
  return found;
}

/** docs/invariants.md. Fails when a rule has no test that names it, or a test names a rule that is not there. */
export function invariantsPage(): GeneratedFile {
  const rules = JSON.parse(readFileSync(RULES_PATH, "utf8")) as { readonly [id: string]: string };
  const named = namedIn(Object.keys(rules));
  const untested = [...named].filter(([, files]) => files.length === 0).map(([id]) => id);
  if (untested.length > 0) throw new Error(`No test names ${untested.join(", ")}`);
  const rows = Object.entries(rules).map(([id, rule]) => {
    const tests = (named.get(id) ?? []).map((path) => `[${path.replace(/^test\//, "")}](../${path})`);
    return `| ${id} | ${rule} | ${tests.join("<br>")} |`;
  });
  return {
    path: "docs/invariants.md",
    content: [HEAD, "| id | rule | tests that name it |", "| --- | --- | --- |", ...rows, ""].join("\n"),
  };
}
