import rateLimit from "@fastify/rate-limit";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";

import { BusError } from "../errors/busError.js";
import type { Call, GatewayContext, Reply } from "./context.js";
import { OPEN_API, PROBLEM_MEDIA_TYPE } from "./openApi.js";
import { API_SCHEMAS, OPERATIONS, type Operation, type Parameter, streamStart } from "./operations.js";
import { type Fault, type Problem, ProblemError, problem, problemOf } from "./problem.js";
import { FORMATS, type Schema, decode, encode, object } from "./schema.js";
import type { Caller } from "./standing.js";

/** How a server is set up. */
export interface ServerOptions {
  readonly requestsPerMinute: number;
  readonly trustProxy: boolean;
  readonly logLevel: string;
  /** Certificate and key, PEM. */
  readonly https?: { readonly cert: string; readonly key: string };
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks, or why nobody does. */
    caller: Caller | Error | undefined;
  }
}

/** Sixteen full lines take a tenth of this. */
const BODY_LIMIT = 262_144;

/** A token and all other headers. */
const HEADER_LIMIT = 16_384;

const MOST_FAULTS = 10;

/** The three places of parameters, and what a problem's pointers call them. */
const PLACES = ["path", "query", "header"] as const;

interface Validators {
  readonly body: ValidateFunction | undefined;
  readonly places: { readonly [place in (typeof PLACES)[number]]: ValidateFunction };
  readonly schemas: { readonly [place in (typeof PLACES)[number]]: Schema };
}

const DOCUMENT_KEY = "openapi.json";

const bodies = new Ajv2020({ formats: FORMATS, strict: true, allowUnionTypes: true });
// The document as a whole is no schema: Ajv only looks up those within it.
bodies.addVocabulary(Object.keys(OPEN_API));
bodies.addSchema(OPEN_API, DOCUMENT_KEY, undefined, false);

const texts = new Ajv2020({ formats: FORMATS, strict: true, coerceTypes: true, useDefaults: true });

const compiled = new Map<string, Validators>();

/** Validators of an operation, out of the very document that is published. */
function validatorsOf(operation: Operation): Validators {
  const known = compiled.get(operation.id);
  if (known) return known;
  const { method, path, body, parameters } = operation;
  const schemaOf = (place: Parameter["in"]): Schema => {
    const own = parameters.filter((parameter) => parameter.in === place);
    const optional = own.filter(({ required }) => required !== true).map(({ name }) => name);
    return object(Object.fromEntries(own.map(({ name, schema }) => [name, schema])), optional);
  };
  const pointer = `#/paths/${path.replaceAll("/", "~1")}/${method}/requestBody/content/application~1json/schema`;
  const schemas = { path: schemaOf("path"), query: schemaOf("query"), header: schemaOf("header") };
  const validators = {
    body: body === undefined ? undefined : bodies.compile({ $ref: DOCUMENT_KEY + encodeURI(pointer) }),
    places: {
      path: texts.compile(schemas.path),
      query: texts.compile(schemas.query),
      header: texts.compile(schemas.header),
    },
    schemas,
  };
  compiled.set(operation.id, validators);
  return validators;
}

function faultsOf(place: string, errors: readonly ErrorObject[] | null | undefined): readonly Fault[] {
  return (errors ?? []).slice(0, MOST_FAULTS).map(({ instancePath, keyword, params, message }) => {
    const { missingProperty, additionalProperty } = params as { readonly [name: string]: unknown };
    const name =
      keyword === "required" ? missingProperty : keyword === "additionalProperties" ? additionalProperty : "";
    const detail =
      keyword === "required" ? "is missing" : keyword === "additionalProperties" ? "is not known" : message;
    return {
      pointer: `/${place}${instancePath}${typeof name === "string" && name !== "" ? `/${name}` : ""}`,
      detail: detail ?? "is wrong",
    };
  });
}

function requireValid(place: string, validate: ValidateFunction, value: unknown): void {
  if (validate(value)) return;
  const faults = faultsOf(place === "header" ? "headers" : place, validate.errors);
  const detail = faults.map(({ pointer, detail: text }) => `${pointer} ${text}`).join("; ");
  throw new ProblemError(problem("bad-request", detail, { faults }));
}

type Values = Readonly<{ [name: string]: unknown }>;

/** Only the headers that an operation asks for. */
function headersOf(request: FastifyRequest, parameters: readonly Parameter[]): Values {
  const own = parameters.filter((parameter) => parameter.in === "header");
  return Object.fromEntries(
    own.flatMap(({ name }) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]] as const])),
  );
}

function readCall(operation: Operation, validators: Validators, request: FastifyRequest): Call {
  const { parameters, body } = operation;
  const given = {
    path: { ...(request.params as Values) },
    query: { ...(request.query as Values) },
    header: headersOf(request, parameters),
  };
  for (const place of PLACES) requireValid(place, validators.places[place], given[place]);
  if (validators.body) requireValid("body", validators.body, request.body);
  const read = (place: (typeof PLACES)[number]): Values =>
    decode(validators.schemas[place], given[place], API_SCHEMAS) as Values;
  return {
    path: read("path"),
    query: read("query"),
    headers: read("header"),
    body: body === undefined ? undefined : decode(body, request.body, API_SCHEMAS),
    rawBody: request.body,
    caller: request.caller instanceof Error ? undefined : request.caller,
  };
}

async function authenticate(gateway: GatewayContext, request: FastifyRequest): Promise<void> {
  const { authorization } = request.headers;
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) {
    request.caller = new BusError("NOT_SIGNED_IN", "there is no bearer token");
    return;
  }
  request.caller = await gateway.sessions
    .verify(token)
    .catch((thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown))));
}

