import { expect } from "chai";

import { openEmbedded } from "../../../scripts/chains.js";
import { type Answers, askQuestions } from "../../../src/scenario/answers.js";
import { factsJson } from "../../../src/scenario/facts.js";
import type { Scenario, Step } from "../../../src/scenario/format.js";
import { formatMoney, parseMoney } from "../../../src/scenario/money.js";
import { answerLines, closingLines, stepLines, tally } from "../../../src/scenario/report.js";
import { type RunFacts, prepare, runTimeline } from "../../../src/scenario/run.js";
import { promisedScenario } from "../../fixtures/scenarios.js";

interface Run {
  readonly facts: RunFacts;
  readonly answers: Answers;
  readonly lines: readonly string[];
}

async function run(scenario: Scenario): Promise<Run> {
  const world = await prepare(scenario, await openEmbedded(scenario));
  const lines: string[] = [];
  const facts = await runTimeline(world, (fact) => lines.push(...stepLines(world, fact)));
  const answers = await askQuestions(world);
  return { facts, answers, lines: [...lines, ...answerLines(world, answers), ...closingLines(facts)] };
}

const missed = ({ facts }: Run) => [
  ...facts.steps.flatMap((step) => (step.missed === undefined ? [] : [`${step.step.do}: ${step.missed}`])),
  ...facts.expectations.filter(({ isMet }) => !isMet).map(({ what, found }) => `${what}: ${found}`),
];

const WELL = { availabilityPpm: 1_000_000, networkLatencyUs: 10_000 };
const web = { vm: "web-1" } as const;

