import { type BaseWallet, JsonRpcProvider, type JsonRpcPayload, type JsonRpcResult } from "ethers";

import { openGateway } from "../../src/gateway/gateway.js";
import { type Submitter, agree, complete, openGatewayClient, publicRecord, record, start } from "../../src/index.js";
import { MigrationLedger__factory } from "../../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import type { LatencyResult } from "./results.js";
import { HOME, HOST, type SignedRecord, type Site, nodeOf } from "./site.js";
import { summarize, tenth } from "./statistics.js";

/**
 * A way to record, to be measured: the library, ethers by itself, or an interface before the library. A further one is
 * added to the list that {@link measureRecords} is given.
 */
export interface Subject {
  readonly name: string;
  /** Brings a record. Resolves when the receipt is there. */
  bring(signed: SignedRecord): Promise<void>;
  /** Whether a record that fails is noted rather than thrown. */
  readonly mayFail: boolean;
  /** RPC calls so far, if they can be counted. */
  calls(): number | undefined;
  close(): Promise<void>;
}

/** The library's pipeline. */
export function pipeline(site: Site, name: string, submitter: Submitter, key: BaseWallet): Subject {
  const federation = site.as(key, submitter);
  return {
    name,
    mayFail: false,
    async bring({ document, signatures }) {
      await record(federation, document, signatures);
    },
    calls: () => submitter.rpc.calls,
    close: () => submitter.close(),
  };
}

/** A gateway of the host's cloud, over loopback, with its caller and its key: the host's account. */
export async function rest(site: Site): Promise<Subject> {
  const { federation } = site;
  const key = site.key(HOST);
  const { endpoint } = await federation.registry.cloudOf(HOST);
  const uri = new URL(endpoint).origin;
  const gateway = await openGateway(federation, key, {
    uri,
    cloud: HOST,
    nodes: [nodeOf(site.address)],
    startBlock: 0,
    pollMs: 200,
    receiptMs: 30_000,
    tokenMinutes: 15,
    requestsPerMinute: 1_000_000,
    streams: 1,
    keepDays: 1,
    trustProxy: false,
    logLevel: "silent",
  });
  const client = openGatewayClient(await gateway.listen("127.0.0.1", 0), key, { uri });
  return {
    name: "REST: a gateway before the library",
    mayFail: false,
    async bring({ document, signatures }) {
      await client.act("record", { document, signatures });
    },
    calls: () => undefined,
    close: () => gateway.close(),
  };
}

class CountingProvider extends JsonRpcProvider {
  calls = 0;

  override _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    this.calls += Array.isArray(payload) ? payload.length : 1;
    return super._send(payload);
  }
}

/** ethers v6 as it comes: its provider, its signer, its `wait`. */
export function plainEthers(site: Site, key: BaseWallet): Subject {
  const provider = new CountingProvider(site.address.http);
  const ledger = MigrationLedger__factory.connect(
    site.federation.addressBook.contracts.MigrationLedger,
    key.connect(provider),
  );
  return {
    name: "ethers v6 with its defaults",
    mayFail: true,
    async bring({ document, signatures }) {
      // The simulator asks for no fee but knows no account without a balance; ethers offers a tip by default.
      const sent = await ledger.record(publicRecord(document), [...signatures]);
      await sent.wait();
    },
    calls: () => provider.calls,
    close: () => {
      provider.destroy();
      return Promise.resolve();
    },
  };
}

/** Long enough to see eight blocks. */
export const LEARNING_MS = 8_000;

/** A moment that has nothing to do with the blocks. */
function randomPhase(blockMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * blockMs));
}

/** Single records, one after the other, at random phases of the block. Each subject goes on by itself beside the others. */
export async function measureRecords(
  site: Site,
  subjects: readonly { readonly subject: Subject; readonly count: number }[],
  blockMs: number,
): Promise<LatencyResult[]> {
  await site.beginSetup();
  const vms = await site.takeVms(subjects.reduce((sum, { count }) => sum + count + 1, 0));
  await site.beginMeasuring(LEARNING_MS);
  const results = await Promise.all(
    subjects.map(async ({ subject, count }) => {
      const own = vms.splice(0, count + 1);
      const samplesMs: number[] = [];
      let calls = 0;
      let failed = 0;
      for (const [index, vm] of own.entries()) {
        const signed = await site.signedRecord([vm], await site.now());
        await randomPhase(blockMs);
        const before = subject.calls();
        const begin = performance.now();
        try {
          await subject.bring(signed);
        } catch (thrown) {
          if (!subject.mayFail) throw thrown;
          failed += 1;
          continue;
        }
        const ms = performance.now() - begin;
        // The first one opens connections and asks for the nonce: it is no sample.
        if (index === 0) continue;
        samplesMs.push(tenth(ms));
        calls += (subject.calls() ?? 0) - (before ?? 0);
      }
      const callsPerRecord =
        subject.calls() === undefined ? undefined : Math.round((calls / samplesMs.length) * 100) / 100;
      return { name: subject.name, summary: summarize(samplesMs), callsPerRecord, failed, samplesMs };
    }),
  );
  await Promise.all(subjects.map(({ subject }) => subject.close()));
  return results;
}

/** The steps of a move, in milliseconds. */
export interface MoveTimes {
  readonly agreeMs: number;
  readonly startMs: number;
  readonly completeMs: number;
}

/** How long before a block is due a switch-over begins, so that the pause is short: see facts of the decision record. */
const LEAD_MS = 200;

/**
 * Moves, step by step.
 * @param during What goes on between agreeing and completing, told when the first step is taken.
 */
export async function runMove(
  site: Site,
  vm: string,
  isTimed: boolean,
  blockMs: number,
  during: () => Promise<unknown> = () => Promise.resolve(),
): Promise<MoveTimes & { readonly totalMs: number }> {
  const now = await site.now();
  const { document, signatures } = await site.signedMove([vm], now);
  const relay = site.as(site.relay(0));
  const source = site.as(site.key(HOME));
  const begin = performance.now();
  const copying = during();
  await agree(relay, document, signatures);
  const agreed = performance.now();
  await start(source, document);
  const started = performance.now();
  await copying;
  if (isTimed) {
    const due = site.submitter.nextHeadAt ?? 0;
    const wait = due - LEAD_MS - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  } else {
    // The last receipt came with a block: without a wait every switch-over would begin just after one.
    await randomPhase(blockMs);
  }
  const paused = performance.now();
  const both = await site.signedHandover(document, await site.now());
  await complete(source, document, both.handover, both.signatures);
  const end = performance.now();
  return { agreeMs: agreed - begin, startMs: started - agreed, completeMs: end - paused, totalMs: end - begin };
}
