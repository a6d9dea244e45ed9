import { expect } from "chai";
import fc from "fast-check";
import type { Interface } from "ethers";
import { network } from "hardhat";

import { RESOURCE_NAMES, packResources, type Resources, unpackResources } from "../../../src/index.js";
import {
  CLOUD_A,
  CLOUD_B,
  CLOUD_C,
  FOREVER,
  SITE,
  UNKNOWN_CLOUD,
  amounts,
  demand,
  emptyExchange,
  evenly,
  exchangeWithOffer,
  offerOf,
} from "../../fixtures/exchanges.js";

const connection = await network.create();
const { ethers, networkHelpers } = connection;

const LIMIT = 2 ** 31;
const FEATURE_0 = 1n;
const FEATURE_5 = 1n << 5n;
const ATTESTED_128 = 1n << 128n;
const ATTESTED_200 = 1n << 200n;
const STATUS = { None: 0n, Suspended: 2n, Left: 3n, Expelled: 4n } as const;

describe("CapacityExchange: room", function () {
  describe("checkHost", function () {
    it("answers with what will be promised", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      const committed = packResources(evenly(200));
      const demands = [demand({ vcpuMilli: 400, gpus: 1 }), demand({ vcpuMilli: 300, spare2: 400 })];

      const after = await exchange.checkHost(CLOUD_A, SITE, committed, demands);

      expect(unpackResources(after)).to.deep.equal({ ...evenly(200), vcpuMilli: 900, gpus: 201, spare2: 600 });
    });

    it("reverts when the site has no offer", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
      const ask = (cloud: number, site: number) => exchange.checkHost(cloud, site, 0n, [demand({ gpus: 1 })]);
      await exchange.connect(accountA).withdrawOffer(CLOUD_A, SITE);

      await expect(ask(CLOUD_A, SITE))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoOffer")
        .withArgs(CLOUD_A, SITE);
      await expect(ask(CLOUD_B, 0))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoOffer")
        .withArgs(CLOUD_B, 0);
    });

    /** Offers with a validity around a time in the future, goes there and asks. */
    async function askedAt(from: bigint, until: bigint) {
      const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
      const time = (await networkHelpers.time.latest()) + 1_000;
      const timeMs = BigInt(time) * 1_000n;
      const validity = { validFrom: timeMs + from, validUntil: timeMs + until };
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf(validity));
      await networkHelpers.time.increaseTo(time);
      return { exchange, timeMs, ...validity, ask: () => exchange.checkHost(CLOUD_A, SITE, 0n, [demand({ gpus: 1 })]) };
    }

    [
      { name: "begins a millisecond before and ends a millisecond later", from: -1n, until: 1n },
      { name: "begins now", from: 0n, until: 1n },
      { name: "ends now", from: -1n, until: 0n },
      { name: "is only now", from: 0n, until: 0n },
    ].forEach(({ name, from, until }) => {
      it(`holds when the validity ${name}`, async function () {
        const { ask } = await askedAt(from, until);

        expect(await ask()).to.equal(packResources(amounts({ gpus: 1 })));
      });
    });

    [
      { name: "begins a millisecond later", from: 1n, until: 1n },
      { name: "has ended a millisecond before", from: -2n, until: -1n },
    ].forEach(({ name, from, until }) => {
      it(`reverts when the validity ${name}`, async function () {
        const { ask, exchange, timeMs, validFrom, validUntil } = await askedAt(from, until);

        await expect(ask())
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_OfferNotValid")
          .withArgs(CLOUD_A, SITE, validFrom, validUntil, timeMs);
      });
    });

    it("reverts when the VMs need features that the site has neither declared nor attested", async function () {
      const { exchange, accountA, attester } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ features: FEATURE_0 }));
      const demands = [
        demand({ gpus: 1 }, FEATURE_0),
        demand({ gpus: 1 }, FEATURE_5),
        demand({ gpus: 1 }, ATTESTED_128 | ATTESTED_200),
      ];
      const ask = () => exchange.checkHost(CLOUD_A, SITE, 0n, demands);

      await expect(ask())
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesMissing")
        .withArgs(CLOUD_A, SITE, FEATURE_5 | ATTESTED_128 | ATTESTED_200);
      await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, ATTESTED_200);
      await expect(ask())
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesMissing")
        .withArgs(CLOUD_A, SITE, FEATURE_5 | ATTESTED_128);
      await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, ATTESTED_128 | ATTESTED_200);
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ features: FEATURE_0 | FEATURE_5 }));
      expect(await ask()).to.equal(packResources(amounts({ gpus: 3 })));
    });

    RESOURCE_NAMES.forEach((name, lane) => {
      it(`reverts when a VM's ${name} is above the biggest`, async function () {
        const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
        const ask = (amount: number) =>
          exchange.checkHost(CLOUD_A, SITE, 0n, [demand({ [name]: 1 }), demand({ [name]: amount })]);

        await expect(ask(401))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_VmTooBig")
          .withArgs(CLOUD_A, SITE, 1, lane, 401, 400);
        expect(await ask(400)).to.equal(packResources(amounts({ [name]: 401 })));
      });

      it(`reverts when there is no room in ${name}: INV-ROOM`, async function () {
        const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
        const committed = packResources(amounts({ [name]: 601 }));
        const ask = (amount: number) =>
          exchange.checkHost(CLOUD_A, SITE, committed, [demand({ [name]: 300 }), demand({ [name]: amount })]);

        await expect(ask(100))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoRoom")
          .withArgs(CLOUD_A, SITE, lane, 1_001, 1_000);
        expect(await ask(99)).to.equal(packResources(amounts({ [name]: 1_000 })));
      });

      it(`reverts when ${name} would carry: INV-LANE`, async function () {
        const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
        const all = evenly(LIMIT - 1);
        await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ capacity: all, biggest: all }));
        const most = packResources(amounts({ [name]: LIMIT - 1 }));
        const one = packResources(amounts({ [name]: 1 }));
        const ask = (committed: bigint, resources: bigint) =>
          exchange.checkHost(CLOUD_A, SITE, committed, [{ resources, features: 0n }]);

        await expect(ask(most, one))
          .to.be.revertedWithCustomError(exchange, "ResourceVector_Overflow")
          .withArgs(most, one);
        expect(await ask(most - one, one)).to.equal(most);
        expect(await ask(0n, most)).to.equal(most);
      });
    });

    it("reverts when three summands would carry past the test of the sum: INV-LANE", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
      const biggest = evenly(LIMIT - 1);
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ capacity: biggest, biggest }));
      const most = packResources(amounts({ vcpuMilli: LIMIT - 1 }));
      const three = [most, most, most].map((resources) => ({ resources, features: 0n }));

      await expect(exchange.checkHost(CLOUD_A, SITE, 0n, three))
        .to.be.revertedWithCustomError(exchange, "ResourceVector_Overflow")
        .withArgs(most, most);
    });

    it("refuses what is no vector: INV-LANE", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      const topBit = 1n << 31n;
      const one = demand({ vcpuMilli: 1 });

      await expect(exchange.checkHost(CLOUD_A, SITE, topBit, [one]))
        .to.be.revertedWithCustomError(exchange, "ResourceVector_Overflow")
        .withArgs(topBit, 1n);
      await expect(exchange.checkHost(CLOUD_A, SITE, 0n, [{ resources: topBit, features: 0n }]))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_VmTooBig")
        .withArgs(CLOUD_A, SITE, 0, 0, topBit, 400);
    });

    it("holds without VMs while what is promised fits, and not when the offer fell below it", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      const full = packResources(evenly(1_000));
      expect(await exchange.checkHost(CLOUD_A, SITE, full, [])).to.equal(full);
      await expect(exchange.checkHost(CLOUD_A, SITE, full + 1n, []))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoRoom")
        .withArgs(CLOUD_A, SITE, 0, 1_001, 1_000);
    });

    it("does not ask for the cloud's status", async function () {
      const { exchange, registry, guardian } = await networkHelpers.loadFixture(exchangeWithOffer);
      await registry.connect(guardian).suspend(CLOUD_A);

      expect(await exchange.checkHost(CLOUD_A, SITE, 0n, [demand({ gpus: 1 })])).to.equal(1n << 160n);
    });

    it("refuses in order: validity, features, size, room", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
      const ask = (features: bigint, gpus: number) =>
        exchange.checkHost(CLOUD_A, SITE, packResources(evenly(1_000)), [demand({ gpus }, features)]);

      await expect(ask(0n, 1)).to.be.revertedWithCustomError(exchange, "CapacityExchange_NoRoom");
      await expect(ask(0n, 401)).to.be.revertedWithCustomError(exchange, "CapacityExchange_VmTooBig");
      await expect(ask(1n, 401)).to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesMissing");
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ validFrom: FOREVER }));
      await expect(ask(1n, 401)).to.be.revertedWithCustomError(exchange, "CapacityExchange_OfferNotValid");
    });

    it("is that of the reference, and canHost gives the very bytes of its refusal", async function () {
      const { exchange } = await networkHelpers.loadFixture(manyOffers);
      const now = BigInt(await networkHelpers.time.latest()) * 1_000n;
      let refused = 0;
      let hosted = 0;

      await fc.assert(
        fc.asyncProperty(question, async ({ site, committed, demands }) => {
          const given = demands.map(({ resources, features }) => ({ resources: packResources(resources), features }));
          const word = packResources(committed);
          const expected = referenceOf(exchange.interface, site, committed, demands, now);

          const refusal = await exchange.canHost(CLOUD_A, site, word, given);
          const answer = await rawAnswer("checkHost", [CLOUD_A, site, word, given], exchange);

          if (expected.refusal === undefined) {
            expect(answer).to.deep.equal({ data: ethers.toBeHex(expected.after, 32), isRevert: false });
            expect(refusal).to.equal("0x");
            ++hosted;
          } else {
            expect(answer).to.deep.equal({ data: expected.refusal, isRevert: true });
            expect(refusal).to.equal(expected.refusal);
            ++refused;
          }
        }),
        { numRuns: 400 },
      );

      // Both happened often: the cases are not all of one kind.
      expect(Math.min(refused, hosted)).to.be.greaterThan(40);
    });
  });

  describe("checkGrowth", function () {
    it("answers with what will be promised", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      const current = [packResources(evenly(100)), packResources(evenly(50))];
      const wanted = [demand({ vcpuMilli: 400 }), demand({ ...evenly(50), gpus: 60 })];

      const after = await exchange.checkGrowth(CLOUD_A, SITE, packResources(evenly(150)), current, wanted);

      expect(unpackResources(after)).to.deep.equal({ ...evenly(50), vcpuMilli: 450, gpus: 60 });
    });

    it("reverts when there is not one present vector per wanted one", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      await expect(exchange.checkGrowth(CLOUD_A, SITE, 0n, [0n, 0n], [demand({ gpus: 1 })]))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_LengthMismatch")
        .withArgs(2, 1);
      await expect(exchange.checkGrowth(CLOUD_A, SITE, 0n, [], [demand({ gpus: 1 })]))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_LengthMismatch")
        .withArgs(0, 1);
    });

    it("checks nothing when no VM grows, not even that there is an offer", async function () {
      const { exchange } = await networkHelpers.loadFixture(emptyExchange);
      const current = [packResources(evenly(100))];
      const ask = (wanted: Resources) =>
        exchange.checkGrowth(CLOUD_B, 3, packResources(evenly(100)), current, [demand(wanted, ATTESTED_128)]);

      expect(await ask(evenly(100))).to.equal(packResources(evenly(100)));
      expect(await ask(evenly(0))).to.equal(0n);
      expect(await exchange.checkGrowth(CLOUD_B, 3, 5n, [], [])).to.equal(5n);
      await expect(ask({ ...evenly(0), spare2: 101 }))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoOffer")
        .withArgs(CLOUD_B, 3);
    });

    it("reverts when a VM grows under an offer that is not valid now", async function () {
      const { exchange, accountA } = await networkHelpers.loadFixture(exchangeWithOffer);
      await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ validFrom: FOREVER }));
      const time = BigInt(await networkHelpers.time.latest()) * 1_000n;

      await expect(exchange.checkGrowth(CLOUD_A, SITE, 1n, [1n], [demand({ vcpuMilli: 2 })]))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_OfferNotValid")
        .withArgs(CLOUD_A, SITE, FOREVER, FOREVER, time);
    });

    it("asks for the features of VMs that grow only", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      const current = [10n, 10n];
      const ask = (first: number, second: number) =>
        exchange.checkGrowth(CLOUD_A, SITE, 20n, current, [
          demand({ vcpuMilli: first }, FEATURE_0),
          demand({ vcpuMilli: second }, FEATURE_5),
        ]);

      await expect(ask(11, 10))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesMissing")
        .withArgs(CLOUD_A, SITE, FEATURE_0);
      await expect(ask(9, 11))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_FeaturesMissing")
        .withArgs(CLOUD_A, SITE, FEATURE_5);
      expect(await ask(9, 10)).to.equal(19n);
    });

    RESOURCE_NAMES.forEach((name, lane) => {
      it(`checks ${name} against the biggest VM only where it grows`, async function () {
        const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
        const other = lane === 0 ? "gpus" : "vcpuMilli";
        const big = amounts({ [name]: 700, [other]: 1 });
        const ask = (wanted: Partial<Resources>) =>
          exchange.checkGrowth(CLOUD_A, SITE, packResources(big), [packResources(big)], [demand(wanted)]);

        // Bigger than the biggest already, it may stay so or shrink while another lane grows.
        for (const kept of [700, 650]) {
          const wanted = amounts({ [name]: kept, [other]: 2 });
          expect(await ask(wanted)).to.equal(packResources(wanted));
        }
        await expect(ask({ [name]: 701, [other]: 1 }))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_VmTooBig")
          .withArgs(CLOUD_A, SITE, 0, lane, 701, 400);
      });

      it(`checks ${name} against the capacity only where the sum grows: INV-ROOM`, async function () {
        const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
        const other = lane === 0 ? "gpus" : "vcpuMilli";
        const current = [amounts({ [name]: 100 }), amounts({ [name]: 50 })].map(packResources);
        const ask = (committed: number, first: number, second: number) =>
          exchange.checkGrowth(CLOUD_A, SITE, packResources(amounts({ [name]: committed, [other]: 10 })), current, [
            demand({ [name]: first }),
            demand({ [name]: second, [other]: 1 }),
          ]);

        // Up to the very last unit.
        expect(unpackResources(await ask(990, 110, 50))[name]).to.equal(1_000);
        await expect(ask(990, 111, 50))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoRoom")
          .withArgs(CLOUD_A, SITE, lane, 1_001, 1_000);
        // What one VM gives up, another may take, even above an offer that fell; what grows in another lane is fine.
        expect(unpackResources(await ask(2_000, 110, 40))[name]).to.equal(2_000);
        expect(unpackResources(await ask(2_000, 100, 50))[name]).to.equal(2_000);
        await expect(ask(2_000, 110, 41))
          .to.be.revertedWithCustomError(exchange, "CapacityExchange_NoRoom")
          .withArgs(CLOUD_A, SITE, lane, 2_001, 1_000);
      });
    });

    it("names the VM that is too big", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      await expect(exchange.checkGrowth(CLOUD_A, SITE, 3n, [1n, 2n], [demand({ vcpuMilli: 2 }), demand({ gpus: 401 })]))
        .to.be.revertedWithCustomError(exchange, "CapacityExchange_VmTooBig")
        .withArgs(CLOUD_A, SITE, 1, 5, 401, 400);
    });

    it("reverts when the present vectors are not within what is promised", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      await expect(exchange.checkGrowth(CLOUD_A, SITE, 10n, [4n, 7n], [demand({}), demand({})]))
        .to.be.revertedWithCustomError(exchange, "ResourceVector_Underflow")
        .withArgs(6n, 7n);
    });

    it("reverts when the sum would carry: INV-LANE", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      const most = BigInt(LIMIT - 1);

      await expect(exchange.checkGrowth(CLOUD_A, SITE, most, [1n], [demand({ vcpuMilli: 2 })]))
        .to.be.revertedWithCustomError(exchange, "ResourceVector_Overflow")
        .withArgs(most - 1n, 2n);
    });

    it("never answers with a lane that grew above the capacity: INV-ROOM", async function () {
      const { exchange } = await networkHelpers.loadFixture(manyOffers);
      let grown = 0;

      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(vm, vm), { minLength: 1, maxLength: 5 }), rest, async (pairs, others) => {
          const sum = (vectors: readonly Resources[]) => vectors.reduce(addLanes, others);
          const before = sum(pairs.map(([current]) => current));
          const after = sum(pairs.map(([, wanted]) => wanted));
          const answer = await rawAnswer(
            "checkGrowth",
            [
              CLOUD_A,
              SITE,
              packResources(before),
              pairs.map(([current]) => packResources(current)),
              pairs.map(([, wanted]) => ({ resources: packResources(wanted), features: 0n })),
            ],
            exchange,
          );

          const fits = RESOURCE_NAMES.every(
            (name) =>
              (after[name] <= before[name] || after[name] <= OFFERED.capacity[name]) &&
              pairs.every(
                ([current, wanted]) => wanted[name] <= current[name] || wanted[name] <= OFFERED.biggest[name],
              ),
          );
          expect(answer.isRevert).to.equal(!fits);
          if (fits) expect(BigInt(answer.data)).to.equal(packResources(after));
          if (fits) ++grown;
        }),
        { numRuns: 300 },
      );

      expect(grown).to.be.within(20, 280);
    });
  });

  describe("canHost", function () {
    it("answers with nothing when the site may take the VMs", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);

      expect(await exchange.canHost(CLOUD_A, SITE, 0n, [demand({ gpus: 400 })])).to.equal("0x");
    });

    it("answers with the status when the cloud is not Active, before all else", async function () {
      const made = await networkHelpers.loadFixture(exchangeWithOffer);
      const { exchange, registry, guardian, ledgerRole } = made;
      await registry.connect(guardian).suspend(CLOUD_A);
      await registry.connect(ledgerRole).markLeft(CLOUD_B);
      await registry.expel(CLOUD_C);

      const cases = [
        [CLOUD_A, STATUS.Suspended],
        [CLOUD_B, STATUS.Left],
        [CLOUD_C, STATUS.Expelled],
        [UNKNOWN_CLOUD, STATUS.None],
      ] as const;
      for (const [cloud, status] of cases) {
        expect(await exchange.canHost(cloud, SITE, 0n, [demand({ gpus: 401 })])).to.equal(
          exchange.interface.encodeErrorResult("CapacityExchange_CloudNotActive", [cloud, status]),
        );
      }

      await networkHelpers.time.increase(7 * 86_400 + 1);
      expect(await exchange.canHost(CLOUD_A, SITE, 0n, [demand({ gpus: 400 })])).to.equal("0x");
    });

    it("never takes too little gas for a yes or a no", async function () {
      const { exchange } = await networkHelpers.loadFixture(exchangeWithOffer);
      const demands = Array.from({ length: 1_500 }, () => demand({}));
      const args = [CLOUD_A, SITE, 0n, demands] as const;
      const enough = Number(await exchange.canHost.estimateGas(...args));
      const noAnswer = exchange.interface.encodeErrorResult("CapacityExchange_NoAnswer", []);

      let withoutAnswer = 0;
      for (let gas = enough; gas > enough * 0.5; gas = Math.floor(gas * 0.97)) {
        const { data, isRevert } = await rawAnswer("canHost", args, exchange, gas);
        // An empty answer is a yes. Without enough gas there is none, or the typed error, or no data at all.
        if (isRevert) expect(data).to.be.oneOf([noAnswer, "0x"]);
        else expect(exchange.interface.decodeFunctionResult("canHost", data)[0]).to.equal("0x");
        if (data === noAnswer) ++withoutAnswer;
      }

      expect(withoutAnswer).to.be.greaterThan(0);
    });
  });
});

