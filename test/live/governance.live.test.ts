import { expect } from "chai";
import { Wallet, id } from "ethers";

import {
  CloudStatus,
  KeyRole,
  RevertError,
  activateValidator,
  asSender,
  callOf,
  propose,
  replaceValidator,
  signActivation,
} from "../../src/index.js";
import { type Member, acceptanceOf, spareKey } from "../fixtures/library.js";
import { type LiveContext, describeOpen, provision } from "./context.js";

describeOpen("governance on a chain", function () {
  let context: LiveContext;
  let close: (() => Promise<void>) | undefined;

  before(async function () {
    context = await provision();
    close = context.close;
  });

  after(async function () {
    await close?.();
  });

  const statusOf = async (cloud: number): Promise<number> => Number(await context.federation.registry.statusOf(cloud));
  const as = ({ account }: Member) => asSender(context.federation, account);

  it("suspends a cloud by vote without delay, and lifts that", async function () {
    const { registry } = context.federation;
    await context.decide([await callOf(registry, "confirmSuspension", [4])], "cloud 4 is compromised");
    expect(await statusOf(4)).to.equal(CloudStatus.Suspended);
    await context.decide([await callOf(registry, "liftSuspension", [4])], "cloud 4 is well again");
    expect(await statusOf(4)).to.equal(CloudStatus.Active);
  });

  it("lets a cloud put another node in its validator's place, with that node's signature over a recent block", async function () {
    const [first] = context.members;
    const { validators } = context.federation;
    const next = Wallet.createRandom();
    await replaceValidator(as(first), first.cloud, await signActivation(context.federation, next, first.cloud));

    expect(await validators.validatorOf(first.cloud)).to.equal(next.address);
    const seated = [...(await validators.getValidators())];
    expect(seated).to.include(next.address).and.not.include(context.nodeKeys[0]!.address);
    expect(seated.map(BigInt)).to.deep.equal([...seated].map(BigInt).sort((a, b) => (a < b ? -1 : 1)));
  });

  it("admits a fifth cloud by vote, which takes its seat and has its vote (INV-VOTE)", async function () {
    const { registry, validators, governor } = context.federation;
    const [account, recovery] = [spareKey(context, 0), spareKey(context, 1)];
    const nodeKey = Wallet.createRandom();
    const candidate = {
      label: "fifth",
      account: await account.getAddress(),
      recovery: await recovery.getAddress(),
      endpoint: "https://fifth.example",
      spkiHash: id("fifth"),
    };
    const acceptances = [
      await acceptanceOf(context, account, 5, KeyRole.Account),
      await acceptanceOf(context, recovery, 5, KeyRole.Recovery),
    ];
    await context.decide([await callOf(registry, "admit", [5, candidate, ...acceptances])], "Admit the fifth cloud");
    expect(await registry.memberCount()).to.equal(5);
    expect(await governor.quorum(await registry.lastMembershipChangeAt())).to.equal(4);

    await context.clock.waitUntil(await validators.additionAgainAt());
    const fifth = asSender(context.federation, account);
    await activateValidator(fifth, 5, await signActivation(context.federation, nodeKey, 5));
    expect(await validators.getValidators()).to.include(nodeKey.address);
  });

  it("refuses who is no cloud, and a node key that did not sign", async function () {
    const stranger = asSender(context.federation, spareKey(context, 2));
    const refusal = async (act: Promise<unknown>): Promise<string> => {
      const thrown: unknown = await act.catch((reason: unknown) => reason);
      return thrown instanceof RevertError ? thrown.errorName : String(thrown);
    };
    const mutiny = { calls: [await callOf(context.federation.registry, "expel", [1])], description: "mutiny" };
    expect(await refusal(propose(stranger, mutiny))).to.equal("FederationGovernor_NotACloud");

    const [, second] = context.members;
    const { activation } = await signActivation(context.federation, Wallet.createRandom(), second.cloud);
    const { signature } = await signActivation(context.federation, Wallet.createRandom(), second.cloud);
    const replace = replaceValidator(as(second), second.cloud, { activation, signature });
    expect(await refusal(replace)).to.equal("ValidatorSet_BadSignature");
  });
});
