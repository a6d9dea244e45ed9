/**
 * What the reputation ledger computes, once more and another way: from all evidence at hand, in whole numbers as long as
 * needed. Whoever has the events can check every score without asking the contract.
 */

/** What is known of a cloud's promises, in millionths of a resource-hour. */
export interface Evidence {
  readonly kept: bigint;
  readonly broken: bigint;
  readonly unfinished: bigint;
}

/** A cloud's score and how much it is worth, both in units of 1e-18. */
export interface Standing {
  /** Expected share of promises that it will keep; strictly between 0 and 1e18. */
  readonly score: bigint;
  /** From 0, nothing is known, to below 1e18. */
  readonly confidence: bigint;
}

/** One resource-hour in the units of {@link Evidence}. */
export const RESOURCE_HOUR = 1_000_000n;

/** What 1 is in a {@link Standing}. */
export const STANDING_ONE = 10n ** 18n;

/** From this age on, in months, evidence does not count. */
export const EVIDENCE_MONTHS = 24;

/** No evidence at all. */
export const NO_EVIDENCE: Evidence = { kept: 0n, broken: 0n, unfinished: 0n };

const HALF_LIFE = 6;

/** Bits behind the point of a weight: enough that its error cannot be seen in 18 decimals. */
const PRECISION = 512n;

/** Field by field, the sum. */
export function addEvidence(a: Evidence, b: Evidence): Evidence {
  return { kept: a.kept + b.kept, broken: a.broken + b.broken, unfinished: a.unfinished + b.unfinished };
}

/** All evidence, for and against. */
export function totalEvidence({ kept, broken, unfinished }: Evidence): bigint {
  return kept + broken + unfinished;
}

/**
 * The evidence with its total cut to a limit, in proportion. What is against the cloud is rounded up, the share of
 * unfinished moves in it down.
 */
export function limitEvidence(evidence: Evidence, limit: bigint): Evidence {
  const total = totalEvidence(evidence);
  if (total <= limit) return evidence;
  const against = evidence.broken + evidence.unfinished;
  const lost = (against * limit + total - 1n) / total;
  const unfinished = (evidence.unfinished * limit) / total;
  return { kept: limit - lost, broken: lost - unfinished, unfinished };
}

/**
 * What counts of one month of a cloud: each counterparty for at most the cap; the largest one for at most as much as all
 * others together and the newcomer's mass more.
 * @param parts Evidence by counterparty, before any cap.
 * @param capHours Rule `capHours` of the month.
 * @param newcomerHours Rule `newcomerHours` of the month.
 */
export function countEvidence(
  parts: ReadonlyMap<number, Evidence>,
  { capHours, newcomerHours }: { readonly capHours: bigint; readonly newcomerHours: bigint },
): Evidence {
  const capped = [...parts]
    .map(([counterparty, part]) => ({ counterparty, part: limitEvidence(part, capHours * RESOURCE_HOUR) }))
    .sort((a, b) => {
      const difference = totalEvidence(b.part) - totalEvidence(a.part);
      return difference === 0n ? a.counterparty - b.counterparty : difference > 0n ? 1 : -1;
    });
  const [largest, ...rest] = capped;
  if (!largest) return NO_EVIDENCE;
  const others = rest.reduce((sum, { part }) => addEvidence(sum, part), NO_EVIDENCE);
  const limit = totalEvidence(others) + newcomerHours * RESOURCE_HOUR;
  return addEvidence(others, limitEvidence(largest.part, limit));
}

/**
 * Score and confidence from what counts of each month. Beta reputation (Jøsang and Ismail 2002) with decay:
 *
 *     alpha = 1 + Σ λ^age · kept      beta = 1 + Σ λ^age · (broken + unfinished)      λ = 2^(−1/6), 0 from 24 months on
 *     score = alpha / (alpha + beta)  confidence = n / (n + n0), n = alpha + beta − 2
 *
 * in resource-hours, rounded down to 18 decimals. The contract's score differs by at most one unit in the last place.
 * @param months What counts, by month.
 * @param now The month in which the answer is wanted.
 * @param confidenceHours Rule `confidenceHours` (n0) of that month.
 */
export function standingFrom(months: ReadonlyMap<number, Evidence>, now: number, confidenceHours: bigint): Standing {
  let kept = 0n;
  let lost = 0n;
  for (const [month, evidence] of months) {
    const age = now - month;
    if (age < 0 || age >= EVIDENCE_MONTHS) continue;
    const weight = decayWeight(age);
    kept += weight * evidence.kept;
    lost += weight * (evidence.broken + evidence.unfinished);
  }
  const unit = RESOURCE_HOUR << PRECISION;
  const all = kept + lost;
  return {
    score: ((unit + kept) * STANDING_ONE) / (2n * unit + all),
    confidence: (all * STANDING_ONE) / (all + confidenceHours * unit),
  };
}

const weights = new Map<number, bigint>();

/** floor(2^512 · 2^(−age/6)): what evidence of an age in months counts for. */
export function decayWeight(age: number): bigint {
  const weight = weights.get(age) ?? sixthRoot(age);
  weights.set(age, weight);
  return weight;
}

/** The sixth root of 2^(6·512 − age), by bisection. */
function sixthRoot(age: number): bigint {
  const power = 1n << (BigInt(HALF_LIFE) * PRECISION - BigInt(age));
  let low = 0n;
  let high = (1n << PRECISION) + 1n;
  // Invariant: low**6 <= power < high**6.
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(HALF_LIFE) <= power) low = middle;
    else high = middle;
  }
  return low;
}
