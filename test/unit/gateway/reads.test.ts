import { get } from "node:http";

import { expect } from "chai";
import { network } from "hardhat";

import { VmState, asSender, suspend, vmOf } from "../../../src/index.js";
import type { Gateway, GatewayOptions } from "../../../src/gateway/gateway.js";
import { type GatewayFederation, ask, gatewayFederation, gatewayOf, toJson, tokenOf } from "../../fixtures/gateway.js";
import { SMALL, newVm } from "../../fixtures/library.js";

const connection = await network.create();
const { networkHelpers } = connection;

interface Scene {
  readonly found: GatewayFederation;
  readonly gateway: Gateway;
  readonly token: string;
}

async function withGateway(use: (scene: Scene) => Promise<void>, options: Partial<GatewayOptions> = {}): Promise<void> {
  const found = await networkHelpers.loadFixture(gatewayFederation);
  const gateway = await gatewayOf(found, 1, options);
  try {
    await use({ found, gateway, token: await tokenOf(gateway, found.agents[1]) });
  } finally {
    await gateway.close();
  }
}

interface Item {
  readonly [name: string]: unknown;
}

describe("reads out of the index", function () {
  it("VMs by host, with where they are known from", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const { status, json } = await ask(gateway, "/v1/vms?host=2&state=Abroad", { token });
      expect(status).to.equal(200);
      const vms = (json.items as readonly Item[]).map(({ vm }) => vm);
      expect(vms).to.have.members([found.vms.lost, found.vms.noticed]);
      expect(json.asOf).to.deep.include({ block: gateway.context.index.state.block });
    });
  });

  it("pages by cursor", async function () {
    await withGateway(async ({ gateway, token }) => {
      const whole = (await ask(gateway, "/v1/vms", { token })).json.items as readonly Item[];
      const paged: Item[] = [];
      let next: unknown = "";
      while (typeof next === "string") {
        const cursor = next === "" ? "" : `&cursor=${next}`;
        const { json } = await ask(gateway, `/v1/vms?limit=3${cursor}`, { token });
        paged.push(...(json.items as readonly Item[]));
        next = json.next;
      }
      expect(paged).to.deep.equal(whole);
      expect((await ask(gateway, "/v1/vms?cursor=nonsense", { token })).status).to.equal(400);
      expect((await ask(gateway, "/v1/vms?limit=501", { token })).status).to.equal(400);
      expect((await ask(gateway, "/v1/vms?hosts=1", { token })).status).to.equal(400);
    });
  });

  it("one VM, one agreement; 404 for what no event tells of", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const vm = await ask(gateway, `/v1/vms/${found.vms.started}`, { token });
      expect((vm.json.item as Item).state).to.equal("Started");
      const { number } = { number: (vm.json.item as Item).move };
      const agreement = await ask(gateway, `/v1/agreements/${String(number)}`, { token });
      expect((agreement.json.item as Item).vms).to.deep.equal([found.vms.started]);
      const byId = await ask(gateway, `/v1/agreements/${String((agreement.json.item as Item).agreement)}`, { token });
      expect(byId.json.item).to.deep.equal(agreement.json.item);
      for (const path of [`/v1/vms/0x${"12".repeat(32)}`, "/v1/agreements/4294967295"]) {
        const { status, json } = await ask(gateway, path, { token });
        expect([status, json.type]).to.deep.equal([404, "urn:blockchainbus:problem:not-found"]);
      }
    });
  });

  it("waits for a block that was written, and says so when it does not come", async function () {
    await withGateway(
      async ({ found, gateway, token }) => {
        const vm = await newVm(found, found.members[0]);
        const block = await found.federation.provider.getBlockNumber();
        expect((await ask(gateway, `/v1/vms/${vm}?minBlock=${block}`, { token })).status).to.equal(200);
        const never = await ask(gateway, `/v1/vms?minBlock=${block + 1_000}`, { token });
        expect([never.status, never.json.type]).to.deep.equal([412, "urn:blockchainbus:problem:not-yet"]);
      },
      { catchUpMs: 300 },
    );
  });
});

