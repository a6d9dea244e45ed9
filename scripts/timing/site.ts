import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type BaseWallet, type BaseContract, JsonRpcProvider, id as hashOf, toQuantity } from "ethers";

import {
  type Agreement,
  type DocumentName,
  type Documents,
  type Federation,
  type Handover,
  type MigrationRecord,
  type Move,
  type NodeAddress,
  Submitter,
  asPublicMove,
  asSender,
  buildAgreement,
  buildPrice,
  buildResources,
  buildSla,
  documentId,
  freshSalt,
  gasLimitFor,
  publicRecord,
  readHead,
  signDocument,
  withSubmitter,
} from "../../src/index.js";
import { type Setting, prepare } from "../../src/scenario/run.js";
import type { Scenario } from "../../src/scenario/format.js";
import { openRemote } from "../chains.js";

/** Where the figures are measured. */
export interface ChainAddress {
  readonly http: string;
  readonly ws: string | undefined;
  /** Whether it is a simulator that this program has started. */
  readonly isSimulator: boolean;
  close(): Promise<void>;
}

/** A VM so small that every offer has room for a million of them. */
export const SIZE = { vcpuMilli: 10, memoryMiB: 16, storageGiB: 1, diskIops: 10, networkMbps: 1 };
const CAPACITY = 2_000_000_000;
export const [HOME, HOST] = [1, 2] as const;
/** Transactions of one key that a node's pool takes. */
export const WINDOW = 128;
const REGISTER_GAS = gasLimitFor("register", []) ?? 1_000_000n;
const MINUTE_MS = 60_000n;

/** Starts a simulator that makes a block in every interval. */
export async function startSimulator(intervalMs: number): Promise<ChainAddress> {
  const program = join(import.meta.dirname, "simulator.ts");
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", program, String(intervalMs)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = (await Promise.race([
    once(child.stdout ?? child, "data"),
    once(child, "exit").then(() => {
      throw new Error("the simulator does not start");
    }),
  ])) as [Buffer];
  const host = `127.0.0.1:${line.toString().trim()}`;
  return {
    http: `http://${host}`,
    ws: `ws://${host}`,
    isSimulator: true,
    async close() {
      const ended = once(child, "exit");
      child.stdin?.end();
      await ended;
    },
  };
}

/** What fits into a block of the chain that the simulator stands for. */
const BLOCK_GAS = 30_000_000n;

function scenarioOf(clouds: number): Scenario {
  const labels = Array.from({ length: clouds }, (_cloud, index) => `cloud-${index + 1}`);
  return {
    name: "timing",
    features: { kvm: 0, qcow2: 1 },
    clouds: labels.map((label) => ({
      label,
      offers: [
        {
          capacity: Object.fromEntries(Object.keys(SIZE).map((lane) => [lane, CAPACITY])),
          biggest: SIZE,
          features: ["kvm", "qcow2"],
          validFor: "P365D",
        },
      ],
    })),
    vms: [],
    timeline: [],
  };
}

/** The chain's node, with its WebSocket if it has one. */
export function nodeOf({ http, ws }: ChainAddress): NodeAddress {
  return { http, ...(ws !== undefined && { ws }) };
}

/** A federation on a chain, with a submitter and keys at hand, and with VMs to move. */
export class Site {
  /** VMs that exist so far. */
  registered = 0;
  readonly #fresh: string[] = [];
  readonly #relays: BaseWallet[] = [];

  private constructor(
    readonly address: ChainAddress,
    readonly setting: Setting,
    readonly submitter: Submitter,
    readonly folder: string,
  ) {}

  /** Deploys the contracts for so many clouds, and opens a submitter. */
  static async open(address: ChainAddress, clouds: number): Promise<Site> {
    await Site.#automine(address, true);
    const scenario = scenarioOf(clouds);
    const setting = await openRemote(scenario, address.http, undefined);
    await prepare(scenario, setting);
    const folder = mkdtempSync(join(tmpdir(), "timing-"));
    const submitter = new Submitter({
      chain: setting.federation.addressBook,
      nodes: [nodeOf(address)],
      outbox: join(folder, "outbox.sqlite"),
    });
    return new Site(address, setting, submitter, folder);
  }

  /** Another submitter for the same chain, with an outbox of its own; by default without the WebSocket. */
  openSubmitter(name: string, isPolling = true): Submitter {
    return new Submitter({
      chain: this.federation.addressBook,
      nodes: [isPolling ? { http: this.address.http } : nodeOf(this.address)],
      outbox: join(this.folder, `${name}.sqlite`),
    });
  }

  get federation(): Federation {
    return this.setting.federation;
  }

  async close(): Promise<void> {
    await this.submitter.close();
    const { provider } = this.federation;
    if (provider instanceof JsonRpcProvider) provider.destroy();
    rmSync(this.folder, { recursive: true });
  }