describe("scenario: promises and money", function () {
  it("charges a stay, credits what an agreed result shows, and says so", async function () {
    const scenario = promisedScenario([
      { at: "PT4H", do: "report", ...web, windows: [0, 1], metrics: WELL },
      { do: "report", ...web, windows: [2, 2], metrics: { ...WELL, networkLatencyUs: 20_001 } },
      { at: "PT10H3M", do: "settleAll" },
    ]);
    const found = await run({
      ...scenario,
      expectations: {
        results: [{ ...web, stay: 2, window: 2, state: "Agreed" }],
        credits: [
          { ...web, stay: 2, window: 1, amount: "0" },
          { ...web, stay: 2, window: 2, amount: "0.005" },
        ],
        // Ten hours at 0.1 EUR, less 5 % of one of them.
        balances: [{ creditor: "borealis", debtor: "aurora", amount: "0.995" }],
      },
    });

    expect(missed(found)).to.deep.equal([]);
    expect(found.answers.breaches).to.have.length(1);
    expect(found.answers.breaches[0]).to.deep.include({ window: 2, missed: ["networkLatencyUs"], creditBps: 500 });
    expect(found.lines.join("\n")).to.match(/web-1\s+2\s+2\s+networkLatencyUs\s+borealis\s+5 %\s+0\.0050 EUR/);
  });

  it("makes a claim final by silence, and lets witnesses decide one that is objected to", async function () {
    const seen = (witness: string, availabilityPpm: number): Step => ({
      do: "observe",
      ...web,
      window: 1,
      witness,
      metrics: { availabilityPpm },
    });
    const scenario = promisedScenario([
      { at: "PT4H", do: "claim", ...web, window: 0, by: "borealis", metrics: WELL },
      { do: "claim", ...web, window: 1, by: "aurora", metrics: { availabilityPpm: 0 } },
      { do: "object", ...web, window: 1 },
      seen("probe-1", 990_000),
      seen("probe-2", 1_000_000),
      { ...seen("stranger-probe", 1), expect: { refused: "SlaOracle_NotAWitness" } },
      {
        do: "observe",
        ...web,
        window: 1,
        witness: "probe-3",
        samples: { every: "PT15M", values: { availabilityPpm: [1_000_000, 1_000_000, 1_000_000, 0] } },
      },
      { do: "finalise", ...web, window: 1 },
      { do: "credit", ...web, window: 0, by: "aurora", expect: { refused: "SlaOracle_NotFinal" } },
      { at: "P8D", do: "credit", ...web, window: 0, by: "aurora" },
      { do: "credit", ...web, window: 1, by: "aurora" },
    ]);
    const found = await run({
      ...scenario,
      expectations: {
        results: [
          { ...web, stay: 2, window: 0, state: "Claimed" },
          { ...web, stay: 2, window: 1, state: "Witnessed" },
        ],
        // The median is 990,000: the first tier.
        credits: [{ ...web, stay: 2, window: 1, amount: "0.01" }],
      },
    });

    expect(missed(found)).to.deep.equal([]);
  });

  it("leaves a window without money when too few witnesses speak", async function () {
    const scenario = promisedScenario([
      { at: "PT4H", do: "claim", ...web, window: 1, by: "aurora", metrics: { availabilityPpm: 0 } },
      { do: "object", ...web, window: 1, by: "borealis" },
      { do: "observe", ...web, window: 1, witness: "probe-1", metrics: { availabilityPpm: 1 } },
      { at: "P8D", do: "finalise", ...web, window: 1 },
      { do: "credit", ...web, window: 1, by: "aurora", expect: { refused: "SlaOracle_Disputed" } },
    ]);
    const found = await run(scenario);

    expect(missed(found)).to.deep.equal([]);
    expect(found.lines.join("\n")).to.include("disputed: too few witnesses");
  });

  it("lets the new host bear a pause beyond its budget", async function () {
    const found = await run(
      promisedScenario([{ at: "PT2H", do: "report", ...web, windows: [0, 0], metrics: WELL }, { do: "settleAll" }], {
        pauseBudget: "PT0S",
      }),
    );

    expect(found.answers.breaches[0]).to.deep.include({ window: 0, missed: ["availabilityPpm"], creditBps: 1_000 });
  });

  it("settles a joint price with both signatures only", async function () {
    const found = await run(
      promisedScenario([{ at: "PT10H3M", do: "settle", ...web, by: "borealis", through: "PT5H3M" }], {
        settlement: "joint",
      }),
    );

    expect(missed(found)).to.deep.equal([]);
    expect(found.facts.events.map(({ name }) => name)).to.include("StaySettled");
    expect(found.answers.accounts[0]).to.deep.include({ creditor: 2, debtor: 1, balance: parseMoney("0.5") });
  });

  it("posts notes and payments, and cancels debts that go round", async function () {
    const note = (creditor: string, debtor: string, amount: string): Step => ({ do: "note", creditor, debtor, amount });
    const scenario = promisedScenario([
      note("borealis", "aurora", "5"),
      note("cirrus", "borealis", "3"),
      note("aurora", "cirrus", "4"),
      {
        ...note("aurora", "cirrus", "4"),
        without: ["cirrus"],
        expect: { refused: "ChargingLedger_SignatureCount" },
      } as Step,
      { do: "net" },
      { do: "acknowledge", creditor: "borealis", debtor: "aurora", amount: "1.5", payment: "first" },
    ]);
    const found = await run({
      ...scenario,
      clouds: [...scenario.clouds, { label: "cirrus" }],
      expectations: {
        balances: [
          { creditor: "borealis", debtor: "aurora", amount: "0.5" },
          { creditor: "cirrus", debtor: "borealis", amount: "0" },
          { creditor: "aurora", debtor: "cirrus", amount: "1" },
        ],
      },
    });

    expect(missed(found)).to.deep.equal([]);
    expect(found.lines.join("\n")).to.include("12.0000 EUR in 3 debts became 3.0000 in 2");
  });

  it("replaces a charge by a note up to a time", async function () {
    const replacing = { do: "note", creditor: "borealis", debtor: "aurora", amount: "0.25", ...web } as const;
    const found = await run({
      ...promisedScenario([
        { at: "PT10H3M", do: "settleAll" },
        { ...replacing, through: "PT5H3M" },
      ]),
      // Five hours as the note says, five as the price says.
      expectations: { balances: [{ creditor: "borealis", debtor: "aurora", amount: "0.75" }] },
    });

    expect(missed(found)).to.deep.equal([]);
  });

  it("remembers moves and results that can no longer change, once", async function () {
    const found = await run({
      ...promisedScenario([
        { at: "PT4H", do: "report", ...web, windows: [0, 1], metrics: WELL },
        { do: "report", ...web, windows: [2, 2], metrics: { availabilityPpm: 1 } },
        { do: "remember" },
        { at: "P3D", do: "remember" },
        { do: "remember" },
      ]),
      expectations: {
        reputation: [
          { cloud: "borealis", above: 0.5, below: 0.99 },
          { cloud: "aurora", above: 0.5 },
        ],
      },
    });

    expect(missed(found)).to.deep.equal([]);
    const count = (name: string) => found.facts.events.filter((event) => event.name === name).length;
    expect([count("MovePosted"), count("ResultPosted")]).to.deep.equal([1, 3]);
  });

  it("writes statements, credits and reputation as JSON, the same each time", async function () {
    const facts = async () => {
      const { facts: found, answers } = await run(
        promisedScenario([
          { at: "PT4H", do: "report", ...web, windows: [0, 0], metrics: { availabilityPpm: 1 } },
          { do: "settleAll" },
          { do: "net" },
        ]),
      );
      return JSON.stringify(factsJson(found, answers));
    };

    const first = await facts();

    expect(first).to.equal(await facts());
    const json = JSON.parse(first) as { readonly [key: string]: readonly object[] };
    expect(json.statements?.[0]).to.include({ creditor: "borealis", debtor: "aurora", currency: "EUR" });
    expect(json.credits?.[0]).to.include({ vm: "web-1", window: 0, host: "borealis", state: "Credited" });
    expect(json.reputation?.[0]).to.deep.include({ cloud: "aurora", score: "500000000000000000" });
  });

  it("fails an expectation about money that is wrong", async function () {
    const scenario = promisedScenario([{ at: "PT10H3M", do: "settleAll" }]);
    const found = await run({
      ...scenario,
      expectations: { balances: [{ creditor: "borealis", debtor: "aurora", amount: "1.000000001" }] },
    });

    expect(missed(found)).to.deep.equal(["what aurora owes borealis in EUR: 1.0"]);
    expect(tally(found.facts).missed).to.equal(1);
  });
});

describe("parseMoney, formatMoney", function () {
  it("keep nine decimal places and show four, or what there is", function () {
    expect(parseMoney("12.000000001")).to.equal(12_000_000_001n);
    expect(formatMoney(12_345_678_901n)).to.equal("12.3456");
    expect(formatMoney(-5n)).to.equal("-0.000000005");
    expect(formatMoney(0n)).to.equal("0.0000");
  });
});
