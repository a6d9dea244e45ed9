import { getAddress, isAddress } from "ethers";

import { canonicalEnode, parseEnode } from "./enode.js";
import type { Wanted } from "./wanted.js";

/** The lists as the node has them. Undefined: the node does not keep this list. */
export interface Lists {
  readonly nodes: readonly string[] | undefined;
  readonly accounts: readonly string[] | undefined;
}

/** Since when an entry is not wanted, in milliseconds since the epoch. Keys: enode URLs and addresses as listed. */
export type Unwanted = Readonly<Record<string, number>>;

/** What a node's lists have too little and too much. */
export interface Difference {
  readonly addNodes: readonly string[];
  readonly addAccounts: readonly string[];
  /** To be removed now: not wanted for as long as the grace period. */
  readonly removeNodes: readonly string[];
  readonly removeAccounts: readonly string[];
  /** Not wanted, but for too short a time. */
  readonly waiting: readonly string[];
  /** What to remember for the next time. */
  readonly unwanted: Unwanted;
}

/** How slowly entries go. */
export interface Pace {
  /** How long an entry must have been unwanted, in milliseconds. */
  readonly graceMs: number;
  /** How many entries go at once, nodes and accounts together. */
  readonly removalsAtOnce: number;
}

const canonicalAccount = (account: string): string => (isAddress(account) ? getAddress(account) : account);

/** Compares what the chain wants with what the node lists. A validator's node is never removed, wherever it is listed. */
export function differenceOf(wanted: Wanted, lists: Lists, before: Unwanted, now: number, pace: Pace): Difference {
  const nodes = compare(wanted.nodes, lists.nodes, canonicalEnode, (enode) => {
    const validator = parseEnode(enode)?.validator;
    return validator !== undefined && wanted.validators.has(validator) && !isPlacedElsewhere(wanted, enode);
  });
  const accounts = compare(wanted.accounts, lists.accounts, canonicalAccount, () => false);
  const unwanted = Object.fromEntries(
    [...nodes.excess, ...accounts.excess].map((entry) => [entry, before[entry] ?? now]),
  );
  const isDue = (entry: string): boolean => now - (unwanted[entry] ?? now) >= pace.graceMs;
  const due = [...nodes.excess, ...accounts.excess].filter(isDue).slice(0, pace.removalsAtOnce);
  return {
    addNodes: nodes.missing,
    addAccounts: accounts.missing,
    removeNodes: nodes.excess.filter((entry) => due.includes(entry)),
    removeAccounts: accounts.excess.filter((entry) => due.includes(entry)),
    waiting: [...nodes.excess, ...accounts.excess].filter((entry) => !due.includes(entry)),
    unwanted,
  };
}

/** Whether the file of nodes knows another place for a listed node: then the old place may go. */
function isPlacedElsewhere(wanted: Wanted, enode: string): boolean {
  const listed = parseEnode(enode);
  return [...wanted.nodes].some((other) => parseEnode(other)?.id === listed?.id);
}

function compare(
  wanted: ReadonlySet<string>,
  listed: readonly string[] | undefined,
  canonical: (entry: string) => string,
  isKept: (entry: string) => boolean,
): { readonly missing: readonly string[]; readonly excess: readonly string[] } {
  if (listed === undefined) return { missing: [], excess: [] };
  const present = new Set(listed.map(canonical));
  return {
    missing: [...wanted].filter((entry) => !present.has(entry)).sort(),
    excess: listed.filter((entry) => !wanted.has(canonical(entry)) && !isKept(entry)),
  };
}

/** Whether there is nothing to send. */
export function isSettled({ addNodes, addAccounts, removeNodes, removeAccounts }: Difference): boolean {
  return addNodes.length + addAccounts.length + removeNodes.length + removeAccounts.length === 0;
}

/** The difference in lines for an operator. */
export function differenceLines(difference: Difference): readonly string[] {
  const line = (sign: string, what: string) => (entry: string) => `${sign} ${what} ${entry}`;
  return [
    ...difference.addNodes.map(line("+", "node")),
    ...difference.addAccounts.map(line("+", "account")),
    ...difference.removeNodes.map(line("-", "node")),
    ...difference.removeAccounts.map(line("-", "account")),
    ...difference.waiting.map((entry) => `  ${entry} is not wanted any more, and goes when its time is up`),
  ];
}
