import { expect } from "chai";
import { network } from "hardhat";

import {
  AgentScope,
  type Agreement,
  agreementId,
  buildPrice,
  buildRates,
  buildResources,
  buildSla,
  documentId,
  termsHash,
} from "../../../src/index.js";
import {
  EUR,
  bytesOf,
  callBooks,
  charged,
  expectCharge,
  expectRefusal,
  hosted,
  jointOf,
  owed,
  returnedAt,
  settle,
  settleJointly,
  stayOf,
  stopped,
} from "../../fixtures/charging.js";
import {
  CONTRACT,
  HOME,
  HOST,
  OTHER,
  UNKNOWN,
  UNREGISTERED,
  abroad,
  amend,
  amendmentOf,
  bindAgent,
  evacuate,
  evacuationOf,
  expel,
  nextBlockAt,
  nowMs,
  nowSeconds,
  offer,
  pass,
  register,
  suspend,
  timeOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const HOUR_MS = 3_600_000n;
/** What the stays of these tests cost in a millisecond, in the books' units. */
const PER_MS = 100n;

describe("ChargingLedger", function () {
  describe("settle", function () {
    it("charges the home for the host's stay up to a time (INV-PURE)", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      await pass(world, 3_600);

      const sent = settle(world, stay, stay.startedAt + HOUR_MS);

      await expect(sent)
        .to.emit(world.charging, "StaySettled")
        .withArgs(
          stay.vm,
          HOST,
          HOME,
          stay.sequence,
          EUR,
          HOUR_MS * PER_MS,
          stay.startedAt,
          stay.startedAt + HOUR_MS,
          0,
          stay.rate,
        );
      await expectCharge(world, stay, HOUR_MS * PER_MS);
      expect(await owed(world, HOME, HOST)).to.equal(-HOUR_MS * PER_MS);
      const [account] = await world.charging.chargeOf(stay.vm, stay.sequence);
      expect([...account]).to.deep.equal([stay.rate, EUR, stay.startedAt + HOUR_MS, 0n]);
    });

    it("posts the difference the next time, and nothing for a time that is settled (INV-SETTLE)", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      await pass(world, 7_200);
      await settle(world, stay, stay.startedAt + HOUR_MS);

      await expect(settle(world, stay, stay.startedAt + HOUR_MS)).not.to.emit(world.charging, "StaySettled");
      await expect(settle(world, stay, stay.startedAt + 1n)).not.to.emit(world.charging, "StaySettled");
      await expectCharge(world, stay, HOUR_MS * PER_MS);
      const sent = settle(world, stay, stay.startedAt + 2n * HOUR_MS, { by: HOME });

      await expect(sent).to.emit(world.charging, "StaySettled");
      await expectCharge(world, stay, 2n * HOUR_MS * PER_MS);
    });

    it("comes to the same every second and all at once, with a price that never divides (INV-SETTLE)", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const price = { rates: buildRates({ vcpuMilli: 1_000_003n, memoryMiB: 77_777n, diskIops: 13n }) };
      const [often, once] = [await hosted(world, { price }), await hosted(world, { price, host: OTHER })];

      for (let second = 0n; second < 40n; ++second) {
        await settle(world, often, often.startedAt + second * 1_000n + 1n);
      }
      await settle(world, often, often.startedAt + 40_000n);
      await settle(world, once, once.startedAt + 40_000n);

      const charge = (often.rate * 40_000n) / HOUR_MS / 1_000n;
      await expectCharge(world, often, charge);
      await expectCharge(world, once, charge);
    });

    it("stops at the stay's end", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      const endedAt = await stopped(world, stay);
      await pass(world, 3_600);

      await settle(world, stay, await nowMs(world));

      await expectCharge(world, stay, (endedAt - stay.startedAt) * PER_MS);
    });

    it("posts a negative amount where the stay's end was moved back, whatever time it is told (INV-SETTLE)", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      await pass(world, 600);
      const until = await nowMs(world);
      await settle(world, stay, until);
      await returnedAt(world, stay, until - 300_000n);

      const sent = settle(world, stay, stay.startedAt + 1n);

      await expect(sent)
        .to.emit(world.charging, "StaySettled")
        .withArgs(
          stay.vm,
          HOST,
          HOME,
          stay.sequence,
          EUR,
          -300_000n * PER_MS,
          stay.startedAt,
          until - 300_000n,
          0,
          stay.rate,
        );
      await expectCharge(world, stay, (until - 300_000n - stay.startedAt) * PER_MS);
    });

    it("charges nothing after a declaration of loss, though it was settled before the evacuation", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      const lostAt = await timeOf(world, world.ledger.connect(world.clouds[HOME - 1]!.key).declareLost(stay.vm));
      await pass(world, 3_600);
      await settle(world, stay, await nowMs(world));
      await evacuate(world, await evacuationOf(world, [stay.vm]));

      await settle(world, stay, stay.startedAt + 1n);

      await expectCharge(world, stay, (lostAt - stay.startedAt) * PER_MS);
    });

    it("charges each stay of a VM by its own agreement", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const first = await hosted(world);
      const price = buildPrice({ currency: "CHF", rates: buildRates({ memoryMiB: 9_000_000n }) });
      const document = await amendmentOf(world, [first.vm], {
        terms: { price, sla: buildSla() },
        line: { resources: buildResources({ memoryMiB: 20_000 }) },
      });
      await amend(world, document);
      const second = await stayOf(world, first.vm, document.agreement);
      await pass(world, 60);

      await settle(world, second, second.startedAt + 60_000n);
      await settle(world, first, await nowMs(world));

      expect(await owed(world, HOST, HOME, bytesOf("CHF"))).to.equal(60_000n * 50n);
      await expectCharge(world, first, (second.startedAt - first.startedAt) * PER_MS);
    });

    it("takes a line of a group by its VM", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const vms = [await abroad(world), await abroad(world), await abroad(world)].sort();
      const terms = { price: buildPrice({ rates: buildRates({ vcpuMilli: 900_000_000n }) }), sla: buildSla() };
      const lines = [1_000, 2_000, 3_000].map((vcpuMilli) => ({ resources: buildResources({ vcpuMilli }) }));
      const document = await amendmentOf(world, vms, { terms, lines });
      await amend(world, document);
      await pass(world, 10);

      for (const [index, vm] of vms.entries()) {
        const stay = await stayOf(world, vm, document.agreement);
        await settle(world, stay, stay.startedAt + 10_000n);
        const [, posted] = await world.charging.chargeOf(vm, stay.sequence);
        expect(posted).to.equal(10_000n * 250n * BigInt(index + 1));
      }
    });

    it("knows a free stay: the time moves, no money does", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world, { price: { rates: buildRates({}) } });
      await pass(world, 60);

      await expect(settle(world, stay, stay.startedAt + 60_000n)).to.emit(world.charging, "StaySettled");

      await expectCharge(world, stay, 0n);
    });

    it("works for agents with REPORT, for a contract's account, and in any status (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const [reporter, mover] = world.spare;
      const stay = await hosted(world, { host: CONTRACT });
      await bindAgent(world, HOME, reporter!, { scopes: AgentScope.REPORT });
      await bindAgent(world, HOME, mover!, { scopes: AgentScope.MOVE_OUT | AgentScope.HOST });
      await pass(world, 60);
      await suspend(world, HOME);
      await expel(world, CONTRACT);

      await settle(world, stay, stay.startedAt + 10_000n);
      await settle(world, stay, stay.startedAt + 20_000n, { by: HOME, sender: reporter! });

      await expectCharge(world, stay, 20_000n * PER_MS);
      await expectRefusal(
        world,
        settle(world, stay, stay.startedAt + 30_000n, { by: HOME, sender: mover! }),
        "CloudRegistry_ScopeMissing",
        HOME,
        mover!.address,
        AgentScope.REPORT,
        AgentScope.MOVE_OUT | AgentScope.HOST,
      );
    });

    it("reverts when the stay is at home, or there is none", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      const atHome = await register(world);

      await expectRefusal(
        world,
        settle(world, { ...stay, vm: atHome, sequence: 1 }, stay.startedAt + 1n),
        "ChargingLedger_AtHome",
        atHome,
        1,
      );
      await expectRefusal(
        world,
        settle(world, { ...stay, sequence: 3 }, stay.startedAt + 1n),
        "MigrationLedger_UnknownStay",
        stay.vm,
        3,
      );
      await expectRefusal(
        world,
        settle(world, { ...stay, vm: UNREGISTERED }, stay.startedAt + 1n),
        "MigrationLedger_UnknownVm",
        UNREGISTERED,
      );
    });

    it("reverts when another than home and host settles, or a stranger sends", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      const to = await nowMs(world);

      for (const cloud of [OTHER, UNKNOWN, 0]) {
        await expectRefusal(
          world,
          settle(world, stay, to, { by: cloud, sender: OTHER }),
          "ChargingLedger_NotAParty",
          stay.vm,
          stay.sequence,
          cloud,
        );
      }
      await expectRefusal(
        world,
        settle(world, stay, to, { by: HOME, sender: HOST }),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.clouds[HOST - 1]!.account,
      );
    });

    it("reverts when the documents are not those of the stay", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      const to = await nowMs(world);
      const agreement: Agreement = { ...stay.agreement, noticeMs: stay.agreement.noticeMs + 1n };
      const { price: agreedPrice, sla: agreedSla } = stay.agreement.terms;
      const price = { ...agreedPrice, rates: buildRates({ vcpuMilli: 90_000_001n }) };
      const sla = { ...agreedSla, capBps: 1 };

      await expectRefusal(
        world,
        settle(world, stay, to, { agreement }),
        "ChargingLedger_WrongAgreement",
        agreementId(agreement),
        agreementId(stay.agreement),
      );
      for (const opening of [{ price }, { sla }]) {
        await expectRefusal(
          world,
          settle(world, stay, to, opening),
          "ChargingLedger_WrongTerms",
          termsHash({ price: agreedPrice, sla: agreedSla, ...opening }),
          termsHash(stay.agreement.terms),
        );
      }
    });

    it("reverts when the price asks for both, and when its currency is none", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const joint = await hosted(world, { price: { settlement: 1 } });
      const odd = await hosted(world, { price: { settlement: 255 } });
      const bad = await hosted(world, { price: { currency: "Euro" } });
      const to = await nowMs(world);

      for (const { vm, sequence } of [joint, odd]) {
        const stay = vm === joint.vm ? joint : odd;
        await expectRefusal(world, settle(world, stay, to), "ChargingLedger_JointOnly", vm, sequence);
      }
      await expectRefusal(world, settle(world, bad, to), "Currency_NotThreeLetters", "Euro");
    });

    it("charges from after the stay's start to the block, and no further", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      const next = (await nowSeconds(world)) + 60;
      const now = BigInt(next) * 1_000n;

      await expectRefusal(
        world,
        settle(world, stay, stay.startedAt),
        "ChargingLedger_BeforeStay",
        stay.vm,
        stay.sequence,
        stay.startedAt,
        stay.startedAt,
      );
      await nextBlockAt(world, next);
      await expectRefusal(world, settle(world, stay, now + 1n), "ChargingLedger_InFuture", now + 1n, now);
      await nextBlockAt(world, next + 1);
      await settle(world, stay, now + 1_000n);
      await expectCharge(world, stay, (now + 1_000n - stay.startedAt) * PER_MS);
      await settle(world, stay, stay.startedAt + 1n);
      await expectCharge(world, stay, (now + 1_000n - stay.startedAt) * PER_MS);
    });

    it("refuses a charge of more than 96 bits, and takes one before it", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const resources = buildResources({ storageGiB: 1, memoryMiB: 2 ** 31 - 1, spare1: 2 ** 31 - 1 });
      const most = 2n ** 64n - 1n;
      await offer(world, HOST, { capacity: resources, biggest: resources });
      const stay = await hosted(world, {
        line: { resources },
        price: { rates: buildRates({ memoryMiB: most, spare1: most, storageGiB: 1n }) },
      });
      // In hours: 2**96 * 1,000 / rate = 1,000.0; it fits one millisecond before.
      const fits = ((2n ** 96n * 1_000n * HOUR_MS - 1n) / stay.rate / 1_000n) * 1_000n;
      await pass(world, Number(fits / 1_000n) + 10);

      await expectRefusal(
        world,
        settle(world, stay, stay.startedAt + fits + 1_000n),
        "Accrual_Overflow",
        stay.rate,
        fits + 1_000n,
      );
      await settle(world, stay, stay.startedAt + fits);
      await expectCharge(world, stay, (stay.rate * fits) / HOUR_MS / 1_000n);
    });
  });

  describe("settleJointly", function () {
    it("charges what home and host have signed, whoever brings it", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world, { price: { settlement: 1 }, host: CONTRACT });
      await pass(world, 60);

      await settleJointly(world, stay, await jointOf(world, stay, stay.startedAt + 60_000n));

      await expectCharge(world, stay, 60_000n * PER_MS);
    });

    it("works where either may settle alone, and mixes with that (INV-SETTLE)", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world);
      await pass(world, 60);
      const document = await jointOf(world, stay, stay.startedAt + 40_000n);

      await settle(world, stay, stay.startedAt + 20_000n);
      await settleJointly(world, stay, document);
      await settleJointly(world, stay, document);
      await settle(world, stay, stay.startedAt + 30_000n);

      await expectCharge(world, stay, 40_000n * PER_MS);
    });

    it("takes agents with REPORT, and no others", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const [reporter, mover] = world.spare;
      const stay = await hosted(world, { price: { settlement: 1 } });
      await bindAgent(world, HOME, reporter!, { scopes: AgentScope.REPORT });
      await bindAgent(world, HOST, mover!, { scopes: AgentScope.HOST });
      await pass(world, 60);
      const document = await jointOf(world, stay, stay.startedAt + 10_000n);

      await settleJointly(world, stay, document, { signers: { [HOME]: reporter! } });
      await expectRefusal(
        world,
        settleJointly(world, stay, document, { signers: { [HOST]: mover! } }),
        "CloudRegistry_ScopeMissing",
        HOST,
        mover!.address,
        AgentScope.REPORT,
        AgentScope.HOST,
      );
    });

    it("reverts when too late, not signed by both, or withdrawn by one", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world, { price: { settlement: 1 } });
      await pass(world, 60);
      const last = (await nowSeconds(world)) + 100;
      const validUntil = BigInt(last) * 1_000n;
      const document = await jointOf(world, stay, stay.startedAt + 10_000n, { validUntil });

      await expectRefusal(
        world,
        settleJointly(world, stay, document, { signatures: ["0x"] }),
        "ChargingLedger_SignatureCount",
        2,
        1,
      );
      await expectRefusal(
        world,
        settleJointly(world, stay, document, { signers: { [HOST]: world.stranger } }),
        "CloudRegistry_BadSignature",
        HOST,
        world.stranger.address,
      );
      await nextBlockAt(world, last);
      await settleJointly(world, stay, document);
      await nextBlockAt(world, last + 1);
      await expectRefusal(
        world,
        settleJointly(world, stay, document),
        "ChargingLedger_TooLate",
        validUntil,
        validUntil + 1_000n,
      );
      const other = await jointOf(world, stay, stay.startedAt + 20_000n);
      const id = documentId("JointSettlement", other);
      await callBooks(world, HOST, "withdrawSignature", [HOST, id]);
      await expectRefusal(world, settleJointly(world, stay, other), "ChargingLedger_Withdrawn", HOST, id);
    });

    it("reverts for documents that are not the stay's, and for what `settle` refuses", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const stay = await hosted(world, { price: { settlement: 1 } });
      const agreement: Agreement = { ...stay.agreement, keepMs: 1n };
      const sla = { ...stay.agreement.terms.sla, capBps: 1 };

      await expectRefusal(
        world,
        settleJointly(world, stay, await jointOf(world, stay, stay.startedAt + 1n), { agreement }),
        "ChargingLedger_WrongAgreement",
        agreementId(agreement),
        agreementId(stay.agreement),
      );
      await expectRefusal(
        world,
        settleJointly(world, stay, await jointOf(world, stay, stay.startedAt + 1n), { sla }),
        "ChargingLedger_WrongTerms",
        termsHash({ ...stay.agreement.terms, sla }),
        termsHash(stay.agreement.terms),
      );
      await expectRefusal(
        world,
        settleJointly(world, stay, await jointOf(world, stay, stay.startedAt)),
        "ChargingLedger_BeforeStay",
        stay.vm,
        stay.sequence,
        stay.startedAt,
        stay.startedAt,
      );
    });
  });
});
