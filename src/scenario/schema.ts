import { RESOURCE_NAMES } from "../documents/types.js";
import { METRIC_NAMES } from "../sla/metrics.js";

const name = { type: "string", pattern: "^[A-Za-z0-9._-]{1,64}$" } as const;
const label = { type: "string", pattern: "^[a-z0-9-]{3,32}$" } as const;
const target = { type: "string", pattern: "^(@best|@home|[a-z0-9-]{3,32})$" } as const;
const duration = {
  type: ["string", "integer"],
  description: "ISO 8601 in days, hours, minutes and seconds, or milliseconds",
  pattern: "^P(?=.)([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+(\\.[0-9]{1,3})?S)?)?$",
  minimum: 0,
} as const;
const signer = { type: "string", pattern: "^(stranger|[a-z0-9-]{3,32}(/[A-Za-z0-9._-]{1,64})?)$" } as const;
const site = { type: "integer", minimum: 0, maximum: 65_535 } as const;
const names = { type: "array", items: name, minItems: 1, maxItems: 17 } as const;
const labels = { type: "array", items: label } as const;
const amount = { type: "integer", minimum: 0, maximum: 4_294_967_295 } as const;

const resources = {
  type: "object",
  additionalProperties: false,
  minProperties: 1,
  properties: Object.fromEntries(RESOURCE_NAMES.map((lane) => [lane, amount])),
} as const;

const rates = {
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(RESOURCE_NAMES.map((lane) => [lane, { type: "integer", minimum: 0 }])),
} as const;

const offer = {
  type: "object",
  additionalProperties: false,
  required: ["capacity"],
  properties: {
    site,
    capacity: resources,
    biggest: resources,
    features: { type: "array", items: name },
    validFor: duration,
    currency: { type: "string", pattern: "^[A-Z]{3}$" },
    rates,
  },
} as const;

const expectation = {
  oneOf: [
    { const: "accepted" },
    {
      type: "object",
      additionalProperties: false,
      required: ["refused"],
      properties: {
        refused: { type: "string", minLength: 1 },
        args: {
          type: "object",
          additionalProperties: { type: ["string", "integer", "boolean", "array"], items: { type: "string" } },
        },
      },
    },
  ],
} as const;

interface Properties {
  readonly [property: string]: object;
}

/** A step: what it must have, what it may have, besides what every step may have. */
function step(verb: string, required: Properties, optional: Properties = {}): object {
  return {
    type: "object",
    additionalProperties: false,
    required: ["do", ...Object.keys(required)],
    properties: {
      do: { const: verb },
      at: duration,
      note: { type: "string" },
      expect: expectation,
      ...required,
      ...optional,
    },
  };
}

/** How a document is made and signed: by whom instead, without whom, naming what instead of the truth. */
const forged: Properties = {
  from: label,
  without: labels,
  signaturesOf: name,
  signers: { type: "object", additionalProperties: signer },
  nonce: { type: "integer", minimum: 0 },
  resources,
  features: { type: "array", items: name },
};
const deadlines: Properties = { agreeIn: duration, startIn: duration, completeIn: duration };
const by: Properties = { as: name };

const window = { type: "integer", minimum: 0, maximum: 4_294_967_295 } as const;
const money = {
  type: "string",
  description: "A decimal number in currency units",
  pattern: "^[0-9]{1,19}(\\.[0-9]{1,9})?$",
} as const;
const currency = { type: "string", pattern: "^[A-Z]{3}$" } as const;
const bps = { type: "integer", minimum: 0, maximum: 10_000 } as const;
const ppm = { type: "integer", minimum: 0, maximum: 1_000_000 } as const;
const metrics = {
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(METRIC_NAMES.map((metric) => [metric, amount])),
} as const;
const samples = {
  type: "object",
  additionalProperties: false,
  required: ["every", "values"],
  properties: {
    every: duration,
    values: {
      type: "object",
      additionalProperties: false,
      minProperties: 1,
      properties: Object.fromEntries(
        METRIC_NAMES.map((metric) => [metric, { type: "array", items: { type: ["number", "null"], minimum: 0 } }]),
      ),
    },
  },
} as const;
const terms = {
  type: "object",
  additionalProperties: false,
  properties: {
    currency,
    rates,
    settlement: { enum: ["either", "joint"] },
    promises: metrics,
    tiers: {
      type: "array",
      maxItems: 3,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["belowPpm", "creditBps"],
        properties: { belowPpm: ppm, creditBps: bps },
      },
    },
    otherMetricsBps: bps,
    capBps: bps,
    pauseBudget: duration,
  },
} as const;

