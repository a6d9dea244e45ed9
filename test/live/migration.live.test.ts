import { expect } from "chai";
import { ZeroHash } from "ethers";

import {
  AbortReason,
  AgentScope,
  RevertError,
  VmState,
  abort,
  agree,
  asSender,
  complete,
  documentId,
  eventOf,
  expire,
  giveNotice,
  hostAt,
  matchHosts,
  offer,
  release,
  responsibleDuring,
  restore,
  setAgent,
  start,
  stop,
} from "../../src/index.js";
import {
  type Member,
  OFFER,
  SMALL,
  acceptanceOf,
  agreedMove,
  agreementFor,
  chainTime,
  newVm,
  recordAbroad,
  signaturesOf,
  spareKey,
} from "../fixtures/library.js";
import { type LiveContext, describeOpen, itTravels, provision } from "./context.js";

describeOpen("migrations on a chain", function () {
  let context: LiveContext;
  let close: (() => Promise<void>) | undefined;
  let home: Member;
  let source: Member;
  let host: Member;

  before(async function () {
    context = await provision();
    close = context.close;
    [home, source, host] = context.members;
    for (const { cloud, account } of context.members)
      await offer(asSender(context.federation, account), cloud, 1, OFFER);
  });

  after(async function () {
    await close?.();
  });

  const as = ({ account }: Member) => asSender(context.federation, account);
  const stateOf = async (vm: string): Promise<number> => Number((await context.federation.ledger.vmOf(vm))[0].state);
  const refusalOf = async (act: Promise<unknown>): Promise<RevertError> => {
    const thrown: unknown = await act.catch((reason: unknown) => reason);
    if (!(thrown instanceof RevertError)) throw new Error(`not refused: ${String(thrown)}`);
    return thrown;
  };
  const handOver = async (move: Awaited<ReturnType<typeof agreedMove>>, from: Member, to: Member) => {
    const time = await chainTime(context.federation);
    const handover = {
      move: documentId("Move", move),
      releases: move.agreement.lines.map(({ vm }) => ({ vm, stateDigest: ZeroHash, releasedAt: time })),
      validUntil: time + 240_000n,
    };
    await complete(as(to), move, handover, await signaturesOf(context, "Handover", handover, to, from));
  };

  it("moves a VM in two phases, and says where it ran, and who is responsible", async function () {
    const vm = await newVm(context, home);
    const before = await chainTime(context.federation);
    const move = await agreedMove(context, { home, source: home, destination: host }, [vm]);
    await start(as(home), move);
    await context.clock.waitUntil((await chainTime(context.federation)) / 1_000n + 1n);
    await handOver(move, home, host);
    const after = await chainTime(context.federation);

    expect(await hostAt(context.federation, vm, before)).to.equal(home.cloud);
    expect(await hostAt(context.federation, vm, after)).to.equal(host.cloud);
    const parts = await responsibleDuring(context.federation, vm, before, after);
    expect(parts.at(0)?.cloud).to.equal(home.cloud);
    expect(await stateOf(vm)).to.equal(VmState.Abroad);
  });

  it("moves a VM between two other clouds, and home again", async function () {
    const vm = await newVm(context, home);
    await recordAbroad(context, home, source, [vm]);
    const onward = await agreedMove(context, { home, source, destination: host }, [vm]);
    await start(as(source), onward);
    await handOver(onward, source, host);
    const agreement = await agreementFor(context, { home, source: host, destination: home }, [vm]);
    const back = { agreement, startBy: agreement.agreeBy, completeBy: agreement.agreeBy + 60_000n };
    await agree(as(home), back, await signaturesOf(context, "Move", back, home));
    await start(as(host), back);
    await handOver(back, host, home);

    expect(await stateOf(vm)).to.equal(VmState.Home);
    expect(await hostAt(context.federation, vm, await chainTime(context.federation))).to.equal(home.cloud);
  });

  it("refuses with the contract's error and its values", async function () {
    const vm = await newVm(context, home);
    const { errorName, args } = await refusalOf(stop(as(home), vm));
    expect(errorName).to.equal("MigrationLedger_WrongState");
    expect(args).to.include({ vm, found: BigInt(VmState.Home) });

    const tooBig = {
      ...OFFER,
      capacity: { ...OFFER.capacity, vcpuMilli: 1 },
      biggest: { ...OFFER.biggest, vcpuMilli: 1 },
    };
    await offer(as(source), source.cloud, 2, tooBig);
    const agreement = await agreementFor(context, { home, source: home, destination: source }, [vm], { site: 2 });
    const { refused } = await matchHosts(context.federation, [{ resources: SMALL, features: 0n }], {});
    expect(refused.some(({ cloud, site }) => cloud === source.cloud && site === agreement.site)).to.equal(true);
  });

  it("ends a move that a party gives up", async function () {
    const vm = await newVm(context, home);
    const move = await agreedMove(context, { home, source: home, destination: host }, [vm]);
    const sent = await abort(as(host), move, host.cloud, AbortReason.Capacity);
    expect(eventOf(sent, "MoveAborted").args.reason).to.equal(BigInt(AbortReason.Capacity));
    expect(await stateOf(vm)).to.equal(VmState.Home);
  });

  it("stops a VM abroad, and restores it at home", async function () {
    const vm = await newVm(context, home);
    await recordAbroad(context, home, host, [vm]);
    await stop(as(home), vm);
    expect(await stateOf(vm)).to.equal(VmState.Stopped);
    await restore(as(home), vm);
    expect(await stateOf(vm)).to.equal(VmState.Home);
  });

  it("lets an agent act within its scope, and no further", async function () {
    const agent = spareKey(context, 0);
    const address = await agent.getAddress();
    const { validUntil, signature } = await acceptanceOf(context, agent, home.cloud, 3);
    const until = (await chainTime(context.federation)) + 3_600_000n;
    await setAgent(as(home), home.cloud, address, AgentScope.MOVE_OUT, until, [], { validUntil, signature });
    const vm = await newVm(context, { ...home, account: agent });
    expect(await stateOf(vm)).to.equal(VmState.Home);

    const { errorName } = await refusalOf(offer(asSender(context.federation, agent), home.cloud, 3, OFFER));
    expect(errorName).to.equal("CloudRegistry_ScopeMissing");
  });

  itTravels("ends a move after its deadline, whoever asks", async function () {
    const vm = await newVm(context, home);
    const move = await agreedMove(context, { home, source: home, destination: host }, [vm]);
    await context.clock.waitUntil(move.startBy / 1_000n + 1n);
    await expire(asSender(context.federation, spareKey(context, 1)), move);
    expect(await stateOf(vm)).to.equal(VmState.Home);
  });

  itTravels("lets a host end a stay when its notice is due", async function () {
    const vm = await newVm(context, home);
    await recordAbroad(context, home, host, [vm]);
    const [{ sequence }] = await context.federation.ledger.vmOf(vm);
    const stay = (await context.federation.ledger.stays(vm, sequence, 1)).at(0);
    const until = (await chainTime(context.federation)) / 1_000n + BigInt(stay?.noticePeriod ?? 0) + 60n;
    await giveNotice(as(host), [vm], until * 1_000n);
    await context.clock.waitUntil(until + 1n);
    await release(as(host), vm);
    expect(await stateOf(vm)).to.equal(VmState.Stopped);
  });
});
