import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import type { JointSettlement } from "../../documents/types.js";
import { type StayToSettle, openingOf } from "./settle.js";

/**
 * Charges a stay as home and host have signed together. Anyone may bring it.
 * @param document What they signed, about the same stay.
 * @param signatures Of home, then host.
 * @returns The mined transaction with its events; without `StaySettled` if nothing was to be posted.
 * @throws RevertError with the contract's error by name.
 */
export function settleJointly(
  federation: Federation,
  document: JointSettlement,
  stay: Pick<StayToSettle, "agreement" | "terms">,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(
    federation,
    federation.charging,
    "settleJointly",
    [document, ...openingOf(stay), [...signatures]],
    options,
  );
}
