import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICloudRegistry } from "../../typechain/contracts/registry/CloudRegistry.js";

/**
 * Makes a cloud that left or was expelled a member again, under its id and with its keys. Restricted: governance.
 * @param cloud The cloud.
 * @param accountAcceptance A new acceptance of its account: nobody is made a member who does not want it.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function readmit(
  federation: Federation,
  cloud: number,
  accountAcceptance: ICloudRegistry.AcceptanceStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.registry, "readmit", [cloud, accountAcceptance], options);
}
