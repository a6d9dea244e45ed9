import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { type Wallet, Transaction } from "ethers";
import { network } from "hardhat";

import {
  AgentScope,
  type Move,
  VmState,
  asSender,
  connectFederation,
  freshSalt,
  providerExchange,
  publicMove,
  stop,
  vmIdOf,
  vmOf,
} from "../../../src/index.js";
import type { RpcProvider } from "../../../src/chain/federation.js";
import { type Gateway, type GatewayOptions, openGateway } from "../../../src/gateway/gateway.js";
import { sendingBy } from "../../../scripts/sendingBy.js";
import {
  type GatewayFederation,
  OPTIONS,
  ask,
  bindAgent,
  gatewayFederation,
  gatewayOf,
  seededKey,
  toJson,
  tokenOf,
} from "../../fixtures/gateway.js";
import { SMALL, agreementFor, newVm, signaturesOf } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

interface Scene {
  readonly found: GatewayFederation;
  readonly gateway: Gateway;
  readonly token: string;
}

/** Runs with the gateway of cloud 1, and the token of that cloud's agent. */
async function withGateway(use: (scene: Scene) => Promise<void>, options: Partial<GatewayOptions> = {}): Promise<void> {
  const found = await networkHelpers.loadFixture(gatewayFederation);
  const gateway = await gatewayOf(found, 1, options);
  try {
    await use({ found, gateway, token: await tokenOf(gateway, found.agents[0]) });
  } finally {
    await gateway.close();
  }
}

/** Asks for an action. */
function act(gateway: Gateway, token: string, action: string, body: unknown, key: string) {
  return ask(gateway, `/v1/actions/${action}`, { token, body, headers: { "idempotency-key": key } });
}

/** A move of a VM of cloud 1 to cloud 2, with its signatures. */
async function signedMove(found: GatewayFederation, vm: string): Promise<{ document: Move; signatures: string[] }> {
  const [one, two] = found.members;
  const agreement = await agreementFor(found, { home: one, source: one, destination: two }, [vm]);
  const document = { agreement, startBy: agreement.agreeBy, completeBy: agreement.agreeBy + 60_000n };
  return { document, signatures: await signaturesOf(found, "Move", document, one, two) };
}

const stateOf = async ({ federation }: GatewayFederation, vm: string) => (await vmOf(federation, vm)).state;

