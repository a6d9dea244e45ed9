import { METRIC_NAMES } from "../../sla/metrics.js";

/** JSON Schema (2020-12) of a sample file. */
export const SAMPLE_FILE_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Raw samples of VMs, as a source of the SLA oracle",
  type: "object",
  additionalProperties: false,
  required: ["stepMs", "series"],
  properties: {
    stepMs: { description: "One sample is expected in so many milliseconds.", type: "integer", minimum: 1 },
    series: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["vm", "metric", "samples"],
        properties: {
          vm: { description: "Id of the VM.", type: "string", pattern: "^0x[0-9a-fA-F]{64}$" },
          metric: { enum: [...METRIC_NAMES] },
          scale: {
            description: "What one of the values' units is in the metric's unit, as a decimal number: 1 if left out.",
            type: "string",
            pattern: "^[0-9]+(\\.[0-9]+)?$",
          },
          samples: {
            description: "Time in milliseconds since the epoch and value, in the order of the times.",
            type: "array",
            items: {
              type: "array",
              minItems: 2,
              maxItems: 2,
              prefixItems: [
                { type: "integer", minimum: 0 },
                {
                  description: "A number, or a decimal as text where a number would lose digits.",
                  type: ["number", "string"],
                  minimum: 0,
                  pattern: "^[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$",
                },
              ],
            },
          },
        },
      },
    },
  },
} as const;
