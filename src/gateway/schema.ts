import { type ParamType, isAddress } from "ethers";

import { EIP712_TYPES } from "../documents/schema.js";
import { BusError } from "../errors/busError.js";

/** A JSON Schema (2020-12), as OpenAPI 3.1 has it. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** Whole numbers of more bits than this are decimal strings: no reader of JSON loses a digit. */
const NUMBER_BITS = 32;

/** Bits of the integers that the contracts have. */
const STRING_BITS = [40, 48, 64, 96, 256] as const;

/** A whole number from 0 on: a number up to 32 bits, a decimal string above. */
export function uint(bits: number, description?: string): Schema {
  const text = description === undefined ? {} : { description };
  if (bits <= NUMBER_BITS) return { type: "integer", minimum: 0, maximum: 2 ** bits - 1, ...text };
  const maxLength = (2n ** BigInt(bits) - 1n).toString().length;
  return { type: "string", format: `uint${bits}`, pattern: "^(0|[1-9][0-9]*)$", maxLength, ...text };
}

/** A whole number with a sign, as a decimal string. */
export function int(description?: string): Schema {
  const text = description === undefined ? {} : { description };
  return { type: "string", pattern: "^(0|-?[1-9][0-9]*)$", maxLength: 78, ...text };
}

/** Bytes of a fixed length, in hex. */
export function fixedBytes(count: number, description?: string): Schema {
  const text = description === undefined ? {} : { description };
  return { type: "string", pattern: `^0x[0-9a-fA-F]{${count * 2}}$`, ...text };
}

/** 32 bytes in hex. */
export const HASH: Schema = fixedBytes(32);

/** An address: without a checksum, or with a right one. */
export const ADDRESS: Schema = { type: "string", format: "address", pattern: "^0x[0-9a-fA-F]{40}$" };

/** The longest bytes that are taken: far more than the signature of any contract account. */
const MOST_BYTES = 8_192;

/** Bytes of any length, in hex. */
export const BYTES: Schema = { type: "string", pattern: "^0x([0-9a-fA-F]{2})*$", maxLength: 2 + 2 * MOST_BYTES };

/** A short text. */
export const TEXT: Schema = { type: "string", maxLength: 512 };

/** Yes or no. */
export const FLAG: Schema = { type: "boolean" };

/** The longest list that is taken: both signatures of 64 reports. What a contract allows is less, and its refusal says so. */
const MOST_ITEMS = 128;

/** A list. */
export function list(items: Schema, maxItems?: number): Schema {
  return maxItems === undefined ? { type: "array", items } : { type: "array", items, maxItems };
}

/** An object with just these fields; `optional` names those that may be left out. */
export function object(
  properties: { readonly [name: string]: Schema },
  optional: readonly string[] = [],
  description?: string,
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return {
    type: "object",
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
    properties,
    ...(description === undefined ? {} : { description }),
  };
}

/** One of some texts. */
export function oneOf(values: readonly string[], description?: string): Schema {
  return { type: "string", enum: values, ...(description === undefined ? {} : { description }) };
}

