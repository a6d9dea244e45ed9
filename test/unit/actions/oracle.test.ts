import { expect } from "chai";
import { Wallet, id } from "ethers";
import { network } from "hardhat";

import {
  type AgreedReport,
  type Agreement,
  type Observation,
  RevertError,
  asSender,
  buildMetrics,
  claim,
  eventOf,
  finalise,
  gridOf,
  medianOf,
  object,
  observationsOf,
  observe,
  openWindows,
  publicAgreement,
  publicReport,
  record,
  reportAgreed,
  resultOf,
  setPeriods,
  signDocument,
  windowOf,
} from "../../../src/index.js";
import {
  type Member,
  type TestFederation,
  agreementFor,
  chainTime,
  newVm,
  offeringFederation,
  signaturesOf,
} from "../../fixtures/library.js";
import { narrow } from "../../fixtures/narrow.js";

const connection = await network.create();
const { networkHelpers } = connection;

const DAY = 86_400;
const WINDOW = 300;
const WITNESSES = [1, 2, 3]
  .map((n) => new Wallet(id(`witness ${n}`)))
  .sort((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1));
const NAMED = { members: WITNESSES.map(({ address }) => address), required: 2 };
const METRICS = buildMetrics({ availabilityPpm: 999_900, diskIops: 5_000 });

interface Scene extends TestFederation {
  readonly vm: string;
  readonly agreement: Agreement;
  readonly home: Member;
  readonly host: Member;
  readonly startedAt: bigint;
}

/** A VM of cloud 1 at cloud 2, under an agreement with witnesses; two of its windows are over. */
async function hosted(): Promise<Scene> {
  const found = await offeringFederation(connection);
  const [home, host] = found.members;
  const vm = await newVm(found, home);
  const parties = { home, source: home, destination: host };
  const agreement = await agreementFor(found, parties, [vm], { witnesses: NAMED });
  const startedAt = await chainTime(found.federation);
  const document = {
    agreement,
    receipts: [{ vm, stateDigest: id("state"), releasedAt: startedAt, runningAt: startedAt }],
  };
  const signatures = await signaturesOf(found, "Record", document, home, host);
  await record(asSender(found.federation, home.account), document, signatures);
  await networkHelpers.time.increase(2 * WINDOW + 10);
  return { ...found, vm, agreement, home, host, startedAt };
}

/** The same with its windows open. */
async function opened(): Promise<Scene> {
  const scene = await hosted();
  await openWindows(sender(scene), scene.vm, 2, scene.agreement);
  return scene;
}

/** Anybody. */
function sender({ federation, spare }: Scene) {
  const [key] = spare;
  if (!key) throw new Error("no key");
  return asSender(federation, key);
}

const by = (scene: Scene, { account }: Member) => asSender(scene.federation, account);

async function signed(scene: Scene, report: AgreedReport): Promise<string[]> {
  return Promise.all(
    [scene.home, scene.host].map(({ account }) =>
      signDocument(account, scene.federation.oracleDomain, "AgreedReport", report),
    ),
  );
}

async function refusalOf(act: () => Promise<unknown>): Promise<RevertError> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof RevertError) return thrown;
    throw thrown;
  }
  throw new Error("not refused");
}

