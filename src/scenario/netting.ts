import { ZeroHash } from "ethers";

import { postNotes } from "../actions/charging/postNotes.js";
import { balanceOf } from "../actions/questions/balanceOf.js";
import { type Debt, MAX_NOTES, netDebts, nettingNotes, roundOf } from "../charging/netting.js";
import type { Note } from "../documents/types.js";
import type { Keep } from "./books.js";
import { signFor } from "./papers.js";
import { relay } from "./senders.js";
import { type World, nextSalt } from "./world.js";

/** What the clouds of a run owe each other in a currency: each pair once, from the debtor's side. */
export async function debtsOf(world: World, currency: string): Promise<Debt[]> {
  const clouds = [...world.clouds.values()].map(({ cloud }) => cloud).sort((a, b) => a - b);
  const pairs = clouds.flatMap((a) => clouds.filter((b) => b > a).map((b) => [a, b] as const));
  const found = await Promise.all(
    pairs.map(async ([a, b]): Promise<Debt | undefined> => {
      const amount = await balanceOf(world.federation, a, b, currency);
      if (amount === 0n) return undefined;
      return amount > 0n
        ? { creditor: a, debtor: b, currency, amount }
        : { creditor: b, debtor: a, currency, amount: -amount };
    }),
  );
  return found.filter((debt) => debt !== undefined);
}

/** Cancels debts that go round, in as many rounds of notes as it takes. All clouds of a round sign its notes. */
export async function netAll(world: World, currency: string, keep: Keep): Promise<void> {
  for (;;) {
    const debts = await debtsOf(world, currency);
    const { clearings, savings } = netDebts(debts, MAX_NOTES);
    if (clearings.length === 0) return;
    const notes = saltedByRun(world, nettingNotes(clearings, BigInt((await world.chain.now()) + 600_000)));
    const signatures: string[] = [];
    for (const note of notes) signatures.push(...(await signFor(world, "Note", note, [note.creditor, note.debtor])));
    await keep(postNotes(relay(world), notes, signatures));
    world.nettings.push({ before: debts, savings });
  }
}

/** The same notes with salts of the run, so that a run with a seed repeats itself. */
function saltedByRun(world: World, notes: readonly Note[]): Note[] {
  const salted = notes.map((note) => ({ ...note, salt: nextSalt(world), refersTo: ZeroHash }));
  const round = roundOf(salted);
  return salted.map((note) => ({ ...note, refersTo: round }));
}
