import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { unpackResources } from "../../documents/build.js";
import type { Resources } from "../../documents/types.js";

/** A VM as stored. */
export interface VmFacts {
  readonly home: number;
  readonly host: number;
  readonly site: number;
  /** What a line of a document names. */
  readonly nonce: number;
  readonly sequence: number;
  /** Number of the last agreed move; open while `state` is Agreed or Started. */
  readonly move: number;
  /** A value of `VmState`. */
  readonly state: number;
  /** While a move is open: the source was given the governed lead time. */
  readonly hadLead: boolean;
  /** In seconds. Agreed: last moment to start. Started: when it started. Abroad: when its loss was declared, else 0. */
  readonly mark: bigint;
  /** Agreed, Started: seconds from `mark` to the last moment to complete. */
  readonly completeIn: number;
  readonly resources: Resources;
}

/**
 * A VM as it stands now, with its resources.
 * @throws RevertError `MigrationLedger_UnknownVm`.
 */
export async function vmOf(federation: Federation, vm: string): Promise<VmFacts> {
  const [[stored], packed] = await Promise.all([
    ask(federation.ledger.vmOf(vm)),
    ask(federation.ledger.resourcesOf(vm)),
  ]);
  return {
    home: Number(stored.home),
    host: Number(stored.host),
    site: Number(stored.site),
    nonce: Number(stored.nonce),
    sequence: Number(stored.sequence),
    move: Number(stored.move),
    state: Number(stored.state),
    hadLead: stored.hadLead,
    mark: stored.mark,
    completeIn: Number(stored.completeIn),
    resources: unpackResources(packed),
  };
}