describe("actions over REST", function () {
  it("register, with its events, integers of more than 32 bits as strings", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const localId = freshSalt();
      const body = { home: 1, localId, resources: SMALL };
      const { status, json } = await act(gateway, token, "register", body, "1");

      expect(status, toJson(json)).to.equal(200);
      const vm = await vmIdOf(found.federation, 1, localId);
      expect(await stateOf(found, vm)).to.equal(VmState.Home);
      const [registered, began] = json.events as readonly { readonly args: { readonly [name: string]: unknown } }[];
      expect(registered).to.deep.equal({
        contract: "MigrationLedger",
        name: "VmRegistered",
        args: { vm, home: 1, localId },
      });
      expect(began?.args).to.deep.include({ vm, sequence: 1, host: 1, previousEndedAt: "0" });
      expect(json.gasUsed).to.match(/^[0-9]+$/);
    });
  });

  it("agree takes a document whole or in its public form, from any cloud", async function () {
    await withGateway(async ({ found, gateway }) => {
      const token = await tokenOf(gateway, found.agents[3]);
      for (const [vm, form] of [
        [found.vms.atHome, (move: Move): unknown => move],
        [found.vms.restored, publicMove],
      ] as const) {
        const { document, signatures } = await signedMove(found, vm);
        const { status, json } = await act(gateway, token, "agree", { document: form(document), signatures }, vm);
        expect(status, toJson(json)).to.equal(200);
        expect(await stateOf(found, vm)).to.equal(VmState.Agreed);
      }
    });
  });

  it("a contract's refusal is a problem document with its error's name and arguments", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const answer = await act(gateway, token, "stop", { vm: found.vms.started }, "1");
      expect(answer.status).to.equal(422);
      expect(answer.headers["content-type"]).to.match(/^application\/problem\+json/);
      expect(answer.json).to.deep.equal({
        type: "urn:blockchainbus:error:MigrationLedger_WrongState",
        title: "The contract refused",
        status: 422,
        detail: `MigrationLedger_WrongState(vm: ${found.vms.started}, found: ${VmState.Started})`,
        error: "MigrationLedger_WrongState",
        args: { vm: found.vms.started, found: String(VmState.Started) },
      });
    });
  });

  it("bad input is told with its place, and nothing is sent", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const before = await found.federation.provider.getTransactionCount(found.agents[0].address);
      const good = { home: 1, localId: freshSalt(), resources: SMALL };
      for (const [body, pointer] of [
        [{ ...good, home: "1" }, "/body/home"],
        [{ ...good, localId: "0x12" }, "/body/localId"],
        [{ ...good, resources: { ...SMALL, gpus: 2 ** 32 } }, "/body/resources/gpus"],
        [{ ...good, extra: 1 }, "/body/extra"],
        [{ home: 1, localId: freshSalt() }, "/body/resources"],
        [[], "/body"],
      ] as const) {
        const { status, json } = await act(gateway, token, "register", body, "1");
        expect([status, (json.faults as readonly { pointer: string }[])[0]?.pointer]).to.deep.equal([400, pointer]);
      }
      const late = await act(gateway, token, "giveNotice", { vms: [found.vms.lost], until: String(2n ** 64n) }, "1");
      expect([late.status, late.json.detail]).to.deep.equal([400, '/body/until must match format "uint64"']);
      const none = await ask(gateway, "/v1/actions/register", { token, body: good });
      expect([none.status, none.json.detail]).to.deep.equal([400, "/headers/idempotency-key is missing"]);
      expect((await act(gateway, token, "register", "{", "1")).status).to.equal(400);
      const plain = await gateway.server.inject({
        method: "POST",
        url: "/v1/actions/register",
        headers: { authorization: `Bearer ${token}`, "content-type": "text/plain", "idempotency-key": "1" },
        payload: toJson(good),
      });
      expect(plain.statusCode).to.equal(415);
      expect((await act(gateway, token, "register", `"${"x".repeat(300_000)}"`, "1")).status).to.equal(413);
      expect(await found.federation.provider.getTransactionCount(found.agents[0].address)).to.equal(before);
    });
  });

  describe("what the gateway's key may is not what every caller may", function () {
    const forbidden = async (
      gateway: Gateway,
      key: Wallet,
      action: string,
      body: unknown,
      detail: RegExp,
    ): Promise<void> => {
      const { status, json } = await act(gateway, await tokenOf(gateway, key), action, body, "1");
      expect([status, json.type]).to.deep.equal([403, "urn:blockchainbus:problem:forbidden"]);
      expect(json.detail).to.match(detail);
    };

    it("what the sender decides only its own cloud asks for", async function () {
      await withGateway(async ({ found, gateway }) => {
        await forbidden(gateway, found.agents[1], "stop", { vm: found.vms.noticed }, /speaks for cloud 2/);
        expect(await stateOf(found, found.vms.noticed)).to.equal(VmState.Abroad);
      });
    });

    it("a token that other gateways accept moves nothing: one of them might have brought it", async function () {
      await withGateway(async ({ found, gateway }) => {
        const token = await tokenOf(gateway, found.agents[0], "federation");
        const { status, json } = await act(gateway, token, "stop", { vm: found.vms.noticed }, "1");
        expect([status, json.detail]).to.deep.equal([
          403,
          "stop needs a token for this gateway only, not for the federation",
        ]);
        const brought = await act(gateway, token, "agree", await signedMove(found, found.vms.atHome), "2");
        expect(brought.status).to.equal(200);
      });
    });

    it("an agent does not get the scopes of the gateway's key, nor its account", async function () {
      await withGateway(async ({ found, gateway }) => {
        await forbidden(gateway, found.relay, "stop", { vm: found.vms.noticed }, /needs the scopes 4/);
        await forbidden(gateway, found.agents[0], "leave", { cloud: 1 }, /needs the scopes 0/);
      });
    });

    it("an agent that is limited to partners does not get the others", async function () {
      await withGateway(async ({ found, gateway }) => {
        await forbidden(gateway, found.limited, "stop", { vm: found.vms.noticed }, /limited to some partners/);
      });
    });

    it("who may not relay does not bring documents", async function () {
      await withGateway(async ({ found, gateway }) => {
        const host = await bindAgent(found, found.members[2], seededKey("host agent of 3"), AgentScope.HOST);
        await gateway.context.index.sync();
        await forbidden(gateway, host, "expire", { document: publicMove(found.started) }, /has not the scope RELAY/);
      });
    });

    it("the account of the gateway's cloud may ask for all; the chain judges the key that sends", async function () {
      await withGateway(async ({ found, gateway }) => {
        const token = await tokenOf(gateway, found.members[0].account);
        const stopped = await act(gateway, token, "stop", { vm: found.vms.noticed }, "1");
        expect(stopped.status).to.equal(200);
        const left = await act(gateway, token, "leave", { cloud: 1 }, "2");
        expect([left.status, left.json.error]).to.deep.equal([422, "CloudRegistry_NotAuthorized"]);
      });
    });
  });
});

