import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import {
  balanceOf,
  buildMetrics,
  chargeOf,
  creditOf,
  evidenceFromEvents,
  openPrice,
  openSla,
  publicAgreement,
  publicReport,
  readBooks,
  signDocument,
  standingOf,
  statementOf,
} from "../../../src/index.js";
import { type Gateway, openGateway } from "../../../src/gateway/gateway.js";
import { type Booked, FEBRUARY, MARCH, booked } from "../../fixtures/booked.js";
import { ALL_SCOPES, OPTIONS, ask, bindAgent, seededKey, toJson, tokenOf } from "../../fixtures/gateway.js";
import { chainTime } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

/** A federation with books, and an agent of cloud 1 and one of cloud 2. */
async function bookedWithAgents(connection: NetworkConnection) {
  const found = await booked(connection);
  const [one, two] = found.members;
  const agents = [
    await bindAgent(found, one, seededKey("agent of 1"), ALL_SCOPES),
    await bindAgent(found, two, seededKey("agent of 2"), ALL_SCOPES),
  ] as const;
  return { ...found, agents };
}

interface Scene {
  readonly found: Booked & { readonly agents: Awaited<ReturnType<typeof bookedWithAgents>>["agents"] };
  readonly gateway: Gateway;
  readonly token: string;
}

/** Runs with the gateway of cloud 1, and the token of that cloud's agent. */
async function withGateway(use: (scene: Scene) => Promise<void>): Promise<void> {
  const found = await networkHelpers.loadFixture(bookedWithAgents);
  const options = { ...OPTIONS, uri: "https://cloud-1.example", cloud: 1, catchUpMs: 5_000 };
  const gateway = await openGateway(found.federation, found.agents[0], options);
  try {
    await gateway.context.index.sync();
    await use({ found, gateway, token: await tokenOf(gateway, found.agents[0]) });
  } finally {
    await gateway.close();
  }
}

function act(gateway: Gateway, token: string, action: string, body: unknown) {
  return ask(gateway, `/v1/actions/${action}`, { token, body, headers: { "idempotency-key": id(toJson(body)) } });
}

const asJson = (value: unknown): unknown => JSON.parse(toJson(value));

describe("the books over REST", function () {
  it("a stay is settled with its price alone, and the line is in the index at once", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const { second } = found.agreements;
      const stay = { vm: found.vm, sequence: 3, agreement: publicAgreement(second), terms: openPrice(second.terms) };
      const { status, json } = await act(gateway, token, "settle", {
        stay,
        by: 1,
        to: await chainTime(found.federation),
      });

      expect(status, toJson(json)).to.equal(200);
      const [settled] = json.events as readonly { name: string; args: { amount: string } }[];
      expect(settled?.name).to.equal("StaySettled");
      const block = String(json.blockNumber);
      const page = await ask(gateway, `/v1/bookings?cloud=3&kind=charge&minBlock=${block}`, { token });
      const lines = page.json.items as readonly { amount: string; transaction: string }[];
      expect(lines.at(-1)).to.deep.include({ amount: settled?.args.amount, transaction: json.transaction });
      const booked = await chargeOf(found.federation, found.vm, 3);
      const charge = await ask(gateway, "/v1/questions/chargeOf", { token, body: { vm: found.vm, sequence: 3 } });
      expect(charge.json).to.deep.equal(asJson(booked));
    });
  });

  it("a statement is the library's (INV-ZERO)", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const books = await readBooks(found.federation);
      for (const cloud of [1, 2]) {
        const { status, json } = await ask(gateway, `/v1/statements/${cloud}?from=${FEBRUARY}&to=${MARCH}`, { token });
        expect(status).to.equal(200);
        const { accounts } = statementOf(books, { cloud, from: FEBRUARY, to: MARCH });
        expect(json.item).to.deep.equal(asJson({ cloud, from: FEBRUARY, to: MARCH, accounts }));
      }
      const bad = await ask(gateway, "/v1/statements/1?from=5&to=5", { token });
      expect([bad.status, bad.json.type]).to.deep.equal([400, "urn:blockchainbus:problem:bad-request"]);
    });
  });

  it("balances and credits are told as they are, also negative ones", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const body = { creditor: 1, debtor: 2, currency: "EUR" };
      const balance = await balanceOf(found.federation, 1, 2, "EUR");
      const { json } = await ask(gateway, "/v1/questions/balanceOf", { token, body });
      expect(json).to.deep.equal({ balance: String(balance) });
      const other = await ask(gateway, "/v1/questions/balanceOf", { token, body: { ...body, creditor: 2, debtor: 1 } });
      expect(other.json).to.deep.equal({ balance: String(-balance) });
      const window = { vm: found.vm, sequence: 2, window: 1 };
      const credit = await ask(gateway, "/v1/questions/creditOf", { token, body: window });
      expect(credit.json).to.deep.equal({ credit: String(await creditOf(found.federation, found.vm, 2, 1)) });
      const none = await ask(gateway, "/v1/questions/balanceOf", { token, body: { ...body, currency: "ABC" } });
      expect([none.status, none.json.type]).to.deep.equal([400, "urn:blockchainbus:problem:bad-request"]);
    });
  });

  it("who may not: an agent for the account, another cloud, a key without REPORT", async function () {
    await withGateway(async ({ found, gateway, token }) => {
      const payment = { creditor: 1, debtor: 2, currency: "EUR", amount: 1n, reference: id("paid twice") };
      const byAgent = await act(gateway, token, "acknowledge", { payment });
      expect([byAgent.status, byAgent.json.detail]).to.match(/403.*needs the scopes 0/);
      const account = await tokenOf(gateway, found.members[0].account);
      const byAccount = await act(gateway, account, "acknowledge", { payment });
      expect([byAccount.status, byAccount.json.error]).to.deep.equal([422, "CloudRegistry_NotAuthorized"]);
      const withdrawal = { cloud: 1, document: id("a note") };
      const foreign = await act(gateway, await tokenOf(gateway, found.agents[1]), "withdrawSignature", withdrawal);
      expect([foreign.status, foreign.json.detail]).to.match(/403.*speaks for cloud 2/);
      const relay = await bindAgent(found, found.members[0], seededKey("relay of 1"), 1);
      await gateway.context.index.sync();
      const weak = await act(gateway, await tokenOf(gateway, relay), "withdrawSignature", withdrawal);
      expect([weak.status, weak.json.detail]).to.match(/403.*needs the scopes 16/);
      expect((await act(gateway, token, "withdrawSignature", withdrawal)).status).to.equal(200);
    });
  });
});

