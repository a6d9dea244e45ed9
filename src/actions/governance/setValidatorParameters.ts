import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { IValidatorSet } from "../../typechain/contracts/governance/ValidatorSet.js";

/**
 * Sets the validator set's parameters, within their hard limits. Restricted: governance; elsewhere propose it.
 * @param parameters The parameters in force from now on, in seconds.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setValidatorParameters(
  federation: Federation,
  parameters: IValidatorSet.ParametersStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.validators, "setParameters", [parameters], options);
}
