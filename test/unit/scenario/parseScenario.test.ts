import { readFileSync } from "node:fs";

import { expect } from "chai";

import { BusError } from "../../../src/errors/busError.js";
import { durationMs, lengthOf, parseScenario } from "../../../src/scenario/format.js";
import { SCENARIO_SCHEMA } from "../../../src/scenario/schema.js";
import { promisedScenario, smallScenario } from "../../fixtures/scenarios.js";

/** Sets what a JSON pointer names; undefined takes it away. */
function changed(path: string, value: unknown, base = smallScenario()): string {
  const scenario: unknown = JSON.parse(JSON.stringify(base));
  const keys = path.split("/").slice(1);
  const last = keys.pop() ?? "";
  const parent = keys.reduce<unknown>((at, key) => (at as { [key: string]: unknown })[key], scenario);
  (parent as { [key: string]: unknown })[last] = value;
  return JSON.stringify(scenario);
}

function mistakeIn(text: string): string {
  try {
    parseScenario(text);
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(BusError);
    expect((thrown as BusError).code).to.equal("BAD_SCENARIO");
    expect((thrown as BusError).message).not.to.include("\n");
    return (thrown as BusError).message;
  }
  throw new Error("accepted");
}

describe("parseScenario", function () {
  it("accepts the scenarios that are shipped", function () {
    for (const name of ["federation", "live"]) {
      expect(() => parseScenario(readFileSync(`scenarios/${name}.json`, "utf8"))).not.to.throw();
    }
  });

  it("is published as it is used", function () {
    expect(JSON.parse(readFileSync("schema/scenario.schema.json", "utf8"))).to.deep.equal(
      JSON.parse(JSON.stringify(SCENARIO_SCHEMA)),
    );
  });

  it("refuses what is not JSON in one line", function () {
    expect(mistakeIn("not\nJSON")).to.match(/not JSON/);
  });

  // Where, what stands there, and what the message must name besides the path.
  const MISTAKES: readonly (readonly [string, unknown, RegExp])[] = [
    ["/colour", "red", /unknown key/],
    ["/timeline/0/colour", "red", /unknown key/],
    ["/timeline/0/do", "teleport", /teleport/],
    ["/timeline/0/at", "yesterday", /yesterday/],
    ["/timeline/0/at", -1, /-1/],
    ["/timeline/0/vms", [], /\[\]/],
    ["/timeline/0/vms/0", "web-9", /web-9/],
    ["/timeline/0/to", "nowhere", /nowhere/],
    ["/timeline/0/site", 70_000, /70000/],
    ["/timeline/1/document", "never", /never/],
    ["/timeline/2/at", "PT2M", /PT2M/],
    ["/clouds/0/label", "a".repeat(64), /aaaa/],
    ["/clouds/1/label", "aurora", /aurora/],
    ["/clouds/1/offers/0/capacity/vcpuMilli", -5, /-5/],
    ["/clouds/1/offers/0/capacity/vcpuMilli", 2 ** 32, /4294967296/],
    ["/clouds/1/offers/0/features/0", "xen", /xen/],
    ["/vms/0/home", "cirrus", /cirrus/],
    ["/vms/0/type", "m9.huge", /m9\.huge/],
    ["/vms/0/features/0", "xen", /xen/],
    ["/expectations/hosts/0/vm", "web-9", /web-9/],
    ["/expectations/states/0/state", "Flying", /Flying/],
    ["/expectations/rooms/0/cloud", "cirrus", /cirrus/],
    ["/questions/history", "web-9", /web-9/],
  ];
  for (const [path, value, named] of MISTAKES) {
    it(`names ${path} when it is ${JSON.stringify(value).slice(0, 40)}`, function () {
      const mistake = mistakeIn(changed(path, value));
      expect(mistake).to.include(path).and.to.match(named);
    });
  }

  const claim = { do: "claim", vm: "web-1", window: 0, by: "aurora" } as const;
  const PROMISED = promisedScenario([
    { ...claim, metrics: { availabilityPpm: 1 } },
    { do: "report", vm: "web-1", windows: [0, 1], samples: { every: "PT1M", values: { lossPpm: [0, null] } } },
    { do: "note", creditor: "aurora", debtor: "borealis", amount: "1.5" },
  ]);
  const MISTAKES_ABOUT_PROMISES: readonly (readonly [string, unknown, RegExp])[] = [
    ["/terms/gold/settlement", "never", /never/],
    ["/terms/gold/currency", "euro", /euro/],
    ["/terms/gold/promises/speed", 1, /unknown key/],
    ["/terms/gold/tiers/0/creditBps", 10_001, /10001/],
    ["/timeline/0/terms", "silver", /silver/],
    ["/timeline/0/witnesses/0", "probe-9", /probe-9/],
    ["/timeline/1", claim, /either metrics or samples/],
    ["/timeline/1/metrics/availabilityPpm", -1, /-1/],
    ["/timeline/1/by", "cirrus", /cirrus/],
    ["/timeline/2/windows", [3, 2], /ends before/],
    ["/timeline/2/windows", [3], /\[3\]/],
    ["/timeline/3/amount", "1,5", /1,5/],
    ["/timeline/3/amount", 1.5, /1\.5/],
    ["/timeline/3/debtor", "cirrus", /cirrus/],
    ["/expectations", { balances: [{ creditor: "cirrus", debtor: "aurora", amount: "1" }] }, /cirrus/],
    ["/expectations", { results: [{ vm: "web-1", stay: 1, window: 0, state: "Sure" }] }, /Sure/],
    ["/expectations", { credits: [{ vm: "web-9", stay: 1, window: 0, amount: "1" }] }, /web-9/],
    ["/expectations", { reputation: [{ cloud: "cirrus" }] }, /cirrus/],
  ];
  for (const [path, value, named] of MISTAKES_ABOUT_PROMISES) {
    it(`names ${path} when it is ${JSON.stringify(value).slice(0, 60)}`, function () {
      const mistake = mistakeIn(changed(path, value, PROMISED));
      expect(mistake).to.include(path).and.to.match(named);
    });
  }

  it("names a key that is missing", function () {
    expect(mistakeIn(changed("/clouds", undefined))).to.match(/clouds/);
  });
});

describe("durationMs", function () {
  it("reads ISO 8601 to the millisecond, and milliseconds", function () {
    expect(durationMs("P1DT2H3M4.5S")).to.equal(93_784_500);
    expect(durationMs("PT90M")).to.equal(5_400_000);
    expect(durationMs(250)).to.equal(250);
  });

  it("counts the copy of a move as part of the scenario", function () {
    expect(lengthOf(smallScenario())).to.equal(3_660_000);
  });
});
