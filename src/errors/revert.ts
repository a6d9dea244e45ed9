import { type ErrorFragment, Interface, isHexString } from "ethers";

import { AccessManager__factory } from "../typechain/factories/@openzeppelin/contracts/access/manager/AccessManager__factory.js";
import { ICapacityExchange__factory } from "../typechain/factories/contracts/exchange/ICapacityExchange__factory.js";
import { CapacityExchange__factory } from "../typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { FederationGovernor__factory } from "../typechain/factories/contracts/governance/FederationGovernor__factory.js";
import { ValidatorSet__factory } from "../typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { MigrationLedger__factory } from "../typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { MigrationLedgerChanges__factory } from "../typechain/factories/contracts/ledger/MigrationLedgerChanges__factory.js";
import { MigrationLedgerExits__factory } from "../typechain/factories/contracts/ledger/MigrationLedgerExits__factory.js";
import { CloudRegistry__factory } from "../typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { BusError } from "./busError.js";

/** Errors of the virtual machine itself, and of libraries where no ABI of ours has them. */
const BUILT_IN = [
  "error Error(string reason)",
  "error Panic(uint256 code)",
  "error ResourceVector_TopBitSet(uint256 word)",
];

const ERRORS = new Interface(
  [
    new Interface(BUILT_IN),
    new Interface(CloudRegistry__factory.abi),
    new Interface(ICapacityExchange__factory.abi),
    new Interface(CapacityExchange__factory.abi),
    new Interface(MigrationLedger__factory.abi),
    new Interface(MigrationLedgerExits__factory.abi),
    new Interface(MigrationLedgerChanges__factory.abi),
    new Interface(AccessManager__factory.abi),
    new Interface(ValidatorSet__factory.abi),
    new Interface(FederationGovernor__factory.abi),
  ].flatMap((part) => part.fragments.filter((fragment): fragment is ErrorFragment => fragment.type === "error")),
);

/** One argument of a contract's error. */
export type RevertValue = string | bigint | boolean | readonly RevertValue[];

/** A contract refused. Branch on `errorName`. */
export class RevertError extends BusError {
  override readonly name = "RevertError";

  constructor(
    /** Name of the custom error, or `Error`, `Panic`, `Unknown`. */
    readonly errorName: string,
    /** Its arguments by name. */
    readonly args: Readonly<{ [name: string]: RevertValue }>,
    /** The bytes that came with the revert. */
    readonly data: string,
    options?: ErrorOptions,
  ) {
    super("REVERTED", formatRevert(errorName, args), options);
  }
}

function formatRevert(name: string, args: Readonly<{ [name: string]: RevertValue }>): string {
  const list = Object.entries(args).map(([key, value]) => `${key}: ${String(value)}`);
  return `${name}(${list.join(", ")})`;
}

/**
 * The error in revert data, by name and arguments.
 * @returns A `RevertError`; its name is `Unknown` if no contract of BlockchainBus knows the selector.
 */
export function decodeRevert(data: string, options?: ErrorOptions): RevertError {
  const known = decodeKnown(data);
  return known
    ? new RevertError(known.name, known.args, data, options)
    : new RevertError("Unknown", { data }, data, options);
}

/** Names of arguments that ethers leaves out. */
const BUILT_IN_NAMES: { readonly [error: string]: string } = { Error: "reason", Panic: "code" };

function decodeKnown(
  data: string,
): { readonly name: string; readonly args: Readonly<{ [name: string]: RevertValue }> } | undefined {
  if (data.length < SELECTOR_LENGTH) return undefined;
  const fragment = ERRORS.getError(data.slice(0, SELECTOR_LENGTH));
  if (!fragment) return undefined;
  try {
    const values = ERRORS.decodeErrorResult(fragment, data).toArray(true) as RevertValue[];
    const args: { [name: string]: RevertValue } = {};
    fragment.inputs.forEach((input, index) => {
      const name = input.name || (BUILT_IN_NAMES[fragment.name] ?? String(index));
      args[name] = values[index] ?? "";
    });
    return { name: fragment.name, args };
  } catch {
    // A known selector before bytes that are not its arguments.
    return undefined;
  }
}

/** `0x` and four bytes. */
const SELECTOR_LENGTH = 10;

/** Fields under which nodes and libraries hide revert data: ethers, Hardhat, Besu (`data`, `revertReason`), geth. */
const CARRIERS = ["data", "revertReason", "error", "info", "cause", "receipt", "result", "body"] as const;

/** JSON-RPC's code for a reverted call, as Besu and geth give it. */
const REVERTED_CODE = 3;

/**
 * Revert data in whatever a node or library threw: ethers' `CALL_EXCEPTION` with or without `data`, the JSON-RPC error
 * inside it (code 3 of Besu and geth), Hardhat's provider error, a receipt with `revertReason`, a JSON body as text, the
 * bare hex.
 * @returns Hex, `0x` for a revert without data; undefined if nothing of the kind is there.
 */
export function findRevertData(thrown: unknown): string | undefined {
  return search(thrown, dataOf) ?? search(thrown, (value) => (isBareRevert(value) ? "0x" : undefined));
}

/** The first thing found in a value or in what it carries. */
function search(
  value: unknown,
  find: (value: unknown) => string | undefined,
  seen = new Set<unknown>(),
): string | undefined {
  const found = find(value);
  if (found !== undefined) return found;
  const carrier = typeof value === "string" ? parsed(value) : value;
  if (typeof carrier !== "object" || carrier === null || seen.has(carrier)) return undefined;
  seen.add(carrier);
  for (const key of CARRIERS) {
    if (!(key in carrier)) continue;
    const inside = search((carrier as { readonly [name: string]: unknown })[key], find, seen);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function parsed(text: string): unknown {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A selector and whole words, alone or after Besu's and Parity's "Reverted ". */
function dataOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.startsWith("Reverted ") ? value.slice("Reverted ".length) : value;
  return isHexString(text) && text.length >= 10 && (text.length - 10) % 64 === 0 ? text : undefined;
}

function isBareRevert(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { code, data, revertReason } = value as { readonly [name: string]: unknown };
  return code === REVERTED_CODE || (code === "CALL_EXCEPTION" && data === "0x") || revertReason === "0x";
}

/** Turns what a call threw into a {@link RevertError} if a contract refused; otherwise gives it back untouched. */
export function asRevert(thrown: unknown): unknown {
  if (thrown instanceof BusError) return thrown;
  const data = findRevertData(thrown);
  return data === undefined ? thrown : decodeRevert(data, { cause: thrown });
}
