import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { publicAgreement, witnessesHash } from "../documents/hash.js";
import { publicAgreementId } from "../documents/publicHash.js";
import { EIP712_TYPES, type StructName } from "../documents/schema.js";
import type { Agreement, PublicAgreement, Witnesses } from "../documents/types.js";
import { BusError } from "../errors/busError.js";

/** What was found in a folder of papers. */
export interface Papers {
  /** Public forms of agreements by id. */
  readonly agreements: ReadonlyMap<string, PublicAgreement>;
  /** Lists of witnesses by struct hash. */
  readonly witnesses: ReadonlyMap<string, Witnesses>;
}

/** No papers. */
export const NO_PAPERS: Papers = { agreements: new Map(), witnesses: new Map() };

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStruct(type: string): type is StructName {
  return type in EIP712_TYPES;
}

/**
 * A struct out of JSON, where integers may be decimal text, or out of what ethers decoded. In place of a struct its hash
 * may stand, as in the public form of an agreement.
 */
export function plainStruct(type: StructName, value: object): unknown {
  const given = value as { readonly [field: string]: unknown };
  return Object.fromEntries(EIP712_TYPES[type].map((field) => [field.name, plainValue(field.type, given[field.name])]));
}

function plainValue(type: string, value: unknown): unknown {
  if (type.endsWith("[]")) {
    const items: readonly unknown[] = value === undefined ? [] : [...(value as Iterable<unknown>)];
    return items.map((item) => plainValue(type.slice(0, -2), item));
  }
  if (isStruct(type)) return typeof value === "object" && value !== null ? plainStruct(type, value) : value;
  if (!type.startsWith("uint")) return value;
  const integer = BigInt(value as string | number | bigint);
  return Number(type.slice("uint".length)) > 32 ? integer : Number(integer);
}

/** An agreement's public form as text that {@link readAgreement} reads. */
export function writeAgreement(agreement: PublicAgreement): string {
  return JSON.stringify(agreement, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** The reverse of {@link writeAgreement}. */
export function readAgreement(text: string): PublicAgreement {
  return plainStruct("Agreement", JSON.parse(text) as object) as PublicAgreement;
}

/**
 * The public form of an agreement that came from anywhere, if it is the one with that id.
 * @returns Undefined if it is another one, or none at all.
 */
export function agreementWithId(value: unknown, id: string): PublicAgreement | undefined {
  const found = agreementIn(value);
  return found?.id === id ? found.agreement : undefined;
}

function agreementIn(
  value: unknown,
): { readonly id: string; readonly agreement: PublicAgreement; readonly witnesses?: Witnesses } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    const plain = plainStruct("Agreement", value) as Agreement | PublicAgreement;
    const { witnesses, terms } = plain;
    // Each half may be opened without the other: a witness has no business with the terms.
    const open = typeof witnesses === "string" ? undefined : witnesses;
    const agreement =
      typeof terms === "string"
        ? ({ ...plain, witnesses: open ? witnessesHash(open) : witnesses } as PublicAgreement)
        : publicAgreement({ ...plain, witnesses: open ?? witnesses } as Agreement);
    return { id: publicAgreementId(agreement), agreement, ...(open && { witnesses: open }) };
  } catch {
    // What cannot be hashed was not signed.
    return undefined;
  }
}

function witnessesIn(value: { readonly [key: string]: unknown }): Witnesses | undefined {
  if (!("members" in value) || !("required" in value)) return undefined;
  try {
    const witnesses = plainStruct("Witnesses", value) as Witnesses;
    witnessesHash(witnesses);
    return witnesses;
  } catch {
    return undefined;
  }
}

/** Collects agreements and lists of witnesses, wherever in a document they stand. */
function collect(value: unknown, agreements: Map<string, PublicAgreement>, lists: Map<string, Witnesses>): void {
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) collect(item, agreements, lists);
  }
  if (!isObject(value)) return;
  const witnesses = witnessesIn(value);
  if (witnesses) lists.set(witnessesHash(witnesses), witnesses);
  const found = "lines" in value && "windowMs" in value ? agreementIn(value) : undefined;
  if (found) agreements.set(found.id, found.agreement);
  for (const part of Object.values(value)) collect(part, agreements, lists);
}

/**
 * Reads a folder of papers: `.json` files that hold agreements (bare, or in the document that was signed) or lists of
 * witnesses, and `.jsonl` journals of a signing desk. Whatever else is in them is passed over.
 * @throws BusError `UNKNOWN_AGREEMENT` if the folder or a file of it cannot be read.
 */
export async function loadPapers(folder: string): Promise<Papers> {
  const agreements = new Map<string, PublicAgreement>();
  const witnesses = new Map<string, Witnesses>();
  try {
    for (const name of (await readdir(folder)).sort()) {
      if (!/\.jsonl?$/.test(name)) continue;
      const text = await readFile(join(folder, name), "utf8");
      const parts = name.endsWith("l") ? text.split("\n").filter((line) => line.trim() !== "") : [text];
      for (const part of parts) collect(parse(part, join(folder, name)), agreements, witnesses);
    }
  } catch (thrown) {
    if (thrown instanceof BusError) throw thrown;
    throw new BusError("UNKNOWN_AGREEMENT", `${folder}: the papers cannot be read`, { cause: thrown });
  }
  return { agreements, witnesses };
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BusError("UNKNOWN_AGREEMENT", `${where}: not JSON`, { cause });
  }
}
