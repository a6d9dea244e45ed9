import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { agreementId, publicAgreement } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  HOME,
  HOST,
  OTHER,
  UNREGISTERED,
  amend,
  amendmentOf,
  federation,
  pass,
  record,
  recordOf,
  registerMany,
} from "../../fixtures/federation.js";
import {
  CLAIM_WITHIN,
  OBJECT_WITHIN,
  OBSERVE_WITHIN,
  WINDOW,
  hostedStay,
  open,
  openStay,
} from "../../fixtures/oracle.js";

const { networkHelpers } = await network.create();

const PERIODS = [BigInt(CLAIM_WITHIN), BigInt(OBJECT_WITHIN), BigInt(OBSERVE_WITHIN)];

describe("SlaOracle", function () {
  describe("openWindows", function () {
    it("keeps the grid of a stay, whoever brings it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);
      const startedAt = BigInt(stay.startedAt) * 1_000n;

      await expect(open(world, stay))
        .to.emit(world.oracle, "WindowsOpened")
        .withArgs(stay.vm, stay.sequence, HOME, HOST, startedAt, WINDOW * 1_000, PERIODS);

      const grid = await world.oracle.gridOf(stay.vm, stay.sequence);
      expect([grid.home, grid.host, grid.startedAt, grid.windowMs]).to.deep.equal([
        BigInt(HOME),
        BigInt(HOST),
        startedAt,
        BigInt(WINDOW) * 1_000n,
      ]);
      expect([...grid.periods]).to.deep.equal(PERIODS);
    });

    it("opens each stay of a VM by itself, also a past one", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const first = await hostedStay(world);
      await pass(world, 60);
      const amendment = await amendmentOf(world, [first.vm], { windowMs: 60_000n });
      await amend(world, amendment);
      const second = { ...first, sequence: first.sequence + 1, agreement: amendment.agreement };

      await open(world, second);
      await open(world, first);

      const [before, after] = [await world.oracle.gridOf(first.vm, 2), await world.oracle.gridOf(first.vm, 3)];
      expect([before.windowMs, after.windowMs]).to.deep.equal([300_000n, 60_000n]);
      expect(after.startedAt).to.be.greaterThan(before.startedAt);
    });

    it("takes the longest window that can be counted, and no longer one", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const longest = await hostedStay(world, { windowMs: 2n ** 48n - 1n });
      const tooLong = await hostedStay(world, { windowMs: 2n ** 48n });

      await open(world, longest);
      await expectRefusal(world, open(world, tooLong), "SlaOracle_WindowTooLong", 2n ** 48n);

      const { windowMs } = await world.oracle.gridOf(longest.vm, longest.sequence);
      expect(windowMs).to.equal(2n ** 48n - 1n);
      expect((await world.oracle.gridOf(tooLong.vm, tooLong.sequence)).windowMs).to.equal(0n);
    });

    it("reverts when the windows are open already", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);

      await expectRefusal(world, open(world, stay), "SlaOracle_AlreadyOpen", stay.vm, stay.sequence);
    });

    it("reverts for a VM or a stay that the ledger does not know", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      await expectRefusal(world, open(world, { ...stay, vm: UNREGISTERED }), "MigrationLedger_UnknownVm", UNREGISTERED);
      for (const sequence of [0, 3]) {
        await expectRefusal(
          world,
          open(world, { ...stay, sequence }),
          "MigrationLedger_UnknownStay",
          stay.vm,
          sequence,
        );
      }
    });

    it("reverts for a stay without an agreement", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);

      await expectRefusal(world, open(world, { ...stay, sequence: 1 }), "SlaOracle_NoAgreement", stay.vm, 1);
    });

    it("reverts for a stay at home: it promises nothing to another", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);
      const back = await recordOf(world, [stay.vm], { destination: HOME });
      await record(world, back);

      await expectRefusal(
        world,
        open(world, { ...stay, sequence: 3, agreement: back.agreement }),
        "SlaOracle_AtHome",
        stay.vm,
        3,
      );
    });

    it("reverts for another agreement than the stay's", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await hostedStay(world);
      const other = { ...stay.agreement, salt: id("other") };

      await expectRefusal(
        world,
        open(world, { ...stay, agreement: other }),
        "SlaOracle_OtherAgreement",
        agreementId(other),
        agreementId(stay.agreement),
      );
    });

    it("keeps the periods of a stay when governance sets other ones", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const stay = await openStay(world);
      const periods = { claimWithin: 8 * 86_400, objectWithin: 2 * 86_400, observeWithin: 3 * 86_400 };

      await world.oracle.connect(world.governance).setPeriods(periods);
      const next = await openStay(world, { destination: OTHER });

      expect([...(await world.oracle.gridOf(stay.vm, stay.sequence)).periods]).to.deep.equal(PERIODS);
      expect([...(await world.oracle.gridOf(next.vm, next.sequence)).periods]).to.deep.equal(
        Object.values(periods).map(BigInt),
      );
    });

    it("opens the stay of every VM of a group under the one agreement", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 3);
      const document = await recordOf(world, vms);
      await record(world, document);

      for (const vm of vms) {
        await world.oracle.openWindows(vm, 2, publicAgreement(document.agreement));
        expect((await world.oracle.gridOf(vm, 2)).host).to.equal(HOST);
      }
    });
  });
});
