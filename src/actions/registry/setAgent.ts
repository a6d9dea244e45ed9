import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { ICloudRegistry } from "../../typechain/contracts/registry/CloudRegistry.js";

/**
 * The account binds an agent, or gives one other powers.
 * @param cloud The cloud.
 * @param agent A plain key.
 * @param scopes Bits of `AgentScope`.
 * @param validUntil Last moment at which it may act, at most `MAX_AGENT_MS` from now.
 * @param partners Clouds with which it may deal for MOVE_OUT and HOST: at most 16, ascending. Empty: any.
 * @param acceptance Its acceptance.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function setAgent(
  federation: Federation,
  cloud: number,
  agent: string,
  scopes: number,
  validUntil: bigint,
  partners: readonly number[],
  acceptance: ICloudRegistry.AcceptanceStruct,
  options?: SendOptions,
): Promise<Sent> {
  return send(
    federation,
    federation.registry,
    "setAgent",
    [cloud, agent, scopes, validUntil, [...partners], acceptance],
    options,
  );
}
