import { expect } from "chai";
import { network } from "hardhat";

import { DEFAULT_REPUTATION_RULES } from "../../../ignition/parameters.js";
import {
  AbortReason,
  RevertError,
  STANDING_ONE,
  abort,
  agreementId,
  asSender,
  complete,
  confidenceOf,
  countEvidence,
  countedOf,
  documentId,
  evidenceFromEvents,
  expire,
  matchHosts,
  monthOf,
  openSla,
  openWindows,
  parseLog,
  postMove,
  postResults,
  postUnfinished,
  publicMove,
  reportAgreed,
  scoreOf,
  setReputationRules,
  signDocument,
  standingFrom,
  standingOf,
  start,
  publicAgreementId,
  trustIn,
  unpostedMoves,
} from "../../../src/index.js";
import {
  type Member,
  type TestFederation,
  SMALL,
  agreedMove,
  chainTime,
  newVm,
  offeringFederation,
  signaturesOf,
} from "../../fixtures/library.js";
import { narrow } from "../../fixtures/narrow.js";
import { BAD, GOOD, opened } from "../../fixtures/reputation.js";

const connection = await network.create();
const { networkHelpers } = connection;

async function completed(found: TestFederation, home: Member, destination: Member) {
  const vm = await newVm(found, home);
  const move = await agreedMove(found, { home, source: home, destination }, [vm]);
  await start(asSender(found.federation, home.account), move);
  const releasedAt = await chainTime(found.federation);
  const handover = {
    move: documentId("Move", move),
    releases: [{ vm, stateDigest: `0x${"22".repeat(32)}`, releasedAt }],
    validUntil: releasedAt + 200_000n,
  };
  const signatures = await signaturesOf(found, "Handover", handover, destination, home);
  await complete(asSender(found.federation, home.account), move, handover, signatures);
  return { vm, agreement: move.agreement };
}

const names = (sent: { events: readonly { name: string; contract: string }[] }) =>
  sent.events.map(({ contract, name }) => `${contract}.${name}`);

