import { ZeroHash, decodeRlp, encodeRlp, getAddress, toNumber } from "ethers";

/**
 * Extra data of block 0 where a contract names the validators: 32 bytes of vanity, no validators, no vote, round 0, no
 * seals. A block that listed validators would be refused.
 */
export const CONTRACT_MODE_EXTRA_DATA = encodeRlp([ZeroHash, [], [], "0x", []]);

/** What QBFT writes into a header's extra data. */
export interface ExtraData {
  /** Empty where a contract names the validators. */
  readonly validators: readonly string[];
  /** The round in which the block was agreed on; each round before it is a proposer that missed its turn. */
  readonly round: number;
  readonly seals: readonly string[];
}

function list(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new Error("extra data: a list is missing");
  return value.map(String);
}

/**
 * Reads the extra data of a QBFT header.
 * @throws if it is not RLP of five items.
 */
export function readExtraData(extraData: string): ExtraData {
  const items = decodeRlp(extraData);
  if (!Array.isArray(items) || items.length !== 5) throw new Error("extra data: not QBFT");
  const [, validators, , round, seals] = items;
  return {
    validators: list(validators).map(getAddress),
    round: round === "0x" ? 0 : toNumber(String(round)),
    seals: list(seals),
  };
}
