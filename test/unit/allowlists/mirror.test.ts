import { expect } from "chai";
import { ZeroHash, getAddress, id } from "ethers";

import {
  FIRST_STATE,
  MIRROR_DEFAULTS,
  type MirrorOptions,
  type MirrorState,
  mirrorOnce,
} from "../../../src/allowlists/mirror.js";
import { RpcError } from "../../../src/allowlists/nodeRpc.js";
import type { NodesFile } from "../../../src/allowlists/nodesFile.js";
import { BusError, acknowledge, asSender, postNotes, signDocument } from "../../../src/index.js";
import {
  FOUNDING_ACCOUNTS,
  type FoundedChain,
  NODES,
  account,
  bindAgent,
  closeChain,
  enode,
  foreignEnode,
  foundedChain,
  recovery,
  registerVm,
} from "../../fixtures/allowlists.js";
import { founderKey } from "../../fixtures/network.js";
import { permissionedNode } from "../../fixtures/permissionedNode.js";

const FOUNDING_NODES = [1, 2, 3, 4].map(enode).sort();
const GRACE = MIRROR_DEFAULTS.graceMs;

describe("allow-lists", function () {
  let world: FoundedChain;
  let state: MirrorState;
  let told: string[];

  const pass = async (changes: Partial<MirrorOptions> = {}, nodes: NodesFile = NODES, later = 0) => {
    const options = { ...MIRROR_DEFAULTS, headAgeMs: Number.MAX_SAFE_INTEGER, ...changes };
    const done = await mirrorOnce(
      world.node.rpc,
      world.book,
      nodes,
      state,
      options,
      (line) => told.push(line),
      (await world.now()) + later,
    );
    state = done.state;
    return done;
  };
  const settle = async (): Promise<void> => {
    await pass();
    world.node.writes.length = 0;
    told.length = 0;
  };
  const accounts = (): string[] => world.node.accounts.map(getAddress).sort();
  const nodes = (): string[] => [...world.node.nodes].sort();

  beforeEach(async function () {
    world = await foundedChain();
    state = FIRST_STATE;
    told = [];
  });

  afterEach(async function () {
    await closeChain(world);
  });

  describe("whom the chain lets in", function () {
    it("lets in the founders' nodes, accounts and recovery addresses, and who holds a role", async function () {
      await pass();
      expect(nodes()).to.deep.equal(FOUNDING_NODES);
      expect(accounts()).to.deep.equal(FOUNDING_ACCOUNTS);
      expect(told).to.have.length(FOUNDING_NODES.length + FOUNDING_ACCOUNTS.length);
    });

    it("lets an agent in as long as it may act", async function () {
      await settle();
      const agent = await bindAgent(world, 2, "agent");
      await pass();
      expect(accounts()).to.include(agent);

      await world.federation.registry.connect(await world.asCloud(2)).revokeAgent(2, agent);
      await pass();
      await pass({}, NODES, GRACE);
      expect(accounts()).to.deep.equal(FOUNDING_ACCOUNTS);
    });

    it("lets an agent out that has expired, or that was voided with all others, without an event of its own", async function () {
      const expiring = await bindAgent(world, 1, "expiring");
      const voided = await bindAgent(world, 2, "voided");
      await settle();
      await world.federation.registry.connect(await world.asCloud(2)).revokeAllAgents(2);
      await world.connection.networkHelpers.time.increase(3_601);
      const { difference } = await pass();
      expect([...difference.waiting].sort()).to.deep.equal([expiring, voided].sort());
    });

    it("lets in the account that took office, and lets the former one go", async function () {
      await settle();
      const next = founderKey("next");
      const { registry, registryDomain } = world.federation;
      const validUntil = BigInt(await world.now()) + 3_600_000n;
      const document = { cloud: 3, key: next.address, role: 1, validUntil };
      const signature = await signDocument(next, registryDomain, "KeyAcceptance", document);
      const rescuer = await world.connection.ethers.getImpersonatedSigner(recovery(3));
      await registry.connect(rescuer).recoverAccount(3, next.address, { validUntil, signature });

      const { difference } = await pass();
      expect(accounts()).to.include.members([next.address, recovery(3)]);
      expect(difference.waiting).to.deep.equal([account(3)]);
    });

    it("lets a suspended cloud keep everything: its exits work, its node seals (INV-EXIT)", async function () {
      const agent = await bindAgent(world, 2, "agent");
      await settle();
      await world.federation.registry.connect(world.guardian).suspend(2);
      const { difference } = await pass();
      expect(difference.unwanted).to.deep.equal({});
      expect(accounts()).to.include.members([account(2), recovery(2), agent]);
    });

    it("never cuts off a validator as a peer, and lets an expelled cloud's node go with its seat", async function () {
      await settle();
      await world.federation.registry.connect(world.governance).expel(4);
      const before = await pass();
      expect(before.difference.waiting).to.not.include(enode(4));

      await world.federation.validators.connect(world.guardian).pruneValidator(4);
      const after = await pass();
      expect(after.difference.waiting).to.include(enode(4));
    });

    it("lets an expelled cloud in as long as it has a VM (INV-EXIT)", async function () {
      const vm = await registerVm(world, 4, "vm-1");
      await settle();
      await world.federation.registry.connect(world.governance).expel(4);
      expect((await pass()).difference.waiting).to.deep.equal([]);

      await world.federation.ledger.connect(await world.asCloud(4)).terminate(vm);
      expect((await pass()).difference.waiting).to.have.members([account(4), recovery(4)]);
    });

    it("lets an expelled cloud in as long as it owes another one or is owed (INV-EXIT)", async function () {
      const agent = await bindAgent(world, 4, "bookkeeper");
      const { federation } = world;
      const note = {
        ...{ refersTo: ZeroHash, creditor: 2, debtor: 4, currency: "EUR", amount: 70n },
        ...{ vm: ZeroHash, sequence: 0, through: 0n, reason: 0, salt: id("salt") },
        validUntil: BigInt(await world.now()) + 600_000n,
      };
      const keys = [2, 4].map((cloud) => founderKey(`cloud-${cloud}/account`));
      const signatures = await Promise.all(
        keys.map((key) => signDocument(key, federation.chargingDomain, "Note", note)),
      );
      await postNotes(asSender(federation, await world.asCloud(1)), [note], signatures);
      await settle();
      await world.federation.registry.connect(world.governance).expel(4);
      await world.federation.validators.connect(world.guardian).pruneValidator(4);
      expect((await pass()).difference.waiting).to.deep.equal([enode(4)]);
      const creditor = asSender(federation, await world.asCloud(2));
      const payment = { creditor: 2, debtor: 4, currency: "EUR", amount: 69n, reference: id("most of it") };
      await acknowledge(creditor, payment);
      expect((await pass()).difference.waiting).to.deep.equal([enode(4)]);

      await acknowledge(creditor, { ...payment, amount: 1n, reference: id("the rest") });
      expect((await pass()).difference.waiting).to.have.members([enode(4), account(4), recovery(4), agent]);

      // Paid too much, it is owed: it comes back.
      await acknowledge(creditor, { ...payment, amount: 5n, reference: id("too much") });
      expect((await pass()).difference.waiting).to.deep.equal([enode(4)]);
    });

    it("asks the chain whether who is named does hold a role", async function () {
      await settle();
      expect(accounts()).to.not.include(founderKey("nobody").address);
      await world.federation.authority.connect(world.governance).grantRole(2, founderKey("nobody").address, 0);
      await world.federation.authority.connect(world.governance).revokeRole(2, founderKey("guardian").address);
      const { difference } = await pass();
      expect(accounts()).to.include(founderKey("nobody").address);
      expect(difference.waiting).to.deep.equal([founderKey("guardian").address]);
    });

    it("lets no node in of a cloud that is no member, and tells of a validator whose place it does not know", async function () {
      const joining = foreignEnode("joining");
      await pass({}, { ...NODES, nodes: [...NODES.nodes.slice(0, 3), { cloud: 5, enode: joining }] });
      expect(nodes()).to.deep.equal(FOUNDING_NODES.filter((url) => url !== enode(4)));
      expect(told.filter((line) => line.startsWith("!"))).to.deep.equal([
        `! validator ${founderKey("cloud-4/node").address} is in no line of the file of nodes`,
      ]);
    });
  });

  describe("what is sent", function () {
    it("is nothing when nothing differs: perm_* is not idempotent", async function () {
      await settle();
      const { difference } = await pass();
      expect(world.node.writes).to.deep.equal([]);
      expect(told).to.deep.equal([]);
      expect(difference.unwanted).to.deep.equal({});
    });

    it("is only what is missing, however it is written on the list", async function () {
      world.node.accounts = [account(1).toLowerCase()];
      world.node.nodes = [`${enode(1).replace(/(?<=:\/\/)[0-9a-f]+/, (key) => key.toUpperCase())}?discport=0`];
      await pass();
      expect(world.node.writes.map(({ entries }) => entries.length)).to.deep.equal([3, FOUNDING_ACCOUNTS.length - 1]);
      expect(accounts()).to.deep.equal(FOUNDING_ACCOUNTS);
    });

    it("is shown before it is sent", async function () {
      const { rpc } = world.node;
      const order: string[] = [];
      const watched = {
        url: "",
        send<T>(method: string, ...params: readonly unknown[]): Promise<T> {
          if (/^perm_(add|remove)/.test(method)) order.push("write");
          return rpc.send<T>(method, ...params);
        },
      };
      const options = { ...MIRROR_DEFAULTS, headAgeMs: Number.MAX_SAFE_INTEGER };
      await mirrorOnce(watched, world.book, NODES, state, options, () => order.push("shown"), await world.now());
      expect(order.lastIndexOf("shown")).to.be.lessThan(order.indexOf("write"));
      expect(order.filter((what) => what === "write")).to.have.length(2);
    });

    it("is nothing in a dry run, which shows the same", async function () {
      world.node.accounts = [founderKey("stranger").address];
      await pass({ isDryRun: true });
      expect(world.node.writes).to.deep.equal([]);
      expect(told)
        .to.include(`+ account ${account(1)}`)
        .and.to.include(`+ node ${enode(1)}`);
    });

    it("goes to the list that the node keeps, if it keeps one only", async function () {
      world.node = permissionedNode(world.connection, { keepsNodes: false });
      await pass();
      expect(accounts()).to.deep.equal(FOUNDING_ACCOUNTS);
      expect(world.node.writes.map(({ method }) => method)).to.deep.equal(["perm_addAccountsToAllowlist"]);
    });
  });

  describe("removals", function () {
    const stranger = founderKey("stranger").address;

    it("wait for the grace period, counted from when the entry was first not wanted", async function () {
      world.node.accounts = [stranger];
      await pass();
      await pass({}, NODES, GRACE - 1);
      expect(accounts()).to.include(stranger);
      await pass({}, NODES, GRACE);
      expect(accounts()).to.not.include(stranger);
      expect(world.node.writes.at(-1)).to.deep.equal({
        method: "perm_removeAccountsFromAllowlist",
        entries: [stranger],
      });
    });

    it("begin to wait anew when the entry was wanted in between", async function () {
      const agent = await bindAgent(world, 1, "agent");
      await settle();
      const { registry } = world.federation;
      await registry.connect(await world.asCloud(1)).revokeAgent(1, agent);
      await pass();
      await bindAgentAgain(agent);
      await pass();
      await registry.connect(await world.asCloud(1)).revokeAgent(1, agent);
      await pass({}, NODES, GRACE);
      expect(accounts()).to.include(agent);
    });

    const bindAgentAgain = async (agent: string): Promise<void> => {
      await world.connection.networkHelpers.time.increase(1);
      expect(await bindAgent(world, 1, "agent")).to.equal(agent);
    };

    it("come after additions, and a few at once", async function () {
      world.node.accounts = ["a", "b", "c"].map((name) => founderKey(`stranger ${name}`).address);
      world.node.nodes = [foreignEnode("stranger")];
      await pass({ graceMs: 0, removalsAtOnce: 2 });
      expect(world.node.writes.map(({ method }) => method)).to.deep.equal([
        "perm_addNodesToAllowlist",
        "perm_addAccountsToAllowlist",
        "perm_removeAccountsFromAllowlist",
        "perm_removeNodesFromAllowlist",
      ]);
      expect(accounts()).to.have.length(FOUNDING_ACCOUNTS.length + 2);
      await pass({ graceMs: 0, removalsAtOnce: 2 });
      expect(accounts()).to.deep.equal(FOUNDING_ACCOUNTS);
      expect(nodes()).to.deep.equal(FOUNDING_NODES);
    });

    it("leave a static node, tell the operator, and go on with the others", async function () {
      const [fixed, other] = [foreignEnode("fixed", "198.51.100.1"), foreignEnode("other", "198.51.100.2")];
      world.node = permissionedNode(world.connection, { staticNodes: [fixed] });
      world.node.nodes = [fixed, other];
      const { fixedNodes } = await pass({ graceMs: 0 });
      expect(fixedNodes).to.deep.equal([fixed]);
      expect(nodes()).to.deep.equal([...FOUNDING_NODES, fixed].sort());
      expect(told.at(-1)).to.include("take it out of static-nodes.json and restart");
    });

    it("take the old place of a validator that is elsewhere now, and only then", async function () {
      const old = enode(2).replace("192.0.2.2", "203.0.113.2");
      world.node.nodes = [old];
      await pass({ graceMs: 0 });
      expect(nodes()).to.deep.equal(FOUNDING_NODES);

      world.node.nodes = [old];
      const unknown = { ...NODES, nodes: NODES.nodes.filter(({ cloud }) => cloud !== 2) };
      await pass({ graceMs: 0 }, unknown);
      expect(nodes()).to.include(old);
    });
  });

  describe("stays as it is", function () {
    const refuses = async (code: string, changes: Partial<MirrorOptions> = {}): Promise<void> => {
      world.node.accounts = [account(1), founderKey("stranger").address];
      const before = accounts();
      const thrown: unknown = await pass({ graceMs: 0, ...changes }).catch((reason: unknown) => reason);
      expect(thrown).to.be.instanceOf(Error).and.to.include({ code });
      expect(accounts()).to.deep.equal(before);
      expect(world.node.writes).to.deep.equal([]);
    };

    it("when the node serves another chain, or one with another block 0", async function () {
      world.node.answers.set("eth_chainId", "0x1");
      await refuses("UNKNOWN_CHAIN");
      world.node.answers.delete("eth_chainId");
      world.book = { ...world.book, genesisHash: `0x${"00".repeat(32)}` };
      await refuses("WRONG_GENESIS");
    });

    it("when the node is catching up, or its newest block is old", async function () {
      world.node.answers.set("eth_syncing", { currentBlock: "0x1", highestBlock: "0x100" });
      await refuses("STALE_HEAD");
      world.node.answers.set("eth_syncing", false);
      await refuses("STALE_HEAD", { headAgeMs: -1 });
    });

    it("when the contracts do not answer, or name no validator", async function () {
      world.node.answers.set("eth_call", "0x");
      await refuses("BAD_ANSWER");
      world.node.answers.set("eth_call", `0x${"20".padStart(64, "0")}${"".padStart(64, "0")}`);
      await refuses("BAD_ANSWER");
    });

    it("when the node cannot be reached, or refuses a question", async function () {
      world.node.answers.set("eth_getLogs", new BusError("UNREACHABLE", "no node answers"));
      await refuses("UNREACHABLE");
      world.node.answers.set("eth_getLogs", new RpcError(-32005, "limit exceeded"));
      const thrown: unknown = await pass().catch((reason: unknown) => reason);
      expect(thrown).to.include({ name: "RpcError", code: -32005 });
      expect(world.node.writes).to.deep.equal([]);
    });

    it("when the node keeps no list", async function () {
      world.node = permissionedNode(world.connection, { keepsNodes: false, keepsAccounts: false });
      await refuses("BAD_ANSWER");
      world.node.answers.set("perm_getNodesAllowlist", new RpcError(-32604, "Method not enabled"));
      await refuses("BAD_ANSWER");
    });
  });
});
