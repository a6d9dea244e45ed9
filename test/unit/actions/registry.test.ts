import { expect } from "chai";
import type { Signer } from "ethers";
import { network } from "hardhat";

import { ROLES } from "../../../ignition/roles.js";
import {
  type Sent,
  AgentScope,
  CloudStatus,
  KeyRole,
  admit,
  announceReplacement,
  asSender,
  attestFeatures,
  cancelRecoveryChange,
  cancelReplacement,
  cancelRotation,
  cloudsOf,
  completeRecoveryChange,
  completeRotation,
  confirmSuspension,
  endLapsedSuspension,
  executeReplacement,
  expel,
  leave,
  liftOwnSuspension,
  liftSuspension,
  markLeft,
  offer,
  proposeRecoveryChange,
  proposeRotation,
  readmit,
  recoverAccount,
  retireFeature,
  revokeAgent,
  revokeAllAgents,
  setAgent,
  setEndpoint,
  setFeature,
  suspend,
  suspendSelf,
  withdrawOffer,
  withdrawReplacement,
} from "../../../src/index.js";
import {
  OFFER,
  type TestFederation,
  acceptanceOf,
  chainTime,
  emptyFederation,
  spareKey,
} from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

const DAY = 86_400;
const SPKI = `0x${"22".repeat(32)}`;

const as = ({ federation }: TestFederation, signer: Signer) => asSender(federation, signer);
const names = (sent: Sent) => sent.events.map(({ name }) => name);
const statusOf = async ({ federation }: TestFederation, cloud: number) =>
  Number(await federation.registry.statusOf(cloud));

