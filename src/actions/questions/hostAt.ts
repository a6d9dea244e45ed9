import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";

/**
 * Where a VM ran at a time.
 * @param time In milliseconds, not in the future. The answer is final for times older than the ledger's tolerance.
 * @returns The host's number; 0 if it ran nowhere: before its registration, in a pause, while stopped.
 * @throws RevertError `MigrationLedger_UnknownVm`, `MigrationLedger_TimeInFuture`.
 */
export async function hostAt(federation: Federation, vm: string, time: bigint): Promise<number> {
  return Number(await ask(federation.ledger.hostAt(vm, time)));
}
