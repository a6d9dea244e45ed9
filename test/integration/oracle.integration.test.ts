import { type ChildProcess, execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { HDNodeWallet, JsonRpcProvider, Mnemonic, ZeroHash } from "ethers";
import { network } from "hardhat";

import { asSender, offer, record } from "../../src/index.js";
import { buildMetrics } from "../../src/sla/metrics.js";
import { Bed, type Watched, keyOf } from "../fixtures/oracleDaemon.js";
import { OFFER, agreementFor, chainTime, deployFederation, newVm, signaturesOf } from "../fixtures/library.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WINDOW_MS = 3_000;
const STEP_MS = 500;
const MINUTES_OF_SAMPLES = 5;
const GOOD = { availabilityPpm: 1_000_000, networkLatencyUs: 900 };

/** The accounts that every Hardhat node has. */
const MNEMONIC = Mnemonic.fromPhrase("test test test test test test test test test test test junk");

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

describe("npm run oracle", function () {
  this.timeout(120_000);
  let server: Awaited<ReturnType<typeof network.createServer>>;
  let provider: JsonRpcProvider;
  let url: string;
  let miner: NodeJS.Timeout;
  let bed: Bed;
  let watched: Watched;
  const children = new Set<ChildProcess>();

  before(async function () {
    server = await network.createServer({ network: "node", override: { allowBlocksWithSameTimestamp: true } });
    const { address, port } = await server.listen();
    url = `http://${address}:${port}`;
    provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
    const keys = Array.from({ length: 12 }, (_, index) =>
      HDNodeWallet.fromMnemonic(MNEMONIC, `m/44'/60'/0'/0/${index}`).connect(provider),
    );
    const found = await deployFederation(provider, keys);
    const [home, host] = found.members;
    await offer(asSender(found.federation, host.account), host.cloud, 1, OFFER);
    const vm = await newVm(found, home);
    const agreement = await agreementFor(found, { home, source: home, destination: host }, [vm], {
      windowMs: BigInt(WINDOW_MS),
    });
    const time = await chainTime(found.federation);
    const receipts = [{ vm, stateDigest: ZeroHash, releasedAt: time, runningAt: time }];
    const signatures = await signaturesOf(found, "Record", { agreement, receipts }, home, host);
    await record(asSender(found.federation, home.account), { agreement, receipts }, signatures);
    const connection = undefined as never;
    watched = { found, connection, home, host, agreement, vm, sequence: 2, startedAtMs: Number(time) };
    bed = new Bed(watched);
    bed.write("addresses.json", JSON.stringify(found.addressBook));
    // Blocks go on as on a real chain.
    miner = setInterval(() => void provider.send("evm_mine", []).catch(() => undefined), 500);
  });

  after(async function () {
    clearInterval(miner);
    for (const child of children) child.kill("SIGKILL");
    await sleep(50);
    await bed.close();
    provider.destroy();
    await server.close();
  });

  /** Constant samples, from the stay's begin for longer than the test takes. */
  function samples(name: string): void {
    const count = (MINUTES_OF_SAMPLES * 60_000) / STEP_MS;
    const series = Object.entries(GOOD).map(([metric, value]) => ({
      vm: watched.vm,
      metric,
      samples: Array.from({ length: count }, (_, step) => [watched.startedAtMs + step * STEP_MS, value]),
    }));
    bed.write(`${name}.samples.json`, JSON.stringify({ stepMs: STEP_MS, series }));
  }

  function configure(name: string, more: object): string {
    samples(name);
    const config = {
      part: "party",
      rpc: url,
      addressBook: "addresses.json",
      state: `${name}.sqlite`,
      signer: { file: `${name}.key` },
      source: { type: "samples", path: `${name}.samples.json`, stepMs: STEP_MS },
      timing: { everyMs: 100, graceMs: 0, patienceMs: 0, retryMs: 50, maxRetryMs: 500 },
      ...more,
    };
    return bed.write(`${name}.json`, JSON.stringify(config));
  }

  function keyFile(name: string, cloud: number): void {
    writeFileSync(bed.path(`${name}.key`), keyOf({ cloud }).privateKey, { mode: 0o600 });
  }

  const command = (...args: string[]) => ["--import", "tsx", "scripts/oracle.ts", ...args];

  /** Starts an oracle; resolves when it has said where it serves. */
  async function started(config: string): Promise<{ readonly child: ChildProcess; readonly peers: string }> {
    const child = spawn(process.execPath, command("--config", config), {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(child);
    let out = "";
    return new Promise((resolve, reject) => {
      child.stdout.on("data", (part: Buffer) => {
        out += part.toString();
        const line = out.split("\n").find((text) => text.includes('"started"'));
        if (line === undefined) return;
        const { peers = "" } = JSON.parse(line) as { readonly peers?: string };
        resolve({ child, peers });
      });
      child.stderr.on("data", (part: Buffer) => {
        reject(new Error(part.toString()));
      });
    });
  }

  async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    const gone = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    children.delete(child);
    return gone;
  }

  const run = (...args: string[]): Promise<Ended> =>
    new Promise((resolve) => {
      const child = execFile(process.execPath, command(...args), { cwd: ROOT }, (_error, out, errors) => {
        resolve({ code: child.exitCode ?? 1, out, errors });
      });
    });

  const agreed = async (): Promise<number[]> => {
    const { oracle } = watched.found.federation;
    const events = await oracle.queryFilter(oracle.filters.WindowAgreed());
    return events.map(({ args }) => Number(args.window));
  };

  it("survives that the system kills it, and goes on where it was", async function () {
    keyFile("home", 1);
    keyFile("host", 2);
    const home = await started(configure("home", { cloud: 1, listen: { port: 0 } }));
    const hostConfig = configure("host", { cloud: 2, peers: [{ cloud: 1, url: home.peers }] });
    for (const afterMs of [0, 150, 600]) {
      const { child } = await started(hostConfig);
      await sleep(afterMs);
      await ended(child, "SIGKILL");
    }
    const { child } = await started(hostConfig);
    const enough = Math.ceil((Date.now() - watched.startedAtMs) / WINDOW_MS);
    for (let i = 0; i < 200 && (await agreed()).length < enough; ++i) await sleep(200);
    expect(await ended(child, "SIGTERM")).to.equal(0);
    expect(await ended(home.child, "SIGTERM")).to.equal(0);

    // One result of each window, in their order, none left out.
    const windows = await agreed();
    expect(windows.length).to.be.at.least(enough);
    expect(windows).to.deep.equal(Array.from(windows, (_, index) => index));

    const { code, out } = await run("--config", hostConfig, "--results");
    const [first] = out.trim().split("\n");
    const result = JSON.parse(first ?? "{}") as {
      readonly opening: { readonly values: object; readonly salt: string };
    };
    expect(code).to.equal(0);
    expect(result).to.deep.include({ vm: watched.vm, sequence: 2, window: 0, outcome: "agreed" });
    expect(result.opening.values).to.deep.equal(buildMetrics(GOOD));
    await watched.found.federation.oracle.requireFinal(watched.vm, 2, 0, result.opening as never);
  });

  it("--once does what can be done and ends; --dry-run leaves no trace; --prove shows a sample", async function () {
    keyFile("once", 2);
    const config = configure("once", { cloud: 2, peers: [{ cloud: 1, url: "http://127.0.0.1:1" }] });

    // There is a window that nobody has reported: the oracles of the test before are gone.
    const endsAtMs = watched.startedAtMs + ((await agreed()).length + 1) * WINDOW_MS;
    while (Number(await chainTime(watched.found.federation)) < endsAtMs + 1_000) await sleep(200);

    const dry = await run("--config", config, "--dry-run");
    expect(dry.code, dry.errors).to.equal(0);
    expect(dry.out).to.include('"event":"measured"');
    const once = await run("--config", config, "--once");
    expect(once.code, once.errors).to.equal(0);
    const line = once.out.split("\n").find((text) => text.includes('"event":"measured"'));
    const { window } = JSON.parse(line ?? "{}") as { readonly window: number };

    const at = `${watched.vm},2,${window},networkLatencyUs,${watched.startedAtMs + window * WINDOW_MS + STEP_MS}`;
    const proof = await run("--config", config, "--prove", at);
    expect(proof.code, proof.errors).to.equal(0);
    expect(JSON.parse(proof.out)).to.deep.include({ metric: "networkLatencyUs", thousandths: "900000" });
  });

  it("says in one line what is wrong", async function () {
    keyFile("wrong", 3);
    const failing = async (...args: string[]): Promise<string> => {
      const { code, errors } = await run(...args);
      expect(code).to.equal(1);
      expect(errors.trim().split("\n"), errors).to.have.length(1);
      return errors;
    };
    const [unreachable, foreign] = await Promise.all([
      failing(
        "--config",
        configure("unreachable", { cloud: 2, rpc: "http://127.0.0.1:1", signer: { file: "wrong.key" } }),
      ),
      failing("--config", configure("wrong", { cloud: 2 }), "--once"),
    ]);

    expect(unreachable).to.include("UNKNOWN_CHAIN: no node answers");
    expect(foreign).to.include("REVERTED: CloudRegistry_");
  });
});
