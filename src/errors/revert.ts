import { type ErrorFragment, Interface, isHexString } from "ethers";

import { ICapacityExchange__factory } from "../typechain/factories/contracts/exchange/ICapacityExchange__factory.js";
import { CapacityExchange__factory } from "../typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { MigrationLedger__factory } from "../typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { MigrationLedgerChanges__factory } from "../typechain/factories/contracts/ledger/MigrationLedgerChanges__factory.js";
import { MigrationLedgerExits__factory } from "../typechain/factories/contracts/ledger/MigrationLedgerExits__factory.js";
import { CloudRegistry__factory } from "../typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { BusError } from "./busError.js";

/** Errors of the virtual machine itself and of OpenZeppelin's AccessManager, which stand in no ABI of ours. */
const BUILT_IN = ["error Error(string reason)", "error Panic(uint256 code)"];

const ERRORS = new Interface(
  [
    new Interface(BUILT_IN),
    new Interface(CloudRegistry__factory.abi),
    new Interface(ICapacityExchange__factory.abi),
    new Interface(CapacityExchange__factory.abi),
    new Interface(MigrationLedger__factory.abi),
    new Interface(MigrationLedgerExits__factory.abi),
    new Interface(MigrationLedgerChanges__factory.abi),
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
  const parsed = data.length >= 10 ? ERRORS.parseError(data) : null;
  if (!parsed) return new RevertError("Unknown", { data }, data, options);
  const args: { [name: string]: RevertValue } = {};
  parsed.fragment.inputs.forEach((input, index) => {
    args[input.name || String(index)] = parsed.args[index] as RevertValue;
  });
  return new RevertError(parsed.name, args, data, options);
}

/** Fields under which nodes and libraries hide revert data: ethers, Hardhat, Besu (`data`, `revertReason`), geth. */
const CARRIERS = ["data", "revertReason", "error", "info", "cause", "receipt", "result", "body"] as const;

/**
 * Revert data in whatever a node or library threw: ethers' `CALL_EXCEPTION` with or without `data`, the JSON-RPC error
 * inside it (code 3 of Besu and geth), Hardhat's provider error, a receipt with `revertReason`, a JSON body as text.
 * @returns Hex, `0x` for a revert without data; undefined if nothing of the kind is there.
 */
export function findRevertData(thrown: unknown): string | undefined {
  return search(thrown, 0);
}

function search(value: unknown, depth: number): string | undefined {
  if (depth > 8) return undefined;
  if (typeof value === "string") {
    const text = value.startsWith("Reverted ") ? value.slice("Reverted ".length) : value;
    if (isHexString(text) && text.length >= 10 && (text.length - 10) % 64 === 0) return text;
    if (text.startsWith("{")) {
      try {
        return search(JSON.parse(text), depth + 1);
      } catch {
        return undefined;
      }
    }
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const key of CARRIERS) {
    if (!(key in value)) continue;
    const found = search((value as { [name: string]: unknown })[key], depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Turns what a call threw into a {@link RevertError} if a contract refused; otherwise gives it back untouched. */
export function asRevert(thrown: unknown): unknown {
  if (thrown instanceof BusError) return thrown;
  const data = findRevertData(thrown);
  return data === undefined ? thrown : decodeRevert(data, { cause: thrown });
}