describe("windows, proposals and reputation over REST", function () {
  it("any cloud opens windows; the grid and a result are told", async function () {
    await withGateway(async ({ found, gateway }) => {
      const token = await tokenOf(gateway, found.agents[1], "federation");
      const stay = { vm: found.vm, sequence: 3 };
      const before = await ask(gateway, "/v1/questions/gridOf", { token, body: stay });
      expect(before.json).to.deep.equal({ grid: null });
      const opened = await act(gateway, token, "openWindows", {
        ...stay,
        agreement: publicAgreement(found.agreements.second),
      });
      expect(opened.status, toJson(opened.json)).to.equal(200);
      const { json } = await ask(gateway, "/v1/questions/gridOf", { token, body: stay });
      expect(json.grid).to.deep.include({ home: 1, host: 3, windowMs: "3600000" });
      const result = await ask(gateway, "/v1/questions/resultOf", { token, body: { ...stay, sequence: 2, window: 1 } });
      expect(result.json).to.deep.include({ state: "Agreed", isFinal: true });
    });
  });

  it("an agreed result is brought and posted: it is evidence, by month and counterparty", async function () {
    await withGateway(async ({ gateway, token, found }) => {
      const { federation, members, agreements } = found;
      const stay = { vm: found.vm, sequence: 3 };
      const agreement = publicAgreement(agreements.second);
      const opening = { values: buildMetrics({ availabilityPpm: 1_000_000 }), salt: id("opening") };
      const report = { ...stay, window: 20, metrics: opening };
      const signatures = await Promise.all(
        [members[0], members[2]].map(({ account }) =>
          signDocument(account, federation.oracleDomain, "AgreedReport", report),
        ),
      );
      const steps = [
        ["openWindows", { ...stay, agreement }],
        ["reportAgreed", { reports: [publicReport(report)], signatures }],
        ["postResults", { stay, agreement, sla: openSla(agreements.second.terms), results: [{ window: 20, opening }] }],
      ] as const;
      for (const [action, body] of steps) {
        const { status, json } = await act(gateway, token, action, body);
        expect(status, `${action}: ${toJson(json)}`).to.equal(200);
      }
      const evidence = await ask(gateway, "/v1/questions/evidenceFromEvents", { token, body: { cloud: 3 } });
      const months = [...(await evidenceFromEvents(federation, 3))];
      const parts = months.flatMap(([month, by]) =>
        [...by].map(([counterparty, e]) => ({ month, counterparty, ...e })),
      );
      expect(parts).to.have.length(1);
      expect(evidence.json).to.deep.equal(asJson(parts));
      const { json } = await ask(gateway, "/v1/questions/standingOf", { token, body: { cloud: 3 } });
      expect(json).to.deep.equal(asJson(await standingOf(federation, 3)));
    });
  });

  it("an unknown proposal is not found", async function () {
    await withGateway(async ({ gateway, token }) => {
      const none = await ask(gateway, "/v1/questions/readProposal", { token, body: { id: "1" } });
      expect([none.status, none.json.type]).to.deep.equal([404, "urn:blockchainbus:problem:not-found"]);
      expect((await ask(gateway, "/v1/questions/proposalsOf", { token, body: {} })).json).to.deep.equal([]);
    });
  });
});
