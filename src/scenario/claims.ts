import { AgentScope, CloudStatus, VmState } from "../chain/enums.js";
import { RESOURCE_NAMES } from "../documents/types.js";
import type { RevertError } from "../errors/revert.js";
import type { Claim, Step } from "./format.js";
import { type World, featureBits } from "./world.js";

function valueOf(values: { readonly [name: string]: number }, name: string): bigint[] {
  return Object.hasOwn(values, name) ? [BigInt(values[name] ?? 0)] : [];
}

/** The chain's values, as text, that a claimed value may stand for. */
function readings(world: World, claim: Claim): string[] {
  if (typeof claim === "number" || typeof claim === "boolean") return [String(claim)];
  if (typeof claim !== "string") {
    const scopes = claim.reduce((bits, name) => bits | (valueOf(AgentScope, name)[0] ?? 0n), 0n);
    return [featureBits(world.scenario, claim), scopes].map(String);
  }
  const cloud = world.clouds.get(claim);
  const lane = RESOURCE_NAMES.findIndex((name) => name === claim);
  return [
    claim,
    ...(cloud ? [cloud.cloud] : []),
    ...(claim === "nobody" ? [0] : []),
    ...(lane < 0 ? [] : [lane]),
    ...valueOf(VmState, claim),
    ...valueOf(CloudStatus, claim),
    world.vms.get(claim)?.vm ?? claim,
    world.documents.get(claim)?.id ?? claim,
  ].map((reading) => String(reading).toLowerCase());
}

/**
 * Compares what became of a step with what the scenario expects.
 * @returns What is different, in words; undefined if nothing is.
 */
export function missedBy(world: World, step: Step, refusal: RevertError | undefined): string | undefined {
  const expected = step.expect ?? "accepted";
  if (expected === "accepted") return refusal ? "expected to be accepted" : undefined;
  if (!refusal) return `expected to be refused with ${expected.refused}`;
  if (refusal.errorName !== expected.refused) return `expected to be refused with ${expected.refused}`;
  for (const [name, claim] of Object.entries(expected.args ?? {})) {
    const value = Object.hasOwn(refusal.args, name) ? refusal.args[name] : undefined;
    if (value === undefined) return `${refusal.errorName} has no argument ${name}`;
    if (!readings(world, claim).includes(String(value).toLowerCase())) {
      return `expected ${name} to be ${String(claim)}, found ${String(value)}`;
    }
  }
  return undefined;
}
