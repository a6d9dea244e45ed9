import type { Federation } from "../../chain/federation.js";
import { type SendOptions, type Sent, send } from "../../chain/send.js";
import { publicRecord } from "../../documents/hash.js";
import type { MigrationRecord, PublicAgreement } from "../../documents/types.js";

/**
 * Records a migration that already happened. Anyone may bring it.
 * @param document The record.
 * @param signatures Of home, source, destination, each distinct cloud once.
 * @returns The mined transaction with its events.
 * @throws RevertError with the contract's error by name.
 */
export function record(
  federation: Federation,
  document: MigrationRecord | MigrationRecord<PublicAgreement>,
  signatures: readonly string[],
  options?: SendOptions,
): Promise<Sent> {
  return send(federation, federation.ledger, "record", [publicRecord(document), [...signatures]], options);
}
