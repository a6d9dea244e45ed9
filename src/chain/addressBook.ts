import { getAddress, isAddress, isHexString } from "ethers";

import { BusError } from "../errors/busError.js";

/** Where a federation's contracts are, and on which chain. The JSON of it is what operators pass on to each other. */
export interface AddressBook {
  /** Decimal chain id. */
  readonly chainId: string;
  /** Hash of block 0: two chains may share an id, never this. */
  readonly genesisHash: string;
  readonly contracts: {
    readonly AccessManager: string;
    readonly CloudRegistry: string;
    readonly CapacityExchange: string;
    readonly MigrationLedger: string;
    readonly ValidatorSet: string;
    readonly FederationGovernor: string;
  };
}

/** Names of the contracts in an address book. */
export const CONTRACT_NAMES = [
  "AccessManager",
  "CloudRegistry",
  "CapacityExchange",
  "MigrationLedger",
  "ValidatorSet",
  "FederationGovernor",
] as const;

/** Name of a contract in an address book. */
export type ContractName = (typeof CONTRACT_NAMES)[number];

/** JSON Schema (2020-12) of the address book. */
export const ADDRESS_BOOK_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Address book of a BlockchainBus federation",
  type: "object",
  additionalProperties: false,
  required: ["chainId", "genesisHash", "contracts"],
  properties: {
    chainId: { type: "string", pattern: "^[1-9][0-9]*$" },
    genesisHash: { type: "string", pattern: "^0x[0-9a-f]{64}$" },
    contracts: {
      type: "object",
      additionalProperties: false,
      required: [...CONTRACT_NAMES],
      properties: Object.fromEntries(
        CONTRACT_NAMES.map((name) => [name, { type: "string", pattern: "^0x[0-9a-fA-F]{40}$" }]),
      ),
    },
  },
} as const;

function refuse(path: string, value: unknown, wanted: string): never {
  throw new BusError("BAD_ADDRESS_BOOK", `${path}: ${JSON.stringify(value)} is not ${wanted}`);
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Checks an address book that came from outside.
 * @throws BusError `BAD_ADDRESS_BOOK` with path and value.
 */
export function parseAddressBook(json: unknown): AddressBook {
  if (!isObject(json)) return refuse("/", json, "an object");
  for (const key of Object.keys(json)) {
    if (!["chainId", "genesisHash", "contracts"].includes(key)) refuse(`/${key}`, json[key], "a known field");
  }
  const { chainId, genesisHash, contracts } = json;
  if (typeof chainId !== "string" || !/^[1-9][0-9]*$/.test(chainId))
    return refuse("/chainId", chainId, "a decimal string");
  if (typeof genesisHash !== "string" || !isHexString(genesisHash, 32)) {
    return refuse("/genesisHash", genesisHash, "32 bytes in hex");
  }
  if (!isObject(contracts)) return refuse("/contracts", contracts, "an object");
  const address = (name: string): string => {
    const value = contracts[name];
    return typeof value === "string" && isAddress(value)
      ? getAddress(value)
      : refuse(`/contracts/${name}`, value, "an address");
  };
  for (const key of Object.keys(contracts)) {
    if (!CONTRACT_NAMES.some((name) => name === key)) refuse(`/contracts/${key}`, contracts[key], "a known contract");
  }
  return {
    chainId,
    genesisHash: genesisHash.toLowerCase(),
    contracts: {
      AccessManager: address("AccessManager"),
      CloudRegistry: address("CloudRegistry"),
      CapacityExchange: address("CapacityExchange"),
      MigrationLedger: address("MigrationLedger"),
      ValidatorSet: address("ValidatorSet"),
      FederationGovernor: address("FederationGovernor"),
    },
  };
}
