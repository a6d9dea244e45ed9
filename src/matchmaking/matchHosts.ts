import { type Federation, readHead } from "../chain/federation.js";
import { RESOURCE_NAMES, type Resources } from "../documents/types.js";
import type { Demand } from "../actions/questions/canHost.js";
import { type SiteView, sitesOf } from "../actions/questions/clouds.js";
import { standingOf } from "../actions/questions/reputation.js";
import { CloudStatus } from "../chain/enums.js";
import { eachResource, packResources } from "../documents/build.js";
import { BusError } from "../errors/busError.js";
import type { RevertValue } from "../errors/revert.js";
import { STANDING_ONE, type Standing } from "../reputation/standing.js";

/** Why a site is no candidate: the very error, with its arguments, that `canHost` would give. */
export interface Refusal {
  readonly errorName:
    | "CapacityExchange_CloudNotActive"
    | "CapacityExchange_NoOffer"
    | "CapacityExchange_OfferNotValid"
    | "CapacityExchange_FeaturesMissing"
    | "CapacityExchange_VmTooBig"
    | "CapacityExchange_NoRoom"
    | "ResourceVector_Overflow";
  readonly args: Readonly<{ [name: string]: RevertValue }>;
}

/** A site that would take the VMs. */
export interface Candidate {
  readonly cloud: number;
  readonly site: number;
  /** Between 0 and 1, higher is better: see {@link rankSites}. */
  readonly score: number;
  /** The share of capacity left in the scarcest lane that is asked for, after the VMs. */
  readonly roomLeft: number;
  /** Price of the VMs per hour in 1e-12 of `currency`; undefined without list prices. */
  readonly pricePerHour: bigint | undefined;
  readonly currency: string;
  /** Its cloud's reputation, if that was weighed: see {@link trustIn}. */
  readonly trust?: number;
}

/** A site that would not, and why. */
export interface Refused extends Refusal {
  readonly cloud: number;
  readonly site: number;
}

/** The sites of a federation, sorted into those that would take the VMs and those that would not. */
export interface Matches {
  readonly candidates: readonly Candidate[];
  readonly refused: readonly Refused[];
}

/** How much room counts against price, and reputation against both. */
export interface MatchOptions {
  /** Weight of the price between 0 and 1; the rest is that of the room. The default is 0.5. */
  readonly priceWeight?: number;
  /** Weight of reputation between 0 and 1; the rest is that of price and room. The default is 0: it is not asked for. */
  readonly reputationWeight?: number;
  /** Clouds that are not asked, the VM's present host for one. */
  readonly except?: readonly number[];
}

/** Options for sites that are at hand. */
export interface RankOptions extends MatchOptions {
  /** Standings by cloud. Of who is missing nothing is known. */
  readonly standings?: ReadonlyMap<number, Standing>;
}

const TWO_31 = 2 ** 31;

/**
 * Why a site would refuse VMs, by the rules of `CapacityExchange.canHost`, in its order.
 * @param now The chain's time in milliseconds.
 */
export function refusalOf(site: SiteView, needs: readonly Demand[], now: bigint): Refusal | undefined {
  const { status, hasOffer, validFrom, validUntil } = site;
  const cloud = BigInt(site.cloud);
  const where = { cloud, site: BigInt(site.site) };
  if (status !== CloudStatus.Active) {
    return { errorName: "CapacityExchange_CloudNotActive", args: { cloud, status: BigInt(status) } };
  }
  if (!hasOffer) return { errorName: "CapacityExchange_NoOffer", args: where };
  if (now < validFrom || now > validUntil) {
    return { errorName: "CapacityExchange_OfferNotValid", args: { ...where, validFrom, validUntil, time: now } };
  }
  const missing = needs.reduce((bits, need) => bits | need.features, 0n) & ~site.features;
  if (missing !== 0n) return { errorName: "CapacityExchange_FeaturesMissing", args: { ...where, missing } };
  return tooBig(site, needs, where) ?? noRoom(site, needs, where);
}

type Where = Readonly<{ cloud: bigint; site: bigint }>;

function tooBig({ biggest }: SiteView, needs: readonly Demand[], where: Where): Refusal | undefined {
  for (const [index, { resources }] of needs.entries()) {
    const lane = RESOURCE_NAMES.findIndex((name) => resources[name] > biggest[name]);
    const name = RESOURCE_NAMES[lane];
    if (name === undefined) continue;
    const numbers = { index, lane, asked: resources[name], biggest: biggest[name] };
    return { errorName: "CapacityExchange_VmTooBig", args: { ...where, ...asBigints(numbers) } };
  }
  return undefined;
}

function noRoom(site: SiteView, needs: readonly Demand[], where: Where): Refusal | undefined {
  let total = site.committed;
  for (const need of needs) {
    const before = total;
    total = sum(before, [need]);
    if (RESOURCE_NAMES.some((name) => total[name] >= TWO_31)) {
      const [a, b] = [packResources(before), packResources(need.resources)];
      return { errorName: "ResourceVector_Overflow", args: { a, b } };
    }
  }
  const lane = RESOURCE_NAMES.findIndex((name) => total[name] > site.capacity[name]);
  const name = RESOURCE_NAMES[lane];
  if (name === undefined) return undefined;
  const numbers = { lane, wouldBe: total[name], capacity: site.capacity[name] };
  return { errorName: "CapacityExchange_NoRoom", args: { ...where, ...asBigints(numbers) } };
}

