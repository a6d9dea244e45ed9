import { ParsedMessage } from "@spruceid/siwe-parser";

import { BusError } from "../errors/busError.js";
import { type Reach, STATEMENTS } from "./signInMessage.js";

/** A message as it was read: times in milliseconds. */
export interface ReadSignIn {
  readonly domain: string;
  readonly address: string;
  readonly reach: Reach;
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
  if (!Number.isSafeInteger(parsed.chainId)) throw new BusError("BAD_REQUEST", "/message: no chain has that id");
  return {
    domain: parsed.domain,
    address: parsed.address,
    reach: reachOf(parsed.statement),
    uri: parsed.uri,
    chainId: BigInt(parsed.chainId),
    nonce: parsed.nonce,
    issuedAtMs: Date.parse(parsed.issuedAt),
    notBeforeMs: timeOf(parsed.notBefore),
    expiresAtMs: timeOf(parsed.expirationTime),
  };
}

function reachOf(statement: string | undefined): Reach {
  if (statement === STATEMENTS.federation) return "federation";
  if (statement === STATEMENTS.gateway) return "gateway";
  throw new BusError("BAD_REQUEST", `/message: the statement is none of ${JSON.stringify(Object.values(STATEMENTS))}`);
}

function parse(message: string): ParsedMessage {
  try {
    return new ParsedMessage(message);
  } catch (cause) {
    throw new BusError("BAD_REQUEST", "/message: not an EIP-4361 message", { cause });
  }
}