describe("actions on the registry", function () {
  it("admit, setEndpoint, expel, readmit", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { federation, governance } = found;
    const [account, recovery] = [spareKey(found, 0), spareKey(found, 1)];
    const candidate = {
      label: "cloud-5",
      account: await account.getAddress(),
      recovery: await recovery.getAddress(),
      endpoint: "https://cloud-5.example",
      spkiHash: SPKI,
    };
    const governing = as(found, governance);
    const admitted = await admit(
      governing,
      5,
      candidate,
      await acceptanceOf(found, account, 5, KeyRole.Account),
      await acceptanceOf(found, recovery, 5, KeyRole.Recovery),
    );
    expect(names(admitted)).to.include.members(["CloudAdmitted", "EndpointSet", "KeyAccepted"]);
    expect((await cloudsOf(federation))[4]).to.include({ cloud: 5, label: "cloud-5", status: CloudStatus.Active });

    expect(names(await setEndpoint(as(found, account), 5, "https://new.example", SPKI))).to.deep.equal(["EndpointSet"]);
    expect(names(await expel(governing, 5))).to.include("CloudExpelled");
    expect(await statusOf(found, 5)).to.equal(CloudStatus.Expelled);
    const again = await acceptanceOf(found, account, 5, KeyRole.Account);
    expect(names(await readmit(governing, 5, again))).to.include("CloudReadmitted");
    expect(await statusOf(found, 5)).to.equal(CloudStatus.Active);
  });

  it("markLeft, which is the ledger's", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { federation, members } = found;
    const key = spareKey(found, 2);
    // The fixture's deployer is still the administrator.
    await federation.authority.connect(found.deployer).grantRole(ROLES.LEDGER, key, 0);

    expect(names(await markLeft(as(found, key), members[3].cloud))).to.include("CloudLeft");
    expect(await statusOf(found, 4)).to.equal(CloudStatus.Left);
  });

  it("proposeRotation, cancelRotation, completeRotation", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { federation, members } = found;
    const [one] = members;
    const [first, second] = [spareKey(found, 0), spareKey(found, 1)];
    const own = as(found, one.account);
    const propose = async (key: Signer) =>
      proposeRotation(own, 1, await key.getAddress(), await acceptanceOf(found, key, 1, KeyRole.Account));

    expect(names(await propose(first))).to.include("RotationProposed");
    expect(names(await cancelRotation(own, 1))).to.deep.equal(["RotationCancelled"]);
    await propose(second);
    await networkHelpers.time.increase(2 * DAY);
    expect(names(await completeRotation(own, 1))).to.include("AccountChanged");
    expect(await federation.registry.accountOf(1)).to.equal(await second.getAddress());
  });

  it("proposeRecoveryChange, cancelRecoveryChange, completeRecoveryChange", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { federation, members } = found;
    const [one] = members;
    const own = as(found, one.account);
    const [first, second] = [spareKey(found, 0), spareKey(found, 1)];
    const propose = async (key: Signer) =>
      proposeRecoveryChange(own, 1, await key.getAddress(), await acceptanceOf(found, key, 1, KeyRole.Recovery));

    expect(names(await propose(first))).to.include("RecoveryChangeProposed");
    expect(names(await cancelRecoveryChange(as(found, one.recovery), 1))).to.deep.equal(["RecoveryChangeCancelled"]);
    await propose(second);
    await networkHelpers.time.increase(2 * DAY);
    expect(names(await completeRecoveryChange(own, 1))).to.include("RecoveryChanged");
    expect(await federation.registry.recoveryOf(1)).to.equal(await second.getAddress());
  });

  it("recoverAccount", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const [one] = found.members;
    const key = spareKey(found, 0);
    const acceptance = await acceptanceOf(found, key, 1, KeyRole.Account);
    const sent = await recoverAccount(as(found, one.recovery), 1, await key.getAddress(), acceptance);
    expect(names(sent)).to.include("AccountChanged");
  });

  it("announceReplacement, withdrawReplacement, cancelReplacement, executeReplacement", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { federation, members, governance } = found;
    const [one] = members;
    const governing = as(found, governance);
    const announce = async (index: number) => {
      const [account, recovery] = [spareKey(found, index), spareKey(found, index + 1)];
      return announceReplacement(
        governing,
        1,
        await account.getAddress(),
        await recovery.getAddress(),
        await acceptanceOf(found, account, 1, KeyRole.Account),
        await acceptanceOf(found, recovery, 1, KeyRole.Recovery),
      );
    };

    expect(names(await announce(0))).to.include("ReplacementAnnounced");
    expect(names(await withdrawReplacement(governing, 1))).to.deep.equal(["ReplacementCancelled"]);
    await announce(2);
    expect(names(await cancelReplacement(as(found, one.account), 1))).to.deep.equal(["ReplacementCancelled"]);
    await announce(4);
    await networkHelpers.time.increase(7 * DAY);
    expect(names(await executeReplacement(governing, 1))).to.include.members(["AccountChanged", "RecoveryChanged"]);
    expect(await federation.registry.accountOf(1)).to.equal(await spareKey(found, 4).getAddress());
  });

  it("setAgent, revokeAgent, revokeAllAgents", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { federation, members } = found;
    const [one] = members;
    const key = spareKey(found, 0);
    const agent = await key.getAddress();
    const until = (await chainTime(federation)) + 1_000n * BigInt(DAY);
    const own = as(found, one.account);
    const bind = async () =>
      setAgent(own, 1, agent, AgentScope.HOST, until, [2], await acceptanceOf(found, key, 1, KeyRole.Agent));

    expect(names(await bind())).to.include.members(["AgentSet", "KeyAccepted"]);
    expect((await federation.registry.agentOf(agent)).scopes).to.equal(BigInt(AgentScope.HOST));
    expect(names(await revokeAgent(as(found, key), 1, agent))).to.deep.equal(["AgentRevoked"]);
    expect(names(await revokeAllAgents(own, 1))).to.deep.equal(["AgentsVoided"]);
  });

  it("suspendSelf, liftOwnSuspension, suspend, confirmSuspension, liftSuspension, endLapsedSuspension", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { members, guardian, governance } = found;
    const [one, two, three] = members;
    expect(names(await suspendSelf(as(found, one.account), 1))).to.deep.equal(["CloudSuspended"]);
    expect(await statusOf(found, 1)).to.equal(CloudStatus.Suspended);
    expect(names(await liftOwnSuspension(as(found, one.recovery), 1))).to.deep.equal(["SuspensionLifted"]);

    expect(names(await suspend(as(found, guardian), two.cloud))).to.deep.equal(["CloudSuspended"]);
    expect(names(await confirmSuspension(as(found, governance), two.cloud))).to.deep.equal(["CloudSuspended"]);
    expect(names(await liftSuspension(as(found, governance), two.cloud))).to.deep.equal(["SuspensionLifted"]);

    await suspend(as(found, guardian), three.cloud);
    await networkHelpers.time.increase(8 * DAY);
    expect(names(await endLapsedSuspension(as(found, one.account), three.cloud))).to.deep.equal(["SuspensionLapsed"]);
  });

  it("leave, through the ledger", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const [, , , four] = found.members;
    await leave(as(found, four.account), four.cloud);
    expect(await statusOf(found, 4)).to.equal(CloudStatus.Left);
  });
});

describe("actions on the exchange", function () {
  it("offer, withdrawOffer", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const [one] = found.members;
    const own = as(found, one.account);
    expect(names(await offer(own, 1, 7, OFFER))).to.deep.equal(["OfferMade"]);
    expect(await found.federation.exchange.hasOffer(1, 7)).to.equal(true);
    expect(names(await withdrawOffer(own, 1, 7))).to.deep.equal(["OfferWithdrawn"]);
  });

  it("setFeature, attestFeatures, retireFeature", async function () {
    const found = await networkHelpers.loadFixture(emptyFederation);
    const { federation, governance, attester } = found;
    expect(names(await setFeature(as(found, governance), 130, "tier-3"))).to.deep.equal(["FeatureNamed"]);
    const sent = await attestFeatures(as(found, attester), 1, 7, 1n << 130n);
    expect(names(sent)).to.deep.equal(["FeaturesAttested"]);
    expect(await federation.exchange.featuresOf(1, 7)).to.equal(1n << 130n);
    expect(names(await retireFeature(as(found, governance), 130))).to.deep.equal(["FeatureRetired"]);
  });
});
