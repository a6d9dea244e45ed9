import { getAddress, isAddress, isHexString } from "ethers";

import type { CloudView } from "../actions/questions/clouds.js";
import { buildResources } from "../documents/build.js";
import type { Resources } from "../documents/types.js";
import { BusError } from "../errors/busError.js";

/** What was typed, as values. */

/** A mistake in what was typed. */
export function mistake(message: string): never {
  throw new BusError("BAD_ARGUMENT", message);
}

const UNITS_MS: { readonly [unit: string]: bigint } = {
  ms: 1n,
  s: 1_000n,
  min: 60_000n,
  h: 3_600_000n,
  d: 86_400_000n,
};

/** A length of time, as `15min`, in milliseconds. */
export function parseDuration(name: string, text: string): bigint {
  const [, count = "", unit = ""] = /^([0-9]+)(ms|s|min|h|d)$/.exec(text) ?? [];
  return BigInt(count) * (UNITS_MS[unit] ?? mistake(`${name}: ${text} is no length of time as 15min, 2h or 7d`));
}

/**
 * A time in milliseconds: ISO 8601, without an offset UTC; or from the chain's time on, as `+15min`.
 * @param now The chain's time; left out where no time of that kind is taken.
 */
export function parseTime(name: string, text: string, now?: bigint): bigint {
  if (now !== undefined && text.startsWith("+")) return now + parseDuration(name, text.slice(1));
  const hasZone = /(Z|[+-]\d{2}:\d{2})$/.test(text) || /^\d{4}-\d{2}-\d{2}$/.test(text);
  const time = /^\d{4}-\d{2}/.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : NaN;
  return Number.isNaN(time) ? mistake(`${name}: ${text} is no date`) : BigInt(time);
}

/** A whole number within limits. */
export function parseCount(name: string, text: string, least = 0, most = 2 ** 32 - 1): number {
  const count = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!(count >= least && count <= most)) mistake(`${name}: ${text} is no number from ${least} to ${most}`);
  return count;
}

/** A number between 0 and 1. */
export function parseWeight(name: string, text: string): number {
  const weight = /^[0-9]*\.?[0-9]+$/.test(text) ? Number(text) : NaN;
  return weight >= 0 && weight <= 1 ? weight : mistake(`${name}: ${text} is no number between 0 and 1`);
}

const AMOUNT_DECIMALS = 9;

/** An amount of money, as `12.50`, in 1e-9 currency units. */
export function parseMoney(name: string, text: string): bigint {
  const [, whole = "", fraction = ""] = /^([0-9]{1,20})(?:\.([0-9]{1,9}))?$/.exec(text) ?? [];
  if (whole === "") mistake(`${name}: ${text} is no amount with ${AMOUNT_DECIMALS} decimals at most`);
  return BigInt(whole + fraction.padEnd(AMOUNT_DECIMALS, "0"));
}

/** An address, with its checksum. */
export function parseAddress(name: string, text: string): string {
  const isOne: boolean = isAddress(text);
  return isOne ? getAddress(text) : mistake(`${name}: ${text} is no address`);
}

/** 32 bytes in hex. */
export function parseBytes32(name: string, text: string): string {
  return isHexString(text, 32) ? text.toLowerCase() : mistake(`${name}: ${text} is no 32 bytes in hex`);
}

/** A cloud by its number or label. */
export function cloudNamed(name: string, text: string, clouds: readonly Pick<CloudView, "cloud" | "label">[]): number {
  const found = clouds.find(({ cloud, label }) => label === text || String(cloud) === text);
  return found ? found.cloud : mistake(`${name}: there is no cloud ${text}`);
}

/** Numbers of feature bits, as `3,130`. */
export function parseFeatures(name: string, text: string): bigint {
  return text
    .split(",")
    .map((bit) => parseCount(name, bit.trim(), 0, 255))
    .reduce((bits, bit) => bits | (1n << BigInt(bit)), 0n);
}

/** The options for resources, in the units in which people say them. */
export interface ResourceOptions {
  readonly vcpu?: string;
  readonly memory?: string;
  readonly storage?: string;
  readonly iops?: string;
  readonly network?: string;
  readonly gpus?: string;
}

const MAX_LANE = 2 ** 31 - 1;
const MIB_PER_GIB = 1_024;

function parseThousandths(name: string, text: string, factor: number): number {
  const value = /^[0-9]+(\.[0-9]{1,3})?$/.test(text) ? Math.round(Number(text) * factor) : NaN;
  return value <= MAX_LANE ? value : mistake(`${name}: ${text} is no number with three decimals at most`);
}

/** The amounts that are given of `--vcpu 2 --memory 4 --storage 40`: memory and storage in GiB. */
function parseAmounts({ vcpu, memory, storage, iops, network, gpus }: ResourceOptions): Partial<Resources> {
  return {
    ...(vcpu !== undefined && { vcpuMilli: parseThousandths("--vcpu", vcpu, 1_000) }),
    ...(memory !== undefined && { memoryMiB: parseThousandths("--memory", memory, MIB_PER_GIB) }),
    ...(storage !== undefined && { storageGiB: parseCount("--storage", storage, 0, MAX_LANE) }),
    ...(iops !== undefined && { diskIops: parseCount("--iops", iops, 0, MAX_LANE) }),
    ...(network !== undefined && { networkMbps: parseCount("--network", network, 0, MAX_LANE) }),
    ...(gpus !== undefined && { gpus: parseCount("--gpus", gpus, 0, MAX_LANE) }),
  };
}

/** Resources of `--vcpu 2 --memory 4 --storage 40`; nothing of what is not given. */
export function parseResources(options: ResourceOptions): Resources {
  const resources = buildResources(parseAmounts(options));
  if (Object.values(resources).every((amount) => amount === 0)) mistake("--vcpu, --memory or --storage is missing");
  return resources;
}

/** Resources with other amounts where `--vcpu 2 --memory 4 --storage 40` gives some. */
export function changeResources(resources: Resources, options: ResourceOptions): Resources {
  return { ...resources, ...parseAmounts(options) };
}

/** Resources to read. */
export function formatResources(resources: Resources): string {
  const { vcpuMilli, memoryMiB, storageGiB, diskIops, networkMbps, gpus, spare1, spare2 } = resources;
  const parts: readonly (readonly [number, string])[] = [
    [vcpuMilli / 1_000, "vCPU"],
    [memoryMiB / MIB_PER_GIB, "GiB memory"],
    [storageGiB, "GiB storage"],
    [diskIops, "disk operations/s"],
    [networkMbps, "Mbit/s"],
    [gpus, "GPU"],
    [spare1, "spare1"],
    [spare2, "spare2"],
  ];
  return parts.flatMap(([amount, unit]) => (amount === 0 ? [] : [`${amount} ${unit}`])).join(", ") || "nothing";
}