/** A reference to a named schema of the API. */
export function named(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/**
 * Of an agreement's terms and witnesses, and of an agreed report's metrics, the chain takes the hash only. Who brings a
 * document for others has no more than that; who has it whole may send it whole.
 */
const HASHABLE: { readonly [struct: string]: readonly string[] } = {
  Agreement: ["witnesses", "terms"],
  AgreedReport: ["metrics"],
};

function fieldSchema(type: string): Schema {
  if (type.endsWith("[]")) return list(fieldSchema(type.slice(0, -2)), MOST_ITEMS);
  if (type in EIP712_TYPES) return named(type);
  return plainSchema(type);
}

function plainSchema(type: string): Schema {
  const bits = Number(/^uint(\d+)$/.exec(type)?.[1] ?? 0);
  if (bits > 0) return uint(bits);
  const bytes = Number(/^bytes(\d+)$/.exec(type)?.[1] ?? 0);
  if (bytes > 0) return fixedBytes(bytes);
  if (type === "address") return ADDRESS;
  if (type === "bytes") return BYTES;
  if (type === "string") return TEXT;
  if (type === "bool") return FLAG;
  throw new BusError("UNKNOWN_CONTRACT", `there is no schema for ${type}`);
}

/** Schemas of all structs of the signed documents, by name. */
export function structSchemas(): { readonly [name: string]: Schema } {
  const schemas = Object.entries(EIP712_TYPES).map(([name, fields]) => {
    const properties = fields.map(({ name: field, type }): [string, Schema] => {
      const schema = fieldSchema(type);
      return [field, HASHABLE[name]?.includes(field) === true ? { anyOf: [HASH, schema] } : schema];
    });
    return [name, object(Object.fromEntries(properties))] as const;
  });
  return Object.fromEntries(schemas);
}

/** What a tuple of an ABI shares with the struct it is: the names of its fields, and whether the first is an amount. */
function fingerprint(fields: readonly { readonly name: string; readonly type: string }[]): string {
  const [first] = fields;
  const kind = first && /^uint\d+$/.test(first.type) ? first.type : "";
  return [kind, ...fields.map(({ name }) => name)].join(" ");
}

const STRUCTS = new Map(Object.entries(EIP712_TYPES).map(([name, fields]) => [fingerprint(fields), name]));

/** The schema of an argument of a contract's function: by name where it is a struct of the documents. */
export function argumentSchema(type: ParamType): Schema {
  if (type.baseType === "array") {
    if (!type.arrayChildren) throw new BusError("UNKNOWN_CONTRACT", `${type.format()} is no list`);
    return list(argumentSchema(type.arrayChildren), MOST_ITEMS);
  }
  if (type.baseType !== "tuple") return plainSchema(type.type);
  const components = type.components ?? [];
  const struct = STRUCTS.get(fingerprint(components));
  if (struct !== undefined) return named(struct);
  return object(Object.fromEntries(components.map((part) => [part.name, argumentSchema(part)])));
}

/** Formats of the schemas, for Ajv. */
export const FORMATS: { readonly [name: string]: (text: string) => boolean } = {
  address: (text) => isAddress(text),
  ...Object.fromEntries(
    STRING_BITS.map((bits) => [
      `uint${bits}`,
      (text: string) => /^[0-9]{1,78}$/.test(text) && BigInt(text) < 2n ** BigInt(bits),
    ]),
  ),
};

const REFERENCE = "#/components/schemas/";

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether an object that was validated may be of a schema: objects of different schemas have different fields. */
function hasFields(schema: Schema, value: unknown, schemas: { readonly [name: string]: Schema }): boolean {
  const { $ref: reference, properties } = schema;
  if (typeof reference === "string") return hasFields(schemas[reference.slice(REFERENCE.length)] ?? {}, value, schemas);
  return isSchema(value) && isSchema(properties) && Object.keys(value).every((name) => name in properties);
}

/**
 * What was validated, as the library takes it: decimal strings become bigints.
 * @param schema The schema by which it was validated.
 * @param schemas The named schemas.
 */
export function decode(schema: Schema, value: unknown, schemas: { readonly [name: string]: Schema }): unknown {
  const { $ref: reference, anyOf: choices, properties, items, format } = schema;
  if (typeof reference === "string") return decode(schemas[reference.slice(REFERENCE.length)] ?? {}, value, schemas);
  if (Array.isArray(choices)) {
    // A hash instead of the object that was hashed stays as it is; of several objects, one has just these fields.
    const chosen = choices.filter(isSchema).find((choice) => hasFields(choice, value, schemas));
    return chosen ? decode(chosen, value, schemas) : value;
  }
  if (typeof value === "string") return typeof format === "string" && format.startsWith("uint") ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item: unknown) => decode(isSchema(items) ? items : {}, item, schemas));
  if (!isSchema(value) || !isSchema(properties)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      const field = properties[name];
      return [name, isSchema(field) ? decode(field, part, schemas) : part];
    }),
  );
}

/** JSON of an answer: bigints as decimal strings. */
export function encode(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => (typeof part === "bigint" ? part.toString() : part));
}