describe("actions on the reputation ledger", function () {
  it("post facts, answer for clouds, and give matchHosts something to weigh", async function () {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const { federation, members, spare } = found;
    const [home, host, other] = members;
    const anyone = asSender(federation, spare[0]!);
    const { vm, agreement } = await completed(found, home, host);
    await openWindows(anyone, vm, 2, agreement);
    await networkHelpers.time.increase(2 * 86_400);
    const reports = [GOOD, BAD].map((values, window) => ({ vm, sequence: 2, window, metrics: opened(values) }));
    const signatures = await Promise.all(
      reports.map((report) =>
        Promise.all(
          [home, host].map(({ account }) => signDocument(account, federation.oracleDomain, "AgreedReport", report)),
        ),
      ),
    );
    await reportAgreed(anyone, reports, signatures.flat());

    expect(names(await postMove(anyone, vm, 2))).to.include("ReputationLedger.MovePosted");
    const results = reports.map(({ window, metrics }) => ({ window, opening: metrics }));
    const sent = await postResults(anyone, { vm, sequence: 2 }, agreement, openSla(agreement.terms), results);
    expect(names(sent)).to.deep.equal([
      "ReputationLedger.ResultPosted",
      "ReputationLedger.ResultPosted",
      "ReputationLedger.EvidenceAdded",
    ]);
    const open = await agreedMove(found, { home, source: home, destination: other }, [await newVm(found, home)]);
    const aborted = await abort(asSender(federation, other.account), open, other.cloud, AbortReason.Capacity);
    const number = aborted.events.find(({ name }) => name === "MoveAborted")?.args.number as bigint;
    const posted = await postUnfinished(anyone, number, publicMove(open).agreement);
    expect(posted.events.flatMap(({ log }) => parseLog(federation, log)).map(({ name }) => name)).to.deep.equal([
      "EvidenceAdded",
      "UnfinishedPosted",
    ]);

    // Everything from the events alone, by the reference.
    const now = monthOf(await chainTime(federation));
    const rules = {
      capHours: BigInt(DEFAULT_REPUTATION_RULES.capHours),
      newcomerHours: BigInt(DEFAULT_REPUTATION_RULES.newcomerHours),
    };
    const limited = narrow(federation);
    for (const { cloud } of members) {
      const months = await evidenceFromEvents(federation, cloud);
      expect(await evidenceFromEvents(limited.federation, cloud)).to.deep.equal(months);
      const counted = new Map([...months].map(([month, parts]) => [month, countEvidence(parts, rules)] as const));
      for (const [month, evidence] of counted) {
        expect(await countedOf(federation, cloud, month)).to.deep.equal(evidence);
      }
      const exact = standingFrom(counted, now, BigInt(DEFAULT_REPUTATION_RULES.confidenceHours));
      const standing = await standingOf(federation, cloud);
      expect(standing.score - exact.score).to.be.oneOf([-1n, 0n, 1n]);
      expect(standing.confidence - exact.confidence).to.be.oneOf([-1n, 0n, 1n]);
      expect(await scoreOf(federation, cloud)).to.equal(standing.score);
      expect(await confidenceOf(federation, cloud)).to.equal(standing.confidence);
    }
    expect((await scoreOf(federation, host.cloud)) > STANDING_ONE / 2n).to.equal(true);
    expect((await scoreOf(federation, other.cloud)) < STANDING_ONE / 2n).to.equal(true);

    const needs = [{ resources: SMALL, features: 0n }];
    const { candidates } = await matchHosts(federation, needs, { reputationWeight: 1 });
    const trusted = await Promise.all(
      candidates.map(async ({ cloud, trust }) => {
        expect(trust).to.equal(trustIn(await standingOf(federation, cloud)));
        return cloud;
      }),
    );
    // Host and home kept a move, the host two short windows more or less; nothing is known of the fourth; the third gave
    // a move up.
    expect(trusted).to.deep.equal([2, 1, 4, 3]);
    const plain = await matchHosts(federation, needs);
    expect(plain.candidates.map(({ cloud }) => cloud).sort()).to.deep.equal([1, 2, 3, 4]);
    expect(plain.candidates.every((candidate) => !("trust" in candidate))).to.equal(true);
  });

  it("find the moves that can be posted from events alone, and post them", async function () {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const { federation, members, spare } = found;
    const [home, host, other] = members;
    const anyone = asSender(federation, spare[0]!);
    expect(await unpostedMoves(federation)).to.deep.equal([]);
    const parties = { home, source: home, destination: other };
    const givenUp = await agreedMove(found, parties, [await newVm(found, home)]);
    await abort(asSender(federation, other.account), givenUp, other.cloud, AbortReason.Capacity);
    const excused = await agreedMove(found, parties, [await newVm(found, home)]);
    await abort(asSender(federation, home.account), excused, home.cloud, AbortReason.Capacity);
    const { vm } = await completed(found, home, host);
    const stalled = await agreedMove(found, parties, [await newVm(found, home)]);
    await start(asSender(federation, home.account), stalled);
    await networkHelpers.time.increaseTo(stalled.completeBy / 1_000n + 1n);
    await expire(anyone, stalled);

    const moves = await unpostedMoves(federation);

    const limited = narrow(federation);
    expect(await unpostedMoves(limited.federation)).to.deep.equal(moves);
    expect(limited.refused()).to.be.above(0);
    expect(
      moves.map((move) => (move.kind === "completed" ? move.vm : publicAgreementId(move.agreement))),
    ).to.deep.equal([agreementId(givenUp.agreement), vm, agreementId(stalled.agreement)]);
    for (const move of moves) {
      if (move.kind === "completed") await postMove(anyone, move.vm, move.sequence);
      else await postUnfinished(anyone, move.number, move.agreement);
    }
    expect(await unpostedMoves(federation)).to.deep.equal([]);
    expect(await unpostedMoves(federation, await federation.provider.getBlockNumber())).to.deep.equal([]);
  });

  it("name the refusal, and set rules for governance", async function () {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const { federation, members, governance, spare } = found;
    const [home, , other] = members;
    const anyone = asSender(federation, spare[0]!);
    const open = await agreedMove(found, { home, source: home, destination: other }, [await newVm(found, home)]);
    const rules = { ...DEFAULT_REPUTATION_RULES, moveHours: 5 };

    const refused = await postUnfinished(anyone, 7, open.agreement).catch((thrown: unknown) => thrown);
    expect(refused)
      .to.be.instanceOf(RevertError)
      .and.to.deep.include({
        errorName: "ReputationLedger_OtherAgreement",
        args: { expected: `0x${"00".repeat(32)}`, given: agreementId(open.agreement) },
      });
    const sent = await setReputationRules(asSender(federation, governance), rules);
    expect(names(sent)).to.deep.equal(["ReputationLedger.ReputationRulesSet"]);
    const month = monthOf(await chainTime(federation));
    expect((await federation.reputation.rulesOf(month + 1)).moveHours).to.equal(5n);
  });
});
