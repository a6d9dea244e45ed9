import { expect } from "chai";
import { concat, dataLength, getCreate2Address, getCreateAddress, keccak256, toBeHex } from "ethers";
import { network } from "hardhat";

import { type StructLog, type Touched, collectTouched } from "../../../network/genesis/touched.js";

const { ethers, provider } = await network.create();

const PUSH1 = "0x60";
const slotOf = (slot: number): string => toBeHex(slot, 32);

/** Code that writes 1 into a slot. */
const store = (slot: number): string => concat([PUSH1, "0x01", PUSH1, toBeHex(slot, 1), "0x55"]);

/** Code that calls another address: CALL (0xf1) with a value argument, DELEGATECALL (0xf4) and STATICCALL (0xfa) without. */
const call = (op: string, to: string): string =>
  concat([
    ...["0x00", "0x00", "0x00", "0x00"].map((zero) => concat([PUSH1, zero])),
    ...(op === "0xf1" ? [concat([PUSH1, "0x00"])] : []),
    concat(["0x73", to]),
    "0x61ffff",
    op,
    "0x50",
  ]);

/** Code that copies what follows it into memory: the last bytes of the code it stands in. */
const copyTail = (tail: string, offset: number): string =>
  concat([PUSH1, toBeHex(dataLength(tail), 1), PUSH1, toBeHex(offset, 1), PUSH1, "0x00", "0x39"]);

/** Creation code that leaves this code behind. */
function creating(runtime: string): string {
  const head = 12;
  return concat([copyTail(runtime, head), PUSH1, toBeHex(dataLength(runtime), 1), PUSH1, "0x00", "0xf3", runtime]);
}

/** Code that creates a contract with this creation code; CREATE2 takes a salt as well. */
function factory(op: "0xf0" | "0xf5", init: string): string {
  const tail = op === "0xf5" ? 18 : 16;
  const body = concat([
    copyTail(init, tail),
    ...(op === "0xf5" ? [concat([PUSH1, "0x07"])] : []),
    concat([PUSH1, toBeHex(dataLength(init), 1), PUSH1, "0x00", PUSH1, "0x00"]),
    op,
    "0x50",
    "0x00",
  ]);
  if (dataLength(body) !== tail) throw new Error(`the code begins at ${dataLength(body)}`);
  return concat([body, init]);
}

async function deploy(runtime: string): Promise<string> {
  const [sender] = await ethers.getSigners();
  const receipt = await (await sender!.sendTransaction({ data: creating(runtime) })).wait();
  return receipt!.contractAddress!;
}

/** What a call of a contract touched. */
async function touchedBy(target: string): Promise<Record<string, string[]>> {
  const [sender] = await ethers.getSigners();
  const { hash } = await sender!.sendTransaction({ to: target, gasLimit: 1_000_000 });
  const trace = (await provider.request({
    method: "debug_traceTransaction",
    params: [hash, { disableMemory: true, disableStorage: true }],
  })) as { readonly structLogs: readonly StructLog[] };
  const touched: Touched = new Map();
  collectTouched(target, trace.structLogs, touched);
  return Object.fromEntries([...touched].map(([owner, slots]) => [owner, [...slots].sort()]));
}

describe("touched", function () {
  describe("collectTouched", function () {
    it("counts a slot for the contract that was called", async function () {
      const writer = await deploy(store(3));
      const caller = await deploy(concat([store(1), call("0xf1", writer), store(2)]));
      expect(await touchedBy(caller)).to.deep.equal({ [caller]: [slotOf(1), slotOf(2)], [writer]: [slotOf(3)] });
    });

    it("counts a slot that a delegate writes for its caller, through several levels", async function () {
      const writer = await deploy(store(3));
      const middle = await deploy(concat([store(2), call("0xf4", writer)]));
      const caller = await deploy(concat([call("0xf4", middle), store(1)]));
      expect(await touchedBy(caller)).to.deep.equal({ [caller]: [slotOf(1), slotOf(2), slotOf(3)] });
    });

    it("goes on with the caller after a call that fails", async function () {
      const failing = await deploy(concat([store(3), "0xfe"]));
      const caller = await deploy(concat([call("0xf1", failing), store(1)]));
      const { [caller]: own } = await touchedBy(caller);
      expect(own).to.deep.equal([slotOf(1)]);
    });

    it("stays with the caller where the callee has no code", async function () {
      const caller = await deploy(concat([call("0xf1", `0x${"11".repeat(20)}`), store(1)]));
      expect(await touchedBy(caller)).to.deep.equal({ [caller]: [slotOf(1)] });
    });

    for (const [name, op] of [
      ["CREATE", "0xf0"],
      ["CREATE2", "0xf5"],
    ] as const) {
      it(`counts what a constructor writes for the contract that ${name} makes`, async function () {
        const init = concat([store(5), store(6), PUSH1, "0x00", PUSH1, "0x00", "0xf3"]);
        const maker = await deploy(factory(op, init));
        const created =
          op === "0xf0"
            ? getCreateAddress({ from: maker, nonce: 1 })
            : getCreate2Address(maker, slotOf(7), keccak256(init));
        expect(await touchedBy(maker)).to.deep.equal({ [created]: [slotOf(5), slotOf(6)] });
      });
    }

    it("refuses a trace that goes deeper without a call", function () {
      const logs = [
        { op: "PUSH1", depth: 1, stack: [] },
        { op: "SSTORE", depth: 2, stack: ["0x1", "0x2"] },
      ];
      expect(() => {
        collectTouched(`0x${"11".repeat(20)}`, logs, new Map());
      }).to.throw("deeper after PUSH1");
    });
  });
});
