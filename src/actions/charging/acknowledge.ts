import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";

/** A payment that was received. */
export interface Payment {
  /** Who was paid: its account sends. */
  readonly creditor: number;
  readonly debtor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  /** In 1e-9 currency units. */
  readonly amount: bigint;
  /** The creditor's reference: 32 bytes, used once. */
  readonly reference: string;
}

/**
 * The creditor says that it was paid: the debtor owes less.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function acknowledge(
  federation: Federation,
  { creditor, debtor, currency, amount, reference }: Payment,
  options?: SendOptions,
): Promise<Sent> {
  const args = [creditor, debtor, currency, amount, reference];
  return send(federation, federation.charging, "acknowledge", args, options);
}
