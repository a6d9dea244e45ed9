import { createMPT } from "@ethereumjs/mpt";
import { encodeRlp, getBytes, hexlify, keccak256, toBeArray, toBeHex } from "ethers";

/** An account of block 0, as a genesis file has it. */
export interface GenesisAccount {
  readonly balance: string;
  readonly nonce: string;
  readonly code?: string;
  /** 32-byte slots and values; no zero values. */
  readonly storage?: Readonly<Record<string, string>>;
}

/** The state of block 0: accounts by address. */
export type Alloc = Readonly<Record<string, GenesisAccount>>;

type Leaves = readonly (readonly [key: string, value: string])[];

/** Root of a Merkle Patricia trie whose keys are hashed. */
async function rootOf(leaves: Leaves): Promise<string> {
  const trie = await createMPT();
  for (const [key, value] of leaves) await trie.put(getBytes(keccak256(key)), getBytes(value));
  return hexlify(trie.root());
}

/** Root of a contract's storage. */
export function storageRoot(storage: Readonly<Record<string, string>> = {}): Promise<string> {
  return rootOf(
    Object.entries(storage).map(([slot, value]) => [toBeHex(BigInt(slot), 32), encodeRlp(toBeArray(BigInt(value)))]),
  );
}

/** Root of a whole state: what block 0's header must say. */
export async function stateRoot(alloc: Alloc): Promise<string> {
  const leaves = await Promise.all(
    Object.entries(alloc).map(async ([address, { nonce, balance, storage, code }]) => {
      const account = encodeRlp([
        toBeArray(BigInt(nonce)),
        toBeArray(BigInt(balance)),
        await storageRoot(storage),
        keccak256(code ?? "0x"),
      ]);
      return [address, account] as const;
    }),
  );
  return rootOf(leaves);
}
