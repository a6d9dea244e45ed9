import { expect } from "chai";
import { type Wallet, ZeroAddress } from "ethers";
import { network } from "hardhat";

import {
  AgentScope,
  asSender,
  confirmSuspension,
  liftSuspension,
  recoverAccount,
  revokeAgent,
  setEndpoint,
  signDocument,
  suspend,
} from "../../../src/index.js";
import { KeyRole } from "../../../src/chain/enums.js";
import type { Gateway } from "../../../src/gateway/gateway.js";
import { signInMessage } from "../../../src/gateway/signInMessage.js";
import { type TokenClaims, audienceOf, readToken, signToken } from "../../../src/gateway/token.js";
import { ContractAccount__factory } from "../../../src/typechain/factories/contracts/mocks/ContractAccount__factory.js";
import {
  ALL_SCOPES,
  type GatewayFederation,
  ask,
  bindAgent,
  gatewayFederation,
  gatewayOf,
  messageFor,
  seededKey,
  toJson,
  tokenOf,
} from "../../fixtures/gateway.js";
import { chainTime } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

/** Runs with the gateways of clouds 1 and 2. */
async function withGateways(
  use: (found: GatewayFederation, one: Gateway, two: Gateway) => Promise<void>,
): Promise<void> {
  const found = await networkHelpers.loadFixture(gatewayFederation);
  const one = await gatewayOf(found, 1);
  const two = await gatewayOf(found, 2);
  try {
    await use(found, one, two);
  } finally {
    await Promise.all([one.close(), two.close()]);
  }
}

const CALLER = "/v1/auth/caller";

/** What a gateway says to a token, once it has seen the newest block. */
async function statusAt(gateway: Gateway, token: string): Promise<number> {
  await gateway.context.index.sync();
  return (await ask(gateway, CALLER, { token })).status;
}

async function signInStatus(gateway: Gateway, message: string, signature: string) {
  const { status, json } = await ask(gateway, "/v1/auth/token", { body: { message, signature } });
  return [status, json.detail] as const;
}

/** A token with other claims than a gateway would give, signed by a key. */
function forged(token: string, key: Wallet, change: Partial<TokenClaims>): string {
  return signToken(key.signingKey, { ...readToken(token).claims, ...change });
}

