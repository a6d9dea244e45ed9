/**
 * Exact gas of every operation in the steady state: slots that are written were written before, capacities are in use,
 * features are asked for. Beside them the Ethereum Attestation Service on the same chain.
 *
 *     npm run bench:gas            all figures; writes bench/results/gas.json
 *     tsx bench/gas.ts --quick     the smallest federation only
 *     --json FILE                  writes there instead
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";

import { type BaseWallet, id as hashOf } from "ethers";

import {
  type Agreement,
  type DocumentName,
  type Documents,
  type Federation,
  type Line,
  type Resources,
  type Sent,
  abort,
  agree,
  amend,
  asSender,
  buildAgreement,
  buildPrice,
  buildResources,
  buildSla,
  complete,
  contestLoss,
  declareLost,
  documentId,
  evacuate,
  expire,
  giveNotice,
  record,
  register,
  release,
  restore,
  revoke,
  signDocument,
  start,
  stop,
  terminate,
  vmIdOf,
  vmOf,
  withdrawLoss,
} from "../src/index.js";
import type { Scenario } from "../src/scenario/format.js";
import { prepare } from "../src/scenario/run.js";
import type { Setting } from "../src/scenario/run.js";
import { openEmbedded } from "../scripts/chains.js";
import { measureEas } from "./eas.js";
import { measureGovernance } from "./governance.js";

interface GasRow {
  readonly operation: string;
  readonly lines: number;
  readonly registered: number;
  readonly gas: number;
}

const RESULTS = "bench/results/gas.json";
const SIZE = { vcpuMilli: 4_000, memoryMiB: 16_384, storageGiB: 100, diskIops: 6_000, networkMbps: 1_250 };
const FEATURES = 0b101n;
const GROUPS = [1, 2, 4, 8, 10, 16];
const REGISTERED = [10, 100, 1_000, 10_000];
const STAYS = 10_000;
const DAY_MS = 86_400_000n;

/** Bounds of the project, in gas per operation or, for groups of ten, per VM. */
const BOUNDS: { readonly [operation: string]: { readonly [lines: number]: number } } = {
  record2: { 1: 155_000, 10: 60_000 },
  record3: { 1: 175_000, 10: 60_000 },
  agree: { 1: 125_000, 10: 30_000 },
  agreeBetweenHosts: { 1: 125_000, 10: 30_000 },
  agreeReturn: { 1: 125_000, 10: 30_000 },
  complete: { 1: 115_000, 10: 55_000 },
  completeBetweenHosts: { 1: 115_000, 10: 55_000 },
  completeReturn: { 1: 115_000, 10: 55_000 },
  hostAt: { 1: 60_000 },
};

const LABELS = ["aurora", "borealis", "cumulus", "delta-grid"] as const;
const [HOME, HOST, OTHER] = [1, 2, 3] as const;

const scenario: Scenario = {
  name: "gas",
  features: { kvm: 0, qcow2: 1, eu: 2 },
  clouds: LABELS.map((label) => ({
    label,
    offers: [
      {
        capacity: Object.fromEntries(Object.entries(SIZE).map(([lane, amount]) => [lane, amount * 1_000])),
        biggest: Object.fromEntries(Object.entries(SIZE).map(([lane, amount]) => [lane, amount * 2])),
        features: ["kvm", "qcow2", "eu"],
        validFor: "P3650D",
      },
    ],
  })),
  vms: [],
  timeline: [],
};

/** A federation with keys at hand and numbered VMs of its first cloud. */
class Bench {
  readonly rows: GasRow[] = [];
  registered = 0;
  private salts = 0;

  constructor(private readonly setting: Setting) {}

  get federation(): Federation {
    return this.setting.federation;
  }

  key(cloud: number): BaseWallet {
    const actor = [...this.setting.clouds.values()][cloud - 1];
    if (!actor) throw new Error(`no cloud ${cloud}`);
    return actor.account;
  }

  as(cloud: number): Federation {
    return asSender(this.federation, this.key(cloud));
  }

  /** Somebody who only brings documents. */
  get relay(): Federation {
    return asSender(this.federation, this.setting.keys.key("relay"));
  }

  now(): Promise<number> {
    return this.setting.chain.now();
  }

  pass(ms: number): Promise<void> {
    return this.now().then((now) => this.setting.chain.waitUntil(now + ms));
  }

  private salt(): string {
    return hashOf(`salt ${++this.salts}`);
  }

  note(operation: string, lines: number, gas: bigint): void {
    this.rows.push({ operation, lines, registered: this.registered, gas: Number(gas) });
  }

  async measure(operation: string, lines: number, sending: Promise<Sent>): Promise<Sent> {
    const sent = await sending;
    this.note(operation, lines, sent.gasUsed);
    return sent;
  }