function sendProblem(reply: FastifyReply, told: Problem): FastifyReply {
  if (told.status === 401) void reply.header("www-authenticate", "Bearer");
  if (told.status === 503) void reply.header("retry-after", "1");
  return reply.code(told.status).header("content-type", PROBLEM_MEDIA_TYPE).send(encode(told));
}

function sendReply(reply: FastifyReply, operation: Operation, { status, body, headers }: Reply): FastifyReply {
  const { contentType } = operation.answers[status] ?? {};
  const type = status >= 400 ? PROBLEM_MEDIA_TYPE : (contentType ?? "application/json");
  void reply
    .code(status)
    .header("content-type", type)
    .headers({ ...headers });
  return reply.send(typeof body === "string" ? body : encode(body));
}

/** Codes of ethers' errors that say that the node failed, and not the request. */
const NODE_FAILURES: readonly unknown[] = ["NETWORK_ERROR", "SERVER_ERROR", "TIMEOUT", "UNKNOWN_ERROR", "BAD_DATA"];

const codeOf = (thrown: unknown): unknown =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;

/** What Fastify refuses before an operation is asked, as problems. */
function frameworkProblem(error: FastifyError): Problem | undefined {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return problem("too-large", `more than ${BODY_LIMIT} bytes`);
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return problem("unsupported-media-type");
  const isCallers = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500;
  return isCallers ? problem("bad-request", error.message) : undefined;
}

function problemFor(thrown: unknown, isQuestion: boolean): Problem {
  if (thrown instanceof ProblemError || thrown instanceof BusError) return problemOf(thrown, isQuestion);
  const refused = frameworkProblem(thrown as FastifyError);
  if (refused) return refused;
  return NODE_FAILURES.includes(codeOf(thrown)) ? problem("node-failed") : problemOf(thrown, isQuestion);
}

async function answer(
  gateway: GatewayContext,
  operation: Operation,
  validators: Validators,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { caller } = request;
  if (!operation.isPublic && caller instanceof Error) throw caller;
  const call = readCall(operation, validators, request);
  const found = await operation.run(gateway, call);
  if (operation.isStream !== true) return sendReply(reply, operation, found);
  reply.hijack();
  // Headers that hooks have set are lost with the reply.
  reply.raw.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  const { contract, name, follow } = call.query as { contract?: string; name?: string; follow?: boolean };
  await gateway.streams.serve(reply.raw, {
    after: streamStart(gateway, call),
    contract,
    name,
    isFollowing: follow !== false,
    requireCaller: async () => {
      await authenticate(gateway, request);
      if (request.caller instanceof Error) throw request.caller;
    },
  });
  return reply;
}

/** The HTTP server of a gateway; it does not listen yet. */
export async function buildServer(gateway: GatewayContext, options: ServerOptions): Promise<FastifyInstance> {
  const server = fastify({
    logger: options.logLevel === "silent" ? false : { level: options.logLevel },
    trustProxy: options.trustProxy,
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: 128 },
    http: { maxHeaderSize: HEADER_LIMIT },
    ...(options.https === undefined ? {} : { https: { ...options.https, maxHeaderSize: HEADER_LIMIT } }),
    return503OnClosing: false,
    forceCloseConnections: "idle",
    frameworkErrors: (error, _request, reply) =>
      void sendProblem(reply as FastifyReply, problem("bad-request", error.message)),
  }) as unknown as FastifyInstance;
  server.removeContentTypeParser("text/plain");
  server.decorateRequest("caller", undefined);

  server.addHook("onRequest", async (request, reply) => {
    void reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    if (!gateway.isOpen()) throw new ProblemError(problem("unavailable", "the gateway is closing"));
    await authenticate(gateway, request);
  });
  server.addHook("onSend", async (_request, reply) => {
    // A connection that is kept alive would hold up the end of the gateway.
    if (!gateway.isOpen()) void reply.header("connection", "close");
    return Promise.resolve();
  });
  await server.register(rateLimit, {
    max: options.requestsPerMinute,
    timeWindow: 60_000,
    keyGenerator: ({ caller, ip }) => (caller && !(caller instanceof Error) ? `cloud ${caller.cloud}` : ip),
    errorResponseBuilder: (_request, { after, max }) =>
      new ProblemError(problem("too-many-requests", `more than ${max} in a minute; again in ${after}`)),
  });

  server.setErrorHandler((thrown, request, reply) => {
    const told = problemFor(thrown, !request.url.startsWith("/v1/actions/"));
    if (told.status >= 500) request.log.error({ err: thrown }, told.title);
    return sendProblem(reply, told);
  });
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problem("not-found", `${request.method} ${request.url.split("?")[0] ?? ""}`)),
  );
  server.addHook("onResponse", (request, reply, done) => {
    gateway.metrics.answered(
      request.routeOptions.config.operation ?? "none",
      reply.statusCode,
      reply.elapsedTime / 1000,
    );
    done();
  });

  const document = encode(OPEN_API);
  for (const operation of OPERATIONS) {
    const validators = validatorsOf(operation);
    server.route({
      method: operation.method,
      url: operation.path.replaceAll(/\{(\w+)\}/g, ":$1"),
      config: { operation: operation.id },
      handler: (request, reply) =>
        operation.id === "openApi"
          ? reply.header("content-type", "application/json").send(document)
          : answer(gateway, operation, validators, request, reply),
    });
  }
  return server;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Id of the operation that a route answers. */
    operation?: string;
  }
}
