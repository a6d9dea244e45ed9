import { expect } from "chai";
import { Wallet, id } from "ethers";
import { network } from "hardhat";

import {
  type AddressBook,
  BusError,
  asSender,
  connectFederation,
  eventOf,
  freshSalt,
  openFederation,
  parseAddressBook,
  register,
  revoke,
} from "../../../src/index.js";
import { sendingBy } from "../../../scripts/sendingBy.js";
import { SMALL, emptyFederation } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof BusError) return thrown.code;
    throw thrown;
  }
  return "none";
}

describe("chain", function () {
  describe("parseAddressBook", function () {
    it("takes what the schema describes", async function () {
      const { addressBook } = await networkHelpers.loadFixture(emptyFederation);
      expect(parseAddressBook(JSON.parse(JSON.stringify(addressBook)))).to.deep.equal(addressBook);
    });

    it("names the path and the value of a mistake", async function () {
      const { addressBook } = await networkHelpers.loadFixture(emptyFederation);
      const { contracts } = addressBook;
      const mistakes: readonly (readonly [path: string, book: unknown])[] = [
        ["/:", 7],
        ["/:", []],
        ["/chainId:", { ...addressBook, chainId: 1337 }],
        ["/chainId:", { ...addressBook, chainId: "0" }],
        ["/genesisHash:", { ...addressBook, genesisHash: "0x12" }],
        ["/rpc:", { ...addressBook, rpc: "http://localhost" }],
        ["/contracts:", { ...addressBook, contracts: null }],
        ["/contracts/Oracle:", { ...addressBook, contracts: { ...contracts, Oracle: contracts.CloudRegistry } }],
        ["/contracts/MigrationLedger:", { ...addressBook, contracts: { ...contracts, MigrationLedger: "0x12" } }],
      ];
      for (const [path, book] of mistakes) {
        expect(() => parseAddressBook(book), path)
          .to.throw(BusError, path)
          .with.property("code", "BAD_ADDRESS_BOOK");
      }
    });
  });

  describe("openFederation", function () {
    it("opens the chain of the address book and no other", async function () {
      const { federation, addressBook } = await networkHelpers.loadFixture(emptyFederation);
      const { provider } = federation;
      const opening = (changes: Partial<AddressBook>) =>
        codeOf(() => openFederation(provider, { ...addressBook, ...changes }));
      const nowhere = { ...addressBook.contracts, CapacityExchange: Wallet.createRandom().address };

      expect(await opening({})).to.equal("none");
      expect(await opening({ chainId: "1" })).to.equal("UNKNOWN_CHAIN");
      expect(await opening({ genesisHash: id("other") })).to.equal("WRONG_GENESIS");
      expect(await opening({ contracts: nowhere })).to.equal("NO_CODE");
    });
  });

  describe("send", function () {
    it("needs a sender", async function () {
      const { federation } = await networkHelpers.loadFixture(emptyFederation);
      expect(await codeOf(() => register(federation, 1, id("vm"), SMALL))).to.equal("NO_SIGNER");
    });

    it("gives up waiting", async function () {
      const { federation, members } = await networkHelpers.loadFixture(emptyFederation);
      const { provider } = federation;
      const [one] = members;
      await provider.send("evm_setAutomine", [false]);
      try {
        const waiting = { timeoutMs: 0, pollMs: 1 };
        const code = await codeOf(() => revoke(asSender(federation, one.account), 1, id("document"), waiting));
        expect(code).to.equal("TIMEOUT");
      } finally {
        await provider.send("evm_setAutomine", [true]);
        await provider.send("evm_mine", []);
      }
    });

    it("gives a key's transactions their nonces in the order of the calls", async function () {
      const { federation, addressBook, members } = await networkHelpers.loadFixture(emptyFederation);
      const [one] = members;
      const { provider } = federation;
      // The fifth account of every Hardhat chain is the first founder's.
      const key = new Wallet("0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a");
      expect(key.address).to.equal(await one.account.getAddress());
      const counted: string[] = [];
      const counting = sendingBy(provider, (method, params) => {
        counted.push(method);
        return provider.send(method, params);
      });
      const sender = connectFederation(counting, addressBook, key);

      const sent = await Promise.all([1, 2, 3].map(() => register(sender, 1, freshSalt(), SMALL)));

      const vms = sent.map((each) => String(eventOf(each, "VmRegistered").args.vm));
      expect(new Set(vms).size).to.equal(3);
      expect(counted.filter((method) => method === "eth_getTransactionCount")).to.have.length(1);
      expect(counted.filter((method) => method === "eth_sendRawTransaction")).to.have.length(3);
    });

    it("names an event that is missing", async function () {
      const { federation, members } = await networkHelpers.loadFixture(emptyFederation);
      const sent = await revoke(asSender(federation, members[0].account), 1, id("document"));
      expect(await codeOf(() => eventOf(sent, "VmRegistered"))).to.equal("MISSING_EVENT");
    });
  });
});
