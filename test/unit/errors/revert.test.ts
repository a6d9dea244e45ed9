import { expect } from "chai";
import { network } from "hardhat";
import { AbiCoder, Contract, Interface, Wallet, concat, id, makeError } from "ethers";

import {
  BusError,
  RevertError,
  asRevert,
  decodeRevert,
  findRevertData,
  register,
  asSender,
  vmOf,
} from "../../../src/index.js";
import { MigrationLedger__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { SMALL, emptyFederation } from "../../fixtures/library.js";

const { ethers, networkHelpers } = await network.create();

const VM = id("vm");
const ledger = new Interface(MigrationLedger__factory.abi);
const DATA = ledger.encodeErrorResult("MigrationLedger_StaleNonce", [VM, 3, 2]);

/** Every shape in which a node or a library was seen to return revert data. */
const shapes: { readonly [shape: string]: unknown } = {
  "bare hex": DATA,
  "Parity's prefix": `Reverted ${DATA}`,
  "an ethers CALL_EXCEPTION with data": makeError("execution reverted", "CALL_EXCEPTION", {
    action: "call",
    data: DATA,
    reason: null,
    transaction: { to: null, data: "0x12345678" },
    invocation: null,
    revert: null,
  }),
  "an ethers estimateGas exception that leaves data undecoded": {
    code: "CALL_EXCEPTION",
    action: "estimateGas",
    data: null,
    info: { error: { code: 3, message: "Execution reverted", data: DATA }, payload: { method: "eth_estimateGas" } },
  },
  "Besu's JSON-RPC error": { code: 3, message: "Execution reverted", data: DATA },
  "Besu's whole answer": { jsonrpc: "2.0", id: 1, error: { code: 3, message: "Execution reverted", data: DATA } },
  "ethers UNKNOWN_ERROR around a JSON-RPC error": {
    code: "UNKNOWN_ERROR",
    error: { code: -32000, message: "reverted", data: { data: DATA } },
  },
  "Hardhat's provider error": { code: -32603, data: { message: "reverted", txHash: id("tx"), data: DATA } },
  "Hardhat's with a plain string": { code: 3, data: DATA, name: "ProviderError" },
  "a receipt with revertReason": { status: "0x0", revertReason: DATA },
  "an ethers exception around such a receipt": { code: "CALL_EXCEPTION", receipt: { status: 0, revertReason: DATA } },
  "a JSON body as text": { body: JSON.stringify({ error: { code: 3, data: DATA } }) },
  "a cause": new Error("outer", { cause: { data: DATA } }),
};

describe("errors", function () {
  describe("findRevertData", function () {
    for (const [shape, thrown] of Object.entries(shapes)) {
      it(`finds it in ${shape}`, function () {
        expect(findRevertData(thrown)).to.equal(DATA);
      });
    }

    it("tells a revert without data from no revert", function () {
      expect(findRevertData({ code: 3, message: "Execution reverted", data: "0x" })).to.equal("0x");
      expect(findRevertData({ code: "CALL_EXCEPTION", data: "0x" })).to.equal("0x");
      expect(findRevertData({ code: -32007, message: "Sender account not authorized" })).to.equal(undefined);
      expect(findRevertData({ code: "CALL_EXCEPTION", data: null })).to.equal(undefined);
    });

    it("does not take a transaction's data for a refusal", function () {
      const thrown = { code: "INSUFFICIENT_FUNDS", transaction: { data: DATA }, info: { payload: { params: [DATA] } } };
      expect(findRevertData(thrown)).to.equal(undefined);
    });

    it("comes to an end in a circle", function () {
      const thrown: { cause?: unknown; error?: unknown } = {};
      thrown.cause = thrown;
      thrown.error = { cause: thrown };
      expect(findRevertData(thrown)).to.equal(undefined);
    });

    for (const thrown of [undefined, null, 7, "text", "{broken", "0x1234", "0x12345678ff"]) {
      it(`finds nothing in ${JSON.stringify(thrown)}`, function () {
        expect(findRevertData(thrown)).to.equal(undefined);
      });
    }
  });

  describe("decodeRevert", function () {
    it("names a contract's error and its arguments", function () {
      const found = decodeRevert(DATA);

      expect(found).to.be.instanceOf(BusError);
      expect(found.code).to.equal("REVERTED");
      expect(found.errorName).to.equal("MigrationLedger_StaleNonce");
      expect(found.args).to.deep.equal({ vm: VM, nonce: 3n, named: 2n });
      expect(found.data).to.equal(DATA);
    });

    it("knows Error and Panic", function () {
      const coder = AbiCoder.defaultAbiCoder();
      const reason = decodeRevert(concat(["0x08c379a0", coder.encode(["string"], ["no"])]));
      expect([reason.errorName, reason.args]).to.deep.equal(["Error", { reason: "no" }]);
      const panic = decodeRevert(concat(["0x4e487b71", coder.encode(["uint256"], [17])]));
      expect([panic.errorName, panic.args]).to.deep.equal(["Panic", { code: 17n }]);
    });

    for (const [name, text, args] of [
      ["AccessManagedUnauthorized", "address caller", [Wallet.createRandom().address]],
      ["AccessManagerUnauthorizedAccount", "address account,uint64 roleId", [Wallet.createRandom().address, 1n]],
      ["ResourceVector_LaneTooBig", "uint8 lane,uint32 amount", [1n, 2n ** 31n]],
      ["ResourceVector_TopBitSet", "uint256 word", [1n << 31n]],
      [
        "CapacityExchange_NoRoom",
        "uint32 cloud,uint16 site,uint8 lane,uint32 wouldBe,uint32 capacity",
        [1n, 2n, 0n, 5n, 4n],
      ],
      ["CloudRegistry_UnknownCloud", "uint32 cloud", [9n]],
    ] as const) {
      it(`knows ${name}`, function () {
        const data = new Interface([`error ${name}(${text})`]).encodeErrorResult(name, args);
        const found = decodeRevert(data);
        expect(found.errorName).to.equal(name);
        expect(Object.values(found.args)).to.deep.equal(args);
      });
    }

    it("keeps what it does not know", function () {
      const data = "0xdeadbeef";
      expect(decodeRevert(data).errorName).to.equal("Unknown");
      expect(decodeRevert(data).args).to.deep.equal({ data });
      expect(decodeRevert("0x").errorName).to.equal("Unknown");
      expect(decodeRevert(DATA.slice(0, 74)).errorName, "cut off").to.equal("Unknown");
    });
  });

  describe("asRevert", function () {
    it("leaves alone what is no revert, and what it made itself", function () {
      const other = new Error("network");
      expect(asRevert(other)).to.equal(other);
      const own = new BusError("TIMEOUT", "late", { cause: { data: DATA } });
      expect(asRevert(own)).to.equal(own);
    });

    it("keeps what was thrown as the cause", function () {
      const thrown = { code: 3, data: DATA };
      expect(asRevert(thrown)).to.be.instanceOf(RevertError).with.property("cause", thrown);
    });
  });

  describe("from a node", function () {
    const codes = async (act: () => Promise<unknown>) => {
      try {
        await act();
      } catch (thrown) {
        return asRevert(thrown);
      }
      throw new Error("nothing was thrown");
    };

    it("decodes what a view throws", async function () {
      const { federation } = await networkHelpers.loadFixture(emptyFederation);
      const thrown = await codes(() => vmOf(federation, VM));
      expect(thrown).to.be.instanceOf(RevertError).with.property("errorName", "MigrationLedger_UnknownVm");
      expect(thrown).to.have.deep.property("args", { vm: VM });
    });

    it("decodes what an action throws, before anything is sent", async function () {
      const { federation, members } = await networkHelpers.loadFixture(emptyFederation);
      const [one, two] = members;
      const before = await ethers.provider.getTransactionCount(await two.account.getAddress());

      const thrown = await codes(() => register(asSender(federation, two.account), one.cloud, VM, SMALL));

      expect(thrown).to.be.instanceOf(RevertError).with.property("errorName", "CloudRegistry_NotAuthorized");
      expect(thrown).to.have.deep.property("args", { cloud: 1n, sender: await two.account.getAddress() });
      expect(await ethers.provider.getTransactionCount(await two.account.getAddress())).to.equal(before);
    });

    it("decodes what ethers' own contract throws for calls, estimates and transactions", async function () {
      const { federation, spare } = await networkHelpers.loadFixture(emptyFederation);
      const [stranger] = spare;
      const registry = new Contract(
        federation.addressBook.contracts.CloudRegistry,
        federation.registry.interface,
        stranger,
      );
      for (const way of ["staticCall", "estimateGas", "send"] as const) {
        const thrown = await codes(() => registry.getFunction("expel")[way](1));
        expect(thrown, way).to.be.instanceOf(RevertError).with.property("errorName", "AccessManagedUnauthorized");
      }
    });
  });
});
