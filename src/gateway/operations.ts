import { DocumentKind, MoveState, VmState } from "../chain/enums.js";
import { CONTRACT_NAMES } from "../chain/addressBook.js";
import type { Sent } from "../chain/send.js";
import { type EventPlans, eventJson } from "../event-index/abi.js";
import { type Period, listBookings, readStatement } from "../event-index/bookings.js";
import {
  type Page,
  type Paging,
  findAgreement,
  findVm,
  listAgreements,
  listEvents,
  listStays,
  listVms,
  parseEventId,
} from "../event-index/queries.js";
import { BookingKind } from "../event-index/tables.js";
import { ACTIONS, ACTION_SCHEMAS, type Action } from "./actions.js";
import type { Call, GatewayContext, Reply } from "./context.js";
import { ProblemError, problem } from "./problem.js";
import { QUESTIONS, QUESTION_SCHEMAS, type Question } from "./questions.js";
import { ADDRESS, FLAG, HASH, type Schema, int, list, named, object, oneOf, structSchemas, uint } from "./schema.js";
import { STATEMENTS, domainOfUri } from "./signInMessage.js";
import { type Caller, type Standing, hasScopes } from "./standing.js";

/** A parameter of an operation that does not stand in its body. */
export interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly schema: Schema;
  readonly required?: boolean;
  readonly description?: string;
}

/** An answer that is no problem. */
export interface Answer {
  readonly description: string;
  readonly schema: Schema;
  /** The default is `application/json`. */
  readonly contentType?: string;
  readonly headers?: { readonly [name: string]: Schema };
}

/** Something that a gateway answers. */
export interface Operation {
  readonly id: string;
  readonly method: "get" | "post";
  /** As OpenAPI writes it: `/v1/vms/{vm}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Whether it is answered without a token. */
  readonly isPublic: boolean;
  readonly parameters: readonly Parameter[];
  readonly body?: Schema;
  readonly answers: { readonly [status: number]: Answer };
  /** Statuses of the problem documents that it may answer with. */
  readonly problems: readonly number[];
  /** Whether an unknown thing in a contract's refusal is a thing not found. */
  readonly isQuestion: boolean;
  /** Whether the answer is a stream of events. */
  readonly isStream?: boolean;
  readonly run: (gateway: GatewayContext, call: Call) => Promise<Reply> | Reply;
}

const TEXT: Schema = { type: "string" };
const CLOUD = uint(32, "Number of a cloud; 0 for none");
const TIME_MS = uint(64, "Milliseconds since the epoch; 0 for none");
const BLOCK: Schema = { type: "integer", minimum: -1, maximum: Number.MAX_SAFE_INTEGER };
const EVENT_ID: Schema = { type: "string", pattern: "^[0-9]{1,9}-[0-9]{1,7}$" };
const STATE = (values: { readonly [name: string]: number }, description: string) =>
  oneOf(Object.keys(values), description);

