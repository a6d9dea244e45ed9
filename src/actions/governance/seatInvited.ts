import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { SignedActivation } from "../../governance/activation.js";

/**
 * Seats an independent operator's node that governance let in. Anyone may send.
 * @param signed What the node key signed: {@link signActivation} for cloud 0.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function seatInvited(federation: Federation, signed: SignedActivation, options?: SendOptions): Promise<Sent> {
  return send(federation, federation.validators, "seatInvited", [signed.activation, signed.signature], options);
}
