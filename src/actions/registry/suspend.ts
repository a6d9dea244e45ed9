import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Suspends an Active cloud for `GUARDIAN_SUSPENSION_MS`, after which it lapses by itself. At most `guardianLimit()`
 * at a time; the same cloud again only `GUARDIAN_INTERVAL_MS` after the last time, unless governance confirmed that.
 * Restricted: guardian.
 * @param cloud The cloud.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function suspend(federation: Federation, cloud: number, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.registry, "suspend", [cloud], options);
}
