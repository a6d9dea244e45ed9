import { type BaseWallet, Wallet, id, keccak256, toUtf8Bytes } from "ethers";

import type { Federation, RpcProvider } from "../chain/federation.js";
import type { Sent } from "../chain/send.js";
import { buildResources } from "../documents/build.js";
import type { Amendment, Evacuation, MigrationRecord, Move, Resources } from "../documents/types.js";
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

/** Makes the keys of a run. */
export interface KeyRing {
  key(name: string): BaseWallet;
}

/** Keys that follow from a seed: whoever knows the seed knows them. For embedded chains only. */
export function seededKeys(seed: string): KeyRing {
  return { key: (name) => new Wallet(keccak256(toUtf8Bytes(`${seed}/${name}`))) };
}

/** Keys that nobody else can make. */
export function freshKeys(): KeyRing {
  return { key: () => new Wallet(Wallet.createRandom().privateKey) };
}

/** A salt that follows from the scenario's seed and the number of salts before. */
export function nextSalt(world: World): string {
  world.salts += 1;
  return id(`${world.scenario.seed ?? world.scenario.name}/salt/${world.salts}`);
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
  return `${vm.slice(0, 10)}…`;
}
