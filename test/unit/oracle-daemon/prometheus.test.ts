import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";

import { expect } from "chai";

import { BusError } from "../../../src/index.js";
import { type PrometheusOptions, prometheusSource } from "../../../src/oracle/sources/prometheus.js";
import type { SampleRequest } from "../../../src/oracle/sources/source.js";

const WINDOW = { fromMs: 1_767_225_600_000, toMs: 1_767_225_660_000 };
const STEP_MS = 15_000;
const VM = `0x${"ab".repeat(32)}`;
const REQUEST: SampleRequest = {
  vm: VM,
  sequence: 2,
  startedAtMs: WINDOW.fromMs,
  window: WINDOW,
  labels: { instance: 'web-"3"\\:9100' },
};

type Answer = (request: IncomingMessage, response: ServerResponse, form: URLSearchParams) => void;

/** What Prometheus answers about one series. */
function matrix(...values: readonly unknown[]): object {
  return { status: "success", data: { resultType: "matrix", result: [{ metric: {}, values }] } };
}

const at = (step: number, value: string): unknown => [(WINDOW.fromMs + step * STEP_MS) / 1_000, value];
const json =
  (body: unknown, status = 200): Answer =>
  (_, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

describe("prometheusSource", function () {
  let server: Server;
  let answer: Answer;
  let forms: URLSearchParams[];
  let headers: IncomingMessage["headers"];

  before(async function () {
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.once("end", () => {
        const form = new URLSearchParams(Buffer.concat(parts).toString());
        forms.push(form);
        headers = request.headers;
        answer(request, response, form);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  beforeEach(function () {
    forms = [];
    answer = json(matrix());
  });

  after(function () {
    server.closeAllConnections();
    server.close();
  });

  const source = (changes: Partial<PrometheusOptions> = {}) => {
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    return prometheusSource({
      url: `http://127.0.0.1:${port}/`,
      stepMs: STEP_MS,
      timeoutMs: 200,
      queries: { availabilityPpm: { query: "up", scale: "1000000" } },
      ...changes,
    });
  };
  const refusal = async (changes: Partial<PrometheusOptions> = {}, request = REQUEST): Promise<string> => {
    try {
      await source(changes).read(request);
    } catch (thrown) {
      if (thrown instanceof BusError) return thrown.code;
      throw thrown;
    }
    return "nothing";
  };

  it("asks for the window's grid, its end not included", async function () {
    await source().read(REQUEST);

    expect(Object.fromEntries(forms[0] ?? [])).to.deep.equal({
      query: "up",
      start: "1767225600.000",
      end: "1767225645.000",
      step: "15.000",
      timeout: "200ms",
    });
  });

  it("makes exact samples of what it answers; NaN is none", async function () {
    answer = json(matrix(at(0, "1"), at(1, "NaN"), at(3, "0.1234567891")));

    const series = await source().read(REQUEST);

    expect(series.get("availabilityPpm")).to.deep.equal([
      { timeMs: WINDOW.fromMs, value: 1_000_000_000n },
      { timeMs: WINDOW.fromMs + 45_000, value: 123_456_789n },
    ]);
  });

  it("has no samples where there is no series", async function () {
    answer = json({ status: "success", data: { resultType: "matrix", result: [] } });

    expect((await source().read(REQUEST)).get("availabilityPpm")).to.deep.equal([]);
  });

  it("fills in the VM, the step and the operator's labels, escaped", async function () {
    const query = 'min_over_time(up{instance="{{instance}}",vm="{{ vm }}",stay="{{sequence}}"}[{{step}}])';
    await source({ queries: { availabilityPpm: { query, scale: "1" } } }).read(REQUEST);

    expect(forms[0]?.get("query")).to.equal(
      `min_over_time(up{instance="web-\\"3\\"\\\\:9100",vm="${VM}",stay="2"}[15000ms])`,
    );
  });

  it("refuses to ask about a label that the VM does not have", async function () {
    const queries = { availabilityPpm: { query: 'up{job="{{job}}"}', scale: "1" } };

    expect(await refusal({ queries })).to.equal("UNKNOWN_LABEL");
    expect(forms).to.have.length(0);
  });

  it("asks in parts for more points than a server answers at once", async function () {
    const window = { fromMs: 0, toMs: 25_000 };
    answer = (request, response, form) => {
      const [start, end] = [Number(form.get("start")), Number(form.get("end"))];
      const count = Math.round((end - start) * 1_000) + 1;
      const values = Array.from({ length: count }, (_, i) => [Math.round(start * 1_000 + i) / 1_000, "1"]);
      json(matrix(...values))(request, response, form);
    };

    const series = await source({ stepMs: 1, timeoutMs: 5_000 }).read({ ...REQUEST, window });

    expect(forms.map((form) => [form.get("start"), form.get("end")])).to.deep.equal([
      ["0.000", "9.999"],
      ["10.000", "19.999"],
      ["20.000", "24.999"],
    ]);
    expect(series.get("availabilityPpm")?.map(({ timeMs }) => timeMs)).to.deep.equal(
      Array.from({ length: 25_000 }, (_, i) => i),
    );
  });

  it("sends a bearer token where it has one", async function () {
    await source({ bearerToken: "secret" }).read(REQUEST);

    expect(headers.authorization).to.equal("Bearer secret");
  });

  const NONSENSE: readonly (readonly [string, unknown])[] = [
    ["no JSON object", []],
    ["an error with status 200", { status: "error", error: "no" }],
    ["a vector", { status: "success", data: { resultType: "vector", result: [] } }],
    ["a series without values", { status: "success", data: { resultType: "matrix", result: [{ metric: {} }] } }],
    ["a point that was not asked for", matrix([(WINDOW.fromMs + 1) / 1_000, "1"])],
    ["a point before the window", matrix(at(-1, "1"))],
    ["a point at the window's end", matrix(at(4, "1"))],
    ["points that go back", matrix(at(1, "1"), at(0, "1"))],
    ["a point twice", matrix(at(1, "1"), at(1, "1"))],
    ["a value that is a number", matrix([WINDOW.fromMs / 1_000, 1])],
    ["a value that is no number", matrix(at(0, "one"))],
    ["infinity", matrix(at(0, "+Inf"))],
    ["a negative value", matrix(at(0, "-0.5"))],
    ["a share above one", matrix(at(0, "1.000001"))],
    ["a point that is no pair", matrix("1")],
  ];
  for (const [what, body] of NONSENSE) {
    it(`takes ${what} for nonsense`, async function () {
      answer = json(body);

      expect(await refusal()).to.equal("SOURCE_NONSENSE");
    });
  }

  it("takes what is not JSON for nonsense", async function () {
    answer = (_, response) => void response.end("<html>");

    expect(await refusal()).to.equal("SOURCE_NONSENSE");
  });

  it("refuses to choose between two series", async function () {
    const one = { metric: { instance: "a" }, values: [] };
    answer = json({ status: "success", data: { resultType: "matrix", result: [one, { ...one, metric: {} }] } });

    expect(await refusal()).to.equal("SERIES_AMBIGUOUS");
  });

  const STATUSES: readonly (readonly [number, string])[] = [
    [400, "SOURCE_REFUSED"],
    [401, "SOURCE_REFUSED"],
    [422, "SOURCE_REFUSED"],
    [302, "SOURCE_UNREACHABLE"],
    [429, "SOURCE_UNREACHABLE"],
    [500, "SOURCE_UNREACHABLE"],
    [503, "SOURCE_TIMEOUT"],
  ];
  for (const [status, code] of STATUSES) {
    it(`calls status ${status} ${code}`, async function () {
      answer = json({ status: "error", error: "parse error" }, status);

      expect(await refusal()).to.equal(code);
    });
  }

  it("notices that nobody answers in time", async function () {
    answer = () => undefined;

    expect(await refusal({ timeoutMs: 50 })).to.equal("SOURCE_TIMEOUT");
  });

  it("notices that an answer does not end in time", async function () {
    answer = (_, response) => void response.writeHead(200).write('{"status":');

    expect(await refusal({ timeoutMs: 50 })).to.equal("SOURCE_TIMEOUT");
  });

  it("notices that the server dies in the middle of its answer", async function () {
    answer = (_, response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"status":');
      setImmediate(() => response.destroy());
    };

    expect(await refusal()).to.equal("SOURCE_DIED");
  });

  it("notices that nobody is there", async function () {
    expect(await refusal({ url: "http://127.0.0.1:1" })).to.equal("SOURCE_UNREACHABLE");
  });

  it("gives nothing of a window of which one metric fails", async function () {
    answer = (request, response, form) => {
      (form.get("query") === "up" ? json(matrix(at(0, "1"))) : json({}, 500))(request, response, form);
    };
    const queries = {
      availabilityPpm: { query: "up", scale: "1000000" },
      lossPpm: { query: "loss", scale: "1" },
    };

    expect(await refusal({ queries })).to.equal("SOURCE_UNREACHABLE");
  });
});
