import { type BlockTag, ZeroAddress } from "ethers";

import type { Federation } from "../../chain/federation.js";
import { buildRates, eachResource, unpackResources } from "../../documents/build.js";
import type { Rates, Resources } from "../../documents/types.js";
import type { CapacityExchange } from "../../typechain/contracts/exchange/CapacityExchange.js";
import type { MigrationLedger } from "../../typechain/contracts/ledger/MigrationLedger.js";
import { MigrationLedger__factory } from "../../typechain/factories/contracts/ledger/MigrationLedger__factory.js";

/** A cloud as the registry holds it now. */
export interface CloudView {
  readonly cloud: number;
  readonly label: string;
  /** A value of `CloudStatus`. */
  readonly status: number;
  readonly account: string;
  readonly endpoint: string;
}

/** A site's offer and what of it is promised already. */
export interface SiteView {
  readonly cloud: number;
  readonly site: number;
  /** A value of `CloudStatus`. */
  readonly status: number;
  /** False where the offer was withdrawn: the rest is then zero. */
  readonly hasOffer: boolean;
  readonly capacity: Resources;
  readonly biggest: Resources;
  readonly committed: Resources;
  readonly features: bigint;
  readonly validFrom: bigint;
  readonly validUntil: bigint;
  /** Empty if no list prices are given. */
  readonly currency: string;
  readonly rates: Rates;
}

/** Every cloud that was ever admitted, by its number. */
export async function cloudsOf(federation: Federation): Promise<CloudView[]> {
  const count = Number(await federation.registry.cloudCount());
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const found = await federation.registry.cloudOf(index + 1);
      return {
        cloud: index + 1,
        label: found.label,
        status: Number(found.status),
        account: found.account,
        endpoint: found.endpoint,
      };
    }),
  );
}

/**
 * Every site that was ever offered, with its offer, its commitments (of this ledger and its predecessor) and its cloud's
 * status.
 * @param blockTag At which block; the newest if it is left out.
 */
export async function sitesOf(federation: Federation, blockTag: BlockTag = "latest"): Promise<SiteView[]> {
  const { exchange, ledger, registry, provider } = federation;
  const at = { blockTag };
  const [count, before] = await Promise.all([registry.cloudCount(at), ledger.predecessor(at)]);
  const ledgers = before === ZeroAddress ? [ledger] : [ledger, MigrationLedger__factory.connect(before, provider)];
  const perCloud = await Promise.all(
    Array.from({ length: Number(count) }, async (_, index) => {
      const cloud = index + 1;
      const [sites, status] = await Promise.all([exchange.siteCount(cloud, at), registry.statusOf(cloud, at)]);
      return Promise.all(
        Array.from({ length: Number(sites) }, (_unused, position) =>
          siteOf({ exchange, ledgers, at }, { cloud, status: Number(status) }, position),
        ),
      );
    }),
  );
  return perCloud.flat();
}

interface Source {
  readonly exchange: CapacityExchange;
  readonly ledgers: readonly MigrationLedger[];
  readonly at: { readonly blockTag: BlockTag };
}

async function siteOf(
  { exchange, ledgers, at }: Source,
  { cloud, status }: Pick<SiteView, "cloud" | "status">,
  position: number,
): Promise<SiteView> {
  const site = Number(await exchange.siteAt(cloud, position, at));
  const [hasOffer, committed] = await Promise.all([
    exchange.hasOffer(cloud, site, at),
    Promise.all(ledgers.map((ledger) => ledger.committedVectorOf(cloud, site, at))),
  ]);
  const nothing = unpackResources(0n);
  const base = {
    cloud,
    site,
    status,
    hasOffer,
    // Lanes of the same offer: their sum does not carry.
    committed: unpackResources(committed.reduce((sum, vector) => sum + vector, 0n)),
  };
  if (!hasOffer) {
    const rates = buildRates({});
    return {
      ...base,
      capacity: nothing,
      biggest: nothing,
      features: 0n,
      validFrom: 0n,
      validUntil: 0n,
      currency: "",
      rates,
    };
  }
  const offer = await exchange.offerOf(cloud, site, at);
  return {
    ...base,
    capacity: eachResource((lane) => Number(offer.capacity[lane])),
    biggest: eachResource((lane) => Number(offer.biggest[lane])),
    features: offer.features,
    validFrom: offer.validFrom,
    validUntil: offer.validUntil,
    currency: offer.currency,
    rates: eachResource((lane) => offer.rates[lane]),
  };
}
