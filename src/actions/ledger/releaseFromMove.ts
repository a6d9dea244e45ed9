import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { asPublicMove } from "../../documents/hash.js";
import type { Move, PublicAgreement } from "../../documents/types.js";

/**
 * The same for a VM whose move is agreed but not started: the move is aborted for all its VMs.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function releaseFromMove(
  federation: Federation,
  vm: string,
  document: Move | Move<PublicAgreement>,
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "releaseFromMove", [vm, asPublicMove(document)], options);
}
