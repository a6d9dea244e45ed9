import { existsSync, readFileSync } from "node:fs";

import { expect } from "chai";

import { openEmbedded } from "../../../scripts/chains.js";
import { BusError } from "../../../src/errors/busError.js";
import { askQuestions } from "../../../src/scenario/answers.js";
import { tally } from "../../../src/scenario/report.js";
import { prepare, runTimeline } from "../../../src/scenario/run.js";
import { burstsByCloud, burstsOf, parseTrace, scenarioOfTrace } from "../../../src/trace/burst.js";
import { smallTrace } from "../../fixtures/scenarios.js";

const REAL = process.env.BITBRAINS_TRACE ?? "../shared/data/bitbrains-vm.csv";

describe("parseTrace", function () {
  it("reads the columns it needs, in seconds whatever the header says", function () {
    const samples = parseTrace(smallTrace());

    expect(samples).to.have.length(30);
    expect(samples[0]).to.deep.equal({ time: 1_376_314_846_000, cores: 2, cpuPercent: 5, memoryMiB: 4_096 });
  });

  const MISTAKES: readonly (readonly [string, (text: string) => string, RegExp])[] = [
    ["a missing column", (text) => text.replace("CPU usage [%]", "CPU"), /line 1.*CPU usage/],
    ["a value that is no number", (text) => text.replace("\t80;", "\tbusy;"), /line 12.*busy/],
    ["a time that does not go on", (text) => text.replace("1376315146", "1376314846"), /line 3/],
    ["no samples", (text) => text.split("\n").slice(0, 1).join("\n"), /samples/],
  ];
  for (const [what, spoil, named] of MISTAKES) {
    it(`refuses ${what} by line`, function () {
      expect(() => parseTrace(spoil(smallTrace())))
        .to.throw(BusError, named)
        .with.property("code", "BAD_TRACE");
    });
  }
});

describe("burstsOf", function () {
  it("begins at the threshold and ends below the lower one", function () {
    const samples = parseTrace(smallTrace());
    const at = (index: number) => samples[index]?.time;

    expect(burstsOf(samples, { burstAt: 80, returnBelow: 20 })).to.deep.equal([{ from: at(10), to: at(15) }]);
    expect(burstsOf(samples, { burstAt: 80.1, returnBelow: 20 })).to.deep.equal([]);
    expect(burstsOf(samples, { burstAt: 80, returnBelow: 5 })).to.deep.equal([{ from: at(10), to: at(29) }]);
  });
});

describe("scenarioOfTrace", function () {
  it("bursts to the best-ranked cloud and returns", async function () {
    const { scenario } = scenarioOfTrace(smallTrace(), { burstAt: 50, returnBelow: 20 });
    const world = await prepare(scenario, await openEmbedded(scenario));
    const facts = await runTimeline(world, () => undefined);

    // Two moves of three transactions each; windows opened and reported; a charge and a credit; two moves and a result remembered.
    expect(tally(facts)).to.include({ accepted: 13, refused: 0, missed: 0 });
    expect(burstsByCloud(world, await askQuestions(world))).to.deep.equal(["  cheap-cloud: 1 times, 0.4 h"]);
  });

  it("feeds the SLA by the load: a share of the charge comes back when the VM presses harder than was promised", async function () {
    const { scenario } = scenarioOfTrace(smallTrace(), { burstAt: 30, returnBelow: 20 });
    const world = await prepare(scenario, await openEmbedded(scenario));
    await runTimeline(world, () => undefined);
    const { breaches } = await askQuestions(world);

    // 80 % of the CPU against twice the 30 % at which it bursts.
    expect(breaches).to.have.length(1);
    expect(breaches[0]).to.deep.include({ missed: ["cpuReadyPpm"], creditBps: 1_000, window: 0 });
    expect(world.openings.values().next().value?.values.cpuReadyPpm).to.equal(800_000);
  });

  it(`reads the real load${existsSync(REAL) ? "" : `: skipped, there is no ${REAL}`}`, function () {
    if (!existsSync(REAL)) this.skip();
    const { samples, bursts, scenario } = scenarioOfTrace(readFileSync(REAL, "utf8"));

    expect(samples).to.equal(8_619);
    expect(bursts.length).to.be.greaterThan(0);
    expect(scenario.timeline).to.have.length(3 * bursts.length + 2);
  });
});
