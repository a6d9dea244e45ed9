import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { computeAddress, dataSlice, getAddress, keccak256, toUtf8Bytes } from "ethers";

import { NetworkError } from "../networkError.js";
import { FOUNDERS_SCHEMA } from "./schema.js";

/** Where a founder's node is reached by the others, and the key it seals blocks with. */
export interface FounderNode {
  /** Uncompressed public key without its first byte: 64 bytes. Missing until it is generated. */
  readonly publicKey?: string;
  /** IPv4 address. */
  readonly host: string;
  readonly p2pPort: number;
}

/** A cloud that founds the federation. */
export interface Founder {
  readonly label: string;
  readonly account: string;
  readonly recovery: string;
  readonly endpoint: string;
  /** SHA-256 of the endpoint's public key (SubjectPublicKeyInfo). */
  readonly spkiHash: string;
  readonly node: FounderNode;
}

/** The founding document: all that a genesis file depends on. */
export interface Founders {
  readonly $schema?: string;
  readonly name: string;
  /** 32 random bytes: no two federations have the same chain id, however alike they are. */
  readonly salt: string;
  /** Time of block 0, in UTC. Past when the genesis file is made. */
  readonly foundedAt: string;
  /** Whether this is a test federation, with delays shorter than the contracts allow elsewhere. */
  readonly isTest?: boolean;
  readonly clouds: readonly Founder[];
  readonly guardian: string;
  readonly attester: string;
  /** Governance's own parameters, in seconds. */
  readonly governance?: {
    readonly slowDelay?: number;
    readonly votingPeriod?: number;
    readonly executeWithin?: number;
  };
  /** Parameters of the validator set, in seconds. */
  readonly validators?: { readonly additionInterval?: number; readonly returnWait?: number };
  /** Governed time limits of the ledger, in seconds; `ignition/parameters.ts` has the defaults. */
  readonly limits?: { readonly [limit: string]: number };
  readonly consensus?: {
    readonly blockPeriodSeconds?: number;
    readonly requestTimeoutSeconds?: number;
    readonly blockGasLimit?: number;
  };
}

/** A founder whose node has its key. */
export interface CompleteFounder extends Founder {
  readonly node: Required<FounderNode>;
}

/** A founding document in which every node has its key: a genesis file can be made. */
export interface CompleteFounders extends Founders {
  readonly clouds: readonly CompleteFounder[];
}

const ajv = new Ajv2020({ strict: true, verbose: true });
const validate = ajv.compile<Founders>(FOUNDERS_SCHEMA);

function fail(path: string, problem: string): never {
  throw new NetworkError("BAD_FOUNDERS", `${path || "/"}: ${problem}`);
}

function describe({ instancePath, params, keyword, data, message }: ErrorObject): never {
  if (keyword === "additionalProperties") fail(`${instancePath}/${String(params.additionalProperty)}`, "unknown key");
  if (keyword === "required") fail(instancePath, `${String(params.missingProperty)} is missing`);
  const value = JSON.stringify(data);
  return fail(
    instancePath,
    `${value.length > 80 ? `${value.slice(0, 77)}...` : value} ${message ?? "is not allowed here"}`,
  );
}

/**
 * Reads a founding document and checks it: form, addresses, time, and that no label, key or place is used twice.
 * @param text JSON.
 * @throws NetworkError `BAD_FOUNDERS` with path and value.
 */
export function parseFounders(text: string): Founders {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ");
    throw new NetworkError("BAD_FOUNDERS", `not JSON: ${reason}`, { cause });
  }
  if (!validate(json)) {
    const first = validate.errors?.[0];
    return first ? describe(first) : fail("", "not a founding document");
  }
  if (Number.isNaN(Date.parse(json.foundedAt))) fail("/foundedAt", `${json.foundedAt} is no date`);
  requireDistinct(json);
  return json;
}

/** A key in two roles would be refused by the registry, with an error that does not know this file. */
function requireDistinct(founders: Founders): void {
  const seen = new Map<string, string>();
  const once = (path: string, value: string, kind: string): void => {
    const key = `${kind} ${value.toLowerCase()}`;
    const before = seen.get(key);
    if (before !== undefined) fail(path, `${value} stands at ${before} already`);
    seen.set(key, path);
  };
  const address = (path: string, value: string): void => {
    try {
      getAddress(value);
    } catch {
      fail(path, `${value} has a wrong checksum`);
    }
    if (/^0x0{40}$/.test(value)) fail(path, `${value} is nobody`);
  };
  founders.clouds.forEach(({ label, account, recovery, node }, i) => {
    const path = `/clouds/${i}`;
    once(`${path}/label`, label, "label");
    for (const [name, value] of [
      ["account", account],
      ["recovery", recovery],
    ] as const) {
      address(`${path}/${name}`, value);
      once(`${path}/${name}`, value, "key");
    }
    if (node.publicKey !== undefined) {
      const validator = addressOfNode(`${path}/node/publicKey`, node.publicKey);
      once(`${path}/node/publicKey`, validator, "key");
    }
    once(`${path}/node`, `${node.host}:${node.p2pPort}`, "place");
  });
  address("/guardian", founders.guardian);
  address("/attester", founders.attester);
}

function addressOfNode(path: string, publicKey: string): string {
  try {
    return validatorOf(publicKey);
  } catch {
    return fail(path, `${publicKey.slice(0, 18)}... is no point of secp256k1`);
  }
}

/** The address with which a node of a public key seals blocks. */
export function validatorOf(publicKey: string): string {
  return computeAddress(`0x04${publicKey.slice(2)}`);
}

/** The URL by which nodes find each other. */
export function enodeOf({ publicKey, host, p2pPort }: Required<FounderNode>): string {
  return `enode://${publicKey.slice(2)}@${host}:${p2pPort}`;
}

/**
 * Checks that every founder's node has its key.
 * @throws NetworkError `BAD_FOUNDERS` with the path of the first that is missing.
 */
export function requireComplete(founders: Founders): CompleteFounders {
  founders.clouds.forEach(({ node }, i) => {
    if (node.publicKey === undefined)
      fail(`/clouds/${i}/node`, "publicKey is missing (with --generate-keys it is made here)");
  });
  return founders as CompleteFounders; // every node was looked at
}

/**
 * JSON in one form only: keys in the order of their code units, no blanks (RFC 8785, which is this for strings, integers
 * and booleans).
 */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}

/** Keccak-256 of the founding document in its canonical form (RFC 8785), `$schema` left out. */
export function foundingHash(founders: Founders): string {
  return keccak256(toUtf8Bytes(canonical({ ...founders, $schema: undefined })));
}

/** The chain id: the first 6 bytes of the founding document's hash. */
export function chainIdOf(founders: Founders): bigint {
  return BigInt(dataSlice(foundingHash(founders), 0, 6));
}

/** Time of block 0, in seconds since the epoch. */
export function foundedAtSeconds(founders: Founders): number {
  return Date.parse(founders.foundedAt) / 1_000;
}
