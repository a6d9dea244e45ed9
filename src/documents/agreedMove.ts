import type { MoveAgreedEvent } from "../typechain/contracts/ledger/MigrationLedger.js";
import { unpackResources } from "./build.js";
import type { Move, PublicAgreement } from "./types.js";

const bits = (word: bigint, from: number, count: number) => (word >> BigInt(from)) & ((1n << BigInt(count)) - 1n);

/**
 * The public document of a move, made again from its `MoveAgreed` event: enough to start, complete, abort or expire it.
 * The layout of the words is documented at `AgreedMove` in `IMigrationLedger`.
 */
export function moveOfEvent(event: MoveAgreedEvent.OutputObject): Move<PublicAgreement> {
  const { parties, periods, deadlines, witnesses, terms, charter, salt, lines } = event.document;
  return {
    agreement: {
      home: Number(bits(parties, 0, 32)),
      source: Number(bits(parties, 32, 32)),
      destination: Number(bits(parties, 64, 32)),
      site: Number(bits(parties, 96, 16)),
      lines: lines.map((line) => ({
        vm: line.vm,
        nonce: Number(line.nonce),
        features: line.features,
        resources: unpackResources(line.resources),
      })),
      windowMs: bits(periods, 0, 64),
      noticeMs: bits(periods, 64, 64),
      keepMs: bits(periods, 128, 64),
      digestKind: Number(bits(parties, 112, 8)),
      witnesses,
      terms,
      charter,
      agreeBy: bits(deadlines, 0, 64),
      salt,
    },
    startBy: bits(deadlines, 64, 64),
    completeBy: bits(deadlines, 128, 64),
  };
}
