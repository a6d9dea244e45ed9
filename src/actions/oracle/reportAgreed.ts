import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicReport } from "../../documents/hash.js";
import type { AgreedReport } from "../../documents/types.js";

/**
 * Records results on which home and host agree; each is final at once. Anyone may bring them.
 * @param reports 1 to 64; the chain sees only the hash of their metrics.
 * @param signatures For each report of home, then host.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function reportAgreed(
  federation: Federation,
  reports: readonly (AgreedReport | AgreedReport<string>)[],
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.oracle, "reportAgreed", [reports.map(asPublicReport), [...signatures]], options);
}
