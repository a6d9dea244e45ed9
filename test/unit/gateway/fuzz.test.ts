import { expect } from "chai";
import { getAddress } from "ethers";
import fc from "fast-check";
import { network } from "hardhat";

import type { Gateway } from "../../../src/gateway/gateway.js";
import { gatewayFederation, gatewayOf, seededKey, tokenOf } from "../../fixtures/gateway.js";
import {
  type DocumentedOperation,
  type Node,
  answerChecker,
  documentedOperations,
  resolve,
} from "../../fixtures/openApi.js";

const connection = await network.create();
const { networkHelpers } = connection;

/** 5,500 requests by default; FUZZ_REQUESTS for another number, FUZZ_SEED for other ones. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 5_500);
const SEED = Number(process.env.FUZZ_SEED ?? 11);

/** What exists on the chain, so that not every request is about nothing. */
interface Known {
  readonly hashes: readonly string[];
  readonly addresses: readonly string[];
}

const STRANGE = fc.constantFrom<unknown>(
  null,
  true,
  -1,
  0.5,
  1e30,
  "",
  "0",
  "-1",
  "1e3",
  "0x",
  "__proto__",
  "\u0000",
  "%",
  "\ud800",
  [],
  {},
  [[]],
  "9".repeat(100),
);

function hexOf(digits: number): fc.Arbitrary<string> {
  return fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);
}

function textOf({ pattern, format, maxLength, enum: values }: Node, known: Known): fc.Arbitrary<unknown> {
  if (Array.isArray(values)) return fc.constantFrom(...(values as string[]));
  const bits = Number(/^uint(\d+)$/.exec(String(format))?.[1] ?? 0);
  if (bits > 0) {
    const most = 2n ** BigInt(bits) - 1n;
    return fc.oneof(
      fc.bigInt({ min: 0n, max: 100n }).map(String),
      fc.bigInt({ min: 0n, max: most }).map(String),
      fc.constantFrom(String(most), String(most + 1n), String(Date.now())),
    );
  }
  if (format === "address") return fc.oneof(fc.constantFrom(...known.addresses), hexOf(40), hexOf(40).map(getAddress));
  if (pattern === "^[A-Z]{3}$") return fc.constantFrom("EUR", "USD", "XXX", "ABC");
  const digits = Number(/\{(\d+)\}\$$/.exec(String(pattern))?.[1] ?? 0);
  if (String(pattern).startsWith("^0x[") && digits > 0) {
    return digits === 64 ? fc.oneof(fc.constantFrom(...known.hashes), hexOf(64)) : hexOf(digits);
  }
  if (String(pattern).startsWith("^0x(")) return fc.oneof(hexOf(130), hexOf(2), fc.constant("0x"));
  if (String(pattern).startsWith("^(0x")) return fc.oneof(fc.constantFrom(...known.hashes), fc.nat(50).map(String));
  if (String(pattern).includes("-[0-9]")) return fc.tuple(fc.nat(60), fc.nat(9)).map(([a, b]) => `${a}-${b}`);
  const most = typeof maxLength === "number" ? Math.min(maxLength, 40) : 40;
  return fc.oneof(fc.string({ maxLength: most }), fc.string({ unit: "binary", maxLength: most }));
}

/** Values that a schema allows, and now and then one that it does not. */
function valuesOf(schema: Node, known: Known, strange: number): fc.Arbitrary<unknown> {
  const node = resolve(schema);
  const fitting = fittingValues(node, known, strange);
  return strange === 0 ? fitting : fc.oneof({ weight: strange, arbitrary: fitting }, { weight: 1, arbitrary: STRANGE });
}

function fittingValues(node: Node, known: Known, strange: number): fc.Arbitrary<unknown> {
  const { type, anyOf, properties, required, items, maxItems, minimum, maximum } = node;
  if (Array.isArray(anyOf)) return fc.oneof(...(anyOf as Node[]).map((choice) => valuesOf(choice, known, strange)));
  if (type === "object") {
    const fields = Object.entries((properties ?? {}) as { [name: string]: Node });
    return fc.record(Object.fromEntries(fields.map(([name, field]) => [name, valuesOf(field, known, strange)])), {
      requiredKeys: strange === 0 ? ((required ?? []) as string[]) : [],
    });
  }
  if (type === "array") {
    const most = Math.min(typeof maxItems === "number" ? maxItems : 3, 3);
    return fc.array(valuesOf((items ?? {}) as Node, known, strange), { maxLength: most });
  }
  if (type === "integer" || type === "number") {
    const [least, most] = [Number(minimum ?? 0), Math.min(Number(maximum ?? 1000), 2 ** 32)];
    const whole = fc.oneof(
      fc.integer({ min: least, max: Math.min(most, least + 9) }),
      fc.integer({ min: least, max: most }),
    );
    return type === "integer" ? whole : fc.double({ min: least, max: most, noNaN: true });
  }
  if (type === "boolean") return fc.boolean();
  return textOf(node, known);
}

