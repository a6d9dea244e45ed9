import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { buildSync } from "esbuild";
import { type BaseContract, type BaseWallet, id as hashOf } from "ethers";
import fc from "fast-check";
import { network } from "hardhat";

import {
  type Federation,
  type RpcProvider,
  Submitter,
  asSender,
  eventOf,
  gasLimitFor,
  providerExchange,
  register,
  withSubmitter,
} from "../../src/index.js";
import { type FaultyServer, type HttpFault, serve } from "../fixtures/faultyServer.js";
import { SMALL } from "../fixtures/library.js";
import { type KeyFederation, keyFederation } from "../fixtures/submission.js";
import type { Task } from "../fixtures/submissionProcess.js";

const SEED = Number(process.env.SEED ?? 0xb10c);
const KILLS = 100;
const BLOCK_MS = 60;

const connection = await network.create();

/** Pseudo-random numbers in [0, 1), the same for the same seed. */
function randomFrom(seed: number): () => number {
  const scale = 1_000_000;
  const values = fc.sample(fc.noBias(fc.nat(scale - 1)), { seed, numRuns: 4_000 });
  let next = 0;
  return () => (values[next++ % values.length] ?? 0) / scale;
}

/** How often each VM was registered, and how many transactions of a key failed. */
async function outcomesOf(federation: Federation, key: BaseWallet) {
  const { provider, ledger } = federation;
  const head = Number(await provider.send("eth_blockNumber", []));
  const registered = new Map<string, number>();
  let failed = 0;
  for (let number = 0; number <= head; ++number) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      if (transaction.from !== key.address) continue;
      const receipt = await provider.getTransactionReceipt(transaction.hash);
      if (receipt?.status !== 1) failed += 1;
      for (const log of receipt?.logs ?? []) {
        const event = ledger.interface.parseLog(log);
        if (event?.name === "VmRegistered")
          registered.set(String(event.args.vm), (registered.get(String(event.args.vm)) ?? 0) + 1);
      }
    }
  }
  return { registered, failed };
}

async function withBlocks<T>(provider: RpcProvider, act: () => Promise<T>): Promise<T> {
  await provider.send("evm_setAutomine", [false]);
  await provider.send("evm_setIntervalMining", [BLOCK_MS]);
  try {
    return await act();
  } finally {
    await provider.send("evm_setIntervalMining", [0]);
    await provider.send("evm_setAutomine", [true]);
  }
}

describe("submission over HTTP", function () {
  this.timeout(300_000);

  it("INV-ONCE: registers every VM once, through two bad connections", async function () {
    const { federation, addressBook, accounts } = await connection.networkHelpers.loadFixture(keyFederation);
    const random = randomFrom(SEED);
    const kinds: readonly HttpFault[] = ["reset before", "reset after", "truncated", "late", "silent", "error page"];
    const faultOf = (): HttpFault => (random() < 0.4 ? (kinds[Math.floor(random() * kinds.length)] ?? "none") : "none");
    const exchange = providerExchange(federation.provider);
    const servers = await Promise.all([serve(exchange, faultOf), serve(exchange, faultOf)]);
    const submitter = new Submitter({
      chain: addressBook,
      nodes: servers.map(({ url }) => ({ http: url })),
      outbox: ":memory:",
      timeoutMs: 150,
      pollMs: 10,
      window: 8,
    });
    const [one] = accounts;
    try {
      const sent = await withBlocks(federation.provider, () =>
        Promise.all(
          Array.from({ length: 40 }, (_vm, index) =>
            register(asSender(withSubmitter(federation, submitter), one), 1, hashOf(`vm ${index}`), SMALL),
          ),
        ),
      );

      const vms = sent.map((each) => String(eventOf(each, "VmRegistered").args.vm));
      const { registered, failed } = await outcomesOf(federation, one);
      expect(failed).to.equal(0);
      expect([...registered.keys()]).to.have.members(vms);
      expect([...registered.values()].every((times) => times === 1)).to.equal(true);
      expect(submitter.rpc.failures).to.be.at.least(10);
    } finally {
      await submitter.close();
      await Promise.all(servers.map((server) => server.close()));
    }
  });

  it(`INV-ONCE: registers every VM once, by two processes with one account, killed ${KILLS} times`, async function () {
    const world = await connection.networkHelpers.loadFixture(keyFederation);
    const folder = mkdtempSync(join(tmpdir(), "submission-"));
    const server = await serve(providerExchange(world.federation.provider));
    try {
      const [task, ids] = await writeTask(world, server, folder);
      const random = randomFrom(SEED);
      const program = join(folder, "process.mjs");
      buildSync({
        entryPoints: ["test/fixtures/submissionProcess.ts"],
        outfile: program,
        bundle: true,
        platform: "node",
        format: "esm",
        // ethers' own dependency asks for modules of Node.js the old way.
        banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
      });
      const [one] = world.accounts;
      const run = () => spawn(process.execPath, [program, one.privateKey, join(folder, "outbox.sqlite"), task]);

      await withBlocks(world.federation.provider, async () => {
        let kills = 0;
        const killing = async () => {
          while (kills < KILLS) {
            kills += 1;
            await killAfter(run(), random() * 2 * BLOCK_MS);
          }
        };
        await Promise.all([killing(), killing()]);
        expect(await exitOf(run())).to.equal(0);
      });

      const { registered, failed } = await outcomesOf(world.federation, one);
      expect(failed).to.equal(0);
      expect(registered.size).to.equal(ids.length);
      expect([...registered.values()].every((times) => times === 1)).to.equal(true);
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });
});

async function writeTask({ federation, addressBook }: KeyFederation, { url }: FaultyServer, folder: string) {
  const to = await federation.ledger.getAddress();
  const ids = Array.from({ length: 150 }, (_vm, index) => `vm ${index}`);
  const task: Task = {
    chain: addressBook,
    nodes: [{ http: url }],
    calls: ids.map((id) => {
      const data = (federation.ledger as BaseContract).interface.encodeFunctionData("register", [1, hashOf(id), SMALL]);
      return { id, to, data, gasLimit: (gasLimitFor("register", []) ?? 0n).toString() };
    }),
  };
  const file = join(folder, "task.json");
  writeFileSync(file, JSON.stringify(task));
  return [file, ids] as const;
}

/** Kills a process so many milliseconds after it has begun to work. */
async function killAfter(child: ChildProcess, ms: number): Promise<void> {
  const ended = exitOf(child);
  await Promise.race([new Promise((resolve) => child.stdout?.once("data", resolve)), ended]);
  await Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), ended]);
  child.kill("SIGKILL");
  await ended;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  child.stderr?.pipe(process.stderr);
  return new Promise((resolve) => child.once("exit", resolve));
}
