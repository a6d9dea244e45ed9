import type { BlockTag } from "ethers";

import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { readAll } from "../../chain/logs.js";
import { type Evidence, NO_EVIDENCE, type Standing, addEvidence } from "../../reputation/standing.js";

/**
 * The expected share of promises that a cloud will keep, in units of 1e-18, strictly between 0 and 1e18; one half where
 * nothing is known.
 */
export function scoreOf(federation: Federation, cloud: number, blockTag: BlockTag = "latest"): Promise<bigint> {
  return ask(federation.reputation.scoreOf(cloud, { blockTag }));
}

/** How much a cloud's score is worth, in units of 1e-18: from 0, nothing is known, to below 1e18. */
export function confidenceOf(federation: Federation, cloud: number, blockTag: BlockTag = "latest"): Promise<bigint> {
  return ask(federation.reputation.confidenceOf(cloud, { blockTag }));
}

/** Score and confidence of a cloud at one block. */
export async function standingOf(
  federation: Federation,
  cloud: number,
  blockTag: BlockTag = "latest",
): Promise<Standing> {
  const [score, confidence] = await Promise.all([
    scoreOf(federation, cloud, blockTag),
    confidenceOf(federation, cloud, blockTag),
  ]);
  return { score, confidence };
}

/** What counts of a cloud's month after the cap and the half rule, before decay. */
export async function countedOf(
  federation: Federation,
  cloud: number,
  month: number,
  blockTag: BlockTag = "latest",
): Promise<Evidence> {
  const { kept, broken, unfinished } = await ask(federation.reputation.countedOf(cloud, month, { blockTag }));
  return { kept, broken, unfinished };
}

/** Evidence of one cloud: by month, then by counterparty, before any cap. */
export type EvidenceByMonth = ReadonlyMap<number, ReadonlyMap<number, Evidence>>;

/**
 * All evidence of a cloud on this reputation ledger, put together from its events alone. `countEvidence` and
 * `standingFrom` make of it what the contract answers.
 * @param fromBlock First block with an event of this federation: the deployment's.
 */
export async function evidenceFromEvents(
  federation: Federation,
  cloud: number,
  fromBlock = 0,
): Promise<EvidenceByMonth> {
  const { provider, reputation } = federation;
  const filter = reputation.filters.EvidenceAdded(cloud);
  const months = new Map<number, Map<number, Evidence>>();
  const events = await ask(readAll(provider, (from, to) => reputation.queryFilter(filter, from, to), fromBlock));
  for (const { args } of events) {
    const [month, counterparty] = [Number(args.month), Number(args.counterparty)];
    const parts = months.get(month) ?? new Map<number, Evidence>();
    months.set(month, parts);
    const { kept, broken, unfinished } = args.added;
    const added = { kept, broken, unfinished };
    parts.set(counterparty, addEvidence(parts.get(counterparty) ?? NO_EVIDENCE, added));
  }
  return months;
}
