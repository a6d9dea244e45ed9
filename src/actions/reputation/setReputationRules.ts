import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ReputationRulesStruct } from "../../typechain/contracts/reputation/ReputationLedger.js";

/**
 * Sets the rules of reputation for months that begin from now on. Restricted.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setReputationRules(
  federation: Federation,
  rules: ReputationRulesStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.reputation, "setReputationRules", [rules], options);
}
