import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import { type BytesLike, type Signer, SigningKey, type Wallet, concat, id, toBeHex } from "ethers";
import { network } from "hardhat";

import { AgentScope, CloudStatus } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  HOME,
  HOST,
  NONE,
  OTHER,
  UNKNOWN,
  type World,
  cloudOf,
  contractAccount,
  federation,
  pass,
  suspend,
} from "../../fixtures/federation.js";
import {
  accept,
  asAccount,
  asGovernance,
  asGuardian,
  candidateOf,
  admit,
  keyOf,
  markLeft,
  recover,
  setAgent,
} from "../../fixtures/registry.js";

const { networkHelpers } = await network.create();

const DIGEST = id("a digest");
const AGENT = keyOf("agent");
const ACCOUNT = keyOf("signing account");

/** Behaviours of `ContractAccount`. */
const MOOD = {
  Honest: 0,
  Refusing: 1,
  Reverting: 2,
  BurningGas: 3,
  Shouting: 4,
  CallingBack: 5,
  Gullible: 6,
  Short: 7,
  Dirty: 8,
} as const;

/** HOME signs with a key that is known here. */
async function withKnownAccount(connection: Parameters<typeof federation>[0]): Promise<World> {
  const world = await federation(connection);
  await recover(world, HOME, ACCOUNT);
  return world;
}

function signatureOf(key: Wallet, digest = DIGEST): string {
  return key.signingKey.sign(digest).serialized;
}

async function judge(
  world: World,
  signature: BytesLike,
  { cloud = HOME, scope = 0, partnerA = 0, partnerB = 0, digest = DIGEST } = {},
): Promise<bigint> {
  return world.registry.requireSignature(cloud, scope, partnerA, partnerB, digest, signature);
}

async function setMood(world: World, mood: keyof typeof MOOD, target = NONE, callback = "0x"): Promise<void> {
  await contractAccount(world).setMood(MOOD[mood], target, callback);
}

