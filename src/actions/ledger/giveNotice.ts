import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * The host gives notice for VMs it runs, 1 to 16. Its account or an agent with HOST sends.
 * @param vms The VMs, all on the same host.
 * @param until Deadline in milliseconds, not sooner than each agreement's notice period.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function giveNotice(
  federation: Federation,
  vms: readonly string[],
  until: bigint,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "giveNotice", [[...vms], until], options);
}