function asBigints(numbers: Readonly<{ [name: string]: number }>): { [name: string]: bigint } {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, BigInt(value)]));
}

function sum(committed: Resources, needs: readonly Demand[]): Resources {
  return eachResource((name) => needs.reduce((all, need) => all + need.resources[name], committed[name]));
}

/**
 * What a standing is worth to who chooses a host, between 0 and 1:
 *
 *     trust = ½ + confidence · (score − ½)
 *
 * So a newcomer is in the middle, a good record counts for the more the longer it is, and a bad one against.
 */
export function trustIn(standing: Standing | undefined): number {
  if (!standing) return UNKNOWN_TRUST;
  const share = (value: bigint) => Number(value) / Number(STANDING_ONE);
  return UNKNOWN_TRUST + share(standing.confidence) * (share(standing.score) - UNKNOWN_TRUST);
}

const UNKNOWN_TRUST = 0.5;

/**
 * Ranks sites for VMs.
 *
 *     score    = (1 − reputationWeight) · (priceWeight · price + (1 − priceWeight) · roomLeft) + reputationWeight · trust
 *     roomLeft = min over the lanes asked for of (capacity − committed − asked) / capacity
 *     price    = cheapest candidate's price / own price, among candidates of the same currency; ½ without list prices
 *     trust    = ½ + confidence · (score − ½) of the cloud's reputation: {@link trustIn}
 *
 * Equal scores are ordered by cloud and site.
 * @param now The chain's time in milliseconds.
 * @throws BusError `BAD_WEIGHTS` for a weight outside of 0 to 1.
 */
export function rankSites(
  sites: readonly SiteView[],
  needs: readonly Demand[],
  now: bigint,
  options: RankOptions = {},
): Matches {
  const { priceWeight = 0.5, reputationWeight = 0, except = [], standings } = options;
  requireWeight("priceWeight", priceWeight);
  requireWeight("reputationWeight", reputationWeight);
  const refused: Refused[] = [];
  const accepted: SiteView[] = [];
  for (const site of sites) {
    if (except.includes(site.cloud)) continue;
    const refusal = refusalOf(site, needs, now);
    if (refusal) refused.push({ cloud: site.cloud, site: site.site, ...refusal });
    else accepted.push(site);
  }
  const cheapest = new Map<string, bigint>();
  for (const site of accepted) {
    const price = priceOf(site, needs);
    const best = cheapest.get(site.currency);
    if (price !== undefined && (best === undefined || price < best)) cheapest.set(site.currency, price);
  }
  const candidates = accepted
    .map((site) => {
      const roomLeft = roomLeftAt(site, needs);
      const pricePerHour = priceOf(site, needs);
      const price = priceShare(cheapest.get(site.currency), pricePerHour);
      const offered = priceWeight * price + (1 - priceWeight) * roomLeft;
      const base = { cloud: site.cloud, site: site.site, roomLeft, pricePerHour, currency: site.currency };
      if (reputationWeight === 0) return { ...base, score: offered };
      const trust = trustIn(standings?.get(site.cloud));
      return { ...base, score: (1 - reputationWeight) * offered + reputationWeight * trust, trust };
    })
    .sort((a, b) => b.score - a.score || a.cloud - b.cloud || a.site - b.site);
  return { candidates, refused };
}

function requireWeight(name: string, weight: number): void {
  if (!(weight >= 0 && weight <= 1)) {
    throw new BusError("BAD_WEIGHTS", `/${name}: ${weight} is not between 0 and 1`);
  }
}

function priceOf(site: SiteView, needs: readonly Demand[]): bigint | undefined {
  if (site.currency === "") return undefined;
  return needs.reduce(
    (price, need) => RESOURCE_NAMES.reduce((all, lane) => all + BigInt(need.resources[lane]) * site.rates[lane], price),
    0n,
  );
}

const WITHOUT_PRICE = 0.5;

function priceShare(cheapest: bigint | undefined, own: bigint | undefined): number {
  if (cheapest === undefined || own === undefined) return WITHOUT_PRICE;
  return own === 0n ? 1 : Number((cheapest * 1_000_000n) / own) / 1_000_000;
}

function roomLeftAt(site: SiteView, needs: readonly Demand[]): number {
  const total = sum(site.committed, needs);
  const shares = RESOURCE_NAMES.filter((lane) => needs.some((need) => need.resources[lane] > 0)).map(
    (lane) => (site.capacity[lane] - total[lane]) / site.capacity[lane],
  );
  return Math.min(1, ...shares);
}

/**
 * Asks the chain for all sites, and for the reputation of their clouds if it has a weight, and ranks them for VMs: see
 * {@link rankSites}. All is read at one block.
 * @throws BusError `BAD_WEIGHTS`.
 */
export async function matchHosts(
  federation: Federation,
  needs: readonly Demand[],
  options: MatchOptions = {},
): Promise<Matches> {
  const head = await readHead(federation.provider);
  const sites = await sitesOf(federation, head.number);
  if (!options.reputationWeight) return rankSites(sites, needs, head.timeMs, options);
  const standings = await standingsOf(federation, sites, head.number);
  return rankSites(sites, needs, head.timeMs, { ...options, standings });
}

async function standingsOf(
  federation: Federation,
  sites: readonly SiteView[],
  block: number,
): Promise<Map<number, Standing>> {
  const clouds = [...new Set(sites.map(({ cloud }) => cloud))];
  return new Map(
    await Promise.all(clouds.map(async (cloud) => [cloud, await standingOf(federation, cloud, block)] as const)),
  );
}
