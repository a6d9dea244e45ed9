import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import { type BaseWallet, hashMessage, recoverAddress } from "ethers";

import { ask } from "../chain/ask.js";
import { AgentScope } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import { RevertError } from "../errors/revert.js";
import { type ReadSignIn, readSignIn } from "./readSignIn.js";
import { domainOfUri } from "./signInMessage.js";
import { type Caller, type Standing, type Standings, hasScopes } from "./standing.js";
import type { GatewayStore } from "./store.js";
import { type ReadToken, type TokenClaims, audienceOf, readToken, signToken } from "./token.js";

/** What a session is made from. */
export interface SessionOptions {
  /** The gateway's own URI. */
  readonly uri: string;
  /** How long a token is good, in milliseconds. */
  readonly tokenMs: number;
}

/** A token that was given out. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly caller: Caller;
}

/** Longest life of a token that a gateway of the federation accepts, whoever issued it. */
export const MAX_TOKEN_MS = 3_600_000;

const NONCE_MS = 300_000;
/** By how much the clocks of two gateways, or of a gateway and who signs in, may differ. */
const SKEW_MS = 60_000;
/** Tokens whose signatures are remembered to be right. */
const MOST_TOKENS = 10_000;

/** What of a token does not depend on the chain, checked once. */
interface Proven {
  readonly issuer: string;
  readonly claims: TokenClaims;
  readonly signIn: ReadSignIn;
  /** Who signed the message; undefined where only a contract account can tell. */
  readonly signer: string | undefined;
}

function refuse(why: string): never {
  throw new BusError("NOT_SIGNED_IN", why);
}

function tryRecover(message: string, signature: string): string | undefined {
  try {
    return recoverAddress(hashMessage(message), signature);
  } catch {
    return undefined;
  }
}

/** Signs callers in, and tells who is signed in. */
export class Sessions {
  readonly #federation: Federation;
  readonly #standings: Standings;
  readonly #store: GatewayStore;
  readonly #key: BaseWallet;
  readonly #options: SessionOptions;
  readonly #audience: string;
  readonly #proven = new Map<string, Proven>();

  constructor(
    federation: Federation,
    standings: Standings,
    store: GatewayStore,
    key: BaseWallet,
    options: SessionOptions,
  ) {
    this.#federation = federation;
    this.#standings = standings;
    this.#store = store;
    this.#key = key;
    this.#options = options;
    this.#audience = audienceOf(federation.chainId, federation.addressBook.contracts.CloudRegistry);
  }

