import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { packResources } from "../../documents/build.js";
import type { Resources } from "../../documents/types.js";
import { type RevertError, decodeRevert } from "../../errors/revert.js";

/** What one VM needs of a site. */
export interface Demand {
  readonly resources: Resources;
  /** Feature bits that the site must have. */
  readonly features: bigint;
}

/**
 * The first refusal for VMs at a site as committed now.
 * @returns The very error that a transaction would end with; undefined if there is room.
 */
export async function canHost(
  federation: Federation,
  cloud: number,
  site: number,
  demands: readonly Demand[],
): Promise<RevertError | undefined> {
  const packed = demands.map(({ resources, features }) => ({ resources: packResources(resources), features }));
  const refusal = await ask(federation.ledger.canHost(cloud, site, packed));
  return refusal === "0x" ? undefined : decodeRevert(refusal);
}
