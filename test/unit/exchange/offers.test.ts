import { expect } from "chai";
import { network } from "hardhat";

import { RESOURCE_NAMES } from "../../../src/index.js";
import {
  CLOUD_A,
  CLOUD_B,
  FOREVER,
  SITE,
  UNKNOWN_CLOUD,
  amounts,
  bindAgent,
  emptyExchange,
  evenly,
  exchangeWithOffer,
  offerOf,
} from "../../fixtures/exchanges.js";

const connection = await network.create();
const { networkHelpers } = connection;

const SCOPE_OFFER = 2;
const SCOPE_HOST = 8;
const SUSPENDED = 2n;
const MAX_SITES = 64;

/** The time of the next block, in seconds, set so that boundaries can be met exactly. */
async function atNextBlock(): Promise<bigint> {
  const time = (await networkHelpers.time.latest()) + 100;
  await networkHelpers.time.setNextBlockTimestamp(time);
  return BigInt(time);
}

describe("CapacityExchange: offers", function () {
  describe("constructor", function () {
    it("ties the exchange to its registry and authority", async function () {
      const { exchange, registry, authority } = await networkHelpers.loadFixture(emptyExchange);

      expect(await exchange.REGISTRY()).to.equal(await registry.getAddress());
      expect(await exchange.authority()).to.equal(await authority.getAddress());
      expect(await exchange.MAX_SITES()).to.equal(MAX_SITES);
    });
  });

  describe("offer", function () {
    it("stores the offer, lists its site and tells it", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
      await exchange.setFeature(3, "kvm");
      const rates = Object.fromEntries(RESOURCE_NAMES.map((name, i) => [name, 2n ** 64n - 1n - BigInt(i)]));
      const offered = offerOf({
        capacity: evenly(2 ** 31 - 1),
        biggest: Object.fromEntries(RESOURCE_NAMES.map((name, i) => [name, i + 1])) as never,
        features: 8n,
        validFrom: 5n,
        currency: "CHF",
        rates: rates as never,
      });
      expect(await exchange.hasOffer(CLOUD_A, SITE)).to.equal(false);

      const sent = exchange.connect(accountA).offer(CLOUD_A, SITE, offered);

      await expect(sent).to.emit(exchange, "OfferMade").withArgs(CLOUD_A, SITE, tupleOf(offered));
      expect(plain(await exchange.offerOf(CLOUD_A, SITE))).to.deep.equal(plain(tupleOf(offered)));
      expect(await exchange.hasOffer(CLOUD_A, SITE)).to.equal(true);
      expect(await exchange.hasOffer(CLOUD_A, SITE + 1)).to.equal(false);
      expect(await exchange.hasOffer(CLOUD_B, SITE)).to.equal(false);
      expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(8n);
      expect(await exchange.siteCount(CLOUD_A)).to.equal(1n);
      expect(await exchange.siteAt(CLOUD_A, 0)).to.equal(SITE);
    });

    it("takes the place of the offer before, keeping attested features, not declared ones or prices", async function () {
      const { exchange, accountA, attester } = await networkHelpers.loadFixture(exchangeWithOffer);
      const first = offerOf({ features: 1n, currency: "EUR", rates: evenly(9) });
      await exchange.connect(accountA).offer(CLOUD_A, SITE, first);
      await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, 1n << 128n);
      const second = offerOf({ capacity: evenly(10), biggest: evenly(10), features: 1n << 5n });

      const sent = exchange.connect(accountA).offer(CLOUD_A, SITE, second);

      await expect(sent).to.emit(exchange, "OfferMade").withArgs(CLOUD_A, SITE, tupleOf(second));
      const read = { ...second, features: (1n << 5n) | (1n << 128n) };
      expect(plain(await exchange.offerOf(CLOUD_A, SITE))).to.deep.equal(plain(tupleOf(read)));
      expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(read.features);
      expect(await exchange.siteCount(CLOUD_A)).to.equal(1n);
    });

    it("keeps sites and clouds apart", async function () {
      const { exchange, accountA, accountB } = await networkHelpers.loadFixture(exchangeWithOffer);

      await exchange.connect(accountA).offer(CLOUD_A, 0, offerOf({ capacity: evenly(500) }));
      await exchange.connect(accountB).offer(CLOUD_B, SITE, offerOf({ capacity: evenly(600) }));

      const capacities = await Promise.all([
        exchange.offerOf(CLOUD_A, SITE),
        exchange.offerOf(CLOUD_A, 0),
        exchange.offerOf(CLOUD_B, SITE),
      ]);
      expect(capacities.map((read) => read.capacity.gpus)).to.deep.equal([1_000n, 500n, 600n]);
      expect(await Promise.all([0, 1].map((index) => exchange.siteAt(CLOUD_A, index)))).to.deep.equal([7n, 0n]);
      expect(await exchange.siteCount(CLOUD_B)).to.equal(1n);
    });

    it("may be lower than what is already promised", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);

      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ capacity: evenly(1), biggest: evenly(1) }));

      expect((await exchange.offerOf(CLOUD_A, SITE)).capacity.vcpuMilli).to.equal(1n);
    });

    describe("sender", function () {
      it("may be an agent with the scope", async function () {
        const made = await networkHelpers.loadFixture(emptyExchange);
        await bindAgent(made, connection, SCOPE_OFFER);

        await made.exchange.connect(made.agent).offer(CLOUD_A, SITE, offerOf());

        expect(await made.exchange.hasOffer(CLOUD_A, SITE)).to.equal(true);
      });

      it("may not be an agent without the scope", async function () {
        const made = await networkHelpers.loadFixture(emptyExchange);
        await bindAgent(made, connection, SCOPE_HOST);

        await expect(made.exchange.connect(made.agent).offer(CLOUD_A, SITE, offerOf()))
          .to.be.revertedWithCustomError(made.registry, "CloudRegistry_ScopeMissing")
          .withArgs(CLOUD_A, made.agent, SCOPE_OFFER, SCOPE_HOST);
      });

      it("may not be another cloud's account", async function () {
        const { exchange, registry, accountB } = await networkHelpers.loadFixture(emptyExchange);

        await expect(exchange.connect(accountB).offer(CLOUD_A, SITE, offerOf()))
          .to.be.revertedWithCustomError(registry, "CloudRegistry_NotAuthorized")
          .withArgs(CLOUD_A, accountB);
      });

      it("may not speak for a cloud that does not exist", async function () {
        const { exchange, registry, accountA } = await networkHelpers.loadFixture(emptyExchange);

        await expect(exchange.connect(accountA).offer(UNKNOWN_CLOUD, SITE, offerOf()))
          .to.be.revertedWithCustomError(registry, "CloudRegistry_UnknownCloud")
          .withArgs(UNKNOWN_CLOUD);
      });

      it("must speak for an Active cloud", async function () {
        const { exchange, registry, guardian, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
        await registry.connect(guardian).suspend(CLOUD_A);

        await expect(exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf()))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_CloudNotActive")
          .withArgs(CLOUD_A, SUSPENDED);

        // A suspension that has lapsed is none.
        await networkHelpers.time.increase(7 * 86_400 + 1);
        await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ capacity: evenly(999) }));
        expect((await exchange.offerOf(CLOUD_A, SITE)).capacity.gpus).to.equal(999n);
      });
    });

    describe("amounts", function () {
      const TOO_BIG = 2 ** 31;

      RESOURCE_NAMES.forEach((name, lane) => {
        it(`reverts when ${name} is 2^31 or more`, async function () {
          const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
          const small = amounts({ [name]: TOO_BIG - 1 });
          const big = amounts({ [name]: TOO_BIG });
          const send = (capacity: typeof big, biggest: typeof big) =>
            exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ capacity, biggest }));

          await expect(send(big, small))
            .to.be.revertedWithCustomError(exchange, "ResourceVector_LaneTooBig")
            .withArgs(lane, TOO_BIG);
          await expect(send(small, big))
            .to.be.revertedWithCustomError(exchange, "ResourceVector_LaneTooBig")
            .withArgs(lane, TOO_BIG);
          await send(small, small);
          expect((await exchange.offerOf(CLOUD_A, SITE)).capacity[name]).to.equal(TOO_BIG - 1);
        });

        it(`reverts when the biggest VM's ${name} is above the capacity's`, async function () {
          const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
          const capacity = evenly(5);
          const send = (biggest: typeof capacity) =>
            exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ capacity, biggest }));

          await expect(send({ ...capacity, [name]: 6 }))
            .to.be.revertedWithCustomError(exchange, "CapacityExchange_BiggestOverCapacity")
            .withArgs(CLOUD_A, SITE, lane, 6, 5);
          await send(capacity);
          expect((await exchange.offerOf(CLOUD_A, SITE)).biggest[name]).to.equal(5n);
        });
      });

      it("reverts when the offer is empty", async function () {
        const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
        const one = amounts({ spare2: 1 });

        for (const empty of [
          { capacity: evenly(0), biggest: evenly(0) },
          { capacity: one, biggest: evenly(0) },
        ]) {
          await expect(exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf(empty)))
            .to.be.revertedWithCustomError(exchange, "CapacityExchange_EmptyOffer")
            .withArgs(CLOUD_A, SITE);
        }
        await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ capacity: one, biggest: one }));
        expect(await exchange.hasOffer(CLOUD_A, SITE)).to.equal(true);
      });
    });

    describe("features", function () {
      it("reverts when a feature is one that must be attested", async function () {
        const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
        const misplaced = (1n << 128n) | (1n << 255n);

        await expect(exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ features: misplaced | 1n })))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesMisplaced")
          .withArgs(misplaced);
      });

      it("reverts when a feature has no meaning or is retired", async function () {
        const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
        await exchange.setFeature(127, "arm64");
        await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ features: (1n << 127n) | 1n }));
        await exchange.retireFeature(0);

        await expect(exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ features: 0b100111n })))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesNotInUse")
          .withArgs(0b000111n);
      });
    });

    describe("validity", function () {
      const BOUND = 2n ** 48n;

      const refused = [
        { name: "ends before it begins", from: 1n, until: 0n },
        { name: "ends a millisecond before this block", from: -5n, until: -1n },
      ];
      refused.forEach(({ name, from, until }) => {
        it(`reverts when it ${name}`, async function () {
          const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
          const time = (await atNextBlock()) * 1_000n;

          await expect(
            exchange
              .connect(accountA)
              .offer(CLOUD_A, SITE, offerOf({ validFrom: time + from, validUntil: time + until })),
          )
            .to.be.revertedWithCustomError(exchange, "CapacityExchange_BadValidity")
            .withArgs(time + from, time + until, time);
        });
      });

      it("reverts when it does not end within 48 bits", async function () {
        const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
        const time = (await atNextBlock()) * 1_000n;

        await expect(exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ validUntil: BOUND })))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_BadValidity")
          .withArgs(0n, BOUND, time);
      });

      const accepted = [
        { name: "ends in this very block", from: -5n, until: 0n },
        { name: "ends a millisecond later", from: -5n, until: 1n },
        { name: "lasts one millisecond", from: 3n, until: 3n },
      ];
      accepted.forEach(({ name, from, until }) => {
        it(`is accepted when it ${name}`, async function () {
          const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
          const time = (await atNextBlock()) * 1_000n;

          await exchange
            .connect(accountA)
            .offer(CLOUD_A, SITE, offerOf({ validFrom: time + from, validUntil: time + until }));

          const read = await exchange.offerOf(CLOUD_A, SITE);
          expect([read.validFrom, read.validUntil]).to.deep.equal([time + from, time + until]);
        });
      });

      it("is accepted when it ends with the last moment of 48 bits", async function () {
        const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);

        await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ validFrom: FOREVER, validUntil: FOREVER }));

        expect((await exchange.offerOf(CLOUD_A, SITE)).validFrom).to.equal(BOUND - 1n);
      });
    });

    describe("list prices", function () {
      ["EU", "EURO", "eur", "EUr", "E1R", "@UR", "[UR", "E U", "ÉU"].forEach((currency) => {
        it(`revert when the currency is "${currency}"`, async function () {
          const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);

          await expect(exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ currency })))
            .to.be.revertedWithCustomError(exchange, "CapacityExchange_BadCurrency")
            .withArgs(currency);
        });
      });

      RESOURCE_NAMES.forEach((name) => {
        it(`revert when ${name} has a price and no currency`, async function () {
          const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
          const rates = { ...evenly(0), [name]: 1 };

          await expect(exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ rates })))
            .to.be.revertedWithCustomError(exchange, "CapacityExchange_BadCurrency")
            .withArgs("");
        });
      });

      ["AAA", "ZZZ"].forEach((currency) => {
        it(`may be free of charge, in ${currency}`, async function () {
          const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);

          await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ currency }));

          expect((await exchange.offerOf(CLOUD_A, SITE)).currency).to.equal(currency);
        });
      });
    });

    describe("sites", function () {
      async function fullExchange() {
        const made = await emptyExchange(connection);
        for (let site = 1; site <= MAX_SITES; ++site) {
          await made.exchange.connect(made.accountA).offer(CLOUD_A, site, offerOf());
        }
        return made;
      }

      it("are 64 at most; a listed one can be offered again, a withdrawn one makes no room", async function () {
        const { exchange, accountA } = await networkHelpers.loadFixture(fullExchange);
        expect(await exchange.siteCount(CLOUD_A)).to.equal(MAX_SITES);
        await exchange.connect(accountA).withdrawOffer(CLOUD_A, 1);

        await expect(exchange.connect(accountA).offer(CLOUD_A, MAX_SITES + 1, offerOf()))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_TooManySites")
          .withArgs(CLOUD_A, MAX_SITES);

        await exchange.connect(accountA).offer(CLOUD_A, 1, offerOf());
        expect(await exchange.hasOffer(CLOUD_A, 1)).to.equal(true);
        expect(await exchange.siteCount(CLOUD_A)).to.equal(MAX_SITES);
        expect(await exchange.siteAt(CLOUD_A, MAX_SITES - 1)).to.equal(MAX_SITES);
      });

      it("are not to be asked for beyond their number", async function () {
        const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

        await expect(exchange.siteAt(CLOUD_A, 1))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoSuchSite")
          .withArgs(CLOUD_A, 1, 1);
        await expect(exchange.siteAt(CLOUD_B, 0))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoSuchSite")
          .withArgs(CLOUD_B, 0, 0);
      });
    });
  });

  describe("withdrawOffer", function () {
    it("takes the offer and its prices back; the site stays listed, with its attested features", async function () {
      const { exchange, accountA, attester } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange
        .connect(accountA)
        .offer(CLOUD_A, SITE, offerOf({ features: 1n, currency: "EUR", rates: evenly(9) }));
      await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, 1n << 200n);

      const sent = exchange.connect(accountA).withdrawOffer(CLOUD_A, SITE);

      await expect(sent).to.emit(exchange, "OfferWithdrawn").withArgs(CLOUD_A, SITE);
      expect(await exchange.hasOffer(CLOUD_A, SITE)).to.equal(false);
      expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(1n << 200n);
      expect(await exchange.siteCount(CLOUD_A)).to.equal(1n);
      await expect(exchange.offerOf(CLOUD_A, SITE))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoOffer")
        .withArgs(CLOUD_A, SITE);

      // A new offer has nothing of the old one.
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf());
      expect(plain(await exchange.offerOf(CLOUD_A, SITE))).to.deep.equal(
        plain(tupleOf(offerOf({ features: 1n << 200n }))),
      );
      expect(await exchange.siteCount(CLOUD_A)).to.equal(1n);
    });

    it("reverts when there is no offer, or no more", async function () {
      const { exchange, accountA, accountB } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.connect(accountA).withdrawOffer(CLOUD_A, SITE);

      await expect(exchange.connect(accountA).withdrawOffer(CLOUD_A, SITE))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoOffer")
        .withArgs(CLOUD_A, SITE);
      await expect(exchange.connect(accountB).withdrawOffer(CLOUD_B, 3))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoOffer")
        .withArgs(CLOUD_B, 3);
    });

    it("reverts when another cloud's account or an agent without the scope sends it", async function () {
      const made = await networkHelpers.loadFixture(exchangeWithOffer);
      await bindAgent(made, connection, SCOPE_HOST);

      await expect(made.exchange.connect(made.accountB).withdrawOffer(CLOUD_A, SITE))
        .to.be.revertedWithCustomError(made.registry, "CloudRegistry_NotAuthorized")
        .withArgs(CLOUD_A, made.accountB);
      await expect(made.exchange.connect(made.agent).withdrawOffer(CLOUD_A, SITE))
        .to.be.revertedWithCustomError(made.registry, "CloudRegistry_ScopeMissing")
        .withArgs(CLOUD_A, made.agent, SCOPE_OFFER, SCOPE_HOST);
    });

    it("works for an agent with the scope", async function () {
      const made = await networkHelpers.loadFixture(exchangeWithOffer);
      await bindAgent(made, connection, SCOPE_OFFER);

      await made.exchange.connect(made.agent).withdrawOffer(CLOUD_A, SITE);

      expect(await made.exchange.hasOffer(CLOUD_A, SITE)).to.equal(false);
    });

    const statuses = ["Suspended", "Left", "Expelled"] as const;
    statuses.forEach((status) => {
      it(`works while ${status}: INV-EXIT`, async function () {
        const made = await networkHelpers.loadFixture(exchangeWithOffer);
        const { exchange, registry, accountA, guardian, ledgerRole } = made;
        if (status === "Suspended") await registry.connect(guardian).suspend(CLOUD_A);
        if (status === "Left") await registry.connect(ledgerRole).markLeft(CLOUD_A);
        if (status === "Expelled") await registry.expel(CLOUD_A);

        await exchange.connect(accountA).withdrawOffer(CLOUD_A, SITE);

        expect(await exchange.hasOffer(CLOUD_A, SITE)).to.equal(false);
      });
    });

    it("works when the offer is out of validity", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);
      const time = (await atNextBlock()) * 1_000n;
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ validUntil: time }));
      await networkHelpers.time.increase(10);

      await exchange.connect(accountA).withdrawOffer(CLOUD_A, SITE);

      expect(await exchange.hasOffer(CLOUD_A, SITE)).to.equal(false);
    });
  });

  describe("offerOf", function () {
    it("reverts when there is no offer", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      await expect(exchange.offerOf(CLOUD_A, SITE + 1))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoOffer")
        .withArgs(CLOUD_A, SITE + 1);
    });
  });
});

/** An offer as ethers decodes it. */
function tupleOf(offered: ReturnType<typeof offerOf>): unknown[] {
  const lanes = (value: object) => RESOURCE_NAMES.map((name) => BigInt(value[name as never]));
  return [
    lanes(offered.capacity),
    lanes(offered.biggest),
    offered.features,
    offered.validFrom,
    offered.validUntil,
    offered.currency,
    lanes(offered.rates),
  ];
}

/** Without names and prototypes, for deep comparison. */
function plain(value: unknown): unknown {
  return Array.isArray(value) ? Array.from(value, plain) : value;
}
