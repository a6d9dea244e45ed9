import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { network } from "hardhat";

import { BusError } from "../../src/index.js";
import { prometheusSource } from "../../src/oracle/sources/prometheus.js";
import { buildMetrics } from "../../src/sla/metrics.js";
import { Bed, WINDOW_MS, type Watched, passTo, watchedStay } from "../fixtures/oracleDaemon.js";

/** The Debian package `prometheus` has it; `.ci/run` installs it where it can. */
const isInstalled = spawnSync("prometheus", ["--version"]).status === 0;

const STEP_MS = 1_000;

/** What the test's own exporter says of two VMs. */
const EXPORTED = `
probe_success{instance="web-1"} 1
probe_success{instance="web-2"} 0
probe_rtt_seconds{instance="web-1"} 0.0025
probe_loss_ratio{instance="web-1"} 0.015
`;

const QUERIES = {
  availabilityPpm: { query: 'min_over_time(probe_success{instance="{{instance}}"}[{{step}}])', scale: "1000000" },
  networkLatencyUs: { query: 'max_over_time(probe_rtt_seconds{instance="{{instance}}"}[{{step}}])', scale: "1000000" },
  lossPpm: { query: 'avg_over_time(probe_loss_ratio{instance="{{instance}}"}[{{step}}])', scale: "1000000" },
} as const;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe(`a real Prometheus${isInstalled ? "" : ": skipped, there is no program prometheus"}`, function () {
  this.timeout(60_000);
  let folder: string;
  let exporter: Server;
  let url: string;
  let prometheus: ChildProcess;

  async function start(): Promise<void> {
    prometheus = spawn(
      "prometheus",
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=${new URL(url).host}`,
        "--log.level=error",
      ],
      { stdio: "ignore" },
    );
    // Ready, and its first scrape is done: it takes seconds to find its targets.
    for (let i = 0; i < 200; ++i) {
      const text = await fetch(`${url}/api/v1/query?query=probe_success`).then(
        (answer) => answer.text(),
        () => "",
      );
      if (text.includes("web-1")) return;
      await sleep(100);
    }
    throw new Error("Prometheus does not start");
  }

  async function kill(): Promise<void> {
    const gone = new Promise((resolve) => prometheus.once("exit", resolve));
    prometheus.kill("SIGKILL");
    await gone;
  }

  before(async function () {
    if (!isInstalled) this.skip();
    folder = mkdtempSync(join(tmpdir(), "prometheus-"));
    exporter = createServer((_, response) => response.end(EXPORTED));
    const target = await listening(exporter);
    writeFileSync(
      join(folder, "prometheus.yml"),
      `scrape_configs:
  - job_name: probe
    scrape_interval: 250ms
    scrape_timeout: 250ms
    honor_labels: true
    static_configs: [{ targets: ["127.0.0.1:${target}"] }]
`,
    );
    url = `http://127.0.0.1:${await freePort()}`;
    await start();
  });

  after(async function () {
    if (!isInstalled) return;
    await kill();
    exporter.closeAllConnections();
    exporter.close();
    rmSync(folder, { recursive: true });
  });

  const request = (instance: string, fromMs: number, toMs: number) => ({
    vm: `0x${"ab".repeat(32)}`,
    sequence: 2,
    startedAtMs: fromMs,
    window: { fromMs, toMs },
    labels: { instance },
  });
  const source = () => prometheusSource({ url, stepMs: STEP_MS, timeoutMs: 5_000, queries: QUERIES });

  it("is asked for a window's samples, and after its death in the middle for the same ones", async function () {
    const fromMs = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    const toMs = fromMs + 3_000;
    await sleep(toMs + 500 - Date.now());

    const found = await source().read(request("web-1", fromMs, toMs));

    const at = (value: bigint) => [0, 1, 2].map((step) => ({ timeMs: fromMs + step * STEP_MS, value }));
    expect(found.get("availabilityPpm")).to.deep.equal(at(1_000_000_000n));
    expect(found.get("networkLatencyUs")).to.deep.equal(at(2_500_000n));
    expect(found.get("lossPpm")).to.deep.equal(at(15_000_000n));

    await kill();
    const thrown: unknown = await source()
      .read(request("web-1", fromMs, toMs))
      .catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(BusError).with.property("code", "SOURCE_UNREACHABLE");
    await start();
    expect(await source().read(request("web-1", fromMs, toMs))).to.deep.equal(found);
  });

  it("refuses a query that is none, and one that gives several series", async function () {
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    const refusal = async (query: string): Promise<unknown> => {
      const queries = { lossPpm: { query, scale: "1" } };
      const broken = prometheusSource({ url, stepMs: STEP_MS, timeoutMs: 5_000, queries });
      return broken.read(request("web-1", now - 10_000, now)).catch((error: unknown) => error);
    };

    expect(await refusal("sum(")).to.have.property("code", "SOURCE_REFUSED");
    expect(await refusal("probe_success")).to.have.property("code", "SERIES_AMBIGUOUS");
  });

  it("measures the windows of a stay", async function () {
    const connection = await network.create({ override: { allowBlocksWithSameTimestamp: true } });
    const watched: Watched = await watchedStay(connection);
    // The chain's clock is the real one: what ended a while ago is a window that nothing was seen of.
    expect(Math.abs(watched.startedAtMs - Date.now())).to.be.below(30_000);
    const bed = new Bed(watched);
    try {
      const settings = {
        source: { type: "prometheus", url, stepMs: STEP_MS, queries: QUERIES },
        labels: { [watched.vm]: { instance: "web-2" } },
        metrics: { availabilityPpm: { mostMissingPpm: 1_000_000 } },
      };
      const witness = bed.witness(0, { config: settings });
      await sleep(2_000);
      await passTo(watched, WINDOW_MS);
      await witness.settle();

      const window = witness.store.window({ vm: watched.vm, sequence: watched.sequence, number: 0 });
      expect(window?.metrics).to.deep.equal(buildMetrics({ availabilityPpm: 0 }));
      expect(window?.problem).to.match(
        /^NO_SAMPLES: samples are missing: networkLatencyUs 0 of 300, lossPpm 0 of 300$/,
      );
      const samples = witness.store.samples({ vm: watched.vm, sequence: watched.sequence, number: 0 });
      expect(samples.length).to.be.at.least(1);
      expect(samples.every(({ value }) => value === 0n)).to.equal(true);
    } finally {
      await bed.close();
    }
  });
});
