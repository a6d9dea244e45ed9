import { type EventFragment, Interface, type ParamType, getAddress } from "ethers";

import { type AddressBook, CONTRACT_NAMES } from "../chain/addressBook.js";
import { BusError } from "../errors/busError.js";
import { AccessManager__factory } from "../typechain/factories/@openzeppelin/contracts/access/manager/AccessManager__factory.js";
import { ChargingLedger__factory } from "../typechain/factories/contracts/charging/ChargingLedger__factory.js";
import { CapacityExchange__factory } from "../typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { FederationGovernor__factory } from "../typechain/factories/contracts/governance/FederationGovernor__factory.js";
import { ValidatorSet__factory } from "../typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { MigrationLedger__factory } from "../typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { SlaOracle__factory } from "../typechain/factories/contracts/oracle/SlaOracle__factory.js";
import { CloudRegistry__factory } from "../typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { ReputationLedger__factory } from "../typechain/factories/contracts/reputation/ReputationLedger__factory.js";

/** Name of a contract in the address book. */
export type ContractName = (typeof CONTRACT_NAMES)[number];

/** What each contract of the address book can emit and be asked. A new contract is one more line. */
export const CONTRACT_INTERFACES: { readonly [name in ContractName]: Interface } = {
  AccessManager: new Interface(AccessManager__factory.abi),
  CloudRegistry: new Interface(CloudRegistry__factory.abi),
  CapacityExchange: new Interface(CapacityExchange__factory.abi),
  MigrationLedger: new Interface(MigrationLedger__factory.abi),
  SlaOracle: new Interface(SlaOracle__factory.abi),
  ChargingLedger: new Interface(ChargingLedger__factory.abi),
  ReputationLedger: new Interface(ReputationLedger__factory.abi),
  ValidatorSet: new Interface(ValidatorSet__factory.abi),
  FederationGovernor: new Interface(FederationGovernor__factory.abi),
};

/** A log as a node gives it, all in hex. */
export interface RawLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly logIndex: string;
  readonly transactionHash: string;
}

/**
 * A decoded value: whole numbers up to 48 bits as a number, wider ones and those with a sign as a bigint, bytes and
 * addresses as hex.
 */
export type EventValue =
  string | number | bigint | boolean | readonly EventValue[] | { readonly [name: string]: EventValue };

/** What SQLite stores of a value. */
export type SqlValue = string | number | bigint;

/** Reads a value out of a log. */
export type LogReader<T> = (topics: readonly string[], data: string) => T;

/**
 * A value in the data of a log: `at` is where its head stands and `base` where its tuple begins, both counted in
 * characters of the hex string.
 */
type DataReader = (data: string, at: number, base: number) => EventValue;

const WORD = 64;
const PREFIX = 2;
/** Nothing that a log may say makes the index read without end. */
const MOST_ELEMENTS = 65_536;

function isDynamic(type: ParamType): boolean {
  if (type.baseType === "array") return type.arrayLength === -1 || isDynamic(childOf(type));
  if (type.baseType === "tuple") return componentsOf(type).some(isDynamic);
  return type.type === "string" || type.type === "bytes";
}

function childOf(type: ParamType): ParamType {
  if (!type.arrayChildren) throw new BusError("UNKNOWN_CONTRACT", `${type.type} is no array`);
  return type.arrayChildren;
}

function componentsOf(type: ParamType): readonly ParamType[] {
  return type.components ?? [];
}

/** Words that a value takes in the head of its tuple. */
function headWords(type: ParamType): number {
  if (isDynamic(type)) return 1;
  if (type.baseType === "array") return (type.arrayLength ?? 0) * headWords(childOf(type));
  if (type.baseType === "tuple") return componentsOf(type).reduce((sum, part) => sum + headWords(part), 0);
  return 1;
}

const wordAt = (data: string, at: number): string => {
  if (at + WORD > data.length) throw new BusError("INDEX_GAP", `a log's data ends before its word at ${at}`);
  return data.slice(at, at + WORD);
};

const lengthAt = (data: string, at: number): number => Number.parseInt(wordAt(data, at).slice(-12), 16);