/* QUESTIONS */

type Exchange = Awaited<ReturnType<typeof emptyExchange>>["exchange"];

/** What an eth_call gave, revert or not, untouched by any decoding. */
async function rawAnswer(
  name: "checkHost" | "checkGrowth" | "canHost",
  args: readonly unknown[],
  exchange: Exchange,
  gas?: number,
) {
  const data = exchange.interface.encodeFunctionData(name as "canHost", args as never);
  const call = { to: await exchange.getAddress(), data, ...(gas === undefined ? {} : { gas: ethers.toQuantity(gas) }) };
  try {
    const answer: unknown = await connection.provider.request({ method: "eth_call", params: [call, "latest"] });
    return { data: String(answer), isRevert: false };
  } catch (error) {
    return { data: (error as { data?: string }).data ?? "0x", isRevert: true };
  }
}

/** Offered at {@link SITE}: uneven lanes, one at its greatest and one at zero. */
const OFFERED = {
  capacity: { ...evenly(1_000), memoryMiB: LIMIT - 1, spare1: 0 },
  biggest: { ...evenly(400), memoryMiB: LIMIT - 1, spare1: 0 },
};
const FEATURES = FEATURE_0 | ATTESTED_200;
const EXPIRED_SITE = 8;
const NO_SITE = 9;

