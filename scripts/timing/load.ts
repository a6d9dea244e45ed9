import { type RpcProvider, buildResources, httpExchange, vmOf } from "../../src/index.js";
import type { BatchResult, LoadResult, ScaleResult } from "./results.js";
import { type ChainAddress, HOME, HOST, SIZE, type SignedRecord, type Site } from "./site.js";
import { runMove } from "./latency.js";
import { summarize, tenth } from "./statistics.js";

const WAIT_MS = 180_000;

async function signAll(site: Site, groups: readonly (readonly string[])[]): Promise<SignedRecord[]> {
  const now = await site.now();
  const signed: SignedRecord[] = [];
  for (const vms of groups) signed.push(await site.signedRecord(vms, now));
  return signed;
}

function inGroups(vms: readonly string[], lines: number): string[][] {
  return Array.from({ length: vms.length / lines }, (_group, index) => vms.slice(index * lines, (index + 1) * lines));
}

/** Records of one size at one rate, for some seconds, by as many senders as it takes. */
export async function measureLoad(
  site: Site,
  lines: number,
  offeredPerSecond: number,
  seconds: number,
  senders: number,
): Promise<LoadResult> {
  const count = Math.round(offeredPerSecond * seconds);
  await site.beginSetup();
  const vms = await site.takeVms(count * lines);
  await site.beginMeasuring();
  const records = await signAll(site, inGroups(vms, lines));
  const calls = await Promise.all(records.map((signed) => site.recordCall(signed)));

  const begin = performance.now();
  let gas = 0n;
  let last = begin;
  const latencies = await Promise.all(
    calls.map(async (call, index) => {
      const due = begin + (index * 1_000) / offeredPerSecond;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      const { id } = await site.submitter.submit(site.relay(index % senders), call, { isChecked: false });
      const { receipt, failure } = await site.submitter.settled(id, WAIT_MS);
      if (!receipt || failure) throw new Error(`a record failed under load: ${failure?.message ?? ""}`);
      gas += BigInt(receipt.gasUsed);
      last = performance.now();
      // From when it was due, not from when a busy process came to it.
      return last - due;
    }),
  );
  const tookS = (last - begin) / 1_000;
  return {
    lines,
    offeredPerSecond,
    recordsPerSecond: tenth(count / tookS),
    vmsPerSecond: tenth((count * lines) / tookS),
    gasPerVm: Math.round(Number(gas) / (count * lines)),
    latency: summarize(latencies),
  };
}

/** As many records as possible through the pipeline, and a flood of as many signed beforehand. */
export async function measureBatch(site: Site, records: number, senders: number): Promise<BatchResult> {
  const floodPerSecond = await flood(site, records, senders);
  await site.beginSetup();
  const vms = await site.takeVms(records);
  await site.beginMeasuring();
  const signed = await signAll(site, inGroups(vms, 1));
  const calls = await Promise.all(signed.map((each) => site.recordCall(each)));
  // Nonces are asked for once, before.
  await Promise.all(Array.from({ length: senders }, (_sender, index) => warmUp(site, index)));

  const before = site.submitter.rpc.calls;
  const begin = performance.now();
  await Promise.all(
    calls.map(async (call, index) => {
      const { id } = await site.submitter.submit(site.relay(index % senders), call, { isChecked: false });
      const { failure } = await site.submitter.settled(id, WAIT_MS);
      if (failure) throw new Error(`a record failed in a batch: ${failure.message}`);
    }),
  );
  const pipelinePerSecond = records / ((performance.now() - begin) / 1_000);
  return {
    records,
    senders,
    pipelinePerSecond: tenth(pipelinePerSecond),
    floodPerSecond: tenth(floodPerSecond),
    ratio: Math.round((pipelinePerSecond / floodPerSecond) * 1_000) / 1_000,
    callsPerRecord: Math.round(((site.submitter.rpc.calls - before) / records) * 100) / 100,
  };
}

async function warmUp(site: Site, sender: number): Promise<void> {
  const key = site.relay(sender);
  const call = { to: key.address, data: "0x", gasLimit: 21_000n, name: "nothing" };
  const { id } = await site.submitter.submit(key, call);
  await site.submitter.settled(id, WAIT_MS);
}

