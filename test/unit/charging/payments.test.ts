import { expect } from "chai";
import { ZeroHash } from "ethers";
import { network } from "hardhat";

import {
  EUR,
  callBooks,
  charged,
  expectRefusal,
  noteOf,
  owed,
  paymentRef,
  postNotes,
} from "../../fixtures/charging.js";
import { CONTRACT, HOME, HOST, OTHER, UNKNOWN, bindAgent, cloudOf } from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const UNIT = 1_000_000_000n;
const MOST = 2n ** 96n - 1n;

describe("ChargingLedger", function () {
  describe("acknowledge", function () {
    it("takes off what the debtor owes, and more than that", async function () {
      const world = await networkHelpers.loadFixture(charged);
      await postNotes(world, [await noteOf(world)]);

      const sent = callBooks(world, HOST, "acknowledge", [HOST, HOME, "EUR", UNIT / 4n, paymentRef("1")]);

      await expect(sent)
        .to.emit(world.charging, "PaymentAcknowledged")
        .withArgs(HOST, HOME, paymentRef("1"), EUR, UNIT / 4n);
      expect(await owed(world, HOST, HOME)).to.equal((UNIT * 3n) / 4n);
      await callBooks(world, HOST, "acknowledge", [HOST, HOME, "EUR", UNIT, paymentRef("2")]);
      expect(await owed(world, HOST, HOME)).to.equal(-UNIT / 4n);
    });

    it("counts a reference once for each creditor, whoever the debtor", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const payment = paymentRef("invoice 7");
      await callBooks(world, HOST, "acknowledge", [HOST, HOME, "EUR", 1n, payment]);
      expect(await world.charging.isAcknowledged(HOST, payment)).to.equal(true);
      expect(await world.charging.isAcknowledged(HOME, payment)).to.equal(false);

      await expectRefusal(
        world,
        callBooks(world, HOST, "acknowledge", [HOST, OTHER, "USD", 5n, payment]),
        "ChargingLedger_AlreadyAcknowledged",
        HOST,
        payment,
      );
      await callBooks(world, OTHER, "acknowledge", [OTHER, HOME, "EUR", 1n, payment]);
      await callBooks(world, CONTRACT, "acknowledge", [CONTRACT, HOME, "EUR", MOST, payment]);

      expect(await owed(world, HOST, HOME)).to.equal(-1n);
      expect(await owed(world, CONTRACT, HOME)).to.equal(-MOST);
    });

    it("is for the creditor's account alone", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const [agent] = world.spare;
      await bindAgent(world, HOST, agent!, { scopes: 63 });

      for (const sender of [agent!, cloudOf(world, HOME).key]) {
        await expectRefusal(
          world,
          callBooks(world, sender, "acknowledge", [HOST, HOME, "EUR", 1n, paymentRef("1")]),
          "CloudRegistry_NotAuthorized",
          HOST,
          sender.address,
        );
      }
      await expectRefusal(
        world,
        callBooks(world, HOST, "acknowledge", [UNKNOWN, HOME, "EUR", 1n, paymentRef("1")]),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
    });

    it("reverts for itself, for nobody, for nothing, without a reference, and for no currency", async function () {
      const world = await networkHelpers.loadFixture(charged);
      const acknowledge = (debtor: number, currency: string, amount: bigint, payment: string) =>
        callBooks(world, HOST, "acknowledge", [HOST, debtor, currency, amount, payment]);

      await expectRefusal(world, acknowledge(HOST, "EUR", 1n, paymentRef("1")), "ChargingLedger_SameCloud", HOST);
      await expectRefusal(world, acknowledge(0, "EUR", 1n, paymentRef("1")), "ChargingLedger_UnknownCloud", 0);
      await expectRefusal(
        world,
        acknowledge(UNKNOWN, "EUR", 1n, paymentRef("1")),
        "ChargingLedger_UnknownCloud",
        UNKNOWN,
      );
      await expectRefusal(world, acknowledge(HOME, "EUR", 0n, paymentRef("1")), "ChargingLedger_NoAmount");
      await expectRefusal(world, acknowledge(HOME, "EUR", 1n, ZeroHash), "ChargingLedger_NoPaymentReference");
      await expectRefusal(world, acknowledge(HOME, "€", 1n, paymentRef("1")), "Currency_NotThreeLetters", "€");
      expect(await owed(world, HOST, HOME)).to.equal(0n);
    });
  });

  it("is tied to its oracle, and by that to a ledger and a registry", async function () {
    const world = await networkHelpers.loadFixture(charged);

    expect(await world.charging.oracle()).to.equal(await world.results.getAddress());
    expect(await world.charging.ledger()).to.equal(await world.ledger.getAddress());
    expect(await world.charging.registry()).to.equal(await world.registry.getAddress());
  });
});