  /**
   * While something is set up, the simulator need not wait for the next block, and has bigger ones: one that is more than half
   * full, such as that of 64 founders, would raise its base fee above zero.
   */
  static async #automine({ http, isSimulator }: ChainAddress, isOn: boolean): Promise<void> {
    if (!isSimulator) return;
    const provider = new JsonRpcProvider(http, undefined, { staticNetwork: true });
    await provider.send("evm_setBlockGasLimit", [toQuantity((isOn ? 2n : 1n) * BLOCK_GAS)]);
    await provider.send("evm_setAutomine", [isOn]);
    provider.destroy();
  }

  /**
   * From here on blocks come in their interval.
   * @param settleMs How long that goes on before anything is measured: the submitter has seen the blocks of the set-up,
   * which came as fast as they could, and has to learn the interval where it is to count on it.
   */
  async beginMeasuring(settleMs = 2_000): Promise<void> {
    await Site.#automine(this.address, false);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
  }

  async beginSetup(): Promise<void> {
    await Site.#automine(this.address, true);
  }

  key(cloud: number): BaseWallet {
    const actor = [...this.setting.clouds.values()][cloud - 1];
    if (!actor) throw new Error(`no cloud ${cloud}`);
    return actor.account;
  }

  /** Somebody who only brings documents: the first, the second ... */
  relay(index = 0): BaseWallet {
    const key = this.#relays[index] ?? this.setting.keys.key(`relay ${index}`);
    this.#relays[index] = key;
    return key;
  }

  /** The federation as a relay sees it, sending through a submitter. */
  as(key: BaseWallet, submitter = this.submitter): Federation {
    return asSender(withSubmitter(this.federation, submitter), key);
  }

  /** The newest block's time, in milliseconds. */
  async now(): Promise<bigint> {
    return (await readHead(this.federation.provider)).timeMs;
  }

  /** VMs at home that nobody has moved yet, registered if there are not enough. */
  async takeVms(count: number): Promise<string[]> {
    if (this.#fresh.length < count) await this.register(count - this.#fresh.length);
    return this.#fresh.splice(0, count);
  }

  /** Registers VMs of the first cloud, as many at once as the pipeline takes. */
  async register(count: number): Promise<void> {
    const { ledger } = this.federation;
    const contract: BaseContract = ledger;
    const to = await ledger.getAddress();
    const ids = Array.from({ length: count }, (_vm, index) => hashOf(`vm ${this.registered + index}`));
    this.registered += count;
    const key = this.key(HOME);
    const found = new Map<string, string>();
    for (let first = 0; first < count; first += 1_000) {
      await Promise.all(
        ids.slice(first, first + 1_000).map(async (localId) => {
          const data = contract.interface.encodeFunctionData("register", [HOME, localId, buildResources(SIZE)]);
          const call = { to, data, gasLimit: REGISTER_GAS, name: "register" };
          const { id } = await this.submitter.submit(key, call, { isChecked: false });
          const { receipt, failure } = await this.submitter.settled(id, 600_000);
          if (failure) throw new Error(failure.message);
          for (const log of receipt?.logs ?? []) {
            const event = contract.interface.parseLog({ topics: [...log.topics], data: log.data });
            if (event?.name === "VmRegistered") found.set(localId, String(event.args.vm));
          }
        }),
      );
    }
    for (const localId of ids) this.#fresh.push(found.get(localId) ?? "");
  }

  /** An agreement about VMs that have never been moved, if not told: from their home to its neighbour. */
  agreement(vms: readonly string[], now: bigint, changes: Partial<Agreement> = {}): Agreement {
    return buildAgreement({
      home: HOME,
      source: HOME,
      destination: HOST,
      lines: [...vms].sort().map((vm) => ({ vm, nonce: 1, features: 3n, resources: buildResources(SIZE) })),
      agreeBy: now + 14n * MINUTE_MS,
      terms: { price: buildPrice({ salt: freshSalt() }), sla: buildSla({ salt: freshSalt() }) },
      charter: hashOf("charter"),
      salt: freshSalt(),
      digestKind: 1,
      ...changes,
    });
  }

  sign<N extends DocumentName>(name: N, document: Documents[N], signers: readonly number[]): Promise<string[]> {
    return Promise.all(
      signers.map((cloud) => signDocument(this.key(cloud), this.federation.ledgerDomain, name, document)),
    );
  }

  /** A signed record of a migration that has just happened. */
  async signedRecord(vms: readonly string[], now: bigint, changes: Partial<Agreement> = {}): Promise<SignedRecord> {
    const agreement = this.agreement(vms, now, changes);
    const receipts = agreement.lines.map(({ vm }) => ({
      vm,
      stateDigest: hashOf(vm),
      releasedAt: now,
      runningAt: now,
    }));
    const document = { agreement, receipts };
    return { document, signatures: await this.sign("Record", document, [HOME, HOST]) };
  }

  /** A signed move. */
  async signedMove(vms: readonly string[], now: bigint): Promise<SignedMove> {
    const agreement = this.agreement(vms, now);
    const document = { agreement, startBy: now + 120n * MINUTE_MS, completeBy: now + 480n * MINUTE_MS };
    return { document, signatures: await this.sign("Move", document, [HOME, HOST]) };
  }

  /** A signed handover of a started move. */
  async signedHandover(
    document: Move,
    now: bigint,
  ): Promise<{ readonly handover: Handover; readonly signatures: string[] }> {
    const handover = {
      move: documentId("Move", document),
      releases: document.agreement.lines.map(({ vm }) => ({ vm, stateDigest: hashOf(vm), releasedAt: now })),
      validUntil: now + 4n * MINUTE_MS,
    };
    return { handover, signatures: await this.sign("Handover", handover, [HOST, HOME]) };
  }

  /** The call that records. */
  async recordCall({
    document,
    signatures,
  }: SignedRecord): Promise<{ to: string; data: string; gasLimit: bigint; name: string }> {
    const contract: BaseContract = this.federation.ledger;
    const args = [publicRecord(document), [...signatures]] as const;
    return {
      to: await contract.getAddress(),
      data: contract.interface.encodeFunctionData("record", args),
      gasLimit: gasLimitFor("record", args) ?? 5_000_000n,
      name: "record",
    };
  }
}

/** A record that is ready to be brought. */
export interface SignedRecord {
  readonly document: MigrationRecord;
  readonly signatures: readonly string[];
}

/** A move that is ready to be brought. */
export interface SignedMove {
  readonly document: Move;
  readonly signatures: readonly string[];
}

/** As the contract takes it. */
export const publicMove = asPublicMove;
