import { ZeroHash, concat, keccak256 } from "ethers";

import { NoteReason } from "../chain/enums.js";
import { freshSalt } from "../documents/build.js";
import { structHash } from "../documents/hash.js";
import type { Note } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { MAX_AMOUNT } from "./accrual.js";

/** What one cloud owes another. */
export interface Debt {
  readonly creditor: number;
  readonly debtor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  /** More than zero, in 1e-9 currency units. */
  readonly amount: bigint;
}

/** What a netting saves in one currency. */
export interface Saving {
  readonly currency: string;
  /** Sum of all debts before and after. */
  readonly before: bigint;
  readonly after: bigint;
  /** How many pairs owe each other something before and after: so many payments. */
  readonly debtsBefore: number;
  readonly debtsAfter: number;
}

/** Debts that cancel each other out. */
export interface Netting {
  /** By how much which debt falls. None rises, none turns round, and nobody's net position changes. */
  readonly clearings: readonly Debt[];
  /** What is still owed then. */
  readonly remaining: readonly Debt[];
  /** For each currency with debts. */
  readonly savings: readonly Saving[];
}

/** The most notes that are posted at once. */
export const MAX_NOTES = 16;

/**
 * Debts that go round in a circle cancel out: conservative compression (D'Errico and Roukny, "Compressing Over-the-Counter
 * Markets", Operations Research 69, 2021). Only existing debts are lowered, so nobody gets a counterparty it did not have.
 * Of all such lowerings the one is taken that clears most: a maximum circulation under the debts as capacities, found by
 * cancelling minimum mean cycles (Goldberg and Tarjan, J. ACM 36, 1989; Karp, Discrete Mathematics 23, 1978). If that takes
 * more notes than allowed, it is taken apart into circles, the fattest first, and those are kept that clear the biggest
 * share of their currency's debts for each note they need; what is left can be cleared in another round.
 * @param debts Each pair and currency at most once.
 * @param maxNotes One note for each debt that falls.
 * @throws BusError `BAD_DEBTS` for a debt without amount, to oneself, or a pair that is there twice.
 */
export function netDebts(debts: readonly Debt[], maxNotes = MAX_NOTES): Netting {
  requireDebts(debts);
  const currencies = [...new Set(debts.map(({ currency }) => currency))].sort();
  const circles = currencies.flatMap((currency) => {
    const own = debts.filter((debt) => debt.currency === currency);
    const total = sumOf(own);
    return takeApart(maximumCirculation(own)).map((circle) => ({ ...circle, total }));
  });
  const cleared = chooseCircles(circles, maxNotes);
  const clearings = [...cleared].map(([debt, amount]) => ({ ...debt, amount }));
  const remaining = debts
    .map((debt) => ({ ...debt, amount: debt.amount - (cleared.get(debt) ?? 0n) }))
    .filter(({ amount }) => amount > 0n);
  const savings = currencies.map((currency) => {
    const [before, after] = [debts, remaining].map((all) => all.filter((debt) => debt.currency === currency));
    return {
      currency,
      before: sumOf(before ?? []),
      after: sumOf(after ?? []),
      debtsBefore: before?.length ?? 0,
      debtsAfter: after?.length ?? 0,
    };
  });
  return { clearings, remaining, savings };
}

/**
 * The notes of a netting: each lowers one debt, and each refers to the round of all, so that they count together only.
 * Creditor and debtor of each sign it; then anyone posts them in this order.
 * @param validUntil Last moment at which they can be posted, in milliseconds.
 */
export function nettingNotes(clearings: readonly Debt[], validUntil: bigint): Note[] {
  const notes = clearings.map(
    // Who owed is owed from now on: the debt falls.
    ({ creditor, debtor, currency, amount }): Note => ({
      refersTo: ZeroHash,
      creditor: debtor,
      debtor: creditor,
      currency,
      amount,
      vm: ZeroHash,
      sequence: 0,
      through: 0n,
      reason: NoteReason.NETTING,
      validUntil,
      salt: freshSalt(),
    }),
  );
  const round = roundOf(notes);
  return notes.map((note) => ({ ...note, refersTo: round }));
}

/** What each note of a netting refers to: the hash of the struct hashes of all, each with `refersTo` zero. */
export function roundOf(notes: readonly Note[]): string {
  return keccak256(concat(notes.map((note) => structHash("Note", { ...note, refersTo: ZeroHash }))));
}

