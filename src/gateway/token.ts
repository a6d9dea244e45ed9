import { createHash, createPublicKey, verify } from "node:crypto";

import { type SigningKey, computeAddress, concat, getAddress, getBytes, hexlify } from "ethers";

import { BusError } from "../errors/busError.js";

/**
 * What a token says. It is a JWT (RFC 7519) with the algorithm ES256K (RFC 8812), signed by the issuing gateway's key.
 *
 * The gateway is believed in one thing only: that the signed message was brought to it once, in time. Who is signed in is
 * proved by the message and its signature, which are in the token, so that no gateway can speak for a cloud that did not
 * sign in at it.
 */
export interface TokenClaims {
  /** Issuing gateway's URI. */
  readonly iss: string;
  /** The federation: `urn:blockchainbus:<chain id>:<registry>`. */
  readonly aud: string;
  /** Address of who signed in. */
  readonly sub: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
  /** EIP-4361 message. */
  readonly msg: string;
  /** Its signature. */
  readonly sig: string;
}

/** A token whose own signature is right. */
export interface ReadToken {
  readonly claims: TokenClaims;
  /** Address of the key that signed the token. */
  readonly issuer: string;
}

/** The type in the header: no other JWT of such a key is taken for a token, and no token for another JWT. */
const TYPE = "blockchainbus+jwt";
const ALGORITHM = "ES256K";

/** Longest token that is looked at. Proxies refuse longer headers, too. */
const MOST_CHARACTERS = 7_000;

/** Audience of a federation's tokens. */
export function audienceOf(chainId: bigint, registry: string): string {
  return `urn:blockchainbus:${chainId}:${getAddress(registry)}`;
}

interface PublicJwk {
  readonly kty: "EC";
  readonly crv: "secp256k1";
  readonly x: string;
  readonly y: string;
}

const base64url = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString("base64url");

function jwkOf(key: SigningKey): PublicJwk {
  const point = getBytes(key.publicKey);
  return { kty: "EC", crv: "secp256k1", x: base64url(point.slice(1, 33)), y: base64url(point.slice(33)) };
}

/** A signed token. */
export function signToken(key: SigningKey, claims: TokenClaims): string {
  const jwk = jwkOf(key);
  const header = { typ: TYPE, alg: ALGORITHM, kid: computeAddress(key.publicKey), jwk };
  const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  const { r, s } = key.sign(createHash("sha256").update(input).digest());
  return `${input}.${base64url(getBytes(concat([r, s])))}`;
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function refuse(why: string): never {
  throw new BusError("NOT_SIGNED_IN", `the token is not valid: ${why}`);
}

function jsonOf(part: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    if (isObject(value)) return value;
  } catch {
    // Told below, together with JSON of another kind.
  }
  return refuse("it is no JWT");
}

function readHeader(part: string): { readonly issuer: string; readonly jwk: PublicJwk } {
  const { typ, alg, kid, jwk, crit } = jsonOf(part);
  if (alg !== ALGORITHM || typ !== TYPE || crit !== undefined) return refuse("its type or algorithm is another one");
  if (!isObject(jwk) || jwk.kty !== "EC" || jwk.crv !== "secp256k1") return refuse("its key is of another kind");
  const { x, y } = jwk;
  if (typeof x !== "string" || typeof y !== "string") return refuse("its key is of another kind");
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  if (point.length !== 65) return refuse("its key is no point");
  const issuer = addressOf(hexlify(point));
  if (kid !== issuer) return refuse("its key is not the one it names");
  return { issuer, jwk: { kty: "EC", crv: "secp256k1", x, y } };
}

function addressOf(publicKey: string): string {
  try {
    return computeAddress(publicKey);
  } catch {
    return refuse("its key is no point of the curve");
  }
}

function isSigned(input: string, signature: string, jwk: PublicJwk): boolean {
  try {
    const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
    const bytes = Buffer.from(signature, "base64url");
    return verify("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }, bytes);
  } catch {
    return false;
  }
}

function claimsOf(part: string): TokenClaims {
  const { iss, aud, sub, iat, exp, msg, sig } = jsonOf(part);
  if (![iss, aud, sub, msg, sig].every((claim) => typeof claim === "string")) return refuse("a claim is missing");
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) return refuse("a time is missing");
  // Checked in the lines above.
  return { iss, aud, sub, iat, exp, msg, sig } as TokenClaims;
}

/**
 * Reads a token and checks its own signature. What it claims is not judged here.
 * @throws BusError `NOT_SIGNED_IN`.
 */
export function readToken(token: string): ReadToken {
  if (token.length > MOST_CHARACTERS) return refuse("it is too long");
  const parts = token.split(".");
  const [header = "", payload = "", signature = ""] = parts;
  if (parts.length !== 3) return refuse("it is no JWT");
  const { issuer, jwk } = readHeader(header);
  if (!isSigned(`${header}.${payload}`, signature, jwk)) return refuse("its signature is wrong");
  return { claims: claimsOf(payload), issuer };
}
