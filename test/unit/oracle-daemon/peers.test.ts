import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { readFileSync } from "node:fs";

import { expect } from "chai";
import { type BaseWallet, id } from "ethers";
import { network } from "hardhat";

import { type AgreedReport, type Metrics, buildMetrics, signDocument } from "../../../src/index.js";
import { HttpFailure, exchange } from "../../../src/oracle/http.js";
import type { Oracle } from "../../../src/oracle/daemon/oracle.js";
import { Bed, WINDOW_MS, type Watched, endAt, keyOf, passTo, watchedStay } from "../../fixtures/oracleDaemon.js";

const { networkHelpers } = await network.create();

const GOOD = { availabilityPpm: 1_000_000, networkLatencyUs: 900 };

describe("the peer protocol", function () {
  let watched: Watched;
  let bed: Bed;
  let home: Oracle;
  let url: string;

  beforeEach(async function () {
    watched = await networkHelpers.loadFixture(watchedStay);
    bed = new Bed(watched);
    bed.saw("home", [GOOD]);
    home = bed.home({ config: { trusted: ["cpuReadyPpm"] } });
    url = await bed.serve(home);
    await passTo(watched, WINDOW_MS);
    await home.settle();
  });

  afterEach(async function () {
    await bed.close();
  });

  const about = () => {
    const { chainId, contracts } = watched.found.addressBook;
    return { chainId, oracle: contracts.SlaOracle };
  };
  const post = async (path: string, body: unknown) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`${url}${path}`, { method: "POST", body: text });
    return { status: response.status, body: (await response.json()) as { readonly [key: string]: unknown } };
  };
  const reportOf = (
    metrics: Partial<Metrics> = buildMetrics(GOOD),
    changes: Partial<AgreedReport> = {},
  ): AgreedReport => ({
    vm: watched.vm,
    sequence: watched.sequence,
    window: 0,
    metrics: { values: { ...buildMetrics({}), ...metrics }, salt: id("salt") },
    ...changes,
  });
  const proposed = async (report: AgreedReport, signer: BaseWallet = keyOf(watched.host)) => ({
    report,
    signature: await signDocument(signer, watched.found.federation.oracleDomain, "AgreedReport", report),
  });
  const answerTo = async (report: AgreedReport, signer?: BaseWallet): Promise<unknown> => {
    const { body } = await post("/v1/agreed-reports", { ...about(), reports: [await proposed(report, signer)] });
    return (body.answers as unknown[])[0];
  };

  describe("home", function () {
    it("signs what it measured; the same report gets the same signature", async function () {
      const first = await answerTo(reportOf());
      const own = await signDocument(
        keyOf(watched.home),
        watched.found.federation.oracleDomain,
        "AgreedReport",
        reportOf(),
      );

      expect(first).to.deep.equal({ signature: own });
      expect(await answerTo(reportOf())).to.deep.equal(first);
      expect(home.store.journal.entriesAbout(subject())).to.have.length(1);
    });

    const subject = () => {
      const { chainId, genesisHash } = watched.found.addressBook;
      return `${chainId}/${genesisHash}/window/${watched.vm}/${watched.sequence}/0/agreedreport`;
    };

    it("takes on trust what it is told to", async function () {
      expect(await answerTo(reportOf(buildMetrics({ ...GOOD, cpuReadyPpm: 5 })))).to.have.property("signature");
    });

    type Refusal = readonly [string, () => Promise<unknown>, object];
    const REFUSALS: readonly Refusal[] = [
      [
        "a stay that it does not know",
        () => answerTo(reportOf(undefined, { sequence: 9 })),
        { refusal: "UNKNOWN_STAY" },
      ],
      ["a window that it has not measured", () => answerTo(reportOf(undefined, { window: 7 })), { refusal: "NOT_YET" }],
      ["nothing measured", () => answerTo(reportOf({})), { refusal: "MALFORMED" }],
      [
        "a share above one",
        () => answerTo(reportOf({ availabilityPpm: 1_000_001, measured: 1 })),
        { refusal: "MALFORMED" },
      ],
      [
        "no salt",
        () => answerTo(reportOf(undefined, { metrics: { values: buildMetrics(GOOD), salt: `0x${"00".repeat(32)}` } })),
        { refusal: "MALFORMED" },
      ],
      ["a signature of somebody else", () => answerTo(reportOf(), keyOf({ cloud: 3 })), { refusal: "BAD_SIGNATURE" }],
      ["home's own signature", () => answerTo(reportOf(), keyOf({ cloud: 1 })), { refusal: "BAD_SIGNATURE" }],
      [
        "other numbers",
        () => answerTo(reportOf(buildMetrics({ ...GOOD, availabilityPpm: 994_999 }))),
        { refusal: "DIFFERS", metrics: ["availabilityPpm"] },
      ],
      [
        "what it did not measure",
        () => answerTo(reportOf(buildMetrics({ ...GOOD, diskIops: 5 }))),
        { refusal: "UNMEASURED", metrics: ["diskIops"] },
      ],
    ];
    for (const [what, ask, refusal] of REFUSALS) {
      it(`refuses ${what}, and signs nothing`, async function () {
        expect(await ask()).to.deep.equal(refusal);
        expect(home.store.journal.entriesAbout(subject())).to.deep.equal([]);
        expect(home.store.window({ vm: watched.vm, sequence: watched.sequence, number: 0 })?.report).to.equal(
          undefined,
        );
      });
    }

    it("signs one report of a window and no other, also when both come at once", async function () {
      const other = reportOf(undefined, { metrics: { values: buildMetrics(GOOD), salt: id("another salt") } });
      const answers = await Promise.all([answerTo(reportOf()), answerTo(other)]);

      expect(answers.filter((answer) => JSON.stringify(answer).includes("signature"))).to.have.length(1);
      expect(answers).to.deep.include({ refusal: "OTHER_REPORT" });
    });

    it("refuses what is final", async function () {
      home.store.patchWindow({ vm: watched.vm, sequence: watched.sequence, number: 0 }, { outcome: "claimed" });

      expect(await answerTo(reportOf())).to.deep.equal({ refusal: "FINAL" });
    });

    it("tells which metrics it can compare, and no values", async function () {
      const windows = [0, 5].map((window) => ({ vm: watched.vm, sequence: watched.sequence, window }));
      const { body } = await post("/v1/measured", { ...about(), windows });

      expect(body).to.deep.equal({ answers: [{ measured: 0b100011 }, { refusal: "NOT_YET" }] });
    });

    it("is not home of what it hosts", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.host(url, { config: { listen: { port: 0 } } });
      url = await bed.serve(host);
      await host.pass();

      expect(await answerTo(reportOf())).to.deep.equal({ refusal: "NOT_HOME" });
    });

    it("answers a request that is none by what is wrong with it", async function () {
      const reports = [await proposed(reportOf())];
      const unsigned = [{ report: reportOf(), signature: "none" }];

      expect((await post("/v2/else", {})).status).to.equal(404);
      expect((await fetch(`${url}/v1/measured`)).status).to.equal(405);
      expect((await post("/v1/measured", "{")).body).to.deep.equal({ error: "BAD_REQUEST", message: "not JSON" });
      expect((await post("/v1/agreed-reports", { ...about(), reports: unsigned })).body.message).to.match(
        /^\/reports\/0\/signature: "none"/,
      );
      expect((await post("/v1/agreed-reports", { ...about(), reports: [] })).body.message).to.match(/^\/reports: \[\]/);
      expect(await post("/v1/agreed-reports", { ...about(), chainId: "1", reports })).to.deep.include({ status: 400 });
      const many = Array.from({ length: 65 }, () => ({ vm: watched.vm, sequence: 2, window: 0 }));
      expect((await post("/v1/measured", { ...about(), windows: many })).status).to.equal(400);
    });
  });

  describe("host", function () {
    type Answer = (path: string, response: ServerResponse, request: IncomingMessage) => void;
    const measured = JSON.stringify({ answers: [{ measured: 33 }] });
    const signed = (signature: string) => JSON.stringify({ answers: [{ signature }] });
    const afterMeasured =
      (answer: (response: ServerResponse) => void): Answer =>
      (path, response) => {
        if (path === "/v1/measured") response.end(measured);
        else answer(response);
      };

    const ANSWERS: readonly (readonly [string, Answer, RegExp])[] = [
      ["is not JSON", (_, response) => void response.end("<html>"), /^PEER_NONSENSE/],
      ["has too few answers", (_, response) => void response.end('{"answers":[]}'), /^PEER_NONSENSE/],
      [
        "has a refusal that is none",
        (_, response) => void response.end('{"answers":[{"refusal":"MOOD"}]}'),
        /^PEER_NONSENSE/,
      ],
      [
        "is an error",
        (_, response) => void response.writeHead(500).end("oops"),
        /^PEER_REFUSED: cloud 1: status 500, oops/,
      ],
      ["leads elsewhere", (_, response) => void response.writeHead(302, { location: "/" }).end(), /^PEER_REFUSED/],
      ["does not come", () => undefined, /^PEER_TIMEOUT/],
      [
        "breaks off",
        (_, response) => {
          response.writeHead(200, { "content-length": "99" }).write("{");
          setImmediate(() => response.destroy());
        },
        /^PEER_DIED/,
      ],
      ["is too long", (_, response) => void response.end("x".repeat(2 ** 20 + 1)), /^PEER_NONSENSE/],
      [
        "is no signature of home",
        afterMeasured((response) => void response.end(signed(`0x${"11".repeat(65)}`))),
        /^PEER_NONSENSE: .*not its signature/,
      ],
      [
        "is no signature at all",
        afterMeasured((response) => void response.end(signed("0x12"))),
        /^PEER_NONSENSE: .*not its signature/,
      ],
    ];
    for (const [what, answer, problem] of ANSWERS) {
      it(`tries again later when the answer ${what}`, async function () {
        const server: Server = createServer((request, response) => {
          answer(request.url ?? "", response, request);
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const address = server.address();
        const port = typeof address === "object" ? address?.port : 0;
        try {
          bed.saw("host", [GOOD]);
          const timing = { peerTimeoutMs: 300, retryMs: 60_000, maxRetryMs: 60_000 };
          const host = bed.host(`http://127.0.0.1:${port}`, { config: { timing } });
          await host.pass();

          const window = host.store.window({ vm: watched.vm, sequence: watched.sequence, number: 0 });
          expect(window?.problem).to.match(problem);
          expect(window).to.deep.include({
            theirSignature: undefined,
            isRefused: false,
            attempts: 1,
            outcome: undefined,
          });
        } finally {
          server.closeAllConnections();
          server.close();
        }
      });
    }

    it("knows where home is from the registry, with its key", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.open("host", keyOf(watched.host), { config: { part: "party", cloud: watched.host.cloud } });
      await host.pass();

      // Nobody is at https://cloud-1.example: what matters is that it was asked.
      const { problem } = host.store.window({ vm: watched.vm, sequence: watched.sequence, number: 0 }) ?? {};
      expect(problem).to.match(/^PEER_[A-Z]+: cloud 1: https:\/\/cloud-1\.example\/oracle\/v1\/measured/);
    });
  });

  const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

  it(`goes over TLS to who has the key, and to nobody else${hasOpenssl ? "" : ": skipped, there is no openssl"}`, async function () {
    if (!hasOpenssl) this.skip();
    const [key, certificate] = [bed.path("tls.key"), bed.path("tls.pem")];
    const made = spawnSync("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=oracle".split(" "),
      ...["-keyout", key, "-out", certificate],
    ]);
    expect(made.status, made.stderr.toString()).to.equal(0);
    await bed.stopServing(home);
    home.close();
    home = bed.home({ config: { listen: { port: 0, tls: { key, certificate } } } });
    url = await bed.serve(home);
    const spki = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: "spki", format: "der" });
    const spkiHash = `0x${createHash("sha256").update(spki).digest("hex")}`;
    const ask = (pin: string | undefined) =>
      exchange({
        method: "POST",
        url: new URL(`${url}/v1/measured`),
        body: "{}",
        timeoutMs: 2_000,
        maxBytes: 1_000,
        spkiHash: pin,
      });
    const failure = async (pin: string | undefined): Promise<unknown> =>
      ask(pin).catch((thrown: unknown) => (thrown instanceof HttpFailure ? thrown.kind : thrown));

    expect((await ask(spkiHash)).status).to.equal(400);
    expect(await failure(id("another key"))).to.equal("wrong key");
    // Without a key to look for, authorities decide: none knows this one.
    expect(await failure(undefined)).to.equal("unreachable");

    await endAt(watched, 2 * WINDOW_MS);
    bed.saw("home", [GOOD, GOOD]);
    bed.saw("host", [GOOD, GOOD]);
    await home.settle();
    const peers = [{ cloud: watched.home.cloud, url, spkiHash }];
    const host = bed.host(url, { config: { peers } });
    await host.settle();
    expect(host.store.window({ vm: watched.vm, sequence: watched.sequence, number: 1 })?.outcome).to.equal("agreed");
  });
});
