import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";

/** A stretch of time and who answers for it. */
export interface Responsibility {
  readonly cloud: number;
  /** Begin, inclusive, in milliseconds. */
  readonly from: bigint;
  /** End, exclusive, in milliseconds. */
  readonly to: bigint;
  /** A value of `Duty`. */
  readonly duty: number;
}

/**
 * Who answered for a VM in an interval, in order. Times in which nobody did are left out.
 * @param from In milliseconds, inclusive.
 * @param to In milliseconds, exclusive, not in the future.
 * @throws RevertError `MigrationLedger_UnknownVm`, `MigrationLedger_EmptyInterval`, `MigrationLedger_TimeInFuture`.
 */
export async function responsibleDuring(
  federation: Federation,
  vm: string,
  from: bigint,
  to: bigint,
): Promise<Responsibility[]> {
  const found = await ask(federation.ledger.responsibleDuring(vm, from, to));
  return found.map((part) => ({
    cloud: Number(part.cloud),
    from: part.from,
    to: part.to,
    duty: Number(part.duty),
  }));
}
