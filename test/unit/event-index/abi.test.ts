import { expect } from "chai";
import { AbiCoder, type Interface, type ParamType, Result, getAddress } from "ethers";
import fc from "fast-check";

import { CONTRACT_NAMES, type AddressBook } from "../../../src/chain/addressBook.js";
import { BusError } from "../../../src/errors/busError.js";
import { CONTRACT_INTERFACES, type EventPlan, eventJson, eventPlans } from "../../../src/event-index/abi.js";

const ADDRESSES = CONTRACT_NAMES.map((_, index) => getAddress(`0x${String(index + 1).padStart(40, "0")}`));
const BOOK: AddressBook = {
  chainId: "1337",
  genesisHash: `0x${"00".repeat(32)}`,
  contracts: Object.fromEntries(
    CONTRACT_NAMES.map((name, index) => [name, ADDRESSES[index]]),
  ) as AddressBook["contracts"],
};
const PLANS = eventPlans(BOOK);
const CODER = AbiCoder.defaultAbiCoder();

const bytesOf = (count: number) =>
  fc.uint8Array({ minLength: count, maxLength: count }).map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);

/** Values of a type, as ethers encodes them. */
function valuesOf(type: ParamType): fc.Arbitrary<unknown> {
  if (type.baseType === "array") {
    const child = valuesOf(type.arrayChildren!);
    const exact =
      type.arrayLength === -1 ? { maxLength: 5 } : { minLength: type.arrayLength!, maxLength: type.arrayLength! };
    return fc.array(child, exact);
  }
  if (type.baseType === "tuple") return fc.tuple(...type.components!.map(valuesOf));
  const bits = Number(/^uint(\d+)$/.exec(type.type)?.[1] ?? 0);
  if (bits > 0) return fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
  const signed = Number(/^int(\d+)$/.exec(type.type)?.[1] ?? 0);
  if (signed > 0) return fc.bigInt({ min: -(2n ** BigInt(signed - 1)), max: 2n ** BigInt(signed - 1) - 1n });
  const bytes = Number(/^bytes(\d+)$/.exec(type.type)?.[1] ?? 0);
  if (bytes > 0) return bytesOf(bytes);
  if (type.type === "address") return bytesOf(20).map((hex) => getAddress(hex));
  if (type.type === "bool") return fc.boolean();
  if (type.type === "bytes")
    return fc.uint8Array({ maxLength: 70 }).map((raw) => `0x${Buffer.from(raw).toString("hex")}`);
  if (type.type === "string") return fc.string({ unit: "binary", maxLength: 40 });
  throw new Error(`no values for ${type.type}`);
}

/** What ethers decodes, as the index tells it. */
function asJson(type: ParamType, value: unknown): unknown {
  if (value instanceof Result) {
    if (type.baseType === "array") return value.toArray().map((element) => asJson(type.arrayChildren!, element));
    return Object.fromEntries(type.components!.map((part, index) => [part.name, asJson(part, value[index])]));
  }
  if (typeof value !== "bigint") return value;
  if (type.type.startsWith("int")) return value.toString();
  return Number(type.type.slice("uint".length)) > 32 ? value.toString() : Number(value);
}

function decoded(plan: EventPlan, log: { topics: readonly string[]; data: string }) {
  const values = plan.decode(log.topics, log.data);
  return Object.fromEntries(plan.fragment.inputs.map((input) => [input.name, eventJson(input, values[input.name]!)]));
}

function sameAsEthers(plan: EventPlan, contract: Interface): fc.IProperty<[unknown[]]> {
  return fc.property(fc.tuple(...plan.fragment.inputs.map(valuesOf)), (values) => {
    const log = contract.encodeEventLog(plan.fragment, values);
    const parsed = contract.parseLog(log)!;
    const wanted = plan.fragment.inputs.map((input, index) => [input.name, asJson(input, parsed.args[index])]);
    expect(decoded(plan, log)).to.deep.equal(Object.fromEntries(wanted));
  });
}

describe("event decoders", function () {
  for (const plan of PLANS.all) {
    it(`${plan.contract}.${plan.name}: the same as ethers`, function () {
      fc.assert(sameAsEthers(plan, CONTRACT_INTERFACES[plan.contract]), { numRuns: 10, seed: 1 });
    });
  }

  it("finds the event of a log by address and topic, and none for others", function () {
    for (const [number, plan] of PLANS.all.entries()) {
      const address = BOOK.contracts[plan.contract];
      expect(PLANS.numberOf({ address: address.toLowerCase(), topics: [plan.fragment.topicHash] })).to.equal(number);
    }
    const topics = [CONTRACT_INTERFACES.MigrationLedger.getEvent("MoveStarted")!.topicHash];
    expect(PLANS.numberOf({ address: BOOK.contracts.CloudRegistry, topics })).to.equal(undefined);
    expect(PLANS.numberOf({ address: getAddress(`0x${"ab".repeat(20)}`), topics })).to.equal(undefined);
    expect(PLANS.numberOf({ address: BOOK.contracts.MigrationLedger, topics: [] })).to.equal(undefined);
  });

  it("reads a part of an argument as it reads the whole", function () {
    const plan = PLANS.all.find(({ name }) => name === "MoveAgreed")!;
    const input = plan.fragment.inputs.at(-1)!;
    fc.assert(
      fc.property(fc.tuple(...plan.fragment.inputs.map(valuesOf)), (values) => {
        const log = CONTRACT_INTERFACES.MigrationLedger.encodeEventLog(plan.fragment, values);
        const whole = plan.argument("document").read(log.topics, log.data);
        for (const { name } of input.components!) {
          const part = plan.argument(`document.${name}`).read(log.topics, log.data);
          expect(part).to.deep.equal((whole as { [part: string]: unknown })[name]);
        }
      }),
      { numRuns: 10, seed: 1 },
    );
    expect(() => plan.argument("document.price")).to.throw(BusError);
    expect(() => plan.argument("price")).to.throw(BusError);
  });

  it("INDEX_GAP: data that ends too early, or with a list without end", function () {
    const plan = PLANS.all.find(({ name }) => name === "OfferMade")!;
    const log = fc.sample(fc.tuple(...plan.fragment.inputs.map(valuesOf)), { numRuns: 1, seed: 1 })[0]!;
    const { topics, data } = CONTRACT_INTERFACES.CapacityExchange.encodeEventLog(plan.fragment, log);
    expect(() => plan.decode(topics, data.slice(0, 200)))
      .to.throw(BusError)
      .with.property("code", "INDEX_GAP");
    const moved = PLANS.all.find(({ name }) => name === "AgentSet")!;
    const endless = CODER.encode(["uint8", "uint48", "uint256", "uint256"], [1, 2, 96, 2n ** 40n]);
    expect(() => moved.decode([moved.fragment.topicHash, `0x${"0".repeat(64)}`, `0x${"0".repeat(64)}`], endless))
      .to.throw(BusError)
      .with.property("code", "INDEX_GAP");
  });
});
