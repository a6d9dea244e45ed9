import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICloudRegistry } from "../../typechain/contracts/registry/CloudRegistry.js";

/**
 * Makes a cloud a member, under the next id. Restricted: governance.
 * @param cloud The next id, for which the acceptances were signed.
 * @param candidate The cloud.
 * @param accountAcceptance The account's acceptance.
 * @param recoveryAcceptance The recovery address's acceptance.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function admit(
  federation: Federation,
  cloud: number,
  candidate: ICloudRegistry.CandidateStruct,
  accountAcceptance: ICloudRegistry.AcceptanceStruct,
  recoveryAcceptance: ICloudRegistry.AcceptanceStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(
    federation,
    federation.registry,
    "admit",
    [cloud, candidate, accountAcceptance, recoveryAcceptance],
    options,
  );
}