/** Named schemas of the answers. */
const ANSWER_SCHEMAS: { readonly [name: string]: Schema } = {
  AsOf: object({
    block: { ...BLOCK, description: "The block up to which this is known" },
    hash: TEXT,
    timeMs: { type: "integer", minimum: 0 },
  }),
  IndexedVm: object({
    vm: HASH,
    home: CLOUD,
    host: CLOUD,
    site: uint(16),
    state: STATE(VmState, "Where it stands"),
    sequence: uint(32, "Number of its last stay"),
    move: uint(32, "Number of its last agreed move; 0 for none"),
    resources: named("Resources"),
    lostAt: uint(40, "When its host was declared lost, in seconds; 0 if it is not"),
  }),
  IndexedStay: object(
    {
      vm: HASH,
      sequence: uint(32),
      host: CLOUD,
      site: uint(16),
      agreement: uint(32, "Agreement number; 0 for none"),
      agreementId: HASH,
      kind: STATE(DocumentKind, "What began it"),
      startedAt: TIME_MS,
      endedAt: TIME_MS,
      noticeUntil: TIME_MS,
      stateDigest: HASH,
      resources: named("Resources"),
    },
    ["agreementId"],
  ),
  IndexedAgreement: object(
    {
      number: uint(32),
      agreement: HASH,
      document: HASH,
      kind: STATE(DocumentKind, "What document it stands in"),
      state: STATE(MoveState, "How far the move has come; None for what is no move"),
      home: CLOUD,
      source: CLOUD,
      destination: CLOUD,
      site: uint(16),
      startBy: TIME_MS,
      completeBy: TIME_MS,
      vms: list(HASH),
    },
    [],
    "Parties, site and deadlines are told of moves only; 0 otherwise",
  ),
  IndexedBooking: object({
    event: EVENT_ID,
    line: { ...HASH, description: "By which a note can refer to it; of a payment its reference" },
    kind: STATE(BookingKind, "What it is"),
    creditor: CLOUD,
    debtor: CLOUD,
    currency: { ...TEXT, description: "ISO 4217 code" },
    amount: int("What the debtor owes more from then on, in 1e-9 currency units; negative where it owes less"),
    bookedAt: TIME_MS,
    transaction: HASH,
    details: { type: "object", description: "What else the event tells; integers of more than 32 bits as strings" },
  }),
  Statement: object({
    cloud: CLOUD,
    from: TIME_MS,
    to: TIME_MS,
    accounts: list(
      object(
        {
          with: { ...CLOUD, description: "The other cloud" },
          currency: { ...TEXT, description: "ISO 4217 code" },
          opening: int("What the other owed before the period"),
          charges: int(),
          credits: int(),
          notes: int(),
          nettings: int(),
          payments: int(),
          closing: int("What the other owes at its end"),
        },
        [],
        "In 1e-9 currency units, positive in favour of the statement's cloud",
      ),
    ),
  }),
  IndexedEvent: object({
    id: EVENT_ID,
    block: { type: "integer", minimum: 0 },
    logIndex: { type: "integer", minimum: 0 },
    transaction: HASH,
    contract: oneOf(CONTRACT_NAMES),
    name: TEXT,
    args: { type: "object", description: "By name; integers of more than 32 bits as decimal strings" },
  }),
  Sent: object({
    transaction: HASH,
    blockNumber: { type: "integer", minimum: 0 },
    gasUsed: uint(64),
    events: list(object({ contract: oneOf(CONTRACT_NAMES), name: TEXT, args: { type: "object" } })),
  }),
  Caller: object({
    address: ADDRESS,
    cloud: CLOUD,
    isAccount: FLAG,
    scopes: uint(8, "Bits of AgentScope"),
    partners: list(uint(32)),
    reach: oneOf(Object.keys(STATEMENTS), "Where the token counts"),
  }),
};

/** All named schemas of the API but the problem document. */
export const API_SCHEMAS: { readonly [name: string]: Schema } = {
  ...structSchemas(),
  ...ACTION_SCHEMAS,
  ...QUESTION_SCHEMAS,
  ...ANSWER_SCHEMAS,
};

const READ_PROBLEMS = [400, 401, 429, 500, 502, 503];
const QUESTION_PROBLEMS = [...READ_PROBLEMS, 404, 413, 415, 422];
const ACTION_PROBLEMS = [...READ_PROBLEMS, 403, 409, 413, 415, 422, 504];
const PUBLIC_PROBLEMS = [400, 429, 500, 503];

function asOf({ index }: GatewayContext) {
  const { block, hash, timeMs } = index.state;
  return { block, hash, timeMs };
}

const ok = (body: unknown): Reply => ({ status: 200, body });

/* READS OUT OF THE INDEX */

const PAGING: readonly Parameter[] = [
  { in: "query", name: "limit", schema: { type: "integer", minimum: 1, maximum: 500, default: 100 } },
  { in: "query", name: "cursor", schema: { type: "string", maxLength: 256 }, description: "`next` of the page before" },
];

const MIN_BLOCK: Parameter = {
  in: "query",
  name: "minBlock",
  schema: uint(32),
  description: "Waits for this block, shortly: `blockNumber` of an own action gives what was written",
};

async function requireBlock({ index, catchUpMs }: GatewayContext, { query }: Call): Promise<void> {
  const { minBlock } = query;
  if (index.state.phase === "rebuilding") throw new ProblemError(problem("unavailable", "the index is being rebuilt"));
  if (typeof minBlock !== "number" || index.state.block >= minBlock) return;
  const isThere = await new Promise<boolean>((resolve) => {
    const stop = index.onChange(({ block }) => {
      if (block >= minBlock) settle(true);
    });
    const timer = setTimeout(() => {
      settle(false);
    }, catchUpMs);
    const settle = (isSeen: boolean): void => {
      clearTimeout(timer);
      stop();
      resolve(isSeen);
    };
  });
  if (!isThere) throw new ProblemError(problem("not-yet", `the last block is ${index.state.block}, not ${minBlock}`));
}

