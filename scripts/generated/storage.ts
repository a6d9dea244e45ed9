import type { Artifact, StorageEntry, StorageLayout } from "../build/artifacts.js";
import { isDeployable, readOutput } from "../build/artifacts.js";
import type { GeneratedFile } from "./file.js";
import { asJson } from "./file.js";

/** One readable file for each contract that can be deployed: which slot and byte holds what, structs member by member. */
export function storageSnapshots(artifacts: readonly Artifact[]): GeneratedFile[] {
  return artifacts.filter(isDeployable).map((artifact) => {
    const layout = readOutput(artifact).contracts[artifact.inputSourceName]?.[artifact.contractName]?.storageLayout;
    if (layout === undefined) throw new Error(`The compiler was not asked for the storage of ${artifact.contractName}`);
    return {
      path: `snapshots/storage/${artifact.contractName}.json`,
      content: asJson({
        contract: artifact.contractName,
        storage: layout.storage.map((entry) => describe(entry, layout)),
        structs: structs(layout),
      }),
    };
  });
}

/** "slot 3, bytes 0-19: address account": what changes when the layout does, and nothing else. */
function describe({ slot, offset, label, type }: StorageEntry, { types }: StorageLayout): string {
  const { label: name = type, numberOfBytes = "32" } = types?.[type] ?? {};
  const bytes = Number(numberOfBytes);
  const place = bytes <= 32 ? `, bytes ${offset}-${offset + bytes - 1}` : `, ${bytes / 32} slots`;
  return `slot ${slot}${place}: ${name} ${label}`;
}

function structs(layout: StorageLayout): Record<string, string[]> {
  const found = Object.values(layout.types ?? {})
    .filter(({ members }) => members !== undefined)
    .sort((a, b) => (a.label < b.label ? -1 : 1))
    .map(({ label, members = [] }) => [label, members.map((member) => describe(member, layout))] as const);
  return Object.fromEntries(found);
}
