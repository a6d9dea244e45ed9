import { expect } from "chai";
import fc from "fast-check";
import { network } from "hardhat";

import { buildRates, chargeBetween } from "../../../src/index.js";
import {
  type ChargedStay,
  type ChargedWorld,
  WINDOW_MS,
  availability,
  callBooks,
  charged,
  hosted,
  jointOf,
  noteOf,
  owed,
  paymentRef,
  postNotes,
  replacementOf,
  returnedAt,
  settle,
  settleCredit,
  settleJointly,
  signNotes,
  tell,
} from "../../fixtures/charging.js";
import { HOME, HOST, pass } from "../../fixtures/federation.js";

const connection = await network.create();
const { networkHelpers } = connection;

const WINDOWS = 6;
/** Prices per millisecond with fractions, so that a wrong rounding shows. */
const ODD = buildRates({ vcpuMilli: 91_234_567n, memoryMiB: 1_234_567n, storageGiB: 7n });
const AVAILABILITY = [1_000_000, 998_999, 990_000, 989_999, 0, 999_000] as const;
const BPS = [0n, 1_000n, 1_000n, 3_000n, 3_000n, 0n] as const;

interface Scene {
  readonly world: ChargedWorld;
  readonly stay: ChargedStay;
}

/** A stay of ten minutes so far, with results of its first windows. */
async function tenMinutes(): Promise<Scene> {
  const world = await charged(connection);
  const stay = await hosted(world, { price: { rates: ODD } });
  for (const [window, ppm] of AVAILABILITY.entries()) await tell(world, stay, window, availability(ppm));
  await pass(world, 600);
  return { world, stay };
}

type Act =
  | { readonly kind: "settle"; readonly to: bigint; readonly how: "home" | "host" | "both" }
  | { readonly kind: "credit"; readonly window: number; readonly by: number }
  | { readonly kind: "replace"; readonly through: bigint; readonly amount: bigint }
  | { readonly kind: "note"; readonly amount: bigint }
  | { readonly kind: "pay"; readonly amount: bigint };

const offset = fc.bigInt({ min: 1n, max: 600_000n });
const amount = fc.bigInt({ min: 1n, max: 10n ** 9n });
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      to: offset,
      how: fc.constantFrom("home" as const, "host" as const, "both" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("credit" as const),
      window: fc.integer({ min: 0, max: WINDOWS - 1 }),
      by: fc.constantFrom(HOME, HOST),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("replace" as const), through: offset, amount }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("note" as const), amount }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pay" as const), amount }) },
);

/** Acts, each with documents signed once: brought again, they are the same documents. */
async function prepare({ world, stay }: Scene, acts: readonly Act[]): Promise<(() => Promise<unknown>)[]> {
  const at = (time: bigint) => stay.startedAt + time;
  return Promise.all(
    acts.map(async (one, index) => {
      switch (one.kind) {
        case "settle": {
          if (one.how !== "both") {
            return () => settle(world, stay, at(one.to), { by: one.how === "home" ? HOME : HOST });
          }
          const document = await jointOf(world, stay, at(one.to));
          return () => settleJointly(world, stay, document);
        }
        case "credit":
          return () =>
            settleCredit(world, stay, one.window, availability(AVAILABILITY[one.window] ?? 0), { by: one.by });
        case "replace":
        case "note": {
          const note =
            one.kind === "note"
              ? await noteOf(world, { amount: one.amount })
              : await replacementOf(world, stay, at(one.through), { amount: one.amount });
          const signatures = await signNotes(world, [note]);
          return () => once(postNotes(world, [note], signatures));
        }
        case "pay":
          return () =>
            once(
              callBooks(world, HOST, "acknowledge", [HOST, HOME, "EUR", one.amount, paymentRef(`payment ${index}`)]),
            );
      }
    }),
  );
}

/** The second time is refused by its name, and changes nothing. */
async function once(sending: Promise<unknown>): Promise<void> {
  await sending.catch((thrown: unknown) => {
    expect(String(thrown)).to.match(/ChargingLedger_(NoteAlreadyPosted|AlreadyAcknowledged)/);
  });
}

function isNoSuchWindow(thrown: unknown): void {
  expect(String(thrown)).to.include("ChargingLedger_NoSuchWindow");
}