describe("signing in", function () {
  it("gives a token that every gateway of the federation accepts", async function () {
    await withGateways(async (found, one, two) => {
      const token = await tokenOf(one, found.agents[2], "federation");
      for (const gateway of [one, two]) {
        const { status, json } = await ask(gateway, CALLER, { token });
        expect(status).to.equal(200);
        expect(json).to.deep.equal({
          address: found.agents[2].address,
          cloud: 3,
          isAccount: false,
          scopes: ALL_SCOPES,
          partners: [],
          reach: "federation",
        });
      }
    });
  });

  it("a token for one gateway only is refused by the others, so that none of them can use it at home", async function () {
    await withGateways(async (found, one, two) => {
      const token = await tokenOf(one, found.agents[1]);
      expect((await ask(one, CALLER, { token })).json).to.deep.include({ cloud: 2, reach: "gateway" });
      const { status, json } = await ask(two, CALLER, { token });
      expect([status, json.detail]).to.deep.equal([401, "the token is for https://cloud-1.example only"]);
    });
  });

  it("takes an account's signature", async function () {
    await withGateways(async (found, one) => {
      const token = await tokenOf(one, found.members[3].account, "federation");
      expect((await ask(one, CALLER, { token })).json).to.deep.include({ cloud: 4, isAccount: true });
    });
  });

  it("asks for nothing without a token, with a broken one, or with that of another kind", async function () {
    await withGateways(async (found, one) => {
      const token = await tokenOf(one, found.agents[0], "federation");
      for (const authorization of [
        undefined,
        "",
        token,
        `Basic ${token}`,
        `Bearer ${token}x`,
        "Bearer a.b.c",
        "Bearer ",
      ]) {
        const headers = authorization === undefined ? {} : { authorization };
        const { status, headers: answered, json } = await ask(one, CALLER, { headers });
        expect(status, authorization).to.equal(401);
        expect(answered["www-authenticate"]).to.equal("Bearer");
        expect(json.type).to.equal("urn:blockchainbus:problem:not-signed-in");
      }
    });
  });

  it("refuses a message for another domain, URI, chain or time, by naming both", async function () {
    await withGateways(async (found, one) => {
      const key = found.agents[0];
      const { json } = await ask(one, "/v1/auth/nonce", { method: "POST" });
      const good = {
        domain: "cloud-1.example",
        address: key.address,
        reach: "federation" as const,
        uri: "https://cloud-1.example",
        chainId: 1337n,
        nonce: String(json.nonce),
        issuedAt: new Date().toISOString(),
      };
      const hour = 3_600_000;
      for (const [change, detail] of [
        [{ domain: "cloud-2.example" }, /domain is cloud-2\.example, not cloud-1\.example/],
        [{ uri: "https://cloud-2.example" }, /URI is .*cloud-2/],
        [{ chainId: 1n }, /chain id is 1, not 1337/],
        [{ issuedAt: new Date(Date.now() - hour).toISOString() }, /issued at/],
        [{ issuedAt: new Date(Date.now() + hour).toISOString() }, /issued at/],
        [{ expirationTime: new Date(Date.now() - 1).toISOString() }, /expiration time/],
      ] as const) {
        const message = signInMessage({ ...good, ...change });
        const [status, told] = await signInStatus(one, message, await key.signMessage(message));
        expect(status, toJson(change)).to.equal(400);
        expect(told).to.match(detail);
      }
      const other = signInMessage(good).replace("to read and to bring documents", "and give me everything");
      expect((await signInStatus(one, other, await key.signMessage(other)))[1]).to.match(/the statement is none of/);
      const [status] = await signInStatus(one, "hello", await key.signMessage("hello"));
      expect(status).to.equal(400);

      const message = signInMessage(good);
      expect((await signInStatus(one, message, await key.signMessage(message)))[0]).to.equal(200);
    });
  });

  it("takes a nonce of its own, once, and not for long", async function () {
    await withGateways(async (found, one, two) => {
      const key = found.agents[0];
      const message = await messageFor(one, key.address);
      const signature = await key.signMessage(message);
      expect((await signInStatus(one, message, signature))[0]).to.equal(200);
      expect(await signInStatus(one, message, signature)).to.deep.equal([401, "the nonce was used before"]);

      const other = (await messageFor(two, key.address)).replaceAll("cloud-2", "cloud-1");
      const [status, detail] = await signInStatus(one, other, await key.signMessage(other));
      expect([status, detail]).to.deep.equal([401, "the nonce is not of this gateway, or too old"]);

      const { nonce } = one.context.sessions.newNonce(Date.now() - 300_001);
      const late = message.replace(/Nonce: .*/, `Nonce: ${nonce}`);
      expect((await signInStatus(one, late, await key.signMessage(late)))[0]).to.equal(401);
    });
  });

  it("refuses the signature of another key, of a stranger, and of an agent that is revoked", async function () {
    await withGateways(async (found, one) => {
      const [agent] = found.agents;
      const message = await messageFor(one, agent.address);
      const [status, detail] = await signInStatus(one, message, await found.agents[1].signMessage(message));
      expect([status, detail]).to.deep.equal([401, `the message was not signed by ${agent.address}`]);

      const stranger = seededKey("stranger");
      const theirs = await messageFor(one, stranger.address);
      expect(await signInStatus(one, theirs, await stranger.signMessage(theirs))).to.deep.equal([
        401,
        `${stranger.address} is bound to no cloud`,
      ]);

      await revokeAgent(asSender(found.federation, found.members[0].account), 1, agent.address);
      await one.context.index.sync();
      const again = await messageFor(one, agent.address);
      expect((await signInStatus(one, again, await agent.signMessage(again)))[0]).to.equal(401);
    });
  });

  it("suspension of the caller's cloud ends its token with the block, at every gateway; lifting it brings it back", async function () {
    await withGateways(async (found, one, two) => {
      const token = await tokenOf(one, found.agents[2], "federation");
      expect([await statusAt(one, token), await statusAt(two, token)]).to.deep.equal([200, 200]);

      await suspend(asSender(found.federation, found.guardian), 3);
      expect([await statusAt(one, token), await statusAt(two, token)]).to.deep.equal([401, 401]);

      await confirmSuspension(asSender(found.federation, found.governance), 3);
      expect(await statusAt(two, token)).to.equal(401);
      await liftSuspension(asSender(found.federation, found.governance), 3);
      expect([await statusAt(one, token), await statusAt(two, token)]).to.deep.equal([200, 200]);
    });
  });

  it("suspension of the issuing gateway's cloud ends the tokens it gave to others", async function () {
    await withGateways(async (found, one, two) => {
      const token = await tokenOf(one, found.agents[2], "federation");
      await suspend(asSender(found.federation, found.guardian), 1);
      expect(await statusAt(two, token)).to.equal(401);
    });
  });

  it("an agent's revocation ends its token; that of the gateway's key all that it gave", async function () {
    await withGateways(async (found, one, two) => {
      const theirs = await tokenOf(one, found.agents[2], "federation");
      const own = await tokenOf(two, found.relay, "federation");
      const account = asSender(found.federation, found.members[0].account);
      await revokeAgent(account, 1, found.relay.address);
      expect(await statusAt(two, own)).to.equal(401);
      expect(await statusAt(two, theirs)).to.equal(200);
      await revokeAgent(account, 1, found.agents[0].address);
      expect(await statusAt(two, theirs)).to.equal(401);
    });
  });

  it("no gateway can speak for a cloud that did not sign in at it", async function () {
    await withGateways(async (found, one, two) => {
      const token = await tokenOf(one, found.agents[2], "federation");
      const [own, other, victim] = found.agents;
      const { claims } = readToken(token);
      const now = Math.floor(Date.now() / 1000);
      const forgeries: readonly (readonly [string, string, RegExp])[] = [
        ["another subject", forged(token, own, { sub: other.address }), /signed for something else/],
        [
          "a message of its own making",
          forged(token, own, { msg: claims.msg.replace(victim.address, other.address), sub: other.address }),
          /was not signed by/,
        ],
        [
          "an old message with a new token",
          forged(token, own, { iat: now + 30, exp: now + 3_700 }),
          /good for too long/,
        ],
        [
          "a message kept for later",
          forged(token, own, { iat: now - 3_000, exp: now + 500 }),
          /signed at another time/,
        ],
        ["issued in the future", forged(token, own, { iat: now + 3_000, exp: now + 3_100 }), /in the future/],
        ["an expired one", forged(token, own, { iat: now - 100, exp: now - 1 }), /has expired/],
        ["a message signed for another gateway", forged(token, other, {}), /not where the registry says/],
        [
          "another issuer's name",
          forged(token, other, { iss: "https://cloud-2.example" }),
          /signed for something else/,
        ],
        ["another federation", forged(token, own, { aud: audienceOf(1n, other.address) }), /another federation/],
        ["a key without RELAY", forged(token, seededKey("stranger"), {}), /bound to no cloud/],
        ["no signature", forged(token, own, { sig: "0x" }), /was not signed by/],
      ];
      for (const [what, forgery, detail] of forgeries) {
        const { status, json } = await ask(two, CALLER, { token: forgery });
        expect(status, what).to.equal(401);
        expect(json.detail, what).to.match(detail);
      }
      expect((await ask(two, CALLER, { token })).status).to.equal(200);
    });
  });

  it("a key that may not relay gives no tokens", async function () {
    await withGateways(async (found, one, two) => {
      const token = await tokenOf(one, found.agents[2], "federation");
      const host = await bindAgent(found, found.members[0], seededKey("host agent of 1"), AgentScope.HOST);
      await two.context.index.sync();
      const { json } = await ask(two, CALLER, { token: forged(token, host, {}) });
      expect(json.detail).to.match(/may not relay for cloud 1/);
    });
  });

  it("tokens of a gateway that moved away from its endpoint in the registry count no more", async function () {
    await withGateways(async (found, one, two) => {
      const token = await tokenOf(one, found.agents[2], "federation");
      const own = asSender(found.federation, found.members[0].account);
      await setEndpoint(own, 1, "https://elsewhere.example", `0x${"22".repeat(32)}`);
      expect(await statusAt(two, token)).to.equal(401);
    });
  });

  it("a contract account signs in by ERC-1271, as long as it owns the signature", async function () {
    await withGateways(async (found, one, two) => {
      const owner = seededKey("owner of a contract");
      const account = await new ContractAccount__factory(found.deployer).deploy(owner.address);
      const address = await account.getAddress();
      const recovering = asSender(found.federation, found.members[3].recovery);
      const validUntil = (await chainTime(found.federation)) + 3_600_000n;
      const acceptance = { cloud: 4, key: address, role: KeyRole.Account, validUntil };
      const signature = await signDocument(owner, found.federation.registryDomain, "KeyAcceptance", acceptance);
      await recoverAccount(recovering, 4, address, { validUntil, signature });
      await one.context.index.sync();

      const message = await messageFor(one, address, "federation");
      const signed = await ask(one, "/v1/auth/token", {
        body: { message, signature: await owner.signMessage(message) },
      });
      expect(signed.status, JSON.stringify(signed.json)).to.equal(200);
      const token = String(signed.json.token);
      expect(await statusAt(two, token)).to.equal(200);

      const refusing = 1;
      await account.setMood(refusing, ZeroAddress, "0x");
      expect(await statusAt(two, token)).to.equal(401);
    });
  });

  it("an expiration time in the message ends the token", async function () {
    await withGateways(async (found, one) => {
      const key = found.agents[0];
      const expirationTime = new Date(Date.now() + 30_000).toISOString();
      const message = `${await messageFor(one, key.address)}\nExpiration Time: ${expirationTime}`;
      const body = { message, signature: await key.signMessage(message) };
      const { json } = await ask(one, "/v1/auth/token", { body });
      expect(json.expiresAtMs).to.equal(Math.floor(Date.parse(expirationTime) / 1000) * 1000);
    });
  });

  it("a head that was not confirmed for too long is not relied on", async function () {
    await withGateways(async (found, one) => {
      const token = await tokenOf(one, found.agents[0], "federation");
      const { index } = one.context;
      // As if the node had been silent from then on.
      Object.defineProperty(index, "state", { value: { ...index.state, confirmedAtMs: Date.now() - 60_000 } });
      const { status, json } = await ask(one, CALLER, { token });
      expect(status).to.equal(503);
      expect(json.detail).to.match(/not confirmed its head for 60 s/);
    });
  });
});

