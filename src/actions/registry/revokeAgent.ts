import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/**
 * Takes all powers from an agent, at once. Account, recovery address, or the agent itself.
 * @param cloud The cloud.
 * @param agent The agent.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function revokeAgent(
  federation: Federation,
  cloud: number,
  agent: string,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.registry, "revokeAgent", [cloud, agent], options);
}
