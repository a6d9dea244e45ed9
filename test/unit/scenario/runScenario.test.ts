import { expect } from "chai";

import { openEmbedded } from "../../../scripts/chains.js";
import { askQuestions } from "../../../src/scenario/answers.js";
import { factsJson } from "../../../src/scenario/facts.js";
import type { Scenario, Step } from "../../../src/scenario/format.js";
import { answerLines, closingLines, stepLines, tally } from "../../../src/scenario/report.js";
import { type RunFacts, prepare, runTimeline } from "../../../src/scenario/run.js";
import { smallScenario } from "../../fixtures/scenarios.js";

async function run(scenario: Scenario): Promise<{ readonly facts: RunFacts; readonly lines: readonly string[] }> {
  const world = await prepare(scenario, await openEmbedded(scenario));
  const lines: string[] = [];
  const facts = await runTimeline(world, (fact) => lines.push(...stepLines(world, fact)));
  const answers = await askQuestions(world);
  return { facts, lines: [...lines, ...answerLines(world, answers), ...closingLines(facts)] };
}

const withStep = (step: Step): Scenario => ({ ...smallScenario(), timeline: [step], expectations: {} });

describe("runTimeline", function () {
  it("meets every expectation of a scenario that is right", async function () {
    const { facts, lines } = await run(smallScenario());

    expect(tally(facts)).to.deep.equal({ accepted: 6, refused: 1, met: 8, missed: 0 });
    expect(lines.join("\n")).to.include("web-1 runs on borealis, not on aurora");
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(120);
  });

  it("repeats itself to the last fact", async function () {
    const facts = async () => {
      const scenario = smallScenario();
      const world = await prepare(scenario, await openEmbedded(scenario));
      return JSON.stringify(factsJson(await runTimeline(world, () => undefined), await askQuestions(world)));
    };

    expect(await facts()).to.equal(await facts());
  });

  it("misses a refusal that was not expected", async function () {
    const { facts, lines } = await run(
      withStep({ do: "move", vms: ["web-1"], to: "borealis", site: 2, note: "no such site" }),
    );

    expect(facts.steps[0]?.refusal?.errorName).to.equal("CapacityExchange_NoOffer");
    expect(tally(facts)).to.include({ missed: 1, refused: 1 });
    expect(lines.join("\n")).to.include("MISSED: expected to be accepted");
  });

  it("misses a refusal that did not come, another error, and other values", async function () {
    const move = { do: "move", vms: ["web-1"], to: "borealis", site: 1 } as const;
    const accepted = await run(withStep({ ...move, expect: { refused: "MigrationLedger_WrongHost" } }));
    const another = await run(withStep({ ...move, site: 2, expect: { refused: "MigrationLedger_WrongHost" } }));
    const values = await run(
      withStep({ ...move, site: 2, expect: { refused: "CapacityExchange_NoOffer", args: { cloud: "aurora" } } }),
    );

    expect([accepted, another, values].map(({ facts }) => facts.steps[0]?.missed)).to.deep.equal([
      "expected to be refused with MigrationLedger_WrongHost",
      "expected to be refused with MigrationLedger_WrongHost",
      "expected cloud to be aurora, found 2",
    ]);
  });

  it("misses what the chain does not say at the end", async function () {
    const scenario = smallScenario();
    const { facts, lines } = await run({
      ...scenario,
      expectations: {
        hosts: [{ vm: "web-1", at: "PT30M", host: "aurora" }],
        rooms: [{ cloud: "borealis", site: 1, free: { vcpuMilli: 1 } }],
        statuses: [{ cloud: "borealis", status: "Suspended" }],
      },
    });

    expect(tally(facts).missed).to.equal(3);
    expect(lines.join("\n")).to.include("expected aurora, found borealis");
  });

  it("takes the signatures of another document, a stranger's, and a former key's", async function () {
    const refusal = (error: string) => ({ refused: error, args: { cloud: "aurora" } });
    const { facts } = await run({
      ...smallScenario(),
      expectations: {},
      timeline: [
        { do: "agree", id: "first", vms: ["web-1"], to: "borealis", site: 1, bring: false },
        {
          do: "agree",
          id: "borrowed",
          vms: ["web-1"],
          to: "borealis",
          site: 1,
          signaturesOf: "first",
          expect: refusal("CloudRegistry_BadSignature"),
        },
        {
          do: "agree",
          id: "strange",
          vms: ["web-1"],
          to: "borealis",
          site: 1,
          signers: { aurora: "stranger" },
          expect: refusal("CloudRegistry_BadSignature"),
        },
        { do: "recoverAccount", cloud: "aurora" },
        {
          do: "agree",
          id: "old",
          vms: ["web-1"],
          to: "borealis",
          site: 1,
          signers: { aurora: "aurora/former" },
          expect: refusal("CloudRegistry_BadSignature"),
        },
      ],
    });

    expect(facts.steps.map(({ missed }) => missed)).to.deep.equal([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