function pagingOf({ query }: Call): Paging {
  const { limit, cursor } = query as { readonly limit?: number; readonly cursor?: string };
  return { limit: limit ?? 100, cursor };
}

function pageSchema(item: string): Schema {
  const next = { ...TEXT, description: "Cursor of the next page; left out on the last one" };
  return object({ items: list(named(item)), next, asOf: named("AsOf") }, ["next"]);
}

type Read = Pick<Operation, "id" | "path" | "summary" | "parameters"> & Partial<Pick<Operation, "tag" | "description">>;

function listOperation(
  read: Read,
  item: string,
  run: (gateway: GatewayContext, call: Call, paging: Paging) => Page<unknown> | Promise<Page<unknown>>,
): Operation {
  return {
    tag: "index",
    ...read,
    method: "get",
    isPublic: false,
    parameters: [...read.parameters, ...PAGING, MIN_BLOCK],
    answers: { 200: { description: "A page", schema: pageSchema(item) } },
    problems: [...READ_PROBLEMS, 412],
    isQuestion: true,
    run: async (gateway, call) => {
      await requireBlock(gateway, call);
      return ok({ ...(await run(gateway, call, pagingOf(call))), asOf: asOf(gateway) });
    },
  };
}

function findOperation(
  read: Read,
  item: string,
  run: (gateway: GatewayContext, call: Call) => object | undefined | Promise<object>,
): Operation {
  return {
    tag: "index",
    ...read,
    method: "get",
    isPublic: false,
    parameters: [...read.parameters, MIN_BLOCK],
    answers: { 200: { description: "It", schema: object({ item: named(item), asOf: named("AsOf") }) } },
    problems: [...READ_PROBLEMS, 404, 412],
    isQuestion: true,
    run: async (gateway, call) => {
      await requireBlock(gateway, call);
      const item = await run(gateway, call);
      if (!item) throw new ProblemError(problem("not-found", "no event tells of it"));
      return ok({ item, asOf: asOf(gateway) });
    },
  };
}

const query = (name: string, schema: Schema, description?: string): Parameter =>
  description === undefined ? { in: "query", name, schema } : { in: "query", name, schema, description };

const CONTRACT = query("contract", oneOf(CONTRACT_NAMES));
const EVENT_NAME = query("name", { type: "string", pattern: "^[A-Za-z0-9]{1,64}$" }, "Name of an event");

const BOOKED: readonly Parameter[] = [
  query("from", uint(64), "Milliseconds: booked at or after this"),
  query("to", uint(64), "Milliseconds: booked before this"),
];

