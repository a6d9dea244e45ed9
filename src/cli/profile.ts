import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { isHexString } from "ethers";

import { BusError } from "../errors/busError.js";
import { readJson } from "./files.js";
import type { Io } from "./io.js";

/** What an operator need not type every time. Paths are absolute. */
export interface Profile {
  /** JSON-RPC nodes over HTTP, asked in their order until one answers. */
  readonly rpc: readonly string[];
  /** The address book's file. */
  readonly addresses: string | undefined;
  /** For which cloud is signed and sent; found by the key if it is left out. */
  readonly cloud: number | undefined;
  /** The encrypted key: keystore version 3. */
  readonly keystore: string | undefined;
  /** Where the signing desk writes down what it signs. */
  readonly journal: string;
  /** Where transactions are kept until they are seen through. */
  readonly outbox: string;
  /** Makes ids of VMs' own names: see {@link "./vmNames.js"}. */
  readonly salt: string | undefined;
  /** How far the chain's newest block may be from the clock when something is signed. */
  readonly maxHeadAgeMs: number | undefined;
}

const bytes32 = { type: "string", pattern: "^0x[0-9a-fA-F]{64}$" } as const;
const path = { type: "string", minLength: 1 } as const;

/** JSON Schema (2020-12) of the profile file. */
export const PROFILE_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Profile of the command line of BlockchainBus",
  description: "Paths are relative to the folder of the file. No field is required: options say what is missing.",
  type: "object",
  additionalProperties: false,
  properties: {
    rpc: {
      description: "JSON-RPC node over HTTP, or several that are asked in their order until one answers",
      anyOf: [path, { type: "array", items: path, minItems: 1 }],
    },
    addresses: { ...path, description: "file of the federation's address book" },
    cloud: {
      type: "integer",
      minimum: 1,
      maximum: 4_294_967_295,
      description: "number of the cloud for which is signed and sent; found by the key if it is left out",
    },
    keystore: { ...path, description: "file of the encrypted key, version 3; only its owner may read it" },
    journal: {
      ...path,
      description: "file in which the signing desk writes down what it signs; blockchainbus-journal.jsonl by default",
    },
    outbox: {
      ...path,
      description:
        "file in which transactions are kept until they are seen through; blockchainbus-outbox.sqlite by default",
    },
    salt: { ...bytes32, description: "32 random bytes: with it a VM's own name makes its local id" },
    maxHeadAgeMs: {
      type: "integer",
      minimum: 1,
      description: "how far the chain's newest block may be from the clock when something is signed; 3000 by default",
    },
  },
} as const;

function refuse(where: string, value: unknown, wanted: string): never {
  throw new BusError("BAD_PROFILE", `${where}: ${JSON.stringify(value)} is not ${wanted}`);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** No profile: everything comes from options. */
export function emptyProfile(folder: string): Profile {
  return parseProfile({}, folder);
}

/**
 * Checks a profile that came from a file.
 * @param folder Where the file is: its paths are relative to it.
 * @throws BusError `BAD_PROFILE` with path and value.
 */
export function parseProfile(json: unknown, folder: string): Profile {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return refuse("/", json, "an object");
  const given = json as { readonly [field: string]: unknown };
  for (const key of Object.keys(given)) {
    if (!(key in PROFILE_SCHEMA.properties)) refuse(`/${key}`, given[key], "a known field");
  }
  const { rpc, cloud, salt, maxHeadAgeMs } = given;
  const file = (name: "addresses" | "keystore" | "journal" | "outbox"): string | undefined => {
    const value = given[name];
    if (value === undefined) return undefined;
    return isText(value) ? resolve(folder, value) : refuse(`/${name}`, value, "a path");
  };
  const integer = (name: string, value: unknown, most: number): number | undefined =>
    value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most)
      ? (value as number | undefined)
      : refuse(`/${name}`, value, "a number from 1");
  return {
    rpc: rpcOf(rpc),
    addresses: file("addresses"),
    cloud: integer("cloud", cloud, 2 ** 32 - 1),
    keystore: file("keystore"),
    journal: file("journal") ?? resolve(folder, "blockchainbus-journal.jsonl"),
    outbox: file("outbox") ?? resolve(folder, "blockchainbus-outbox.sqlite"),
    salt: salt === undefined || isHexString(salt, 32) ? salt : refuse("/salt", salt, "32 bytes in hex"),
    maxHeadAgeMs: integer("maxHeadAgeMs", maxHeadAgeMs, Number.MAX_SAFE_INTEGER),
  };
}

function rpcOf(rpc: unknown): readonly string[] {
  if (rpc === undefined) return [];
  if (isText(rpc)) return [rpc];
  const isList = Array.isArray(rpc) && rpc.length > 0 && (rpc as unknown[]).every(isText);
  return isList ? (rpc as string[]) : refuse("/rpc", rpc, "a URL or a list of them");
}

/** Name of the profile's file where none is named: in the working folder, then in the user's. */
const NAME = "blockchainbus.json";

function findProfile(env: Io["env"]): string | undefined {
  const config = env.XDG_CONFIG_HOME ?? join(env.HOME ?? homedir(), ".config");
  return [resolve(NAME), join(config, "blockchainbus", NAME)].find((candidate) => existsSync(candidate));
}

/**
 * The profile of a file, of the one that `BLOCKCHAINBUS_PROFILE` names, or of the one in its usual places.
 * @throws BusError `BAD_PROFILE` if it is wrong, or the one that was named is not there.
 */
export async function loadProfile(named: string | undefined, env: Io["env"]): Promise<Profile> {
  const file = named ?? env.BLOCKCHAINBUS_PROFILE ?? findProfile(env);
  if (file === undefined) return emptyProfile(process.cwd());
  const json = await readJson(file, "BAD_PROFILE");
  try {
    return parseProfile(json, dirname(resolve(file)));
  } catch (thrown) {
    if (!(thrown instanceof BusError)) throw thrown;
    throw new BusError(thrown.code, `${file}: ${thrown.message}`, { cause: thrown });
  }
}
