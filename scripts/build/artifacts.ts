/** What the compiler left behind: artifacts, and for each source the compiler's whole output. */
import { globSync, readFileSync } from "node:fs";

import type { JsonFragment } from "ethers";

/** An artifact as Hardhat writes it, as far as it is needed here. */
export interface Artifact {
  readonly contractName: string;
  /** Path of the source from the project's root, with slashes. */
  readonly sourceName: string;
  readonly inputSourceName: string;
  readonly buildInfoId: string;
  readonly abi: readonly JsonFragment[];
  readonly deployedBytecode: string;
}

/** A member of a contract's storage, or of a struct in it. */
export interface StorageEntry {
  readonly label: string;
  readonly offset: number;
  readonly slot: string;
  readonly type: string;
}

/** A type as the compiler describes it for storage. */
export interface StorageType {
  readonly encoding: string;
  readonly label: string;
  readonly numberOfBytes: string;
  readonly members?: readonly StorageEntry[];
  readonly base?: string;
  readonly key?: string;
  readonly value?: string;
}

/** Where a contract keeps what. */
export interface StorageLayout {
  readonly storage: readonly StorageEntry[];
  readonly types: Readonly<Record<string, StorageType>> | null;
}

/** A node of a syntax tree. */
export interface AstNode {
  readonly nodeType: string;
  readonly name?: string;
  readonly nodes?: readonly AstNode[];
  readonly abstract?: boolean;
  readonly contractKind?: string;
  readonly documentation?: { readonly text: string };
  readonly parameters?: { readonly parameters: readonly Parameter[] };
}

interface Parameter {
  readonly name: string;
  readonly typeDescriptions: { readonly typeString: string };
}

/** What the compiler said about the sources. */
export interface Diagnostic {
  readonly severity: string;
  readonly formattedMessage: string;
  readonly sourceLocation?: { readonly file: string };
}

/** The compiler's output of one run. */
export interface CompilerOutput {
  readonly contracts: Readonly<Record<string, Readonly<Record<string, { readonly storageLayout?: StorageLayout }>>>>;
  readonly sources: Readonly<Record<string, { readonly ast: AstNode }>>;
  readonly errors?: readonly Diagnostic[];
}

const ARTIFACTS = "artifacts";

/** The artifacts of everything under contracts/, mocks left out, in the order of their names. Fails when nothing is built. */
export function readArtifacts(): Artifact[] {
  const artifacts = globSync(`${ARTIFACTS}/contracts/**/*.json`)
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as Artifact)
    .filter(({ sourceName }) => !sourceName.startsWith("contracts/mocks/"));
  if (artifacts.length === 0) throw new Error("Nothing is built: run `npm run build` first");
  return artifacts.sort((a, b) => (a.contractName < b.contractName ? -1 : 1));
}

/** The compiler's output for the artifact, read once for each run of the compiler. */
export function readOutput({ buildInfoId }: Artifact): CompilerOutput {
  const output = outputs.get(buildInfoId) ?? parseOutput(`${ARTIFACTS}/build-info/${buildInfoId}.output.json`);
  outputs.set(buildInfoId, output);
  return output;
}

const outputs = new Map<string, CompilerOutput>();

/**
 * What the compiler said about the sources as they are now, tests and mocks included. Runs whose output was replaced since
 * are still lying about: what they said of a source counts only if its artifacts are of that run.
 */
export function readDiagnostics(): Diagnostic[] {
  const runs = new Map<string, Set<string>>();
  for (const path of globSync(`${ARTIFACTS}/{contracts,test}/**/*.json`)) {
    const { inputSourceName, buildInfoId } = JSON.parse(readFileSync(path, "utf8")) as Artifact;
    runs.set(buildInfoId, (runs.get(buildInfoId) ?? new Set()).add(inputSourceName));
  }
  return [...runs].flatMap(([buildInfoId, sources]) =>
    (parseOutput(`${ARTIFACTS}/build-info/${buildInfoId}.output.json`).errors ?? []).filter(
      ({ sourceLocation }) => sourceLocation === undefined || sources.has(sourceLocation.file),
    ),
  );
}

function parseOutput(path: string): CompilerOutput {
  return (JSON.parse(readFileSync(path, "utf8")) as { output: CompilerOutput }).output;
}

/** The contract's own node in the syntax tree. */
export function contractNode(artifact: Artifact): AstNode {
  const nodes = readOutput(artifact).sources[artifact.inputSourceName]?.ast.nodes ?? [];
  const node = nodes.find(({ nodeType, name }) => nodeType === "ContractDefinition" && name === artifact.contractName);
  if (node === undefined) throw new Error(`${artifact.contractName} is not in the compiler's output`);
  return node;
}

/** Whether the contract can be deployed: no interface, no library, not abstract. */
export function isDeployable(artifact: Artifact): boolean {
  const node = contractNode(artifact);
  return node.contractKind === "contract" && node.abstract !== true;
}
