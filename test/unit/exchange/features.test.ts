import { expect } from "chai";
import { network } from "hardhat";

import {
  CLOUD_A,
  CLOUD_B,
  SITE,
  UNKNOWN_CLOUD,
  demand,
  emptyExchange,
  exchangeWithOffer,
  offerOf,
} from "../../fixtures/exchanges.js";

const { networkHelpers } = await network.create();

const UNNAMED = 0n;
const NAMED = 1n;
const RETIRED = 2n;
const ATTESTED_128 = 1n << 128n;
const ATTESTED_200 = 1n << 200n;

describe("CapacityExchange: features", function () {
  describe("setFeature", function () {
    [0, 127, 128, 255].forEach((bit) => {
      it(`gives bit ${String(bit)} its meaning`, async function () {
        const { exchange } = await networkHelpers.loadFixture(emptyExchange);

        await expect(exchange.setFeature(bit, "kvm")).to.emit(exchange, "FeatureNamed").withArgs(bit, "kvm");

        expect(await exchange.featureOf(bit)).to.deep.equal([NAMED, "kvm"]);
        expect(await exchange.featuresInUse()).to.equal(1n << BigInt(bit));
        expect(await exchange.featureBit("kvm")).to.equal(bit);
      });
    });

    it("takes names of 1 to 64 visible characters", async function () {
      const { exchange } = await networkHelpers.loadFixture(emptyExchange);

      const names = ["!", "~", "x".repeat(64)];
      for (const [bit, name] of names.entries()) await exchange.setFeature(bit, name);

      expect(await Promise.all(names.map((name) => exchange.featureBit(name)))).to.deep.equal([0n, 1n, 2n]);
      expect(await exchange.featuresInUse()).to.equal(0b111n);
    });

    ["", "x".repeat(65), "two words", " kvm", "kvm\n", "\x1f", "\x7f", "zürich", "a\u200bb"].forEach((name) => {
      it(`reverts when the name is ${JSON.stringify(name)}`, async function () {
        const { exchange } = await networkHelpers.loadFixture(emptyExchange);

        await expect(exchange.setFeature(1, name))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_BadName")
          .withArgs(name);
      });
    });

    it("reverts when the bit has a meaning, even a retired one", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      await expect(exchange.setFeature(0, "xen"))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeatureHasName")
        .withArgs(0, "kvm");
      await exchange.retireFeature(0);
      await expect(exchange.setFeature(0, "xen"))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeatureHasName")
        .withArgs(0, "kvm");
    });

    it("reverts when another bit in use has the name", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.setFeature(255, "last");

      await expect(exchange.setFeature(1, "kvm"))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NameTaken")
        .withArgs("kvm", 0);
      await expect(exchange.setFeature(1, "last"))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NameTaken")
        .withArgs("last", 255);
    });

    it("reverts when somebody else than governance sends it", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(emptyExchange);

      await expect(exchange.connect(accountA).setFeature(1, "kvm"))
        .to.be.revertedWithCustomError(exchange, "AccessManagedUnauthorized")
        .withArgs(accountA);
    });
  });

  describe("retireFeature", function () {
    it("takes a bit out of use; it keeps its meaning, and the name is free for another bit", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      const before = await exchange.featuresInUse();

      await expect(exchange.retireFeature(0)).to.emit(exchange, "FeatureRetired").withArgs(0, "kvm");

      expect(await exchange.featureOf(0)).to.deep.equal([RETIRED, "kvm"]);
      expect(await exchange.featuresInUse()).to.equal(before & ~1n);
      await expect(exchange.featureBit("kvm"))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoSuchFeature")
        .withArgs("kvm");
      await exchange.setFeature(1, "kvm");
      expect(await exchange.featureBit("kvm")).to.equal(1n);
    });

    it("leaves offers and attestations that have the bit as they are", async function () {
      const { exchange, accountA, attester } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ features: 1n }));
      await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, ATTESTED_128);

      await exchange.retireFeature(0);
      await exchange.retireFeature(128);

      expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(ATTESTED_128 | 1n);
      const demands = [demand({ gpus: 1 }, ATTESTED_128 | 1n)];
      expect(await exchange.canHost(CLOUD_A, SITE, 0n, demands)).to.equal("0x");
    });

    it("reverts when the bit has no meaning or is retired already", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.retireFeature(5);

      await expect(exchange.retireFeature(6))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeatureNotInUse")
        .withArgs(6, UNNAMED);
      await expect(exchange.retireFeature(5))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeatureNotInUse")
        .withArgs(5, RETIRED);
    });

    it("reverts when somebody else than governance sends it", async function () {
      const { exchange, attester } = await networkHelpers.loadFixture(exchangeWithOffer);

      await expect(exchange.connect(attester).retireFeature(0))
        .to.be.revertedWithCustomError(exchange, "AccessManagedUnauthorized")
        .withArgs(attester);
    });
  });

  describe("attestFeatures", function () {
    it("replaces the attested features of a site, not the declared ones", async function () {
      const { exchange, accountA, attester } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ features: 1n }));

      await expect(exchange.connect(attester).attestFeatures(CLOUD_A, SITE, ATTESTED_128))
        .to.emit(exchange, "FeaturesAttested")
        .withArgs(CLOUD_A, SITE, ATTESTED_128, attester);
      expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(ATTESTED_128 | 1n);

      await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, ATTESTED_200);
      expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(ATTESTED_200 | 1n);

      await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, 0n);
      expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(1n);
    });

    it("needs no offer, makes none and lists no site", async function () {
      const { exchange, accountB, attester } = await networkHelpers.loadFixture(exchangeWithOffer);

      await exchange.connect(attester).attestFeatures(CLOUD_B, 0, ATTESTED_128);

      expect(await exchange.hasOffer(CLOUD_B, 0)).to.equal(false);
      expect(await exchange.siteCount(CLOUD_B)).to.equal(0n);
      await exchange.connect(accountB).offer(CLOUD_B, 0, offerOf());
      expect((await exchange.offerOf(CLOUD_B, 0)).features).to.equal(ATTESTED_128);
      expect(await exchange.siteCount(CLOUD_B)).to.equal(1n);
    });

    (["Suspended", "Left", "Expelled"] as const).forEach((status) => {
      it(`works for a cloud that is ${status}`, async function () {
        const made = await networkHelpers.loadFixture(exchangeWithOffer);
        const { exchange, registry, attester, guardian, ledgerRole } = made;
        if (status === "Suspended") await registry.connect(guardian).suspend(CLOUD_A);
        if (status === "Left") await registry.connect(ledgerRole).markLeft(CLOUD_A);
        if (status === "Expelled") await registry.expel(CLOUD_A);

        await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, ATTESTED_200);

        expect(await exchange.featuresOf(CLOUD_A, SITE)).to.equal(ATTESTED_200);
      });
    });

    it("reverts when the cloud is unknown", async function () {
      const { exchange, attester } = await networkHelpers.loadFixture(exchangeWithOffer);

      for (const cloud of [0, UNKNOWN_CLOUD]) {
        await expect(exchange.connect(attester).attestFeatures(cloud, SITE, ATTESTED_128))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_UnknownCloud")
          .withArgs(cloud);
      }
    });

    it("reverts when a feature is one that clouds declare", async function () {
      const { exchange, attester } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.setFeature(127, "arm64");
      const misplaced = (1n << 127n) | 1n;

      await expect(exchange.connect(attester).attestFeatures(CLOUD_A, SITE, misplaced | ATTESTED_128))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesMisplaced")
        .withArgs(misplaced);
    });

    it("reverts when a feature has no meaning or is retired", async function () {
      const { exchange, attester } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.retireFeature(200);
      const unusable = ATTESTED_200 | (1n << 255n);

      await expect(exchange.connect(attester).attestFeatures(CLOUD_A, SITE, unusable | ATTESTED_128))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesNotInUse")
        .withArgs(unusable);
    });

    it("reverts when somebody else than an attester sends it, governance too", async function () {
      const { exchange, accountA, governance } = await networkHelpers.loadFixture(exchangeWithOffer);

      for (const sender of [accountA, governance]) {
        await expect(exchange.connect(sender).attestFeatures(CLOUD_A, SITE, ATTESTED_128))
          .to.be.revertedWithCustomError(exchange, "AccessManagedUnauthorized")
          .withArgs(sender);
      }
    });
  });

  describe("featureOf", function () {
    it("tells that a bit has no meaning", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      expect(await exchange.featureOf(77)).to.deep.equal([UNNAMED, ""]);
    });
  });

  describe("featureBit", function () {
    it("reverts when no bit has the name", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      await expect(exchange.featureBit("xen"))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoSuchFeature")
        .withArgs("xen");
    });
  });
});
