import { AbortReason, KeyRole, NoteReason, nameOf } from "../chain/enums.js";
import { EIP712_TYPES, type StructName } from "../documents/schema.js";
import type { DocumentName, Documents, Resources } from "../documents/types.js";
import { type Labels, formatTime, labelOf } from "../exports/format.js";
import { METRIC_NAMES } from "../sla/metrics.js";
import { formatLengthMs, formatRate, formatShortAmount } from "./units.js";
import { formatResources } from "./values.js";

/** A typed document for the eyes of who is to sign it: each field under its name in the EIP-712 struct. */

interface Row {
  readonly depth: number;
  readonly name: string;
  readonly text: string;
}

interface View {
  readonly labels: Labels;
  readonly struct: StructName;
  /** The currency of the price or note that is shown. */
  readonly currency: string;
}

/** The latest moment that a date can tell. */
const LAST_DATE_MS = 8_640_000_000_000_000n;

const CLOUD_FIELDS = ["home", "source", "destination", "creditor", "debtor", "cloud"];
const TIME_FIELDS = ["through", "to"];

const DIGEST_KINDS = ["none", "disks at rest", "migration stream", "memory and device state"];
const SETTLEMENTS = ["either party settles", "both sign"];

const MEANINGS: { readonly [field: string]: (value: number, struct: StructName) => string | undefined } = {
  digestKind: (value) => DIGEST_KINDS[value],
  settlement: (value) => SETTLEMENTS[value],
  reason: (value, struct) => nameOf(struct === "Note" ? NoteReason : AbortReason, value),
  role: (value) => nameOf(KeyRole, value),
  measured: (value) => METRIC_NAMES.filter((_, bit) => (value & (1 << bit)) !== 0).join(", ") || "none",
};

function bitsOf(value: bigint): string {
  const bits: number[] = [];
  for (let bit = 0; bit < 256; bit++) if (((value >> BigInt(bit)) & 1n) === 1n) bits.push(bit);
  return bits.length === 0 ? "none" : `bits ${bits.join(", ")}`;
}

function textOf(name: string, value: string | number | bigint, view: View): string {
  if (typeof value === "string") return value;
  const said = sayInteger(name, value, view);
  return said === undefined ? String(value) : `${said} (${value})`;
}

function sayInteger(name: string, value: number | bigint, { labels, struct, currency }: View): string | undefined {
  if (CLOUD_FIELDS.includes(name)) return value === 0 ? "nobody" : labelOf(labels, Number(value));
  if (struct === "Rates") return `${formatRate(BigInt(value))} ${currency} per unit and hour`;
  if (struct === "Resources") return formatResources({ ...NOTHING, [name]: Number(value) });
  if (name === "amount") return `${formatShortAmount(BigInt(value))} ${currency}`;
  if (name === "features") return bitsOf(BigInt(value));
  if (/(At|By|Until)$/.test(name) || TIME_FIELDS.includes(name)) return sayTime(BigInt(value));
  if (name.endsWith("Ms")) return formatLengthMs(BigInt(value));
  if (name.endsWith("Ppm")) return `${Number(value) / 10_000} %`;
  if (name.endsWith("Bps")) return `${Number(value) / 100} %`;
  return MEANINGS[name]?.(Number(value), struct);
}

const NOTHING: Resources = {
  vcpuMilli: 0,
  memoryMiB: 0,
  storageGiB: 0,
  diskIops: 0,
  networkMbps: 0,
  gpus: 0,
  spare1: 0,
  spare2: 0,
};

function sayTime(value: bigint): string | undefined {
  return value === 0n || value > LAST_DATE_MS ? undefined : formatTime(value);
}

function isStruct(type: string): type is StructName {
  return type in EIP712_TYPES;
}

function rowsOf(struct: StructName, value: object, view: Omit<View, "struct">, depth: number): Row[] {
  const given = value as { readonly [field: string]: unknown };
  const currency = typeof given.currency === "string" ? given.currency : view.currency;
  const inside = { ...view, currency, struct };
  return EIP712_TYPES[struct].flatMap(({ name, type }) => rowsOfValue(name, type, given[name], inside, depth));
}

function rowsOfValue(name: string, type: string, value: unknown, view: View, depth: number): Row[] {
  if (type.endsWith("[]")) {
    const items = value as readonly unknown[];
    if (items.length === 0) return [{ depth, name, text: "none" }];
    return items.flatMap((item, index) => rowsOfValue(`${name}[${index}]`, type.slice(0, -2), item, view, depth));
  }
  if (isStruct(type)) return [{ depth, name, text: "" }, ...rowsOf(type, value as object, view, depth + 1)];
  return [{ depth, name, text: textOf(name, value as string | number | bigint, view) }];
}

/** Every field of a document that was checked, in its order, one on a line. Nothing that is signed is left out. */
export function documentLines<N extends DocumentName>(name: N, document: Documents[N], labels: Labels): string[] {
  const rows = rowsOf(name, document, { labels, currency: "" }, 1);
  const width = Math.max(...rows.map((row) => 2 * row.depth + row.name.length));
  return [name, ...rows.map((row) => `${`${"  ".repeat(row.depth)}${row.name}`.padEnd(width)}  ${row.text}`.trimEnd())];
}
