/**
 * Writes the committed files that are made from the contracts: docs/errors.md, snapshots of ABIs and of storage layouts;
 * docs/invariants.md, from its rules and the tests that name them; docs/cli.md, from the program's own help; the schemas that
 * the package publishes; the gas that was measured, for the limits of what is sent; and the page of the evaluation.
 * With `--check` writes nothing, and fails when a committed file differs or is left over.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { readArtifacts } from "./build/artifacts.js";
import { abiSnapshots } from "./generated/abi.js";
import { commandLinePage } from "./generated/commandLine.js";
import { errorsPage } from "./generated/errors.js";
import { evaluationPage } from "./generated/evaluation.js";
import type { GeneratedFile } from "./generated/file.js";
import { measuredGas } from "./generated/gas.js";
import { invariantsPage } from "./generated/invariants.js";
import { publishedSchemas } from "./generated/schema.js";
import { storageSnapshots } from "./generated/storage.js";

async function generate(): Promise<GeneratedFile[]> {
  const artifacts = readArtifacts();
  return [
    errorsPage(artifacts),
    invariantsPage(),
    await commandLinePage(),
    ...abiSnapshots(artifacts),
    ...storageSnapshots(artifacts),
    ...publishedSchemas(),
    measuredGas(),
    evaluationPage(),
  ];
}

/** Snapshots of contracts that are no more. */
function leftOver(files: readonly GeneratedFile[]): string[] {
  const wanted = new Set(files.map(({ path }) => path));
  return globSync("snapshots/{abi,storage}/*.json")
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !wanted.has(path));
}

function check(files: readonly GeneratedFile[]): void {
  const stale = files.filter(({ path, content }) => !existsSync(path) || readFileSync(path, "utf8") !== content);
  const problems = [...stale.map(({ path }) => path), ...leftOver(files)];
  if (problems.length === 0) {
    console.log(`${files.length} generated files are up to date`);
    return;
  }
  console.error(`Not up to date: ${problems.join(", ")}. Run \`npm run generate\` and commit what it writes.`);
  process.exitCode = 1;
}

function write(files: readonly GeneratedFile[]): void {
  for (const path of leftOver(files)) rmSync(path);
  for (const { path, content } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  console.log(`${files.length} files written`);
}

async function main(): Promise<void> {
  try {
    const files = await generate();
    if (process.argv.includes("--check")) check(files);
    else write(files);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

await main();