describe("questions over REST", function () {
  it("say what the library says", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const vm = found.vms.noticed;
      const { status, json } = await ask(gateway, "/v1/questions/vmOf", { token, body: { vm } });
      expect(status).to.equal(200);
      expect(json).to.deep.equal(JSON.parse(toJson(await vmOf(found.federation, vm))));
      const host = await ask(gateway, "/v1/questions/hostAt", { token, body: { vm, time: "0" } });
      expect(host.json).to.deep.equal({ host: 0 });
    });
  });

  it("canHost: the refusal with its numbers, or null", async function () {
    await withGateway(async ({ gateway, token }) => {
      const demand = (resources: object) => ({ cloud: 2, site: 1, demands: [{ resources, features: "0" }] });
      const fits = await ask(gateway, "/v1/questions/canHost", { token, body: demand(SMALL) });
      expect(fits.json).to.deep.equal({ refusal: null });
      const body = demand({ ...SMALL, gpus: 1 });
      const { json } = await ask(gateway, "/v1/questions/canHost", { token, body });
      expect(json.refusal).to.deep.equal({
        error: "CapacityExchange_VmTooBig",
        args: { cloud: "2", site: "1", index: "0", lane: "5", asked: "1", biggest: "0" },
      });
    });
  });

  it("an unknown VM is not found, by the contract's error", async function () {
    await withGateway(async ({ gateway, token }) => {
      const vm = `0x${"12".repeat(32)}`;
      const { status, json } = await ask(gateway, "/v1/questions/vmOf", { token, body: { vm } });
      expect([status, json.error, json.args]).to.deep.equal([404, "MigrationLedger_UnknownVm", { vm }]);
      const future = { vm, time: String(2n ** 63n) };
      expect((await ask(gateway, "/v1/questions/hostAt", { token, body: future })).status).to.be.oneOf([404, 422]);
    });
  });
});

interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string | undefined;
}

function parseEvents(text: string): ServerEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block.includes("data: "))
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      return { id: field("id"), event: field("event"), data: field("data") };
    });
}

describe("server-sent events", function () {
  const backlog = async (gateway: Gateway, token: string, query: string, headers: { [name: string]: string } = {}) => {
    const url = `/v1/events/stream?follow=false${query}`;
    const response = await gateway.server.inject({ url, headers: { authorization: `Bearer ${token}`, ...headers } });
    expect(response.headers["content-type"]).to.equal("text/event-stream");
    return parseEvents(response.payload);
  };

  it("are the federation's events, and go on behind Last-Event-ID without a gap or a repetition", async function () {
    await withGateway(async ({ gateway, token }) => {
      const listed = (await ask(gateway, "/v1/events?limit=500", { token })).json.items as readonly Item[];
      const all = await backlog(gateway, token, "&after=0-0");
      expect(all.map(({ id }) => id)).to.deep.equal(listed.map(({ id }) => id));
      expect(all.map(({ data }) => JSON.parse(data ?? "") as unknown)).to.deep.equal(listed);
      expect(all.map(({ event }) => event)).to.deep.equal(listed.map(({ name }) => name));

      const last = all[9]?.id ?? "";
      const rest = await backlog(gateway, token, "&after=0-0", { "last-event-id": last });
      expect(rest).to.deep.equal(all.slice(10));
      expect(await backlog(gateway, token, "")).to.deep.equal([]);
      const started = await backlog(gateway, token, "&after=0-0&contract=MigrationLedger&name=MoveStarted");
      expect(started).to.have.length(1);
    });
  });

  it("refuse an id that is none", async function () {
    await withGateway(async ({ gateway, token }) => {
      const url = "/v1/events/stream?follow=false";
      const headers = { "last-event-id": "x" };
      expect((await ask(gateway, url, { token, headers })).status).to.equal(400);
    });
  });

  /** Listens over a real connection until `until` is there or the stream ends. */
  async function listen(base: string, token: string, until: (text: string) => boolean, onOpen: () => Promise<unknown>) {
    return new Promise<{ text: string; isEnded: boolean }>((resolve, reject) => {
      const request = get(`${base}/v1/events/stream`, { headers: { authorization: `Bearer ${token}` } }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.once("data", () => {
          onOpen().catch(reject);
        });
        response.on("data", (part: string) => {
          text += part;
          if (!until(text)) return;
          request.destroy();
          resolve({ text, isEnded: false });
        });
        response.on("end", () => {
          resolve({ text, isEnded: true });
        });
      });
      request.on("error", reject);
    });
  }

  it("follow what happens", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const base = await gateway.listen("127.0.0.1", 0);
      let vm = "";
      const isThere = (text: string) => text.includes("event: StayBegan");
      const { text } = await listen(base, token, isThere, async () => (vm = await newVm(found, found.members[0])));
      const [registered] = parseEvents(text);
      expect(JSON.parse(registered?.data ?? "{}")).to.deep.include({ name: "VmRegistered" });
      expect(text).to.include(vm);
    });
  });

  it("end for a caller whose cloud is suspended", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const base = await gateway.listen("127.0.0.1", 0);
      const never = () => false;
      const suspended = () => suspend(asSender(found.federation, found.guardian), 2);
      const { text, isEnded } = await listen(base, token, never, suspended);
      expect(isEnded).to.equal(true);
      expect(parseEvents(text).at(-1)?.event).to.equal("problem");
      expect(parseEvents(text).at(-1)?.data).to.include("not-signed-in");
    });
  });

  it("end with a reset when the chain is another one", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const base = await gateway.listen("127.0.0.1", 0);
      const snapshot = await networkHelpers.takeSnapshot();
      await newVm(found, found.members[0]);
      await gateway.context.index.sync();
      const { text } = await listen(
        base,
        token,
        () => false,
        async () => {
          await snapshot.restore();
          await newVm(found, found.members[1]);
        },
      );
      expect(parseEvents(text).at(-1)?.event).to.equal("reset");
      expect(parseEvents(text).at(-1)?.data).to.include("INDEX_RESET");
    });
  });

  it("are limited in number, and end when the gateway closes", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const gateway = await gatewayOf(found, 1, { streams: 1 });
    const token = await tokenOf(gateway, found.agents[1]);
    const base = await gateway.listen("127.0.0.1", 0);
    let refused = 0;
    const { isEnded } = await listen(
      base,
      token,
      () => false,
      async () => {
        refused = (await ask(gateway, "/v1/events/stream", { token })).status;
        await gateway.close();
      },
    );
    expect([refused, isEnded]).to.deep.equal([429, true]);
  });
});

