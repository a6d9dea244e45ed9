import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { SignedActivation } from "../../governance/activation.js";

/**
 * Seats a cloud's validator. Its account sends; the cloud is Active and has none. One addition at a time: see
 * `additionAgainAt` of the validator set.
 * @param cloud The cloud.
 * @param signed What the node key signed: {@link signActivation}.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function activateValidator(
  federation: Federation,
  cloud: number,
  signed: SignedActivation,
  options?: SendOptions,
): Promise<Sent> {
  return send(
    federation,
    federation.validators,
    "activateValidator",
    [cloud, signed.activation, signed.signature],
    options,
  );
}
