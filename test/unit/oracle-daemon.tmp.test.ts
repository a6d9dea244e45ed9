import { mkdirSync } from "node:fs";
import { expect } from "chai";
import { network } from "hardhat";
import { Bed, WINDOW_MS, keyOf, passTo, sampleFile, watchedStay, windowResult } from "../fixtures/oracleDaemon.js";

const { networkHelpers } = await network.create();

describe("tmp", function () {
  it("agrees", async function () {
    const watched = await networkHelpers.loadFixture(watchedStay);
    const bed = new Bed();
    mkdirSync(bed.path("papers"));
    bed.write("papers/a.json", JSON.stringify(watched.agreement, (_k, v) => typeof v === "bigint" ? v.toString() : v));
    const seen = [{ availabilityPpm: 1_000_000, networkLatencyUs: 900 }, { availabilityPpm: 900_000, networkLatencyUs: 900 }];
    bed.write("home.samples.json", sampleFile(watched, seen));
    bed.write("host.samples.json", sampleFile(watched, seen));
    const log = (e: string, f: object) => console.log(e, JSON.stringify(f));
    const home = bed.open(watched, "home", keyOf(watched.home), { log, config: { part: "party", cloud: 1, listen: { port: 0 } } });
    const { peers } = await bed.serve(home);
    const host = bed.open(watched, "host", keyOf(watched.host), { log, config: { part: "party", cloud: 2, peers: [{ cloud: 1, url: peers!.url }] } });
    await passTo(watched, 2 * WINDOW_MS);
    await home.settle();
    await host.settle();
    expect(await windowResult(watched, 0)).to.include({ state: "Agreed" });
    expect(await windowResult(watched, 1)).to.include({ state: "Agreed" });
    await home.settle();
    console.log(await host.telemetry.registry.metrics());
    await bed.close();
  });
});