describe("CloudRegistry: signatures", function () {
  describe("requireSignature by an account", function () {
    it("takes the account's signature, for every scope and partner", async function () {
      const world = await networkHelpers.loadFixture(withKnownAccount);
      const signature = signatureOf(ACCOUNT);

      for (const scope of [0, AgentScope.HOST, 63]) {
        expect(await judge(world, signature, { scope, partnerA: HOST, partnerB: OTHER })).to.equal(CloudStatus.Active);
      }
    });

    it("tells the status and judges it not", async function () {
      const world = await networkHelpers.loadFixture(withKnownAccount);
      const signature = signatureOf(ACCOUNT);

      await asGuardian(world).suspend(HOME);
      expect(await judge(world, signature)).to.equal(CloudStatus.Suspended);
      await pass(world, 8 * 86_400);
      expect(await judge(world, signature)).to.equal(CloudStatus.Active);
      await asGovernance(world).expel(HOME);
      expect(await judge(world, signature)).to.equal(CloudStatus.Expelled);
      await asGovernance(world).readmit(HOME, await accept(world, ACCOUNT, HOME, "Account"));
      await markLeft(world, HOME);
      expect(await judge(world, signature)).to.equal(CloudStatus.Left);
    });

    it("refuses another's signature, and another digest's", async function () {
      const world = await networkHelpers.loadFixture(withKnownAccount);
      const other = keyOf("thief");

      await expectRefusal(world, judge(world, signatureOf(other)), "CloudRegistry_BadSignature", HOME, other.address);
      await expectRefusal(
        world,
        judge(world, signatureOf(ACCOUNT), { digest: id("other") }),
        "CloudRegistry_BadSignature",
        HOME,
        anyValue,
      );
      await expectRefusal(
        world,
        judge(world, signatureOf(ACCOUNT), { cloud: HOST }),
        "CloudRegistry_BadSignature",
        HOST,
        ACCOUNT.address,
      );
    });

    it("refuses the former account at once, and the recovery address always", async function () {
      const world = await networkHelpers.loadFixture(withKnownAccount);
      const next = keyOf("next account");
      await recover(world, HOME, next);

      await expectRefusal(
        world,
        judge(world, signatureOf(ACCOUNT)),
        "CloudRegistry_BadSignature",
        HOME,
        ACCOUNT.address,
      );
      await judge(world, signatureOf(next));
      await admit(world, 7, candidateOf("newcomer"));
      await expectRefusal(
        world,
        judge(world, signatureOf(keyOf("newcomer recovery")), { cloud: 7 }),
        "CloudRegistry_BadSignature",
        7,
        keyOf("newcomer recovery").address,
      );
    });

    it("refuses a signature of another length, with a high s, or of nobody", async function () {
      const world = await networkHelpers.loadFixture(withKnownAccount);
      const good = signatureOf(ACCOUNT);
      const { r, s, v } = new SigningKey(ACCOUNT.privateKey).sign(DIGEST);
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const mirrored = concat([r, toBeHex(order - BigInt(s), 32), toBeHex(v === 27 ? 28 : 27, 1)]);
      const compact = new SigningKey(ACCOUNT.privateKey).sign(DIGEST).compactSerialized;

      for (const signature of ["0x", good.slice(0, -2), `${good}00`, compact, mirrored, `0x${"00".repeat(65)}`]) {
        await expectRefusal(world, judge(world, signature), "CloudRegistry_BadSignature", HOME, NONE);
      }
    });

    it("refuses an unknown cloud", async function () {
      const world = await networkHelpers.loadFixture(withKnownAccount);

      for (const cloud of [0, UNKNOWN]) {
        await expectRefusal(world, judge(world, signatureOf(ACCOUNT), { cloud }), "CloudRegistry_UnknownCloud", cloud);
        await expectRefusal(world, judge(world, "0x", { cloud }), "CloudRegistry_UnknownCloud", cloud);
      }
    });
  });

  describe("requireSignature by an agent", function () {
    it("takes it for any of its scopes and its partners", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT, { scopes: AgentScope.HOST, partners: [HOST] });
      const signature = signatureOf(AGENT);

      const scope = AgentScope.HOST | AgentScope.MOVE_OUT;
      expect(await judge(world, signature, { scope, partnerA: HOST, partnerB: HOME })).to.equal(CloudStatus.Active);
      await suspend(world, HOME);
      expect(await judge(world, signature, { scope })).to.equal(CloudStatus.Suspended);
    });

    it("refuses a scope or partner that it has not", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT, { scopes: AgentScope.HOST, partners: [HOST] });
      const signature = signatureOf(AGENT);

      for (const scope of [0, AgentScope.MOVE_OUT]) {
        await expectRefusal(
          world,
          judge(world, signature, { scope }),
          "CloudRegistry_ScopeMissing",
          HOME,
          AGENT.address,
          scope,
          AgentScope.HOST,
        );
      }
      await expectRefusal(
        world,
        judge(world, signature, { scope: AgentScope.HOST, partnerA: HOST, partnerB: OTHER }),
        "CloudRegistry_PartnerNotAllowed",
        HOME,
        AGENT.address,
        OTHER,
      );
      await expectRefusal(
        world,
        judge(world, signature, { cloud: HOST, scope: AgentScope.HOST }),
        "CloudRegistry_BadSignature",
        HOST,
        AGENT.address,
      );
    });

    it("refuses it from the first second after its expiry, and once it is revoked or voided", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const scope = AgentScope.HOST;
      const at = BigInt(await networkHelpers.time.latest()) + 1_000n;
      await setAgent(world, HOME, AGENT, { scopes: scope, validUntil: at * 1_000n });
      const signature = signatureOf(AGENT);
      await networkHelpers.time.increaseTo(at);
      await judge(world, signature, { scope });

      await networkHelpers.time.increaseTo(at + 1n);
      await expectRefusal(
        world,
        judge(world, signature, { scope }),
        "CloudRegistry_AgentExpired",
        HOME,
        AGENT.address,
        at * 1_000n,
        (at + 1n) * 1_000n,
      );

      await setAgent(world, HOME, AGENT, { scopes: scope });
      await judge(world, signature, { scope });
      await asAccount(world, HOME).revokeAllAgents(HOME);
      await expectRefusal(world, judge(world, signature, { scope }), "CloudRegistry_AgentRevoked", HOME, AGENT.address);
      await setAgent(world, HOME, AGENT, { scopes: scope });
      await judge(world, signature, { scope });
      await asAccount(world, HOME).revokeAgent(HOME, AGENT.address);
      await expectRefusal(world, judge(world, signature, { scope }), "CloudRegistry_AgentRevoked", HOME, AGENT.address);
    });
  });

  describe("requireSignature by a contract (ERC-1271)", function () {
    const sign = async (signer: Signer) =>
      signer.signTypedData({ name: "any" }, { A: [{ name: "a", type: "uint256" }] }, { a: 1n });

    it("takes what the contract stands by", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setMood(world, "Gullible");

      for (const signature of ["0x", "0x01", `0x${"00".repeat(65)}`, await sign(world.stranger)]) {
        expect(await judge(world, signature, { cloud: CONTRACT })).to.equal(CloudStatus.Active);
      }
      await suspend(world, CONTRACT);
      expect(await judge(world, "0x", { cloud: CONTRACT })).to.equal(CloudStatus.Suspended);
    });

    for (const mood of ["Honest", "Refusing", "Reverting", "BurningGas", "Shouting", "Short", "Dirty"] as const) {
      it(`refuses a contract that does not stand by it: ${mood}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        await setMood(world, mood);

        await expectRefusal(
          world,
          judge(world, signatureOf(AGENT), { cloud: CONTRACT }),
          "CloudRegistry_BadSignature",
          CONTRACT,
          AGENT.address,
        );
      });
    }

    it("lets a contract burn no more gas than its share", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await setMood(world, "Gullible");
      const gas = await registry.requireSignature.estimateGas(CONTRACT, 0, 0, 0, DIGEST, "0x");
      await setMood(world, "BurningGas");
      const limit = gas + (await registry.ERC1271_GAS()) + 5_000n;

      await expect(
        registry.requireSignature(CONTRACT, 0, 0, 0, DIGEST, "0x", { gasLimit: limit }),
      ).to.be.revertedWithCustomError(registry, "CloudRegistry_BadSignature");
    });

    it("asks with a static call: nothing can be changed from within", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      // The account answers yes only if its call back failed.
      const suspendSelf = registry.interface.encodeFunctionData("suspendSelf", [CONTRACT]);
      await setMood(world, "CallingBack", await registry.getAddress(), suspendSelf);

      expect(await judge(world, "0x", { cloud: CONTRACT })).to.equal(CloudStatus.Active);

      const view = registry.interface.encodeFunctionData("statusOf", [CONTRACT]);
      await setMood(world, "CallingBack", await registry.getAddress(), view);
      await expectRefusal(world, judge(world, "0x", { cloud: CONTRACT }), "CloudRegistry_BadSignature", CONTRACT, NONE);
    });

    it("is not asked where the account was no contract when it was bound", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { account } = cloudOf(world, HOME);
      const code = await world.connection.ethers.provider.getCode(cloudOf(world, CONTRACT).account);
      await setMood(world, "Gullible");
      await networkHelpers.setCode(account, code);
      await networkHelpers.setStorageAt(account, 0, toBeHex(MOOD.Gullible, 32));

      await expectRefusal(world, judge(world, "0x"), "CloudRegistry_BadSignature", HOME, NONE);
    });

    it("is not asked where an agent signed: the agent's limits decide", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await setMood(world, "Gullible");
      const data = registry.interface.encodeFunctionData("setAgent", [
        CONTRACT,
        AGENT.address,
        AgentScope.RELAY,
        BigInt(await networkHelpers.time.latest()) * 1_000n + 86_400_000n,
        [],
        await accept(world, AGENT, CONTRACT, "Agent"),
      ]);
      await contractAccount(world).execute(registry, data);

      await expectRefusal(
        world,
        judge(world, signatureOf(AGENT), { cloud: CONTRACT, scope: AgentScope.HOST }),
        "CloudRegistry_ScopeMissing",
        CONTRACT,
        AGENT.address,
        AgentScope.HOST,
        AgentScope.RELAY,
      );
    });
  });

  describe("gas", function () {
    /** The storage slots of the registry that a call reads. */
    async function slotsRead(world: World, data: string): Promise<Set<string>> {
      const { provider } = world.connection;
      const trace = (await provider.request({
        method: "debug_traceCall",
        params: [{ to: await world.registry.getAddress(), data }, "latest", {}],
      })) as { structLogs: { op: string; stack: string[] }[] };
      const reads = trace.structLogs.filter(({ op }) => op === "SLOAD");
      return new Set(reads.map(({ stack }) => stack.at(-1)!));
    }

    it("reads one slot for a status, and one for an account's signature", async function () {
      const world = await networkHelpers.loadFixture(withKnownAccount);
      const { interface: abi } = world.registry;
      await asGuardian(world).suspend(HOME);

      const status = await slotsRead(world, abi.encodeFunctionData("statusOf", [HOME]));
      const signature = await slotsRead(
        world,
        abi.encodeFunctionData("requireSignature", [HOME, 8, HOST, OTHER, DIGEST, signatureOf(ACCOUNT)]),
      );

      expect(status.size).to.equal(1);
      expect([...signature]).to.deep.equal([...status]);
    });
  });
});
