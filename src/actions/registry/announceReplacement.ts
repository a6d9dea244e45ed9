import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICloudRegistry } from "../../typechain/contracts/registry/CloudRegistry.js";

/**
 * Governance announces other keys for a cloud whose keys are gone. Takes effect after `REPLACEMENT_DELAY_MS`.
 * Restricted: governance.
 * @param cloud The cloud.
 * @param account The next account.
 * @param recovery The next recovery address.
 * @param accountAcceptance The account's acceptance.
 * @param recoveryAcceptance The recovery address's acceptance.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function announceReplacement(
  federation: Federation,
  cloud: number,
  account: string,
  recovery: string,
  accountAcceptance: ICloudRegistry.AcceptanceStruct,
  recoveryAcceptance: ICloudRegistry.AcceptanceStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(
    federation,
    federation.registry,
    "announceReplacement",
    [cloud, account, recovery, accountAcceptance, recoveryAcceptance],
    options,
  );
}
