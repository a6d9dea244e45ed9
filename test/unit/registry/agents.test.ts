import { expect } from "chai";
import { network } from "hardhat";

import { AgentScope, KeyRole } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  FIFTH,
  FOURTH,
  HOME,
  HOST,
  OTHER,
  UNKNOWN,
  type World,
  cloudOf,
  contractAccount,
  federation,
  nextBlockAt,
  nowMs,
  pass,
  suspend,
  timeOf,
} from "../../fixtures/federation.js";
import {
  DAY_MS,
  HOUR_MS,
  accept,
  asAccount,
  asGovernance,
  asRecovery,
  asStranger,
  keyOf,
  recover,
  setAgent,
} from "../../fixtures/registry.js";

const { networkHelpers } = await network.create();

const AGENT = keyOf("agent");
const ALL = 63;
const DAY = 86_400;

/** Asks whether an address may send for HOME. */
async function mayAct(world: World, sender: string, scope: number, partnerA = 0, partnerB = 0) {
  return world.registry.requireSender(HOME, scope, partnerA, partnerB, sender);
}

describe("CloudRegistry: agents", function () {
  describe("setAgent", function () {
    it("binds a key that accepted, with scopes, partners and an expiry", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const validUntil = (await nowMs(world)) + 10n * DAY_MS;

      const sent = setAgent(world, HOME, AGENT, {
        scopes: AgentScope.HOST | AgentScope.OFFER,
        partners: [HOST, OTHER],
        validUntil,
      });

      await expect(sent)
        .to.emit(registry, "AgentSet")
        .withArgs(HOME, AGENT.address, AgentScope.HOST | AgentScope.OFFER, validUntil, [HOST, OTHER]);
      await expect(sent).to.emit(registry, "KeyAccepted");
      const agent = await registry.agentOf(AGENT.address);
      expect([agent.cloud, agent.scopes, agent.validUntil, agent.agentEpoch, [...agent.partners]]).to.deep.equal([
        BigInt(HOME),
        10n,
        validUntil,
        0n,
        [BigInt(HOST), BigInt(OTHER)],
      ]);
      expect(await registry.bindingOf(AGENT.address)).to.deep.equal([BigInt(HOME), BigInt(KeyRole.Agent)]);
      expect(await registry.cloudOfAccount(AGENT.address)).to.equal(0);
    });

    it("replaces powers, and gives a revoked agent new ones", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT, { scopes: AgentScope.HOST, partners: [HOST] });
      await asAccount(world, HOME).revokeAgent(HOME, AGENT.address);

      await setAgent(world, HOME, AGENT, { scopes: AgentScope.RELAY });

      await mayAct(world, AGENT.address, AgentScope.RELAY);
      expect([...(await world.registry.agentOf(AGENT.address)).partners]).to.deep.equal([]);
      await expectRefusal(
        world,
        mayAct(world, AGENT.address, AgentScope.HOST),
        "CloudRegistry_ScopeMissing",
        HOME,
        AGENT.address,
        AgentScope.HOST,
        AgentScope.RELAY,
      );
    });

    for (const scopes of [0, ALL + 1, 255]) {
      it(`refuses the scopes ${scopes}`, async function () {
        const world = await networkHelpers.loadFixture(federation);

        await expectRefusal(world, setAgent(world, HOME, AGENT, { scopes }), "CloudRegistry_BadScopes", scopes);
      });
    }

    it("takes every scope at once", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await setAgent(world, HOME, AGENT, { scopes: ALL });

      for (const scope of Object.values(AgentScope)) await mayAct(world, AGENT.address, scope);
    });

    it("takes an expiry from now to 365 days from now", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const at = BigInt(await networkHelpers.time.latest()) + 100n;
      const now = at * 1_000n;
      const latest = now + 365n * DAY_MS;
      const key = (name: string) => keyOf(`agent ${name}`);
      const setAt = async (validUntil: bigint) => {
        const agent = key(String(validUntil));
        const acceptance = await accept(world, agent, HOME, "Agent");
        await nextBlockAt(world, at);
        return setAgent(world, HOME, agent, { validUntil, acceptance });
      };

      for (const validUntil of [0n, now - 1n, latest + 1n, 2n ** 48n, 2n ** 64n - 1n]) {
        await expectRefusal(world, setAt(validUntil), "CloudRegistry_BadExpiry", validUntil, now, latest);
      }
      await world.connection.networkHelpers.mine(0);
      await setAt(latest);
      expect((await world.registry.agentOf(key(String(latest)).address)).validUntil).to.equal(latest);
    });

    it("takes the block's own time as an expiry", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const at = BigInt(await networkHelpers.time.latest()) + 100n;
      const acceptance = await accept(world, AGENT, HOME, "Agent");
      await nextBlockAt(world, at);

      await setAgent(world, HOME, AGENT, { validUntil: at * 1_000n, acceptance });

      expect((await world.registry.agentOf(AGENT.address)).validUntil).to.equal(at * 1_000n);
    });

    it("takes 16 partners and no more", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const partners = Array.from({ length: 17 }, (_, i) => i + 1);

      await expectRefusal(world, setAgent(world, HOME, AGENT, { partners }), "CloudRegistry_TooManyPartners", 17, 16);
      await setAgent(world, HOME, AGENT, { partners: partners.slice(0, 16) });

      expect((await world.registry.agentOf(AGENT.address)).partners.length).to.equal(16);
    });

    for (const [partners, index] of [
      [[0], 0],
      [[2, 2], 1],
      [[2, 5, 3], 2],
    ] as const) {
      it(`refuses the partners ${partners.join(", ")}`, async function () {
        const world = await networkHelpers.loadFixture(federation);

        await expectRefusal(
          world,
          setAgent(world, HOME, AGENT, { partners: [...partners] }),
          "CloudRegistry_PartnersNotAscending",
          index,
        );
      });
    }

    it("refuses a contract as an agent", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const agent = await world.exchange.getAddress();
      const acceptance = await accept(world, AGENT, HOME, "Agent", { address: agent });

      await expectRefusal(
        world,
        asAccount(world, HOME).setAgent(HOME, agent, 8, (await nowMs(world)) + HOUR_MS, [], acceptance),
        "CloudRegistry_AgentIsContract",
        agent,
      );
    });

    it("refuses a key that serves otherwise, or has not accepted", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { account, recovery, key } = cloudOf(world, HOME);
      await setAgent(world, HOST, AGENT);

      await expectRefusal(
        world,
        setAgent(world, HOME, AGENT),
        "CloudRegistry_KeyTaken",
        AGENT.address,
        HOST,
        KeyRole.Agent,
      );
      await expectRefusal(world, setAgent(world, HOME, key), "CloudRegistry_KeyTaken", account, HOME, KeyRole.Account);
      await expectRefusal(
        world,
        setAgent(world, HOME, recovery),
        "CloudRegistry_KeyTaken",
        recovery.address,
        HOME,
        KeyRole.Recovery,
      );
      const other = keyOf("other agent");
      await expectRefusal(
        world,
        setAgent(world, HOME, other, {
          acceptance: await accept(world, AGENT, HOME, "Agent", { address: other.address }),
        }),
        "CloudRegistry_BadAcceptance",
        other.address,
        AGENT.address,
      );
    });

    it("refuses an acceptance a second time: a revoked agent must want to serve again (INV-ONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const acceptance = await accept(world, AGENT, HOME, "Agent");
      await setAgent(world, HOME, AGENT, { acceptance });
      await asAccount(world, HOME).revokeAgent(HOME, AGENT.address);

      await expect(setAgent(world, HOME, AGENT, { acceptance })).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_AcceptanceUsed",
      );
    });

    it("is for the account only", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const agent = world.spare[0]!;
      await setAgent(world, HOME, agent, { scopes: ALL });
      const acceptance = await accept(world, AGENT, HOME, "Agent");

      for (const sender of [agent, cloudOf(world, HOME).recovery, world.governance]) {
        await expectRefusal(
          world,
          world.registry.connect(sender).setAgent(HOME, AGENT.address, 8, 0, [], acceptance),
          "CloudRegistry_NotAuthorized",
          HOME,
          sender.address,
        );
      }
      await expectRefusal(
        world,
        asStranger(world).setAgent(UNKNOWN, AGENT.address, 8, 0, [], acceptance),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
    });
  });

  describe("revokeAgent", function () {
    for (const [name, sender] of [
      ["account", (world: World) => cloudOf(world, HOME).key],
      ["recovery address", (world: World) => cloudOf(world, HOME).recovery],
      ["agent itself", (world: World) => world.spare[0]!],
    ] as const) {
      it(`takes all powers at once: by the ${name}, in every status (INV-EXIT)`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const agent = world.spare[0]!;
        await setAgent(world, HOME, agent);
        await suspend(world, HOME);

        await expect(world.registry.connect(sender(world)).revokeAgent(HOME, agent.address))
          .to.emit(world.registry, "AgentRevoked")
          .withArgs(HOME, agent.address, sender(world).address);

        expect((await world.registry.agentOf(agent.address)).scopes).to.equal(0);
        await expectRefusal(
          world,
          mayAct(world, agent.address, AgentScope.HOST),
          "CloudRegistry_AgentRevoked",
          HOME,
          agent.address,
        );
      });
    }

    it("refuses who is no serving agent of the cloud, and whoever is not entitled", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT);
      const { account, recovery } = cloudOf(world, HOME);

      await expectRefusal(
        world,
        asStranger(world).revokeAgent(HOME, AGENT.address),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.stranger.address,
      );
      await expectRefusal(
        world,
        asAccount(world, HOST).revokeAgent(HOST, AGENT.address),
        "CloudRegistry_NotAnAgent",
        HOST,
        AGENT.address,
      );
      for (const key of [account, recovery.address, keyOf("nobody").address]) {
        await expectRefusal(
          world,
          asAccount(world, HOME).revokeAgent(HOME, key),
          "CloudRegistry_NotAnAgent",
          HOME,
          key,
        );
      }
      await asAccount(world, HOME).revokeAgent(HOME, AGENT.address);
      await expectRefusal(
        world,
        asAccount(world, HOME).revokeAgent(HOME, AGENT.address),
        "CloudRegistry_NotAnAgent",
        HOME,
        AGENT.address,
      );
      await expectRefusal(
        world,
        asStranger(world).revokeAgent(UNKNOWN, AGENT.address),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
    });
  });

  describe("revokeAllAgents", function () {
    for (const [name, by] of [
      ["account", asAccount],
      ["recovery address", asRecovery],
    ] as const) {
      it(`voids every agent bound before, and none bound after: by the ${name}`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const later = keyOf("later agent");
        await setAgent(world, HOME, AGENT);

        await expect(by(world, HOME).revokeAllAgents(HOME)).to.emit(world.registry, "AgentsVoided").withArgs(HOME, 1);
        await setAgent(world, HOME, later);

        await expectRefusal(
          world,
          mayAct(world, AGENT.address, AgentScope.HOST),
          "CloudRegistry_AgentRevoked",
          HOME,
          AGENT.address,
        );
        await mayAct(world, later.address, AgentScope.HOST);
        expect((await world.registry.agentOf(later.address)).agentEpoch).to.equal(1);
      });
    }

    it("touches no agent of another cloud", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT);

      await asAccount(world, HOST).revokeAllAgents(HOST);

      await mayAct(world, AGENT.address, AgentScope.HOST);
    });

    it("refuses everybody else", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const agent = world.spare[0]!;
      await setAgent(world, HOME, agent, { scopes: ALL });

      for (const sender of [agent, world.stranger, world.guardian]) {
        await expectRefusal(
          world,
          world.registry.connect(sender).revokeAllAgents(HOME),
          "CloudRegistry_NotAuthorized",
          HOME,
          sender.address,
        );
      }
    });
  });

  describe("requireSender and requireAccount", function () {
    it("let the account do everything, whatever the status", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      await asGovernance(world).expel(HOME);

      for (const scope of [0, ALL]) await mayAct(world, cloudOf(world, HOME).account, scope, HOST, OTHER);
      await registry.requireAccount(HOME, cloudOf(world, HOME).account);
    });

    it("refuse strangers, recovery addresses and agents of others", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry, stranger } = world;
      await setAgent(world, HOST, AGENT);

      for (const sender of [stranger.address, cloudOf(world, HOME).recovery.address, AGENT.address]) {
        await expectRefusal(world, mayAct(world, sender, 8), "CloudRegistry_NotAuthorized", HOME, sender);
        await expectRefusal(world, registry.requireAccount(HOME, sender), "CloudRegistry_NotAuthorized", HOME, sender);
      }
      await expectRefusal(
        world,
        registry.requireSender(UNKNOWN, 8, 0, 0, stranger.address),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
      await expectRefusal(
        world,
        registry.requireAccount(UNKNOWN, stranger.address),
        "CloudRegistry_UnknownCloud",
        UNKNOWN,
      );
    });

    it("let an agent do what any of its scopes allows", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT, { scopes: AgentScope.HOST | AgentScope.REPORT });

      for (const scope of [AgentScope.HOST, AgentScope.REPORT, AgentScope.HOST | AgentScope.MOVE_OUT, ALL]) {
        await mayAct(world, AGENT.address, scope);
      }
      for (const scope of [0, AgentScope.MOVE_OUT, AgentScope.RELAY | AgentScope.OFFER | AgentScope.VALIDATOR]) {
        await expectRefusal(
          world,
          mayAct(world, AGENT.address, scope),
          "CloudRegistry_ScopeMissing",
          HOME,
          AGENT.address,
          scope,
          AgentScope.HOST | AgentScope.REPORT,
        );
      }
      await expectRefusal(
        world,
        world.registry.requireAccount(HOME, AGENT.address),
        "CloudRegistry_NotAuthorized",
        HOME,
        AGENT.address,
      );
    });

    it("let an agent deal with its partners only; nobody and the cloud itself need not be named", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT, { scopes: ALL, partners: [HOST, FOURTH] });
      const act = async (a: number, b: number) => mayAct(world, AGENT.address, AgentScope.HOST, a, b);

      for (const [a, b] of [
        [0, 0],
        [HOST, 0],
        [0, FOURTH],
        [FOURTH, HOST],
        [HOME, HOME],
        [HOME, HOST],
      ] as const) {
        await act(a, b);
      }
      for (const [a, b, refused] of [
        [OTHER, 0, OTHER],
        [0, OTHER, OTHER],
        [HOST, FIFTH, FIFTH],
        [FIFTH, OTHER, FIFTH],
        [UNKNOWN, HOST, UNKNOWN],
      ] as const) {
        await expectRefusal(world, act(a, b), "CloudRegistry_PartnerNotAllowed", HOME, AGENT.address, refused);
      }
    });

    it("look at partners for MOVE_OUT and HOST only", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT, { scopes: ALL, partners: [HOST] });

      for (const scope of [AgentScope.RELAY, AgentScope.OFFER, AgentScope.REPORT, AgentScope.VALIDATOR]) {
        await mayAct(world, AGENT.address, scope, OTHER, FIFTH);
      }
      for (const scope of [AgentScope.MOVE_OUT, AgentScope.HOST, AgentScope.MOVE_OUT | AgentScope.HOST]) {
        await expectRefusal(
          world,
          mayAct(world, AGENT.address, scope, OTHER),
          "CloudRegistry_PartnerNotAllowed",
          HOME,
          AGENT.address,
          OTHER,
        );
      }
    });

    it("let an agent without a list of partners deal with everybody", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await setAgent(world, HOME, AGENT, { scopes: AgentScope.HOST });

      await mayAct(world, AGENT.address, AgentScope.HOST, OTHER, FIFTH);
    });

    it("refuse an agent from the first second after its expiry", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const at = BigInt(await networkHelpers.time.latest()) + 1_000n;
      const validUntil = at * 1_000n;
      await setAgent(world, HOME, AGENT, { validUntil });

      for (const time of [at - 1n, at]) {
        await networkHelpers.time.increaseTo(time);
        await mayAct(world, AGENT.address, AgentScope.HOST);
      }
      await networkHelpers.time.increaseTo(at + 1n);
      await expectRefusal(
        world,
        mayAct(world, AGENT.address, AgentScope.HOST),
        "CloudRegistry_AgentExpired",
        HOME,
        AGENT.address,
        validUntil,
        (at + 1n) * 1_000n,
      );
    });

    it("let a contract be the account that sends", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await world.registry.requireAccount(CONTRACT, await contractAccount(world).getAddress());
    });
  });

  describe("agentAt", function () {
    it("tells scopes and validity of every moment", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry } = world;
      const validUntil = (await nowMs(world)) + 10n * DAY_MS;
      const setAt = await timeOf(world, setAgent(world, HOME, AGENT, { scopes: 8, validUntil }));
      await pass(world, 100);
      const revokedAt = await timeOf(world, asAccount(world, HOME).revokeAgent(HOME, AGENT.address));
      await pass(world, 100);
      const againAt = await timeOf(world, setAgent(world, HOME, AGENT, { scopes: 4, validUntil }));
      await pass(world, 100);
      const recoveredAt = await timeOf(world, recover(world, HOME, keyOf("next account")));
      await pass(world, 11 * DAY);

      for (const [time, scopes, isValid] of [
        [0n, 0n, false],
        [setAt - 1n, 0n, false],
        [setAt, 8n, true],
        [revokedAt - 1n, 8n, true],
        [revokedAt, 0n, false],
        [againAt - 1n, 0n, false],
        [againAt, 4n, true],
        [recoveredAt - 1n, 4n, true],
        [recoveredAt, 4n, false],
        [validUntil + 1n, 4n, false],
      ] as const) {
        expect([...(await registry.agentAt(AGENT.address, time))], `at ${time}`).to.deep.equal([
          BigInt(HOME),
          scopes,
          isValid,
        ]);
      }
    });

    it("tells an expiry to the millisecond", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const validUntil = (await nowMs(world)) + HOUR_MS + 500n;
      await setAgent(world, HOME, AGENT, { validUntil });
      await pass(world, 2 * 3_600);

      for (const [time, isValid] of [
        [validUntil - 1n, true],
        [validUntil, true],
        [validUntil + 1n, false],
      ] as const) {
        expect((await world.registry.agentAt(AGENT.address, time)).isValid, `at ${time}`).to.equal(isValid);
      }
    });

    it("knows nothing of keys that are no agents, and nothing of the future", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const { registry, stranger } = world;
      const { account } = cloudOf(world, HOME);
      const now = await nowMs(world);

      for (const key of [account, stranger.address]) {
        expect([...(await registry.agentAt(key, now))]).to.deep.equal([0n, 0n, false]);
        expect((await registry.agentOf(key)).cloud).to.equal(0);
      }
      const future = now + DAY_MS;
      await expect(registry.agentAt(account, future)).to.be.revertedWithCustomError(
        registry,
        "CloudRegistry_FutureLookup",
      );
      await expect(registry.accountAt(HOME, 2n ** 64n - 1n)).to.be.revertedWithCustomError(
        registry,
        "CloudRegistry_FutureLookup",
      );
    });
  });
});
