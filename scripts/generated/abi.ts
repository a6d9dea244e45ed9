import { Interface } from "ethers";

import type { Artifact } from "../build/artifacts.js";
import { contractNode, isDeployable } from "../build/artifacts.js";
import type { GeneratedFile } from "./file.js";
import { asJson } from "./file.js";

/** One readable file for each contract and interface: what can be called, emitted and refused, with selectors and topics. */
export function abiSnapshots(artifacts: readonly Artifact[]): GeneratedFile[] {
  return artifacts
    .filter((artifact) => contractNode(artifact).contractKind === "interface" || isDeployable(artifact))
    .map(abiSnapshot);
}

function abiSnapshot({ abi, contractName, sourceName }: Artifact): GeneratedFile {
  const contract = new Interface(abi);
  const constructors = abi.some(({ type }) => type === "constructor") ? [contract.deploy.format("full")] : [];
  const functions: string[] = [];
  const events: string[] = [];
  const errors: string[] = [];
  contract.forEachFunction((entry) => functions.push(`${entry.selector} ${entry.format("full")}`));
  contract.forEachEvent((entry) => events.push(`${entry.topicHash} ${entry.format("full")}`));
  contract.forEachError((entry) => errors.push(`${entry.selector} ${entry.format("full")}`));
  return {
    path: `snapshots/abi/${contractName}.json`,
    content: asJson({
      contract: contractName,
      source: sourceName,
      constructors,
      functions: functions.sort(byName),
      events: events.sort(byName),
      errors: errors.sort(byName),
    }),
  };
}

/** Orders by what follows the selector, so that an entry with a changed argument stays where it was. */
function byName(a: string, b: string): number {
  const name = (entry: string): string => entry.slice(entry.indexOf(" "));
  return name(a) < name(b) ? -1 : 1;
}