function countAt(data: string, at: number): number {
  const count = lengthAt(data, at);
  if (count > MOST_ELEMENTS) throw new BusError("INDEX_GAP", `a log's data has a list of ${count} elements`);
  return count;
}

const UINT = /^uint(\d+)$/;
const INT = /^int(\d+)$/;

function wordReader(type: string): (word: string) => EventValue {
  const bits = Number(UINT.exec(type)?.[1] ?? 0);
  if (bits > 0 && bits <= 48) return (word) => Number.parseInt(word.slice(-12), 16);
  if (bits > 48) return (word) => BigInt(`0x${word}`);
  // In two's complement, whatever its width.
  if (INT.test(type)) return (word) => BigInt.asIntN(256, BigInt(`0x${word}`));
  if (type === "address") return (word) => `0x${word.slice(24)}`;
  if (type === "bool") return (word) => word.endsWith("1");
  const bytes = Number(/^bytes(\d+)$/.exec(type)?.[1] ?? 0);
  if (bytes > 0) return (word) => `0x${word.slice(0, bytes * 2)}`;
  throw new BusError("UNKNOWN_CONTRACT", `events with ${type} cannot be read`);
}

/** Reads a value whose head stands at `at`; follows the offset if it is dynamic. */
function dataReader(type: ParamType): DataReader {
  const read = bodyReader(type);
  if (!isDynamic(type)) return (data, at, base) => read(data, at, base);
  return (data, at, base) => {
    const body = base + lengthAt(data, at) * 2;
    return read(data, body, body);
  };
}

function bodyReader(type: ParamType): DataReader {
  if (type.baseType === "tuple") return tupleReader(componentsOf(type));
  if (type.baseType === "array") return arrayReader(type);
  if (type.type === "string" || type.type === "bytes") return bytesReader(type.type);
  const read = wordReader(type.type);
  return (data, at) => read(wordAt(data, at));
}

function tupleReader(parts: readonly ParamType[]): DataReader {
  let words = 0;
  const fields = parts.map((part) => {
    const field = { name: part.name, offset: words * WORD, read: dataReader(part) };
    words += headWords(part);
    return field;
  });
  return (data, at) => {
    const value: { [name: string]: EventValue } = {};
    for (const { name, offset, read } of fields) value[name] = read(data, at + offset, at);
    return value;
  };
}

function arrayReader(type: ParamType): DataReader {
  const child = childOf(type);
  const read = dataReader(child);
  const step = headWords(child) * WORD;
  return (data, at) => {
    const isCounted = type.arrayLength === -1;
    const count = isCounted ? countAt(data, at) : (type.arrayLength ?? 0);
    const first = isCounted ? at + WORD : at;
    return Array.from({ length: count }, (_, index) => read(data, first + index * step, first));
  };
}

function bytesReader(type: "string" | "bytes"): DataReader {
  return (data, at) => {
    const length = lengthAt(data, at) * 2;
    const hex = data.slice(at + WORD, at + WORD + length);
    if (hex.length < length) throw new BusError("INDEX_GAP", `a log's data ends within ${type}`);
    return type === "bytes" ? `0x${hex}` : Buffer.from(hex, "hex").toString("utf8");
  };
}

/** An event of a contract: how its logs are read. */
export interface EventPlan {
  readonly contract: ContractName;
  readonly name: string;
  readonly fragment: EventFragment;
  /** All arguments by name. */
  readonly decode: LogReader<{ readonly [name: string]: EventValue }>;
  /**
   * One argument, or a part of it (`document.charter`), to be read without decoding the rest.
   * @throws BusError `UNKNOWN_CONTRACT` if the event has no such argument.
   */
  readonly argument: (path: string) => Argument;
}

/** An argument of an event, or a part of one. */
export interface Argument {
  readonly type: ParamType;
  readonly read: LogReader<EventValue>;
}

/** Where an argument, or a part of one, stands in a log's data: the position of its body. */
interface Spot {
  readonly type: ParamType;
  readonly at: (data: string) => number;
}

function spotIn(type: ParamType, head: (data: string) => number, base: (data: string) => number): Spot {
  if (!isDynamic(type)) return { type, at: head };
  return { type, at: (data) => base(data) + lengthAt(data, head(data)) * 2 };
}

