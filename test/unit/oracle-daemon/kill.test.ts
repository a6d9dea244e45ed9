import { expect } from "chai";
import { network } from "hardhat";

import { documentId } from "../../../src/index.js";
import type { Oracle } from "../../../src/oracle/daemon/oracle.js";
import {
  Bed,
  Killer,
  type OracleSettings,
  type Seen,
  WINDOW_MS,
  type Watched,
  endAt,
  keyOf,
  passTo,
  watchedStay,
  windowResult,
} from "../../fixtures/oracleDaemon.js";

const { networkHelpers } = await network.create();

const DAY_MS = 86_400_000;
const KILLS = 50;
const WINDOWS = 28;
/** Of these windows host claims what home's measurements contradict. */
const DISPUTED = [3, 6, 14, 20, 27];
/** How many checkpoints an oracle passes about one window, more or less. */
const CHECKPOINTS = { home: 6, host: 12, witness: 3 };
const GOOD = { availabilityPpm: 1_000_000 };
const BAD = { availabilityPpm: 800_000 };

/** The same numbers every time. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Name = "home" | "host" | "witness-0" | "witness-1" | "witness-2";
const NAMES: readonly Name[] = ["home", "host", "witness-0", "witness-1", "witness-2"];
/** Where each of them is killed once for certain, in the order in which that can happen. The rest is chance. */
const TARGETS: readonly (readonly [Name, string])[] = [
  ["host", "before the events are written down"],
  ["host", "before the transaction is written down"],
  ["host", "before the transaction is sent"],
  ["host", "after the transaction was sent"],
  ["host", "mined"],
  ["host", "after reading the source"],
  ["host", "after a measurement was written down"],
  ["host", "before a report is signed"],
  ["host", "after a report was signed"],
  ["host", "before proposing"],
  ["home", "before home writes a report down"],
  ["home", "before home signs a report"],
  ["home", "before home answers"],
  ["host", "after proposing"],
  ["host", "after a countersignature was written down"],
  ["witness-0", "before an observation is signed"],
  ["witness-1", "after an observation was signed"],
  ["witness-2", "before the transaction is sent"],
];

/**
 * Oracles that are killed again and again, with nothing left of them but their databases. A killed one is stopped at a
 * checkpoint, before or after an effect, and never goes on; its server and its database are closed, as the system does.
 */
class Hospital {
  readonly #living = new Map<Name, Oracle>();
  #homeUrl = "";
  /** At which checkpoints, and how often at each. */
  readonly killedAt = new Set<string>();

  constructor(readonly bed: Bed) {}

  open(name: Name, checkpoint?: OracleSettings["checkpoint"]): Oracle {
    const settings = checkpoint ? { checkpoint } : {};
    if (name === "home") {
      // Others know its address: it is the same every time.
      const port = this.#homeUrl === "" ? 0 : Number(new URL(this.#homeUrl).port);
      return this.bed.home({ ...settings, config: { listen: { port } } });
    }
    if (name === "host") return this.bed.host(this.#homeUrl, settings);
    return this.bed.witness(Number(name.slice(-1)), settings);
  }

  async start(name: Name, checkpoint?: OracleSettings["checkpoint"]): Promise<Oracle> {
    const oracle = this.open(name, checkpoint);
    this.#living.set(name, oracle);
    if (name === "home") this.#homeUrl = await this.bed.serve(oracle);
    return oracle;
  }

  get(name: Name): Oracle {
    const oracle = this.#living.get(name);
    if (!oracle) throw new Error(`${name} is not running`);
    return oracle;
  }

  async stop(name: Name): Promise<void> {
    const oracle = this.get(name);
    await this.bed.stopServing(oracle);
    oracle.close();
  }

  /**
   * Lets everybody work, one of them until it is killed at a checkpoint; then starts that one again.
   * @returns Whether it was killed.
   */
  async round(victim: Name, isTime: (name: string) => boolean): Promise<boolean> {
    await this.stop(victim);
    const killer = new Killer((name) => {
      if (!isTime(name)) return false;
      this.killedAt.add(`${victim} ${name}`);
      return true;
    });
    await this.start(victim, killer.checkpoint);
    let working: Name | undefined;
    const work = (async () => {
      for (const name of NAMES) {
        working = name;
        await this.get(name).pass();
      }
      return false;
    })();
    const isKilled = await Promise.race([work, killer.killed.then(() => true)]);
    if (isKilled && working !== victim) {
      // Home was killed while it answered host, which finds that out and goes on.
      await this.bed.stopServing(this.get(victim));
      await work;
    }
    await this.stop(victim);
    await this.start(victim);
    return isKilled;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 3; ++i) for (const name of NAMES) await this.get(name).settle();
  }
}

