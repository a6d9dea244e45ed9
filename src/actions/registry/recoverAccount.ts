import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICloudRegistry } from "../../typechain/contracts/registry/CloudRegistry.js";

/**
 * The recovery address replaces the account at once, whatever the status. Stops a waiting rotation and a waiting
 * change of the recovery address, and voids all agents: whoever had the account may have bound them.
 * @param cloud The cloud.
 * @param account The account from now on.
 * @param acceptance Its acceptance.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function recoverAccount(
  federation: Federation,
  cloud: number,
  account: string,
  acceptance: ICloudRegistry.AcceptanceStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.registry, "recoverAccount", [cloud, account, acceptance], options);
}
