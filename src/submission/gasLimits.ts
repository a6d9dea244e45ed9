import { isHexString } from "ethers";

import { MEASURED_GAS } from "./measuredGas.js";

/**
 * What a call may need beyond the steady state that was measured, in gas: three accounts that are contracts, each asked
 * with 100,000, of which a call passes on 63/64; and slots that are written for the first time.
 */
const EXTRA = 3n * 101_600n + 200_000n;
/** Of a slot that is written for the first time for each further line, beyond what was measured. */
const EXTRA_PER_LINE = 25_000n;

/**
 * A gas limit for a call of one of the contracts: half as much again as was measured, and what the first use of storage
 * and contract accounts may add. Gas that is not used costs nothing, but a block has room for less of it.
 * @param args The call's arguments: lines are counted in them.
 * @returns Undefined if the function was not measured, or not with more than one line.
 */
export function gasLimitFor(name: string, args: readonly unknown[]): bigint | undefined {
  const measured = Object.hasOwn(MEASURED_GAS, name) ? MEASURED_GAS[name] : undefined;
  const further = BigInt(Math.max(linesOf(args) - 1, 0));
  if (!measured || (further > 0n && measured.further === undefined)) return undefined;
  const steady = BigInt(measured.first) + further * BigInt(measured.further ?? 0);
  return (steady * 3n) / 2n + EXTRA + further * EXTRA_PER_LINE;
}

/** The longest list of structs or of ids in what is called with: lines, receipts, releases, VMs; not signatures. */
function linesOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts: unknown[] = Object.values(value);
  const isList =
    Array.isArray(value) && parts.length > 0 && parts.every((part) => isHexString(part, 32) || isStruct(part));
  return Math.max(isList ? parts.length : 0, ...parts.map(linesOf));
}

function isStruct(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
