import { type StructName, EIP712_TYPES } from "./schema.js";
import type { DocumentName } from "./types.js";

/** Who signs a document, in the order in which its function takes the signatures. */
export const SIGNERS = {
  Move: ["home", "destination"],
  Handover: ["destination", "source"],
  MutualAbort: ["source", "destination"],
  Record: ["home", "source", "destination"],
  Amendment: ["home", "host"],
  Evacuation: ["home", "destination"],
  Succession: ["home", "host"],
  KeyAcceptance: ["key"],
  ValidatorActivation: ["validator"],
} as const satisfies { readonly [N in DocumentName]: readonly string[] };

/** The EIP-712 schema as it is published for programs in other languages. */
export const EIP712_SCHEMA: {
  readonly domain: { readonly name: string; readonly version: string };
  readonly types: { readonly [N in StructName]: readonly { readonly name: string; readonly type: string }[] };
  readonly documents: {
    readonly [N in DocumentName]: { readonly verifyingContract: string; readonly signers: readonly string[] };
  };
} = {
  domain: { name: "BlockchainBus", version: "1" },
  types: EIP712_TYPES,
  documents: {
    Move: { verifyingContract: "MigrationLedger", signers: SIGNERS.Move },
    Handover: { verifyingContract: "MigrationLedger", signers: SIGNERS.Handover },
    MutualAbort: { verifyingContract: "MigrationLedger", signers: SIGNERS.MutualAbort },
    Record: { verifyingContract: "MigrationLedger", signers: SIGNERS.Record },
    Amendment: { verifyingContract: "MigrationLedger", signers: SIGNERS.Amendment },
    Evacuation: { verifyingContract: "MigrationLedger", signers: SIGNERS.Evacuation },
    Succession: { verifyingContract: "MigrationLedger", signers: SIGNERS.Succession },
    KeyAcceptance: { verifyingContract: "CloudRegistry", signers: SIGNERS.KeyAcceptance },
    ValidatorActivation: { verifyingContract: "ValidatorSet", signers: SIGNERS.ValidatorActivation },
  },
};