function sumOf(debts: readonly Debt[]): bigint {
  return debts.reduce((sum, { amount }) => sum + amount, 0n);
}

function requireDebts(debts: readonly Debt[]): void {
  const seen = new Set<string>();
  for (const { creditor, debtor, currency, amount } of debts) {
    const [lower, higher] = creditor < debtor ? [creditor, debtor] : [debtor, creditor];
    const pair = `${lower}/${higher}/${currency}`;
    const where = `cloud ${debtor} to cloud ${creditor} in ${currency}`;
    if (creditor === debtor) throw new BusError("BAD_DEBTS", `${where}: a cloud owes itself nothing`);
    if (amount <= 0n) throw new BusError("BAD_DEBTS", `${where}: ${amount} is not above zero`);
    if (seen.has(pair)) throw new BusError("BAD_DEBTS", `${where}: the pair is there twice`);
    seen.add(pair);
  }
}

/* MAXIMUM CIRCULATION */

/** A debt with what flows along it: from the debtor to the creditor. */
interface Flow {
  readonly debt: Debt;
  amount: bigint;
}

/** A way on which more can flow: along a debt, or back what flows along it. */
interface Arc {
  readonly flow: Flow;
  readonly from: number;
  readonly to: number;
  /** -1 along the debt, which clears it, 1 back. */
  readonly cost: number;
  readonly room: bigint;
}

function maximumCirculation(debts: readonly Debt[]): Flow[] {
  const flows = debts.map((debt): Flow => ({ debt, amount: 0n }));
  for (;;) {
    const cycle = minimumMeanCycle(flows.flatMap(arcsOf));
    if (cycle.reduce((sum, { cost }) => sum + cost, 0) >= 0) return flows.filter(({ amount }) => amount > 0n);
    const room = leastOf(cycle.map((arc) => arc.room));
    for (const { flow, cost } of cycle) flow.amount += cost < 0 ? room : -room;
  }
}

function arcsOf(flow: Flow): Arc[] {
  const { creditor, debtor, amount } = flow.debt;
  // A note has 96 bits; what is owed beyond stays for another round.
  const most = amount > MAX_AMOUNT ? MAX_AMOUNT : amount;
  const arcs: Arc[] = [];
  if (flow.amount < most) arcs.push({ flow, from: debtor, to: creditor, cost: -1, room: most - flow.amount });
  if (flow.amount > 0n) arcs.push({ flow, from: creditor, to: debtor, cost: 1, room: flow.amount });
  return arcs;
}

interface Walk {
  readonly cost: number;
  /** The last arc of the walk, and the walk before it. */
  readonly arc: Arc | undefined;
  readonly before: Walk | undefined;
}

/** A cycle with the least cost for each arc, by Karp's theorem; empty if there is none. */
function minimumMeanCycle(arcs: readonly Arc[]): Arc[] {
  const nodes = [...new Set(arcs.flatMap(({ from, to }) => [from, to]))];
  const begin: Walk = { cost: 0, arc: undefined, before: undefined };
  // walks[k]: to each node the cheapest walk of k arcs, from anywhere.
  const walks: Map<number, Walk>[] = [new Map(nodes.map((node) => [node, begin]))];
  for (let length = 1; length <= nodes.length; ++length) {
    const shorter = walks[length - 1] ?? new Map<number, Walk>();
    const next = new Map<number, Walk>();
    for (const arc of arcs) {
      const before = shorter.get(arc.from);
      if (!before) continue;
      const cost = before.cost + arc.cost;
      const known = next.get(arc.to);
      if (!known || cost < known.cost) next.set(arc.to, { cost, arc, before });
    }
    walks.push(next);
  }
  let best: { readonly walk: Walk; readonly mean: number } | undefined;
  for (const [node, walk] of walks[nodes.length] ?? []) {
    const means = walks.slice(0, -1).flatMap((shorter, length) => {
      const other = shorter.get(node);
      return other ? [(walk.cost - other.cost) / (nodes.length - length)] : [];
    });
    const mean = Math.max(...means);
    if (!best || mean < best.mean) best = { walk, mean };
  }
  return best ? cheapestCycleOn(best.walk) : [];
}

