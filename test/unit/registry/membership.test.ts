import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import { type ContractTransactionResponse, ZeroAddress, ZeroHash, id } from "ethers";
import { network } from "hardhat";

import { CloudStatus, KeyRole } from "../../../src/index.js";
import { ContractAccount__factory } from "../../../src/typechain/factories/contracts/mocks/ContractAccount__factory.js";
import { CloudRegistry__factory } from "../../../src/typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  HOME,
  HOST,
  NONE,
  OTHER,
  UNKNOWN,
  cloudOf,
  contractAccount,
  federation,
  nextBlockAt,
  nowMs,
  nowSeconds,
  pass,
  suspend,
  timeOf,
} from "../../fixtures/federation.js";
import {
  HOUR_MS,
  accept,
  acceptanceDigest,
  admit,
  asAccount,
  asGovernance,
  asRecovery,
  asStranger,
  candidateOf,
  keyOf,
  markLeft,
} from "../../fixtures/registry.js";

const { networkHelpers } = await network.create();

/** The id of the first cloud that is admitted after the founders. */
const NEXT = 7;

describe("CloudRegistry: membership", function () {
  describe("constructor", function () {
    it("admits the founders under the ids 1, 2, ... without acceptances", async function () {
      const { registry, clouds } = await networkHelpers.loadFixture(federation);

      expect(await registry.cloudCount()).to.equal(6);
      expect(await registry.memberCount()).to.equal(6);
      const accepted = await registry.queryFilter(registry.filters.KeyAccepted());
      expect(accepted.map(({ args }) => [...args])).to.deep.equal(
        clouds.flatMap(({ id: cloud, account, recovery }) => [
          [BigInt(cloud), account, BigInt(KeyRole.Account), 0n],
          [BigInt(cloud), recovery.address, BigInt(KeyRole.Recovery), 0n],
        ]),
      );
      const admitted = await registry.queryFilter(registry.filters.CloudAdmitted());
      expect(admitted.map(({ args }) => [...args])).to.deep.equal(
        clouds.map(({ id: cloud, account, recovery }) => [
          BigInt(cloud),
          `cloud-${cloud}`,
          account,
          cloud === CONTRACT,
          recovery.address,
        ]),
      );
      for (const { id: cloud, account, recovery } of clouds) {
        const view = await registry.cloudOf(cloud);
        expect([...view]).to.deep.equal([
          `cloud-${cloud}`,
          BigInt(CloudStatus.Active),
          0n,
          0n,
          account,
          cloud === CONTRACT,
          recovery.address,
          0n,
          0n,
          `https://cloud-${cloud}.example`,
          id(`spki ${cloud}`),
        ]);
        expect(await registry.accountOf(cloud)).to.equal(account);
        expect(await registry.recoveryOf(cloud)).to.equal(recovery.address);
        expect(await registry.cloudOfLabel(`cloud-${cloud}`)).to.equal(cloud);
        expect(await registry.cloudOfAccount(account)).to.equal(cloud);
        expect(await registry.cloudOfAccount(recovery.address)).to.equal(0);
        expect(await registry.bindingOf(account)).to.deep.equal([BigInt(cloud), BigInt(KeyRole.Account)]);
        expect(await registry.bindingOf(recovery.address)).to.deep.equal([BigInt(cloud), BigInt(KeyRole.Recovery)]);
      }
    });

    it("can begin with nobody", async function () {
      const { authority, deployer } = await networkHelpers.loadFixture(federation);
      const registry = await new CloudRegistry__factory(deployer).deploy(authority, []);

      expect(await registry.cloudCount()).to.equal(0);
      expect(await registry.memberCount()).to.equal(0);
      expect(await registry.lastMembershipChangeAt()).to.equal(0);
      expect(await registry.guardianLimit()).to.equal(1);
    });

    it("refuses founders that share a label or a key", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { authority, deployer } = world;
      const deploy = (...founders: ReturnType<typeof candidateOf>[]) =>
        new CloudRegistry__factory(deployer).deploy(authority, founders);
      const first = candidateOf("first");

      await expectRefusal(
        world,
        deploy(first, candidateOf("second", { label: "first" })),
        "CloudRegistry_LabelTaken",
        "first",
        1,
      );
      await expectRefusal(
        world,
        deploy(first, candidateOf("second", { account: first.account })),
        "CloudRegistry_KeyTaken",
        first.account,
        1,
        KeyRole.Account,
      );
    });
  });

  describe("admit", function () {
    it("makes the candidate a member under the next id", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const candidate = candidateOf("newcomer");
      const validUntil = (await nowMs(world)) + HOUR_MS;

      const sent = admit(world, NEXT, candidate);

      await expect(sent)
        .to.emit(registry, "CloudAdmitted")
        .withArgs(NEXT, "newcomer", candidate.account, false, candidate.recovery);
      await expect(sent)
        .to.emit(registry, "KeyAccepted")
        .withArgs(NEXT, candidate.account, KeyRole.Account, validUntil)
        .and.to.emit(registry, "KeyAccepted")
        .withArgs(NEXT, candidate.recovery, KeyRole.Recovery, validUntil);
      await expect(sent).to.emit(registry, "EndpointSet").withArgs(NEXT, candidate.endpoint, candidate.spkiHash);
      expect(await registry.cloudCount()).to.equal(NEXT);
      expect(await registry.memberCount()).to.equal(NEXT);
      expect(await registry.statusOf(NEXT)).to.equal(CloudStatus.Active);
      expect(await registry.cloudOfAccount(candidate.account)).to.equal(NEXT);
      const digest = await acceptanceDigest(world, candidate.account as string, NEXT, "Account", validUntil);
      expect(await registry.isAcceptanceUsed(digest)).to.equal(true);
    });

    it("admits a contract that judges its acceptance itself", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry, deployer, spare } = world;
      const owner = spare[0]!;
      const account = await new ContractAccount__factory(deployer).deploy(owner.address);
      const address = await account.getAddress();

      const sent = admit(world, NEXT, candidateOf("contract", { account: address }), {
        account: await accept(world, owner, NEXT, "Account", { address }),
      });

      await expect(sent)
        .to.emit(registry, "CloudAdmitted")
        .withArgs(NEXT, "contract", address, true, keyOf("contract recovery").address);
      expect((await registry.cloudOf(NEXT)).isContract).to.equal(true);
    });

    it("refuses any id but the next one", async function () {
      const world = await networkHelpers.loadFixture(federation);

      for (const cloud of [0, NEXT - 1, NEXT + 1]) {
        await expectRefusal(
          world,
          admit(world, cloud, candidateOf("newcomer")),
          "CloudRegistry_NotNextCloud",
          cloud,
          NEXT,
        );
      }
    });

    for (const label of ["", "ab", "a".repeat(33), "Abc", "a_b", "a b", "abc/", "abc:", "ab`", "ab{", "ab,", "äbc"]) {
      it(`refuses the label '${label}'`, async function () {
        const world = await networkHelpers.loadFixture(federation);

        await expectRefusal(world, admit(world, NEXT, candidateOf(label)), "CloudRegistry_BadLabel", label);
      });
    }

    for (const label of ["abc", "a".repeat(32), "0-9", "az09-"]) {
      it(`takes the label '${label}'`, async function () {
        const world = await networkHelpers.loadFixture(federation);

        await admit(world, NEXT, candidateOf(label));

        expect(await world.registry.cloudOfLabel(label)).to.equal(NEXT);
      });
    }

    it("never gives a label to another cloud, not even after its cloud was expelled", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGovernance(world).expel(HOST);

      await expectRefusal(
        world,
        admit(world, NEXT, candidateOf("newcomer", { label: `cloud-${HOST}` }), {
          account: await accept(world, keyOf("newcomer account"), NEXT, "Account"),
          recovery: await accept(world, keyOf("newcomer recovery"), NEXT, "Recovery"),
        }),
        "CloudRegistry_LabelTaken",
        `cloud-${HOST}`,
        HOST,
      );
    });

    it("refuses the zero address as a key", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await expectRefusal(
        world,
        admit(world, NEXT, candidateOf("newcomer", { account: ZeroAddress })),
        "CloudRegistry_ZeroKey",
        NEXT,
        KeyRole.Account,
      );
      await expectRefusal(
        world,
        admit(world, NEXT, candidateOf("newcomer", { recovery: ZeroAddress })),
        "CloudRegistry_ZeroKey",
        NEXT,
        KeyRole.Recovery,
      );
    });

    it("refuses a key of another cloud, and one key in two roles", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { account, recovery } = cloudOf(world, HOST);
      const own = keyOf("newcomer account").address;

      for (const [changes, key, cloud, role] of [
        [{ account }, account, HOST, KeyRole.Account],
        [{ account: recovery.address }, recovery.address, HOST, KeyRole.Recovery],
        [{ recovery: account }, account, HOST, KeyRole.Account],
        [{ recovery: own }, own, NEXT, KeyRole.Account],
      ] as const) {
        await expectRefusal(
          world,
          admit(world, NEXT, candidateOf("newcomer", changes)),
          "CloudRegistry_KeyTaken",
          key,
          cloud,
          role,
        );
      }
    });

    it("takes an acceptance until its last millisecond, and not later", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const at = (await nowSeconds(world)) + 100;
      const now = BigInt(at) * 1_000n;
      const key = keyOf("newcomer account");
      const admitAt = async (validUntil: bigint) => {
        const account = await accept(world, key, NEXT, "Account", { validUntil });
        const recovery = await accept(world, keyOf("newcomer recovery"), NEXT, "Recovery", { validUntil: now });
        await nextBlockAt(world, at);
        return admit(world, NEXT, candidateOf("newcomer"), { account, recovery });
      };

      await expectRefusal(world, admitAt(now - 1n), "CloudRegistry_AcceptanceExpired", key.address, now - 1n, now);
      await admitAt(now);

      expect(await world.registry.statusOf(NEXT)).to.equal(CloudStatus.Active);
    });

    it("refuses what the key has not signed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const key = keyOf("newcomer account");
      const thief = keyOf("thief");
      const refused = async (acceptance: Awaited<ReturnType<typeof accept>>, recovered: unknown) =>
        expectRefusal(
          world,
          admit(world, NEXT, candidateOf("newcomer"), { account: acceptance }),
          "CloudRegistry_BadAcceptance",
          key.address,
          recovered,
        );

      await refused(await accept(world, thief, NEXT, "Account", { address: key.address }), thief.address);
      await refused(await accept(world, key, NEXT + 1, "Account"), anyValue);
      await refused(await accept(world, key, NEXT, "Recovery"), anyValue);
      const longer = await accept(world, key, NEXT, "Account");
      await refused({ ...longer, validUntil: longer.validUntil + 1n }, anyValue);
      await refused({ ...longer, signature: longer.signature.slice(0, -2) }, NONE);
    });

    it("refuses a contract that does not stand by its acceptance", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const account = await world.ledger.getAddress();

      await expectRefusal(
        world,
        admit(world, NEXT, candidateOf("newcomer", { account }), {
          account: await accept(world, keyOf("owner"), NEXT, "Account", { address: account }),
        }),
        "CloudRegistry_BadAcceptance",
        account,
        keyOf("owner").address,
      );
    });

    for (const length of [0, 257]) {
      it(`refuses an endpoint of ${length} bytes`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const candidate = candidateOf("newcomer", { endpoint: "e".repeat(length) });

        await expectRefusal(world, admit(world, NEXT, candidate), "CloudRegistry_BadEndpoint", length, 256);
      });
    }

    it("refuses an endpoint without the hash of its key", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const candidate = candidateOf("newcomer", { spkiHash: ZeroHash });

      await expectRefusal(world, admit(world, NEXT, candidate), "CloudRegistry_NoSpkiHash", NEXT);
    });
  });

  describe("setEndpoint", function () {
    it("says where the cloud is reached, whatever its status", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await asGovernance(world).expel(HOME);
      const longest = "e".repeat(256);

      const sent = asAccount(world, HOME).setEndpoint(HOME, longest, id("other"));

      await expect(sent).to.emit(world.registry, "EndpointSet").withArgs(HOME, longest, id("other"));
      const { endpoint, spkiHash } = await world.registry.cloudOf(HOME);
      expect([endpoint, spkiHash]).to.deep.equal([longest, id("other")]);
    });

    it("refuses everybody but the account", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await expectRefusal(
        world,
        asRecovery(world, HOME).setEndpoint(HOME, "https://elsewhere", id("other")),
        "CloudRegistry_NotAuthorized",
        HOME,
        cloudOf(world, HOME).recovery.address,
      );
      await expectRefusal(
        world,
        asStranger(world).setEndpoint(UNKNOWN, "https://elsewhere", id("other")),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
    });

    it("refuses a bad endpoint", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const registry = asAccount(world, HOME);

      await expectRefusal(world, registry.setEndpoint(HOME, "", id("x")), "CloudRegistry_BadEndpoint", 0, 256);
      await expectRefusal(
        world,
        registry.setEndpoint(HOME, "e".repeat(257), id("x")),
        "CloudRegistry_BadEndpoint",
        257,
        256,
      );
      await expectRefusal(world, registry.setEndpoint(HOME, "e", ZeroHash), "CloudRegistry_NoSpkiHash", HOME);
    });
  });

  describe("end of membership and return", function () {
    it("expels a member, also a suspended one", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await suspend(world, HOST);

      await expect(asGovernance(world).expel(HOST)).to.emit(registry, "CloudExpelled").withArgs(HOST);
      await expect(asGovernance(world).expel(HOME)).to.emit(registry, "CloudExpelled").withArgs(HOME);

      expect(await registry.statusOf(HOST)).to.equal(CloudStatus.Expelled);
      expect(await registry.statusOf(HOME)).to.equal(CloudStatus.Expelled);
      expect((await registry.cloudOf(HOST)).suspendedUntil).to.equal(0);
      expect(await registry.memberCount()).to.equal(4);
    });

    it("lets a member leave", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await expect(markLeft(world, HOME)).to.emit(world.registry, "CloudLeft").withArgs(HOME);

      expect(await world.registry.statusOf(HOME)).to.equal(CloudStatus.Left);
      expect(await world.registry.memberCount()).to.equal(5);
    });

    it("readmits under the old id with the account's new acceptance", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await asGovernance(world).expel(HOST);
      await markLeft(world, OTHER);

      for (const cloud of [HOST, OTHER]) {
        const acceptance = await accept(world, cloudOf(world, cloud).key, cloud, "Account");
        await expect(asGovernance(world).readmit(cloud, acceptance))
          .to.emit(registry, "CloudReadmitted")
          .withArgs(cloud);
        expect(await registry.statusOf(cloud)).to.equal(CloudStatus.Active);
      }

      expect(await registry.memberCount()).to.equal(6);
      expect(await registry.cloudCount()).to.equal(6);
    });

    it("refuses an acceptance that was used (INV-ONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { account, key } = cloudOf(world, HOST);
      const acceptance = await accept(world, key, HOST, "Account");
      await asGovernance(world).expel(HOST);
      await asGovernance(world).readmit(HOST, acceptance);
      await asGovernance(world).expel(HOST);

      await expectRefusal(
        world,
        asGovernance(world).readmit(HOST, acceptance),
        "CloudRegistry_AcceptanceUsed",
        account,
        await acceptanceDigest(world, account, HOST, "Account", acceptance.validUntil),
      );
    });

    it("refuses what the status does not allow", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const governance = asGovernance(world);
      const acceptance = await accept(world, cloudOf(world, HOST).key, HOST, "Account");
      const wrong = async (sent: Promise<unknown>, status: number) =>
        expectRefusal(world, sent, "CloudRegistry_WrongStatus", HOST, status);

      await wrong(governance.readmit(HOST, acceptance), CloudStatus.Active);
      await suspend(world, HOST);
      await wrong(governance.readmit(HOST, acceptance), CloudStatus.Suspended);
      await governance.expel(HOST);
      await wrong(governance.expel(HOST), CloudStatus.Expelled);
      await wrong(markLeft(world, HOST), CloudStatus.Expelled);
      await governance.readmit(HOST, acceptance);
      await markLeft(world, HOST);
      await wrong(governance.expel(HOST), CloudStatus.Left);
      await wrong(markLeft(world, HOST), CloudStatus.Left);
    });

    it("refuses an unknown cloud", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const acceptance = await accept(world, keyOf("x"), UNKNOWN, "Account");

      for (const cloud of [0, UNKNOWN]) {
        for (const sent of [
          () => asGovernance(world).expel(cloud),
          () => asGovernance(world).readmit(cloud, acceptance),
          () => markLeft(world, cloud),
        ]) {
          await expectRefusal(world, sent(), "CloudRegistry_UnknownCloud", cloud);
        }
      }
    });

    it("is restricted: a stranger, a member and the wrong role may not", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry, stranger, guardian, governance } = world;
      const acceptance = await accept(world, cloudOf(world, HOST).key, HOST, "Account");

      for (const [sent, caller] of [
        [() => asStranger(world).expel(HOST), stranger.address],
        [() => asAccount(world, HOME).expel(HOST), cloudOf(world, HOME).account],
        [() => registry.connect(guardian).expel(HOST), guardian.address],
        [() => asStranger(world).readmit(HOST, acceptance), stranger.address],
        [() => asStranger(world).admit(NEXT, candidateOf("x-y"), acceptance, acceptance), stranger.address],
        [() => registry.connect(governance).markLeft(HOST), governance.address],
        [() => asAccount(world, HOST).markLeft(HOST), cloudOf(world, HOST).account],
      ] as const) {
        await expectRefusal(world, sent(), "AccessManagedUnauthorized", caller);
      }
    });
  });

  describe("members at a time", function () {
    it("counts members second by second (INV-VOTE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const foundedAt = await registry.lastMembershipChangeAt();
      const seconds = async (sent: Promise<ContractTransactionResponse>) => (await timeOf(world, sent)) / 1_000n;
      await pass(world, 100);
      const expelledAt = await seconds(asGovernance(world).expel(HOST));
      await pass(world, 100);
      const acceptance = await accept(world, cloudOf(world, HOST).key, HOST, "Account");
      const backAt = await seconds(asGovernance(world).readmit(HOST, acceptance));

      expect(await registry.lastMembershipChangeAt()).to.equal(backAt);
      for (const [time, count, isMember] of [
        [0n, 0, false],
        [foundedAt - 1n, 0, false],
        [foundedAt, 6, true],
        [expelledAt - 1n, 6, true],
        [expelledAt, 5, false],
        [backAt - 1n, 5, false],
        [backAt, 6, true],
      ] as const) {
        expect(await registry.memberCountAt(time), `members at ${time}`).to.equal(count);
        expect(await registry.isMemberAt(HOST, time), `member at ${time}`).to.equal(isMember);
      }
      expect(await registry.isMemberAt(UNKNOWN, backAt)).to.equal(false);
    });

    it("counts a suspended cloud as a member", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await suspend(world, HOST);
      const now = await nowSeconds(world);

      expect(await world.registry.memberCountAt(now)).to.equal(6);
      expect(await world.registry.isMemberAt(HOST, now)).to.equal(true);
    });

    it("refuses the future", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await pass(world, 100);
      const now = await nowSeconds(world);

      expect(await registry.memberCountAt(now)).to.equal(6);
      for (const asked of [() => registry.memberCountAt(now + 100), () => registry.isMemberAt(HOME, now + 100)]) {
        await expectRefusal(world, asked(), "CloudRegistry_FutureLookup", now + 100, anyValue);
      }
    });
  });

  describe("views", function () {
    it("know nothing of an unknown cloud or key", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry, stranger } = world;

      expect(await registry.statusOf(UNKNOWN)).to.equal(CloudStatus.None);
      expect(await registry.statusOf(0)).to.equal(CloudStatus.None);
      expect(await registry.cloudOfLabel("nobody")).to.equal(0);
      expect(await registry.cloudOfAccount(ZeroAddress)).to.equal(0);
      expect(await registry.cloudOfAccount(stranger.address)).to.equal(0);
      expect(await registry.bindingOf(stranger.address)).to.deep.equal([0n, 0n]);
      for (const asked of [
        () => registry.cloudOf(UNKNOWN),
        () => registry.accountOf(UNKNOWN),
        () => registry.recoveryOf(UNKNOWN),
      ]) {
        await expectRefusal(world, asked(), "CloudRegistry_UnknownCloud", UNKNOWN);
      }
    });

    it("tell the limits", async function () {
      const { registry } = await networkHelpers.loadFixture(federation);

      expect(await registry.ROTATION_DELAY_MS()).to.equal(48n * HOUR_MS);
      expect(await registry.REPLACEMENT_DELAY_MS()).to.equal(7n * 24n * HOUR_MS);
      expect(await registry.GUARDIAN_SUSPENSION_MS()).to.equal(7n * 24n * HOUR_MS);
      expect(await registry.GUARDIAN_INTERVAL_MS()).to.equal(30n * 24n * HOUR_MS);
      expect(await registry.MAX_AGENT_MS()).to.equal(365n * 24n * HOUR_MS);
      expect(await registry.MAX_PARTNERS()).to.equal(16);
      expect(await registry.MAX_ENDPOINT_BYTES()).to.equal(256);
      expect(await registry.ERC1271_GAS()).to.equal(100_000);
    });

    it("show the contract account as one", async function () {
      const world = await networkHelpers.loadFixture(federation);

      expect(await world.registry.accountOf(CONTRACT)).to.equal(await contractAccount(world).getAddress());
    });
  });
});
