import type { Federation } from "../chain/federation.js";
import { RESOURCE_NAMES, type Resources } from "../documents/types.js";
import type { Demand } from "../actions/questions/canHost.js";
import { type SiteView, sitesOf } from "../actions/questions/clouds.js";
import { CloudStatus } from "../chain/enums.js";

/** Why a site is no candidate. The names are those of the contract's errors. */
export type Refusal =
  | "CapacityExchange_CloudNotActive"
  | "CapacityExchange_NoOffer"
  | "CapacityExchange_OfferNotValid"
  | "CapacityExchange_FeaturesMissing"
  | "CapacityExchange_VmTooBig"
  | "CapacityExchange_NoRoom"
  | "ResourceVector_Overflow";

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
}

/** A site that would not, and why. */
export interface Refused {
  readonly cloud: number;
  readonly site: number;
  readonly refusal: Refusal;
}

/** The sites of a federation, sorted into those that would take the VMs and those that would not. */
export interface Matches {
  readonly candidates: readonly Candidate[];
  readonly refused: readonly Refused[];
}

/** How much room counts against price. */
export interface MatchOptions {
  /** Weight of the price between 0 and 1; the rest is that of the room. The default is 0.5. */
  readonly priceWeight?: number;
  /** Clouds that are not asked, the VM's present host for one. */
  readonly except?: readonly number[];
}

const TWO_31 = 2 ** 31;

/**
 * Why a site would refuse VMs, by the very rules of `CapacityExchange.canHost`, in its order.
 * @param now The chain's time in milliseconds.
 */
export function refusalOf(site: SiteView, needs: readonly Demand[], now: bigint): Refusal | undefined {
  if (site.status !== CloudStatus.Active) return "CapacityExchange_CloudNotActive";
  if (!site.hasOffer) return "CapacityExchange_NoOffer";
  if (now < site.validFrom || now > site.validUntil) return "CapacityExchange_OfferNotValid";
  const features = needs.reduce((bits, need) => bits | need.features, 0n);
  if ((features & ~site.features) !== 0n) return "CapacityExchange_FeaturesMissing";
  if (needs.some((need) => RESOURCE_NAMES.some((lane) => need.resources[lane] > site.biggest[lane]))) {
    return "CapacityExchange_VmTooBig";
  }
  const total = sum(site.committed, needs);
  if (RESOURCE_NAMES.some((lane) => total[lane] >= TWO_31)) return "ResourceVector_Overflow";
  if (RESOURCE_NAMES.some((lane) => total[lane] > site.capacity[lane])) return "CapacityExchange_NoRoom";
  return undefined;
}

function sum(committed: Resources, needs: readonly Demand[]): Resources {
  const lane = (name: keyof Resources) => needs.reduce((all, need) => all + need.resources[name], committed[name]);
  return {
    vcpuMilli: lane("vcpuMilli"),
    memoryMiB: lane("memoryMiB"),
    storageGiB: lane("storageGiB"),
    diskIops: lane("diskIops"),
    networkMbps: lane("networkMbps"),
    gpus: lane("gpus"),
    spare1: lane("spare1"),
    spare2: lane("spare2"),
  };
}

/**
 * Ranks sites for VMs.
 *
 *     score    = priceWeight · price + (1 − priceWeight) · roomLeft
 *     roomLeft = min over the lanes asked for of (capacity − committed − asked) / capacity
 *     price    = cheapest candidate's price / own price, among candidates of the same currency; ½ without list prices
 *
 * Equal scores are ordered by cloud and site.
 * @param now The chain's time in milliseconds.
 */
export function rankSites(
  sites: readonly SiteView[],
  needs: readonly Demand[],
  now: bigint,
  options: MatchOptions = {},
): Matches {
  const { priceWeight = 0.5, except = [] } = options;
  const refused: Refused[] = [];
  const accepted: SiteView[] = [];
  for (const site of sites) {
    if (except.includes(site.cloud)) continue;
    const refusal = refusalOf(site, needs, now);
    if (refusal) refused.push({ cloud: site.cloud, site: site.site, refusal });
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
      const score = priceWeight * price + (1 - priceWeight) * roomLeft;
      return { cloud: site.cloud, site: site.site, score, roomLeft, pricePerHour, currency: site.currency };
    })
    .sort((a, b) => b.score - a.score || a.cloud - b.cloud || a.site - b.site);
  return { candidates, refused };
}

function priceOf(site: SiteView, needs: readonly Demand[]): bigint | undefined {
  if (site.currency === "") return undefined;
  return needs.reduce(
    (price, need) =>
      RESOURCE_NAMES.reduce((all, lane) => all + BigInt(need.resources[lane]) * site.rates[lane], price),
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

/** Asks the chain for all sites and ranks them for VMs: see {@link rankSites}. */
export async function matchHosts(
  federation: Federation,
  needs: readonly Demand[],
  options: MatchOptions = {},
): Promise<Matches> {
  const [sites, block] = await Promise.all([sitesOf(federation), federation.provider.getBlock("latest")]);
  return rankSites(sites, needs, BigInt(block?.timestamp ?? 0) * 1000n, options);
}