const POST = 100;
const FLOOD_POLL_MS = 20;

/** Signed beforehand, posted in batches of a hundred as fast as the node takes them. Records per second until all are mined. */
async function flood(site: Site, records: number, senders: number): Promise<number> {
  await site.beginSetup();
  const vms = await site.takeVms(records);
  await site.beginMeasuring();
  const signed = await signAll(site, inGroups(vms, 1));
  const { provider, chainId } = site.federation;
  const keys = Array.from({ length: senders }, (_key, index) => site.setting.keys.key(`flood ${index}`));
  const raws: string[] = [];
  for (const [index, each] of signed.entries()) {
    const key = keys[index % senders];
    if (!key) continue;
    const { to, data, gasLimit } = await site.recordCall(each);
    const nonce = Math.floor(index / senders);
    raws.push(await key.signTransaction({ to, data, gasLimit, gasPrice: 0n, type: 0, nonce, chainId }));
  }
  const begin = performance.now();
  for (let first = 0; first < raws.length; first += POST) await post(site.address, raws.slice(first, first + POST));
  for (;;) {
    const counts = await Promise.all(keys.map((key) => countOf(provider, key.address)));
    if (counts.reduce((sum, count) => sum + count, 0) >= records) break;
    await new Promise((resolve) => setTimeout(resolve, FLOOD_POLL_MS));
  }
  return records / ((performance.now() - begin) / 1_000);
}

async function post({ http }: ChainAddress, raws: readonly string[]): Promise<void> {
  const batch = raws.map((raw, id) => ({ jsonrpc: "2.0", id, method: "eth_sendRawTransaction", params: [raw] }));
  const answers = JSON.parse(await httpExchange(http)(JSON.stringify(batch))) as readonly {
    readonly error?: { readonly message: string };
  }[];
  for (const { error } of answers) if (error) throw new Error(`the flood is refused: ${error.message}`);
}

async function countOf(provider: RpcProvider, address: string): Promise<number> {
  return Number(await provider.send("eth_getTransactionCount", [address, "latest"]));
}

/** Gas and latency of a federation with so many VMs registered. Three of them are moved, the last one to and fro. */
export async function measureScale(site: Site, vms: number, clouds: number, samples: number): Promise<ScaleResult> {
  await site.beginSetup();
  if (site.registered < vms) await site.register(vms - site.registered);
  const [first = "", second = "", third = ""] = await site.takeVms(3);
  // Of two moves the second finds the slots of both clouds in use.
  await gasOfMove(site, first);
  const move = await gasOfMove(site, second);
  await site.beginMeasuring();
  const times: number[] = [];
  let record = 0;
  for (let sample = 0; sample <= samples; ++sample) {
    const isOut = sample % 2 === 0;
    const [source, destination] = isOut ? [HOME, HOST] : [HOST, HOME];
    const { nonce } = await vmOf(site.federation, third);
    const lines = [{ vm: third, nonce, features: 3n, resources: buildResources(SIZE) }];
    const signed = await site.signedRecord([third], await site.now(), { source, destination, lines });
    const call = await site.recordCall(signed);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 1_000));
    const begin = performance.now();
    const { id } = await site.submitter.submit(site.relay(0), call);
    const { receipt, failure } = await site.submitter.settled(id, WAIT_MS);
    if (!receipt || failure) throw new Error(failure?.message ?? "no receipt");
    if (sample > 0) times.push(performance.now() - begin);
    if (sample > 0 && isOut) record = Number(receipt.gasUsed);
  }
  return { vms: site.registered, clouds, gas: { record, ...move }, latency: summarize(times) };
}

async function gasOfMove(site: Site, vm: string): Promise<{ readonly agree: number; readonly complete: number }> {
  await runMove(site, vm, false, 0);
  const gasOf = (name: string) => {
    const submission = site.submitter.list("final", 3).find((each) => each.name === name);
    return Number(submission?.receipt?.gasUsed ?? NaN);
  };
  return { agree: gasOf("agree"), complete: gasOf("complete") };
}
