import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICloudRegistry } from "../../typechain/contracts/registry/CloudRegistry.js";

/**
 * The account names its follower, which takes effect after `ROTATION_DELAY_MS`. Not while Suspended.
 * @param cloud The cloud.
 * @param account The next account. It is bound from now on, also if this is cancelled.
 * @param acceptance Its acceptance.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function proposeRotation(
  federation: Federation,
  cloud: number,
  account: string,
  acceptance: ICloudRegistry.AcceptanceStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.registry, "proposeRotation", [cloud, account, acceptance], options);
}
