import { getBytes, keccak256 } from "ethers";

/** Bytes of a header's bloom filter of addresses and topics. */
const BLOOM_BYTES = 256;

/** The bits of the filter that a value sets: the low 11 bits of each of the first three pairs of bytes of its hash. */
function bloomBits(value: string): readonly number[] {
  const hash = getBytes(keccak256(value));
  return [0, 2, 4].map((at) => (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & 0x7ff);
}

/** Whether a block's filter admits that a contract emitted something in it. No means no; yes is wrong now and then. */
export function mayHaveLogs(logsBloom: string, address: string): boolean {
  if (logsBloom.length !== 2 + BLOOM_BYTES * 2) return false;
  const bytes = getBytes(logsBloom);
  return bloomBits(address).every((bit) => ((bytes[BLOOM_BYTES - 1 - (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0);
}
