import { API_SCHEMAS, OPERATIONS, type Operation, type Parameter } from "./operations.js";
import { PROBLEM_SCHEMA } from "./problem.js";
import type { Schema } from "./schema.js";
import { named } from "./schema.js";

/** What a status says, in all operations. */
const STATUS_TEXTS: { readonly [status: number]: string } = {
  400: "The request is not as the API wants it",
  401: "A token of an active cloud is needed",
  403: "This caller may not ask this gateway for this",
  404: "There is no such thing",
  409: "The first request with this idempotency key is not finished",
  412: "The gateway has not seen that block yet",
  413: "The body is too large",
  415: "The body must be application/json",
  422: "The contract refused, or the idempotency key was used for another request",
  429: "Too many requests",
  500: "The gateway failed",
  502: "The chain's node failed",
  503: "The gateway is not ready",
  504: "The transaction is not mined yet: ask again with the same idempotency key",
};

/** Media type of problem documents. */
export const PROBLEM_MEDIA_TYPE = "application/problem+json";

function problemResponses(statuses: readonly number[]): { readonly [status: string]: Schema } {
  const sorted = [...statuses].sort((a, b) => a - b);
  return Object.fromEntries(sorted.map((status) => [String(status), { $ref: `#/components/responses/${status}` }]));
}

function parameterObject({ in: place, name, schema, required, description }: Parameter): Schema {
  return {
    in: place,
    name,
    required: required ?? false,
    schema,
    ...(description === undefined ? {} : { description }),
  };
}

function operationObject(operation: Operation): Schema {
  const { id, tag, summary, description, isPublic, parameters, body, answers, problems } = operation;
  const responses = Object.entries(answers).map(([status, { description: text, schema, contentType, headers }]) => {
    const shown = Object.entries(headers ?? {}).map(([name, header]) => [name, { schema: header }] as const);
    return [
      status,
      {
        description: text,
        content: { [contentType ?? "application/json"]: { schema } },
        ...(shown.length === 0 ? {} : { headers: Object.fromEntries(shown) }),
      },
    ] as const;
  });
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(isPublic ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameterObject) }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    responses: { ...Object.fromEntries(responses), ...problemResponses(problems) },
  };
}

function paths(): { readonly [path: string]: Schema } {
  const all: { [path: string]: { [method: string]: Schema } } = {};
  for (const operation of OPERATIONS) {
    all[operation.path] = { ...all[operation.path], [operation.method]: operationObject(operation) };
  }
  return all;
}

/** The API of a gateway as OpenAPI 3.1. Requests are validated by the schemas in this very document. */
export const OPEN_API = {
  openapi: "3.1.0",
  info: {
    title: "Gateway of a BlockchainBus federation",
    version: "1",
    description:
      "Amounts and integers of more than 32 bits are decimal strings. Problems are RFC 9457 documents; where a contract " +
      "refused, with its error's name and arguments.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  security: [{ token: [] }],
  tags: ["authentication", "index", "events", "questions", "actions", "operation"].map((name) => ({ name })),
  paths: paths(),
  components: {
    securitySchemes: {
      token: {
        type: "http",
        scheme: "bearer",
        bearerFormat: "JWT",
        description: "From `/v1/auth/token` of any gateway",
      },
    },
    schemas: { ...API_SCHEMAS, Problem: PROBLEM_SCHEMA },
    responses: Object.fromEntries(
      Object.entries(STATUS_TEXTS).map(([status, description]) => [
        status,
        { description, content: { [PROBLEM_MEDIA_TYPE]: { schema: named("Problem") } } },
      ]),
    ),
  },
} as const;
