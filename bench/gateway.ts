/**
 * What REST adds to a record: the same records through the library and through a gateway, in turn, on the same node.
 *
 *     tsx bench/gateway.ts           writes bench/results/gateway.json
 *     --records N                    of each (100)
 *     --json FILE                    writes there instead
 *
 * The node is Hardhat's over HTTP, and mines at once: on a chain with blocks of a second both wait for the same block, and
 * what REST adds is the same. The gateway runs as a process of its own, as an operator runs it.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { HDNodeWallet, JsonRpcProvider, Mnemonic, ZeroHash } from "ethers";
import { network } from "hardhat";

import { type GatewayClient, type MigrationRecord, asSender, offer, openGatewayClient, record } from "../src/index.js";
import { ALL_SCOPES, bindAgent, seededKey } from "../test/fixtures/gateway.js";
import {
  OFFER,
  type TestFederation,
  agreementFor,
  chainTime,
  deployFederation,
  newVm,
  signaturesOf,
} from "../test/fixtures/library.js";

interface Paper {
  readonly document: MigrationRecord;
  readonly signatures: readonly string[];
}

const WARM_UP = 10;

/** The accounts that every Hardhat node has. */
const MNEMONIC = Mnemonic.fromPhrase("test test test test test test test test test test test junk");
const keyOf = (index: number) => HDNodeWallet.fromMnemonic(MNEMONIC, `m/44'/60'/0'/0/${index}`);

async function papersFor(found: TestFederation, count: number): Promise<Paper[]> {
  const [home, host] = found.members;
  const papers: Paper[] = [];
  for (let index = 0; index < count; index += 1) {
    const vm = await newVm(found, home);
    const agreement = await agreementFor(found, { home, source: home, destination: host }, [vm]);
    const time = await chainTime(found.federation);
    const receipts = [{ vm, stateDigest: ZeroHash, releasedAt: time, runningAt: time }];
    const document = { agreement, receipts };
    papers.push({ document, signatures: await signaturesOf(found, "Record", document, home, host) });
  }
  return papers;
}

/** Starts a gateway of cloud 1 as a process. */
async function startGateway(folder: string, rpcUrl: string, found: TestFederation) {
  const key = await bindAgent(found, found.members[0], seededKey("agent of the bench"), ALL_SCOPES);
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  file("federation.json", JSON.stringify(found.addressBook));
  file("key", key.privateKey);
  const config = file(
    "gateway.json",
    JSON.stringify({
      nodes: [{ http: rpcUrl }],
      addressBook: "federation.json",
      uri: "https://cloud-1.example",
      cloud: 1,
      key: { file: "key" },
      data: "data",
      listen: { port: 0 },
      requestsPerMinute: 1_000_000,
      logLevel: "warn",
    }),
  );
  const child = spawn(process.execPath, ["--import", "tsx", "scripts/gateway.ts", "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const base = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (part: Buffer) => {
      resolve(/at (http:\S+),/.exec(part.toString())?.[1] ?? "");
    });
    child.once("exit", () => {
      reject(new Error("the gateway did not start"));
    });
  });
  while (!(await fetch(`${base}/readiness`)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return { key, base, child };
}

/** A record through a gateway: what the timing tests take beside the library's own. */
export function recordThroughGateway(client: GatewayClient, { document, signatures }: Paper): Promise<unknown> {
  return client.act("record", { document, signatures });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

function summary(samples: readonly number[]): { readonly [name: string]: number } {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2));
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  return { mean: Number(mean.toFixed(2)), p50: at(0.5), p95: at(0.95), max: at(1) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      records: { type: "string", default: "100" },
      json: { type: "string", default: "bench/results/gateway.json" },
    },
  });
  const count = Number(values.records);
  const folder = mkdtempSync(join(tmpdir(), "bench-gateway-"));
  const server = await network.createServer({ network: "node", override: { allowBlocksWithSameTimestamp: true } });
  const { address, port } = await server.listen();
  const rpcUrl = `http://${address}:${port}`;
  const provider = new JsonRpcProvider(rpcUrl, undefined, { cacheTimeout: -1, batchMaxCount: 1, staticNetwork: true });
  try {
    const keys = Array.from({ length: 12 }, (_, index) => keyOf(index).connect(provider));
    const found = await deployFederation(provider, keys);
    await offer(asSender(found.federation, found.members[1].account), 2, 1, {
      ...OFFER,
      capacity: { ...OFFER.capacity, vcpuMilli: 2 ** 30, memoryMiB: 2 ** 30, storageGiB: 2 ** 30 },
    });
    const papers = await papersFor(found, 2 * (count + WARM_UP));
    const { key, base, child } = await startGateway(folder, rpcUrl, found);
    try {
      const client = openGatewayClient(base, key, { uri: "https://cloud-1.example" });
      // A sender of its own: the gateway's nonces are the gateway's.
      const library = asSender(found.federation, found.members[0].account);
      const samples: { readonly library: number[]; readonly rest: number[] } = { library: [], rest: [] };
      for (let index = 0; index < papers.length; index += 2) {
        const [own, other] = [papers[index], papers[index + 1]];
        if (!own || !other) break;
        const first = await timed(() => record(library, own.document, own.signatures));
        const second = await timed(() => recordThroughGateway(client, other));
        if (index < 2 * WARM_UP) continue;
        samples.library.push(first);
        samples.rest.push(second);
      }
      const [own, rest] = [summary(samples.library), summary(samples.rest)];
      const addsMs = Number(((rest.p50 ?? 0) - (own.p50 ?? 0)).toFixed(2));
      const result = {
        machine: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, Node.js ${process.version}`,
        chain: "Hardhat over HTTP, a block for each transaction",
        records: samples.rest.length,
        libraryMs: own,
        restMs: rest,
        addsToMedianMs: addsMs,
      };
      mkdirSync(dirname(values.json), { recursive: true });
      writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
      console.log(`library  ${JSON.stringify(own)} ms`);
      console.log(`REST     ${JSON.stringify(rest)} ms`);
      console.log(`REST adds ${addsMs} ms to the median`);
      if (addsMs > 20) {
        console.error("bound: 20 ms");
        process.exitCode = 1;
      }
    } finally {
      child.kill("SIGTERM");
      await new Promise((resolve) => child.once("exit", resolve));
    }
  } finally {
    provider.destroy();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
