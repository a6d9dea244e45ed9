import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";

import {
  type Demand,
  type Resources,
  type SiteView,
  BusError,
  CloudStatus,
  RESOURCE_NAMES,
  RevertError,
  agree,
  asSender,
  attestFeatures,
  buildRates,
  buildResources,
  canHost,
  decodeRevert,
  expel,
  matchHosts,
  offer,
  packResources,
  rankSites,
  refusalOf,
  setFeature,
  sitesOf,
  suspendSelf,
  trustIn,
  withdrawOffer,
} from "../../../src/index.js";
import {
  OFFER,
  SMALL,
  type TestFederation,
  agreementFor,
  chainTime,
  emptyFederation,
  newVm,
  offeringFederation,
  signaturesOf,
} from "../../fixtures/library.js";

const connection = await network.create();
const { networkHelpers } = connection;

const FEDERATIONS = 1_000;
const SITES = 30;
const FEATURES = [0, 1, 2, 128, 129, 130];
const HOUR_MS = 3_600_000n;

/** Amounts drawn lane by lane: nothing, few (so that limits are met exactly), or the end of the lane. */
const amountsWith = (nothing: number, few: number, most: number): fc.Arbitrary<Resources> =>
  fc
    .tuple(
      ...RESOURCE_NAMES.map(() =>
        fc.oneof(
          { weight: nothing, arbitrary: fc.constant(0) },
          { weight: few, arbitrary: fc.integer({ min: 1, max: 4 }) },
          { weight: most, arbitrary: fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 - 1 }) },
        ),
      ),
    )
    .map((values) => buildResources(Object.fromEntries(RESOURCE_NAMES.map((name, lane) => [name, values[lane] ?? 0]))));
const amounts = amountsWith(1, 12, 3);
const asked = amountsWith(6, 4, 1);
const promised = fc.oneof(asked, amountsWith(2, 1, 4), fc.constant(buildResources({})));
const features = fc.subarray(FEATURES).map((bits) => bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n));
const few = fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, { weight: 1, arbitrary: features });
const demands: fc.Arbitrary<Demand[]> = fc.array(fc.record({ resources: asked, features: few }), { maxLength: 4 });

const max = (a: Resources, b: Resources): Resources =>
  buildResources(Object.fromEntries(RESOURCE_NAMES.map((name) => [name, Math.max(a[name], b[name])])));
const isSome = (resources: Resources) => RESOURCE_NAMES.some((name) => resources[name] > 0);
const offers = fc
  .record({
    capacity: amounts,
    biggest: amounts.filter(isSome),
    features: features.map((bits) => bits & (2n ** 128n - 1n)),
    attested: features.map((bits) => (bits >> 128n) << 128n),
    begins: fc.constantFrom(0n, 0n, 0n, 1n),
    ends: fc.constantFrom(1n, 3n, 3n, 3n),
    isWithdrawn: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    rate: fc.constantFrom(0n, 1n, 5n),
    currency: fc.constantFrom("EUR", "USD"),
  })
  .map((made) => ({ ...made, capacity: max(made.capacity, made.biggest) }));

/** Many sites of random offers: valid now, later, or for a while; withdrawn; of Active, Suspended and Expelled clouds. */
async function manySites(): Promise<TestFederation & { readonly begin: bigint }> {
  const found = await emptyFederation(connection);
  const { federation, members, governance, attester } = found;
  for (const bit of FEATURES) await setFeature(asSender(federation, governance), bit, `feature-${bit}`);
  const begin = await chainTime(federation);
  const made = fc.sample(offers, { numRuns: SITES * members.length, seed: 3 });
  for (const [index, { attested, begins, ends, isWithdrawn, rate, ...given }] of made.entries()) {
    const member = members[index % members.length] ?? members[0];
    const site = Math.floor(index / members.length);
    const sender = asSender(federation, member.account);
    await offer(sender, member.cloud, site, {
      ...given,
      rates: buildRates({ vcpuMilli: rate }),
      validFrom: begin + begins * HOUR_MS,
      validUntil: begin + ends * HOUR_MS,
    });
    if (attested !== 0n) await attestFeatures(asSender(federation, attester), member.cloud, site, attested);
    if (isWithdrawn) await withdrawOffer(sender, member.cloud, site);
  }
  await suspendSelf(asSender(federation, members[2].account), 3);
  await expel(asSender(federation, governance), 4);
  return { ...found, begin };
}

