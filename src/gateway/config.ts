import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";

import { type AddressBook, parseAddressBook } from "../chain/addressBook.js";
import { BusError } from "../errors/busError.js";
import type { NodeAddress } from "../submission/nodeAddress.js";
import type { Schema } from "./schema.js";

/** What an operator writes down for a gateway. Paths are relative to the file. */
export interface GatewayConfig {
  /** Nodes that the operator trusts: the first one that answers is asked, the others when it does not. */
  readonly nodes: readonly NodeAddress[];
  readonly addressBook: AddressBook;
  /** The gateway's URI, as others reach it; its origin is that of the cloud's endpoint in the registry. */
  readonly uri: string;
  /** Number of the gateway's cloud. */
  readonly cloud: number;
  readonly key: { readonly file: string; readonly passwordFile?: string };
  /** Folder of the databases; made if it is not there. */
  readonly data: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Without it the gateway speaks plain HTTP, for a proxy on the same machine. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Whether a proxy in front of it tells the caller's address. */
  readonly trustProxy: boolean;
  /** First block with an event of the contracts. */
  readonly startBlock: number;
  /** How often the node is asked for its head, in milliseconds. */
  readonly pollMs: number;
  /** How long a receipt is waited for, in milliseconds. */
  readonly receiptMs: number;
  /** How long a token is good, in minutes. */
  readonly tokenMinutes: number;
  /** Requests a minute: of one cloud, or of one address without a token. */
  readonly requestsPerMinute: number;
  /** Event streams at a time. */
  readonly streams: number;
  /** For how many days an answer to an idempotency key is kept. */
  readonly keepDays: number;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "silent";
}

const path = { type: "string", minLength: 1 } as const;

/** JSON Schema (2020-12) of the configuration. */
export const GATEWAY_CONFIG_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Configuration of a BlockchainBus gateway",
  type: "object",
  additionalProperties: false,
  required: ["nodes", "addressBook", "uri", "cloud", "key", "data"],
  properties: {
    nodes: {
      type: "array",
      minItems: 1,
      description: "Nodes that you trust: the first one that answers is asked, the others when it does not",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["http"],
        properties: {
          http: { type: "string", pattern: "^https?://", description: "JSON-RPC" },
          ws: { type: "string", pattern: "^wss?://", description: "JSON-RPC by WebSocket, for the new heads" },
        },
      },
    },
    addressBook: { ...path, description: "File of the federation's address book" },
    uri: { type: "string", pattern: "^https?://", description: "As others reach it" },
    cloud: { type: "integer", minimum: 1, maximum: 4_294_967_295 },
    key: {
      type: "object",
      additionalProperties: false,
      required: ["file"],
      properties: { file: path, passwordFile: path },
    },
    data: { ...path, description: "Folder of the databases" },
    listen: {
      type: "object",
      additionalProperties: false,
      required: ["port"],
      properties: {
        host: { type: "string", minLength: 1, default: "127.0.0.1" },
        port: { type: "integer", minimum: 0, maximum: 65_535 },
      },
      default: { host: "127.0.0.1", port: 8_080 },
    },
    tls: {
      type: "object",
      additionalProperties: false,
      required: ["certFile", "keyFile"],
      properties: { certFile: path, keyFile: path },
    },
    trustProxy: { type: "boolean", default: false },
    startBlock: { type: "integer", minimum: 0, default: 0 },
    pollMs: { type: "integer", minimum: 10, maximum: 10_000, default: 200 },
    receiptMs: { type: "integer", minimum: 1_000, maximum: 600_000, default: 30_000 },
    tokenMinutes: { type: "integer", minimum: 1, maximum: 60, default: 15 },
    requestsPerMinute: { type: "integer", minimum: 1, default: 3_000 },
    streams: { type: "integer", minimum: 1, default: 256 },
    keepDays: { type: "integer", minimum: 1, default: 7 },
    logLevel: { enum: ["fatal", "error", "warn", "info", "debug", "silent"], default: "info" },
  },
} as const satisfies Schema;

type ConfigFile = Omit<GatewayConfig, "addressBook"> & { readonly addressBook: string };

const validate = new Ajv2020({ useDefaults: true, verbose: true }).compile<ConfigFile>(GATEWAY_CONFIG_SCHEMA);

function shown({ instancePath, keyword, params, message, data }: ErrorObject): string {
  const { missingProperty, additionalProperty } = params as { readonly [name: string]: unknown };
  if (keyword === "required") return `${instancePath}/${String(missingProperty)} is missing`;
  if (keyword === "additionalProperties") return `${instancePath}/${String(additionalProperty)} is not known`;
  return `${instancePath || "/"}: ${JSON.stringify(data)} ${message ?? "is wrong"}`;
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new BusError("BAD_CONFIG", `${file} cannot be read`, { cause });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BusError("BAD_CONFIG", `${file}: not JSON`, { cause });
  }
}

/**
 * Reads a gateway's configuration and the address book that it names.
 * @throws BusError `BAD_CONFIG`, `BAD_ADDRESS_BOOK` with path and value.
 */
export async function readGatewayConfig(file: string): Promise<GatewayConfig> {
  const json = await readJson(file);
  if (!validate(json)) {
    const [first] = validate.errors ?? [];
    throw new BusError("BAD_CONFIG", `${file}: ${first ? shown(first) : "not a configuration"}`);
  }
  const at = (name: string): string => resolve(dirname(file), name);
  const { addressBook, key, tls, data, uri, ...rest } = json;
  if (!URL.canParse(uri)) throw new BusError("BAD_CONFIG", `${file}: /uri: ${JSON.stringify(uri)} is no URI`);
  const { passwordFile } = key;
  return {
    ...rest,
    uri,
    addressBook: parseAddressBook(await readJson(at(addressBook))),
    key: { file: at(key.file), ...(passwordFile === undefined ? {} : { passwordFile: at(passwordFile) }) },
    data: at(data),
    ...(tls === undefined ? {} : { tls: { certFile: at(tls.certFile), keyFile: at(tls.keyFile) } }),
  };
}
