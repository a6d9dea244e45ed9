import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { Wallet, id } from "ethers";

import { BusError } from "../../../src/index.js";
import { DEFAULT_TIMING, loadKey, loadOracleConfig, parseOracleConfig } from "../../../src/oracle/config.js";
import { DEFAULT_TOLERANCES } from "../../../src/oracle/measure/compare.js";
import { DEFAULT_RULES } from "../../../src/oracle/measure/measure.js";

const PARTY = {
  part: "party",
  cloud: 2,
  rpc: "http://127.0.0.1:8545",
  addressBook: "federation.json",
  state: "/var/lib/oracle.sqlite",
  signer: { env: "ORACLE_KEY" },
  source: { type: "samples", path: "samples.json", stepMs: 15_000 },
};
const WITNESS = { ...PARTY, part: "witness", cloud: undefined };
const PROMETHEUS = {
  type: "prometheus",
  url: "http://127.0.0.1:9090",
  stepMs: 15_000,
  queries: { availabilityPpm: { query: "up" } },
};
const VM = `0x${"AB".repeat(32)}`;

const parse = (config: object) => parseOracleConfig(JSON.stringify(config), "/etc/oracle");

describe("parseOracleConfig", function () {
  it("fills in the defaults, and resolves paths from the file's folder", function () {
    const config = parse(PARTY);

    expect(config).to.deep.include({
      cloud: 2,
      fromBlock: 0,
      addressBook: "/etc/oracle/federation.json",
      state: "/var/lib/oracle.sqlite",
      papers: undefined,
      rules: DEFAULT_RULES,
      tolerances: DEFAULT_TOLERANCES,
      timing: DEFAULT_TIMING,
      trusted: [],
    });
  });

  it("takes what is said instead of the defaults", function () {
    const config = parse({
      ...PARTY,
      labels: { [VM]: { instance: "web-3" } },
      metrics: {
        diskLatencyUs: { percentile: 99.9, tolerance: { absolute: 7 } },
        throughputKbps: { mean: true, mostMissingPpm: 0 },
      },
      timing: { claimAfterMs: 7_200_000 },
    });

    expect(config.labels).to.deep.equal({ [VM.toLowerCase()]: { instance: "web-3" } });
    expect(config.rules.diskLatencyUs).to.deep.equal({ aggregate: { percentileBp: 9_990 }, mostMissingPpm: 50_000 });
    expect(config.rules.throughputKbps).to.deep.equal({ aggregate: "mean", mostMissingPpm: 0 });
    expect(config.tolerances.diskLatencyUs).to.deep.equal({ absolute: 7, relativePpm: 200_000 });
    expect(config.timing).to.deep.equal({ ...DEFAULT_TIMING, claimAfterMs: 7_200_000 });
  });

  it("knows the sources' own metrics", function () {
    const trace = { type: "trace", path: "t.csv", stepMs: 300_000 };

    expect(parse({ ...PARTY, source: PROMETHEUS }).source.lanes).to.deep.equal(["availabilityPpm"]);
    expect(parse({ ...PARTY, source: trace }).source.lanes).to.deep.equal(["availabilityPpm", "throughputKbps"]);
    expect(parse({ ...PARTY, source: { ...trace, columns: { lossPpm: { sum: ["x"] } } } }).source.lanes).to.deep.equal([
      "lossPpm",
    ]);
  });

  const metrics = (lane: string, rule: object) => ({ ...PARTY, metrics: { [lane]: rule } });
  const MISTAKES: readonly (readonly [string, object, RegExp])[] = [
    ["an unknown key", { ...PARTY, colour: "red" }, /^\/colour: unknown key/],
    ["a part that is none", { ...PARTY, part: "judge" }, /^\/part: "judge" is none of \["party","witness"\]/],
    ["nothing", {}, /^\/part: missing/],
    ["a party without a cloud", { ...PARTY, cloud: undefined }, /^\/cloud: missing/],
    ["cloud 0", { ...PARTY, cloud: 0 }, /^\/cloud: 0/],
    ["a witness with a cloud", { ...WITNESS, cloud: 2 }, /^\/cloud: only a party/],
    ["a witness that listens", { ...WITNESS, listen: { port: 1 } }, /^\/listen: only a party/],
    [
      "a witness that asks for what it cannot see",
      { ...WITNESS, source: { ...PROMETHEUS, queries: { diskIops: { query: "x" } } } },
      /^\/source\/queries\/diskIops: only the parties/,
    ],
    [
      "the same in a trace",
      { ...WITNESS, source: { type: "trace", path: "t", stepMs: 1, columns: { cpuReadyPpm: { sum: ["x"] } } } },
      /^\/source\/columns\/cpuReadyPpm: only the parties/,
    ],
    ["a key in the file", { ...PARTY, signer: id("key") }, /^\/signer: "0x/],
    ["a key in two places", { ...PARTY, signer: { env: "A", file: "b" } }, /^\/signer:/],
    ["a key nowhere", { ...PARTY, signer: {} }, /^\/signer:/],
    ["a source of no kind", { ...PARTY, source: { ...PROMETHEUS, type: "graphite" } }, /^\/source\/type: "graphite"/],
    [
      "a query without text",
      { ...PARTY, source: { ...PROMETHEUS, queries: { lossPpm: {} } } },
      /^\/source\/queries\/lossPpm\/query: missing/,
    ],
    [
      "a query of an unknown metric",
      { ...PARTY, source: { ...PROMETHEUS, queries: { speed: { query: "x" } } } },
      /^\/source\/queries\/speed: unknown key/,
    ],
    ["no queries", { ...PARTY, source: { ...PROMETHEUS, queries: {} } }, /^\/source\/queries:/],
    [
      "a scale that is a number",
      { ...PARTY, source: { ...PROMETHEUS, queries: { lossPpm: { query: "x", scale: 1 } } } },
      /^\/source\/queries\/lossPpm\/scale: 1/,
    ],
    [
      "a token that is not there",
      { ...PARTY, source: { ...PROMETHEUS, bearerTokenEnv: "NO_SUCH_TOKEN" } },
      /^\/source\/bearerTokenEnv: NO_SUCH_TOKEN is not set/,
    ],
    ["a VM that is no id", { ...PARTY, labels: { "web-3": {} } }, /^\/labels/],
    [
      "a percentile of availability",
      metrics("availabilityPpm", { percentile: 50 }),
      /^\/metrics\/availabilityPpm\/percentile/,
    ],
    ["a percentile above 100", metrics("lossPpm", { percentile: 100.1 }), /^\/metrics\/lossPpm\/percentile: 100.1/],
    [
      "a percentile with three decimals",
      metrics("lossPpm", { percentile: 99.999 }),
      /^\/metrics\/lossPpm\/percentile: 99.999/,
    ],
    ["a percentile and the mean", metrics("lossPpm", { percentile: 50, mean: true }), /^\/metrics\/lossPpm: both/],
    ["an address that is none", { ...PARTY, rpc: "localhost" }, /^\/rpc: "localhost"/],
    ["a period that is text", { ...PARTY, timing: { everyMs: "5s" } }, /^\/timing\/everyMs: "5s"/],
    [
      "a claim before what was agreed is brought",
      { ...PARTY, timing: { bringAfterMs: 2, claimAfterMs: 1 } },
      /^\/timing\/bringAfterMs: 2/,
    ],
  ];
  for (const [what, config, named] of MISTAKES) {
    it(`refuses ${what}, by path and value`, function () {
      expect(() => parse(config))
        .to.throw(BusError, named)
        .with.property("code", "BAD_ORACLE_CONFIG");
    });
  }

  it("refuses what is not JSON, in one line", function () {
    expect(() => parseOracleConfig("{\n", "/")).to.throw(BusError, /^not JSON: [^\n]*$/);
  });

  for (const name of readdirSync("examples").filter((file) => file.startsWith("oracle-"))) {
    it(`takes examples/${name}`, function () {
      const text = readFileSync(join("examples", name), "utf8");

      expect(() => parseOracleConfig(text, "examples")).not.to.throw();
    });
  }
});

describe("loadOracleConfig", function () {
  it("names the file", async function () {
    const thrown: unknown = await loadOracleConfig("/no/such/file").catch((error: unknown) => error);

    expect(thrown).to.be.instanceOf(BusError).with.property("message", "/no/such/file cannot be read");
  });
});

describe("loadKey", function () {
  const KEY = id("a key");
  let folder: string;

  before(function () {
    folder = mkdtempSync(join(tmpdir(), "keys-"));
  });

  after(function () {
    rmSync(folder, { recursive: true });
  });

  const refusal = async (place: { env?: string; file?: string }): Promise<string> => {
    try {
      await loadKey(place);
    } catch (thrown) {
      if (thrown instanceof BusError && thrown.code === "BAD_ORACLE_CONFIG") return thrown.message;
    }
    return "nothing";
  };

  it("takes a key from the environment, or from a file that only its owner reads", async function () {
    process.env.TEST_ORACLE_KEY = KEY;
    const file = join(folder, "key");
    writeFileSync(file, `${KEY}\n`, { mode: 0o600 });

    const { address } = new Wallet(KEY);
    expect((await loadKey({ env: "TEST_ORACLE_KEY" })).address).to.equal(address);
    expect((await loadKey({ file })).address).to.equal(address);
  });

  it("refuses a key that is not there, is none, or that others may read, and does not show it", async function () {
    const file = join(folder, "open");
    writeFileSync(file, KEY);
    chmodSync(file, 0o640);
    process.env.TEST_ORACLE_KEY = KEY.slice(0, -1);

    expect(await refusal({ env: "NO_SUCH_KEY" })).to.match(/^NO_SUCH_KEY: not set/);
    expect(await refusal({ file: join(folder, "missing") })).to.match(/missing: cannot be read/);
    expect(await refusal({ file })).to.match(/mode 640/);
    expect(await refusal({ env: "TEST_ORACLE_KEY" })).to.equal("TEST_ORACLE_KEY: not a private key");
  });
});