const READS: readonly Operation[] = [
  listOperation(
    {
      id: "listVms",
      path: "/v1/vms",
      summary: "VMs by host, home and state, in the order of their ids",
      parameters: [query("host", CLOUD), query("home", CLOUD), query("state", STATE(VmState, "Where they stand"))],
    },
    "IndexedVm",
    ({ index }, { query: filter }, paging) => listVms(index, filter, paging),
  ),
  findOperation(
    {
      id: "findVm",
      path: "/v1/vms/{vm}",
      summary: "A VM as its events tell",
      parameters: [{ in: "path", name: "vm", schema: HASH, required: true }],
    },
    "IndexedVm",
    ({ index }, { path }) => findVm(index, String(path.vm)),
  ),
  listOperation(
    {
      id: "listStays",
      path: "/v1/stays",
      summary: "Stays by cloud, VM and time, in the order of their beginning",
      parameters: [
        query("host", CLOUD),
        query("vm", HASH),
        query("from", uint(64), "Milliseconds: stays that ran at or after this"),
        query("to", uint(64), "Milliseconds: stays that ran before this"),
      ],
    },
    "IndexedStay",
    ({ index }, { query: filter }, paging) => listStays(index, filter, paging),
  ),
  listOperation(
    {
      id: "listAgreements",
      path: "/v1/agreements",
      summary: "Agreements by state, kind and party, the one that changed last at the end",
      parameters: [
        query("state", STATE(MoveState, "How far the move has come; None for what is no move")),
        query("kind", STATE(DocumentKind, "What document they stand in")),
        query("cloud", CLOUD, "Home, source or destination of a move"),
      ],
    },
    "IndexedAgreement",
    ({ index }, { query: filter }, paging) => listAgreements(index, filter, paging),
  ),
  findOperation(
    {
      id: "findAgreement",
      path: "/v1/agreements/{agreement}",
      summary: "An agreement by its number or id",
      parameters: [
        {
          in: "path",
          name: "agreement",
          schema: { type: "string", pattern: "^(0x[0-9a-fA-F]{64}|[0-9]{1,10})$" },
          required: true,
        },
      ],
    },
    "IndexedAgreement",
    ({ index }, { path }) => {
      const key = String(path.agreement);
      return findAgreement(index, key.startsWith("0x") ? key : Number(key));
    },
  ),
  listOperation(
    {
      id: "listBookings",
      path: "/v1/bookings",
      summary: "Lines of the books by cloud, kind and time, in the order in which they were booked",
      parameters: [
        query("cloud", CLOUD, "Creditor or debtor"),
        query("kind", STATE(BookingKind, "What they are")),
        ...BOOKED,
      ],
    },
    "IndexedBooking",
    ({ index, blockTimes }, { query: filter }, paging) => listBookings(index, blockTimes, filter, paging),
  ),
  findOperation(
    {
      id: "readStatement",
      path: "/v1/statements/{cloud}",
      summary: "A cloud's statement: what was owed before a period, booked in it by kind, and owed at its end",
      description: "Without `from` from the beginning, without `to` up to now. The lines are those of `/v1/bookings`.",
      parameters: [{ in: "path", name: "cloud", schema: uint(32), required: true }, ...BOOKED],
    },
    "Statement",
    ({ index, blockTimes }, { path, query: period }) =>
      readStatement(index, blockTimes, { ...(period as Period), cloud: Number(path.cloud) }),
  ),
  listOperation(
    {
      id: "listEvents",
      path: "/v1/events",
      tag: "events",
      summary: "The federation's events in their order",
      parameters: [CONTRACT, EVENT_NAME, query("after", EVENT_ID, "Only events behind this one")],
    },
    "IndexedEvent",
    ({ index }, { query: filter }, paging) => listEvents(index, filter, paging),
  ),
  {
    id: "streamEvents",
    method: "get",
    path: "/v1/events/stream",
    tag: "events",
    summary: "The same as server-sent events, with those to come",
    description:
      "Each event's `id` is the event's; `Last-Event-ID` goes on behind it. Without it, and without `after`, the stream begins " +
      "with what happens next. `event: reset` ends a stream whose index was rebuilt because the chain is another one; " +
      "`event: problem` one whose caller may not listen any more.",
    isPublic: false,
    isStream: true,
    parameters: [
      CONTRACT,
      EVENT_NAME,
      query("after", EVENT_ID, "Begins behind this event"),
      query("follow", { type: "boolean", default: true }, "Whether it waits for events to come"),
      { in: "header", name: "last-event-id", schema: EVENT_ID },
    ],
    answers: { 200: { description: "Events", schema: TEXT, contentType: "text/event-stream" } },
    problems: READ_PROBLEMS,
    isQuestion: true,
    run: ({ streams, index }) => {
      if (index.state.phase === "rebuilding") {
        throw new ProblemError(problem("unavailable", "the index is being rebuilt"));
      }
      streams.requireRoom();
      return ok(undefined);
    },
  },
];

/** Where a stream begins. */
export function streamStart({ index }: GatewayContext, { query: asked, headers }: Call): string {
  const { after } = asked as { readonly after?: string };
  const last = (headers as { readonly "last-event-id"?: string })["last-event-id"];
  const start = last ?? after;
  if (start !== undefined && parseEventId(start) !== undefined) return start;
  // Behind everything up to the last block.
  return `${index.state.block}-${LAST_LOG}`;
}

const LAST_LOG = 2 ** 20 - 1;

/* QUESTIONS AND ACTIONS */

function questionOperation({ name, summary, params, answer, run }: Question): Operation {
  return {
    id: name,
    method: "post",
    path: `/v1/questions/${name}`,
    tag: "questions",
    summary,
    isPublic: false,
    parameters: [],
    body: params,
    answers: { 200: { description: "The answer, at the newest block", schema: answer } },
    problems: QUESTION_PROBLEMS,
    isQuestion: true,
    // The parameters were validated by the question's own schema.
    run: async ({ federation }, { body }) => ok(await run(federation, body as never)),
  };
}

function authorityText({ authority }: Action): string {
  if (authority.kind === "bring") return "For any Active cloud: its account, or an agent with RELAY.";
  if (authority.scopes === 0) return "For the gateway's own cloud, by a token for this gateway only: its account.";
  return `For the gateway's own cloud, by a token for this gateway only: its account, or an agent that has the scopes ${authority.scopes} itself.`;
}

const RELAY = 1;

