import { getAddress, isAddress } from "ethers";

import { BusError } from "../errors/busError.js";
import { canonicalEnode, parseEnode } from "./enode.js";

/**
 * Where the nodes of the clouds are. The chain says whose nodes are let in, but not where they are: an address on the
 * network is told from operator to operator.
 */
export interface NodesFile {
  /** Nodes with the cloud whose they are; 0 for a validator of an independent operator. */
  readonly nodes: readonly { readonly cloud: number; readonly enode: string }[];
  /** Plain keys that may hold a role: guardian, attester. Only those that do hold one are let in. */
  readonly roleHolders: readonly string[];
}

function refuse(path: string, value: unknown, wanted: string): never {
  const shown = value === undefined ? "nothing" : JSON.stringify(value);
  throw new BusError("BAD_NODES", `${path}: ${shown} is not ${wanted}`);
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads a file of nodes.
 * @throws BusError `BAD_NODES` with path and value.
 */
export function parseNodes(text: string): NodesFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new BusError("BAD_NODES", "not JSON", { cause });
  }
  if (!isObject(json)) return refuse("/", json, "an object");
  const { nodes, roleHolders = [], ...others } = json;
  for (const key of Object.keys(others)) refuse(`/${key}`, others[key], "a known field");
  if (!Array.isArray(nodes)) return refuse("/nodes", nodes, "a list");
  if (!Array.isArray(roleHolders)) return refuse("/roleHolders", roleHolders, "a list");
  return {
    nodes: nodes.map((entry: unknown, i) => {
      if (!isObject(entry)) return refuse(`/nodes/${i}`, entry, "an object");
      const { cloud, enode } = entry;
      if (typeof cloud !== "number" || !Number.isInteger(cloud) || cloud < 0 || cloud >= 2 ** 32) {
        return refuse(`/nodes/${i}/cloud`, cloud, "the id of a cloud, or 0");
      }
      if (typeof enode !== "string" || !parseEnode(enode)) return refuse(`/nodes/${i}/enode`, enode, "an enode URL");
      return { cloud, enode: canonicalEnode(enode) };
    }),
    roleHolders: roleHolders.map((holder: unknown, i) =>
      typeof holder === "string" && isAddress(holder)
        ? getAddress(holder)
        : refuse(`/roleHolders/${i}`, holder, "an address"),
    ),
  };
}