/** What a document agrees on beside the move itself. */
const conditions: Properties = {
  terms: name,
  window: duration,
  witnesses: { type: "array", items: name, maxItems: 7 },
  required: { type: "integer", minimum: 0, maximum: 7 },
};
const stay: Properties = { stay: { type: "integer", minimum: 1 } };
const measured: Properties = { metrics, samples };
const signers: Properties = { without: labels, signers: { type: "object", additionalProperties: signer } };

const STEPS = [
  step(
    "move",
    { vms: names, to: target },
    { id: name, site, copy: duration, pause: duration, ...forged, ...deadlines, ...conditions },
  ),
  step(
    "agree",
    { vms: names, to: target, id: name },
    { site, bring: { type: "boolean" }, ...forged, ...deadlines, ...conditions },
  ),
  step("bring", { document: name }),
  step("start", { move: name }, { by: label, ...by }),
  step(
    "complete",
    { move: name },
    { without: labels, signers: forged.signers ?? {}, validIn: duration, pause: duration },
  ),
  step("abort", { move: name, by: label }, { reason: { type: "integer", minimum: 0, maximum: 255 }, ...by }),
  step("abortMutually", { move: name }, { reason: { type: "integer", minimum: 0, maximum: 255 }, without: labels }),
  step("expire", { move: name }),
  step(
    "record",
    { vms: names, to: target },
    { id: name, site, releasedAgo: duration, runningAgo: duration, ...forged, ...conditions },
  ),
  step("amend", { vms: names }, { id: name, type: name, ...forged, ...conditions }),
  step("notice", { vms: names, in: duration }, by),
  step("release", { vm: name }, { move: name, ...by }),
  step("stop", { vm: name }, { move: name, ...by }),
  step("restore", { vm: name }, by),
  step("terminate", { vm: name }, by),
  step("declareLost", { vm: name }, by),
  step("contestLoss", { vm: name }, by),
  step("withdrawLoss", { vm: name }, by),
  step("evacuate", { vms: names, to: target }, { id: name, site, ...forged, ...conditions }),
  step("revoke", { document: name, by: label }, by),
  step("register", { vm: name }),
  step("offer", { cloud: label, offer }, by),
  step("withdrawOffer", { cloud: label }, { site, ...by }),
  step("suspend", { cloud: label }, { by: { enum: ["guardian", "self"] } }),
  step("liftSuspension", { cloud: label }, { by: { enum: ["governance", "self"] } }),
  step("expel", { cloud: label }),
  step("leave", { cloud: label }),
  step("rotateAccount", { cloud: label }),
  step("completeRotation", { cloud: label }),
  step("cancelRotation", { cloud: label }),
  step("recoverAccount", { cloud: label }),
  step(
    "setAgent",
    {
      cloud: label,
      agent: name,
      scopes: {
        type: "array",
        items: { enum: ["RELAY", "OFFER", "MOVE_OUT", "HOST", "REPORT", "VALIDATOR"] },
        minItems: 1,
      },
    },
    { partners: labels, validFor: duration },
  ),
  step("revokeAgent", { cloud: label, agent: name }),
  step(
    "report",
    { vm: name, windows: { type: "array", items: window, minItems: 2, maxItems: 2 } },
    { ...stay, ...measured, ...signers },
  ),
  step("claim", { vm: name, window, by: label }, { ...stay, ...measured, ...by }),
  step("object", { vm: name, window }, { by: label, ...stay, as: name }),
  step("observe", { vm: name, window, witness: name }, { ...stay, ...measured }),
  step("finalise", { vm: name, window }, stay),
  step("settle", { vm: name, by: label }, { through: duration, ...stay, as: name }),
  step("credit", { vm: name, window, by: label }, { ...stay, as: name }),
  step("settleAll", {}),
  step(
    "note",
    { creditor: label, debtor: label, amount: money },
    {
      id: name,
      currency,
      vm: name,
      through: duration,
      reason: { type: "integer", minimum: 0, maximum: 65_535 },
      ...stay,
      ...signers,
    },
  ),
  step("acknowledge", { creditor: label, debtor: label, amount: money, payment: name }, { currency }),
  step("net", {}, { currency }),
  step("remember", {}),
  step("pauseNew", { for: duration }),
  step("resumeNew", {}),
  step("closeForNew", {}),
  step("wait", {}),
];