describe("Actions on the SlaOracle", function () {
  it("open the windows of a stay, from its full or its public agreement", async function () {
    const scene = await networkHelpers.loadFixture(hosted);
    const { federation, vm, agreement, startedAt } = scene;
    expect(await gridOf(federation, vm, 2)).to.equal(undefined);

    const sent = await openWindows(sender(scene), vm, 2, publicAgreement(agreement));

    expect(eventOf(sent, "WindowsOpened")).to.include({ contract: "SlaOracle" });
    expect(await gridOf(federation, vm, 2)).to.deep.equal({
      home: 1,
      host: 2,
      startedAt,
      windowMs: BigInt(WINDOW) * 1_000n,
      claimWithin: 45 * DAY,
      objectWithin: 7 * DAY,
      observeWithin: 7 * DAY,
    });
    const [from, to] = [startedAt + 300_000n, startedAt + 600_000n];
    expect(await windowOf(federation, vm, 2, 1)).to.deep.equal({ from, to });
  });

  it("report what both agree on, in full or as a hash", async function () {
    const scene = await networkHelpers.loadFixture(opened);
    const { federation, vm } = scene;
    const report = (window: number): AgreedReport => ({
      vm,
      sequence: 2,
      window,
      metrics: { values: METRICS, salt: id(`salt ${window}`) },
    });
    const signatures = [...(await signed(scene, report(0))), ...(await signed(scene, report(1)))];

    await reportAgreed(sender(scene), [report(0), publicReport(report(1))], signatures);

    const { commitment, ...rest } = await resultOf(federation, vm, 2, 1);
    expect(rest).to.deep.equal({
      state: "Agreed",
      isFinal: true,
      claimant: 0,
      since: 0,
      observations: 0,
      metrics: undefined,
    });
    expect(publicReport(report(1)).metrics.endsWith(commitment.slice(4))).to.equal(true);
  });

  it("claim, object, observe and finalise with what the events say", async function () {
    const scene = await networkHelpers.loadFixture(opened);
    const { federation, vm, agreement, home, host } = scene;
    const seen = [100, 300, 200].map((availabilityPpm) => buildMetrics({ availabilityPpm, lossPpm: 7 }));

    await claim(by(scene, host), vm, 2, 0, host.cloud, METRICS);
    const claimedAt = Number((await chainTime(federation)) / 1_000n);
    expect(await resultOf(federation, vm, 2, 0)).to.deep.include({
      state: "Claimed",
      isFinal: false,
      claimant: host.cloud,
      since: claimedAt,
      metrics: METRICS,
    });
    await object(by(scene, home), vm, 2, 0, agreement);
    // Heard in another order than that of their addresses.
    for (const i of [2, 0, 1]) {
      const observation: Observation = { vm, sequence: 2, window: 0, metrics: seen[i]!, samplesRoot: id(`root ${i}`) };
      const signature = await signDocument(WITNESSES[i]!, federation.oracleDomain, "Observation", observation);
      await observe(sender(scene), observation, NAMED, signature);
    }
    const observed = await observationsOf(federation, vm, 2, 0);
    expect(observed.map(({ witness }) => witness)).to.deep.equal([2, 0, 1].map((i) => WITNESSES[i]!.address));
    const limited = narrow(federation);
    expect(await observationsOf(limited.federation, vm, 2, 0)).to.deep.equal(observed);
    expect(limited.refused()).to.be.above(0);
    const sent = await finalise(sender(scene), vm, 2, 0, NAMED, observed);

    expect(eventOf(sent, "WindowWitnessed").args.window).to.equal(0n);
    const { state, metrics } = await resultOf(federation, vm, 2, 0);
    expect(state).to.equal("Witnessed");
    expect(metrics).to.deep.equal(medianOf(seen, 2));
    expect(metrics).to.deep.equal(buildMetrics({ availabilityPpm: 200, lossPpm: 7 }));
  });

  it("set the periods, as governance", async function () {
    const scene = await networkHelpers.loadFixture(opened);
    const periods = { claimWithin: 30 * DAY, objectWithin: 3 * DAY, observeWithin: 2 * DAY };

    await setPeriods(asSender(scene.federation, scene.governance), periods);

    expect([...(await scene.federation.oracle.periods())]).to.deep.equal(Object.values(periods).map(BigInt));
  });

  it("come back with the contract's error by name and arguments", async function () {
    const scene = await networkHelpers.loadFixture(opened);
    const { vm, host, federation } = scene;

    const early = await refusalOf(() => claim(by(scene, host), vm, 2, 5, host.cloud, METRICS));
    expect(early.errorName).to.equal("SlaOracle_WindowNotOver");
    expect(early.args).to.include({ vm, sequence: 2n, window: 5n });
    const nobody = await refusalOf(() => claim(by(scene, host), vm, 2, 0, host.cloud, buildMetrics({})));
    expect(nobody.errorName).to.equal("SlaOracle_NothingMeasured");
    const missing = await refusalOf(() => windowOf(federation, vm, 1, 0));
    expect(missing.errorName).to.equal("SlaOracle_NotOpen");
    const lane = await refusalOf(() =>
      claim(by(scene, host), vm, 2, 0, host.cloud, { ...METRICS, availabilityPpm: 1_000_001 }),
    );
    expect([lane.errorName, lane.args]).to.deep.equal([
      "SlaRules_PpmTooBig",
      { name: "availabilityPpm", ppm: 1_000_001n },
    ]);
  });
});
