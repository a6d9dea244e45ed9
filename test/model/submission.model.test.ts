import { expect } from "chai";
import fc from "fast-check";

import { faultSchedule } from "../fixtures/faultyProxy.js";
import { type Ending, type Story, type StoryCall, type StoryEvent, runStory } from "../fixtures/submissionStory.js";

const SEED = Number(process.env.SEED ?? 0xb10c);
const RUNS = 500;

const call: fc.Arbitrary<StoryCall> = fc.record({
  kind: fc.constantFrom("done" as const, "done" as const, "done" as const, "refused" as const, "refused late" as const),
  at: fc.integer({ min: 0, max: 6_000 }),
  isChecked: fc.boolean(),
});

const event: fc.Arbitrary<StoryEvent> = fc.record({
  at: fc.integer({ min: 0, max: 9_000 }),
  node: fc.constantFrom(0, 1),
  kind: fc.constantFrom(
    "pool lost" as const,
    "pool full" as const,
    "node down" as const,
    "node behind" as const,
    "half behind" as const,
    "nonce used" as const,
  ),
});

const story: fc.Arbitrary<Story> = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 6 }),
  events: fc.array(event, { maxLength: 4 }),
  faults: fc.tuple(faultSchedule(25), faultSchedule(25)),
  kills: fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 2 }),
  processes: fc.constantFrom(1, 1, 2),
  window: fc.constantFrom(1, 3, 128),
});

/** Every call was settled, and done once if it is final, never if it failed. */
function requireOnce({ calls }: Story, { submissions, effects }: Ending): void {
  for (const [index, { kind }] of calls.entries()) {
    const submission = submissions[index];
    const isDone = kind === "done";
    expect(submission?.state, `INV-ONCE: state of call ${index}`).to.equal(isDone ? "final" : "failed");
    expect(effects[index], `INV-ONCE: effects of call ${index}`).to.equal(isDone ? 1 : 0);
    if (!isDone)
      expect(submission?.failure, `reason of call ${index}`).to.include({
        code: "REVERTED",
        message: "Error(reason: no)",
      });
  }
}

describe("submission", function () {
  this.timeout(120_000);

  it(`INV-ONCE: does every call once, through ${RUNS} schedules of faults, lost pools, used nonces and killed processes`, async function () {
    const reached = { displaced: 0, kills: 0 };
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const ending = await runStory(told);
        requireOnce(told, ending);
        reached.kills += ending.kills;
        reached.displaced += ending.submissions.reduce((sum, submission) => sum + (submission?.displaced ?? 0), 0);
      }),
      // To shrink takes minutes; seed and path are in the message.
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    // The schedules do what they are there for.
    expect(reached.kills, "killed processes").to.be.at.least(100);
    expect(reached.displaced, "nonces taken").to.be.at.least(20);
  });

  it("INV-ONCE: does every call once, killed after any step", async function () {
    const calls = Array.from({ length: 4 }, (_call, index): StoryCall => ({
      kind: index === 2 ? "refused late" : "done",
      at: index * 700,
      isChecked: index % 2 === 0,
    }));
    const quiet: Story = { calls, events: [], faults: [[], []], kills: [], processes: 1, window: 2 };
    const { steps } = await runStory(quiet);
    let kills = 0;
    for (let step = 1; step <= steps; ++step) {
      const told = { ...quiet, kills: [step] };
      const ending = await runStory(told);
      requireOnce(told, ending);
      kills += ending.kills;
    }
    expect(kills).to.be.at.least(100);
  });
});
