import { ask } from "../../chain/ask.js";
import type { Federation } from "../../chain/federation.js";
import { readAll } from "../../chain/logs.js";
import { moveOfEvent } from "../../documents/agreedMove.js";
import type { PublicAgreement } from "../../documents/types.js";

/** A move that ended and is no fact of the reputation ledger yet: what `postMove` or `postUnfinished` takes. */
export type UnpostedMove =
  | { readonly kind: "completed"; readonly number: number; readonly vm: string; readonly sequence: number }
  | { readonly kind: "unfinished"; readonly number: number; readonly agreement: PublicAgreement };

/**
 * Moves that anybody may post to the reputation ledger, in the order in which they ended: completed ones, and those that
 * count as unfinished for somebody. From events alone; nobody's papers are needed.
 * @param fromBlock Where to begin: a move must have been agreed and have ended from there on.
 */
export async function unpostedMoves(federation: Federation, fromBlock = 0): Promise<UnpostedMove[]> {
  const { ledger, reputation, provider } = federation;
  const [agreed, begun, completed, aborted, expired, posted, unfinished] = await ask(
    Promise.all([
      readAll(provider, (from, to) => ledger.queryFilter(ledger.filters.MoveAgreed(), from, to), fromBlock),
      readAll(provider, (from, to) => ledger.queryFilter(ledger.filters.StayBegan(), from, to), fromBlock),
      readAll(provider, (from, to) => ledger.queryFilter(ledger.filters.MoveCompleted(), from, to), fromBlock),
      readAll(provider, (from, to) => ledger.queryFilter(ledger.filters.MoveAborted(), from, to), fromBlock),
      readAll(provider, (from, to) => ledger.queryFilter(ledger.filters.MoveExpired(), from, to), fromBlock),
      readAll(provider, (from, to) => reputation.queryFilter(reputation.filters.MovePosted(), from, to), fromBlock),
      readAll(
        provider,
        (from, to) => reputation.queryFilter(reputation.filters.UnfinishedPosted(), from, to),
        fromBlock,
      ),
    ]),
  );
  const known = new Set([...posted, ...unfinished].map(({ args }) => args.number));
  const agreements = new Map(agreed.map(({ args }) => [args.number, moveOfEvent(args).agreement]));
  // Of a group, any stay will do. Amendments and the like have numbers of their own.
  const stays = new Map(begun.map(({ args }) => [args.agreement, args]));

  const found: { readonly at: readonly [block: number, index: number]; readonly move: UnpostedMove }[] = [];
  for (const { args, blockNumber, index } of completed) {
    const stay = stays.get(args.number);
    if (known.has(args.number) || !stay) continue;
    const move = { number: Number(args.number), vm: stay.vm, sequence: Number(stay.sequence) };
    found.push({ at: [blockNumber, index], move: { kind: "completed", ...move } });
  }
  for (const { args, blockNumber, index } of [...aborted, ...expired]) {
    const agreement = agreements.get(args.number);
    const isCounted = args.unfinishedA !== 0n || ("unfinishedB" in args && args.unfinishedB !== 0n);
    if (known.has(args.number) || !agreement || !isCounted) continue;
    found.push({ at: [blockNumber, index], move: { kind: "unfinished", number: Number(args.number), agreement } });
  }
  return found.sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1]).map(({ move }) => move);
}
