import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { SignedActivation } from "../../governance/activation.js";

/**
 * Puts another node in the place of a cloud's validator, in one step, whatever the cloud's standing. Its account sends.
 * @param cloud The cloud.
 * @param signed What the new node key signed: {@link signActivation} with the cloud's present validator in `replaces`.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function replaceValidator(
  federation: Federation,
  cloud: number,
  signed: SignedActivation,
  options?: SendOptions,
): Promise<Sent> {
  return send(
    federation,
    federation.validators,
    "replaceValidator",
    [cloud, signed.activation, signed.signature],
    options,
  );
}