  async register(count: number): Promise<string[]> {
    const vms: string[] = [];
    for (let i = 0; i < count; ++i) {
      const localId = hashOf(`vm ${++this.registered}`);
      await register(this.as(HOME), HOME, localId, buildResources(SIZE));
      vms.push(await vmIdOf(this.federation, HOME, localId));
    }
    return vms;
  }

  async agreement(vms: readonly string[], source: number, destination: number, size?: Resources): Promise<Agreement> {
    const lines: Line[] = await Promise.all(
      vms.map(async (vm) => ({
        vm,
        nonce: (await vmOf(this.federation, vm)).nonce,
        features: FEATURES,
        resources: size ?? buildResources(SIZE),
      })),
    );
    return buildAgreement({
      home: HOME,
      source,
      destination,
      lines,
      agreeBy: BigInt(await this.now()) + 600_000n,
      terms: { price: buildPrice({ salt: this.salt() }), sla: buildSla({ salt: this.salt() }) },
      charter: hashOf("charter"),
      salt: this.salt(),
      digestKind: 1,
    });
  }

  sign<N extends DocumentName>(name: N, document: Documents[N], signers: readonly number[]): Promise<string[]> {
    const { ledgerDomain } = this.federation;
    return Promise.all(
      [...new Set(signers)].map((cloud) => signDocument(this.key(cloud), ledgerDomain, name, document)),
    );
  }

  async signMove(vms: readonly string[], source: number, destination: number) {
    const agreement = await this.agreement(vms, source, destination);
    const now = BigInt(await this.now());
    const document = { agreement, startBy: now + 7_200_000n, completeBy: now + 28_800_000n };
    return { document, signatures: await this.sign("Move", document, [HOME, destination]) };
  }

  async move(vms: readonly string[], source: number, destination: number, suffix = ""): Promise<void> {
    const { document, signatures } = await this.signMove(vms, source, destination);
    await this.measure(`agree${suffix}`, vms.length, agree(this.relay, document, signatures));
    await this.measure(`start${suffix}`, vms.length, start(this.as(source), document));
    const now = BigInt(await this.now());
    const handover = {
      move: documentId("Move", document),
      releases: document.agreement.lines.map(({ vm }) => ({ vm, stateDigest: hashOf(vm), releasedAt: now })),
      validUntil: now + 200_000n,
    };
    const both = await this.sign("Handover", handover, [destination, source]);
    await this.measure(`complete${suffix}`, vms.length, complete(this.relay, document, handover, both));
  }

  async record(vms: readonly string[], source: number, destination: number, operation: string): Promise<void> {
    await this.pass(2_000);
    const agreement = await this.agreement(vms, source, destination);
    const at = BigInt(await this.now());
    const receipts = agreement.lines.map(({ vm }) => ({ vm, stateDigest: hashOf(vm), releasedAt: at, runningAt: at }));
    const document = { agreement, receipts };
    const signatures = await this.sign("Record", document, [HOME, source, destination]);
    await this.measure(operation, vms.length, record(this.relay, document, signatures));
  }

  async amend(vms: readonly string[], host: number, size: Resources, operation?: string): Promise<void> {
    const document = { agreement: await this.agreement(vms, host, host, size) };
    const signatures = await this.sign("Amendment", document, [HOME, host]);
    const sending = amend(this.relay, document, signatures);
    if (operation === undefined) await sending;
    else await this.measure(operation, vms.length, sending);
  }
}

/** Every group size of what a migration consists of. The VMs end at home. */
async function measureMigrations(bench: Bench, vms: readonly string[], lines: number): Promise<void> {
  const group = vms.slice(0, lines);
  await bench.move(group, HOME, HOST);
  await bench.move(group, HOST, OTHER, "BetweenHosts");
  await bench.move(group, OTHER, HOME, "Return");
  await bench.record(group, HOME, HOST, "record2");
  await bench.record(group, HOST, OTHER, "record3");
  await bench.record(group, OTHER, HOME, "recordReturn");
}

