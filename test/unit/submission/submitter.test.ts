import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { Submitter, asSender, eventOf, register, withSubmitter } from "../../../src/index.js";
import { providerExchange } from "../../../src/submission/exchange.js";
import { SMALL } from "../../fixtures/library.js";
import { keyFederation } from "../../fixtures/submission.js";

const { networkHelpers } = await network.create();

describe("Submitter", function () {
  describe("send", function () {
    it("takes every action of a federation that has one", async function () {
      const { federation, addressBook, accounts } = await networkHelpers.loadFixture(keyFederation);
      const exchange = providerExchange(federation.provider);
      const submitter = new Submitter({
        chain: addressBook,
        nodes: [{ name: "simulator", exchange }],
        outbox: ":memory:",
      });
      const [one] = accounts;
      const sender = asSender(withSubmitter(federation, submitter), one);

      const sent = await register(sender, 1, id("vm"), SMALL, { id: "first" });
      expect(eventOf(sent, "VmRegistered").args.home).to.equal(1n);
      expect(submitter.find("first")).to.include({ state: "final", name: "register", nonce: 0 });
      await submitter.close();
    });
  });
});