function partSpot(spot: Spot, name: string): Spot {
  let words = 0;
  for (const part of componentsOf(spot.type)) {
    const offset = words * WORD;
    if (part.name === name) return spotIn(part, (data) => spot.at(data) + offset, spot.at);
    words += headWords(part);
  }
  throw new BusError("UNKNOWN_CONTRACT", `${spot.type.format()} has no part ${name}`);
}

function spotReader({ type, at }: Spot): LogReader<EventValue> {
  const read = bodyReader(type);
  return (_topics, data) => {
    const body = at(data);
    return read(data, body, body);
  };
}

function planOf(contract: ContractName, fragment: EventFragment): EventPlan {
  const topics = new Map<string, Argument>();
  const spots = new Map<string, Spot>();
  let words = 0;
  for (const input of fragment.inputs) {
    if (input.indexed) {
      // A dynamic argument is only there as its hash.
      const read = isDynamic(input) ? (word: string) => `0x${word}` : wordReader(input.type);
      const index = topics.size + 1;
      topics.set(input.name, { type: input, read: (all) => read((all[index] ?? "").slice(PREFIX)) });
      continue;
    }
    const at = PREFIX + words * WORD;
    spots.set(
      input.name,
      spotIn(
        input,
        () => at,
        () => PREFIX,
      ),
    );
    words += headWords(input);
  }
  const argument = (path: string): Argument => {
    const [name = "", ...parts] = path.split(".");
    const topic = topics.get(name);
    if (topic && parts.length === 0) return topic;
    const spot = spots.get(name);
    if (!spot) throw new BusError("UNKNOWN_CONTRACT", `${fragment.name} has no argument ${path}`);
    const found = parts.reduce(partSpot, spot);
    return { type: found.type, read: spotReader(found) };
  };
  const entries = fragment.inputs.map(({ name }) => [name, argument(name).read] as const);
  return {
    contract,
    name: fragment.name,
    fragment,
    decode: (all, data) => {
      const values: { [name: string]: EventValue } = {};
      for (const [name, read] of entries) values[name] = read(all, data);
      return values;
    },
    argument,
  };
}

/**
 * A part of a decoded tuple.
 * @throws BusError `UNKNOWN_CONTRACT` if there is none of that name.
 */
export function partOf(value: EventValue, name: string): EventValue {
  const part =
    typeof value === "object" && !Array.isArray(value) ? (value as { [key: string]: EventValue })[name] : undefined;
  if (part === undefined) throw new BusError("UNKNOWN_CONTRACT", `no part ${name} in an event's argument`);
  return part;
}

/** The plans of a federation's events. */
export interface EventPlans {
  /** All of them; an event's number is its position. */
  readonly all: readonly EventPlan[];
  /** The number of the event in a log; undefined for what no contract of the federation is known to emit. */
  numberOf(log: Pick<RawLog, "address" | "topics">): number | undefined;
}

/** Plans of all events of all contracts of an address book. */
export function eventPlans({ contracts }: AddressBook): EventPlans {
  const all: EventPlan[] = [];
  const numbers = new Map<string, Map<string, number>>();
  for (const contract of CONTRACT_NAMES) {
    const byTopic = new Map<string, number>();
    CONTRACT_INTERFACES[contract].forEachEvent((fragment) => {
      byTopic.set(fragment.topicHash, all.length);
      all.push(planOf(contract, fragment));
    });
    numbers.set(contracts[contract].toLowerCase(), byTopic);
  }
  return {
    all,
    numberOf: ({ address, topics }) => numbers.get(address.toLowerCase())?.get(topics[0] ?? ""),
  };
}

/** A decoded value as JSON takes it: integers wider than 32 bits or with a sign as decimal strings, addresses with their checksum. */
export function eventJson(type: ParamType, value: EventValue): unknown {
  if (Array.isArray(value)) return value.map((element) => eventJson(childOf(type), element as EventValue));
  if (typeof value === "object") {
    return Object.fromEntries(componentsOf(type).map((part) => [part.name, eventJson(part, partOf(value, part.name))]));
  }
  if (type.type === "address" && typeof value === "string") return getAddress(value);
  return typeof value === "bigint" || Number(UINT.exec(type.type)?.[1] ?? 0) > 32 ? String(value) : value;
}