/** @throws ProblemError `forbidden`. */
function requireAuthority({ authority, name }: Action, caller: Caller, gateway: GatewayContext, own: Standing): void {
  const forbid = (why: string): never => {
    throw new ProblemError(problem("forbidden", why));
  };
  if (authority.kind === "bring") {
    if (!hasScopes(caller, RELAY)) forbid(`${caller.address} has not the scope RELAY`);
    return;
  }
  if (caller.cloud !== gateway.cloud) {
    forbid(`${name} is sent for cloud ${gateway.cloud}, and the caller speaks for cloud ${caller.cloud}`);
  }
  if (caller.reach !== "gateway") forbid(`${name} needs a token for this gateway only, not for the federation`);
  if (!hasScopes(caller, authority.scopes)) {
    forbid(`${caller.address} may not do that itself: ${name} needs the scopes ${authority.scopes}`);
  }
  const isWider =
    own.isAccount || own.partners.length === 0 || own.partners.some((one) => !caller.partners.includes(one));
  if (caller.partners.length > 0 && isWider) {
    forbid(`${caller.address} is limited to some partners, and the gateway's key is not`);
  }
}

const IDEMPOTENCY_KEY: Parameter = {
  in: "header",
  name: "idempotency-key",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,128}$" },
  required: true,
  description: "The same key with the same body is done once; its answer is given again",
};

function actionOperation(action: Action): Operation {
  return {
    id: action.name,
    method: "post",
    path: `/v1/actions/${action.name}`,
    tag: "actions",
    summary: `\`${action.calls}\` of ${action.contract}`,
    description: authorityText(action),
    isPublic: false,
    parameters: [IDEMPOTENCY_KEY],
    body: action.params,
    answers: {
      200: {
        description: "Mined",
        schema: named("Sent"),
        headers: { "idempotency-replayed": oneOf(["true", "false"], "Whether the answer was given before") },
      },
    },
    problems: ACTION_PROBLEMS,
    isQuestion: false,
    run: async (gateway, { body, rawBody, headers, caller }) => {
      if (!caller) throw new ProblemError(problem("not-signed-in"));
      requireAuthority(action, caller, gateway, await gateway.standings.of(gateway.address));
      const key = String(headers["idempotency-key"]);
      const params = body as Readonly<{ [name: string]: unknown }>;
      try {
        const submission = { action, body: rawBody, params, caller: String(caller.cloud), key };
        const { status, body: answer, isReplayed } = await gateway.submissions.submit(submission);
        gateway.metrics.submitted(action.name, status === 200 ? "accepted" : "refused");
        return { status, body: answer, headers: { "idempotency-replayed": String(isReplayed) } };
      } catch (thrown) {
        gateway.metrics.submitted(action.name, "failed");
        throw thrown;
      }
    },
  };
}

/** What is answered about a transaction. */
export function describeSent({ hash, blockNumber, gasUsed, events }: Sent, plans: EventPlans): object {
  return {
    transaction: hash,
    blockNumber,
    gasUsed,
    events: events.flatMap(({ contract, name, log }) => {
      const plan = plans.all.find((one) => one.contract === contract && one.name === name);
      if (!plan) return [];
      const values = plan.decode(log.topics, log.data);
      const args = plan.fragment.inputs.map(
        (input) => [input.name, eventJson(input, values[input.name] ?? "")] as const,
      );
      return [{ contract, name, args: Object.fromEntries(args) }];
    }),
  };
}

/* SIGNING IN */

