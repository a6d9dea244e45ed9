import { expect } from "chai";
import { network } from "hardhat";

import { BusError, asSender, claim, observationsOf, openWindows, signDocument } from "../../../src/index.js";
import { samplesRoot, proveSample } from "../../../src/oracle/measure/merkle.js";
import type { Oracle } from "../../../src/oracle/daemon/oracle.js";
import { buildMetrics } from "../../../src/sla/metrics.js";
import {
  Bed,
  Killer,
  STEP_MS,
  WINDOW_MS,
  type Watched,
  asText,
  endAt,
  keyOf,
  passTo,
  returnedHome,
  watchedStay,
  windowResult,
} from "../../fixtures/oracleDaemon.js";

const { networkHelpers } = await network.create();

const DAY_MS = 86_400_000;
const GOOD = { availabilityPpm: 1_000_000, networkLatencyUs: 900 };
const BAD = { availabilityPpm: 800_000, networkLatencyUs: 900 };

describe("Oracle", function () {
  let watched: Watched;
  let bed: Bed;

  beforeEach(async function () {
    watched = await networkHelpers.loadFixture(watchedStay);
    bed = new Bed(watched);
  });

  afterEach(async function () {
    await bed.close();
  });

  const row = (oracle: Oracle, number = 0) =>
    oracle.store.window({ vm: watched.vm, sequence: watched.sequence, number });
  const outcomes = (...oracles: readonly Oracle[]) => oracles.map((oracle) => row(oracle)?.outcome);
  const settle = async (...oracles: readonly Oracle[]) => {
    for (const oracle of oracles) await oracle.settle();
  };
  const reports = async () => {
    const { oracle } = watched.found.federation;
    const [agreed, claimed] = await Promise.all([
      oracle.queryFilter(oracle.filters.WindowAgreed()),
      oracle.queryFilter(oracle.filters.WindowClaimed()),
    ]);
    return {
      agreed: agreed.length,
      claimed: claimed.length,
      inTransactions: new Set(agreed.map((e) => e.transactionHash)).size,
    };
  };

  /** Host's oracle is killed when it has home's signature. */
  async function killedWhenSigned(url: string): Promise<void> {
    const killer = new Killer((name) => name === "after a countersignature was written down");
    const host = bed.host(url, { checkpoint: killer.checkpoint });
    void host.pass();
    await killer.killed;
    host.close();
  }

  describe("agreed", function () {
    it("brings what host proposed and home signed, many windows in one transaction", async function () {
      const seen = [GOOD, BAD, GOOD];
      bed.saw("home", seen);
      bed.saw("host", seen);
      const home = bed.home();
      const host = bed.host(await bed.serve(home));
      await passTo(watched, 3 * WINDOW_MS);

      await settle(home, host, home);

      expect(await reports()).to.deep.equal({ agreed: 3, claimed: 0, inTransactions: 1 });
      expect(outcomes(home, host)).to.deep.equal(["agreed", "agreed"]);
      for (const number of [0, 1, 2]) {
        const [atHome, atHost] = [row(home, number)?.report, row(host, number)?.report];
        expect(atHome).to.deep.equal(atHost);
        expect(atHome?.metrics.values).to.deep.equal(buildMetrics(seen[number] ?? {}));
        // The opening is the result's: what settles a credit needs it.
        await watched.found.federation.oracle.requireFinal(watched.vm, watched.sequence, number, atHome!.metrics);
      }
    });

    it("waits until a window has ended and its time of grace is over", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.host("http://127.0.0.1:1", { config: { timing: { graceMs: 10_000 } } });

      await passTo(watched, WINDOW_MS + 9_000);
      await host.settle();
      expect(row(host)).to.equal(undefined);

      await passTo(watched, WINDOW_MS + 10_000);
      await host.pass();
      expect(row(host)?.metrics).to.deep.equal(buildMetrics(GOOD));
    });

    it("takes in the difference that two monitors make, with host's numbers", async function () {
      bed.saw("home", [{ ...GOOD, networkLatencyUs: 1_000 }]);
      bed.saw("host", [GOOD]);
      const home = bed.home();
      const host = bed.host(await bed.serve(home));
      await passTo(watched, WINDOW_MS);

      await settle(home, host);

      expect(row(home)?.report?.metrics.values).to.deep.equal(buildMetrics(GOOD));
      expect(outcomes(host)).to.deep.equal(["agreed"]);
    });

    it("proposes only what home measured, or takes on trust", async function () {
      bed.saw("home", [{ availabilityPpm: 1_000_000 }]);
      bed.saw("host", [{ ...GOOD, diskIops: 900, cpuReadyPpm: 7 }]);
      const home = bed.home({ config: { trusted: ["cpuReadyPpm"] } });
      const host = bed.host(await bed.serve(home));
      await passTo(watched, WINDOW_MS);

      await settle(home, host);

      const agreed = buildMetrics({ availabilityPpm: 1_000_000, cpuReadyPpm: 7 });
      expect(row(host)?.report?.metrics.values).to.deep.equal(agreed);
      expect(outcomes(host)).to.deep.equal(["agreed"]);
    });

    it("is not reached where the two have no metric in common: that ends in a claim", async function () {
      bed.saw("home", [{ lossPpm: 3 }]);
      bed.saw("host", [GOOD]);
      const home = bed.home();
      const host = bed.host(await bed.serve(home));
      await endAt(watched, WINDOW_MS);
      await settle(home, host);
      expect(row(host)).to.deep.include({ isRefused: true, report: undefined });

      await passTo(watched, WINDOW_MS + DAY_MS);
      await settle(host, home);

      expect(await windowResult(watched, 0)).to.deep.include({ state: "Claimed", claimant: watched.host.cloud });
    });

    it("is brought by home if host has it and does not bring it", async function () {
      bed.saw("home", [GOOD]);
      bed.saw("host", [GOOD]);
      const home = bed.home();
      const url = await bed.serve(home);
      await endAt(watched, WINDOW_MS);
      await home.settle();
      await killedWhenSigned(url);
      expect((await windowResult(watched, 0)).state).to.equal("None");

      await passTo(watched, WINDOW_MS + 7_199_000);
      await home.settle();
      expect((await windowResult(watched, 0)).state).to.equal("None");
      await passTo(watched, WINDOW_MS + 7_200_000);
      await home.settle();

      expect((await windowResult(watched, 0)).state).to.equal("Agreed");
      expect(outcomes(home)).to.deep.equal(["agreed"]);
    });

    it("holds host to what it signed when it claims something else", async function () {
      bed.saw("home", [BAD]);
      bed.saw("host", [BAD]);
      const home = bed.home();
      const url = await bed.serve(home);
      await endAt(watched, WINDOW_MS);
      await home.settle();
      await killedWhenSigned(url);
      const { federation } = watched.found;
      const { vm, sequence, host, agreement } = watched;
      await openWindows(asSender(federation, host.account), vm, sequence, agreement);
      await claim(asSender(federation, host.account), vm, sequence, 0, host.cloud, buildMetrics(GOOD));

      await home.settle();

      expect((await windowResult(watched, 0)).state).to.equal("Agreed");
      expect(row(home)?.report?.metrics.values).to.deep.equal(buildMetrics(BAD));
    });
  });

  describe("claimed", function () {
    it("claims what it measured when home is silent for too long, and lets it become final", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.host("http://127.0.0.1:1");
      await endAt(watched, WINDOW_MS);
      await passTo(watched, WINDOW_MS + DAY_MS - 1_000);
      await host.pass();
      expect(row(host)?.problem).to.match(/^PEER_UNREACHABLE/);
      expect((await windowResult(watched, 0)).state).to.equal("None");

      await passTo(watched, WINDOW_MS + DAY_MS);
      await host.settle();
      expect(await windowResult(watched, 0)).to.deep.include({
        state: "Claimed",
        claimant: watched.host.cloud,
        metrics: buildMetrics(GOOD),
      });

      await passTo(watched, WINDOW_MS + 9 * DAY_MS);
      await host.settle();
      expect(outcomes(host)).to.deep.equal(["claimed"]);
      expect(await reports()).to.deep.include({ agreed: 0, claimed: 1 });
    });

    it("home claims, too, when host is silent", async function () {
      bed.saw("home", [BAD]);
      const home = bed.home();
      await endAt(watched, WINDOW_MS);
      await passTo(watched, WINDOW_MS + DAY_MS);

      await home.settle();

      expect(await windowResult(watched, 0)).to.deep.include({ state: "Claimed", claimant: watched.home.cloud });
    });

    it("lets a claim stand that is the same within the tolerance", async function () {
      bed.saw("home", [{ ...GOOD, availabilityPpm: 995_000 }]);
      bed.saw("host", [GOOD]);
      const host = bed.host("http://127.0.0.1:1");
      const home = bed.home();
      await endAt(watched, WINDOW_MS);
      await passTo(watched, WINDOW_MS + DAY_MS);

      await settle(host, home);
      await passTo(watched, WINDOW_MS + 9 * DAY_MS);
      await settle(host, home);

      expect(outcomes(host, home)).to.deep.equal(["claimed", "claimed"]);
    });

    it("is too late when the contract takes no report any more", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.host("http://127.0.0.1:1");
      await endAt(watched, WINDOW_MS);
      await passTo(watched, WINDOW_MS + 46 * DAY_MS);

      await host.settle();

      expect(row(host)?.outcome).to.equal("lost");
      expect((await windowResult(watched, 0)).state).to.equal("None");
    });
  });

  describe("witnessed", function () {
    /** Host claims what home's measurements contradict, and home objects. */
    async function objected(): Promise<{ readonly home: Oracle; readonly host: Oracle }> {
      bed.saw("home", [BAD]);
      bed.saw("host", [GOOD]);
      const home = bed.home();
      const host = bed.host(await bed.serve(home));
      await settle(home, host);
      expect(row(host)).to.deep.include({ isRefused: true, problem: "home refuses: DIFFERS availabilityPpm" });
      await passTo(watched, WINDOW_MS + DAY_MS);
      await settle(host, home);
      expect(await windowResult(watched, 0)).to.deep.include({ state: "Objected", claimant: watched.host.cloud });
      return { home, host };
    }

    it("asks the witnesses by objecting; each answers with what it measured; the median becomes final", async function () {
      const seen = [810_000, 790_000, 999_999];
      const witnesses = seen.map((availabilityPpm, index) => {
        bed.saw(`witness-${index}`, [{ availabilityPpm, networkLatencyUs: 900, diskIops: 1 }]);
        return bed.witness(index);
      });
      await endAt(watched, WINDOW_MS);
      await settle(...witnesses);
      const { home, host } = await objected();

      await settle(...witnesses, host, home);

      expect(await windowResult(watched, 0)).to.deep.include({
        state: "Witnessed",
        metrics: buildMetrics({ availabilityPpm: 810_000, networkLatencyUs: 900 }),
      });
      await settle(...witnesses, home);
      expect(outcomes(home, host, ...witnesses)).to.deep.equal(Array.from({ length: 5 }, () => "witnessed"));
      const { federation } = watched.found;
      expect(await observationsOf(federation, watched.vm, watched.sequence, 0)).to.have.length(3);
    });

    it("shows one of its raw samples to the contract", async function () {
      bed.saw("witness-0", [BAD]);
      const witness = bed.witness(0);
      await endAt(watched, WINDOW_MS);
      await witness.settle();
      await objected();
      await witness.settle();

      const { oracle } = watched.found.federation;
      const { observation } = row(witness)!;
      const samples = witness.store.samples({ vm: watched.vm, sequence: watched.sequence, number: 0 });
      const { sample, proof } = proveSample(samples, samples[3]!);
      const { address } = { address: watched.agreement.witnesses.members[0]! };

      expect(samples).to.have.length((2 * WINDOW_MS) / STEP_MS);
      expect(observation?.samplesRoot).to.equal(samplesRoot(samples));
      expect(await oracle.isSample(observation!, address, sample, [...proof])).to.equal(true);
      expect(await oracle.isSample(observation!, address, `${sample.slice(0, -2)}ff`, [...proof])).to.equal(false);
    });

    it("measures from the stay's begin: samples that are gone when it is asked were kept", async function () {
      bed.saw("witness-0", [BAD]);
      const witness = bed.witness(0);
      await endAt(watched, WINDOW_MS);
      await witness.settle();
      bed.saw("witness-0", []);
      await objected();

      await witness.settle();

      expect((await windowResult(watched, 0)).observations).to.equal(1);
    });

    it("ends disputed where too few are heard in time", async function () {
      bed.saw("witness-0", [BAD]);
      const witness = bed.witness(0);
      await endAt(watched, WINDOW_MS);
      const { home, host } = await objected();
      await witness.settle();

      await passTo(watched, WINDOW_MS + 9 * DAY_MS);
      await settle(home, host, witness);

      expect((await windowResult(watched, 0)).state).to.equal("Disputed");
      expect(outcomes(home, host, witness)).to.deep.equal(["disputed", "disputed", "disputed"]);
    });

    it("does nothing about stays of other witnesses", async function () {
      bed.saw("stranger", [BAD]);
      const stranger = bed.open("stranger", keyOf({ cloud: 4 }), { config: { part: "witness" } });
      await endAt(watched, WINDOW_MS);

      await stranger.settle();

      expect(stranger.store.stays()).to.deep.equal([]);
    });

    it("takes up a stay when it is told later who its witnesses are", async function () {
      bed.write("papers/witnesses.json", "{}");
      bed.saw("witness-0", [BAD]);
      const witness = bed.witness(0);
      await endAt(watched, WINDOW_MS);
      await witness.settle();
      expect(row(witness)).to.equal(undefined);

      bed.write("papers/agreement.json", asText({ agreement: watched.agreement }));
      await witness.settle();

      expect(row(witness)?.metrics).to.deep.equal(buildMetrics(BAD));
    });
  });

  describe("stays", function () {
    it("end: the last window is shorter, and there is none after it", async function () {
      bed.saw("home", [GOOD, GOOD]);
      bed.saw("host", [GOOD, GOOD]);
      const home = bed.home();
      const host = bed.host(await bed.serve(home));
      await endAt(watched, 1.5 * WINDOW_MS);
      await passTo(watched, 5 * WINDOW_MS);

      await settle(home, host);

      const [stay] = host.store.stays();
      const windows = host.store.windowsOf(stay!);
      expect(stay?.isLaid).to.equal(true);
      expect(windows.map(({ toMs }) => toMs)).to.deep.equal([watched.startedAtMs + WINDOW_MS, stay?.endedAtMs]);
      expect(windows.map(({ outcome }) => outcome)).to.deep.equal(["agreed", "agreed"]);
    });

    it("end earlier than was known: what was only measured is measured again, what comes after is void", async function () {
      bed.saw("host", [GOOD, GOOD, GOOD]);
      const host = bed.host("http://127.0.0.1:1");
      await passTo(watched, 3 * WINDOW_MS);
      await host.pass();
      const stay = { vm: watched.vm, sequence: watched.sequence };
      expect(host.store.windowsOf(stay).map(({ metrics }) => metrics?.measured)).to.deep.equal([33, 33, 33]);
      bed.saw("host", [BAD, BAD]);

      const endedAtMs = await returnedHome(watched, 1.5 * WINDOW_MS);
      await host.pass();

      expect(host.store.stay(stay.vm, stay.sequence)?.endedAtMs).to.equal(endedAtMs);
      const windows = host.store.windowsOf(stay);
      expect(windows.map(({ toMs }) => toMs)).to.deep.equal(
        [1, 1.5, 3].map((n) => watched.startedAtMs + n * WINDOW_MS),
      );
      expect(windows.map(({ outcome }) => outcome)).to.deep.equal([undefined, undefined, "void"]);
      expect(windows[0]?.metrics?.availabilityPpm).to.equal(1_000_000);
      expect(windows[1]?.metrics?.availabilityPpm).to.equal(800_000);
    });

    it("whose agreement is nowhere are a problem that its health shows", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.host("http://127.0.0.1:1");
      await host.pass();
      expect(host.health().isHealthy).to.equal(true);

      host.store.patchStay(watched, { windowMs: 0, agreementId: `0x${"77".repeat(32)}` });
      await host.pass();

      expect(host.health().isHealthy).to.equal(false);
      expect(host.health().problems[0]).to.match(/^UNKNOWN_AGREEMENT: 0x7777/);
    });
  });

  describe("trouble", function () {
    it("with the source: tries again, longer each time, and measures when it is mended", async function () {
      let clock = 1_000_000;
      const host = bed.host("http://127.0.0.1:1", {
        now: () => clock,
        config: { timing: { retryMs: 1_000, maxRetryMs: 4_000 } },
      });
      await passTo(watched, WINDOW_MS);
      const delays: number[] = [];
      for (let i = 0; i < 4; ++i) {
        await host.pass();
        delays.push(row(host)!.retryAtMs - clock);
        clock = row(host)!.retryAtMs;
      }
      expect(delays).to.deep.equal([1_000, 2_000, 4_000, 4_000]);
      expect(row(host)?.problem).to.match(/^SOURCE_UNREACHABLE/);

      bed.saw("host", [GOOD]);
      await host.pass();

      expect(row(host)?.metrics).to.deep.equal(buildMetrics(GOOD));
    });

    it("with missing samples: waits for them, then goes without the metric", async function () {
      bed.saw("host", [{ lossPpm: 5 }, { availabilityPpm: 1_000_000, lossPpm: 5 }]);
      const host = bed.host("http://127.0.0.1:1", { config: { timing: { patienceMs: 60_000 } } });
      await passTo(watched, WINDOW_MS);
      await host.pass();
      expect(row(host)?.metrics).to.equal(undefined);
      expect(row(host)?.problem).to.equal("NO_SAMPLES: samples are missing: availabilityPpm 0 of 10");

      await passTo(watched, WINDOW_MS + 60_000);
      await host.pass();

      expect(row(host)?.metrics).to.deep.equal(buildMetrics({ lossPpm: 5 }));
    });

    it("with everything missing: claims nothing, and closes when nobody did", async function () {
      bed.saw("host", [undefined, GOOD]);
      const host = bed.host("http://127.0.0.1:1");
      await endAt(watched, WINDOW_MS);
      await passTo(watched, WINDOW_MS + 2 * DAY_MS);
      await host.settle();
      expect(row(host)?.metrics).to.deep.equal(buildMetrics({}));
      expect((await windowResult(watched, 0)).state).to.equal("None");

      await passTo(watched, WINDOW_MS + 46 * DAY_MS);
      await host.settle();
      expect(row(host)?.outcome).to.equal("lost");
    });

    it("with the node: a stale head ends the pass, and shows in its health", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.host("http://127.0.0.1:1", { now: () => 0, config: { timing: { headAgeMs: 1 } } });

      const thrown: unknown = await host.pass().catch((error: unknown) => error);

      expect(thrown).to.be.instanceOf(BusError).with.property("code", "STALE_HEAD");
      expect(host.health().problems[0]).to.match(/^STALE_HEAD/);
    });

    it("with a grid that the other side opened meanwhile: goes on", async function () {
      bed.saw("home", [GOOD]);
      bed.saw("host", [GOOD]);
      const home = bed.home();
      const url = await bed.serve(home);
      let isOpened = false;
      const { federation } = watched.found;
      const host = bed.host(url, {
        checkpoint: async (name) => {
          if (name !== "after a countersignature was written down" || isOpened) return;
          isOpened = true;
          const agreement = home.store.agreement(home.store.stays()[0]!.agreementId);
          await asSender(federation, watched.home.account).oracle.openWindows(
            watched.vm,
            watched.sequence,
            JSON.parse(agreement!) as never,
          );
        },
      });
      await passTo(watched, WINDOW_MS);

      await settle(home, host);

      expect((await windowResult(watched, 0)).state).to.equal("Agreed");
    });

    it("with a signature whose key is no longer host's: signs the same report again", async function () {
      bed.saw("home", [GOOD]);
      bed.saw("host", [GOOD]);
      const home = bed.home();
      const url = await bed.serve(home);
      await endAt(watched, WINDOW_MS);
      await home.settle();
      const killer = new Killer((name) => name === "before proposing");
      const killed = bed.host(url, { checkpoint: killer.checkpoint });
      void killed.pass();
      await killer.killed;
      const { report } = row(killed)!;
      // As an agent's that was revoked meanwhile.
      const { oracleDomain } = watched.found.federation;
      const ownSignature = await signDocument(keyOf({ cloud: 3 }), oracleDomain, "AgreedReport", report!);
      killed.store.patchWindow({ vm: watched.vm, sequence: watched.sequence, number: 0 }, { ownSignature });
      killed.close();

      const host = bed.host(url);
      await host.pass();
      expect(row(host)).to.deep.include({ problem: "home refuses: BAD_SIGNATURE", ownSignature: undefined });
      await host.settle();

      expect(row(host)?.report).to.deep.equal(report);
      expect(outcomes(host)).to.deep.equal(["agreed"]);
    });

    it("with one report that spoils a transaction of many: the others are brought, and it is signed again", async function () {
      bed.saw("home", [GOOD, GOOD, GOOD]);
      bed.saw("host", [GOOD, GOOD, GOOD]);
      const home = bed.home();
      const url = await bed.serve(home);
      await endAt(watched, 3 * WINDOW_MS);
      await home.settle();
      let signed = 0;
      const killer = new Killer((name) => name === "after a countersignature was written down" && ++signed === 3);
      const killed = bed.host(url, { checkpoint: killer.checkpoint });
      void killed.pass();
      await killer.killed;
      const theirSignature = row(killed, 0)?.theirSignature;
      killed.store.patchWindow({ vm: watched.vm, sequence: watched.sequence, number: 1 }, { theirSignature });
      killed.close();

      const host = bed.host(url);
      await host.pass();
      await host.settle();

      expect([0, 1, 2].map((number) => row(host, number)?.outcome)).to.deep.equal(["agreed", "agreed", "agreed"]);
      expect(await reports()).to.deep.equal({ agreed: 3, claimed: 0, inTransactions: 3 });
    });

    it("with keys that are no longer its cloud's: refuses to start", async function () {
      const oracle = bed.open("thief", keyOf({ cloud: 3 }), { config: { part: "party", cloud: 2 } });

      const thrown: unknown = await oracle.requireStanding().catch((error: unknown) => error);

      expect(thrown).to.have.property("code", "REVERTED");
    });
  });

  describe("dry run", function () {
    it("measures and decides, but neither signs nor sends", async function () {
      bed.saw("host", [GOOD]);
      const told: string[] = [];
      const host = bed.host("http://127.0.0.1:1", {
        isDryRun: true,
        log: (event, { action }) => {
          if (event === "would do") told.push(String(action));
        },
      });
      await endAt(watched, WINDOW_MS);
      await host.settle();
      await passTo(watched, WINDOW_MS + DAY_MS);

      await host.settle();

      expect(told).to.deep.equal(["propose"]);
      expect(row(host)?.report).to.equal(undefined);
      expect((await windowResult(watched, 0)).state).to.equal("None");
    });
  });

  describe("monitor", function () {
    it("serves its health and its own metrics", async function () {
      bed.saw("host", [GOOD]);
      const host = bed.host("http://127.0.0.1:1", { config: { monitor: { port: 0 } } });
      const url = await bed.serve(host);
      expect((await fetch(`${url}/healthz`)).status).to.equal(503);
      await passTo(watched, WINDOW_MS);
      await host.pass();

      const [health, metrics, other] = await Promise.all(
        ["healthz", "metrics", "else"].map((path) => fetch(`${url}/${path}`)),
      );

      expect(health?.status).to.equal(200);
      expect(await health?.json()).to.deep.include({ isHealthy: true, problems: [] });
      expect(await metrics?.text()).to.include('sla_oracle_measurements_total{outcome="complete"} 1');
      expect(other?.status).to.equal(404);
    });
  });
});
