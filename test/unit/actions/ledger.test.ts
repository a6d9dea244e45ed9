import { expect } from "chai";
import { ZeroHash, id } from "ethers";
import { network } from "hardhat";

import { DEFAULT_PARAMETERS } from "../../../ignition/parameters.js";
import {
  type AddressBook,
  type Sent,
  AbortReason,
  Duty,
  RevertError,
  VmState,
  abort,
  abortMutually,
  adopt,
  agree,
  agreementId,
  agreementOf,
  amend,
  asSender,
  canAgree,
  canHost,
  closeForNew,
  complete,
  connectFederation,
  contestLoss,
  declareLost,
  documentId,
  evacuate,
  eventOf,
  expire,
  freshSalt,
  giveNotice,
  hostAt,
  leave,
  moveOfEvent,
  offer,
  pauseNew,
  publicMove,
  record,
  register,
  release,
  releaseFromMove,
  responsibleDuring,
  restore,
  resumeNew,
  revoke,
  setParameters,
  setSuccessor,
  start,
  stays,
  stop,
  stopFromMove,
  succeedVm,
  terminate,
  vmIdOf,
  vmOf,
  withdrawLoss,
} from "../../../src/index.js";
import type { MoveAgreedEvent } from "../../../src/typechain/contracts/ledger/MigrationLedger.js";
import { MigrationLedgerChanges__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedgerChanges__factory.js";
import { MigrationLedgerExits__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedgerExits__factory.js";
import { MigrationLedger__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import {
  type Member,
  type Parties,
  type TestFederation,
  OFFER,
  SMALL,
  agreedMove,
  agreementFor,
  chainTime,
  newVm,
  offeringFederation,
  recordAbroad,
  signaturesOf,
} from "../../fixtures/library.js";

const connection = await network.create();
const { networkHelpers } = connection;

const HOUR = 3_600;
const DAY = 24 * HOUR;

interface Scene extends TestFederation {
  readonly vm: string;
  readonly home: Member;
  readonly host: Member;
  readonly other: Member;
  readonly parties: Parties;
}

/** A VM of cloud 1 at home; every cloud offers. */
async function atHome(): Promise<Scene> {
  const found = await offeringFederation(connection);
  const [home, host, other] = found.members;
  return {
    ...found,
    home,
    host,
    other,
    parties: { home, source: home, destination: host },
    vm: await newVm(found, home),
  };
}

/** The same, abroad at cloud 2. */
async function abroad(): Promise<Scene> {
  const found = await atHome();
  await recordAbroad(found, found.home, found.host, [found.vm]);
  return found;
}

const by = ({ federation }: TestFederation, member: Member) => asSender(federation, member.account);
const names = (sent: Sent) => sent.events.map(({ name }) => name);
const stateOf = async ({ federation, vm }: Scene) => (await vmOf(federation, vm)).state;

async function handoverOf(found: Scene, move: Parameters<typeof publicMove>[0]) {
  const now = await chainTime(found.federation);
  return {
    move: documentId("Move", move),
    releases: [{ vm: found.vm, stateDigest: id("disks"), releasedAt: now }],
    validUntil: now + 60_000n,
  };
}

describe("actions on the ledger", function () {
  it("register", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { federation, home } = found;
    const localId = freshSalt();

    const sent = await register(by(found, home), home.cloud, localId, SMALL);

    expect(names(sent)).to.deep.equal(["VmRegistered", "StayBegan"]);
    const vm = String(eventOf(sent, "VmRegistered").args.vm);
    expect(vm).to.equal(await vmIdOf(federation, home.cloud, localId));
    expect(await vmOf(federation, vm)).to.deep.include({
      home: 1,
      host: 1,
      sequence: 1,
      state: VmState.Home,
      resources: SMALL,
    });
    expect(sent.gasUsed).to.be.greaterThan(21_000n);
  });

  it("agree, start, complete: with what the chain tells of the move", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { federation, vm, home, host, parties } = found;
    const agreement = await agreementFor(found, parties, [vm]);
    const move = { agreement, startBy: agreement.agreeBy, completeBy: agreement.agreeBy + 60_000n };
    expect(await canAgree(federation, move)).to.equal(undefined);

    const agreed = await agree(by(found, home), move, await signaturesOf(found, "Move", move, home, host));
    expect(names(agreed)).to.deep.equal(["MoveAgreed"]);
    const event = eventOf(agreed, "MoveAgreed").args as unknown as MoveAgreedEvent.OutputObject;
    expect(event.agreement).to.equal(agreementId(agreement));
    const told = moveOfEvent(event);
    expect(told).to.deep.equal(publicMove(move));
    expect(await stateOf(found)).to.equal(VmState.Agreed);
    expect(await canAgree(federation, told)).to.be.instanceOf(RevertError);

    const started = await start(by(found, home), told);
    expect(names(started)).to.deep.equal(["MoveStarted"]);

    const handover = await handoverOf(found, move);
    const signatures = await signaturesOf(found, "Handover", handover, host, home);
    const completed = await complete(by(found, home), told, handover, signatures);
    expect(names(completed)).to.include.members(["MoveCompleted", "StayBegan"]);
    expect(await vmOf(federation, vm)).to.include({ host: 2, site: 1, sequence: 2, state: VmState.Abroad });
  });

  it("abort", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const move = await agreedMove(found, found.parties, [found.vm]);
    const sent = await abort(by(found, found.host), move, found.host.cloud, AbortReason.Capacity);
    expect(names(sent)).to.deep.equal(["MoveAborted"]);
    expect(eventOf(sent, "MoveAborted").args.reason).to.equal(BigInt(AbortReason.Capacity));
    expect(await stateOf(found)).to.equal(VmState.Home);
  });

  it("abortMutually", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { federation, parties } = found;
    const move = await agreedMove(found, parties, [found.vm]);
    const consent = {
      move: documentId("Move", move),
      reason: AbortReason.Maintenance,
      validUntil: (await chainTime(federation)) + 60_000n,
    };
    const signatures = await signaturesOf(found, "MutualAbort", consent, parties.source, parties.destination);
    const sent = await abortMutually(by(found, found.home), move, consent, signatures);
    expect(eventOf(sent, "MoveAborted").args.by).to.equal(0n);
  });

  it("expire", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const move = await agreedMove(found, found.parties, [found.vm]);
    await networkHelpers.time.increase(HOUR);
    const sent = await expire(by(found, found.other), move);
    expect(names(sent)).to.deep.equal(["MoveExpired"]);
    expect(await stateOf(found)).to.equal(VmState.Home);
  });

  it("record", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { federation, vm, home, host } = found;
    const sent = await recordAbroad(found, home, host, [vm]);
    expect(names(sent)).to.have.members(["DocumentAccepted", "StayBegan"]);
    const { number, agreement } = eventOf(sent, "DocumentAccepted").args as unknown as {
      number: bigint;
      agreement: string;
    };
    expect(await agreementOf(federation, vm, 2)).to.deep.equal({ number: Number(number), agreement });
    expect((await agreementOf(federation, vm, 1)).number).to.equal(0);
  });

  it("record with three signers", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    const { federation, vm, home, host, other } = found;
    const agreement = await agreementFor(found, { home, source: host, destination: other }, [vm]);
    const time = await chainTime(federation);
    const document = { agreement, receipts: [{ vm, stateDigest: ZeroHash, releasedAt: time, runningAt: time }] };
    const signatures = await signaturesOf(found, "Record", document, home, host, other);
    await record(by(found, other), document, signatures);
    expect(await vmOf(federation, vm)).to.include({ host: 3, sequence: 3 });
  });

  it("amend", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    const { vm, home, host } = found;
    const agreement = await agreementFor(found, { home, source: host, destination: host }, [vm]);
    const signatures = await signaturesOf(found, "Amendment", { agreement }, home, host);
    const sent = await amend(by(found, home), { agreement }, signatures);
    expect(names(sent)).to.have.members(["DocumentAccepted", "StayBegan"]);
  });

  it("revoke", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const sent = await revoke(by(found, found.host), found.host.cloud, id("document"));
    expect(names(sent)).to.deep.equal(["Revoked"]);
    expect(await found.federation.ledger.isRevoked(2, id("document"))).to.equal(true);
  });

  it("giveNotice, release, restore", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    const { federation, vm, home, host } = found;
    const until = (await chainTime(federation)) + BigInt(8 * DAY) * 1_000n;
    expect(names(await giveNotice(by(found, host), [vm], until))).to.deep.equal(["NoticeGiven"]);
    await networkHelpers.time.increase(9 * DAY);
    expect(names(await release(by(found, host), vm))).to.deep.equal(["VmStopped"]);
    expect(await stateOf(found)).to.equal(VmState.Stopped);
    expect(names(await restore(by(found, home), vm))).to.include("StayBegan");
    expect(await stateOf(found)).to.equal(VmState.Home);
  });

  it("releaseFromMove", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    const { federation, vm, home, host, other } = found;
    const until = (await chainTime(federation)) + BigInt(8 * DAY) * 1_000n;
    await giveNotice(by(found, host), [vm], until);
    await networkHelpers.time.increase(9 * DAY);
    const move = await agreedMove(found, { home, source: host, destination: other }, [vm]);
    const sent = await releaseFromMove(by(found, host), vm, move);
    expect(names(sent)).to.have.members(["MoveAborted", "VmStopped"]);
  });

  it("stop", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    expect(names(await stop(by(found, found.home), found.vm))).to.deep.equal(["VmStopped"]);
  });

  it("stopFromMove", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    const { vm, home, host, other } = found;
    const move = await agreedMove(found, { home, source: host, destination: other }, [vm]);
    expect(names(await stopFromMove(by(found, home), vm, move))).to.have.members(["MoveAborted", "VmStopped"]);
  });

  it("terminate", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    expect(names(await terminate(by(found, found.home), found.vm))).to.deep.equal(["VmTerminated"]);
    expect(await stateOf(found)).to.equal(VmState.Terminated);
  });

  it("declareLost, contestLoss, withdrawLoss, evacuate", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    const { vm, home, host, other, federation } = found;
    expect(names(await declareLost(by(found, home), vm))).to.deep.equal(["LossDeclared"]);
    expect(names(await contestLoss(by(found, host), vm))).to.deep.equal(["LossContested"]);
    await declareLost(by(found, home), vm);
    expect(names(await withdrawLoss(by(found, home), vm))).to.deep.equal(["LossWithdrawn"]);
    await declareLost(by(found, home), vm);
    await networkHelpers.time.increase(HOUR);
    const agreement = await agreementFor(found, { home, source: host, destination: other }, [vm]);
    const signatures = await signaturesOf(found, "Evacuation", { agreement }, home, other);
    const sent = await evacuate(by(found, home), { agreement }, signatures);
    expect(names(sent)).to.have.members(["DocumentAccepted", "StayBegan"]);
    expect((await vmOf(federation, vm)).host).to.equal(3);
  });

  it("pauseNew, resumeNew, closeForNew, setParameters", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { federation, governance, guardian } = found;
    const guarding = asSender(federation, guardian);
    const governing = asSender(federation, governance);
    expect(names(await pauseNew(guarding, BigInt(HOUR)))).to.deep.equal(["NewPaused"]);
    expect(names(await resumeNew(guarding))).to.deep.equal(["NewResumed"]);
    const limits = { ...DEFAULT_PARAMETERS, tolerance: HOUR };
    expect(names(await setParameters(governing, limits))).to.deep.equal(["ParametersSet"]);
    expect((await federation.ledger.parameters()).tolerance).to.equal(BigInt(HOUR));
    expect(names(await closeForNew(governing))).to.deep.equal(["ClosedForNew"]);
  });

  it("setSuccessor, succeedVm, adopt", async function () {
    const found = await networkHelpers.loadFixture(abroad);
    const { federation, addressBook, governance, vm, home, host } = found;
    const { authority, registry, exchange, ledger } = federation;
    const parts = [authority, registry, exchange, ledger] as const;
    const exits = await new MigrationLedgerExits__factory(governance).deploy(...parts);
    const changes = await new MigrationLedgerChanges__factory(governance).deploy(...parts);
    const next = await new MigrationLedger__factory(governance).deploy(...parts, exits, changes, DEFAULT_PARAMETERS);
    const successor = await next.getAddress();

    expect(names(await setSuccessor(asSender(federation, governance), successor))).to.deep.equal(["SuccessorSet"]);
    const document = {
      vm,
      nonce: (await vmOf(federation, vm)).nonce,
      successor,
      validUntil: (await chainTime(federation)) + 60_000n,
    };
    const signatures = await signaturesOf(found, "Succession", document, home, host);
    expect(names(await succeedVm(by(found, home), document, signatures))).to.deep.equal(["VmSucceeded"]);

    const book: AddressBook = { ...addressBook, contracts: { ...addressBook.contracts, MigrationLedger: successor } };
    const later = connectFederation(federation.provider, book, home.account);
    expect(names(await adopt(later, vm))).to.include("VmAdopted");
    expect(await vmOf(later, vm)).to.include({ home: 1, host: 2, state: VmState.Abroad });
    expect(await hostAt(later, vm, await chainTime(federation))).to.equal(2);
  });

  it("leave", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { other } = found;
    const sent = await leave(by(found, other), other.cloud);
    expect(names(sent)).to.include("CloudLeft");
    expect(sent.events.find(({ name }) => name === "CloudLeft")?.contract).to.equal("CloudRegistry");
  });

  it("hostAt, stays, responsibleDuring", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { federation, vm, home, host } = found;
    await networkHelpers.time.increase(10);
    await recordAbroad(found, home, host, [vm]);
    await networkHelpers.time.increase(10);
    await networkHelpers.mine();
    const now = await chainTime(federation);

    const [first, second] = await stays(federation, vm);
    if (!first || !second) throw new Error("two stays");
    expect(first).to.include({ sequence: 1, host: 1, agreement: 0 });
    expect(second).to.include({ sequence: 2, host: 2, site: 1, endedAt: 0n, noticePeriod: 7 * DAY });
    expect(await stays(federation, vm, 2, 1)).to.deep.equal([second]);
    expect(await hostAt(federation, vm, first.startedAt - 1n)).to.equal(0);
    expect(await hostAt(federation, vm, first.startedAt)).to.equal(1);
    expect(await hostAt(federation, vm, second.startedAt)).to.equal(2);
    expect(await responsibleDuring(federation, vm, first.startedAt, now)).to.deep.equal([
      { cloud: 1, from: first.startedAt, to: first.endedAt, duty: Duty.Hosting },
      { cloud: 2, from: second.startedAt, to: now, duty: Duty.Hosting },
    ]);
  });

  it("canHost", async function () {
    const found = await networkHelpers.loadFixture(atHome);
    const { federation, host } = found;
    expect(await canHost(federation, 2, 1, [{ resources: SMALL, features: 0n }])).to.equal(undefined);
    await offer(by(found, host), 2, 1, { ...OFFER, biggest: { ...SMALL, vcpuMilli: 1_000 } });
    const refusal = await canHost(federation, 2, 1, [{ resources: SMALL, features: 0n }]);
    expect(refusal?.errorName).to.equal("CapacityExchange_VmTooBig");
    expect(refusal?.args).to.include({ cloud: 2n, site: 1n, lane: 0n, asked: 2_000n, biggest: 1_000n });
  });
});