describe("an oracle that is killed", function () {
  it(`${KILLS} times, at any point, loses no window and reports none twice`, async function () {
    const watched: Watched = await networkHelpers.loadFixture(watchedStay);
    const bed = new Bed(watched);
    const random = seeded(50);
    const hospital = new Hospital(bed);
    const { oracle } = watched.found.federation;
    try {
      const seenBy = (other: object): Seen =>
        Array.from({ length: WINDOWS }, (_, window) => (DISPUTED.includes(window) ? other : GOOD));
      bed.saw("home", seenBy(BAD));
      bed.saw("host", seenBy(GOOD));
      for (const name of NAMES.slice(2)) bed.saw(name, seenBy(BAD));
      for (const name of NAMES) await hospital.start(name);

      // Time goes on by a window between two kills, and by hours when the stay is over: claims come a day later.
      const targets = [...TARGETS];
      let kills = 0;
      let elapsedMs = 0;
      for (let round = 1; kills < KILLS; ++round) {
        expect(round, `rounds: ${JSON.stringify([...hospital.killedAt])}`).to.be.below(4 * KILLS);
        elapsedMs += round <= WINDOWS ? WINDOW_MS : DAY_MS / 8;
        if (round === WINDOWS) await endAt(watched, elapsedMs);
        else await passTo(watched, elapsedMs);
        const [target] = targets;
        const isDue = target !== undefined && (round > WINDOWS || !target[0].startsWith("witness"));
        if (isDue) {
          const [victim, wanted] = target;
          if (!(await hospital.round(victim, (name) => name === wanted))) continue;
          targets.shift();
        } else {
          const victim = NAMES[random(NAMES.length)] ?? "host";
          let left = random(CHECKPOINTS[victim === "home" || victim === "host" ? victim : "witness"]);
          if (!(await hospital.round(victim, () => left-- === 0))) continue;
        }
        kills += 1;
      }
      expect(targets).to.deep.equal([]);
      await passTo(watched, elapsedMs + 2 * DAY_MS);
      await hospital.settle();

      const events = async (name: "WindowAgreed" | "WindowClaimed" | "WindowObjected" | "WindowWitnessed") => {
        const found = await oracle.queryFilter(oracle.filters[name]());
        return found.map((event) => Number(event.args.window)).sort((a, b) => a - b);
      };
      const all = Array.from({ length: WINDOWS }, (_, window) => window);
      const others = all.filter((window) => !DISPUTED.includes(window));

      // Each window has its result, and got it once.
      expect(await events("WindowAgreed"), "agreed").to.deep.equal(others);
      expect(await events("WindowClaimed"), "claimed").to.deep.equal(DISPUTED);
      expect(await events("WindowObjected"), "objected").to.deep.equal(DISPUTED);
      expect(await events("WindowWitnessed"), "witnessed").to.deep.equal(DISPUTED);
      const observed = await oracle.queryFilter(oracle.filters.WindowObserved());
      expect(observed).to.have.length(3 * DISPUTED.length);
      for (const window of all) {
        const { state } = await windowResult(watched, window);
        expect(state).to.equal(DISPUTED.includes(window) ? "Witnessed" : "Agreed");
      }

      // No transaction was wasted: each that was written down is in the chain once and did what it should.
      for (const name of NAMES) {
        const { store } = hospital.get(name);
        expect(store.openTransaction(), name).to.equal(undefined);
        expect(store.countOutcomes(), name).to.not.have.any.keys("reverted", "superseded");
      }
      const { provider } = watched.found.federation;
      const setUp = 2;
      const sent = hospital.get("host").store.countOutcomes().get("mined") ?? 0;
      expect(await provider.getTransactionCount(keyOf(watched.host).address)).to.be.within(sent, sent + setUp);

      // No party ever signed two reports of one window, and both hold the same.
      for (const window of others) {
        const key = { vm: watched.vm, sequence: watched.sequence, number: window };
        const reports = (["home", "host"] as const).map((name) => hospital.get(name).store.window(key)?.report);
        const ids = reports.map((report) => report && documentId("AgreedReport", report));
        expect(ids[0]).to.equal(ids[1]).and.not.equal(undefined);
      }
      expect([...hospital.killedAt]).to.include.members(TARGETS.map((target) => target.join(" ")));
    } finally {
      await bed.close();
    }
  });
});