describe("tokens", function () {
  const key = seededKey("token key");
  const claims: TokenClaims = {
    iss: "https://a.example",
    aud: "x",
    sub: key.address,
    iat: 1,
    exp: 2,
    msg: "m",
    sig: "0x",
  };

  it("say what was signed, and by whom", function () {
    expect(readToken(signToken(key.signingKey, claims))).to.deep.equal({ claims, issuer: key.address });
  });

  it("are refused when any part is another one", function () {
    const [header = "", payload = "", signature = ""] = signToken(key.signingKey, claims).split(".");
    const head = JSON.parse(Buffer.from(header, "base64url").toString()) as { [name: string]: unknown };
    const withHeader = (change: object) =>
      `${Buffer.from(JSON.stringify({ ...head, ...change })).toString("base64url")}.${payload}.${signature}`;
    const other = JSON.parse(
      Buffer.from(signToken(seededKey("other").signingKey, claims).split(".")[0] ?? "", "base64url").toString(),
    ) as { readonly jwk: object; readonly kid: string };
    for (const [what, token] of [
      ["no algorithm", withHeader({ alg: "none" })],
      ["another algorithm", withHeader({ alg: "HS256" })],
      ["another type", withHeader({ typ: "JWT" })],
      ["a critical extension", withHeader({ crit: ["b64"] })],
      ["another key", withHeader({ jwk: other.jwk, kid: other.kid })],
      ["another key's name", withHeader({ kid: other.kid })],
      ["a key that is no point", withHeader({ jwk: { kty: "EC", crv: "secp256k1", x: "AAAA", y: "AAAA" } })],
      [
        "a point off the curve",
        withHeader({ jwk: { ...(head.jwk as object), y: Buffer.alloc(32, 1).toString("base64url") } }),
      ],
      ["no key", withHeader({ jwk: undefined })],
      ["other claims", `${header}.${Buffer.from('{"iss":"b"}').toString("base64url")}.${signature}`],
      ["no signature", `${header}.${payload}.`],
      ["two parts", `${header}.${payload}`],
      ["four parts", `${header}.${payload}.${signature}.x`],
      ["endless", `${header}.${"A".repeat(10_000)}.${signature}`],
    ] as const) {
      expect(() => readToken(token), what)
        .to.throw()
        .with.property("code", "NOT_SIGNED_IN");
    }
    const lacking = signToken(key.signingKey, { ...claims, sub: 7 } as unknown as TokenClaims);
    expect(() => readToken(lacking))
      .to.throw()
      .with.property("code", "NOT_SIGNED_IN");
  });
});