/** The operations beside migrations, of one VM. */
async function measureOthers(bench: Bench, vm: string): Promise<void> {
  const home = bench.as(HOME);
  const host = bench.as(HOST);
  await bench.measure("register", 1, register(home, HOME, hashOf(`other ${bench.registered}`), buildResources(SIZE)));

  const given = await bench.signMove([vm], HOME, HOST);
  await agree(bench.relay, given.document, given.signatures);
  await bench.measure("abort", 1, abort(host, given.document, HOST, 1));
  const stalled = await bench.signMove([vm], HOME, HOST);
  await agree(bench.relay, stalled.document, stalled.signatures);
  await bench.pass(7_201_000);
  await bench.measure("expire", 1, expire(bench.relay, stalled.document));
  await bench.measure("revoke", 1, revoke(home, HOME, documentId("Move", stalled.document)));

  await bench.record([vm], HOME, HOST, "");
  bench.rows.pop();
  const bigger = buildResources({ ...SIZE, vcpuMilli: 6_000 });
  await bench.amend([vm], HOST, bigger, "amend");
  await bench.measure("giveNotice", 1, giveNotice(host, [vm], BigInt(await bench.now()) + 7n * DAY_MS + 60_000n));
  await bench.pass(Number(7n * DAY_MS + 120_000n));
  await bench.measure("release", 1, release(host, vm));
  await bench.measure("restore", 1, restore(home, vm));

  await bench.record([vm], HOME, HOST, "");
  bench.rows.pop();
  await bench.measure("declareLost", 1, declareLost(home, vm));
  await bench.measure("contestLoss", 1, contestLoss(host, vm));
  await declareLost(home, vm);
  await bench.measure("withdrawLoss", 1, withdrawLoss(home, vm));
  await declareLost(home, vm);
  await bench.pass(901_000);
  const document = { agreement: await bench.agreement([vm], HOST, OTHER) };
  const signatures = await bench.sign("Evacuation", document, [HOME, OTHER]);
  await bench.measure("evacuate", 1, evacuate(bench.relay, document, signatures));
  await bench.measure("stop", 1, stop(home, vm));
  await restore(home, vm);
  await bench.measure("terminate", 1, terminate(home, vm));
}

/** `hostAt` as a call, in the middle of very many stays. */
async function measureHostAt(bench: Bench, vm: string): Promise<void> {
  await bench.record([vm], HOME, HOST, "");
  bench.rows.pop();
  const { sequence } = await vmOf(bench.federation, vm);
  const sizes = [buildResources(SIZE), buildResources({ ...SIZE, vcpuMilli: 3_000 })];
  for (let stay = sequence; stay < STAYS; ++stay) {
    await bench.amend([vm], HOST, sizes[stay % 2] ?? buildResources(SIZE));
    if (stay % 1_000 === 0) progress(`${stay} stays`);
  }
  const { ledger, provider } = bench.federation;
  const [middle] = await ledger.stays(vm, STAYS / 2, 1);
  const data = ledger.interface.encodeFunctionData("hostAt", [vm, middle?.startedAt ?? 0n]);
  bench.note("hostAt", 1, await provider.estimateGas({ to: await ledger.getAddress(), data }));
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function verdict({ operation, lines, gas }: GasRow): string {
  const bound = BOUNDS[operation]?.[lines];
  if (bound === undefined) return "";
  return `${gas / lines <= bound ? "within" : "ABOVE"} ${bound}`;
}

function print(rows: readonly GasRow[]): boolean {
  console.log("operation             lines  registered        gas     per VM  bound");
  for (const row of rows) {
    const cells = [
      row.operation.padEnd(20),
      String(row.lines).padStart(6),
      String(row.registered).padStart(11),
      String(row.gas).padStart(10),
      String(Math.round(row.gas / row.lines)).padStart(10),
      ` ${verdict(row)}`,
    ];
    console.log(cells.join(" ").trimEnd());
  }
  return rows.every((row) => !verdict(row).startsWith("ABOVE"));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, json: { type: "string", default: RESULTS } },
  });
  const setting = await openEmbedded(scenario);
  await prepare(scenario, setting);
  const bench = new Bench(setting);
  // Two VMs that stay abroad: commitments and counters are in use from now on.
  const [first = "", second = ""] = await bench.register(2);
  await bench.move([first], HOME, HOST);
  await bench.move([second], HOME, OTHER);
  bench.rows.length = 0;

  const vms = await bench.register(16);
  bench.registered = 10;
  for (const lines of GROUPS) await measureMigrations(bench, vms, lines);
  await measureOthers(bench, vms[15] ?? "");
  bench.registered = 18;
  for (const [operation, gas] of Object.entries(await measureGovernance())) {
    bench.rows.push({ operation, lines: 1, registered: 0, gas: Number(gas) });
  }

  if (!values.quick) {
    for (const wanted of REGISTERED.slice(1)) {
      progress(`registering ${wanted} VMs`);
      await bench.register(wanted - bench.registered);
      await measureMigrations(bench, vms, 1);
    }
    await measureHostAt(bench, vms[0] ?? "");
    const keys = setting.keys;
    const { attest, multiAttest } = await measureEas(setting.chain.provider, keys.key("peer"), keys.key("attester"));
    bench.rows.push({ operation: "EAS attestByDelegation", lines: 1, registered: 0, gas: Number(attest) });
    bench.rows.push({ operation: "EAS multiAttestByDelegation", lines: 10, registered: 0, gas: Number(multiAttest) });
  }
  progress("");
  const isWithin = print(bench.rows);
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify({ rows: bench.rows }, null, 2)}\n`);
  if (!isWithin) process.exitCode = 1;
}

try {
  await main();
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message.split("\n")[0] : thrown);
  process.exitCode = 1;
}
