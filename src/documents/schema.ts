import type { TypedDataField } from "ethers";

import { METRIC_NAMES } from "../sla/metrics.js";
import { RESOURCE_NAMES } from "./types.js";

type Fields = readonly TypedDataField[];

/** "uint32 home,uint32 source" → fields. */
function fields(text: string): Fields {
  return text.split(",").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { name, type };
  });
}

const METRICS_FIELDS: readonly string[] = [...METRIC_NAMES, "measured"];

/** Every EIP-712 struct of BlockchainBus. A primary type needs those it refers to: {@link typesOf}. */
export const EIP712_TYPES = {
  Resources: RESOURCE_NAMES.map((name) => ({ name, type: "uint32" })),
  Rates: RESOURCE_NAMES.map((name) => ({ name, type: "uint64" })),
  Line: fields("bytes32 vm,uint32 nonce,uint256 features,Resources resources"),
  Price: fields("string currency,Rates rates,uint8 settlement,bytes32 salt"),
  Metrics: METRICS_FIELDS.map((name) => ({ name, type: "uint32" })),
  Tier: fields("uint32 belowPpm,uint16 creditBps"),
  Sla: fields(
    "Metrics thresholds,Tier[] availabilityTiers,uint16 otherMetricsBps,uint16 capBps,uint32 pauseBudgetMs,bytes32 salt",
  ),
  Terms: fields("Price price,Sla sla"),
  Witnesses: fields("address[] members,uint8 required"),
  Agreement: fields(
    "uint32 home,uint32 source,uint32 destination,uint16 site,Line[] lines,uint64 windowMs,uint64 noticeMs," +
      "uint64 keepMs,uint8 digestKind,Witnesses witnesses,Terms terms,bytes32 charter,uint64 agreeBy,bytes32 salt",
  ),
  Release: fields("bytes32 vm,bytes32 stateDigest,uint64 releasedAt"),
  Receipt: fields("bytes32 vm,bytes32 stateDigest,uint64 releasedAt,uint64 runningAt"),
  Move: fields("Agreement agreement,uint64 startBy,uint64 completeBy"),
  Handover: fields("bytes32 move,Release[] releases,uint64 validUntil"),
  MutualAbort: fields("bytes32 move,uint8 reason,uint64 validUntil"),
  Record: fields("Agreement agreement,Receipt[] receipts"),
  Amendment: fields("Agreement agreement"),
  Evacuation: fields("Agreement agreement"),
  Succession: fields("bytes32 vm,uint32 nonce,address successor,uint64 validUntil"),
  SaltedMetrics: fields("Metrics values,bytes32 salt"),
  AgreedReport: fields("bytes32 vm,uint32 sequence,uint32 window,SaltedMetrics metrics"),
  Observation: fields("bytes32 vm,uint32 sequence,uint32 window,Metrics metrics,bytes32 samplesRoot"),
  Note: fields(
    "bytes32 refersTo,uint32 creditor,uint32 debtor,string currency,uint96 amount,bytes32 vm,uint32 sequence," +
      "uint64 through,uint16 reason,uint64 validUntil,bytes32 salt",
  ),
  JointSettlement: fields("bytes32 vm,uint32 sequence,uint64 to,uint64 validUntil"),
  KeyAcceptance: fields("uint32 cloud,address key,uint8 role,uint64 validUntil"),
  ValidatorActivation: fields("uint32 cloud,address validator,address replaces,uint256 blockNumber,bytes32 blockHash"),
} as const satisfies { readonly [name: string]: Fields };

/** Name of an EIP-712 struct. */
export type StructName = keyof typeof EIP712_TYPES;

function isStruct(name: string): name is StructName {
  return name in EIP712_TYPES;
}

/** A primary type with all structs it refers to, as signers want it. */
export function typesOf(primary: StructName): { [name: string]: TypedDataField[] } {
  const types: { [name: string]: TypedDataField[] } = {};
  const pending: StructName[] = [primary];
  for (let name = pending.pop(); name; name = pending.pop()) {
    if (types[name]) continue;
    types[name] = [...EIP712_TYPES[name]];
    for (const field of EIP712_TYPES[name]) {
      const referred = field.type.replace("[]", "");
      if (isStruct(referred)) pending.push(referred);
    }
  }
  return types;
}