  /** A nonce for a message to this gateway, good once and for five minutes. Nothing is stored until it is used. */
  newNonce(nowMs = Date.now()): { readonly nonce: string; readonly expiresAtMs: number } {
    const expiresAtMs = nowMs + NONCE_MS;
    const body = randomBytes(8).toString("hex") + expiresAtMs.toString(16).padStart(12, "0");
    return { nonce: body + this.#sealOf(body), expiresAtMs };
  }

  /**
   * Signs a caller in.
   * @param message EIP-4361 message with a nonce of this gateway.
   * @param signature Its EIP-191 signature by an account or agent of an Active cloud.
   * @throws BusError `BAD_REQUEST` for a message that is none, or is for another place, chain or time; `NOT_SIGNED_IN`
   * for a signature or key that does not count.
   */
  async signIn(message: string, signature: string): Promise<IssuedToken> {
    const now = Date.now();
    const read = readSignIn(message);
    this.#requireForUs(read, now);
    const standing = await this.#requireSigner(read, message, signature, tryRecover(message, signature));
    this.#useNonce(read.nonce, now);
    const end = Math.min(now + this.#options.tokenMs, read.expiresAtMs ?? Number.POSITIVE_INFINITY);
    const exp = Math.floor(end / 1000);
    const token = signToken(this.#key.signingKey, {
      iss: this.#options.uri,
      aud: this.#audience,
      sub: standing.address,
      iat: Math.floor(now / 1000),
      exp,
      msg: message,
      sig: signature,
    });
    return { token, expiresAtMs: exp * 1000, caller: { ...standing, reach: read.reach } };
  }

  /**
   * Who is signed in by a token, of whatever gateway of the federation, as the chain stands now.
   * @throws BusError `NOT_SIGNED_IN`, `STALE_HEAD`.
   */
  async verify(token: string): Promise<Caller> {
    const proven = this.#proven.get(token) ?? this.#prove(token);
    const { claims, issuer, signIn, signer } = proven;
    const now = Date.now();
    if (now >= claims.exp * 1000) return refuse("the token has expired");
    if (signIn.reach === "gateway" && claims.iss !== this.#options.uri) {
      return refuse(`the token is for ${claims.iss} only`);
    }
    const [by, standing] = await Promise.all([
      this.#standings.of(issuer),
      this.#requireSigner(signIn, claims.msg, claims.sig, signer),
    ]);
    if (!hasScopes(by, AgentScope.RELAY)) return refuse(`${issuer} may not relay for cloud ${by.cloud}`);
    if (!sameOrigin(by.endpoint, claims.iss)) {
      return refuse(`${claims.iss} is not where the registry says that cloud ${by.cloud} is reached: ${by.endpoint}`);
    }
    return { ...standing, reach: signIn.reach };
  }

  /** Everything about a token that no block can change. */
  #prove(token: string): Proven {
    const { claims, issuer }: ReadToken = readToken(token);
    const now = Date.now();
    if (claims.aud !== this.#audience) return refuse("the token is for another federation");
    if (claims.exp * 1000 - claims.iat * 1000 > MAX_TOKEN_MS) return refuse("the token is good for too long");
    if (claims.iat * 1000 > now + SKEW_MS) return refuse("the token was issued in the future");
    const signIn = readMessage(claims.msg);
    const isOfIssuer = signIn.uri === claims.iss && hasDomain(claims.iss, signIn.domain);
    if (!isOfIssuer || signIn.chainId !== this.#federation.chainId || signIn.address !== claims.sub) {
      return refuse("the message in the token was signed for something else");
    }
    if (signIn.expiresAtMs !== undefined && claims.exp * 1000 > signIn.expiresAtMs) {
      return refuse("the token is good for longer than was signed");
    }
    // The issuer saw the message when it issued the token: a message cannot be kept for later.
    if (Math.abs(claims.iat * 1000 - signIn.issuedAtMs) > NONCE_MS + SKEW_MS) {
      return refuse("the message in the token was signed at another time");
    }
    const proven = { claims, issuer, signIn, signer: tryRecover(claims.msg, claims.sig) };
    if (this.#proven.size >= MOST_TOKENS) this.#proven.delete(this.#proven.keys().next().value ?? "");
    this.#proven.set(token, proven);
    return proven;
  }

  #requireForUs(read: ReadSignIn, now: number): void {
    const { uri } = this.#options;
    const wrong = (what: string, found: unknown, wanted: unknown): never => {
      throw new BusError("BAD_REQUEST", `/message: ${what} is ${String(found)}, not ${String(wanted)}`);
    };
    if (read.domain !== domainOfUri(uri)) wrong("domain", read.domain, domainOfUri(uri));
    if (read.uri !== uri) wrong("URI", read.uri, uri);
    if (read.chainId !== this.#federation.chainId) wrong("chain id", read.chainId, this.#federation.chainId);
    if (!(Math.abs(now - read.issuedAtMs) <= NONCE_MS + SKEW_MS)) {
      wrong("issued at", new Date(read.issuedAtMs).toISOString(), "now");
    }
    if (read.notBeforeMs !== undefined && !(read.notBeforeMs <= now)) wrong("not before", "later", "now or earlier");
    if (read.expiresAtMs !== undefined && !(read.expiresAtMs > now)) wrong("expiration time", "past", "to come");
  }

  /** The standing of who signed a message. A contract account is asked by the registry, as for every signature. */
  async #requireSigner(
    { address }: ReadSignIn,
    message: string,
    signature: string,
    signer: string | undefined,
  ): Promise<Standing> {
    const standing = await this.#standings.of(address);
    if (signer === standing.address && !standing.isContract) return standing;
    if (!standing.isContract) return refuse(`the message was not signed by ${address}`);
    const { registry } = this.#federation;
    const digest = hashMessage(message);
    await this.#standings.remember(`${digest} ${signature}`, async () => {
      try {
        await ask(registry.requireSignature(standing.cloud, 0, 0, 0, digest, signature));
      } catch (thrown) {
        throw thrown instanceof RevertError ? new BusError("NOT_SIGNED_IN", thrown.message, { cause: thrown }) : thrown;
      }
    });
    return standing;
  }

  #sealOf(body: string): string {
    return createHmac("sha256", this.#store.secret).update(body).digest("hex").slice(0, 32);
  }

  #useNonce(nonce: string, now: number): void {
    const [body, seal] = [nonce.slice(0, 28), nonce.slice(28)];
    const wanted = Buffer.from(this.#sealOf(body));
    const given = Buffer.from(seal);
    const isOurs = given.length === wanted.length && timingSafeEqual(given, wanted);
    const expiresAtMs = Number.parseInt(body.slice(16), 16);
    if (!isOurs || now > expiresAtMs) refuse("the nonce is not of this gateway, or too old");
    if (!this.#store.useNonce(nonce, expiresAtMs)) refuse("the nonce was used before");
  }
}

function hasDomain(uri: string, domain: string): boolean {
  return URL.canParse(uri) && domainOfUri(uri) === domain;
}

function sameOrigin(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin;
}

function readMessage(message: string): ReadSignIn {
  try {
    return readSignIn(message);
  } catch {
    return refuse("the message in the token is no message");
  }
}