/** JSON Schema (2020-12) of a scenario file. `docs/scenario.md` explains it by example. */
export const SCENARIO_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Scenario of a BlockchainBus federation",
  type: "object",
  additionalProperties: false,
  required: ["name", "clouds", "vms", "timeline"],
  properties: {
    $schema: { type: "string" },
    name: { type: "string", minLength: 1, maxLength: 100 },
    description: { type: "string" },
    seed: { type: "string", minLength: 1 },
    begin: { type: "string", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" },
    parameters: {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(
        ["agreeWithin", "startWithin", "completeWithin", "startLead", "tolerance", "lossWait", "retention"].map(
          (limit) => [limit, duration],
        ),
      ),
    },
    features: { type: "object", additionalProperties: { type: "integer", minimum: 0, maximum: 255 } },
    instanceTypes: { type: "object", additionalProperties: resources },
    terms: { type: "object", additionalProperties: terms },
    witnesses: { type: "array", items: name, maxItems: 64, uniqueItems: true },
    clouds: {
      type: "array",
      minItems: 1,
      maxItems: 64,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["label"],
        properties: {
          label,
          endpoint: { type: "string", minLength: 1, maxLength: 256 },
          offers: { type: "array", items: offer },
        },
      },
    },
    vms: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "home", "type"],
        properties: {
          name,
          home: label,
          type: name,
          features: { type: "array", items: name },
          register: { type: "boolean" },
        },
      },
    },
    timeline: {
      type: "array",
      items: {
        type: "object",
        required: ["do"],
        discriminator: { propertyName: "do" },
        oneOf: STEPS,
      },
    },
    expectations: {
      type: "object",
      additionalProperties: false,
      properties: {
        hosts: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["vm", "at", "host"],
            properties: { vm: name, at: duration, host: { type: ["string", "null"] } },
          },
        },
        states: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["vm", "state"],
            properties: {
              vm: name,
              state: { enum: ["Home", "Abroad", "Agreed", "Started", "Stopped", "Terminated", "Succeeded"] },
            },
          },
        },
        responsible: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["vm", "from", "to", "clouds"],
            properties: { vm: name, from: duration, to: duration, clouds: labels },
          },
        },
        rooms: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["cloud", "free"],
            properties: { cloud: label, site, free: resources },
          },
        },
        statuses: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["cloud", "status"],
            properties: { cloud: label, status: { enum: ["Active", "Suspended", "Left", "Expelled"] } },
          },
        },
        outcomes: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["move", "state"],
            properties: { move: name, state: { enum: ["Aborted", "Expired"] }, unfinished: labels },
          },
        },
        results: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["vm", "stay", "window", "state"],
            properties: {
              vm: name,
              ...stay,
              window,
              state: { enum: ["None", "Agreed", "Claimed", "Objected", "Witnessed", "Disputed"] },
            },
          },
        },
        credits: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["vm", "stay", "window", "amount"],
            properties: { vm: name, ...stay, window, amount: money },
          },
        },
        balances: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["creditor", "debtor", "amount"],
            properties: { creditor: label, debtor: label, currency, amount: money },
          },
        },
        reputation: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["cloud"],
            properties: { cloud: label, above: { type: "number" }, below: { type: "number" } },
          },
        },
      },
    },
    questions: {
      type: "object",
      additionalProperties: false,
      properties: {
        hostsAt: { type: "array", items: duration },
        responsible: {
          type: "object",
          additionalProperties: false,
          required: ["vm", "from", "to"],
          properties: { vm: name, from: duration, to: duration },
        },
        history: name,
      },
    },
  },
} as const;
