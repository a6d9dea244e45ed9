import type { DatabaseSync, StatementSync } from "node:sqlite";

import type { ParamType } from "ethers";

import { BusError } from "../errors/busError.js";
import { type EventPlan, type EventPlans, type EventValue, type LogReader, type SqlValue, partOf } from "./abi.js";
import { PROJECTIONS, type Projection } from "./tables.js";

/** Changes the derived tables by one event. */
export type Projector = (id: number, topics: readonly string[], data: string) => void;

type Binder = (id: number, topics: readonly string[], data: string, element: EventValue) => SqlValue;

/** A named value in the SQL of a projection: see {@link Projection}. */
const NAMED = /\$event|:(\.?[A-Za-z][A-Za-z.]*)(#?)(?:@(\d+)\+(\d+))?/g;

const MOST = 2n ** 63n - 1n;

/** Whole numbers of more bits than this are stored as text. */
const INTEGER_BITS = 64;

function sqlInteger(value: bigint): SqlValue {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  return value > MOST ? MOST : value;
}

function sqlValue(type: ParamType, value: EventValue): SqlValue {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" || typeof value === "number") return value;
  if (typeof value !== "bigint") throw new BusError("UNKNOWN_CONTRACT", `${type.type} cannot be stored in one column`);
  const bits = Number(/^uint(\d+)$/.exec(type.type)?.[1] ?? 0);
  return bits > INTEGER_BITS ? `0x${value.toString(16).padStart(64, "0")}` : sqlInteger(value);
}

function bitsOf(value: EventValue, shift: number, width: number): SqlValue {
  return sqlInteger((BigInt(value as bigint | number) >> BigInt(shift)) & ((1n << BigInt(width)) - 1n));
}

/** The index's own numbers of VMs. */
class VmNumbers {
  readonly #find: StatementSync;
  readonly #known = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.#find = database.prepare("SELECT id FROM vms WHERE vm = ?");
  }

  /** @throws BusError `INDEX_GAP` if no event before told of the VM. */
  of(vm: string): number {
    const known = this.#known.get(vm);
    if (known !== undefined) return known;
    const found = this.#find.get(vm)?.id;
    if (typeof found !== "number")
      throw new BusError("INDEX_GAP", `${vm}: the event that tells of it first is missing`);
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(vm, found);
    return found;
  }

  /** What a transaction that failed had added may be another VM's number next. */
  forget(): void {
    this.#known.clear();
  }
}

/** VMs whose numbers are kept in memory. */
const MOST_KNOWN = 200_000;

function binderOf(plan: EventPlan, each: string | undefined, numbers: VmNumbers, match: RegExpMatchArray): Binder {
  const [text, name = "", isNumber, shift, width] = match;
  if (text === "$event") return (id) => id;
  const value = name.startsWith(".") ? elementBinder(plan, each ?? "", name.slice(1)) : argumentBinder(plan, name);
  if (isNumber === "#") return (id, topics, data, element) => numbers.of(String(value(id, topics, data, element)));
  if (shift === undefined) return value;
  const { read } = plan.argument(name);
  return (_id, topics, data) => bitsOf(read(topics, data), Number(shift), Number(width));
}

function argumentBinder(plan: EventPlan, name: string): Binder {
  const { type, read } = plan.argument(name);
  return (_id, topics, data) => sqlValue(type, read(topics, data));
}

function elementBinder(plan: EventPlan, each: string, name: string): Binder {
  const type = plan.argument(each).type.arrayChildren?.components?.find((part) => part.name === name);
  if (!type) throw new BusError("UNKNOWN_CONTRACT", `${plan.name}: ${each} has no elements with ${name}`);
  return (_id, _topics, _data, element) => sqlValue(type, partOf(element, name));
}

function compile(
  database: DatabaseSync,
  plan: EventPlan,
  numbers: VmNumbers,
  { sql, each, expect }: Projection,
): Projector {
  const binders = [...sql.matchAll(NAMED)].map((match) => binderOf(plan, each, numbers, match));
  const statement = database.prepare(sql.replaceAll(NAMED, "?"));
  const list = each === undefined ? undefined : plan.argument(each).read;
  const run = runner(statement, binders, expect, plan);
  if (!list)
    return (id, topics, data) => {
      run(id, topics, data, 0);
    };
  return (id, topics, data) => {
    for (const element of elementsOf(list, topics, data)) run(id, topics, data, element);
  };
}

function elementsOf(read: LogReader<EventValue>, topics: readonly string[], data: string): readonly EventValue[] {
  const list = read(topics, data);
  return Array.isArray(list) ? (list as readonly EventValue[]) : [];
}

function runner(statement: StatementSync, binders: readonly Binder[], expect: number | undefined, plan: EventPlan) {
  const values: SqlValue[] = binders.map(() => 0);
  return (id: number, topics: readonly string[], data: string, element: EventValue): void => {
    for (let index = 0; index < binders.length; index += 1)
      values[index] = binders[index]?.(id, topics, data, element) ?? 0;
    const { changes } = statement.run(...values);
    if (expect !== undefined && changes !== expect) {
      const { block, index } = eventPosition(id);
      throw new BusError("INDEX_GAP", `${plan.name} in block ${block}, log ${index}: an event before it is missing`);
    }
  };
}

/** Events that a block may hold: 2^20, far more than its gas can pay for. */
const EVENTS_PER_BLOCK = 2 ** 20;

/** An event's id from where it stands. */
export function eventId(block: number, index: number): number {
  return block * EVENTS_PER_BLOCK + index;
}

/** Where an event stands, from its id. */
export function eventPosition(id: number): { readonly block: number; readonly index: number } {
  return { block: Math.floor(id / EVENTS_PER_BLOCK), index: id % EVENTS_PER_BLOCK };
}

/** All that changes the derived tables. */
export interface Projectors {
  /** By the events' numbers; undefined for an event that changes no table. */
  readonly all: readonly (Projector | undefined)[];
  /** Must be called when a transaction in which they ran was rolled back, or the tables were emptied. */
  forget(): void;
}

/**
 * The projectors of a federation's events.
 * @throws BusError `UNKNOWN_CONTRACT` if a projection names an event or an argument that no contract has.
 */
export function projectorsOf(database: DatabaseSync, plans: EventPlans): Projectors {
  for (const [contract, events] of Object.entries(PROJECTIONS)) {
    for (const name of Object.keys(events)) {
      if (!plans.all.some((plan) => plan.contract === contract && plan.name === name)) {
        throw new BusError("UNKNOWN_CONTRACT", `${contract} has no event ${name}`);
      }
    }
  }
  const numbers = new VmNumbers(database);
  const all = plans.all.map((plan): Projector | undefined => {
    const projections = PROJECTIONS[plan.contract]?.[plan.name];
    if (!projections) return undefined;
    const projectors = projections.map((projection) => compile(database, plan, numbers, projection));
    return (id, topics, data) => {
      for (const project of projectors) project(id, topics, data);
    };
  });
  return {
    all,
    forget: () => {
      numbers.forget();
    },
  };
}