interface FuzzRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly payload: string | undefined;
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A request to an operation as its documentation allows it, more or less. */
function requestsOf(
  operation: DocumentedOperation,
  known: Known,
  tokens: readonly string[],
): fc.Arbitrary<FuzzRequest> {
  const strange = fc.constantFrom(0, 0, 12);
  return strange.chain((weight) => {
    const parameters = operation.parameters.map(({ name, schema, required, in: place }) =>
      fc
        .tuple(valuesOf(schema, known, weight), required ? fc.constant(true) : fc.boolean())
        .map(([value, isGiven]) => ({ name, place, value: asText(value), isGiven })),
    );
    const token = fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...tokens) },
      { weight: 1, arbitrary: fc.constantFrom("", "x", "a.b.c", `${tokens[0]}x`, String(tokens[0]).slice(0, -3)) },
    );
    const body =
      operation.body === undefined
        ? fc.constant(undefined)
        : fc.oneof(
            { weight: 20, arbitrary: valuesOf(operation.body, known, weight).map((value) => JSON.stringify(value)) },
            { weight: 1, arbitrary: fc.constantFrom("", "{", "[]", "null", '{"__proto__":{}}', "\u0000") },
          );
    return fc.tuple(fc.tuple(...parameters), token, body).map(([given, bearer, payload]) => {
      const of = (place: string) => given.filter((one) => one.place === place && one.isGiven);
      const path = of("path").reduce((url, { name, value }) => url.replace(`{${name}}`, encode(value)), operation.path);
      const query = of("query").map(({ name, value }) => `${name}=${encode(value)}`);
      // A stream that goes on would be waited for without end.
      if (operation.operationId === "streamEvents") query.unshift("follow=false");
      const headers = of("header").map(({ name, value }) => [name, value.replaceAll(/[^\x20-\x7e]/g, "?")] as const);
      return {
        method: operation.method === "get" ? "GET" : "POST",
        url: query.length === 0 ? path : `${path}?${query.join("&")}`,
        headers: {
          ...Object.fromEntries(headers),
          ...(bearer === "" ? {} : { authorization: `Bearer ${bearer}` }),
          ...(payload === undefined ? {} : { "content-type": "application/json" }),
        },
        payload,
      };
    });
  });
}

const encode = (text: string): string => encodeURIComponent(Buffer.from(text).toString()) || "%20";

describe("the API under random requests", function () {
  this.timeout(240_000);

  it(`answers ${REQUESTS} as its OpenAPI document says, and never with 5xx`, async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const gateway: Gateway = await gatewayOf(found, 1);
    try {
      const tokens = [
        await tokenOf(gateway, found.members[0].account),
        await tokenOf(gateway, found.agents[0]),
        await tokenOf(gateway, found.agents[1]),
        await tokenOf(gateway, found.relay, "federation"),
      ];
      const agreement = anyAgreement(gateway);
      const known: Known = {
        hashes: [...Object.values(found.vms), agreement],
        addresses: [found.agents[0].address, found.agents[1].address, seededKey("nobody").address],
      };
      const operations = documentedOperations();
      const check = answerChecker();
      const statuses = new Map<number, number>();
      const reached = new Set<string>();
      const each = Math.ceil(REQUESTS / operations.length);
      for (const operation of operations) {
        for (const request of fc.sample(requestsOf(operation, known, tokens), { numRuns: each, seed: SEED })) {
          const { method, url, headers, payload } = request;
          const response = await gateway.server.inject({
            method,
            url,
            headers,
            ...(payload === undefined ? {} : { payload }),
          });
          const { statusCode: status } = response;
          const contentType = String(response.headers["content-type"]);
          const shown = `${JSON.stringify(request)} → ${status} ${response.payload.slice(0, 500)}`;
          expect(status, shown).to.be.lessThan(500);
          // What does not even reach the operation is answered for the whole API.
          const isElsewhere = status === 404 && operation.responses["404"] === undefined;
          if (!isElsewhere)
            expect(check(operation, { status, contentType, payload: response.payload }), shown).to.equal(undefined);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (status === 200) reached.add(operation.operationId);
        }
      }
      // Requests that are all refused would show nothing.
      expect(statuses.get(200), JSON.stringify([...statuses])).to.be.greaterThan(each * 10);
      for (const status of [400, 401, 403, 404, 422])
        expect(statuses.get(status) ?? 0, String(status)).to.be.greaterThan(5);
      expect(reached.size).to.be.greaterThan(35);
      expect([...reached]).to.include.members([
        "listBookings",
        "readStatement",
        "resultOf",
        "balanceOf",
        "standingOf",
        "proposalsOf",
      ]);
    } finally {
      await gateway.close();
    }
  });

  it("can fail: an answer that is not as documented is found", function () {
    const check = answerChecker();
    const operation = documentedOperations().find(({ operationId }) => operationId === "findVm");
    if (!operation) throw new Error("no such operation");
    const contentType = "application/json";
    expect(check(operation, { status: 200, contentType, payload: '{"item":{}}' })).to.be.a("string");
    expect(check(operation, { status: 418, contentType, payload: "{}" })).to.be.a("string");
    expect(check(operation, { status: 200, contentType: "text/html", payload: "{}" })).to.be.a("string");
    expect(check(operation, { status: 404, contentType: "application/problem+json", payload: "{}" })).to.be.a("string");
  });
});

function anyAgreement(gateway: Gateway): string {
  return String(gateway.context.index.database.prepare("SELECT agreement FROM agreements LIMIT 1").get()?.agreement);
}
