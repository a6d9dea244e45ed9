import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICloudRegistry } from "../../typechain/contracts/registry/CloudRegistry.js";

/**
 * The account names another recovery address, which takes effect after `ROTATION_DELAY_MS`. Not while Suspended.
 * Until then the recovery address that is in office can stop it.
 * @param cloud The cloud.
 * @param recovery The next recovery address. It is bound from now on, also if this is cancelled.
 * @param acceptance Its acceptance.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function proposeRecoveryChange(
  federation: Federation,
  cloud: number,
  recovery: string,
  acceptance: ICloudRegistry.AcceptanceStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.registry, "proposeRecoveryChange", [cloud, recovery, acceptance], options);
}