describe("idempotency keys", function () {
  it("the same request is done once, and answered alike; the order of fields does not count", async function () {
    await withGateway(async ({ gateway, token, found }) => {
      const body = { home: 1, localId: freshSalt(), resources: SMALL };
      const first = await act(gateway, token, "register", body, "a");
      const { resources, localId, home } = body;
      const again = await act(gateway, token, "register", { resources, localId, home }, "a");

      expect([first.status, again.status]).to.deep.equal([200, 200]);
      expect(again.json).to.deep.equal(first.json);
      expect([first.headers["idempotency-replayed"], again.headers["idempotency-replayed"]]).to.deep.equal([
        "false",
        "true",
      ]);
      const other = await act(gateway, await tokenOf(gateway, found.members[0].account), "register", body, "b");
      expect([other.status, other.json.error]).to.deep.equal([422, "MigrationLedger_AlreadyRegistered"]);
    });
  });

  it("another body, or another action, under the same key is refused", async function () {
    await withGateway(async ({ gateway, token, found }) => {
      const body = { home: 1, localId: freshSalt(), resources: SMALL };
      await act(gateway, token, "register", body, "a");
      for (const [action, other] of [
        ["register", { ...body, localId: freshSalt() }],
        ["stop", { vm: found.vms.noticed }],
      ] as const) {
        const { status, json } = await act(gateway, token, action, other, "a");
        expect([status, json.type]).to.deep.equal([422, "urn:blockchainbus:problem:key-reused"]);
      }
    });
  });

  it("callers of different clouds do not share their keys", async function () {
    await withGateway(async ({ gateway, token, found }) => {
      const [mine, theirs] = [await signedMove(found, found.vms.atHome), await signedMove(found, found.vms.restored)];
      const other = await tokenOf(gateway, found.agents[1]);
      expect((await act(gateway, token, "agree", mine, "a")).status).to.equal(200);
      expect((await act(gateway, other, "agree", theirs, "a")).status).to.equal(200);
    });
  });

  it("a refusal before anything was sent is forgotten: the same key may try again", async function () {
    await withGateway(async ({ gateway, token, found }) => {
      const vm = await newVm(found, found.members[0]);
      expect((await act(gateway, token, "stop", { vm }, "a")).status).to.equal(422);
      expect((await act(gateway, token, "terminate", { vm }, "a")).status).to.equal(403);
      expect((await act(gateway, token, "stop", { vm: found.vms.noticed }, "a")).status).to.equal(200);
    });
  });

  it("a second request while the first is under way is told so; its answer comes later", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const provider = interposed(found.federation.provider, async (method, params, send) => {
      if (method === "eth_sendRawTransaction") await held;
      return send(method, params);
    });
    const gateway = await gatewayOf({ ...found, federation: connectFederation(provider, found.addressBook) }, 1);
    try {
      const token = await tokenOf(gateway, found.agents[0]);
      const first = act(gateway, token, "stop", { vm: found.vms.noticed }, "a");
      while (gateway.context.submissions.pending === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const second = await act(gateway, token, "stop", { vm: found.vms.noticed }, "a");
      expect([second.status, second.json.type]).to.deep.equal([409, "urn:blockchainbus:problem:in-progress"]);
      release();
      expect((await first).status).to.equal(200);
      expect((await act(gateway, token, "stop", { vm: found.vms.noticed }, "a")).json).to.deep.equal(
        (await first).json,
      );
    } finally {
      await gateway.close();
    }
  });
});