/** What the books must say in the end: computed from the set of acts, without any order. */
function expected({ stay }: Scene, acts: readonly Act[], end: bigint) {
  const at = (time: bigint) => stay.startedAt + time;
  const latest = (times: readonly bigint[]) => times.reduce((most, time) => (time > most ? time : most), 0n);
  const settled = latest(acts.flatMap((one) => (one.kind === "settle" ? [at(one.to)] : [])));
  const through = settled > end ? end : settled;
  const replaced = latest(acts.flatMap((one) => (one.kind === "replace" ? [at(one.through)] : [])));
  const charge = through > replaced ? chargeBetween(stay.rate, stay.startedAt, replaced, through) : 0n;
  const credited = new Set(acts.flatMap((one) => (one.kind === "credit" ? [one.window] : [])));
  const credits = BPS.map((bps, window) => {
    const from = latest([at(BigInt(window) * WINDOW_MS), replaced]);
    const full = at(BigInt(window + 1) * WINDOW_MS);
    const to = full > end ? end : full;
    if (!credited.has(window) || from >= to) return 0n;
    return (chargeBetween(stay.rate, stay.startedAt, from, to) * bps) / 10_000n;
  });
  const notes = acts.reduce((sum, one) => (one.kind === "replace" || one.kind === "note" ? sum + one.amount : sum), 0n);
  const paid = acts.reduce((sum, one) => (one.kind === "pay" ? sum + one.amount : sum), 0n);
  const balance = charge - credits.reduce((sum, credit) => sum + credit, 0n) + notes - paid;
  return { charge, credits, balance };
}

async function found({ world, stay }: Scene) {
  const [, charge] = await world.charging.chargeOf(stay.vm, stay.sequence);
  const credits = await Promise.all(BPS.map((_, window) => world.charging.creditOf(stay.vm, stay.sequence, window)));
  return { charge, credits, balance: await owed(world, HOST, HOME) };
}

describe("ChargingLedger", function () {
  it("comes to what the set of acts says, in any order and with repetitions (INV-SETTLE, INV-PURE, INV-CREDIT)", async function () {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 1, maxLength: 9 }).chain((acts) =>
          fc.record({
            acts: fc.constant(acts),
            order: fc.shuffledSubarray([...acts.keys(), ...acts.keys()], { minLength: acts.length }),
          }),
        ),
        async ({ acts, order }) => {
          const scene = await networkHelpers.loadFixture(tenMinutes);
          const calls = await prepare(scene, acts);
          const seen = new Set(order);
          const rest = [...acts.keys()].filter((index) => !seen.has(index));

          for (const index of [...order, ...rest]) await calls[index]?.();
          // A credit is booked as the notes stood then: brought once more, it is as they stand now.
          for (const [index, one] of acts.entries()) if (one.kind === "credit") await calls[index]?.();

          expect(await found(scene)).to.deep.equal(expected(scene, acts, 2n ** 48n));
        },
      ),
      { numRuns: 30, seed: 0xb10c },
    );
  });

  it("comes to the same when the stay's end is moved back in between (INV-SETTLE, INV-CREDIT)", async function () {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 2, maxLength: 7 }),
        fc.nat(),
        fc.bigInt({ min: 1n, max: 600n }),
        async (all, cut, end) => {
          const endOffset = end * 1_000n;
          // A note must end within the stay: those that would not are left out.
          const acts = all.filter((one) => one.kind !== "replace" || one.through <= endOffset);
          const scene = await networkHelpers.loadFixture(tenMinutes);
          const { world, stay } = scene;
          const calls = await prepare(scene, acts);
          const position = cut % (acts.length + 1);

          for (const index of [...acts.keys()].slice(0, position)) await calls[index]?.();
          await returnedAt(world, stay, stay.startedAt + endOffset);
          const endedBefore = (one: Act) => one.kind === "credit" && BigInt(one.window) * WINDOW_MS >= endOffset;
          // A window before whose begin the stay ended is refused, unless there is a credit to take back.
          const again = (index: number, one: Act) =>
            endedBefore(one) ? calls[index]?.().catch(isNoSuchWindow) : calls[index]?.();
          for (const [index, one] of acts.entries()) await again(index, one);
          for (const [index, one] of acts.entries()) await again(index, one);

          expect(await found(scene)).to.deep.equal(expected(scene, acts, stay.startedAt + endOffset));
        },
      ),
      { numRuns: 25, seed: 0xb10c },
    );
  });
});