/** What the chain says to VMs at a site with a commitment. */
async function chainSays({ federation }: TestFederation, site: SiteView, needs: readonly Demand[]) {
  const answer = await federation.exchange.canHost(
    site.cloud,
    site.site,
    packResources(site.committed),
    needs.map((need) => ({ resources: packResources(need.resources), features: need.features })),
  );
  if (answer === "0x") return undefined;
  const { errorName, args } = decodeRevert(answer);
  return { errorName, args };
}

describe("matchHosts", function () {
  it(`names every site that canHost accepts, no other, and the very refusals, in ${FEDERATIONS} federations`, async function () {
    const found = await networkHelpers.loadFixture(manySites);
    const { federation, begin } = found;
    const seen = new Map<string, number>();

    for (const hours of [0n, 1n, 3n]) {
      if (hours > 0n) await networkHelpers.time.increaseTo((begin + hours * HOUR_MS) / 1_000n);
      const now = await chainTime(federation);
      const sites = await sitesOf(federation);
      expect(sites).to.have.length(4 * SITES);
      const active = sites.filter((site) => site.status === CloudStatus.Active);
      const some = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...active) }, fc.constantFrom(...sites));

      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.tuple(some, promised), {
            minLength: 1,
            maxLength: 4,
            selector: ([site]) => `${site.cloud}/${site.site}`,
          }),
          demands,
          async (drawn, needs) => {
            const members = drawn.map(([site, committed]) => ({ ...site, committed }));
            const { candidates, refused } = rankSites(members, needs, now);

            const answers = await Promise.all(members.map((site) => chainSays(found, site, needs)));
            const accepted = members.filter((_, index) => answers[index] === undefined);
            const place = ({ cloud, site }: { readonly cloud: number; readonly site: number }) => `${cloud}/${site}`;
            expect(candidates.map(place).sort()).to.deep.equal(accepted.map(place).sort());
            const told = members.flatMap(({ cloud, site }, index) => {
              const answer = answers[index];
              return answer ? [{ cloud, site, ...answer }] : [];
            });
            expect(refused).to.deep.equal(told);
            for (const name of ["accepted", ...told.map((answer) => answer.errorName)]) {
              seen.set(name, (seen.get(name) ?? 0) + (name === "accepted" ? accepted.length : 1));
            }
          },
        ),
        { numRuns: Math.ceil(FEDERATIONS / 3), seed: Number(hours) + 1 },
      );
    }

    // Every answer there is was given, many times.
    expect([...seen.keys()].sort()).to.deep.equal([
      "CapacityExchange_CloudNotActive",
      "CapacityExchange_FeaturesMissing",
      "CapacityExchange_NoOffer",
      "CapacityExchange_NoRoom",
      "CapacityExchange_OfferNotValid",
      "CapacityExchange_VmTooBig",
      "ResourceVector_Overflow",
      "accepted",
    ]);
    for (const [name, count] of seen) expect(count, name).to.be.greaterThan(9);
  });

  it("asks the chain for what is promised already", async function () {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const { federation, members } = found;
    const [home, host] = members;
    await offer(asSender(federation, host.account), host.cloud, 1, { ...OFFER, capacity: OFFER.biggest });
    const vm = await newVm(found, home);
    const agreement = await agreementFor(found, { home, source: home, destination: host }, [vm]);
    const move = { agreement, startBy: agreement.agreeBy, completeBy: agreement.agreeBy };
    await agree(asSender(federation, home.account), move, await signaturesOf(found, "Move", move, home, host));

    for (const needs of [[{ resources: SMALL, features: 0n }], [{ resources: OFFER.biggest, features: 0n }]]) {
      const { candidates, refused } = await matchHosts(federation, needs);
      expect(candidates.length + refused.length).to.equal(4);
      for (const { cloud, site } of candidates) {
        expect(await canHost(federation, cloud, site, needs)).to.equal(undefined);
      }
      for (const { cloud, site, errorName, args } of refused) {
        const refusal = await canHost(federation, cloud, site, needs);
        expect(refusal).to.be.instanceOf(RevertError).and.to.deep.include({ errorName, args });
      }
    }
  });

  describe("ranks", function () {
    const site = (cloud: number, changes: Partial<SiteView> = {}): SiteView => ({
      cloud,
      site: 1,
      status: CloudStatus.Active,
      hasOffer: true,
      capacity: buildResources({ vcpuMilli: 100, memoryMiB: 100 }),
      biggest: buildResources({ vcpuMilli: 50, memoryMiB: 50 }),
      committed: buildResources({}),
      features: 0n,
      validFrom: 0n,
      validUntil: 10n,
      currency: "EUR",
      rates: buildRates({ vcpuMilli: 2n }),
      ...changes,
    });
    const need: Demand = { resources: buildResources({ vcpuMilli: 10 }), features: 0n };
    const order = (sites: readonly SiteView[], options = {}) =>
      rankSites(sites, [need], 5n, options).candidates.map(({ cloud }) => cloud);

    it("by room, of the scarcest lane that is asked for", function () {
      const sites = [
        site(1, { committed: buildResources({ vcpuMilli: 60 }) }),
        site(2, { committed: buildResources({ vcpuMilli: 10, memoryMiB: 90 }) }),
      ];
      expect(order(sites)).to.deep.equal([2, 1]);
      expect(rankSites(sites, [need], 5n).candidates.map(({ roomLeft }) => roomLeft)).to.deep.equal([0.8, 0.3]);
    });

    it("by price, in one currency", function () {
      const cheap = site(2, { rates: buildRates({ vcpuMilli: 1n }) });
      const { candidates } = rankSites([site(1), cheap], [need], 5n);
      expect(candidates.map(({ cloud, pricePerHour }) => [cloud, pricePerHour])).to.deep.equal([
        [2, 10n],
        [1, 20n],
      ]);
      expect(candidates.map(({ score }) => score)).to.deep.equal([0.5 + 0.45, 0.25 + 0.45]);
    });

    it("those without prices in the middle, equal ones by cloud and site", function () {
      const silent = site(3, { currency: "", rates: buildRates({}) });
      expect(order([silent, site(2), site(1)], { priceWeight: 1 })).to.deep.equal([1, 2, 3]);
      expect(order([site(2), site(1), silent], { priceWeight: 0 })).to.deep.equal([1, 2, 3]);
    });

    it("a free offer as cheapest", function () {
      const free = site(2, { rates: buildRates({}) });
      expect(order([site(1), free], { priceWeight: 1 })).to.deep.equal([2, 1]);
    });

    it("not those that are left out", function () {
      expect(order([site(1), site(2)], { except: [1] })).to.deep.equal([2]);
    });

    it("a higher price or less room never higher", function () {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 90 }), fc.bigInt({ min: 0n, max: 9n }), (taken, rate) => {
          const worse = site(1, {
            committed: buildResources({ vcpuMilli: taken }),
            rates: buildRates({ vcpuMilli: 2n + rate }),
          });
          const [first] = order([worse, site(2)]);
          expect(first).to.equal(taken === 0 && rate === 0n ? 1 : 2);
        }),
      );
    });

    it("with no weight outside of 0 to 1", function () {
      for (const weight of [-0.1, 1.1, Number.NaN]) {
        for (const options of [{ priceWeight: weight }, { reputationWeight: weight }]) {
          expect(() => order([site(1)], options))
            .to.throw(BusError)
            .with.property("code", "BAD_WEIGHTS");
        }
      }
    });

    describe("by reputation, if it has a weight", function () {
      const standing = (score: number, confidence: number) => ({
        score: BigInt(score * 1_000) * 10n ** 15n,
        confidence: BigInt(confidence * 1_000) * 10n ** 15n,
      });
      const standings = new Map([
        [1, standing(0.9, 0.1)],
        [2, standing(0.75, 0.8)],
        [4, standing(0.25, 0.8)],
      ]);

      it("as ½ + confidence · (score − ½): a newcomer is in the middle", function () {
        const { candidates } = rankSites(
          [4, 3, 2, 1].map((cloud) => site(cloud)),
          [need],
          5n,
          {
            reputationWeight: 1,
            standings,
          },
        );
        expect(candidates.map(({ cloud, trust, score }) => [cloud, trust, score])).to.deep.equal([
          [2, 0.7, 0.7],
          [1, 0.54, 0.54],
          [3, 0.5, 0.5],
          [4, 0.3, 0.3],
        ]);
        expect(trustIn(undefined)).to.equal(trustIn({ score: 10n ** 17n, confidence: 0n }));
      });

      it("as a share of the score, the rest for price and room", function () {
        const roomy = site(4, { committed: buildResources({ vcpuMilli: 0 }) });
        const full = site(2, { committed: buildResources({ vcpuMilli: 60 }) });
        const rank = (reputationWeight: number) =>
          rankSites([full, roomy], [need], 5n, { priceWeight: 0, reputationWeight, standings }).candidates;

        const thousandths = (score = 0) => Math.round(score * 1_000);

        expect(rank(0).map(({ cloud }) => cloud)).to.deep.equal([4, 2]);
        expect(rank(0.5).map(({ cloud }) => cloud)).to.deep.equal([4, 2]);
        expect(thousandths(rank(0.5)[0]?.score)).to.equal(600);
        expect(rank(0.7).map(({ cloud }) => cloud)).to.deep.equal([2, 4]);
        expect(thousandths(rank(0.7)[0]?.score)).to.equal(90 + 490);
      });

      it("and not otherwise: standings without a weight change nothing", function () {
        const sites = [1, 2, 3, 4].map((cloud) => site(cloud, { committed: buildResources({ vcpuMilli: 5 * cloud }) }));
        const plain = rankSites(sites, [need], 5n);
        expect(rankSites(sites, [need], 5n, { standings })).to.deep.equal(plain);
        expect(rankSites(sites, [need], 5n, { standings, reputationWeight: 0 })).to.deep.equal(plain);
        expect(plain.candidates[0]).to.not.have.property("trust");
      });

      it("never lower for a better score, nor for more confidence in a good one", function () {
        const share = fc.integer({ min: 1, max: 999 }).map((thousandths) => thousandths / 1_000);
        fc.assert(
          fc.property(share, share, share, share, (scoreA, scoreB, confidenceA, confidenceB) => {
            const [low, high] = [Math.min(scoreA, scoreB), Math.max(scoreA, scoreB)];
            const [less, more] = [Math.min(confidenceA, confidenceB), Math.max(confidenceA, confidenceB)];
            expect(trustIn(standing(low, more))).to.be.at.most(trustIn(standing(high, more)));
            const [a, b] = [trustIn(standing(high, less)), trustIn(standing(high, more))];
            if (high >= 0.5) expect(a).to.be.at.most(b);
            else expect(a).to.be.at.least(b);
            for (const trust of [a, b]) expect(trust).to.be.within(0, 1);
          }),
        );
      });
    });

    it("at the very edges of validity and size", function () {
      expect(refusalOf(site(1), [need], 10n)).to.equal(undefined);
      expect(refusalOf(site(1), [need], 11n)?.errorName).to.equal("CapacityExchange_OfferNotValid");
      const fits = site(1, { committed: buildResources({ vcpuMilli: 90 }) });
      expect(refusalOf(fits, [need], 5n)).to.equal(undefined);
      const full = site(1, { committed: buildResources({ vcpuMilli: 91 }) });
      expect(refusalOf(full, [need], 5n)?.args).to.deep.equal({
        cloud: 1n,
        site: 1n,
        lane: 0n,
        wouldBe: 101n,
        capacity: 100n,
      });
    });
  });
});