/** A walk of as many arcs as there are nodes comes to one of them twice. */
function cheapestCycleOn(walk: Walk): Arc[] {
  const arcs: Arc[] = [];
  for (let part: Walk | undefined = walk; part?.arc; part = part.before) arcs.unshift(part.arc);
  let best: Arc[] = [];
  let bestMean = Infinity;
  for (let first = 0; first < arcs.length; ++first) {
    const closing = arcs.findIndex((arc, index) => index >= first && arc.to === arcs[first]?.from);
    if (closing < 0) continue;
    const cycle = arcs.slice(first, closing + 1);
    // One that comes to a cloud twice is made of two shorter ones, of which one is as cheap.
    if (new Set(cycle.map(({ from }) => from)).size < cycle.length) continue;
    const mean = cycle.reduce((sum, { cost }) => sum + cost, 0) / cycle.length;
    if (mean < bestMean) [best, bestMean] = [cycle, mean];
  }
  return best;
}

function leastOf(amounts: readonly bigint[]): bigint {
  return amounts.reduce((least, amount) => (amount < least ? amount : least));
}

/* CIRCLES */

/** Debts in a circle, each lowered by the same amount. */
interface Circle {
  readonly debts: readonly Debt[];
  readonly amount: bigint;
}

/** A circulation as circles, at each step the one that clears most along each of its debts. */
function takeApart(flows: Flow[]): Circle[] {
  const circles: Circle[] = [];
  for (let left = flows; left.length > 0; left = left.filter(({ amount }) => amount > 0n)) {
    const circle = fattestCircle(left);
    const amount = leastOf(circle.map((flow) => flow.amount));
    circles.push({ debts: circle.map(({ debt }) => debt), amount });
    for (const flow of circle) flow.amount -= amount;
  }
  return circles;
}

/** The circle whose least amount is greatest; of those the shortest. A circulation always has one. */
function fattestCircle(flows: readonly Flow[]): Flow[] {
  const amounts = [...new Set(flows.map(({ amount }) => amount))].sort((a, b) => (a < b ? -1 : 1));
  let [low, high] = [0, amounts.length - 1];
  let best = shortestCircle(flows);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const least = amounts[middle] ?? 0n;
    const circle = shortestCircle(flows.filter(({ amount }) => amount >= least));
    if (circle.length === 0) high = middle - 1;
    else [low, best] = [middle, circle];
  }
  return best;
}

function shortestCircle(flows: readonly Flow[]): Flow[] {
  let best: Flow[] = [];
  for (const flow of flows) {
    const back = shortestWay(flows, flow.debt.creditor, flow.debt.debtor);
    if (back && (best.length === 0 || back.length + 1 < best.length)) best = [flow, ...back];
  }
  return best;
}

/** From one cloud to another along what flows. */
function shortestWay(flows: readonly Flow[], from: number, to: number): Flow[] | undefined {
  const ways = new Map<number, readonly Flow[]>([[from, []]]);
  for (const [cloud, way] of ways) {
    if (cloud === to) return [...way];
    for (const flow of flows) {
      const { creditor, debtor } = flow.debt;
      if (debtor === cloud && !ways.has(creditor)) ways.set(creditor, [...way, flow]);
    }
  }
  return undefined;
}

interface RankedCircle extends Circle {
  /** All debts of its currency. */
  readonly total: bigint;
}

/** What is cleared of each debt: circles by what share of their currency's debts they clear with each note they need. */
function chooseCircles(circles: readonly RankedCircle[], maxNotes: number): Map<Debt, bigint> {
  const cleared = new Map<Debt, bigint>();
  let left = [...circles];
  for (;;) {
    const fitting = left
      .map((circle) => ({ circle, notes: circle.debts.filter((debt) => !cleared.has(debt)).length }))
      .filter(({ notes }) => cleared.size + notes <= maxNotes);
    if (fitting.length === 0) return cleared;
    const best = fitting.reduce((one, other) => (isBetter(other, one) ? other : one));
    for (const debt of best.circle.debts) cleared.set(debt, (cleared.get(debt) ?? 0n) + best.circle.amount);
    left = left.filter((circle) => circle !== best.circle);
  }
}

interface Candidate {
  readonly circle: RankedCircle;
  /** How many more notes it needs. */
  readonly notes: number;
}

function isBetter(one: Candidate, other: Candidate): boolean {
  const worth = ({ circle }: Candidate) => circle.amount * BigInt(circle.debts.length);
  return worth(one) * other.circle.total * BigInt(other.notes) > worth(other) * one.circle.total * BigInt(one.notes);
}
