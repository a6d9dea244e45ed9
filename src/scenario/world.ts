import { type BaseWallet, Wallet, hexlify, id, keccak256, randomBytes, toUtf8Bytes } from "ethers";

import type { Debt, Saving } from "../charging/netting.js";
import type { Federation, RpcProvider } from "../chain/federation.js";
import type { Sent } from "../chain/send.js";
import { buildResources } from "../documents/build.js";
import type {
  Agreement,
  Amendment,
  Evacuation,
  MigrationRecord,
  Move,
  Resources,
  SaltedMetrics,
} from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import type { Amounts, Scenario } from "./format.js";

/** What a scenario needs of a chain. */
export interface Chain {
  readonly provider: RpcProvider;
  /** The chain's time now, in milliseconds. */
  now(): Promise<number>;
  /** Waits, or lets time pass, until the chain's time is at least this. */
  waitUntil(timeMs: number): Promise<void>;
}

/** A cloud with its keys. */
export interface CloudActor {
  readonly label: string;
  readonly cloud: number;
  account: BaseWallet;
  /** The account before the last change of it. */
  former: BaseWallet | undefined;
  readonly recovery: BaseWallet;
  readonly agents: Map<string, BaseWallet>;
  /** The account that waits to take office. */
  next: BaseWallet | undefined;
}

/** A VM by the name the scenario gives it. */
export interface VmActor {
  readonly name: string;
  readonly home: string;
  readonly vm: string;
  readonly localId: string;
  readonly resources: Resources;
  readonly features: bigint;
}

/** A document that was signed in the course of a scenario, ready to be brought. */
export type SignedDocument = {
  readonly id: string;
  readonly signatures: readonly string[];
} & (
  | { readonly kind: "Move"; readonly document: Move }
  | { readonly kind: "Record"; readonly document: MigrationRecord }
  | { readonly kind: "Amendment"; readonly document: Amendment }
  | { readonly kind: "Evacuation"; readonly document: Evacuation }
);

/** A scenario on a chain. */
export interface World {
  readonly scenario: Scenario;
  readonly chain: Chain;
  readonly federation: Federation;
  /** The chain's time at which the timeline begins, in milliseconds. */
  readonly begin: number;
  readonly clouds: ReadonlyMap<string, CloudActor>;
  readonly vms: ReadonlyMap<string, VmActor>;
  readonly documents: Map<string, SignedDocument>;
  /** Every agreement that was drafted, by its id: what the parties keep to open it when they need to. */
  readonly agreements: Map<string, Agreement>;
  /** What home and host agreed on about windows, by `windowKey`: what they keep to open it. */
  readonly openings: Map<string, SaltedMetrics>;
  /** What was owed before each netting, and what it saved. */
  readonly nettings: { readonly before: readonly Debt[]; readonly savings: readonly Saving[] }[];
  readonly keys: KeyRing;
  readonly roles: FederationRoles;
  /** All that was sent, in order. */
  readonly sent: Sent[];
  /** A number for every salt, so that a run with a seed repeats itself. */
  salts: number;
}

/** Accounts that hold roles beside the clouds. */
export interface FederationRoles {
  readonly governance: BaseWallet;
  readonly guardian: BaseWallet;
  readonly attester: BaseWallet;
}

/** Makes the keys and the salts of a run. */
export interface KeyRing {
  key(name: string): BaseWallet;
  /** 32 bytes: what a salt is for must not be guessed on a chain that stays. */
  salt(name: string): string;
}

/** Keys that follow from a seed: whoever knows the seed knows them. For embedded chains only. */
export function seededKeys(seed: string): KeyRing {
  return {
    key: (name) => new Wallet(keccak256(toUtf8Bytes(`${seed}/${name}`))),
    salt: (name) => id(`${seed}/salt/${name}`),
  };
}

/** Keys and salts that nobody else can make; the same key for the same name. */
export function freshKeys(): KeyRing {
  const keys = new Map<string, BaseWallet>();
  return {
    key(name) {
      const key = keys.get(name) ?? new Wallet(hexlify(randomBytes(32)));
      keys.set(name, key);
      return key;
    },
    salt: () => hexlify(randomBytes(32)),
  };
}

/** Key of a window in the world's `openings`. */
export function windowKey(vm: string, sequence: number, window: number): string {
  return `${vm}/${sequence}/${window}`;
}

/** The next salt of a run. */
export function nextSalt(world: World): string {
  world.salts += 1;
  return world.keys.salt(String(world.salts));
}

/** Who signs: a cloud's account, its agent as `label/agent`, its account before the last change as `label/former`, or `stranger`. */
export function signerNamed(world: World, name: string): BaseWallet {
  if (name === "stranger") return world.keys.key("stranger");
  const [label = "", key] = name.split("/");
  const actor = cloudOf(world, label);
  if (key === undefined) return actor.account;
  return key === "former" ? (actor.former ?? actor.account) : found(actor.agents, key, "agent");
}

/** Amounts with zero for what is not named. */
export function resourcesFrom(amounts: Amounts): Resources {
  return buildResources(amounts);
}

/** Bits of features by name. */
export function featureBits(scenario: Scenario, names: readonly string[] = []): bigint {
  return names.reduce((bits, name) => bits | (1n << BigInt(scenario.features?.[name] ?? 0)), 0n);
}

/** A cloud by its label. */
export function cloudOf(world: World, label: string): CloudActor {
  return found(world.clouds, label, "cloud");
}

/** A VM by its name. */
export function vmNamed(world: World, name: string): VmActor {
  return found(world.vms, name, "VM");
}

/** A document by the id of the step that made it. */
export function documentOf(world: World, name: string): SignedDocument {
  return found(world.documents, name, "signed document");
}

function found<T>(map: ReadonlyMap<string, T>, name: string, what: string): T {
  const value = map.get(name);
  if (value === undefined) throw new BusError("BAD_SCENARIO", `there is no ${what} ${JSON.stringify(name)} yet`);
  return value;
}

/** Label of a cloud by its number; a dash for nobody. */
export function labelOf(world: World, cloud: number): string {
  for (const actor of world.clouds.values()) if (actor.cloud === cloud) return actor.label;
  return cloud === 0 ? "-" : `cloud ${cloud}`;
}

/** Name of a VM by its id. */
export function nameOf(world: World, vm: string): string {
  for (const actor of world.vms.values()) if (actor.vm === vm) return actor.name;
  return `${vm.slice(0, 10)}..`;
}

/** Names of features by their bits. */
export function featureNames(scenario: Scenario, bits: bigint): string[] {
  const names = Object.entries(scenario.features ?? {});
  return names.filter(([, bit]) => ((bits >> BigInt(bit)) & 1n) === 1n).map(([name]) => name);
}