describe("operation of a gateway", function () {
  it("is alive, ready, measured and described", async function () {
    await withGateway(async ({ gateway, token }) => {
      expect((await ask(gateway, "/health")).json).to.deep.equal({ status: "alive" });
      const ready = await ask(gateway, "/readiness");
      expect(ready.status).to.equal(200);
      expect(ready.json.checks).to.deep.equal({ open: true, index: true, key: true });
      await ask(gateway, "/v1/vms", { token });
      const { payload } = await gateway.server.inject({ url: "/metrics" });
      expect(payload).to.match(/blockchainbus_http_request_seconds_count\{operation="listVms",status="200"\} 1/);
      expect(payload).to.match(/blockchainbus_index_following 1/);
      expect(payload).to.match(/blockchainbus_tokens_total\{cloud="2"\} 1/);
      expect((await ask(gateway, "/openapi.json")).json).to.have.property("openapi", "3.1.0");
    });
  });

  it("is not ready while its key is not in office", async function () {
    await withGateway(async ({ found, gateway }) => {
      await suspend(asSender(found.federation, found.guardian), 1);
      await gateway.context.index.sync();
      const { status, json } = await ask(gateway, "/readiness");
      expect([status, json.detail]).to.deep.equal([503, "not ready: key"]);
      expect((await ask(gateway, "/health")).status).to.equal(200);
    });
  });

  it("limits the requests of a cloud, not those of the others", async function () {
    await withGateway(
      async ({ found, gateway, token }) => {
        const own = await tokenOf(gateway, found.agents[0]);
        const statuses: number[] = [];
        for (let index = 0; index < 6; index += 1)
          statuses.push((await ask(gateway, "/v1/auth/caller", { token })).status);
        expect(statuses.filter((status) => status === 200)).to.have.length(5);
        const limited = await ask(gateway, "/v1/auth/caller", { token });
        expect([limited.status, limited.json.type]).to.deep.equal([429, "urn:blockchainbus:problem:too-many-requests"]);
        expect(Number(limited.headers["retry-after"])).to.be.greaterThan(0);
        expect((await ask(gateway, "/v1/auth/caller", { token: own })).status).to.equal(200);
      },
      { requestsPerMinute: 5 },
    );
  });

  it("answers unknown paths and what is no HTTP of its own as problems", async function () {
    await withGateway(async ({ gateway }) => {
      for (const [url, status] of [
        ["/", 404],
        ["/v1/actions/doEvil", 404],
        ["/v1/vms/%E0%A4%A", 400],
      ] as const) {
        const found = await ask(gateway, url);
        expect(found.status, url).to.be.oneOf([status, 401]);
        expect(found.headers["content-type"]).to.match(/^application\/problem\+json/);
      }
    });
  });

  it("finishes what is under way when it is closed, and takes nothing new", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const gateway = await gatewayOf(found, 1);
    const token = await tokenOf(gateway, found.agents[0]);
    const base = await gateway.listen("127.0.0.1", 0);
    const stopping = fetch(`${base}/v1/actions/stop`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": "1" },
      body: toJson({ vm: found.vms.noticed }),
    });
    while (gateway.context.submissions.pending === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const closing = gateway.close();
    expect(gateway.context.isOpen()).to.equal(false);
    expect((await stopping).status).to.equal(200);
    await closing;
    expect((await vmOf(found.federation, found.vms.noticed)).state).to.equal(VmState.Stopped);
    expect(
      await fetch(`${base}/health`).then(
        () => "answered",
        () => "closed",
      ),
    ).to.equal("closed");
  });
});
