import type { DatabaseSync, StatementSync } from "node:sqlite";

import type { ParamType } from "ethers";

import { BusError } from "../errors/busError.js";
import { type EventPlan, type EventPlans, type EventValue, type LogReader, type SqlValue, partOf } from "./abi.js";
import { PROJECTIONS, type Projection } from "./tables.js";

/** Changes the derived tables by one event. */
export type Projector = (id: number, topics: readonly string[], data: string) => void;

type Binder = (id: number, topics: readonly string[], data: string, element: EventValue) => SqlValue;

/** A named value in the SQL of a projection: see {@link Projection}. */
const NAMED = /\$event|:(\.?[A-Za-z][A-Za-z.]*)(?:@(\d+)\+(\d+))?/g;

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

function binderOf(plan: EventPlan, each: string | undefined, match: RegExpMatchArray): Binder {
  const [text, name = "", shift, width] = match;
  if (text === "$event") return (id) => id;
  if (name.startsWith(".")) return elementBinder(plan, each ?? "", name.slice(1));
  const { type, read } = plan.argument(name);
  if (shift === undefined) return (_id, topics, data) => sqlValue(type, read(topics, data));
  return (_id, topics, data) => bitsOf(read(topics, data), Number(shift), Number(width));
}

function elementBinder(plan: EventPlan, each: string, name: string): Binder {
  const type = plan.argument(each).type.arrayChildren?.components?.find((part) => part.name === name);
  if (!type) throw new BusError("UNKNOWN_CONTRACT", `${plan.name}: ${each} has no elements with ${name}`);
  return (_id, _topics, _data, element) => sqlValue(type, partOf(element, name));
}

function compile(database: DatabaseSync, plan: EventPlan, { sql, each, expect }: Projection): Projector {
  const binders = [...sql.matchAll(NAMED)].map((match) => binderOf(plan, each, match));
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
  return (id: number, topics: readonly string[], data: string, element: EventValue): void => {
    const { changes } = statement.run(...binders.map((bind) => bind(id, topics, data, element)));
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

/**
 * The projectors of a federation's events, by the events' numbers; undefined for an event that changes no table.
 * @throws BusError `UNKNOWN_CONTRACT` if a projection names an event or an argument that no contract has.
 */
export function projectorsOf(database: DatabaseSync, plans: EventPlans): readonly (Projector | undefined)[] {
  for (const [contract, events] of Object.entries(PROJECTIONS)) {
    for (const name of Object.keys(events)) {
      if (!plans.all.some((plan) => plan.contract === contract && plan.name === name)) {
        throw new BusError("UNKNOWN_CONTRACT", `${contract} has no event ${name}`);
      }
    }
  }
  return plans.all.map((plan) => {
    const projections = PROJECTIONS[plan.contract]?.[plan.name];
    if (!projections) return undefined;
    const projectors = projections.map((projection) => compile(database, plan, projection));
    return (id, topics, data) => {
      for (const project of projectors) project(id, topics, data);
    };
  });
}
