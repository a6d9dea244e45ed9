import { readFileSync } from "node:fs";

import { expect } from "chai";

import { BusError } from "../../../src/errors/busError.js";
import { durationMs, lengthOf, parseScenario } from "../../../src/scenario/format.js";
import { SCENARIO_SCHEMA } from "../../../src/scenario/schema.js";
import { smallScenario } from "../../fixtures/scenarios.js";

/** Sets what a JSON pointer names; undefined takes it away. */
function changed(path: string, value: unknown): string {
  const scenario: unknown = JSON.parse(JSON.stringify(smallScenario()));
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