const AUTHENTICATION: readonly Operation[] = [
  {
    id: "newNonce",
    method: "post",
    path: "/v1/auth/nonce",
    tag: "authentication",
    summary: "What an EIP-4361 message for this gateway has to say",
    isPublic: true,
    parameters: [],
    answers: {
      200: {
        description: "Good for one message, for five minutes",
        schema: object({
          domain: TEXT,
          uri: TEXT,
          chainId: uint(64),
          statements: object({ federation: TEXT, gateway: TEXT }, [], "What it says, by how far its token shall reach"),
          nonce: TEXT,
          expiresAtMs: { type: "integer", minimum: 0 },
        }),
      },
    },
    problems: PUBLIC_PROBLEMS,
    isQuestion: true,
    run: ({ sessions, uri, federation }) =>
      ok({
        domain: domainOfUri(uri),
        uri,
        chainId: federation.chainId,
        statements: STATEMENTS,
        ...sessions.newNonce(),
      }),
  },
  {
    id: "signIn",
    method: "post",
    path: "/v1/auth/token",
    tag: "authentication",
    summary: "A token for a signed EIP-4361 message, good at every gateway of the federation or at this one",
    isPublic: true,
    parameters: [],
    body: object({
      message: { type: "string", maxLength: 2_048 },
      signature: { type: "string", pattern: "^0x([0-9a-fA-F]{2})*$", maxLength: 2_050 },
    }),
    answers: {
      200: {
        description: "Send it as `Authorization: Bearer`",
        schema: object({ token: TEXT, expiresAtMs: { type: "integer", minimum: 0 }, caller: named("Caller") }),
      },
    },
    problems: [...PUBLIC_PROBLEMS, 401, 413, 415, 502],
    isQuestion: true,
    run: async ({ sessions, metrics }, { body }) => {
      const { message, signature } = body as { readonly message: string; readonly signature: string };
      const { caller, ...issued } = await sessions.signIn(message, signature);
      metrics.signedIn(caller.cloud);
      return ok({ ...issued, caller: callerOf(caller) });
    },
  },
  {
    id: "whoAmI",
    method: "get",
    path: "/v1/auth/caller",
    tag: "authentication",
    summary: "Whom the token speaks for, as the chain stands now",
    isPublic: false,
    parameters: [],
    answers: { 200: { description: "The caller", schema: named("Caller") } },
    problems: READ_PROBLEMS,
    isQuestion: true,
    run: (_gateway, { caller }) => ok(caller && callerOf(caller)),
  },
];

function callerOf({ address, cloud, isAccount, scopes, partners, reach }: Caller): object {
  return { address, cloud, isAccount, scopes, partners, reach };
}

/* OPERATION OF THE GATEWAY */

const CHECKS = object({ open: FLAG, index: FLAG, key: FLAG });

const HOUSEKEEPING: readonly Operation[] = [
  {
    id: "health",
    method: "get",
    path: "/health",
    tag: "operation",
    summary: "Whether the process is alive",
    isPublic: true,
    parameters: [],
    answers: { 200: { description: "It is", schema: object({ status: oneOf(["alive"]) }) } },
    problems: PUBLIC_PROBLEMS,
    isQuestion: true,
    run: () => ok({ status: "alive" }),
  },
  {
    id: "readiness",
    method: "get",
    path: "/readiness",
    tag: "operation",
    summary: "Whether it can answer: open, index at the head, its key in office",
    isPublic: true,
    parameters: [],
    answers: {
      200: { description: "It can", schema: object({ ready: FLAG, checks: CHECKS, asOf: named("AsOf") }) },
    },
    problems: PUBLIC_PROBLEMS,
    isQuestion: true,
    run: async (gateway) => {
      const key = await gateway.standings.of(gateway.address).then(
        (standing) => standing.cloud === gateway.cloud && hasScopes(standing, RELAY),
        () => false,
      );
      const checks = { open: gateway.isOpen(), index: gateway.index.state.phase === "following", key };
      if (Object.values(checks).every(Boolean)) return ok({ ready: true, checks, asOf: asOf(gateway) });
      const failed = Object.entries(checks).flatMap(([name, isFine]) => (isFine ? [] : [name]));
      const { cause } = gateway.index.state;
      const why = cause === undefined ? "" : `; ${cause.code}: ${cause.message}`;
      throw new ProblemError(problem("unavailable", `not ready: ${failed.join(", ")}${why}`));
    },
  },
  {
    id: "metrics",
    method: "get",
    path: "/metrics",
    tag: "operation",
    summary: "For Prometheus",
    isPublic: true,
    parameters: [],
    answers: { 200: { description: "Metrics", schema: TEXT, contentType: "text/plain" } },
    problems: PUBLIC_PROBLEMS,
    isQuestion: true,
    run: async ({ metrics }) => ({
      status: 200,
      body: await metrics.read(),
      headers: { "content-type": metrics.contentType },
    }),
  },
  {
    id: "openApi",
    method: "get",
    path: "/openapi.json",
    tag: "operation",
    summary: "This description",
    isPublic: true,
    parameters: [],
    answers: { 200: { description: "OpenAPI 3.1", schema: { type: "object" } } },
    problems: PUBLIC_PROBLEMS,
    isQuestion: true,
    // The server answers this itself: the document describes the operations, this one among them.
    run: () => ok({}),
  },
];

/** Everything that a gateway answers. */
export const OPERATIONS: readonly Operation[] = [
  ...AUTHENTICATION,
  ...READS,
  ...QUESTIONS.map(questionOperation),
  ...ACTIONS.map(actionOperation),
  ...HOUSEKEEPING,
];
