import { toBeHex, toQuantity } from "ethers";

import { type NodeRpc, RpcError } from "../../src/allowlists/nodeRpc.js";
import { type GenesisFile, blockZero } from "./genesis.js";

/** One thing in which a running chain's block 0 is not what the file says. */
export interface Difference {
  readonly what: string;
  readonly inFile: string;
  readonly onChain: string;
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/**
 * Compares a running chain's block 0 with a genesis file: its header with the hash and the state root that the file
 * gives, code, nonce and every slot, and the validators. Equal state roots mean that there is nothing else either.
 * @param validators Addresses of the founders' nodes.
 * @returns What differs; empty if nothing does.
 */
export async function verifyGenesis(
  rpc: NodeRpc,
  genesis: GenesisFile,
  validators: readonly string[],
): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  const compare = (what: string, inFile: string, onChain: string): void => {
    if (!same(inFile, onChain)) differences.push({ what, inFile, onChain });
  };
  const zero = await blockZero(genesis);
  const chainId = await rpc.send<string>("eth_chainId");
  compare("chain id", String(genesis.config.chainId), BigInt(chainId).toString());
  const block = await rpc.send<Readonly<Record<string, string>>>("eth_getBlockByNumber", "0x0", false);
  const header: readonly (readonly [string, string, string | undefined])[] = [
    ["timestamp of block 0", toQuantity(BigInt(genesis.timestamp)), block.timestamp],
    ["gas limit of block 0", toQuantity(BigInt(genesis.gasLimit)), block.gasLimit],
    ["extra data of block 0", genesis.extraData, block.extraData],
    ["state root of block 0", zero.stateRoot, block.stateRoot],
    ["hash of block 0", zero.hash, block.hash],
  ];
  for (const [what, inFile, onChain] of header) compare(what, inFile, onChain ?? "nothing");

  for (const [address, account] of Object.entries(genesis.alloc)) {
    const [code, nonce] = await Promise.all([
      rpc.send<string>("eth_getCode", address, "0x0"),
      rpc.send<string>("eth_getTransactionCount", address, "0x0"),
    ]);
    compare(`code at ${address}`, account.code ?? "0x", code);
    compare(`nonce of ${address}`, toQuantity(BigInt(account.nonce)), toQuantity(BigInt(nonce)));
    for (const [slot, value] of Object.entries(account.storage ?? {})) {
      const found = await rpc.send<string>("eth_getStorageAt", address, slot, "0x0");
      compare(`slot ${slot} of ${address}`, value, toBeHex(BigInt(found), 32));
    }
  }

  const inFile = listed(validators);
  try {
    const sealing = await rpc.send<readonly string[]>("qbft_getValidatorsByBlockNumber", "0x0");
    compare("validators after block 0", inFile, listed(sealing));
  } catch (thrown) {
    if (!(thrown instanceof RpcError) || thrown.code !== METHOD_NOT_FOUND) throw thrown;
    differences.push({ what: "validators after block 0", inFile: inFile, onChain: "not a QBFT node" });
  }
  return differences;
}

/** JSON-RPC's code for a method that the node does not have. */
const METHOD_NOT_FOUND = -32601;

function listed(addresses: readonly string[]): string {
  return [...addresses]
    .map((address) => address.toLowerCase())
    .sort()
    .join(", ");
}
