import { ZeroHash, hexlify, randomBytes } from "ethers";

import {
  RESOURCE_NAMES,
  type Agreement,
  type Line,
  type Price,
  type Rates,
  type Resources,
  type Sla,
} from "./types.js";

const MINUTE_MS = 60_000n;
const DAY_MS = 24n * 60n * MINUTE_MS;

/** 32 random bytes. */
export function freshSalt(): string {
  return hexlify(randomBytes(32));
}

/** One value for every resource, told its name and the number of its lane. */
export function eachResource<T>(value: (name: keyof Resources, lane: number) => T): {
  readonly [name in keyof Resources]: T;
} {
  const of = (name: keyof Resources) => value(name, RESOURCE_NAMES.indexOf(name));
  return {
    vcpuMilli: of("vcpuMilli"),
    memoryMiB: of("memoryMiB"),
    storageGiB: of("storageGiB"),
    diskIops: of("diskIops"),
    networkMbps: of("networkMbps"),
    gpus: of("gpus"),
    spare1: of("spare1"),
    spare2: of("spare2"),
  };
}

/** Resources with zero where nothing is said. */
export function buildResources(amounts: Partial<Resources>): Resources {
  return { ...eachResource(() => 0), ...amounts };
}

/** Rates with zero where nothing is said. */
export function buildRates(rates: Partial<Rates>): Rates {
  return { ...eachResource(() => 0n), ...rates };
}

/** A price with a fresh salt; free of charge in EUR unless said otherwise. */
export function buildPrice(price: Partial<Price> = {}): Price {
  return { currency: "EUR", rates: buildRates({}), settlement: 0, salt: freshSalt(), ...price };
}

/** An SLA with a fresh salt; it promises an availability of 99.9 % unless said otherwise. */
export function buildSla(sla: Partial<Sla> = {}): Sla {
  return {
    thresholds: {
      availabilityPpm: 999_000,
      cpuReadyPpm: 0,
      diskLatencyUs: 0,
      diskIops: 0,
      throughputKbps: 0,
      networkLatencyUs: 0,
      lossPpm: 0,
      measured: 1,
    },
    availabilityTiers: [
      { belowPpm: 999_000, creditBps: 1_000 },
      { belowPpm: 990_000, creditBps: 3_000 },
    ],
    otherMetricsBps: 0,
    capBps: 10_000,
    pauseBudgetMs: 60_000,
    salt: freshSalt(),
    ...sla,
  };
}

/** What an agreement cannot do without; everything else has a default. */
export type AgreementDraft = Pick<Agreement, "home" | "source" | "destination" | "lines" | "agreeBy"> &
  Partial<Agreement>;

/** An agreement with fresh salts and its lines in order: windows of 5 minutes, notice of 7 days, copy kept for an hour. */
export function buildAgreement(draft: AgreementDraft): Agreement {
  return {
    site: 0,
    windowMs: 5n * MINUTE_MS,
    noticeMs: 7n * DAY_MS,
    keepMs: 60n * MINUTE_MS,
    digestKind: 0,
    witnesses: { members: [], required: 0 },
    terms: { price: buildPrice(), sla: buildSla() },
    charter: ZeroHash,
    salt: freshSalt(),
    ...draft,
    lines: sortLines(draft.lines),
  };
}

/** Lines by ascending VM id, as the ledger wants them. */
export function sortLines(lines: readonly Line[]): Line[] {
  return [...lines].sort((a, b) => (BigInt(a.vm) < BigInt(b.vm) ? -1 : 1));
}

const LANE_BITS = 32n;

/** Packs resources as the contracts store them, vCPU in the lowest lane. */
export function packResources(resources: Resources): bigint {
  return RESOURCE_NAMES.reduce(
    (word, name, lane) => word | (BigInt(resources[name]) << (BigInt(lane) * LANE_BITS)),
    0n,
  );
}

/** The amounts in a packed word. */
export function unpackResources(word: bigint): Resources {
  return eachResource((_, lane) => Number((word >> (BigInt(lane) * LANE_BITS)) & 0xffffffffn));
}
