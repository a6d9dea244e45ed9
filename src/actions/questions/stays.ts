import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";

/** One interval of a VM on one host under one agreement. */
export interface Stay {
  readonly sequence: number;
  readonly startedAt: bigint;
  /** In milliseconds; 0 while it runs. */
  readonly endedAt: bigint;
  readonly host: number;
  readonly site: number;
  /** Agreement number; 0 where none. */
  readonly agreement: number;
  /** Deadline of the host's notice in seconds; 0 where none was given. */
  readonly noticeUntil: bigint;
  /** Shortest notice the host may give, in seconds. */
  readonly noticePeriod: number;
  /** A value of `DocumentKind`. */
  readonly kind: number;
}

/**
 * Stays of a VM by their number.
 * @param from First sequence wanted, from 1.
 * @param count At most so many.
 * @throws RevertError `MigrationLedger_UnknownVm`.
 */
export async function stays(federation: Federation, vm: string, from = 1, count = 100): Promise<Stay[]> {
  const found = await ask(federation.ledger.stays(vm, from, count));
  return found.map((stay, index) => ({
    sequence: from + index,
    startedAt: stay.startedAt,
    endedAt: stay.endedAt,
    host: Number(stay.host),
    site: Number(stay.site),
    agreement: Number(stay.agreement),
    noticeUntil: stay.noticeUntil,
    noticePeriod: Number(stay.noticePeriod),
    kind: Number(stay.kind),
  }));
}
