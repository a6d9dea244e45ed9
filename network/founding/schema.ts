/** JSON Schema of the founding document, `founders.json`. */

const address = { type: "string", pattern: "^0x[0-9a-fA-F]{40}$" } as const;
const seconds = { type: "integer", minimum: 1 } as const;
const port = { type: "integer", minimum: 1, maximum: 65_535 } as const;

/** An IPv4 address: an enode URL needs one, and Besu's list of permitted nodes never matches an IPv6 one. */
const host = {
  type: "string",
  pattern: "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$",
} as const;

/** JSON Schema (2020-12) of the founding document. `docs/network.md` explains it by example. */
export const FOUNDERS_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Founding document of a BlockchainBus federation",
  type: "object",
  additionalProperties: false,
  required: ["name", "salt", "foundedAt", "clouds", "guardian", "attester"],
  properties: {
    $schema: { type: "string" },
    name: { type: "string", pattern: "^[a-z0-9-]{3,32}$" },
    salt: { type: "string", pattern: "^0x[0-9a-f]{64}$" },
    foundedAt: { type: "string", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" },
    isTest: { type: "boolean" },
    clouds: {
      type: "array",
      minItems: 1,
      maxItems: 64,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["label", "account", "recovery", "endpoint", "spkiHash", "node"],
        properties: {
          label: { type: "string", pattern: "^[a-z0-9-]{3,32}$" },
          account: address,
          recovery: address,
          endpoint: { type: "string", minLength: 1, maxLength: 256 },
          spkiHash: { type: "string", pattern: "^0x[0-9a-f]{64}$" },
          node: {
            type: "object",
            additionalProperties: false,
            required: ["host", "p2pPort"],
            properties: { publicKey: { type: "string", pattern: "^0x[0-9a-f]{128}$" }, host, p2pPort: port },
          },
        },
      },
    },
    guardian: address,
    attester: address,
    governance: {
      type: "object",
      additionalProperties: false,
      properties: { slowDelay: seconds, votingPeriod: seconds, executeWithin: seconds },
    },
    validators: {
      type: "object",
      additionalProperties: false,
      properties: { additionInterval: seconds, returnWait: seconds },
    },
    limits: {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(
        ["agreeWithin", "startWithin", "completeWithin", "startLead", "tolerance", "lossWait", "retention"].map(
          (limit) => [limit, seconds],
        ),
      ),
    },
    consensus: {
      type: "object",
      additionalProperties: false,
      properties: {
        blockPeriodSeconds: seconds,
        requestTimeoutSeconds: seconds,
        blockGasLimit: { type: "integer", minimum: 10_000_000, maximum: 1_000_000_000 },
      },
    },
  },
} as const;
