import { ParsedMessage } from "@spruceid/siwe-parser";

import { BusError } from "../errors/busError.js";

/** What an EIP-4361 message for a gateway says. Times are ISO 8601. */
export interface SignIn {
  /** Host, and port where one is given, of the gateway's URI. */
  readonly domain: string;
  readonly address: string;
  readonly statement: string;
  /** The gateway's URI. */
  readonly uri: string;
  readonly chainId: bigint;
  /** What the gateway gave out. */
  readonly nonce: string;
  readonly issuedAt: string;
  /** Last moment of the token; the gateway's own limit if it is left out. */
  readonly expirationTime?: string;
}

/** What is signed: that the token counts everywhere is said to who signs. */
export const STATEMENT = "Sign in to the gateways of this BlockchainBus federation.";

/** The domain of a gateway: host and port of its URI. */
export function domainOfUri(uri: string): string {
  return new URL(uri).host;
}

/** The EIP-4361 message that an account or agent signs (EIP-191, `personal_sign`). */
export function signInMessage(signIn: SignIn): string {
  const { domain, address, statement, uri, chainId, nonce, issuedAt, expirationTime } = signIn;
  return [
    `${domain} wants you to sign in with your Ethereum account:`,
    address,
    "",
    statement,
    "",
    `URI: ${uri}`,
    "Version: 1",
    `Chain ID: ${chainId}`,
    `Nonce: ${nonce}`,
    `Issued At: ${issuedAt}`,
    ...(expirationTime === undefined ? [] : [`Expiration Time: ${expirationTime}`]),
  ].join("\n");
}

/** A message as it was read: times in milliseconds. */
export interface ReadSignIn {
  readonly domain: string;
  readonly address: string;
  readonly uri: string;
  readonly chainId: bigint;
  readonly nonce: string;
  readonly issuedAtMs: number;
  readonly notBeforeMs: number | undefined;
  readonly expiresAtMs: number | undefined;
}

const timeOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));

/**
 * Reads an EIP-4361 message.
 * @throws BusError `BAD_REQUEST` for what is none, or has another version or statement.
 */
export function readSignIn(message: string): ReadSignIn {
  const parsed = parse(message);
  if (parsed.version !== "1") throw new BusError("BAD_REQUEST", `/message: version ${parsed.version} is not 1`);
  if (parsed.statement !== STATEMENT) {
    throw new BusError("BAD_REQUEST", `/message: the statement is not ${JSON.stringify(STATEMENT)}`);
  }
  if (!Number.isSafeInteger(parsed.chainId)) throw new BusError("BAD_REQUEST", "/message: no chain has that id");
  return {
    domain: parsed.domain,
    address: parsed.address,
    uri: parsed.uri,
    chainId: BigInt(parsed.chainId),
    nonce: parsed.nonce,
    issuedAtMs: Date.parse(parsed.issuedAt),
    notBeforeMs: timeOf(parsed.notBefore),
    expiresAtMs: timeOf(parsed.expirationTime),
  };
}

function parse(message: string): ParsedMessage {
  try {
    return new ParsedMessage(message);
  } catch (cause) {
    throw new BusError("BAD_REQUEST", "/message: not an EIP-4361 message", { cause });
  }
}
