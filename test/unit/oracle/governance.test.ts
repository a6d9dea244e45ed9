import { expect } from "chai";
import { network } from "hardhat";

import { DEFAULT_PERIODS } from "../../../ignition/parameters.js";
import { SlaOracle__factory } from "../../../src/typechain/factories/contracts/oracle/SlaOracle__factory.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import { DAY, federation } from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

/** Hard limits in seconds. */
const LIMITS = {
  claimWithin: [7 * DAY, 180 * DAY],
  objectWithin: [DAY, 30 * DAY],
  observeWithin: [DAY, 30 * DAY],
} as const;

describe("SlaOracle", function () {
  describe("setPeriods", function () {
    it("begins with what the deployment says", async function () {
      const world = await networkHelpers.loadFixture(federation);

      expect([...(await world.oracle.periods())]).to.deep.equal(Object.values(DEFAULT_PERIODS).map(BigInt));
    });

    for (const end of [0, 1]) {
      it(`sets all periods to their ${end === 0 ? "least" : "most"} (INV-PARAM)`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const oracle = world.oracle.connect(world.governance);
        const periods = {
          claimWithin: LIMITS.claimWithin[end]!,
          objectWithin: LIMITS.objectWithin[end]!,
          observeWithin: LIMITS.observeWithin[end]!,
        };

        await expect(oracle.setPeriods(periods)).to.emit(oracle, "PeriodsSet").withArgs(Object.values(periods));

        expect([...(await oracle.periods())]).to.deep.equal(Object.values(periods).map(BigInt));
      });
    }

    for (const [name, [least, most]] of Object.entries(LIMITS)) {
      for (const value of [0, least - 1, most + 1, 2 ** 32 - 1]) {
        it(`reverts for ${name} of ${value} s, in a vote and in a deployment (INV-PARAM)`, async function () {
          const world = await networkHelpers.loadFixture(federation);
          const periods = { ...DEFAULT_PERIODS, [name]: value };
          const refusal = [name, value, least, most];

          const set = world.oracle.connect(world.governance).setPeriods(periods);
          await expectRefusal(world, set, "SlaOracle_PeriodOutOfRange", ...refusal);
          const deployed = new SlaOracle__factory(world.deployer).deploy(world.authority, world.ledger, periods);
          await expectRefusal(world, deployed, "SlaOracle_PeriodOutOfRange", ...refusal);
          expect([...(await world.oracle.periods())]).to.deep.equal(Object.values(DEFAULT_PERIODS).map(BigInt));
        });
      }
    }

    it("reverts for everybody but governance", async function () {
      const world = await networkHelpers.loadFixture(federation);

      for (const sender of [world.guardian, world.stranger, world.clouds[0]!.key]) {
        await expect(world.oracle.connect(sender).setPeriods(DEFAULT_PERIODS))
          .to.be.revertedWithCustomError(world.oracle, "AccessManagedUnauthorized")
          .withArgs(sender.address);
      }
    });
  });
});
