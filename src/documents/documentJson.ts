import { EIP712_TYPES, type StructName } from "./schema.js";

/** The widest integer that JSON and JavaScript hold as a number here. */
const NUMBER_BITS = 32;

function isStruct(type: string): type is StructName {
  return type in EIP712_TYPES;
}

/** A document as JSON takes it: integers wider than 32 bits as decimal strings. */
export function documentToJson(document: object): unknown {
  return JSON.parse(
    JSON.stringify(document, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
  );
}

/**
 * A struct out of JSON, where integers wider than 32 bits are decimal strings. Nothing is checked: what has another type
 * and what is unknown stays as it is, for `checkDocument` to refuse with its path.
 */
export function documentFromJson(type: StructName, json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const fields = new Map<string, string>(EIP712_TYPES[type].map((field) => [field.name, field.type]));
  return Object.fromEntries(
    Object.entries(json).map(([name, value]: [string, unknown]) => [name, valueFromJson(fields.get(name), value)]),
  );
}

function valueFromJson(type: string | undefined, value: unknown): unknown {
  if (type === undefined) return value;
  if (type.endsWith("[]")) {
    return Array.isArray(value) ? (value as unknown[]).map((item) => valueFromJson(type.slice(0, -2), item)) : value;
  }
  if (isStruct(type)) return documentFromJson(type, value);
  if (!type.startsWith("uint") || Number(type.slice("uint".length)) <= NUMBER_BITS) return value;
  const isDecimal = typeof value === "string" && /^(0|[1-9][0-9]{0,77})$/.test(value);
  return isDecimal ? BigInt(value) : value;
}

/** JSON Schema of each struct as {@link documentToJson} writes it, by its name. */
export function structSchemas(): { readonly [name: string]: object } {
  return Object.fromEntries(
    Object.entries(EIP712_TYPES).map(([name, fields]) => [
      name,
      {
        type: "object",
        additionalProperties: false,
        required: fields.map((field) => field.name),
        properties: Object.fromEntries(fields.map((field) => [field.name, schemaOf(field.type)])),
      },
    ]),
  );
}

function schemaOf(type: string): object {
  if (type.endsWith("[]")) return { type: "array", items: schemaOf(type.slice(0, -2)) };
  if (isStruct(type)) return { $ref: `#/$defs/${type}` };
  switch (type) {
    case "string":
      return { type: "string" };
    case "address":
      return { type: "string", pattern: "^0x[0-9a-fA-F]{40}$" };
    case "bytes32":
      return { type: "string", pattern: "^0x[0-9a-fA-F]{64}$" };
    default: {
      const bits = Number(type.slice("uint".length));
      return bits <= NUMBER_BITS
        ? { type: "integer", minimum: 0, maximum: 2 ** bits - 1 }
        : { type: "string", pattern: "^(0|[1-9][0-9]{0,77})$" };
    }
  }
}