async function manyOffers() {
  const made = await exchangeWithOffer(connection);
  const { exchange, accountA, attester } = made;
  await exchange.connect(accountA).offer(CLOUD_A, SITE, offerOf({ ...OFFERED, features: FEATURE_0 }));
  await exchange.connect(attester).attestFeatures(CLOUD_A, SITE, ATTESTED_200);
  await exchange.connect(accountA).offer(CLOUD_A, EXPIRED_SITE, offerOf({ validFrom: FOREVER }));
  return made;
}

const amount = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 130 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 399, 400, 401, 1_000) },
);
const memory = fc.oneof(amount, fc.constantFrom(LIMIT - 1, LIMIT / 2, 1));
const lanes = (each: fc.Arbitrary<number>): fc.Arbitrary<Resources> =>
  fc.record({
    vcpuMilli: each,
    memoryMiB: memory,
    storageGiB: each,
    diskIops: each,
    networkMbps: each,
    gpus: each,
    spare1: fc.oneof({ weight: 40, arbitrary: fc.constant(0) }, fc.constant(1)),
    spare2: each,
  });

const question = fc.record({
  site: fc.oneof({ weight: 8, arbitrary: fc.constant(SITE) }, fc.constantFrom(EXPIRED_SITE, NO_SITE)),
  committed: lanes(fc.oneof(amount, fc.integer({ min: 0, max: 900 }))),
  demands: fc.array(
    fc.record({
      resources: lanes(amount),
      features: fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom(0n, FEATURE_0, ATTESTED_200, FEATURES) },
        fc.constantFrom(FEATURE_5, ATTESTED_128, FEATURES | FEATURE_5),
      ),
    }),
    { maxLength: 16 },
  ),
});