type Interposer = (method: string, params: unknown[], send: RpcProvider["send"]) => Promise<unknown>;

/** A provider between which and its node something stands. */
function interposed(provider: RpcProvider, interpose: Interposer): RpcProvider {
  const send: RpcProvider["send"] = (method, params) => provider.send(method, params);
  return sendingBy(provider, (method, params) => interpose(method, params, send));
}

describe("idempotency keys, when the gateway dies", function () {
  let folder: string;

  beforeEach(async function () {
    folder = await mkdtemp(join(tmpdir(), "gateway-"));
  });

  afterEach(async function () {
    await rm(folder, { recursive: true });
  });

  /** Runs with a gateway that remembers in `folder`, over a node with something in between. */
  async function withLife<T>(
    found: GatewayFederation,
    interpose: Interposer,
    use: (gateway: Gateway, token: string) => Promise<T>,
  ): Promise<T> {
    const provider = interposed(found.federation.provider, interpose);
    const federation = connectFederation(provider, found.addressBook);
    const gateway = await openGateway(federation, found.agents[0], {
      ...OPTIONS,
      uri: "https://cloud-1.example",
      cloud: 1,
      data: folder,
      receiptMs: 1_000,
    });
    try {
      await gateway.context.index.sync();
      return await use(gateway, await tokenOf(gateway, found.agents[0]));
    } finally {
      await gateway.close();
    }
  }

  const pass: Interposer = (method, params, send) => send(method, params);
  const lost = () => Promise.reject(new Error("socket hang up"));
  const countOf = (found: GatewayFederation) => found.federation.provider.getTransactionCount(found.agents[0].address);

  it("an answer is given again after a restart", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const body = { vm: found.vms.noticed };
    const first = await withLife(found, pass, (gateway, token) => act(gateway, token, "stop", body, "a"));
    const count = await countOf(found);
    const again = await withLife(found, pass, (gateway, token) => act(gateway, token, "stop", body, "a"));
    expect([first.status, again.status]).to.deep.equal([200, 200]);
    expect(again.json).to.deep.equal(first.json);
    expect(await countOf(found)).to.equal(count);
  });

  it("what was mined without the gateway seeing it is found, and not sent again", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const body = { vm: found.vms.noticed };
    let isDead = false;
    const deaf: Interposer = async (method, params, send) => {
      if (isDead) return lost();
      const answer = await send(method, params);
      if (method !== "eth_sendRawTransaction") return answer;
      isDead = true;
      return lost();
    };
    const first = await withLife(found, deaf, (gateway, token) => act(gateway, token, "stop", body, "a"));
    expect([first.status, first.json.type]).to.deep.equal([504, "urn:blockchainbus:problem:timeout"]);
    expect(await stateOf(found, found.vms.noticed)).to.equal(VmState.Stopped);
    const count = await countOf(found);

    const again = await withLife(found, pass, (gateway, token) => act(gateway, token, "stop", body, "a"));

    expect([again.status, again.json.transaction]).to.deep.equal([200, first.json.transaction]);
    expect(await countOf(found)).to.equal(count);
  });

  it("a lost answer alone is not noticed by who asked", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const deaf: Interposer = async (method, params, send) => {
      const answer = await send(method, params);
      return method === "eth_sendRawTransaction" ? lost() : answer;
    };
    const body = { vm: found.vms.noticed };
    const count = await countOf(found);
    const { status } = await withLife(found, deaf, (gateway, token) => act(gateway, token, "stop", body, "a"));
    expect(status).to.equal(200);
    expect(await countOf(found)).to.equal(count + 1);
  });

  it("another node is asked when the first one dies between sending and receipt", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const node = providerExchange(found.federation.provider);
    let isDead = false;
    const dying = async (request: string): Promise<string> => {
      if (isDead) return lost();
      const answer = await node(request);
      isDead = request.includes("eth_sendRawTransaction");
      return answer;
    };
    const nodes = [
      { name: "dies", exchange: dying },
      { name: "lives", exchange: node },
    ];
    const gateway = await gatewayOf(found, 1, { nodes });
    try {
      const token = await tokenOf(gateway, found.agents[0]);
      const { status } = await act(gateway, token, "stop", { vm: found.vms.noticed }, "a");
      expect([status, isDead]).to.deep.equal([200, true]);
      expect(await stateOf(found, found.vms.noticed)).to.equal(VmState.Stopped);
    } finally {
      await gateway.close();
    }
  });

  it("what no node takes is told as such, and the same key may try again", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const body = { vm: found.vms.noticed };
    let isRefused = true;
    const strict: Interposer = (method, params, send) =>
      method === "eth_sendRawTransaction" && isRefused
        ? Promise.reject(new Error("Sender account not authorized to send transactions"))
        : send(method, params);
    await withLife(found, strict, async (gateway, token) => {
      const first = await act(gateway, token, "stop", body, "a");
      expect([first.status, first.json.detail]).to.deep.equal([
        502,
        "Sender account not authorized to send transactions",
      ]);
      isRefused = false;
      expect((await act(gateway, token, "stop", body, "a")).status).to.equal(200);
    });
  });

  it("what never reached the node is sent, the very transaction", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const body = { vm: found.vms.noticed };
    const mute: Interposer = (method, params, send) =>
      method === "eth_sendRawTransaction" ? lost() : send(method, params);
    const first = await withLife(found, mute, (gateway, token) => act(gateway, token, "stop", body, "a"));
    expect(first.status).to.equal(504);
    expect(await stateOf(found, found.vms.noticed)).to.equal(VmState.Abroad);

    const again = await withLife(found, pass, (gateway, token) => act(gateway, token, "stop", body, "a"));

    expect([again.status, again.json.transaction]).to.deep.equal([200, first.json.transaction]);
    expect(await stateOf(found, found.vms.noticed)).to.equal(VmState.Stopped);
  });

  it("when another transaction has used its nonce, it is made anew", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const body = { vm: found.vms.noticed };
    let raw = "";
    const mute: Interposer = (method, params, send) => {
      if (method !== "eth_sendRawTransaction") return send(method, params);
      raw = String(params[0]);
      return lost();
    };
    await withLife(found, mute, (gateway, token) => act(gateway, token, "stop", body, "a"));
    const { nonce } = Transaction.from(raw);
    const other = found.agents[0].connect(found.federation.provider);
    await other.sendTransaction({ to: other.address, nonce, gasPrice: 0n, type: 0, gasLimit: 21_000n });

    const again = await withLife(found, pass, (gateway, token) => act(gateway, token, "stop", body, "a"));

    expect(again.status, toJson(again.json)).to.equal(200);
    expect(again.json.transaction).to.not.equal(Transaction.from(raw).hash);
    expect(await stateOf(found, found.vms.noticed)).to.equal(VmState.Stopped);
  });

  it("a refusal that was mined is the answer from then on", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const body = { vm: found.vms.noticed };
    const mute: Interposer = (method, params, send) =>
      method === "eth_sendRawTransaction" ? lost() : send(method, params);
    await withLife(found, mute, (gateway, token) => act(gateway, token, "stop", body, "a"));
    // In the meantime the VM is stopped by other means: the transaction that waits will fail.
    await stop(asSender(found.federation, found.members[0].account), found.vms.noticed);

    for (const isReplayed of ["false", "true"]) {
      const again = await withLife(found, pass, (gateway, token) => act(gateway, token, "stop", body, "a"));
      expect([again.status, again.json.error]).to.deep.equal([422, "MigrationLedger_WrongState"]);
      expect(again.json.transaction).to.match(/^0x/);
      expect(again.headers["idempotency-replayed"]).to.equal(isReplayed);
    }
  });
});
