import { ZeroAddress, ZeroHash, encodeRlp, keccak256, sha256, toBeArray, toQuantity } from "ethers";

import { CONTRACT_MODE_EXTRA_DATA } from "./extraData.js";
import { type Alloc, stateRoot } from "./stateRoot.js";

/** A genesis file as Besu reads it. */
export interface GenesisFile {
  readonly config: {
    readonly chainId: number;
    readonly londonBlock: 0;
    readonly shanghaiTime: 0;
    readonly cancunTime: 0;
    readonly zeroBaseFee: true;
    readonly qbft: {
      readonly blockperiodseconds: number;
      readonly epochlength: number;
      readonly requesttimeoutseconds: number;
      readonly validatorcontractaddress: string;
    };
  };
  readonly nonce: string;
  readonly timestamp: string;
  readonly gasLimit: string;
  readonly difficulty: string;
  readonly mixHash: string;
  readonly coinbase: string;
  readonly extraData: string;
  readonly alloc: Alloc;
}

/** Seconds of the defaults, and gas. Two cores execute 30 M gas within a block period; the timeout is twice the period. */
export const CONSENSUS_DEFAULTS = {
  blockPeriodSeconds: 1,
  requestTimeoutSeconds: 2,
  blockGasLimit: 30_000_000,
} as const;

/** Of "practical byzantine fault tolerance", as Besu wants it in every QBFT header. */
const QBFT_MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365";

/** Besu's default; votes in headers, which it resets, are not used where a contract names the validators. */
const EPOCH_LENGTH = 30_000;

/** What a genesis file is made of, beside the constants of every federation. */
export interface GenesisContent {
  readonly chainId: bigint;
  readonly timestamp: number;
  readonly blockPeriodSeconds: number;
  readonly requestTimeoutSeconds: number;
  readonly blockGasLimit: number;
  readonly validatorContract: string;
  readonly alloc: Alloc;
}

/** A Besu genesis file: QBFT with the validators of a contract from block 0, Cancun, free gas, no transitions. */
export function genesisFile(content: GenesisContent): GenesisFile {
  return {
    config: {
      chainId: Number(content.chainId),
      londonBlock: 0,
      shanghaiTime: 0,
      cancunTime: 0,
      zeroBaseFee: true,
      qbft: {
        blockperiodseconds: content.blockPeriodSeconds,
        epochlength: EPOCH_LENGTH,
        requesttimeoutseconds: content.requestTimeoutSeconds,
        validatorcontractaddress: content.validatorContract,
      },
    },
    nonce: "0x0",
    timestamp: toQuantity(content.timestamp),
    gasLimit: toQuantity(content.blockGasLimit),
    difficulty: "0x1",
    mixHash: QBFT_MIX_HASH,
    coinbase: ZeroAddress,
    extraData: CONTRACT_MODE_EXTRA_DATA,
    alloc: content.alloc,
  };
}

const EMPTY_LIST_HASH = keccak256(encodeRlp([]));
const EMPTY_TRIE_HASH = keccak256(encodeRlp("0x"));
const EMPTY_BLOOM = `0x${"00".repeat(256)}`;

/** Besu's base fee of a block 0 with London rules whose genesis file names none: 1 gwei. It is zero from block 1 on. */
const GENESIS_BASE_FEE = toBeArray(1_000_000_000);

/** State root and hash of block 0, as Besu makes them from a genesis file with Cancun rules. */
export async function blockZero(genesis: GenesisFile): Promise<{ readonly stateRoot: string; readonly hash: string }> {
  const root = await stateRoot(genesis.alloc);
  const header = encodeRlp([
    ZeroHash, // parent
    EMPTY_LIST_HASH, // uncles
    genesis.coinbase,
    root,
    EMPTY_TRIE_HASH, // transactions
    EMPTY_TRIE_HASH, // receipts
    EMPTY_BLOOM,
    toBeArray(BigInt(genesis.difficulty)),
    "0x", // number
    toBeArray(BigInt(genesis.gasLimit)),
    "0x", // gas used
    toBeArray(BigInt(genesis.timestamp)),
    genesis.extraData,
    genesis.mixHash,
    "0x0000000000000000", // nonce
    GENESIS_BASE_FEE,
    EMPTY_TRIE_HASH, // withdrawals
    "0x", // blob gas used
    "0x", // excess blob gas
    ZeroHash, // parent beacon block root
  ]);
  return { stateRoot: root, hash: keccak256(header) };
}

/** SHA-256 of the file's bytes: what founders compare and sign before they start. */
export function fileHash(text: string): string {
  return sha256(new TextEncoder().encode(text));
}