/** Amounts for `checkGrowth`: no lane of a sum reaches 2^31. */
const grown = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 90 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 400, 401) },
);
const vm: fc.Arbitrary<Resources> = fc
  .tuple(...RESOURCE_NAMES.map(() => grown))
  .map(
    (values) =>
      Object.fromEntries(
        RESOURCE_NAMES.map((name, i) => [name, name === "spare1" ? 0 : values[i]]),
      ) as unknown as Resources,
  );
const rest: fc.Arbitrary<Resources> = fc.integer({ min: 0, max: 1_100 }).map(evenly);

function addLanes(a: Resources, b: Resources): Resources {
  return Object.fromEntries(RESOURCE_NAMES.map((name) => [name, a[name] + b[name]])) as unknown as Resources;
}

/* REFERENCE */

interface PlainDemand {
  readonly resources: Resources;
  readonly features: bigint;
}

/** What `checkHost` should say, lane by lane with plain numbers. */
function referenceOf(
  abi: Interface,
  site: number,
  committed: Resources,
  demands: readonly PlainDemand[],
  now: bigint,
): { refusal: string; after?: never } | { refusal?: never; after: bigint } {
  const refuse = (name: string, values: readonly unknown[]) => ({ refusal: abi.encodeErrorResult(name, values) });
  if (site === NO_SITE) return refuse("CapacityExchange_NoOffer", [CLOUD_A, site]);
  if (site === EXPIRED_SITE) return refuse("CapacityExchange_OfferNotValid", [CLOUD_A, site, FOREVER, FOREVER, now]);

  const missing = demands.reduce((bits, each) => bits | each.features, 0n) & ~FEATURES;
  if (missing !== 0n) return refuse("CapacityExchange_FeaturesMissing", [CLOUD_A, site, missing]);

  for (const [index, { resources }] of demands.entries()) {
    for (const [lane, name] of RESOURCE_NAMES.entries()) {
      const [asked, biggest] = [resources[name], OFFERED.biggest[name]];
      if (asked > biggest) return refuse("CapacityExchange_VmTooBig", [CLOUD_A, site, index, lane, asked, biggest]);
    }
  }

  let sum = committed;
  for (const { resources } of demands) {
    const next = addLanes(sum, resources);
    if (RESOURCE_NAMES.some((name) => next[name] >= LIMIT)) {
      return refuse("ResourceVector_Overflow", [packResources(sum), packResources(resources)]);
    }
    sum = next;
  }
  for (const [lane, name] of RESOURCE_NAMES.entries()) {
    const capacity = OFFERED.capacity[name];
    if (sum[name] > capacity) return refuse("CapacityExchange_NoRoom", [CLOUD_A, site, lane, sum[name], capacity]);
  }
  return { after: packResources(sum) };
}
